"""The only place where an error becomes an answer."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for
from flask.globals import request_ctx
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from blog import errors
from blog.errors import Words
from blog.web import forms, redirects
from blog.web.headers import keep_private
from blog.web.languages import translated

RETRY_AFTER_S = 30

PAGES = {  # status → what the page says when nobody said it better
    400: (Words("That did not make sense"), Words("Something in the request could not be understood.")),
    401: (Words("Not logged in"), Words("Log in, and try again.")),
    403: (Words("Not yours to change"), Words("You are logged in, but this belongs to somebody else.")),
    404: (
        Words("Nothing here"),
        Words("There is no page at this address. It may never have been published, or it was taken back."),
    ),
    405: (Words("Not this way"), Words("This address exists, but not for what was tried.")),
    409: (Words("Somebody was faster"), Words("A newer version was saved in the meantime.")),
    410: (Words("Gone"), Words("What stood at this address was deleted for good. It will not come back.")),
    411: (Words("Length missing"), Words("The request did not say how long it is.")),
    413: (Words("Too much at once"), Words("That was more than fits. Go back: your browser still has what you typed.")),
    429: (Words("Slowly, please"), Words("That was more than one may do in so short a time. Please try again later.")),
    507: (Words("No room left"), Words("The disk of this blog is full, so this was not kept. Tell whoever runs it.")),
    500: (Words("Something broke"), Words("That is our fault, not yours. It has been noted.")),
    503: (Words("Back in a moment"), Words("A part of the site does not answer just now. Please try again shortly.")),
}

STATUS: dict[type[Exception], int] = {
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.Forbidden: 403,
    errors.Taken: 409,
    errors.Invalid: 400,
    errors.Full: 507,
}


def init_app(app: Flask) -> None:
    """Answer every error of this application with a page in the site's look."""
    app.before_request(_must_say_length)
    app.add_template_global(request_id)
    for error, status in STATUS.items():
        app.register_error_handler(error, _says(status))
    app.register_error_handler(errors.Moved, _moved)
    app.register_error_handler(errors.TooMany, _too_many)
    app.register_error_handler(errors.Unreachable, _unreachable)
    app.register_error_handler(OperationalError, _database_away)
    app.register_error_handler(PoolTimeout, _database_away)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _broken)


def request_id() -> str:
    """Name this request, for the log and for whoever asks what went wrong; most need none."""
    if "request_id" not in g:
        g.request_id = secrets.token_hex(6)
    return str(g.request_id)


def _must_say_length() -> None:
    """A chunked body is cut silently at the size limit, so a body has to say its length."""
    if "chunked" in request.environ.get("HTTP_TRANSFER_ENCODING", "").lower() and request.content_length is None:
        raise LengthMissing


class LengthMissing(HTTPException):
    """A body came without its length (RFC 9110, section 15.5.12)."""

    code = 411


def _page(
    status: int, sentence: str = "", *, retry_after_s: float | None = None, typed: Sequence[tuple[str, str]] = ()
) -> ResponseReturnValue:
    title, usual = map(translated, PAGES.get(status, PAGES[500 if status >= 500 else 400]))
    if request_ctx.url_adapter is None:  # the Host header is no name at all, so no page with links can be built
        return Response(title, status, mimetype="text/plain")
    if wants_json():
        return problem(status, title, sentence or usual, retry_after_s=retry_after_s)
    page = render_template(
        "errors/error.html",
        status=status,
        title=title,
        sentence=sentence or usual,
        typed=typed or _typed(status),
        login_next=_login_next(status),
    )
    response = keep_private(current_app.make_response((page, status)))
    if status == 503 or retry_after_s:
        response.headers["Retry-After"] = str(round(retry_after_s or RETRY_AFTER_S))
    return response


def wants_json() -> bool:
    """Whether who asks is a program that would rather have JSON than a page."""
    return request.accept_mimetypes.best_match(["text/html", *JSON]) in JSON


JSON = ("application/json", "application/problem+json")


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    problems: Mapping[str, str] | None = None,
    retry_after_s: float | None = None,
) -> Response:
    """Tell a program what is wrong (RFC 9457).

    :param problems: field name → a sentence, where fields are wrong.
    """
    told: dict[str, Any] = {"title": translated(title), "status": status, "detail": translated(detail)}
    problems = {name: translated(sentence) for name, sentence in (problems or {}).items()}
    answer = current_app.make_response(({**told, "problems": problems} if problems else told, status))
    answer.mimetype = "application/problem+json"
    if status == 503:
        answer.headers["Retry-After"] = str(round(retry_after_s or RETRY_AFTER_S))
    return keep_private(answer)


def _says(status: int) -> Callable[[Exception], ResponseReturnValue]:
    return lambda error: _page(status, _sentence(error), typed=getattr(error, "typed", ()))


def _sentence(error: Exception) -> str:
    said = error.problems.values() if isinstance(error, errors.Invalid) else error.args[:1]
    return "; ".join(map(translated, said))


def _login_next(status: int) -> str | None:
    """Where to go on after logging in, which helps where a post or an author's page could be: for some people only."""
    could_be_there = request.blueprint != "feeds" and not {"slug", "handle"}.isdisjoint(request.view_args or ())
    if status != 404 or g.get("user") or request.method == "POST" or not could_be_there:
        return None
    return redirects.local(request.path, "")


def _typed(status: int) -> list[tuple[str, str]]:
    """Whatever goes wrong, what was typed into a form is shown again."""
    try:
        return [] if status == 413 else forms.typed()
    except HTTPException:
        return []


def _moved(error: errors.Moved) -> ResponseReturnValue:
    address: dict[str, Any] = dict(request.view_args or {})
    address |= {name: error.slug for name in ("slug", "handle") if name in address}
    here = url_for(request.endpoint or "", **address)
    query = request.query_string.decode("ascii", "ignore")
    return redirect(f"{here}?{query}" if query else here, 301)


def _too_many(error: errors.TooMany) -> ResponseReturnValue:
    return _page(429, _sentence(error), retry_after_s=error.retry_after)


def _unreachable(error: errors.Unreachable) -> ResponseReturnValue:
    current_app.logger.warning("unreachable request=%s what=%s", request_id(), error.what)
    return _page(503, retry_after_s=error.retry_after)


def _database_away(error: OperationalError | PoolTimeout) -> ResponseReturnValue:
    why = str(getattr(error, "orig", error)).split("\n")[0]
    current_app.logger.error("database_away request=%s %s", request_id(), why)
    return _page(503)


def _http(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    answer = current_app.make_response(_page(error.code))
    for name, value in error.get_headers():
        if name == "Allow":
            answer.headers[name] = value
    return answer


def _broken(error: Exception) -> ResponseReturnValue:
    current_app.logger.exception("broken request=%s endpoint=%s", request_id(), request.endpoint)
    if current_app.testing or current_app.debug:
        raise error
    return _page(500)
