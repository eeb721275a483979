"""Server-side sessions: an opaque id in the cookie, its hash and sealed data in the database.

The only module of this room that knows Flask: it is Flask's session interface.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import ColumnElement, Delete, and_, bindparam, delete, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import CallbackDict

from blog.db import LoginSession, Spent, UtcDateTime, db, writing
from blog.identity.people import Key, Person
from blog.identity.sealing import Seal

SEEN_EVERY = timedelta(minutes=1)  # how exactly idleness is known; a write per request would be a waste
PER_PERSON = 10  # the longest unseen gives way to an eleventh login
TARGETS_KEPT = 5
ID_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
PURPOSE, HOLDER = "session", "holder of a session"  # what the two sealed columns are sealed for
BROWSER_LONGEST = 300


@dataclass(frozen=True, slots=True, repr=False)
class Holder:
    """Who holds a session, and what the provider proved about them.

    :param subject: the ``sub`` claim, by which the provider speaks of them, which need not be the author id.
    :param sid: the provider's id of its own session, if it told.
    :param id_token: the hint for logging out.
    :param nonce: of the login; a refreshed ID token that has one must have this one.
    :param auth_time: when they last proved who they are (seconds since the epoch), if the provider told.
    :param acr: how they proved it, likewise.
    :param refresh_token: None when there is none.
    :param browser: the User-Agent that logged in.
    """

    person: Person
    subject: str
    sid: str | None
    id_token: str
    nonce: str
    auth_time: int | None = None
    acr: str | None = None
    refresh_token: str | None = None
    browser: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give what is to be sealed, as values that survive JSON."""
        person = {**asdict(self.person), "roles": sorted(self.person.roles), "groups": sorted(self.person.groups)}
        return {**asdict(self), "person": person, "browser": self.browser[:BROWSER_LONGEST]}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Holder:
        """Read what ``to_dict`` gave."""
        known = values["person"]
        sets = {name: frozenset(known[name]) for name in ("roles", "groups")}
        person = Person(**{**known, "key": Key(*known["key"]), **sets})
        return cls(**{**values, "person": person})


class Session(CallbackDict[str, Any], SessionMixin):
    """What is known of one browser: its holder, and a few notes. Without a holder it is empty and never kept."""

    def __init__(
        self, data: dict[str, Any] | None = None, session_id: str | None = None, holder: Holder | None = None
    ) -> None:
        def note_change(session: Session) -> None:
            session.modified = True

        super().__init__(data or {}, note_change)
        self.session_id = session_id
        self.holder = holder
        self.replaces: set[str] = set()  # sessions that end with this request, by the hash of their id
        self.modified = False
        self.seen_at: datetime | None = None  # None: the database does not know it yet
        self.checked_at: datetime | None = None  # when the provider last vouched for the holder

    @property
    def ref(self) -> str | None:
        """What names this session, and opens nothing; None without one."""
        return hash_of(self.session_id) if self.session_id else None

    @property
    def person(self) -> Person | None:
        """Who is logged in, as the provider last described them."""
        return self.holder.person if self.holder else None

    def log_in(self, holder: Holder, *, instead_of: str | None = None) -> None:
        """Begin anew under a new id; whatever id the browser held before is worth nothing.

        :param instead_of: the ``ref`` of a session whose cookie this request did not bring.
        """
        targets = self.get("targets", [])
        self.clear()
        self.replaces |= {ref for ref in (self.ref, instead_of) if ref}
        self.session_id = secrets.token_urlsafe(32)
        self.seen_at = self.checked_at = None
        self.holder = holder
        self["targets"] = targets

    def log_out(self) -> None:
        """End it: nothing remains, here or in the database."""
        self.clear()
        self.replaces |= {self.ref} if self.ref else set()
        self.session_id = self.holder = None

    def remember_target(self, state: str, target: str) -> None:
        """Note where the login with this state went, so that a repeated answer can go there again."""
        self["targets"] = [*self.get("targets", []), [hash_of(state), target]][-TARGETS_KEPT:]

    def target_of(self, state: str) -> str | None:
        """Tell where the login with this state went."""
        return dict(self.get("targets", [])).get(hash_of(state))


def hash_of(secret: str) -> str:
    """Hash an unguessable value for the database; no key or salt is needed for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _person_ref(seal: Seal, issuer: str, subject: str) -> str:
    return seal.ref("person", issuer, subject)


def _key_ref(seal: Seal, key: Key) -> str:
    return seal.ref("key", *key)


def _sid_ref(seal: Seal, issuer: str, sid: str) -> str:
    return seal.ref("sid", issuer, sid)


def ending(
    seal: Seal, issuer: str, *, subject: str | None = None, sid: str | None = None, author_id: str | None = None
) -> Delete:
    """Make the statement that ends sessions, at once and in every process: each request looks its session up.

    :param subject: of whom, by the ``sub`` claim.
    :param sid: those of this session of the provider.
    :param author_id: of whom, by the id that posts are kept under. With several given, those that match all.
    :raises ValueError: none is given; that would be everybody's.
    """
    matches: list[ColumnElement[bool]] = []
    if subject is not None:
        matches.append(LoginSession.person_ref == _person_ref(seal, issuer, subject))
    if sid is not None:
        matches.append(LoginSession.sid_ref == _sid_ref(seal, issuer, sid))
    if author_id is not None:
        matches.append(LoginSession.key_ref == _key_ref(seal, Key(issuer, author_id)))
    if not matches:
        raise ValueError("name a subject, a sid or an author id")
    return delete(LoginSession).where(*matches)


def _ages(now: datetime, idle: timedelta) -> dict[str, datetime]:
    """Give the parameters of `_ALIVE`: which sessions have not ended by age or idleness at a moment (aware UTC)."""
    return {"expire_after": now, "seen_after": now - idle}


_ALIVE = and_(
    LoginSession.expires_at > bindparam("expire_after", type_=UtcDateTime()),
    LoginSession.seen_at > bindparam("seen_after", type_=UtcDateTime()),
)
_THIS = select(LoginSession).where(LoginSession.id_hash == bindparam("id_hash"), _ALIVE)  # asked at each request


class Seen(NamedTuple):
    """One session, as its person may see it.

    :param ref: names it, and opens nothing.
    :param holder: who holds it, since `created_at`; they were last seen at `seen_at` (aware UTC).
    """

    ref: str
    holder: Holder
    created_at: datetime
    seen_at: datetime


def of_person(seal: Seal, key: Key, *, now: datetime, idle: timedelta) -> list[Seen]:
    """List somebody's sessions, the last seen first."""
    theirs = select(LoginSession).where(LoginSession.key_ref == _key_ref(seal, key), _ALIVE)
    latest_first = theirs.order_by(LoginSession.seen_at.desc(), LoginSession.id_hash)
    rows = db.session.scalars(latest_first, _ages(now, idle)).all()
    opened = [(row, _holder(seal, row)) for row in rows]
    return [Seen(row.id_hash, holder, row.created_at, row.seen_at) for row, holder in opened if holder]


def last_holder(seal: Seal, key: Key) -> Holder | None:
    """Tell what was known of somebody when they last logged in, as far as that is still kept."""
    theirs = select(LoginSession).where(LoginSession.key_ref == _key_ref(seal, key))
    row = db.session.scalar(theirs.order_by(LoginSession.checked_at.desc(), LoginSession.id_hash).limit(1))
    return _holder(seal, row) if row else None


def end(ref: str, *, key: Key, seal: Seal) -> bool:
    """End one session, if it is this person's; tell whether it was there.

    :param ref: of :class:`Seen`.
    """
    with writing() as transaction:
        one = delete(LoginSession).where(LoginSession.id_hash == ref, LoginSession.key_ref == _key_ref(seal, key))
        return transaction.execute(one).rowcount > 0  # type: ignore[attr-defined]


def claim_check(ref: str, *, checked_at: datetime, now: datetime) -> bool:
    """Take it on to ask the provider about a session's holder; of many who see that it is due, one does.

    :param checked_at: when it was asked last, as far as the caller knows.
    """
    due = update(LoginSession).where(LoginSession.id_hash == ref, LoginSession.checked_at == checked_at)
    try:
        with writing() as transaction:
            return transaction.execute(due.values(checked_at=now)).rowcount > 0  # type: ignore[attr-defined]
    except OperationalError:  # a full disk or a long write elsewhere is no reason to keep a reader waiting
        return False


def note_check(seal: Seal, ref: str, *, holder: Holder | None = None, checked_at: datetime) -> None:
    """Keep what the provider said of a session's holder, and when; nothing happens when it has ended by now.

    :param holder: None when it said nothing, so that what is known stays.
    """
    values: dict[str, Any] = {"checked_at": checked_at}
    if holder:
        values["holder"] = seal.close(HOLDER, ref, holder.to_dict())
    with writing() as transaction:
        transaction.execute(update(LoginSession).where(LoginSession.id_hash == ref).values(values))


def _holder(seal: Seal, row: LoginSession) -> Holder | None:
    known = seal.open(HOLDER, row.id_hash, row.holder)
    try:
        return Holder.from_dict(known) if known else None  # None: sealed with another SECRET_KEY
    except (KeyError, TypeError):  # kept by another version
        return None


class Sessions(SessionInterface):
    """Flask's session interface over the table ``sessions``.

    :param lifetime: age at which a session ends.
    :param idle: time unseen after which it ends.
    :param clock: gives the aware UTC moment.
    :param secure: whether the blog is on https; the cookie is then ``__Host-``, bound to this very host.
    """

    def __init__(
        self, seal: Seal, *, lifetime: timedelta, idle: timedelta, clock: Callable[[], datetime], secure: bool
    ) -> None:
        self.seal = seal
        self.lifetime = lifetime
        self.idle = idle
        self.clock = clock
        self.secure = secure
        self.cookie = "__Host-byline" if secure else "byline"

    def open_session(self, app: Flask, request: Request) -> Session:
        """Find the session this request's cookie names; an empty one if there is none, or it has ended."""
        if self.cookie not in request.environ.get("HTTP_COOKIE", ""):  # all others need not be taken apart
            return Session()
        session_id = request.cookies.get(self.cookie, "")
        if request.endpoint == "static" or not ID_FORM.fullmatch(session_id):
            return Session()
        try:
            return self._find(session_id) or Session()
        except (OperationalError, PoolTimeout):
            return Session()  # whatever this request needs of the database will say so itself, with a page

    def _find(self, session_id: str) -> Session | None:
        row = db.session.scalar(_THIS, {"id_hash": hash_of(session_id), **_ages(self.clock(), self.idle)})
        if row is None or (holder := _holder(self.seal, row)) is None:
            return None
        session = Session(self.seal.open(PURPOSE, row.id_hash, row.data), session_id, holder)
        session.seen_at, session.checked_at = row.seen_at, row.checked_at
        return session

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Keep what changed, end what ended, and note now and then that the browser was seen."""
        assert isinstance(session, Session)  # noqa: S101  (for the type checker: open_session makes no other)
        if session.replaces or (session.modified and session.session_id):
            self._keep(session, response)
        elif session.session_id and session.seen_at and self.clock() - session.seen_at >= SEEN_EVERY:
            self._note_seen(hash_of(session.session_id))

    def _keep(self, session: Session, response: Response) -> None:
        now = self.clock()
        with writing() as transaction:
            if session.replaces:
                transaction.execute(delete(LoginSession).where(LoginSession.id_hash.in_(session.replaces)))
            if session.holder and session.session_id and session.seen_at is None:
                transaction.add(self._new_row(session.session_id, session.holder, dict(session), now))
                self._tidy(session.holder, now)
            elif session.session_id:
                id_hash = hash_of(session.session_id)
                data = self.seal.close(PURPOSE, id_hash, dict(session))
                changed = update(LoginSession).where(LoginSession.id_hash == id_hash)
                transaction.execute(changed.values(data=data, seen_at=now))
        if session.session_id is None:
            response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="Lax")
        elif session.seen_at is None:
            response.set_cookie(
                self.cookie,
                session.session_id,
                max_age=self.lifetime,
                path="/",
                secure=self.secure,
                httponly=True,
                samesite="Lax",  # Strict would not come along when the provider sends people back
            )

    def _new_row(self, session_id: str, holder: Holder, data: dict[str, Any], now: datetime) -> LoginSession:
        issuer, id_hash = holder.person.key.issuer, hash_of(session_id)
        return LoginSession(
            id_hash=id_hash,
            person_ref=_person_ref(self.seal, issuer, holder.subject),
            key_ref=_key_ref(self.seal, holder.person.key),
            sid_ref=_sid_ref(self.seal, issuer, holder.sid) if holder.sid else None,
            holder=self.seal.close(HOLDER, id_hash, holder.to_dict()),
            data=self.seal.close(PURPOSE, id_hash, data),
            created_at=now,
            seen_at=now,
            checked_at=now,
            expires_at=now + self.lifetime,
        )

    def _tidy(self, holder: Holder, now: datetime) -> None:
        """At each login: drop what has ended, and this person's sessions beyond the number allowed."""
        db.session.flush()
        for table in (LoginSession, Spent):
            db.session.execute(delete(table).where(table.expires_at <= now))
        mine = LoginSession.person_ref == _person_ref(self.seal, holder.person.key.issuer, holder.subject)
        newest_first = select(LoginSession.id_hash).where(mine).order_by(LoginSession.seen_at.desc())
        too_many = db.session.scalars(newest_first.offset(PER_PERSON)).all()
        db.session.execute(delete(LoginSession).where(LoginSession.id_hash.in_(too_many)))

    def _note_seen(self, id_hash: str) -> None:
        try:
            with writing() as transaction:
                seen = update(LoginSession).where(LoginSession.id_hash == id_hash)
                transaction.execute(seen.values(seen_at=self.clock()))
        except OperationalError:  # a full disk or a long write elsewhere is no reason to keep a reader waiting
            pass
