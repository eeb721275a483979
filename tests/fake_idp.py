"""A provider behind ``responses`` that signs real tokens, plays the browser's part, and misbehaves on request.

    with FakeIdp() as idp:
        idp.people["ada"] = {"name": "Ada Lovelace"}
        attempt = oidc.begin(client, provider, now=…)     # or: test_client.get("/login").location
        params = idp.authorize(attempt.url, sub="ada")    # what the browser brings back to the callback
        oidc.finish(client, provider, attempt, params, now=…)

Knobs are attributes; a test turns one and looks at what happens::

    idp.id_token["aud"] = "somebody-else"       override a claim; ABSENT leaves it out
    idp.header["kid"] = "k9"                    the same in the token's header
    idp.userinfo, idp.metadata, idp.tokens      the same in userinfo, discovery and the token endpoint's answer
    idp.alg = "none"                            sign otherwise than was agreed; idp.signing_key too
    idp.jwks = [...]                            publish exactly this; idp.more_jwks = [...] in addition
    idp.rotate(), idp.rotate(same_kid=True)     sign with a new key, and publish only that
    idp.answers["token"] = DOWN                 DOWN SLOW HTML HUGE DEEP EMPTY ERROR500, or anything made by answer()
    idp.meanwhile["token"] = idp.rotate         what happens while an endpoint is asked: event.wait, or a sleep
    idp.userinfo_alg = "RS256"                  sign userinfo
    idp.refreshes = True                        give refresh tokens, each good once; one used twice ends them all
    idp.dismiss("ada")                          no longer vouch for somebody
    idp.metadata["pushed_authorization_request_endpoint"] = idp.par_url     take pushed requests (RFC 9126)
    idp.client_keys = lambda: {"keys": […]}     know the client by this key set and not by its secret (RFC 7523)
    idp.audiences = {"https://…"}               to whom its proofs may be addressed
    idp.clock = lambda: 0                       tokens from another time

The endpoints are called discovery, jwks, par, token and userinfo; ``idp.calls["token"]`` counts them, and
``idp.token_requests`` and ``idp.pushed_requests`` hold the forms that came, with ``client_id`` and ``client_secret``
however they were sent. ``idp.why`` tells what was wrong with the last proof of the client. ``idp.requests`` holds all
requests with the endpoints' names, in order. More addresses, of a user API say, can be added to ``idp.responses``.
To be reached over real HTTP it is served by ``tests/http_idp.py`` instead of being entered.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote_plus, urlencode, urlsplit

import requests
import responses
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, KeySet, OctKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

ABSENT: Any = object()
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
REQUEST_URI = "urn:ietf:params:oauth:request_uri:"
LOGOUT = "http://schemas.openid.net/event/backchannel-logout"
Reply = tuple[int, dict[str, str], bytes] | Exception


def answer(content: Any, status: int = 200, **headers: str) -> Reply:
    """Make an answer: bytes as they are, everything else as JSON; ``Retry_After="5"`` becomes a header."""
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, body


DOWN = requests.ConnectionError("refused")
SLOW = requests.ReadTimeout("slow")
HTML = answer(b"<!doctype html><title>Sign in to the hotel's network</title>")
HUGE = answer(b" " * 5_000_000)
DEEP = answer(b"[" * 100_000)
EMPTY = answer(b"")
ERROR500 = answer({"error": "server_error"}, 500)


@cache
def make_key(kind: str = "RSA", number: int = 0, kid: str | None = "k0") -> Key:
    """Give a private key, the same for the same arguments, as making one takes time.

    :param kind: ``RSA``, ``EC`` (P-256), ``OKP`` (Ed25519), or a size of RSA or another curve by name.
    :param number: tells keys of one kind apart.
    :param kid: None for a key without.
    """
    parameters: Any = {"kid": kid} if kid else {}
    if kind == "RSA" or kind.isdigit():
        return RSAKey.generate_key(2048 if kind == "RSA" else int(kind), parameters)
    if kind in {"OKP", "Ed25519", "Ed448", "X25519"}:
        return OKPKey.generate_key("Ed25519" if kind == "OKP" else kind, parameters)  # type: ignore[arg-type]
    return ECKey.generate_key("P-256" if kind == "EC" else kind, parameters)


def public(key: Key, **more: Any) -> dict[str, Any]:
    """Give the JWK that a provider publishes for a key."""
    return {**key.as_dict(private=False), **more}


def sign(claims: Any, key: Key | None, alg: str, header: dict[str, Any] | None = None) -> str:
    """Sign whatever is given, with no questions asked; bytes are taken as they are, and so is ``none``."""
    head = {"alg": alg, **({"kid": key.kid} if key and key.kid else {}), **(header or {})}
    head = {name: value for name, value in head.items() if value is not ABSENT}
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    signing_input = f"{b64(json.dumps(head).encode())}.{b64(payload)}"
    signature = b"" if alg == "none" else JWSRegistry.algorithms[alg].sign(signing_input.encode(), key)
    return f"{signing_input}.{b64(signature)}"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class FakeIdp:
    """An OpenID provider; see the top of this module.

    :param issuer: where it lives; every endpoint lies below.
    :param client_id: the one client it knows, with its secret.
    :param alg: what ID tokens are signed with.
    :param people: sub → claims that userinfo tells.
    """

    def __init__(
        self,
        issuer: str = "https://idp.example",
        *,
        client_id: str = "byline",
        client_secret: str = "s3cr:t +%/&é" * 3,
        alg: str = "RS256",
        people: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        self.issuer, self.client_id, self.client_secret, self.alg = issuer, client_id, client_secret, alg
        self.people = people if people is not None else {"ada": {"name": "Ada Lovelace"}}
        self.signing_key = self._key_for(alg, 0)
        self.jwks: Any = None
        self.more_jwks: list[Any] = []
        self.userinfo_alg = ""
        self.refreshes = False
        self.dismissed: set[str] = set()
        self.clock: Callable[[], float] = time.time
        self.id_token: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.userinfo: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {
            "end_session_endpoint": f"{issuer}/end_session",
            "prompt_values_supported": ["none", "login", "create"],
            "authorization_response_iss_parameter_supported": True,
        }
        self.tokens: dict[str, Any] = {}
        self.answers: dict[str, Reply] = {}
        self.calls: Counter[str] = Counter()
        self.token_requests: list[dict[str, str]] = []
        self.pushed_requests: list[dict[str, str]] = []
        self.par_url = f"{issuer.rstrip('/')}/par"
        self.pushed: dict[str, Any] = {}
        self.client_keys: Callable[[], dict[str, Any]] | None = None
        self.audiences = {issuer, f"{issuer.rstrip('/')}/token", self.par_url}
        self.why = ""
        self.authorizations: list[dict[str, str]] = []
        self.meanwhile: dict[str, Callable[[], object]] = {}
        self.requests: list[tuple[str, requests.PreparedRequest]] = []
        self.responses = responses.RequestsMock(assert_all_requests_are_fired=False)
        self._requests: dict[str, dict[str, str]] = {}
        self._used: set[str] = set()
        self._codes: dict[str, dict[str, Any]] = {}
        self._access_tokens: dict[str, str] = {}
        self._refresh_tokens: dict[str, dict[str, Any]] = {}
        self._used_refresh_tokens: dict[str, str] = {}
        self._rotations = 0

    def __enter__(self) -> FakeIdp:
        self.responses.start()
        for _, method, path, called in self.endpoints():
            self.responses.add_callback(method, self.issuer.rstrip("/") + path, called)
        return self

    def endpoints(self) -> Iterator[tuple[str, str, str, Callable[[requests.PreparedRequest], Reply]]]:
        """Give what the blog may ask for: name, method, path below the issuer, and what makes the answer."""
        for method, name, path, view in (
            ("GET", "discovery", "/.well-known/openid-configuration", self._discovery),
            ("GET", "jwks", "/jwks", self._jwks),
            ("POST", "par", "/par", self._par),
            ("POST", "token", "/token", self._token),
            ("GET", "userinfo", "/userinfo", self._userinfo),
        ):
            yield name, method, path, self._counted(name, view)

    def __exit__(self, *_: object) -> None:
        self.responses.stop()
        self.responses.reset()

    # What a person does in the browser

    def authorize(self, url: str, *, sub: str = "ada", error: str | None = None) -> dict[str, str]:
        """Log in as `sub` at this authorization address; give the parameters that the callback then gets.

        :param error: do not log in, but go back with this error.
        """
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}
        assert url.startswith(f"{self.issuer.rstrip('/')}/authorize?"), url
        assert asked["client_id"] == self.client_id
        if "request_uri" in asked:
            assert set(asked) == {"client_id", "request_uri"}
            asked = self._requests.pop(asked["request_uri"])
        else:
            assert self.metadata.get("require_pushed_authorization_requests") is not True
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        self.authorizations.append(asked)
        params = {"state": asked["state"]}
        if self.metadata.get("authorization_response_iss_parameter_supported") is True:
            params["iss"] = self.issuer
        if error:
            return {**params, "error": error, "error_description": "<b>words from the address</b>"}
        code = secrets.token_urlsafe(16)
        self._codes[code] = {**asked, "sub": sub, "auth_time": int(self.clock())}
        return {**params, "code": code}

    def end_session(self, url: str) -> str:
        """Log out at this address; give the address that the browser is sent on to."""
        asked = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(self.metadata["end_session_endpoint"] + "?"), url
        assert asked["client_id"] == self.client_id
        return f"{asked['post_logout_redirect_uri']}?{urlencode({'state': asked['state']})}"

    def rotate(self, *, same_kid: bool = False) -> None:
        """Sign with a new key from now on, and publish only that."""
        self._rotations += 1
        self.signing_key = self._key_for(self.alg, 0 if same_kid else self._rotations, self._rotations)

    def dismiss(self, sub: str) -> None:
        """No longer vouch for somebody: what they hold is worth nothing."""
        self.dismissed.add(sub)

    def make_id_token(self, sub: str = "ada", **claims: Any) -> str:
        """Sign an ID token as the token endpoint would, knobs included."""
        now = int(self.clock())
        base = {"iss": self.issuer, "sub": sub, "aud": self.client_id, "iat": now, "exp": now + 300}
        return sign(_without_absent({**base, **claims, **self.id_token}), self.signing_key, self.alg, self.header)

    def logout_token(self, **claims: Any) -> str:
        """Sign a logout token about ``ada``, knobs of the header included; a claim may be overridden or ABSENT."""
        now = int(self.clock())
        base = {"iss": self.issuer, "sub": "ada", "aud": self.client_id, "iat": now, "exp": now + 120}
        told = {"jti": secrets.token_urlsafe(16), "events": {LOGOUT: {}}}
        header = {"typ": "logout+jwt", **self.header}
        return sign(_without_absent({**base, **told, **claims}), self.signing_key, self.alg, header)

    # The endpoints

    def _discovery(self, _request: requests.PreparedRequest) -> Reply:
        base = self.issuer.rstrip("/")
        document = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{base}/authorize",
            "token_endpoint": f"{base}/token",
            "userinfo_endpoint": f"{base}/userinfo",
            "jwks_uri": f"{base}/jwks",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
        }
        return answer(_without_absent({**document, **self.metadata}))

    def _jwks(self, _request: requests.PreparedRequest) -> Reply:
        if self.jwks is not None:
            return answer(self.jwks)
        own = [] if isinstance(self.signing_key, OctKey) else [public(self.signing_key)]
        return answer({"keys": [*own, *self.more_jwks]})

    def _par(self, request: requests.PreparedRequest) -> Reply:
        form = self._form_with_client(request)
        self.pushed_requests.append(form)
        if not self._knows(form):
            return answer({"error": "invalid_client"}, 401)
        assert "request_uri" not in form
        assert form["redirect_uri"].endswith("/oidc/callback")
        request_uri = REQUEST_URI + secrets.token_urlsafe(16)
        self._requests[request_uri] = form
        return answer(_without_absent({"request_uri": request_uri, "expires_in": 60, **self.pushed}), 201)

    def _knows(self, form: dict[str, str]) -> bool:
        """Whether this form proves that our client sent it."""
        if self.client_keys is None:
            return (form.get("client_id"), form.get("client_secret")) == (self.client_id, self.client_secret)
        try:
            self.why = self._wrong_with(form, self.client_keys())
        except (JoseError, ValueError, KeyError) as error:
            self.why = type(error).__name__
        return not self.why

    def _wrong_with(self, form: dict[str, str], published: dict[str, Any]) -> str:
        proof = jwt.decode(form["client_assertion"], KeySet.import_key_set(published), ["RS256", "PS256", "ES256"])
        claims, now = proof.claims, self.clock()
        right = {
            "form": form["client_assertion_type"] == ASSERTION_TYPE and "client_secret" not in form,
            "header": proof.header.get("typ") == "JWT"
            and any(proof.header["kid"] == k["kid"] for k in published["keys"]),
            "client": claims["iss"] == claims["sub"] == form.get("client_id", self.client_id) == self.client_id,
            "aud": isinstance(claims["aud"], str) and claims["aud"] in self.audiences,
            "times": claims["iat"] <= now + 10 and now < claims["exp"] <= claims["iat"] + 300,
            "jti": len(claims["jti"]) >= 22 and claims["jti"] not in self._used,
        }
        self._used.add(claims["jti"])
        return " ".join(name for name, is_right in right.items() if not is_right)

    def _token(self, request: requests.PreparedRequest) -> Reply:
        form = self._form_with_client(request)
        self.token_requests.append(form)
        if not self._knows(form):
            return answer({"error": "invalid_client"}, 401)
        asked = self._redeemed(form)
        if asked is None or asked["sub"] in self.dismissed:
            return answer({"error": "invalid_grant"}, 400)
        access_token = secrets.token_urlsafe(16)
        self._access_tokens[access_token] = asked["sub"]
        nonce = asked["nonce"] if form["grant_type"] == "authorization_code" else ABSENT
        id_token = self.make_id_token(asked["sub"], nonce=nonce, auth_time=asked["auth_time"])
        tokens = {"access_token": access_token, "token_type": "Bearer", "id_token": id_token}
        if self.refreshes:
            tokens["refresh_token"] = secrets.token_urlsafe(16)
            self._refresh_tokens[tokens["refresh_token"]] = asked
        return answer(_without_absent({**tokens, **self.tokens}))

    def _redeemed(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Take what is redeemed for tokens; tell which login it comes from, or None if it is worth nothing."""
        if form.get("grant_type") == "refresh_token":
            return self._redeemed_refresh_token(form.get("refresh_token", ""))
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or form.get("grant_type") != "authorization_code":
            return None
        fits = form.get("redirect_uri") == asked["redirect_uri"] and challenge == asked["code_challenge"]
        return asked if fits else None

    def _redeemed_refresh_token(self, token: str) -> dict[str, Any] | None:
        if token in self._used_refresh_tokens:  # somebody has a copy: RFC 9700, 4.14.2
            self.dismiss(self._used_refresh_tokens[token])
        if (asked := self._refresh_tokens.pop(token, None)) is not None:
            self._used_refresh_tokens[token] = asked["sub"]
        return asked

    def _userinfo(self, request: requests.PreparedRequest) -> Reply:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        sub = self._access_tokens.get(token)
        if scheme != "Bearer" or sub is None:
            return answer({"error": "invalid_token"}, 401)
        claims = {"sub": sub, **self.people.get(sub, {})}
        if not self.userinfo_alg:
            return answer(_without_absent({**claims, **self.userinfo}))
        signed = _without_absent({**claims, "iss": self.issuer, "aud": self.client_id, **self.userinfo})
        token = sign(signed, self.signing_key, self.userinfo_alg, self.header)
        return answer(token.encode(), Content_Type="application/jwt")

    def _counted(self, name: str, view: Callable[[requests.PreparedRequest], Reply]) -> Callable[..., Any]:
        def called(request: requests.PreparedRequest) -> Reply:
            self.calls[name] += 1
            self.requests.append((name, request))
            if name in self.meanwhile:
                self.meanwhile[name]()
            return self.answers[name] if name in self.answers else view(request)

        return called

    def _form_with_client(self, request: requests.PreparedRequest) -> dict[str, str]:
        body = request.body.decode() if isinstance(request.body, bytes) else request.body or ""
        pairs = parse_qsl(body)
        form = dict(pairs)
        assert len(form) == len(pairs), "no parameter twice (RFC 6749, 3.2)"
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            client_id, _, client_secret = base64.b64decode(credentials).decode().partition(":")
            form |= {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(client_secret)}
        return form

    def _key_for(self, alg: str, kid: int, number: int = 0) -> Key:
        if alg.startswith("HS"):
            secret = self.client_secret.encode()
            return OctKey(secret, secret)
        curves = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521", "EdDSA": "Ed25519"}
        return make_key(curves.get(alg, "RSA"), number, f"k{kid}")


def _without_absent(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not ABSENT}
