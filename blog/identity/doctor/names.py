"""Whether authors' names can be had: the user API is asked for somebody, for several at once, and for nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from blog.errors import LoginRefused, Unreachable
from blog.identity import directories
from blog.identity.directories.bearer import TOKEN_ENDPOINT
from blog.identity.directories.facts import Facts
from blog.identity.directories.shape import SOMEBODY_ELSE
from blog.identity.doctor import credentials
from blog.identity.doctor.client import refusal
from blog.identity.doctor.finding import Finding, fault, good, noted, warning
from blog.identity.doctor.silence import explain
from blog.identity.http import Answer, overhearing
from blog.identity.people import Key, Person

WRONG_ID = (
    "Look whether BLOG_DIRECTORY_URL is the whole address. Else subjects are pairwise, or the API knows people by"
    " another id: choose public subjects in the provider's console, or name the claim that holds the API's id in"
    " BLOG_OIDC_AUTHOR_CLAIM, before there are posts."
)
NAMELESS = "Authors are shown as “Author 7K3F”."
UNKNOWN = "Authors are shown as “Former author” or “Author 7K3F” though they are there."


NO_USER_API = noted(
    "user_api", "BLOG_DIRECTORY is claims: names come from logins, and there is no user API that could be checked."
)


class Asks(Protocol):
    """Somebody who puts a question about people to the provider at once."""

    def ask(self, keys: Collection[Key]) -> dict[Key, Person]:
        """Say who these are; may raise Unreachable."""
        ...


@dataclass(frozen=True, slots=True)
class Authors:
    """Whom the user API is asked for.

    :param some: a few who have posts here.
    :param number: how many there are.
    :param one: somebody whom it has to know; the operator, say.
    """

    some: Collection[Key] = ()
    number: int = 0
    one: Key | None = None

    @property
    def asked(self) -> list[Key]:
        """All of them, each once; the one who has to be known is the first."""
        return list(dict.fromkeys([self.one, *self.some] if self.one else self.some))


def of_directory(
    directory: Asks, authors: Authors, values: Mapping[str, Any], now: datetime, *, proving: bool = False
) -> list[Finding]:
    """Ask the user API whatever has to work before names can be shown, and judge what opens it.

    :param proving: say at the end whether this has been proven, as `is_proven` does.
    """
    if values["DIRECTORY"] == "claims":
        return []
    facts = directories.facts_of(values)
    with overhearing() as answers:
        found, calls = _asked(directory, authors, values, facts, answers)
    found = [*credentials.of_token(answers, values), *found]
    if not any(finding.level == "fault" for finding in found):
        found += credentials.of_rights(answers, values, facts, now)
        found += credentials.of_limit(answers, authors.number, calls)
    return [*found, _proof(found, authors)] if proving else found


def is_proven(found: Collection[Finding]) -> bool:
    """Whether somebody was asked for and named, and nothing is broken."""
    levels = {finding.check: finding.level for finding in found}
    named = levels.get("user_api_authors") == levels.get("user_api_name") == "good"
    return named and "fault" not in levels.values()


def of_proof(at: datetime | None, values: Mapping[str, Any]) -> list[Finding]:
    """Say whether `flask authors check` has succeeded for these settings.

    :param at: when it last did.
    """
    if values["DIRECTORY"] == "claims":
        return []
    if at is not None:
        return [good("user_api_proof", f"flask authors check succeeded on {at:%Y-%m-%d}, with these settings.")]
    return [
        warning(
            "user_api_proof",
            "flask authors check has not succeeded yet with these settings.",
            "Nobody knows whether the author id is the right one; the dashboard says so to editors.",
            "Run flask --app blog authors check.",
        )
    ]


def _proof(found: Collection[Finding], authors: Authors) -> Finding:
    if is_proven(found):
        return good("user_api_proof", "It is proven that names can be had. The blog remembers that for these settings.")
    change = "Put right what stands above, and run this again."
    if not authors.asked:
        change = (
            "Log in at the blog, and run this again with your own id, which the dashboard shows in its warning:"
            " flask --app blog authors check ID. Or save a draft; then it knows whom to ask for."
        )
    words = "It is not proven that names can be had."
    return fault("user_api_proof", words, "The dashboard goes on warning editors.", change)


def _asked(
    directory: Asks, authors: Authors, values: Mapping[str, Any], facts: Facts, answers: list[Answer]
) -> tuple[list[Finding], int]:
    """Ask, from the question that needs least to the one that needs most.

    :return: also how many requests a question about all authors takes; 0 where that is not known.
    """
    nobody = directories.nobody(values)
    try:
        known = directory.ask([nobody]).get(nobody)
        found = [_of_nobody(known)]
        asked = directories.can_be_asked(values, authors.asked)
        if not asked:
            return [*found, *_of_other_form(authors, facts)], 0
        before = len(answers)
        told = directory.ask([*asked, nobody])
        batch = _Batch([*asked, nobody], [each for each in answers[before:] if not _is_token(each)], facts)
        found += [_of_authors(told, authors, facts)]
        if there := _there(told, authors):
            found += [_of_name(directory, there), *batch.findings(), _of_gone(told.get(nobody))]
    except LoginRefused as refused:  # by what looks up the token endpoint
        return [refusal("user_api", refused.reason)], 0
    except Unreachable as error:
        return [_of_another(facts) if SOMEBODY_ELSE in error.what else _may_not_ask(error, facts, answers)], 0
    return found, batch.requests_for(authors.number)


def _is_token(answer: Answer) -> bool:
    return answer.what.startswith(TOKEN_ENDPOINT)


def _of_nobody(known: Person | None) -> Finding:
    if known is None or known.gone:
        return good("user_api", "The user API answers the blog, and knows nobody of an id that cannot be.")
    words = "The user API claims to know somebody who does not exist."
    change = "Look whether BLOG_DIRECTORY and its address fit the provider."
    return warning("user_api", words, "Names on pages may be wrong.", change)


def _of_other_form(authors: Authors, facts: Facts) -> Iterator[Finding]:
    if authors.asked:
        words = "No id was asked for: ids have another form there, or these people are of another issuer."
        yield fault("user_api_authors", words, UNKNOWN, _other_id(facts))


def _of_authors(told: Mapping[Key, Person], authors: Authors, facts: Facts) -> Finding:
    """Whether it knows who has logged in here once: one that knows none of them knows people by another id."""
    if authors.one and not _there(told, authors):
        words = "It does not know the id that it was asked for, neither alone nor among others."
        return fault("user_api_authors", words, UNKNOWN, _other_id(facts))
    known = sum(key in told and not told[key].gone for key in authors.asked)
    if known:
        return good("user_api_authors", f"It knows {known} of {len(authors.asked)} authors.")
    return warning(
        "user_api_authors",
        f"It knows none of {len(authors.asked)} authors who have posts here.",
        "All of them are shown as “Former author” or “Author 7K3F”.",
        _other_id(facts),
    )


def _of_another(facts: Facts) -> Finding:
    """It found somebody by what is no id to it, but a login, say: Canaille does."""
    words = "Asked for somebody by the author id, it tells of somebody whose id is another one."
    return fault("user_api_authors", words, UNKNOWN, _other_id(facts))


def _other_id(facts: Facts) -> str:
    return " ".join(filter(None, (facts.rights.id, WRONG_ID)))


def _there(told: Mapping[Key, Person], authors: Authors) -> Key | None:
    """Pick somebody who is there: whoever has to be, else somebody with a name, if there is one."""
    wanted = [authors.one] if authors.one else authors.asked
    there = [told[key] for key in wanted if key in told and not told[key].gone]
    return max(there, key=lambda person: bool(person.name)).key if there else None


def _of_name(directory: Asks, key: Key) -> Finding:
    """Read somebody alone, as a page of one author does."""
    person = directory.ask([key]).get(key)
    if person is not None and person.name:
        words, length = len(person.name.split()), len(person.name)
        return good(
            "user_api_name", f"Read alone, one of them has a name of {_several(words, 'word')}, {length} characters."
        )
    return warning(
        "user_api_name",
        "It knows an author but tells no name that can be shown: none, or only a login, an address, a number or an id.",
        NAMELESS,
        "Let whoever asks read display name, given name and family name, and look whether they are filled in at the"
        " provider. With DIRECTORY=json, look at BLOG_DIRECTORY_NAME_FIELDS.",
    )


def _of_gone(nobody: Person | None) -> Finding:
    if nobody is not None and nobody.gone:
        return good("user_api_gone", "It says of a made-up id that there is nobody; so it will of people who left.")
    return warning(
        "user_api_gone",
        "It does not say that there is nobody of a made-up id: hidden, forbidden and gone look the same.",
        "Who was deleted there keeps the name for a day, and is not called a former author.",
        "Let whoever asks see everybody. With DIRECTORY=json, look at BLOG_DIRECTORY_GONE.",
    )


@dataclass(frozen=True, slots=True)
class _Batch:
    """What became of a question about several people, one of whom there is not.

    :param answers: those that came, without that of the token endpoint; none where nobody was overheard.
    """

    keys: list[Key]
    answers: list[Answer]
    facts: Facts

    def findings(self) -> Iterator[Finding]:
        """Say whether it was answered as one, and about nobody else."""
        if not self.answers:
            return
        if strangers := len(self._listed() - {key.id for key in self.keys}):
            yield warning(
                "user_api_strangers",
                f"Asked for {len(self.keys)} people, it listed {_several(strangers, 'other')}: it ignores the filter.",
                "Data of people who never wrote here travels to the blog. It is dropped, so no name is wrong.",
                " ".join(filter(None, (self.facts.rights.several, "Look for an update of the provider."))),
            )
        took = f"{len(self.keys)} people took {_several(len(self.answers), 'request')}"
        if self._is_one():
            yield good("user_api_batch", f"It answers about several people at once: {took}.")
        elif self.facts.size == 1:
            yield noted("user_api_batch", f"It has no question about several people: {took}.")
        else:
            yield noted(
                "user_api_batch",
                f"It does not answer about several people at once: {took}.",
                "A page with many authors takes longer, and a rate limit is reached sooner.",
                self.facts.rights.several,
            )

    def requests_for(self, number: int) -> int:
        """Estimate how many requests a question about so many people takes."""
        return -(-number // self.facts.size) if self._is_one() else number

    def _is_one(self) -> bool:
        return bool(self._listed() & {key.id for key in self.keys}) or 0 < len(self.answers) < len(self.keys)

    def _listed(self) -> set[str]:
        return {told for answer in self.answers for told in self.facts.shape.ids(answer)}


def _several(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _may_not_ask(error: Unreachable, facts: Facts, answers: list[Answer]) -> Finding:
    breaks = "Authors who have not logged in lately are shown as “Author 7K3F”."
    words, change = explain(error)
    if answers and not error.silent and error.what.startswith(TOKEN_ENDPOINT):
        change = credentials.refused_token(answers[-1])
    elif any(f"HTTP {status}" in words for status in (400, 401, 403)):
        change = (
            f"Give whoever asks the right to read users. {facts.rights.grant} With BLOG_DIRECTORY_TOKEN, look whether"
            " that token has ended."
        )
    return fault("user_api", words, breaks, change)
