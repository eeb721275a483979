"""Validators: answers that caches keep and ask about, by ETag and by date (RFC 9110, sections 8.8 and 13)."""

from __future__ import annotations

import hashlib
from datetime import datetime

from flask import Response, request

from blog.web import headers
from blog.web.clock import moment


def revalidated(body: bytes, content_type: str, *, changed_at: datetime | None = None) -> Response:
    """Answer with this, or with 304 to who has it already; the same whoever asks.

    Whether anything has changed is told by the ETag, which is made of the body. A date cannot tell it for long: a name
    in the body may change, or a post go, and no date moves. So by date alone nothing stays unchanged for more than a
    minute.

    :param content_type: with its charset, where it has one.
    :param changed_at: when the newest thing in it was changed; a change within this minute is seen by date, too.
    """
    response = Response(body, content_type=content_type)
    response.set_etag(hashlib.sha256(body).hexdigest()[:32])
    this_minute = moment().replace(second=0, microsecond=0)
    response.last_modified = max(this_minute, min(changed_at or this_minute, moment()))
    response.make_conditional(request)
    return headers.keep_public(response)
