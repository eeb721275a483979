"""Encodings: how pages are made smaller on their way, and which one a browser gets (RFC 9110, 8.4 and 12.5.3)."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping

import brotli
import zstandard
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

IDENTITY = "identity"

COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {  # the one that costs us least first
    "zstd": lambda body: zstandard.compress(body, 3),
    "br": lambda body: brotli.compress(body, quality=5),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),  # the same bytes whenever they are made
}


def best(accepted: str) -> str:
    """Choose what a browser likes best, and of what it likes the same the first of ours.

    :param accepted: its Accept-Encoding header; may be empty, or anything.
    :return: of COMPRESS, or IDENTITY: also for who refuses even that, as a page that comes is better than none.
    """
    likes = {name.lower(): quality for name, quality in parse_accept_header(accepted, Accept)}
    others = likes.get("*", 0)
    chosen = max(COMPRESS, key=lambda name: likes.get(name, others))
    return chosen if likes.get(chosen, others) > likes.get(IDENTITY, 0) else IDENTITY
