"""What is known of a user API beforehand, for whoever examines it: the rights it wants, and how it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from blog.identity.directories.shape import Shape
from blog.identity.http import Answer

TO_READ = "Make the client or the token that asks one that may read users, and nothing else."


@dataclass(frozen=True, slots=True)
class Rights:
    """What whoever asks a user API may do there, and where that is set.

    :param enough: the scopes, roles or permissions that do; whoever has others has too much. Empty where their names
        are not known.
    :param places: paths to where a token names those that it has, beside the usual ones; where there are any, only
        these count.
    :param grant: what to do so that it may ask.
    :param id: which id it knows people by, and how the blog learns that one.
    :param several: what lets it answer about several people at once.
    :param ends: what is known of the end of its tokens that are made by hand.
    :param client_ends: likewise of what its clients prove themselves with.
    :param told_at: the path at which it tells of the token that asks: `scopes`, and the day `expires_at`.
    """

    enough: frozenset[str] = frozenset()
    places: tuple[str, ...] = ()
    grant: str = TO_READ
    id: str = ""
    several: str = ""
    ends: str = ""
    client_ends: str = ""
    told_at: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """One user API, as the settings choose it.

    :param shape: of its answers.
    :param size: how many people one request may ask for; 1 where each is read alone.
    :param ask_about_token: asks it about the token itself, where it can be asked that; may raise Unreachable.
    """

    shape: Shape
    size: int
    rights: Rights
    ask_about_token: Callable[[], Answer] | None = None
