"""Illustrations: pictures that posts of another site name by a path, taken in as uploads of whose posts they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path, PurePosixPath

from blog.content import details
from blog.content.details import Details
from blog.content.importing import addresses, folder
from blog.content.importing.addresses import Spot
from blog.content.importing.entries import Entry
from blog.content.importing.pictures import Means
from blog.content.media import library, workshop
from blog.content.media.library import Holder, Item
from blog.content.posts import BODY_LONGEST
from blog.errors import Invalid, Unreachable

AuthorKey = tuple[str, str]  # issuer and id
_Place = tuple[Path, PurePosixPath]  # a folder, and the path of a file from there on

LOST, NOT_TAKEN = "picture not found", "picture not taken"


class Illustrator:
    """Brings in the pictures of one site, each once into every library that it belongs to.

    :param root: the folder of its posts.
    :param dry_run: count them, and take none; of a picture that cannot be decoded nothing is known then.
    """

    def __init__(self, root: Path, means: Means, now: datetime, *, dry_run: bool) -> None:
        self._roots, self._means, self._now, self._dry_run = (root, *means.folders), means, now, dry_run
        self._made: dict[_Place, Item] = {}
        self._tried: dict[tuple[_Place, AuthorKey], str] = {}  # its address here, empty in a dry run
        self._refused: dict[_Place, str] = {}
        self._new = 0

    def illustrate(self, entry: Entry, holder: AuthorKey) -> tuple[Entry, int]:
        """Take in the pictures of a post, and let its text and its image name them by where they are now.

        Not in a transaction: it takes a while. What cannot be had stays as it is, and is noted.

        :return: and how many came into the holder's library.
        :raises Full: when the disk is.
        """
        before, notes, new = self._new, list[tuple[str, str]](), dict[Spot, str]()
        for spot, place, alt in self._spots(entry, notes):
            new[spot] = self._taken(place, holder, alt, notes)
        about = self._with_image(entry, *entry.image, holder, notes) if entry.image else entry.about
        body_md = addresses.put(entry.body_md, {spot: address for spot, address in new.items() if address})
        if len(body_md.encode()) > BODY_LONGEST and body_md != entry.body_md:
            body_md, notes = entry.body_md, [*notes, ("pictures left out, as the text would be too long", "")]
        told = *entry.notes, *dict.fromkeys(notes)
        return entry._replace(body_md=body_md, about=about, notes=told), self._new - before

    def _spots(self, entry: Entry, notes: list[tuple[str, str]]) -> Iterable[tuple[Spot, _Place, str]]:
        """Find where pictures stand in a text whose files are there, and what they show."""
        there: dict[Spot, _Place] = {}
        for spot in addresses.spots(entry.body_md):
            if place := self._find(entry, spot.address):
                there[spot] = place
            else:
                notes.append((LOST, spot.address))
        if not there or len(entry.body_md.encode()) > BODY_LONGEST:
            return []
        try:
            shown = addresses.shown(entry.body_md, there)
        except Invalid:  # so is its post, in a moment
            return []
        return [(spot, there[spot], alt) for spot, alt in shown.items()]

    def _find(self, entry: Entry, address: str) -> _Place | None:
        return addresses.find(self._roots, PurePosixPath(entry.path), address)

    def _with_image(
        self, entry: Entry, written: str, alt: str, holder: AuthorKey, notes: list[tuple[str, str]]
    ) -> Details:
        place = self._find(entry, addresses.local(written))
        address = self._taken(place, holder, alt, notes) if place else ""
        if not address:
            notes += [] if place else [("image left out", written)]
            return entry.about
        about = entry.about._replace(image_url=address, image_alt=alt, decorative=not alt)
        try:
            return details.settled(about)
        except Invalid:
            notes.append(("image description left out", alt))
            return about._replace(image_alt="", decorative=True)

    def _taken(self, place: _Place, holder: AuthorKey, alt: str, notes: list[tuple[str, str]]) -> str:
        """Give the address of a picture that stands in somebody's library then; empty when it cannot be had."""
        if (place, holder) in self._tried:
            return self._tried[place, holder]
        try:
            address = "" if place in self._refused else self._take(place, holder, _described(alt))
        except (Invalid, Unreachable) as error:
            address, self._refused[place] = "", str(error)
        if place in self._refused:
            notes.append((NOT_TAKEN, f"{place[1]}: {self._refused[place]}"))
        else:
            self._tried[place, holder] = address
        return address

    def _take(self, place: _Place, holder: AuthorKey, alt: str | None) -> str:
        if item := self._made.get(place):
            self._new += library.hold(item.name, Holder(holder, alt, self._now))
            return item.address
        longest = self._means.longest
        data = folder.data(*place, longest=longest)
        if self._dry_run:
            workshop.recognise(data)
            self._new += 1
            return ""
        item = self._made[place] = library.add(self._means.shelf, holder, data, now=self._now, longest=longest)
        if item.made_at == self._now:  # else it was there, and so was what they say of it
            self._new += 1
            if alt is not None:
                library.describe(holder, item.name, alt)
        return item.address


def _described(alt: str) -> str | None:
    try:
        return library.described(alt)
    except Invalid:
        return None
