"""Server-side sessions: an opaque id in the cookie, its hash and sealed data in the database.

The only module of this room that knows Flask: it is Flask's session interface.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import Delete, delete, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.datastructures import CallbackDict

from blog.db import LoginSession, Spent, db, writing
from blog.identity.people import Key, Person
from blog.identity.sealing import Seal

SEEN_EVERY = timedelta(minutes=1)  # how exactly idleness is known; a write per request would be a waste
PER_PERSON = 10  # the longest unseen gives way to an eleventh login
TARGETS_KEPT = 5
ID_FORM = re.compile(r"[A-Za-z0-9_-]{43}")
PURPOSE = "session"


class Session(CallbackDict[str, Any], SessionMixin):
    """What is known of one browser. Without a person it is empty and never kept."""

    def __init__(self, data: dict[str, Any] | None = None, session_id: str | None = None) -> None:
        def note_change(session: Session) -> None:
            session.modified = True

        super().__init__(data or {}, note_change)
        self.session_id = session_id
        self.replaces: str | None = None
        self.modified = False
        self.seen_at: datetime | None = None  # None: the database does not know it yet

    @property
    def person(self) -> Person | None:
        """Who is logged in, as the provider described them at login."""
        if not (known := self.get("person")):
            return None
        groups = known.get("groups", ())  # a session may have begun before they were kept
        return Person(Key(known["issuer"], known["id"]), known["name"], frozenset(known["roles"]), frozenset(groups))

    def log_in(self, person: Person, *, subject: str, sid: str | None, id_token: str) -> None:
        """Begin anew as this person, under a new id; whatever id the browser held before is worth nothing.

        :param subject: the ``sub`` claim, by which the provider speaks of them, which need not be the author id.
        :param sid: the provider's id of its own session, if it told.
        :param id_token: kept as the hint for logging out.
        """
        targets = self.get("targets", [])
        self.clear()
        self.replaces, self.session_id = self.session_id, secrets.token_urlsafe(32)
        self.seen_at = None
        known = {"name": person.name, "roles": sorted(person.roles), "groups": sorted(person.groups)}
        self["person"] = {**person.key._asdict(), **known}
        self["subject"] = subject
        self["sid"] = sid
        self["id_token"] = id_token
        self["targets"] = targets

    def log_out(self) -> None:
        """End it: nothing remains, here or in the database."""
        self.clear()
        self.replaces, self.session_id = self.session_id, None

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


def _sid_ref(seal: Seal, issuer: str, sid: str) -> str:
    return seal.ref("sid", issuer, sid)


def ending(seal: Seal, issuer: str, *, subject: str | None = None, sid: str | None = None) -> Delete:
    """Make the statement that ends sessions, at once and in every process: each request looks its session up.

    :param subject: of whom, by the ``sub`` claim.
    :param sid: those of this session of the provider. With both given, those that match both.
    :raises ValueError: neither is given; that would be everybody's.
    """
    matches = []
    if subject is not None:
        matches.append(LoginSession.person_ref == _person_ref(seal, issuer, subject))
    if sid is not None:
        matches.append(LoginSession.sid_ref == _sid_ref(seal, issuer, sid))
    if not matches:
        raise ValueError("name a subject, a sid, or both")
    return delete(LoginSession).where(*matches)


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
        session_id = request.cookies.get(self.cookie, "")
        if request.endpoint == "static" or not ID_FORM.fullmatch(session_id):
            return Session()
        try:
            return self._find(session_id) or Session()
        except (OperationalError, PoolTimeout):
            return Session()  # whatever this request needs of the database will say so itself, with a page

    def _find(self, session_id: str) -> Session | None:
        now = self.clock()
        alive = select(LoginSession).where(
            LoginSession.id_hash == hash_of(session_id),
            LoginSession.expires_at > now,
            LoginSession.seen_at > now - self.idle,
        )
        row = db.session.scalar(alive)
        data = self.seal.open(PURPOSE, row.id_hash, row.data) if row else None
        if data is None:
            return None
        session = Session(data, session_id)
        session.seen_at = row.seen_at if row else None
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
                transaction.execute(delete(LoginSession).where(LoginSession.id_hash == hash_of(session.replaces)))
            if session.session_id and session.seen_at is None:
                transaction.add(self._new_row(session, now))
                self._tidy(session, now)
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

    def _new_row(self, session: Session, now: datetime) -> LoginSession:
        issuer, id_hash = session["person"]["issuer"], hash_of(session.session_id or "")
        return LoginSession(
            id_hash=id_hash,
            person_ref=_person_ref(self.seal, issuer, session["subject"]),
            sid_ref=_sid_ref(self.seal, issuer, session["sid"]) if session["sid"] else None,
            data=self.seal.close(PURPOSE, id_hash, dict(session)),
            created_at=now,
            seen_at=now,
            expires_at=now + self.lifetime,
        )

    def _tidy(self, session: Session, now: datetime) -> None:
        """At each login: drop what has ended, and this person's sessions beyond the number allowed."""
        db.session.flush()
        for table in (LoginSession, Spent):
            db.session.execute(delete(table).where(table.expires_at <= now))
        mine = LoginSession.person_ref == _person_ref(self.seal, session["person"]["issuer"], session["subject"])
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
