"""The few ways a request can go wrong; only web/answers.py turns one into an answer."""

from collections.abc import Mapping, Sequence


class Words(str):
    """A sentence in English with values in it, which can be said in another language, too.

    :param form: the sentence, with ``%(name)s`` where a value goes; it stands in the catalogues as it is.
    :param values: what goes there: text, numbers, or words of their own.
    """

    form: str
    values: Mapping[str, object]

    def __new__(cls, form: str, **values: object) -> "Words":
        english = {name: f"{value:,}" if isinstance(value, int) else value for name, value in values.items()}
        words = super().__new__(cls, form % english)
        words.form, words.values = form, values
        return words


class Wrong(Exception):
    """Base of everything below: a condition the product knows, never a bug."""


class NotFound(Wrong):
    """Nothing lives at this address, or nothing the asker may know of."""


class Gone(Wrong):
    """What everybody could read at this address was deleted for good."""


class Moved(Wrong):
    """What was asked for lives elsewhere now.

    :param slug: where the post is today; of an author's page, its handle.
    """

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class Forbidden(Wrong):
    """The asker is known and may not do this.

    :param sentence: why, for the asker.
    :param typed: what they had typed meanwhile, names and values, to be shown to them once more.
    """

    def __init__(self, sentence: str = "", *, typed: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(sentence)
        self.typed = list(typed)


class Taken(Wrong):
    """A name that must be unique is somebody else's already."""


class Conflict(Wrong):
    """A newer version was saved in the meantime.

    :param current: what is stored now, so that both versions can be shown.
    """

    def __init__(self, current: object) -> None:
        super().__init__("a newer version exists")
        self.current = current


class Invalid(Wrong):
    """What came in cannot be accepted.

    :param problems: field name → one sentence for the person who typed it; the empty name speaks of the whole.
    """

    def __init__(self, problems: Mapping[str, str] | str) -> None:
        self.problems = {"": problems} if isinstance(problems, str) else dict(problems)
        super().__init__("; ".join(self.problems.values()))


class Full(Wrong):
    """There is no room left on the disk for what should be kept."""


class TooMany(Wrong):
    """Somebody does a thing more often than one may.

    :param sentence: what, for them.
    :param retry_after: seconds after which they may again.
    """

    def __init__(self, sentence: str, *, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class Unreachable(Wrong):
    """A service we depend on did not answer, or not in a way that can be used.

    :param what: which service and what happened, for the log: no names, no tokens, no query strings.
    :param retry_after: seconds after which to try again, where the service said so.
    :param silent: nobody answered at all, not even with an error.
    """

    def __init__(self, what: str, retry_after: float | None = None, *, silent: bool = False) -> None:
        super().__init__(what)
        self.what = what
        self.retry_after = retry_after
        self.silent = silent


class LoginRefused(Wrong):
    """An answer of the provider did not pass our judgement; there is no session.

    :param reason: a code of the closed list in identity/oidc.py, fit for logs and for tests.
    :param detail: more for the log, in words of our own.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail
