"""A blog that is started again and again to be killed: imported once, forked for each life, on a port that stays."""

from __future__ import annotations

import os
import socket
import sys

from flask import Flask
from werkzeug.serving import make_server

from blog import create_app
from blog.db import db


def main() -> None:
    """Start a life for each line of standard input, and write its process id; end with standard input.

    Arguments: the listening socket's file descriptor, and the cookie of somebody who can see the pages that follow,
    each of which is shown once before the first life, so that every life is ready to save at once.
    """
    listening, app = socket.socket(fileno=int(sys.argv[1])), create_app()
    for path in sys.argv[3:]:
        app.test_client().get(path, headers={"Cookie": sys.argv[2]})
    with app.app_context():
        db.session.remove()
        db.engine.dispose()  # no two processes share a connection
    for _ in sys.stdin:
        if (life := os.fork()) == 0:
            serve(listening, app)
            os._exit(1)
        print(life, flush=True)
        os.waitpid(life, 0)


def serve(listening: socket.socket, app: Flask) -> None:
    """Serve the blog, a thread for each request, as the production server does."""
    make_server("127.0.0.1", 0, app, threaded=True, fd=listening.fileno()).serve_forever()


if __name__ == "__main__":
    main()
