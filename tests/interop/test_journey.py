"""The journey that the product is for, over real HTTP, with real providers, on the production server."""

from __future__ import annotations

from tests.interop.stages import Stage
from tests.interop.visitor import Visitor


def test_somebody_registers_publishes_changes_their_name_and_leaves(on_stage: Stage) -> None:
    author, reader = Visitor(), Visitor()
    author.open(on_stage.url).follow("Register")
    on_stage.register(author, "zoe", "Zoë Ó Briain")
    assert (author.status, author.url) == (200, f"{on_stage.url}/dashboard"), author.text

    author.follow("Write a post").submit("Publish", Title="A first word", Body="It has to begin *somewhere*.")
    reader.open(f"{on_stage.url}/a-first-word")
    assert reader.status == 200
    assert "Zoë Ó Briain" in reader.text
    assert str(reader.page.find("em")) == "<em>somewhere</em>"

    on_stage.rename(author, "zoe", "Zoë Marsh")
    leave(on_stage, author)
    author.open(on_stage.url).follow("Log in")
    assert on_stage.asks_who(author), f"the provider still knows who it is: {author.url}"
    on_stage.log_in(author, "zoe")
    assert author.url == f"{on_stage.url}/dashboard"
    reader.open(f"{on_stage.url}/a-first-word")
    assert "Zoë Marsh" in reader.text
    assert "Ó Briain" not in reader.text


def test_logging_in_leads_back_to_where_one_wanted_to_go(on_stage: Stage) -> None:
    author = Visitor()
    author.open(on_stage.url).follow("Register")
    on_stage.register(author, "ada", "Ada Tremaine")
    author.follow("Write a post").submit("Save draft", Title="Half a thought", Body="…")
    leave(on_stage, author)
    author.open(f"{on_stage.url}/half-a-thought/edit")
    on_stage.log_in(author, "ada")
    assert author.url == f"{on_stage.url}/half-a-thought/edit"
    assert author.status == 200


def test_no_name_reaches_the_disk(on_stage: Stage) -> None:
    author, reader = Visitor(), Visitor()
    author.open(on_stage.url).follow("Register")
    on_stage.register(author, "quill", "Quillon Fairweather")
    author.follow("Write a post").submit("Publish", Title="Seen and not kept", Body="Names are asked for.")
    assert "Quillon Fairweather" in reader.open(f"{on_stage.url}/seen-and-not-kept").text
    kept = on_stage.kept()
    assert b"Seen and not kept" in kept  # so this is where things are kept
    assert b"Fairweather" not in kept
    assert b"quill" not in kept.lower()


def leave(on_stage: Stage, visitor: Visitor) -> None:
    """Log out here and at the provider, and stand on the home page again."""
    visitor.open(f"{on_stage.url}/dashboard").submit("Log out")
    on_stage.confirm_logout(visitor)
    assert visitor.url.split("?")[0] == f"{on_stage.url}/"
    assert visitor.sees("Log in")
    assert not visitor.sees("Dashboard")
