"""Colours: how well one can be read on another, and the nearest one that can."""

from __future__ import annotations

ENOUGH = 4.5  # WCAG 2.2, 1.4.3


def contrast(one: str, other: str) -> float:
    """Tell the contrast ratio of two colours (WCAG 2.2), from 1 to 21.

    :param one: as #rrggbb.
    """
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, papers: tuple[str, ...], *, towards: str) -> str:
    """Give this colour, or the nearest to it on the way to another one, that can be read on every one of these papers.

    :param colour: as #rrggbb.
    :param towards: a colour that can be read on them, such as black on light paper.
    """
    mixes = (_mixed(colour, towards, step / 100) for step in range(101))
    return next((mix for mix in mixes if all(contrast(mix, paper) >= ENOUGH for paper in papers)), towards)


def _parts(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def _luminance(colour: str) -> float:
    shares = (part / 255 for part in _parts(colour))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _mixed(one: str, other: str, share: float) -> str:
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(mine + (theirs - mine) * share):02x}" for mine, theirs in pairs)
