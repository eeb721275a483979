"""Asking about everybody: in batches, with patience, and concluding nothing from silence."""

from blog.errors import LoginRefused, Unreachable
from blog.identity.directories import leavers
from blog.identity.people import Key, Person
from tests.identity.directories.fake_providers import PROVIDERS, FakeProvider


def key(number):
    return Key("https://id.example", f"p{number:03}")


class Api:
    """A user API where some are gone; it answers as `answers` say, then as it should."""

    def __init__(self, *gone, silent=(), answers=()):
        self.gone, self.silent, self.answers = set(gone), set(silent), list(answers)
        self.asked = []

    def ask(self, keys):
        self.asked.append(list(keys))
        if self.answers and (error := self.answers.pop(0)):
            raise error
        return {each: Person(each, None, gone=each in self.gone) for each in keys if each not in self.silent}


def test_everybody_is_asked_about_twenty_at_a_time():
    api, told = Api(key(3)), []
    said = leavers.ask(api, [key(n) for n in range(45)], tell=told.append)
    assert [len(keys) for keys in api.asked] == told == [20, 20, 5]
    assert said.gone == [key(3)]
    assert (len(said.people), said.unsaid, said.failure) == (45, [], None)


def test_who_is_not_spoken_of_is_not_gone():
    said = leavers.ask(Api(key(1), silent=[key(2)]), [key(1), key(2), key(3)])
    assert (said.gone, said.unsaid) == ([key(1)], [key(2)])


def test_a_limit_is_waited_for():
    waited = []
    api = Api(answers=[None, Unreachable("busy", 7), Unreachable("busy", 9)])
    said = leavers.ask(api, [key(n) for n in range(40)], wait=waited.append)
    assert waited == [7, 9]
    assert (len(said.people), said.failure) == (40, None)


def test_but_not_for_ever():
    for errors in ([Unreachable("busy", 1)] * 4, [Unreachable("busy", 600)], [Unreachable("down")]):
        waited, api = [], Api(answers=[None, *errors])
        said = leavers.ask(api, [key(n) for n in range(60)], wait=waited.append)
        assert len(said.people) == 20
        assert said.unsaid == [key(n) for n in range(20, 60)]
        assert said.failure is errors[-1]
        assert len(waited) == len(errors) - 1
        assert len(api.asked) == 1 + len(errors)  # who failed is left alone


def test_a_provider_that_is_not_what_it_was_is_not_asked():
    said = leavers.ask(Api(answers=[LoginRefused("issuer_mismatch")]), [key(n) for n in range(40)])
    assert said.people == {}
    assert "issuer_mismatch" in said.failure.what


def test_most_of_some_gone_at_once_is_not_believed():
    for gone, of, believed in ((2, 4, True), (3, 4, False), (3, 3, True), (21, 40, False), (20, 40, True)):
        said = leavers.ask(Api(*(key(n) for n in range(gone))), [key(n) for n in range(of)])
        assert (len(said.gone), said.is_believed(said.gone)) == (gone, believed)


def test_who_was_hidden_until_somebody_was_seen_is_asked_about_once_more():
    with FakeProvider(PROVIDERS["zitadel"]) as server:
        amina = server.add(900, display="Amina Okafor")
        keys = [server.key(n) for n in range(20)] + [amina]
        directory = server.directory()
        directory.ask = directory.people
        said = leavers.ask(directory, keys)
    assert set(said.gone) == set(keys) - {amina}
    assert said.unsaid == []
