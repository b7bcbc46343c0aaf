"""OAuth 2: who asks for an access token with what, and how long it is good."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import orjson
from google.auth import jwt

from filesync_dagster.simulators.google_drive.problems import JSON, bad_token, no_token, scope_too_small
from filesync_dagster.simulators.wire import Answer, Request

LIFETIME = 3600
SERVICE_ACCOUNT = "filesync@simulated-project.iam.gserviceaccount.com"
CLIENT_ID = "simulated.apps.googleusercontent.com"
CLIENT_SECRET = "simulated-secret"  # noqa: S105 - opens nothing but a simulator
REFRESH_TOKEN = "1//simulated-refresh-token"  # noqa: S105 - likewise
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
EVERYTHING_ALLOWED = "https://www.googleapis.com/auth/drive"


_decode: Callable[..., Mapping[str, Any]] = jwt.decode  # which has no types


class Unauthorized(Exception):
    """The token endpoint refuses; carries OAuth's error and its description."""


@dataclass(frozen=True)
class Token:
    """An access token."""

    expires: float
    scopes: frozenset[str]


@cache
def key_pair() -> tuple[str, str]:
    """Return the private and the public key of the simulated service account, as PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


def service_account(base_url: str) -> dict[str, str]:
    """Return the JSON key of a service account that this process's simulators know."""
    return {
        "type": "service_account",
        "project_id": "simulated-project",
        "private_key_id": "simulated",
        "private_key": key_pair()[0],
        "client_email": SERVICE_ACCOUNT,
        "client_id": "100000000000000000001",
        "token_uri": f"{base_url}/token",
    }


def authorized_user(base_url: str) -> dict[str, str]:
    """Return what a person who signed in has: a refresh token and the client that it belongs to."""
    return {
        "type": "authorized_user",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "refresh_token": REFRESH_TOKEN,
        "token_uri": f"{base_url}/token",
    }


class Tokens:
    """The access tokens in use. `now` is real time, which clients reckon with."""

    def __init__(self, account: str, now: Callable[[], float] = time.time) -> None:
        self._account = account
        self._now = now
        self._good: dict[str, Token] = {}

    def mint(self, request: Request) -> Answer:
        """Answer a request of the token endpoint."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        try:
            scopes = self._scopes(form)
        except Unauthorized as refused:
            error, description = refused.args
            status = 401 if error in {"invalid_client", "unauthorized_client"} else 400
            return Answer(status, orjson.dumps({"error": error, "error_description": description}), JSON)
        token = f"ya29.{secrets.token_urlsafe(48)}"
        self._good[token] = Token(self._now() + LIFETIME, scopes)
        granted = {"access_token": token, "expires_in": LIFETIME - 1, "token_type": "Bearer"}
        return Answer(200, orjson.dumps(granted), JSON)

    def expire(self, request: Request) -> None:
        """Let the token of a request be good no longer."""
        self._good.pop(_bearer(request), None)

    def check(self, request: Request, scopes: frozenset[str]) -> None:
        """Raise Refusal unless the request comes with a good token for one of the scopes."""
        bearer = _bearer(request)
        if not bearer:
            raise no_token() if request.method == "GET" else bad_token()
        token = self._good.get(bearer)
        if token is None or token.expires <= self._now():
            raise bad_token()
        if not token.scopes & scopes:
            raise scope_too_small()

    def _scopes(self, form: Mapping[str, str]) -> frozenset[str]:
        match form.get("grant_type"):
            case "refresh_token":
                return self._of_person(form)
            case grant if grant == JWT_GRANT:
                return self._of_service_account(form.get("assertion", ""))
            case grant:
                raise Unauthorized("unsupported_grant_type", f"Invalid grant_type: {grant or ''}")

    def _of_person(self, form: Mapping[str, str]) -> frozenset[str]:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise Unauthorized("invalid_client", "The OAuth client was not found.")
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise Unauthorized("invalid_grant", "Bad Request")
        return frozenset(form.get("scope", EVERYTHING_ALLOWED).split())

    def _of_service_account(self, assertion: str) -> frozenset[str]:
        try:
            claims: Mapping[str, Any] = _decode(assertion, certs=key_pair()[1], clock_skew_in_seconds=300)
        except (ValueError, TypeError) as error:
            raise Unauthorized("invalid_grant", f"Invalid JWT: {error}") from None
        if claims.get("iss") != SERVICE_ACCOUNT:
            raise Unauthorized("invalid_grant", "Invalid grant: account not found")
        if not str(claims.get("aud", "")).endswith("/token"):
            raise Unauthorized("invalid_grant", "Invalid JWT: Failed audience check.")
        if claims.get("sub", self._account) not in {self._account, SERVICE_ACCOUNT}:
            described = "Client is unauthorized to retrieve access tokens using this method."
            raise Unauthorized("unauthorized_client", described)
        if not claims.get("scope"):
            raise Unauthorized("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return frozenset(claims["scope"].split())


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.parameter("access_token")
