"""`flask export markdown`: what stands in the folder, what is refused, and what it says."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from blog.db import db
from tests.conftest import empty
from tests.pictures import png
from tests.test_media import address as uploaded


@pytest.fixture(autouse=True, params=["sqlite", "postgresql"])
def on_each_database(request, settings):
    if request.param == "postgresql":
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    with request.getfixturevalue("app").app_context():
        empty()
        db.session.remove()


def export(app, *args):
    return app.test_cli_runner().invoke(args=["export", "markdown", *map(str, args)])


def matter_of(file):
    return yaml.safe_load(file.read_text().split("---\n")[1])


def test_every_post_is_in_the_folder_and_nobody_elses_to_read(app, ada, bob, tmp_path):
    ada.publish("Hers", "It is *hers*.")
    ada.draft("Half a thought", "…")
    bob.publish("His", "His.")
    folder = tmp_path / "new" / "folder"
    result = export(app, folder)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"3 posts written to {folder}.\n"
    assert sorted(file.name for file in folder.iterdir()) == ["half-a-thought.md", "hers.md", "his.md"]
    assert (folder / "hers.md").read_text().endswith("---\nIt is *hers*.")
    assert matter_of(folder / "half-a-thought.md")["draft"] is True
    assert not [file for file in [folder, *folder.iterdir()] if stat.S_IMODE(file.stat().st_mode) & 0o077]
    assert "Lovelace" not in "".join(file.read_text() for file in folder.iterdir())


def test_what_is_in_the_trash_is_exported_and_marked(app, ada, tmp_path):
    ada.submit(f"/{ada.publish('Thrown')}/delete", "Delete")
    assert export(app, tmp_path / "all").exit_code == 0
    matter = matter_of(tmp_path / "all" / "thrown.md")
    assert (matter["draft"], "date" in matter) == (True, False)
    assert matter["trashed"]


def test_one_author_gets_theirs(app, ada, bob, tmp_path):
    ada.publish("Hers")
    bob.publish("His")
    assert export(app, tmp_path / "ada", "--author", "ada").stdout.startswith("1 post written")
    assert [file.name for file in (tmp_path / "ada").iterdir()] == ["hers.md"]
    elsewhere = export(app, tmp_path / "other", "--author", "ada", "--issuer", "https://other.example")
    assert elsewhere.exit_code == 1
    assert "nobody with this id has posts or pictures here" in elsewhere.output
    assert not (tmp_path / "other").exists()


def test_what_is_in_a_folder_is_safe_unless_one_says_so(app, ada, tmp_path):
    ada.publish("Hers")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "hers.md").write_text("older")
    (tmp_path / "in" / "deleted.md").write_text("of a post that is no more")
    refused = export(app, tmp_path / "in")
    assert refused.exit_code == 1
    assert "--replace" in refused.output
    assert (tmp_path / "in" / "hers.md").read_text() == "older"
    result = export(app, tmp_path / "in", "--replace")
    assert result.exit_code == 0, result.output
    assert matter_of(tmp_path / "in" / "hers.md")["title"] == "Hers"
    assert (tmp_path / "in" / "deleted.md").read_text() == "of a post that is no more"
    assert "Other files that are there: 1." in result.output


def test_a_link_in_the_folder_leads_nothing_astray(app, ada, tmp_path):
    ada.publish("Hers")
    (tmp_path / "in").mkdir()
    (tmp_path / "precious").write_text("kept")
    (tmp_path / "in" / "hers.md").symlink_to(tmp_path / "precious")
    assert export(app, tmp_path / "in", "--replace").exit_code == 0
    assert (tmp_path / "precious").read_text() == "kept"
    assert matter_of(tmp_path / "in" / "hers.md")["title"] == "Hers"


def test_an_empty_blog_is_an_empty_folder(app, tmp_path):
    assert export(app, tmp_path / "none").stdout == f"0 posts written to {tmp_path / 'none'}.\n"
    assert list((tmp_path / "none").iterdir()) == []


@pytest.mark.parametrize(
    "words", [["--issuer", "https://idp.example"], ["--author", ""], ["--author", "a", "--issuer", "no address"]]
)
def test_what_makes_no_sense_is_said(app, tmp_path, words):
    result = export(app, tmp_path / "none", *words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert not (tmp_path / "none").exists()


def test_a_folder_that_cannot_be_made_is_one_plain_line(app, ada, tmp_path):
    ada.publish("Hers")
    (tmp_path / "file").write_text("no folder")
    result = export(app, tmp_path / "file" / "folder")
    assert result.exit_code == 1
    assert result.output.startswith("Error: It was not finished: ")


def test_a_picture_that_lost_its_file_is_named_and_the_rest_goes_out(app, ada, tmp_path):
    first, second = uploaded(ada, png(40, 20)), uploaded(ada, png(50, 20))
    next(Path(app.config["MEDIA_FOLDER"]).rglob(first[7:])).unlink()
    result = export(app, tmp_path / "out")
    assert result.exit_code == 1
    assert f"0 posts and 1 picture written to {tmp_path / 'out'}.\nmissing: {first[7:]}\n" in result.output
    assert (tmp_path / "out" / second[1:]).stat().st_mode & 0o777 == 0o600
    assert "Other" not in export(app, tmp_path / "out", "--replace").output


def test_who_has_pictures_only_gets_those(app, ada, tmp_path):
    address = uploaded(ada, png())
    result = export(app, tmp_path / "ada", "--author", "ada")
    assert result.output == f"0 posts and 1 picture written to {tmp_path / 'ada'}.\n"
    assert (tmp_path / "ada" / address[1:]).exists()


def test_pictures_are_written_nowhere_else(app, ada, tmp_path):
    uploaded(ada, png())
    (tmp_path / "in").mkdir()
    (tmp_path / "precious").mkdir()
    (tmp_path / "in" / "media").symlink_to(tmp_path / "precious")
    result = export(app, tmp_path / "in", "--replace")
    assert result.output.startswith("Error: It was not finished: media is a link.")
    assert list((tmp_path / "precious").iterdir()) == []
