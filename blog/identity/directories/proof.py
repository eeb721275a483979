"""Remembering that names could be had with the settings of today, and with no others."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from blog.db import Checked, db
from blog.identity.sealing import Seal

# What an author id means to whoever is asked; a new token or another client is no other question.
DECIDES = (
    "DIRECTORY",
    "DIRECTORY_PRESET",
    "DIRECTORY_URL",
    "DIRECTORY_PERSON_PATH",
    "DIRECTORY_ID_FIELD",
    "OIDC_ISSUER",
    "OIDC_AUTHOR_CLAIM",
)


class Proof:
    """Whether `flask authors check` has succeeded; nothing but a keyed hash of settings is kept.

    :param settings: name → value, as `blog.config.load` gives them.
    """

    def __init__(self, seal: Seal, settings: Mapping[str, Any]) -> None:
        self.is_needed: bool = settings["DIRECTORY"] != "claims"
        self._ref = seal.ref("names checked", *(str(settings[name]) for name in DECIDES))

    def at(self) -> datetime | None:
        """Say when it last succeeded with these settings; one query."""
        return db.session.scalar(select(Checked.at).where(Checked.ref == self._ref))

    def keep(self, transaction: Session, now: datetime) -> None:
        """Remember that it has just succeeded, in place of what was known of other settings."""
        transaction.execute(delete(Checked))
        transaction.add(Checked(ref=self._ref, at=now))
