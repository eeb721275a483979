"""Why nobody answered: what went wrong below a request, in words."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from blog.errors import Unreachable

# The first that fits counts: a name that is not found is a connection that failed, too.
CAUSES = (
    ("proxy", {"ProxyError"}, "The proxy that the environment names (HTTPS_PROXY) lets nobody through to {host}."),
    ("name", {"NameResolutionError", "gaierror"}, "The name {host} cannot be looked up (DNS)."),
    ("tls", {"SSLError", "SSLCertVerificationError"}, "The certificate of {host} is not trusted, or for others (TLS)."),
    ("refused", {"ConnectionRefusedError"}, "Nothing listens at {host}."),
    (
        "time",
        {"TimeoutError", "ConnectTimeout", "ReadTimeout", "ConnectTimeoutError", "ReadTimeoutError"},
        "{host} does not answer in time.",
    ),
)  # fmt: skip
CHANGES = {
    "proxy": "Set HTTPS_PROXY and NO_PROXY of the blog's process right.",
    "name": "Check the host's spelling, and the name server of the machine that the blog runs on.",
    "tls": "If it is an authority of your own, name its file in REQUESTS_CA_BUNDLE;"
    " else let a valid certificate be installed there.",
    "time": "Check that a firewall lets the blog's machine connect there, and that the service runs.",
    "refused": "Check the host and port, and that the service runs.",
    "": "Try the same address with curl from the blog's machine.",
}


def explain(error: Unreachable, url: str = "") -> tuple[str, str]:
    """Say what happened to a request, and what to do.

    :param error: as ``http.fetch`` raised it, with what the transport said behind it.
    :param url: what was asked for; only its host is shown. Without it the error names the service.
    """
    if not error.silent:
        return f"{error.what[:1].upper()}{error.what[1:]}.", CHANGES[""]
    names = {kind.__name__ for cause in _chain(error) for kind in type(cause).__mro__}
    for key, kinds, words in CAUSES:
        if names & kinds:
            return words.format(host=_place(url) or error.what.partition(" did not ")[0]), CHANGES[key]
    return f"{error.what[:1].upper()}{error.what[1:]}.", CHANGES[""]


def _chain(error: BaseException) -> Iterator[BaseException]:
    waiting, seen = [error], set()
    while waiting:
        cause = waiting.pop()
        if id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            inner = (cause.__cause__, cause.__context__, getattr(cause, "reason", None), *cause.args)
            waiting += [each for each in inner if isinstance(each, BaseException)]


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]
