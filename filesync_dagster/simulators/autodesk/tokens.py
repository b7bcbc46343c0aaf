"""POST /authentication/v2/token: two-legged tokens, and a secure service account's, which count as a person's."""

import base64
import binascii
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.autodesk.refusals import JSON, gateway
from filesync_dagster.simulators.wire import Answer, Request

LIFETIME = 3600
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_PATH = "/authentication/v2/token"  # noqa: S105 - a path
AUDIENCE = f"https://developer.api.autodesk.com{TOKEN_PATH}"
LONGEST_ASSERTION = 300
SCOPES = frozenset(
    [
        "user:read",
        "user:write",
        "user-profile:read",
        "viewables:read",
        "data:read",
        "data:write",
        "data:create",
        "data:search",
        "bucket:create",
        "bucket:read",
        "bucket:update",
        "bucket:delete",
        "code:all",
        "account:read",
        "account:write",
        "openid",
    ]
)


@dataclass(frozen=True)
class Grant:
    """What an access token allows. `person`: it speaks for somebody, as a three-legged one does."""

    scopes: frozenset[str]
    expires: float
    person: bool


@dataclass
class Application:
    """The registered application, and its secure service account with one key."""

    client_id: str
    client_secret: str
    service_account_id: str
    key_id: str

    @cached_property
    def key(self) -> Any:
        """The service account's private key, made when somebody needs it."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @property
    def private_key(self) -> str:
        """The key as Autodesk hands it out."""
        from cryptography.hazmat.primitives import serialization as to

        return str(
            self.key.private_bytes(to.Encoding.PEM, to.PrivateFormat.TraditionalOpenSSL, to.NoEncryption()).decode()
        )


@dataclass
class Tokens:
    """Mints access tokens and knows which are good. Thread-safe. `now` is the time in seconds that they expire by."""

    application: Application
    now: Callable[[], float]
    minted: int = 0
    _grants: dict[str, Grant] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        """Answer a request for a token."""
        if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return gateway(400, "AUTH-007", "content-type header missing or unsupported content-type used")
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        refused = self._wrong_client(request, form)
        if refused:
            return refused
        scopes = frozenset(form.get("scope", "").split())
        if not scopes <= SCOPES:
            return gateway(400, "AUTH-004", "One or more requested scopes are invalid.")
        return self._wrong_grant(form, scopes, request) or self._mint(scopes, person=form["grant_type"] == JWT_BEARER)

    def grant(self, request: Request) -> Grant | None:
        """Return what the token of a request allows; None if it has none that is good."""
        with self._lock:
            known = self._grants.get(self._bearer(request))
        return known if known and known.expires > self.now() else None

    def expire(self, request: Request) -> None:
        """Let the token of a request be good no longer."""
        with self._lock:
            self._grants.pop(self._bearer(request), None)

    @staticmethod
    def _bearer(request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return token if scheme == "Bearer" else ""

    def _mint(self, scopes: frozenset[str], *, person: bool) -> Answer:
        token = f"eyJhbGciOiJSUzI1NiJ9.{secrets.token_urlsafe(48)}.{secrets.token_urlsafe(32)}"
        with self._lock:
            self.minted += 1
            self._grants[token] = Grant(scopes, self.now() + LIFETIME, person)
        body = {"access_token": token, "token_type": "Bearer", "expires_in": LIFETIME - 1}
        return Answer(200, orjson.dumps(body), {"content-type": JSON})

    def _wrong_client(self, request: Request, form: dict[str, str]) -> Answer | None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        given = ""
        if scheme == "Basic":
            try:
                given = base64.b64decode(encoded, validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                given = ""
        if scheme and "client_secret" in form:
            return gateway(400, "AUTH-008", "Client authentication is in both the header and the body.")
        if "client_secret" in form:
            given = f"{form.get('client_id')}:{form['client_secret']}"
        expected = f"{self.application.client_id}:{self.application.client_secret}"
        if not given:
            return gateway(401, "AUTH-012", "The Authorization header is missing or invalid.")
        if given != expected:
            return gateway(401, "AUTH-003", "The client_id (application key)/client_secret are not valid")
        return None

    def _wrong_grant(self, form: dict[str, str], scopes: frozenset[str], request: Request) -> Answer | None:
        if form.get("grant_type") == JWT_BEARER:
            return self._wrong_assertion(form.get("assertion", ""), scopes, request)
        if "grant_type" not in form:
            return gateway(400, "AUTH-008", "The required parameter(s) grant_type not present in the request")
        if form["grant_type"] != "client_credentials":
            return gateway(400, "AUTH-009", "Unsupported grant_type specified.")
        return None

    def _wrong_assertion(self, assertion: str, scopes: frozenset[str], request: Request) -> Answer | None:
        try:
            header, claims = self._verified(assertion)
        except (ValueError, TypeError) as error:
            return gateway(400, "AUTH-008", f"The assertion is invalid: {error}")
        own = f"http://{request.headers.get('host', '')}{TOKEN_PATH}"
        problems = {
            "kid": header.get("kid") == self.application.key_id,
            "alg": header.get("alg") == "RS256",
            "iss": claims.get("iss") == self.application.client_id,
            "sub": claims.get("sub") == self.application.service_account_id,
            "aud": claims.get("aud") in {AUDIENCE, own, own.replace("http:", "https:", 1)},
            "exp": self._is_fresh(claims.get("exp")),
            "scope": scopes <= set(claims.get("scope", ())),
        }
        wrong = [name for name, right in problems.items() if not right]
        return gateway(400, "AUTH-008", f"The assertion is invalid: {', '.join(wrong)}") if wrong else None

    @staticmethod
    def _is_fresh(expires: object) -> bool:
        # By the real time: clients sign with their own clock.
        return isinstance(expires, int | float) and 0 < expires - time.time() <= LONGEST_ASSERTION

    def _verified(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
        from cryptography.hazmat.primitives.hashes import SHA256

        parts = assertion.split(".")
        header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
        signed = ".".join(parts[:2]).encode()
        try:
            self.application.key.public_key().verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise ValueError("the signature is not that of the key") from error
        return orjson.loads(header), orjson.loads(claims)
