"""The authors' door: their posts, and writing, publishing, changing and deleting them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from flask import Blueprint, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from blog.auth import bylines
from blog.content import authorship, details, handles, posts, tags
from blog.content.authorship import Naming
from blog.content.details import PLAIN, Details
from blog.content.readers import EVERYONE, FOR_EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.content.text import differences
from blog.db import Named
from blog.errors import Conflict, Forbidden, Invalid, Moved
from blog.identity.people import Byline, Key
from blog.porch import handle, porch
from blog.porch.guards import asker, login_required, role_required, step_up
from blog.porch.parked import parked_form, parked_forms
from blog.web import forms
from blog.web.clock import moment

bp = Blueprint("dashboard", __name__)

SAID = {  # what a button did; the category of each message is the slug of the post it speaks of
    "publish": "Published.",
    "unpublish": "Unpublished. It is a draft again, and readers no longer see it.",
    "save": "Changes saved.",
    "draft": "Draft saved. Readers do not see it.",
}
CAN_READ = {
    EVERYONE: "Everybody can read it now.",
    PEOPLE: "Everybody who is logged in can read it now.",
    GROUPS: "The people in its groups can read it now.",
}
PUBLISH = {"publish": True, "unpublish": False}
REARRANGE = ("up", "remove", "add")  # what buttons do with the list of authors in a form; nothing is saved by them
OFFERED = 200  # authors to choose among; where there are more, they are named by the address of their page; also tags
DETAILS = ("slug", "excerpt", "lang", "canonical_url", "image_url", "image_alt", "place")  # fields of one line each


@bp.route("/dashboard", methods=["GET", "POST"])
@role_required("author")
def index() -> ResponseReturnValue:
    """Show the form for a new post and the list of one's own; take the form."""
    if request.method == "GET":
        return _dashboard(parked_form() or MultiDict())
    return (step_up("publish") if _action() == "publish" else None) or _create()


def _create() -> ResponseReturnValue:
    typed = request.form
    try:
        forms.must_be_whole()
        made = posts.create(
            g.user.key,
            title=typed.get("title", ""),
            body_md=typed.get("body", ""),
            now=moment(),
            publish=_action() == "publish",
            form_id=typed.get("form_id") or None,
            audience=_audience() or FOR_EVERYONE,
            own_groups=g.user.groups,
            handle=handle(g.user.key),
            about=_details() or PLAIN,
        )
    except Invalid as error:
        return _dashboard(typed, error.problems), 400
    except Conflict as error:
        return _conflict(error.current, typed)
    flash(_said("publish" if made.is_live(moment()) else "draft", made), made.slug)
    return redirect(url_for("dashboard.index"), 303)


def _dashboard(typed: MultiDict[str, str], problems: Mapping[str, str] | None = None) -> str:
    page = posts.of_author(
        g.user.key,
        limit=current_app.config["POSTS_PER_PAGE"],
        before=request.args.get("before"),
        after=request.args.get("after"),
    )
    asking = posts.that_ask(g.user.key, limit=current_app.config["POSTS_PER_PAGE"])
    others = {each.key for post in page.posts if post.author_rows for each in post.named if each.key}
    return render_template(
        "dashboard/index.html",
        page=page,
        asking=asking,
        bylines=_names(others | {post.author_key for post in asking}),
        typed=typed,
        choice=_choice(typed),
        about=_about(typed),
        problems=problems or {},
        form_id=typed.get("form_id") or forms.new_form_id(),
        parked=[] if typed else parked_forms(),
        check=_check_to_run(),
        handle=handles.of(g.user.key),
        now=moment(),
    )


def _check_to_run() -> str | None:
    """Give the command that nobody has run yet, for whoever can see to it: editors, or all where nobody can be one."""
    ready = porch()
    sees_to_it = "editor" in g.user.roles or not ready.role_rules.can_give("editor")
    if not sees_to_it or not ready.proof.is_needed or ready.proof.at() is not None:
        return None
    own_id = g.user.key.id
    return shlex.join(["flask", "--app", "blog", "authors", "check", *(["--"] if own_id[:1] == "-" else []), own_id])


@bp.route("/dashboard/page", methods=["GET", "POST"])
@role_required("author")
def page() -> ResponseReturnValue:
    """Show the address of one's own page; take another one."""
    if request.method == "GET":
        return _page(handles.of(g.user.key) or "")
    typed = request.form.get("handle", "")
    try:
        forms.must_be_whole()
        picked = handles.pick(g.user.key, typed, now=moment())
    except Invalid as error:
        return _page(typed, error.problems), 400
    flash(f"Your page is at {url_for('blog.author', handle=picked)} now.", "")
    return redirect(url_for("dashboard.index"), 303)


def _page(typed: str, problems: Mapping[str, str] | None = None) -> str:
    return render_template("dashboard/page.html", handle=handles.of(g.user.key), typed=typed, problems=problems or {})


@bp.route("/<slug>/edit", methods=["GET", "POST"])
@role_required("author")
def edit(slug: str) -> ResponseReturnValue:
    """Show a post for editing; save it, publish it or take it back."""
    if request.method == "GET":
        return _editor(_editable(slug), parked_form() or MultiDict())
    post = _editable_wherever(slug)
    if request.form.get("action", "").partition(" ")[0] in REARRANGE:
        return _rearrange(post)
    changes_what_is_read = post.is_live(moment()) or _action() == "publish"
    return (step_up("publish") if changes_what_is_read else None) or _save(post)


def _editable(slug: str) -> Any:
    """A post of one's own; for an editor, anybody's."""
    return posts.editable(slug, now=moment(), reader=Reader(*asker()))


def _editable_wherever(slug: str) -> Any:
    """The post of this form, also when another tab has renamed it: a form must not be lost to a redirect."""
    try:
        return _editable(slug)
    except Moved as moved:
        return _editable(moved.slug)


def _save(post: Any) -> ResponseReturnValue:
    typed, action = request.form, _action()
    try:
        forms.must_be_whole()
        saved = posts.save(
            post.id,
            version=forms.whole_number(typed.get("version")),
            title=typed.get("title", ""),
            body_md=typed.get("body", ""),
            now=moment(),
            publish=PUBLISH.get(action),
            audience=_audience(),
            own_groups=g.user.groups,
            naming=_naming(post),
            about=_details(),
        )
    except Invalid as error:
        return _editor(post, typed, error.problems), 400
    except Conflict as error:
        return _conflict(error.current, typed)
    flash(_said(action, saved), saved.slug)
    return redirect(url_for("dashboard.edit", slug=saved.slug), 303)


def _naming(post: Any) -> Naming | None:
    """Read who shall be named above a post, those too who were put in a field and not added yet; None: as it is."""
    if "authors" not in request.form or not authorship.may_choose(post, reader := Reader(*asker())):
        return None
    return Naming(tuple(authorship.read(post, _joined())), unasked=reader.everything)


def _joined() -> list[str]:
    """The list of authors in a form, with those at its end who were put in a field beside it."""
    pages = (request.form.get(name, "") for name in ("add_author", "add_page"))
    return authorship.joined(
        request.form.getlist("author"), pages=filter(str.strip, pages), guest=request.form.get("add_guest", "")
    )


def _rearrange(post: Any) -> ResponseReturnValue:
    """Show the form again with another list of authors; nothing of it is saved."""
    typed, words = MultiDict(request.form), request.form.getlist("author")
    act, _, where = request.form["action"].partition(" ")
    number = int(where) if where.isascii() and where.isdigit() and len(where) < 4 else -1
    try:
        forms.must_be_whole()
        if act == "add":
            words = _joined()
            for name in ("add_author", "add_page", "add_guest"):
                typed.pop(name, None)
        else:
            words = authorship.moved_up(words, number) if act == "up" else authorship.without(words, number)
    except Invalid as error:
        return _editor(post, typed, error.problems), 400
    typed.setlist("author", words or [authorship.HOLDER])
    return _editor(post, typed, focus=f"up {number - 1}" if act == "up" else act)


class Line(NamedTuple):
    """One of those who are named above a post, as the form shows them.

    :param word: how the form says whom it means.
    :param named: who it is.
    :param byline: their name; None for a guest, who is not there, or whom the writer need not know.
    """

    word: str
    named: Named
    byline: Byline | None


class Authors(NamedTuple):
    """What the form shows under “Authors”.

    :param lines: who is named, in order.
    :param offered: handles and bylines of those who can be chosen, by name; empty when they are too many.
    :param asks: whether people have to agree whom this writer names.
    """

    lines: list[Line]
    offered: list[tuple[str, Byline]]
    asks: bool


def _authors(post: Any, typed: MultiDict[str, str]) -> Authors | None:
    """What was put into the form, else what the post has; None when who asks may not choose."""
    reader = Reader(*asker())
    if not authorship.may_choose(post, reader):
        return None
    listed = authorship.read(post, typed.getlist("author")) if "authors" in typed else post.listed
    offered = dict(authorship.offered(reader, now=moment(), limit=OFFERED + 1))
    offered = offered if len(offered) <= OFFERED else {}
    offered |= {post.author_key: post.handle} if post.handle else {}
    names = bylines({*offered, *(each.key for each in listed if each.key)})
    known = names.keys() if reader.everything else offered.keys() | _who_may_be_known(reader, listed)
    lines = [
        Line(word, each, names[Key(*each.key)] if each.key and each.key in known else None)
        for each, word in zip(listed, authorship.as_written(post, listed), strict=True)
    ]
    choices = [
        (handle, names[Key(*key)]) for key, handle in offered.items() if key not in {each.key for each in listed}
    ]
    choices = sorted((each for each in choices if not each[1].gone), key=lambda each: each[1].name.casefold())
    return Authors(lines, choices, asks=not reader.everything)


def _who_may_be_known(reader: Reader, listed: Collection[Named]) -> set[tuple[str, str]]:
    """Those of a list whose names this writer may learn: who agreed to be named, and whose page they find."""
    asked = {each.key for each in listed if each.key and not each.agreed}
    found = authorship.offered(reader, now=moment(), limit=len(asked), among=asked) if asked else ()
    return {each.key for each in listed if each.key and each.agreed}.union(key for key, _ in found)


def _editor(post: Any, typed: MultiDict[str, str], problems: Mapping[str, str] | None = None, focus: str = "") -> str:
    return render_template(
        "dashboard/edit.html",
        post=post,
        typed=typed,
        choice=_choice(typed, post),
        about=_about(typed, post),
        authors=_authors(post, typed),
        problems=problems or {},
        focus=focus,
        live=post.is_live(moment()),
        bylines=_bylines_of_others(post),
    )


def _bylines_of_others(post: Any) -> Mapping[Key, Byline]:
    """Say whose post somebody is about to change, unless it is their own alone."""
    keys = {each.key for each in post.named if each.key}
    return {} if len(post.named) == 1 and keys == {g.user.key} else _names(keys)


def _names(keys: Collection[tuple[str, str]]) -> Mapping[Key, Byline]:
    return bylines(keys) if keys else {}


def _conflict(current: Any, typed: MultiDict[str, str]) -> ResponseReturnValue:
    """Show both versions and what differs; the typed one can be saved over the other, knowing it now."""
    page = render_template(
        "dashboard/conflict.html",
        post=current,
        typed=typed,
        choice=_choice(typed, current),
        about=_about(typed, current),
        saved=details.of(current),
        changes=differences(current.body_md, typed.get("body", "")),
        live=current.is_live(moment()),
        authors=_authors(current, typed),
        bylines=bylines({each.key for each in current.named if each.key}),
    )
    return make_response(page, 409)


@bp.route("/<slug>/delete", methods=["GET", "POST"])
@role_required("author")
def delete(slug: str) -> ResponseReturnValue:
    """Ask first, then delete a post."""
    if request.method == "GET":
        post = _editable(slug)
        _must_choose(post)
        live = post.is_live(moment())
        return render_template("dashboard/delete.html", post=post, live=live, bylines=_bylines_of_others(post))
    post = _editable_wherever(slug)
    _must_choose(post)
    return step_up("delete") or _delete(post)


def _must_choose(post: Any) -> None:
    if not authorship.may_choose(post, Reader(*asker())):
        raise Forbidden("You are one of the authors of this post; whoever holds it, and editors, can delete it.")


def _delete(post: Any) -> ResponseReturnValue:
    posts.delete(post.id)
    flash(f"“{post.title}” is deleted.", "")
    return redirect(url_for("dashboard.index"), 303)


@bp.route("/<slug>/byline", methods=["GET", "POST"])
@login_required
def byline(slug: str) -> ResponseReturnValue:
    """Ask whether one's name may stand above a post of somebody else; put it there, or take it off."""
    reader = Reader(*asker())
    try:
        post = posts.asking(slug, now=moment(), reader=reader)
    except Moved as moved:
        if request.method == "GET":
            raise
        post = posts.asking(moved.slug, now=moment(), reader=reader)
    if request.method == "GET":
        named, shown = authorship.asked_of(post, reader.key), bylines({post.author_key, g.user.key})
        return render_template(
            "dashboard/byline.html", post=post, named=named, bylines=shown, live=post.is_live(moment())
        )
    agrees = request.form.get("action") == "agree"
    return (step_up("publish") if agrees and post.is_live(moment()) else None) or _answer(post, agrees=agrees)


def _answer(post: Any, *, agrees: bool) -> ResponseReturnValue:
    if agrees:
        authorship.agree(post.id, g.user.key, now=moment())
    else:
        authorship.leave(post.id, g.user.key)
    flash(f"{'Your name stands' if agrees else 'Your name does not stand'} above “{post.title}”.", "")
    home = "dashboard.index" if "author" in g.user.roles else "blog.index"
    return redirect(url_for(home), 303)


class Choice(NamedTuple):
    """What a form shows under “Who can read this”.

    :param offered: the names of the groups to choose among, the chosen ones first: the writer's own, and the post's.
    :param in_any: whether the provider tells any groups of this writer.
    """

    visible_to: str
    groups: frozenset[str]
    offered: list[str]
    in_any: bool


def _choice(typed: MultiDict[str, str], post: Any = None) -> Choice:
    """What was chosen in the form, else what the post has; never wider than that."""
    stored = Audience(post.visible_to, frozenset(post.groups)) if post else FOR_EVERYONE
    visible_to, groups = _audience(typed) or stored
    offered = sorted(g.user.groups | stored.groups, key=lambda name: (name not in groups, name.casefold()))
    return Choice(visible_to, groups, offered, bool(g.user.groups))


def _audience(typed: MultiDict[str, str] | None = None) -> Audience | None:
    """Read whom the post of a form is for; None when the form does not say."""
    typed = request.form if typed is None else typed
    return Audience(typed["visible_to"], frozenset(typed.getlist("group"))) if "visible_to" in typed else None


class About(NamedTuple):
    """What a form shows under “Settings”.

    :param said: what was typed, else what is said about the post.
    :param tags: the same, as one text.
    :param offered: names of tags that the writer finds.
    :param differs: whether anything is said, so that it is shown at once.
    """

    said: Details
    tags: str
    offered: list[str]
    differs: bool


def _about(typed: MultiDict[str, str], post: Any = None) -> About:
    said = _details(typed) or (details.of(post) if post else PLAIN)
    offered = tags.offered(Reader(*asker()), now=moment(), limit=OFFERED)
    plain = PLAIN._replace(image_hosts=said.image_hosts, may_be_page=said.may_be_page)
    may_be_page = _may_make_pages()
    return About(said._replace(may_be_page=may_be_page), ", ".join(map(str.strip, said.tags)), offered, said != plain)


def _details(typed: MultiDict[str, str] | None = None) -> Details | None:
    """Read what a form says about its post beside title, text, readers and authors; None when it does not say."""
    typed = request.form if typed is None else typed
    if "kind" not in typed:
        return None
    words = {name: typed.get(name, "") for name in ("kind", *DETAILS)}
    return Details(
        **words,
        tags=tags.split(typed.get("tags", "")),
        decorative="decorative" in typed,
        image_hosts=current_app.config["IMAGE_HOSTS"],
        may_be_page=_may_make_pages(),
    )


def _may_make_pages() -> bool:
    """Whether who asks may put pages in the navigation: editors, or all where nobody can be one."""
    return "editor" in g.user.roles or not porch().role_rules.can_give("editor")


def _said(action: str, post: Any) -> str:
    return f"{SAID[action]} {CAN_READ[post.visible_to]}" if action == "publish" else SAID[action]


def _action() -> str:
    action = request.form.get("action", "draft")
    return action if action in SAID else "save"
