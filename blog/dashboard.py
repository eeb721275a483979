"""The authors' door: their posts, and writing, publishing, changing and deleting them."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import (
    Blueprint,
    current_app,
    flash,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import RequestEntityTooLarge

from blog.auth import bylines
from blog.content import authorship, comments, copies, details, handles, posts, tags, trash, versions
from blog.content.authorship import Naming
from blog.content.comments import Visitor
from blog.content.details import PLAIN, Details
from blog.content.readers import EVERYONE, FOR_EVERYONE, GROUPS, PEOPLE, Audience, Reader
from blog.content.readership import Count, by_day, favourites, of_posts, together
from blog.content.states import SCHEDULED, STATES, Sought, state_of
from blog.db import Named
from blog.errors import Conflict, Forbidden, Invalid, Moved, NotFound, Taken, Words
from blog.identity.people import Byline, Key
from blog.porch import handle, person_ref, porch
from blog.porch.guards import asker, login_required, role_required, step_up
from blog.porch.parked import parked_form, parked_forms
from blog.web import charts, forms, zones
from blog.web.clock import moment
from blog.web.languages import gettext as _
from blog.web.languages import ngettext, translated
from blog.web.templating import machine

bp = Blueprint("dashboard", __name__)

SAID = {  # what a button did; the category of each message is the slug of the post it speaks of
    "publish": Words("Published."),
    "unpublish": Words("Unpublished. It is a draft again, and readers no longer see it."),
    "save": Words("Changes saved."),
    "draft": Words("Draft saved. Readers do not see it."),
}
CAN_READ = {
    EVERYONE: Words("Everybody can read it now."),
    PEOPLE: Words("Everybody who is logged in can read it now."),
    GROUPS: Words("The people in its groups can read it now."),
}
MANY = ("publish", "unpublish", "trash", "restore", "delete")  # what buttons do to the posts chosen in the list
STEP_UPS = {"publish": "publish", "unpublish": "publish", "trash": "delete", "delete": "delete"}  # that it may need
FILTERS = ("state", "q", "tag", "whose")  # what the address of the list asks for
TOLD = 5  # titles of posts with which something could not be done
OVERTAKEN = Words(
    "A newer version of this post was saved meanwhile. Your text is kept; save it to see both side by side."
)
LATE = Words(
    "This was saved or discarded in another tab. What you type here is kept in this browser only, until you save it."
)
REARRANGE = ("up", "remove", "add")  # what buttons do with the list of authors in a form; nothing is saved by them
SPANS = {7: 1, 30: 1, 365: 5}  # days that a chart shows, and how many of them a bar stands for
FAVOURITES = 20
OFFERED = 200  # authors to choose among; where there are more, they are named by the address of their page; also tags
DETAILS = ("slug", "excerpt", "lang", "canonical_url", "image_url", "image_alt", "place")  # fields of one line each


@bp.route("/dashboard", methods=["GET", "POST"])
@role_required("author")
def index() -> ResponseReturnValue:
    """List one's posts, and what one has typed and not saved; do something with several posts at once."""
    return _take_many() if request.method == "POST" else _dashboard()


def _dashboard() -> str:
    listing = _listing()
    asking = posts.that_ask(g.user.key, limit=current_app.config["POSTS_PER_PAGE"])
    shown = [post for post in listing.page.posts if post.author_rows or listing.everybody]
    others = authorship.keys(shown)
    return render_template(
        "dashboard/index.html",
        listing=listing,
        page=listing.page,
        asking=asking,
        bylines=_names(others | {post.author_key for post in asking}),
        unsaved=copies.of_new_posts(g.user.key, now=moment()),
        parked=parked_forms(),
        check=_check_to_run(),
        held=_held(),
        handle=handles.of(g.user.key),
        readership=_readership_of(listing.page.posts),
        zone=_zone({}) or current_app.config["TIME_ZONE"],
        now=moment(),
        saved_forms=_saved_forms(),
        person=person_ref(g.user.key),
    )


class Listing(NamedTuple):
    """What the list on the dashboard shows.

    :param words: that were searched for.
    :param everybody: not one's own posts but all; for editors.
    :param counts: how many of one's own there are in each state; nothing for everybody's, whom nobody counts.
    :param tags: to choose among.
    :param args: what in the address says all this, so that links and forms lead back here.
    :param trash_days: how long a post stays in the trash.
    """

    page: posts.Page
    state: str | None
    words: str
    everybody: bool
    counts: dict[str, int]
    tags: list[tags.Found]
    args: dict[str, str]
    trash_days: int

    def state_of(self, post: Any) -> str:
        """Tell the state of a post."""
        return state_of(post, moment())

    def gone_at(self, post: Any) -> datetime:
        """Tell when a post in the trash will be gone."""
        return post.trashed_at + timedelta(days=self.trash_days)


def _trash_from() -> datetime:
    return trash.begins(moment(), current_app.config["TRASH_DAYS"])


def _listing() -> Listing:
    """Find the posts that the address asks for."""
    args = {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}
    everybody = args.get("whose") == "everybody" and Reader(*asker()).everything
    state = args.get("state") if args.get("state") in STATES else None
    sought = Sought(moment(), _trash_from(), state, args.get("q", ""), args.get("tag", ""))
    stretch: dict[str, Any] = {name: request.args.get(name) for name in ("before", "after")}
    stretch |= {"limit": current_app.config["POSTS_PER_PAGE"], "sought": sought}
    page = posts.of_everybody(**stretch) if everybody else posts.of_author(g.user.key, **stretch)
    counts = {} if everybody else posts.count_states(g.user.key, sought=sought)
    offered = tags.of_posts_of(None if everybody else g.user.key, limit=OFFERED)
    return Listing(page, state, sought.words, everybody, counts, offered, args, current_app.config["TRASH_DAYS"])


def _take_many() -> ResponseReturnValue:
    """Do with the posts that were chosen in the list what its button says; ask first what cannot be undone."""
    forms.must_be_whole()
    act, _, only = request.form.get("action", "").partition(" ")
    wanted = _wanted([only] if only else request.form.getlist("chosen"))
    if act not in MANY:
        raise Invalid(Words("A hidden part of the form was changed. Nothing was done; please reload the page."))
    sought = Sought(moment(), _trash_from())
    found = {post.id: post for post in posts.chosen(wanted, sought=sought, reader=Reader(*asker()))}
    if act == "delete" and found and "sure" not in request.form:
        return render_template("dashboard/erase.html", posts=list(found.values()), args=_filters())
    needed = step_up(STEP_UPS[act]) if act in STEP_UPS and found else None
    return needed or _do_to_many(act, wanted, found)


def _filters() -> dict[str, Any]:
    return {name: text for name in FILTERS if (text := request.args.get(name, ""))}


def _wanted(chosen: Collection[str]) -> dict[int, int]:
    """Read which posts were chosen, and the version that was shown of each."""
    pairs = (text.partition("-") for text in list(chosen)[: forms.MOST_CHOSEN])
    return {forms.whole_number(post_id): forms.whole_number(version) for post_id, _, version in pairs}


def _do_to_many(act: str, wanted: Mapping[int, int], found: Mapping[int, Any]) -> ResponseReturnValue:
    problems = {post_id: _do(act, found.get(post_id), version) for post_id, version in wanted.items()}
    done = sum(not problem for problem in problems.values())
    flash(_done(act, done) if wanted else _("No post was chosen."), "")
    left = [(found.get(post_id), problem) for post_id, problem in problems.items() if problem]
    for post, problem in left[:TOLD]:
        flash(f"“{post.title}”: {translated(problem)}" if post else translated(problem), "")
    if len(left) > TOLD:
        more = len(left) - TOLD
        flash(
            ngettext(
                "And %(num)s more that nothing was done with.", "And %(num)s more that nothing was done with.", more
            ),
            "",
        )
    if act in {"trash", "restore", "delete"}:
        trash.sweep(trash_from=_trash_from())
    return redirect(url_for("dashboard.index", **_filters()), 303)


def _done(act: str, number: int) -> str:
    if act == "publish":
        return ngettext("%(num)s post published.", "%(num)s posts published.", number)
    if act == "unpublish":
        return ngettext("%(num)s post unpublished.", "%(num)s posts unpublished.", number)
    if act == "trash":
        return ngettext("%(num)s post moved to the trash.", "%(num)s posts moved to the trash.", number)
    if act == "restore":
        return ngettext(
            "%(num)s post restored, readers do not see that yet.",
            "%(num)s posts restored, readers do not see that yet.",
            number,
        )
    return ngettext("%(num)s post deleted for good.", "%(num)s posts deleted for good.", number)


def _do(act: str, post: Any, version: int) -> str:
    """Do one thing with one post; say why that could not be, if it could not."""
    if post is None:
        return Words("A post is not there any more, or is not yours to change.")
    if act in {"trash", "delete", "restore"} and not authorship.may_choose(post, Reader(*asker())):
        return Words("only whoever holds it, and editors, can delete it.")
    try:
        if act in {"publish", "unpublish"}:
            turned = posts.turn(post.id, version=version, publish=act == "publish", now=moment())
            already = Words("it was published already.") if act == "publish" else Words("it was unpublished already.")
            return "" if turned else already
        if act == "trash":
            trash.put(post.id, version=version, now=moment())
        elif act == "restore":
            trash.restore(post.id, now=moment(), trash_from=_trash_from())
        else:
            trash.delete(post.id)
    except Conflict:
        return Words("it was saved in the meantime. Look at it, and try again.")
    except NotFound:
        return "it is in the trash, or taken out of it; look at the list again."
    return ""


# -- writing ----------------------------------------------------------------------------------------------------------


@bp.route("/dashboard/write", methods=["GET", "POST"])
@forms.takes_long_texts
@role_required("author")
def write() -> ResponseReturnValue:
    """Show the form for a new post; take it."""
    if request.method == "GET":
        kept = copies.of_form(g.user.key, request.args.get("copy"), now=moment())
        return _writer(_parked() or (_continued(kept) if kept else MultiDict()), kept=kept)
    if _asked() == "discard":
        return _discard(url_for("dashboard.index"))
    if _asked() == "preview":
        return _writer(request.form, *_previewed(request.form))
    return (step_up("publish") if _action() in {"publish", "schedule"} else None) or _create()


def _create() -> ResponseReturnValue:
    typed = _chosen(request.form)
    try:
        forms.must_be_whole()
        publish, at = _timed()
        made = posts.create(
            g.user.key,
            title=typed.get("title", ""),
            body_md=typed.get("body", ""),
            now=moment(),
            publish=bool(publish),
            at=at,
            form_id=typed.get("form_id") or None,
            audience=_audience() or FOR_EVERYONE,
            own_groups=g.user.groups,
            handle=handle(g.user.key),
            form=_form(),
            takes_comments=_takes_comments(),
            about=_details() or PLAIN,
        )
    except Invalid as error:
        return _writer(typed, error.problems), 400
    except Conflict as error:
        return _conflict(error.current, typed)
    _remember_saved()
    flash(_said("publish" if made.is_live(moment()) else "draft", made), made.slug)
    draft = made.published_at is None
    return redirect(url_for("dashboard.edit", slug=made.slug) if draft else url_for("dashboard.index"), 303)


def _writer(
    typed: MultiDict[str, str],
    problems: Mapping[str, str] | None = None,
    preview: posts.Preview | None = None,
    *,
    kept: copies.Kept | None = None,
) -> str:
    return render_template(
        "dashboard/write.html",
        post=None,
        choice=_choice(typed),
        about=_about(typed),
        timing=_timing(typed),
        **_in_every_editor(typed, problems, preview, kept),
    )


def _in_every_editor(
    typed: MultiDict[str, str],
    problems: Mapping[str, str] | None,
    preview: posts.Preview | None,
    kept: copies.Kept | None,
) -> dict[str, Any]:
    return {
        "typed": typed,
        "problems": problems or {},
        "preview": preview,
        "kept": None if "parked" in typed else kept,
        "form_id": typed.get("form_id") or forms.new_form_id(),
        "saved_forms": _saved_forms(),
        "person": person_ref(g.user.key),
    }


def _parked() -> MultiDict[str, str] | None:
    return _chosen(found) if (found := parked_form()) else None


def _continued(kept: copies.Kept) -> MultiDict[str, str]:
    """Fill the form in as it was kept; it is another open form, which goes on with that copy."""
    version = [] if kept.version is None else [("version", str(kept.version))]
    return MultiDict([*kept.fields, *version, ("continues", kept.ref)])


def _form() -> copies.Form:
    """Say which open form this request is about."""
    return copies.Form(g.user.key, request.form.get("form_id"), request.form.get("continues"))


def _discard(back: str) -> ResponseReturnValue:
    copies.discard(_form())
    _remember_saved()
    flash(_("What was not saved is discarded."), "")
    return redirect(back, 303)


def _remember_saved() -> None:
    """Note for the next page of this browser that what it keeps itself of this form is needed no more."""
    if form_id := request.form.get("form_id"):
        session["saved_forms"] = [*session.get("saved_forms", []), form_id[:64]][-10:]


def _saved_forms() -> list[str]:
    found: list[str] = session.pop("saved_forms", [])
    return found


@bp.post("/dashboard/autosave")
@role_required("author")
def autosave() -> ResponseReturnValue:
    """Keep what is being typed; the post stays as it is."""
    forms.must_be_whole()
    typed = request.form
    post = _editable_wherever(typed["post"]) if typed.get("post") else None
    version = forms.whole_number(typed.get("version")) if post else None
    fields = forms.fields_of(typed)
    if sum(len(text) for _, text in fields) > copies.LONGEST:
        raise RequestEntityTooLarge
    try:
        kept_at = copies.keep(_form(), fields, now=moment(), post=post, version=version, again="again" in typed)
    except Taken:
        return {"detail": translated(LATE)}, 409
    if post and post.version != version:
        return {"kept_at": machine(kept_at), "detail": translated(OVERTAKEN)}, 409
    return {"kept_at": machine(kept_at)}


@bp.post("/dashboard/preview")
@role_required("author")
def preview() -> ResponseReturnValue:
    """Show what saving would publish, as a piece of a page; for the script of the editor."""
    typed = request.form
    problems, previewed = _previewed(typed, _editable_wherever(typed["post"]) if typed.get("post") else None)
    return render_template("dashboard/preview.html", preview=previewed, problems=problems), 400 if problems else 200


def _previewed(typed: MultiDict[str, str], post: Any = None) -> tuple[Mapping[str, str], posts.Preview | None]:
    words = {"title": typed.get("title", ""), "body_md": typed.get("body", "")}
    writer = Reader(*asker()) if post else Reader(g.user.key, g.user.groups)
    try:
        return {}, posts.preview(**words, writer=writer, now=moment(), post_id=post.id if post else None)
    except Invalid as error:
        return error.problems, None


class Timing(NamedTuple):
    """What a form shows under “Publish later”.

    :param typed: what the field holds.
    :param zone: by whose clocks; `guessed`: nobody said so yet, so that the browser may.
    :param scheduled: for when it is scheduled.
    """

    typed: str
    zone: str
    guessed: bool
    zones: tuple[str, ...]
    scheduled: datetime | None


def _zone(typed: Mapping[str, str]) -> str | None:
    """Tell by whose clocks somebody schedules: as they chose here or before, else as the provider says."""
    return zones.known(typed.get("zone")) or zones.known(session.get("zone")) or zones.known(g.user.zone)


def _timing(typed: Mapping[str, str], post: Any = None) -> Timing:
    zone = _zone(typed) or current_app.config["TIME_ZONE"]
    scheduled = _scheduled(post)
    at = typed["publish_at"] if "publish_at" in typed else zones.typed_at(scheduled, zone)
    return Timing(at, zone, _zone(typed) is None, tuple(dict.fromkeys((zone, *zones.names()))), scheduled)


def _scheduled(post: Any) -> datetime | None:
    """Tell when a post falls due; None when it does not."""
    return post.published_at if post is not None and state_of(post, moment()) == SCHEDULED else None


def _timed(post: Any = None) -> tuple[bool | None, datetime | None]:
    """Read what button and time of a form say: whether to publish, and when; None where that stays as it is.

    Who types a time and presses *Publish* means that time.
    """
    action, typed, stored = _action(), request.form, _scheduled(post)
    if zone := zones.known(typed.get("zone")):
        session["zone"] = zone
    if action == "unpublish":
        return False, None
    at = zones.moment_of(typed.get("publish_at", ""), _zone(typed) or current_app.config["TIME_ZONE"], stored=stored)
    if action == "schedule" and at is None:
        raise Invalid({zones.FIELD: Words("Say when it is to be published.")})
    if action in {"publish", "schedule"}:
        return True, None if action == "publish" and at == stored else at
    return (True, at) if stored and at and at != stored else (None, None)


def _check_to_run() -> str | None:
    """Give the command that nobody has run yet, for whoever can see to it: editors, or all where nobody can be one."""
    ready = porch()
    sees_to_it = "editor" in g.user.roles or not ready.role_rules.can_give("editor")
    if not sees_to_it or not ready.proof.is_needed or ready.proof.at() is not None:
        return None
    own_id = g.user.key.id
    return shlex.join(["flask", "--app", "blog", "authors", "check", *(["--"] if own_id[:1] == "-" else []), own_id])


def _held() -> int | None:
    """How many comments wait for this person's decision; None where people cannot comment."""
    if current_app.config["COMMENTS"] == "off":
        return None
    return comments.count_held(Visitor(Reader(*asker()), is_author=True), now=moment())


class Chart(NamedTuple):
    """How often something was read: the sums, and a bar for each of the counts they are made of."""

    views: int
    readers: int
    counts: list[Count]
    bars: list[charts.Bar]
    outline: str


def _chart(counts: list[Count], *, width: int, height: int, gap: int) -> Chart:
    shown = charts.bars([each.views for each in counts], width=width, height=height, gap=gap)
    views, readers = sum(each.views for each in counts), sum(each.readers for each in counts)
    return Chart(views, readers, counts, shown, charts.outline(shown))


def _readership_of(listed: Iterable[Any]) -> Mapping[int, Chart]:
    """A small chart for each of these posts; none where nothing is counted."""
    if "readership" not in current_app.extensions:
        return {}
    counted = of_posts([post.id for post in listed], now=moment(), days=30)
    return {post_id: _chart(counts, width=3, height=24, gap=1) for post_id, counts in counted.items()}


@bp.get("/dashboard/readership")
@role_required("author")
def readership() -> ResponseReturnValue:
    """Show how often one's own posts are read; for an editor, everybody's."""
    days = next((span for span in SPANS if str(span) == request.args.get("days", "30")), None)
    if days is None or "readership" not in current_app.extensions:
        raise NotFound
    reader, now = Reader(*asker()), moment()
    counts = together(by_day(reader, now=now, days=days), SPANS[days])
    return render_template(
        "dashboard/readership.html",
        days=days,
        spans=SPANS,
        chart=_chart(counts, width=8, height=160, gap=2),
        favourites=favourites(reader, now=now, days=days, limit=FAVOURITES),
        everybody=reader.everything,
    )


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
    flash(_("Your page is at %(address)s now.", address=url_for("blog.author", handle=picked)), "")
    return redirect(url_for("dashboard.index"), 303)


def _page(typed: str, problems: Mapping[str, str] | None = None) -> str:
    return render_template("dashboard/page.html", handle=handles.of(g.user.key), typed=typed, problems=problems or {})


@bp.route("/<slug>/edit", methods=["GET", "POST"])
@forms.takes_long_texts
@role_required("author")
def edit(slug: str) -> ResponseReturnValue:
    """Show a post for editing; save it, publish it or take it back."""
    if request.method == "GET":
        return _open_editor(_editable(slug))
    post = _editable_wherever(slug)
    if _asked() == "discard":
        return _discard(url_for("dashboard.edit", slug=post.slug))
    if _asked() == "preview":
        return _editor(post, request.form, *_previewed(request.form, post))
    if _asked().partition(" ")[0] in REARRANGE:
        return _rearrange(post)
    changes_what_is_read = post.published_at is not None or _action() in {"publish", "schedule"}
    return (step_up("publish") if changes_what_is_read else None) or _save(post)


def _open_editor(post: Any) -> str:
    """Show a post as it is stored; or, where one typed more and did not save it, that."""
    if parked := _parked():
        return _editor(post, parked)
    found = [each for each in copies.of_post(g.user.key, post.id, now=moment()) if _differs(each, post)]
    wanted = request.args.get("copy")
    kept = next((each for each in found if each.form_id == wanted), found[0] if found else None)
    others = [each for each in found if each is not kept]
    return _editor(post, _continued(kept) if kept else MultiDict(), kept=kept, others=others)


def _differs(kept: copies.Kept, post: Any) -> bool:
    """Whether a copy says anything that the post does not."""
    typed = MultiDict(kept.fields)
    told = (typed.get("title", "").strip(), typed.get("body", "").replace("\r\n", "\n").strip())
    visible_to, groups = _audience(typed) or (post.visible_to, post.groups)
    stored = (post.typed_title, post.body_md.strip())
    same_audience = visible_to == post.visible_to and (visible_to != GROUPS or set(groups) == set(post.groups))
    about = _details(typed)
    other_details = about is not None and not about.same_as(post)
    others = (_other_authors(typed, post), _other_comments(typed, post), _other_time(typed, post), other_details)
    return told != stored or not same_audience or any(others)


def _other_authors(typed: MultiDict[str, str], post: Any) -> bool:
    """Whether a form names others above a post, or somebody was put in a field and not added yet."""
    if "authors" not in typed or not authorship.may_choose(post, Reader(*asker())):
        return False
    added = any(typed.get(name, "").strip() for name in ("add_author", "add_page", "add_guest"))
    return added or typed.getlist("author") != authorship.as_written(post, post.listed)


def _other_comments(typed: MultiDict[str, str], post: Any) -> bool:
    takes_comments = _takes_comments(typed)
    return takes_comments is not None and takes_comments == post.comments_closed


def _other_time(typed: MultiDict[str, str], post: Any) -> bool:
    """Whether a form has another time at which the post is to be published; once it is live, that is over."""
    if "publish_at" not in typed or post.is_live(moment()):
        return False
    zone = _zone(typed) or current_app.config["TIME_ZONE"]
    return typed["publish_at"].strip() != zones.typed_at(_scheduled(post), zone)


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
    typed, action = _chosen(request.form), _action()
    if _asked() == "merge" and versions.has_marks(typed["body"]):
        return _conflict(
            post, request.form, {"merged": Words("Both versions still stand at a place: choose, then save.")}
        )
    try:
        forms.must_be_whole()
        publish, at = _timed(post)
        saved = posts.save(
            post.id,
            version=forms.whole_number(typed.get("version")),
            title=typed.get("title", ""),
            body_md=typed.get("body", ""),
            now=moment(),
            publish=publish,
            at=at,
            audience=_audience(),
            own_groups=g.user.groups,
            form=_form(),
            naming=_naming(post),
            writer=Reader(*asker()),
            takes_comments=_takes_comments(),
            by=g.user.key,
            revisions_kept=current_app.config["REVISIONS_KEPT"],
            about=_details(),
        )
    except Invalid as error:
        return _editor(post, typed, error.problems), 400
    except Conflict as error:
        return _conflict(error.current, typed)
    _remember_saved()
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


def _editor(
    post: Any,
    typed: MultiDict[str, str],
    problems: Mapping[str, str] | None = None,
    preview: posts.Preview | None = None,
    *,
    kept: copies.Kept | None = None,
    others: Sequence[copies.Kept] = (),
    focus: str = "",
) -> str:
    return render_template(
        "dashboard/edit.html",
        post=post,
        choice=_choice(typed, post),
        about=_about(typed, post),
        authors=_authors(post, typed),
        focus=focus,
        timing=_timing(typed, post),
        state=state_of(post, moment()),
        live=post.is_live(moment()),
        bylines=_bylines_of_others(post),
        others=others,
        **_in_every_editor(typed, problems, preview, kept),
    )


def _bylines_of_others(post: Any) -> Mapping[Key, Byline]:
    """Say whose post somebody is about to change, unless it is their own alone."""
    keys = authorship.keys([post])
    return {} if len(post.named) == 1 and keys == {g.user.key} else _names(keys)


def _names(keys: Collection[tuple[str, str]]) -> Mapping[Key, Byline]:
    return bylines(keys) if keys else {}


def _conflict(
    current: Any, typed: MultiDict[str, str], problems: Mapping[str, str] | None = None
) -> ResponseReturnValue:
    """Show both versions, what differs, and one made of both; any can be saved over the other, knowing it now."""
    base_title, base = copies.base_of(_form()) or (None, None)
    page = render_template(
        "dashboard/conflict.html",
        post=current,
        typed=typed,
        problems=problems or {},
        choice=_choice(typed, current),
        about=_about(typed, current),
        saved=details.of(current),
        changes=versions.differences(current.body_md, typed.get("body", "")),
        merged=versions.merge(typed.get("body", ""), current.body_md, base),
        merged_title=versions.merge_line(typed.get("title", ""), current.typed_title, base_title),
        live=current.is_live(moment()),
        timing=_timing(typed, current),
        authors=_authors(current, typed),
        bylines=bylines(authorship.keys([current])),
    )
    return make_response(page, 409)


def _chosen(typed: MultiDict[str, str]) -> MultiDict[str, str]:
    """Of a form with two versions, take the one that its button says."""
    if typed.get("action") != "merge":
        return typed
    chosen = MultiDict(typed)
    chosen["title"], chosen["body"] = chosen.pop("merged_title", ""), chosen.pop("merged", "")
    return chosen


@bp.route("/<slug>/delete", methods=["GET", "POST"])
@role_required("author")
def delete(slug: str) -> ResponseReturnValue:
    """Ask first, then put a post into the trash."""
    if request.method == "GET":
        post = _editable(slug)
        _must_choose(post)
        shown = {"live": post.is_live(moment()), "days": current_app.config["TRASH_DAYS"]}
        return render_template("dashboard/delete.html", post=post, **shown, bylines=_bylines_of_others(post))
    post = _editable_wherever(slug)
    _must_choose(post)
    return step_up("delete") or _delete(post)


def _must_choose(post: Any) -> None:
    if not authorship.may_choose(post, Reader(*asker())):
        raise Forbidden(Words("You are one of the authors of this post; whoever holds it, and editors, can delete it."))


def _delete(post: Any) -> ResponseReturnValue:
    trash.put(post.id, now=moment())
    trash.sweep(trash_from=_trash_from())
    flash(_("“%(title)s” is deleted. It can be restored from the trash.", title=post.title), "")
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
    flash(
        _("Your name stands above “%(title)s”.", title=post.title)
        if agrees
        else _("Your name does not stand above “%(title)s”.", title=post.title),
        "",
    )
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


def _takes_comments(typed: MultiDict[str, str] | None = None) -> bool | None:
    """Read whether people may comment on the post of a form; None when the form does not ask."""
    typed = request.form if typed is None else typed
    return typed.get("comments") == "yes" if "asks_comments" in typed else None


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
    zone = _zone(request.form) or current_app.config["TIME_ZONE"]
    if at := _scheduled(post):
        said = _("Scheduled for %(time)s.", time=zones.in_words(at, zone))
        twice = _("Clocks go back then; the first of the two is meant.")
        return f"{said} {twice}" if zones.comes_twice(at, zone) else said
    if action in {"draft", "save"} and (wished := zones.moment_of(request.form.get("publish_at", ""), zone)):
        wish = zones.in_words(wished, zone)
        but = _("It is not scheduled for %(time)s: the button for that is “Schedule”.", time=wish)
        return f"{translated(SAID[action])} {but}"
    said = translated(SAID[action])
    return f"{said} {translated(CAN_READ[post.visible_to])}" if action == "publish" else said


def _asked() -> str:
    return request.form.get("action", "")


def _action() -> str:
    action = request.form.get("action", "draft")
    return action if action in {*SAID, "schedule"} else "save"
