"""What somebody sent while they could not be let through, kept until they can, and given back to them only."""

from __future__ import annotations

from flask import g, request
from werkzeug.datastructures import MultiDict

from blog.identity import parking
from blog.porch import person_ref, porch
from blog.web import csrf
from blog.web.clock import moment

FIELD = "parked"


def park_this(writer: str) -> str:
    """Keep the form of this request.

    :param writer: whose it is, as ``person_ref`` names them.
    :return: the local address at which they are shown it again.
    """
    discard_saved(writer)  # it is kept in its newer form
    fields = [(name, text) for name, text in request.form.items(multi=True) if name not in (csrf.FIELD, FIELD)]
    parked_id = parking.park(porch().seal, person_ref=writer, path=request.path, fields=fields, now=moment())
    return f"{request.path}?{FIELD}={parked_id}"


def parked_form() -> MultiDict[str, str] | None:
    """Give back the form this request asks for with ``?parked=``, if it was sent by the person who asks.

    It need not have been sent here: the post may have another address by now, or be gone, so that its words can only
    become a new one.
    """
    if not (parked_id := request.args.get(FIELD)):
        return None
    found = parking.find(porch().seal, parked_id, person_ref=person_ref(g.user.key), now=moment())
    return MultiDict([*found.fields, (FIELD, parked_id)]) if found else None


def parked_forms() -> list[parking.ParkedForm]:
    """List what the person of this session sent while signed out and has not saved yet."""
    return parking.of_person(porch().seal, person_ref=person_ref(g.user.key), now=moment())


def discard_saved(writer: str) -> None:
    """Forget the parked form that this request has taken up again, if it did and it is this person's."""
    if FIELD in request.form:
        parking.discard(request.form[FIELD], person_ref=writer)
