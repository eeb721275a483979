"""The house of docs/tour.md: who may import whom, where each library lives, what every module says first."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOG = ROOT / "blog"
MODULES = sorted(path for path in BLOG.rglob("*.py") if "migrations" not in path.parts)
TEMPLATES = sorted((BLOG / "templates").rglob("*.html"))

CELLAR = {"config", "errors", "db", "forks", "questions"}
ROOMS = {"content", "identity"}
HALL = {"web"}
PORCH = {"auth", "porch"}
ROOF = {"__init__"}
DOORS = {path.stem if path.is_file() else path.name for path in BLOG.iterdir()} - (
    CELLAR | ROOMS | HALL | PORCH | ROOF | {"migrations", "templates", "static", "translations", "__pycache__"}
)

MAY_IMPORT = (
    {module: set() for module in CELLAR}
    | {"db": {"forks", "questions"}}
    | {room: {room} | CELLAR for room in ROOMS}
    | {hall: {hall} | CELLAR for hall in HALL}
    | {porch: {"identity", "porch"} | HALL | CELLAR for porch in PORCH}
    | {door: {door} | PORCH | HALL | ROOMS | CELLAR for door in DOORS}
    | dict.fromkeys(ROOF, DOORS | PORCH | HALL | ROOMS | CELLAR)
)

HOMES = {
    "authlib": "identity/",
    "joserfc": "identity/",
    "requests": "identity/",
    "requests_aws4auth": "identity/",
    "cryptography": "identity/",
    "cachetools": "identity/",
    "redis": "identity/",
    "slugify": "content/slugs.py",
    "markdown_it": "content/text.py",
    "mdit_py_plugins": "content/text.py",
    "nh3": "content/text.py",
    "xml": ("content/syndication.py", "content/sitemap.py"),
    "yaml": "content/matter.py",
    "pygments": "content/code.py",
    "PIL": "content/media/pictures.py",  # a program of its own, which nothing imports
    "click": "cli/",
    "ua_parser": "web/browsers.py",
    "flask_sqlalchemy": "db.py",
    "babel": "web/languages.py",
    "flask_babel": "web/languages.py",
    "zstandard": "web/encodings.py",
    "brotli": "web/encodings.py",
}
SEES_FLASK = {"identity/sessions.py"}  # it is Flask's session interface


def relative(path: Path) -> str:
    return path.relative_to(BLOG).as_posix()


def floor(path: Path) -> str:
    first = path.relative_to(BLOG).parts[0]
    return first.removesuffix(".py")


def imports(path: Path) -> list[str]:
    """Every module this file imports, also inside of functions, with `from x import y` as x.y."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{relative(path)}: relative imports hide the floor"
            found += [f"{node.module}.{name.name}" for name in node.names]
    return found


def ours(path: Path) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith("blog.")}


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_imports_only_from_its_floor_and_below(path):
    allowed = MAY_IMPORT[floor(path)]
    assert ours(path) <= allowed, f"{relative(path)} imports {sorted(ours(path) - allowed)}"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_library_is_used_in_its_home_only(path):
    for name in imports(path):
        home = HOMES.get(name.split(".")[0])
        assert home is None or relative(path).startswith(home), f"{name} lives in {home}"


@pytest.mark.parametrize("path", [path for path in MODULES if floor(path) in ROOMS], ids=relative)
def test_rooms_know_no_flask(path):
    if relative(path) not in SEES_FLASK:
        assert not [name for name in imports(path) if name.split(".")[0] in {"flask", "werkzeug", "jinja2"}]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_opens_with_one_line_saying_what_it_holds(path):
    docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
    first = docstring.split("\n")[0]
    assert first.endswith((".", "?")) or docstring.startswith(first), relative(path)
    assert 15 < len(first) <= 120, f"{relative(path)}: {first!r}"
    assert "\n" not in docstring or docstring.split("\n")[1] == "", f"{relative(path)}: an empty line after the first"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_module_has_a_name_that_says_nothing(path):
    empty_words = {"utils", "util", "helpers", "common", "misc", "base", "core", "manager", "service", "handler"}
    assert not empty_words & set(re.split(r"[/._]", relative(path)))


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_every_public_function_and_class_says_what_it_is(path):
    tree = ast.parse(path.read_text())
    public = [
        node
        for holder in [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef) and not node.bases)]
        for node in holder.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    ]
    assert not [node.name for node in public if not ast.get_docstring(node) and "overload" not in ast.dump(node)]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_functions_stay_small(path):
    sizes = {
        node.name: node.end_lineno - node.body[0].lineno + 1
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert not {name: size for name, size in sizes.items() if size > 45}


ASKS_NOBODY = {  # a writer's own form, their own list, a save; a look-up that is given the clause; doctor; upgrade
    "content/archive.py": {"_ends", "_there"},  # what they ask of stands in `_listed`, with the clause
    "content/exchange.py": {"count", "_after"},  # the operator's, for whom everything is exported
    "content/importing/writing.py": {"_there"},  # the operator's, who hears which files are there already
    "content/comments.py": {"decide", "drop"},  # a look-up that is given the clause; the operator's
    "content/handles.py": {"give"},
    "content/posts.py": {
        *("_made_by", "of_author", "_locking", "_at", "count_by_issuer", "some_authors", "count_authors"),
        *("of_everybody", "count_states", "chosen", "next_due"),  # editors', own, asked of each below; a moment
        *("that_ask", "_beside", "_together", "_tagged"),  # what asks them; parts of lists, which add the clause
    },
    "content/old_paths.py": {"let_go"},  # of posts that are about to be deleted by whoever might
    "content/trash.py": {"sweep"},  # what nobody sees any more
    "content/rendering.py": {"_outdated"},  # the upgrade's, which makes HTML anew and shows it to nobody
    "content/readership.py": {"_kept", "_told_to"},  # which posts are still there, and how often one's own were read
    "content/authorship.py": {"_locked"},  # a look-up by id, of a post that was found by the clause
    "content/index.py": {"_texts", "_outdated"},  # what is published goes into the index, which `search` asks
    "content/tags.py": {"follow"},  # an update of copies, of posts that were changed by whoever might
    # the operator's, for whom posts are numbers
    "content/ownership.py": {"holdings", "_counts", "delete", "_named_by_others", "_take_off"},
}


def takes_posts(node: ast.AST) -> bool:
    """Whether this calls for rows of posts, or a number of them."""
    if not isinstance(node, ast.Call):
        return False
    name = getattr(node.func, "attr", getattr(node.func, "id", None))
    if name in {"select", "get", "get_one", "query", "select_from", "exists"}:
        parts = [part for given in node.args for part in ast.walk(given)]
        return any(isinstance(part, ast.Name) and part.id == "Post" for part in parts)
    return name == "_at"


@pytest.mark.parametrize("path", [path for path in MODULES if floor(path) == "content"], ids=relative)
def test_whatever_finds_posts_leaves_only_those_that_the_reader_may_read(path):
    tree = ast.parse(path.read_text())
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    taking = {function.name: ast.dump(function) for function in functions if any(map(takes_posts, ast.walk(function)))}
    asking = {name for name, dumped in taking.items() if "'readable_by'" in dumped}
    assert taking.keys() - asking == ASKS_NOBODY.get(relative(path), set())
    assert not [
        node for node in tree.body if not isinstance(node, ast.FunctionDef) and any(map(takes_posts, ast.walk(node)))
    ]


def test_nothing_loads_the_decoders_of_pictures():
    assert not [relative(path) for path in MODULES if "blog.content.media.pictures" in imports(path)]


def test_only_the_room_of_content_looks_at_the_table_of_posts():
    others = [path for path in MODULES if floor(path) not in {"content", "db"}]
    assert not [
        relative(path)
        for path in others
        if {"blog.db.Post", "blog.db.PostAuthor", "blog.db.PostGroup", "blog.db.PostTag"} & set(imports(path))
    ]


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(BLOG / "templates").as_posix())
def test_a_template_has_no_inline_script_or_style(path):
    text = path.read_text()
    hashed = r'<script(?: data-[a-z]+="[^"]*")*>\{% include "(?:_theme|_copy)\.js" %\}</script>'  # see web/headers.py
    data = r'<script type="application/ld\+json">\{\{ \w+ \| tojson \}\}</script>'  # which no browser runs
    rest = re.sub(f"{hashed}|{data}", "", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", rest)


def test_only_the_stored_body_of_a_post_or_a_comment_goes_out_unescaped():
    unescaped = [
        line.strip()
        for path in TEMPLATES
        for line in path.read_text().splitlines()
        if "safe" in line.split("|")[-1] and "|" in line
    ]
    assert unescaped == ["{{ post.note_html | safe }}", "{{ post.body_html | safe }}", "{{ comment.body_html | safe }}"]
    assert not [relative(path) for path in MODULES if re.search(r"\bMarkup\(|render_template_string", path.read_text())]


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_function_that_says_a_sentence_takes_the_name_for_something_else(path):
    for function in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)):
        uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == "_"]
        assert len({type(node.ctx) for node in uses}) <= 1, function.name


def test_no_file_holds_the_marks_of_an_unfinished_merge():
    ours = [path for path in BLOG.rglob("*") if path.suffix in {".py", ".html", ".css", ".svg"}]
    assert not [relative(path) for path in ours if re.search(r"^(<{7}|={7}|>{7})", path.read_text(), re.MULTILINE)]


def test_every_setting_stands_in_the_generated_manual():
    manual = (ROOT / "docs" / "settings.md").read_text()
    from blog import config
    from blog.identity import directories

    missing = [row.name for row in (*config.SETTINGS, *directories.SETTINGS) if f"`BLOG_{row.name}`" not in manual]
    assert not missing


NO_PAGES = ("auth.", "hooks.", "feeds.", "machines.")  # doors that answer otherwise
TALKS_TO_SCRIPTS = {"dashboard.autosave"}  # in JSON, so there is no template


def test_views_endpoints_and_templates_share_a_name(app):
    own = {name for name in app.view_functions if "." in name and not name.startswith(NO_PAGES)}
    own -= {"media.file"}  # a picture
    for endpoint in own - TALKS_TO_SCRIPTS:
        door, view = endpoint.split(".")
        folder = BLOG / "templates" / door
        assert (folder / f"{view}.html").exists(), endpoint


def test_no_slug_can_shadow_a_route_of_ours(app):
    from blog.content.slugs import RESERVED, is_slug

    first = {str(rule).split("/")[1] for rule in app.url_map.iter_rules()}
    assert {word for word in first if is_slug(word)} <= RESERVED
