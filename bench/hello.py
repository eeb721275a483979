"""The smallest Flask application there is, to measure servers with."""

from __future__ import annotations

import time

from flask import Flask, request

app = Flask(__name__)
LARGE = b"x" * 8_000_000  # more than the socket buffers of both sides hold


@app.route("/", methods=["GET", "POST"])
def hello() -> str:
    """Answer at once, having read what was sent."""
    return f"hello {len(request.get_data())}"


@app.get("/large")
def large() -> bytes:
    """Answer with more than fits into a pipe."""
    return LARGE


@app.route("/slow", methods=["GET", "POST"])
def slow() -> str:
    """Take a while, as a view does that writes."""
    time.sleep(0.05)
    return f"slow {len(request.get_data())}"
