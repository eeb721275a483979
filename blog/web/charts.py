"""Charts: numbers become the bars of a drawing, which a page holds itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Bar(NamedTuple):
    """One bar, in the drawing's own units; y is that of its upper end."""

    x: int
    y: int
    width: int
    height: int


def bars(values: Sequence[int], *, width: int, height: int, gap: int) -> list[Bar]:
    """Make a bar of each number, side by side; the greatest is as high as the drawing.

    :param values: none below 0. What is not 0 can be seen, however small it is beside the greatest.
    :param width: of one bar.
    :param gap: between two of them.
    """
    greatest = max(values, default=0) or 1
    heights = [max(round(value * height / greatest), 2) if value else 0 for value in values]
    return [Bar(index * (width + gap), height - high, width, high) for index, high in enumerate(heights)]


def outline(shown: Sequence[Bar]) -> str:
    """Draw bars in one stroke, as the ``d`` of an SVG path; far smaller than one element for each."""
    return "".join(f"M{bar.x} {bar.y}h{bar.width}v{bar.height}h-{bar.width}z" for bar in shown if bar.height)
