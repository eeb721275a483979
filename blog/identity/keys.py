"""Our own keys: the one that signs, the one that comes next, and those that go; sealed, and the same in every process.

The next key is published long before it signs, so that a provider that keeps a copy of our key set knows it by then. A
key that has signed stays published for a while, and can sign no more: only its public part is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from blog.db import ClientKey, db, writing
from blog.errors import LoginRefused, Taken
from blog.identity.sealing import Seal

if TYPE_CHECKING:
    from joserfc.jwk import ECKey, Key, RSAKey

PUBLISHED_AHEAD = timedelta(hours=24)
PUBLISHED_AFTER = timedelta(hours=24)
RSA_BITS = 2048
PURPOSE = "client key"
SIGNING, NEXT = "signing", "next"
AT_ONCE = "somebody else changes the keys at this moment"


@dataclass(frozen=True, slots=True)
class Known:
    """One key of ours.

    :param kid: its thumbprint (RFC 7638).
    :param stage: ``signing``, ``next``, or None for one that is retired.
    :param leaves_at: when a retired one is published no more.
    """

    kid: str
    alg: str
    stage: str | None
    made_at: datetime
    leaves_at: datetime | None
    key: RSAKey | ECKey = field(repr=False)

    @property
    def jwk(self) -> dict[str, Any]:
        """Its public part (RFC 7517, 4)."""
        return dict(self.key.as_dict(private=False))

    @property
    def pem(self) -> str:
        """Its public part for providers that want it pasted."""
        return self.key.as_pem(private=False).decode()

    @property
    def ready_at(self) -> datetime:
        """From when on every provider that keeps copies for a day knows it."""
        return self.made_at + PUBLISHED_AHEAD


class ClientKeys:
    """The keys of this blog, in its database; made when they are first asked for.

    :param seal: what they rest in.
    :param alg: what to sign with: RS256, PS256 or ES256.
    :param clock: gives the aware UTC moment.
    """

    def __init__(self, seal: Seal, *, alg: str, clock: Callable[[], datetime]) -> None:
        self._seal = seal
        self._alg = alg
        self._clock = clock
        self._read: dict[tuple[str, bytes], RSAKey | ECKey] = {}  # as reading an RSA key takes 40 ms

    def signing_key(self) -> Key:
        """Give the key that signs at this moment.

        :raises LoginRefused: ``unreadable_keys``: they were sealed with another SECRET_KEY.
        """
        return self._staged(self.all())[SIGNING].key

    def all(self) -> list[Known]:
        """List every key that is published: the one that signs, the next one, then those that go.

        :raises LoginRefused: as for the signing key.
        """
        known = self._known()
        if not {SIGNING, NEXT} <= self._staged(known).keys():
            self._make_first()
            known = self._known()
        order = [SIGNING, NEXT, None]
        return sorted(known, key=lambda each: (order.index(each.stage), each.made_at))

    def rotate(self, *, early: bool = False) -> bool:
        """Let the next key sign from now on, make the one after it, and retire the one that signed.

        :param early: also if the next key was published only a short time ago.
        :return: whether that was done: without `early`, not before the next key's time.
        :raises LoginRefused: as for the signing key.
        :raises Taken: somebody else rotates at the same moment.
        """
        known, now = self.all(), self._clock()
        coming = self._staged(known)[NEXT]
        if now < coming.ready_at and not early:
            return False
        after = self._row(NEXT, now)
        with writing() as session:
            for each in known:
                if each.stage and each is not coming:  # of another algorithm, too, if the setting was changed
                    self._retire(session, each, now)
            _move(session, coming, stage=SIGNING)
            session.add(after)
            session.execute(delete(ClientKey).where(ClientKey.leaves_at <= now))
        return True

    def replace(self) -> None:
        """Drop every key at once, and make new ones: the old ones were read by somebody, or can be read no more.

        :raises Taken: somebody else makes new ones at the same moment.
        """
        now = self._clock()
        rows = [self._row(SIGNING, now), self._row(NEXT, now)]
        try:
            with writing() as session:
                session.execute(delete(ClientKey))
                session.add_all(rows)
        except IntegrityError:
            raise Taken(AT_ONCE) from None

    def _staged(self, known: list[Known]) -> dict[str, Known]:
        return {each.stage: each for each in known if each.stage and each.alg == self._alg}

    def _known(self) -> list[Known]:
        columns = (ClientKey.kid, ClientKey.alg, ClientKey.stage, ClientKey.made_at, ClientKey.leaves_at)
        there = or_(ClientKey.leaves_at.is_(None), ClientKey.leaves_at > self._clock())
        rows = db.session.execute(select(*columns, ClientKey.data).where(there)).all()
        read = {(row.kid, row.data): self._read.get((row.kid, row.data)) or self._opened(row) for row in rows}
        self._read = read
        return [Known(*row[:-1], key=read[row.kid, row.data]) for row in rows]

    def _opened(self, row: Any) -> RSAKey | ECKey:
        from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415  (as in tokens.py)

        if (jwk := self._seal.open(PURPOSE, row.kid, row.data)) is None:
            raise LoginRefused("unreadable_keys", detail="our own keys were sealed with another SECRET_KEY")
        return (ECKey if jwk["kty"] == "EC" else RSAKey).import_key(jwk)

    def _make_first(self) -> None:
        rows = [self._row(stage, self._clock()) for stage in (SIGNING, NEXT)]
        try:
            with writing() as session:
                session.add_all(rows)
        except IntegrityError:
            pass  # another process was first: its keys are everybody's

    def _row(self, stage: str, now: datetime) -> ClientKey:
        from joserfc.jwk import ECKey, RSAKey  # noqa: PLC0415  (as in tokens.py)

        parameters: Any = {"use": "sig", "alg": self._alg}
        if self._alg == "ES256":
            key: Key = ECKey.generate_key("P-256", parameters, auto_kid=True)
        else:
            key = RSAKey.generate_key(RSA_BITS, parameters, auto_kid=True)
        data = self._seal.close(PURPOSE, str(key.kid), key.as_dict(private=True))
        return ClientKey(kid=key.kid, alg=self._alg, stage=stage, data=data, made_at=now)

    def _retire(self, session: Session, known: Known, now: datetime) -> None:
        data = self._seal.close(PURPOSE, known.kid, known.jwk)
        _move(session, known, stage=None, data=data, leaves_at=now + PUBLISHED_AFTER)


def _move(session: Session, known: Known, **values: Any) -> None:
    still = (ClientKey.kid == known.kid, ClientKey.stage == known.stage)
    if session.execute(update(ClientKey).where(*still).values(**values)).rowcount != 1:  # type: ignore[attr-defined]
        raise Taken(AT_ONCE)
