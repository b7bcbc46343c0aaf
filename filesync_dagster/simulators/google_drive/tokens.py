"""OAuth 2: who asks for an access token with what, and how long it is good."""

import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.google_drive.problems import JSON, bad_token, no_token, scope_too_small
from filesync_dagster.simulators.kit.tokens import (
    JWT_BEARER,
    TokenIssuer,
    bearer_token,
    parse_assertion,
    random_token,
    rsa_key,
)
from filesync_dagster.simulators.kit.wire import Answer, Request

SERVICE_ACCOUNT = "filesync@simulated-project.iam.gserviceaccount.com"
CLIENT_ID = "simulated.apps.googleusercontent.com"
CLIENT_SECRET = "simulated-secret"  # noqa: S105 - opens nothing but a simulator
REFRESH_TOKEN = "1//simulated-refresh-token"  # noqa: S105 - likewise
CLOCK_SKEW_SECONDS = 300
EVERYTHING_ALLOWED = "https://www.googleapis.com/auth/drive"


class TokenRefusal(Exception):
    """The token endpoint refuses; carries OAuth's error and its description."""


def private_key() -> str:
    """Return the key of the simulated service account, as PEM."""
    from cryptography.hazmat.primitives import serialization

    pem, form, plain = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return str(rsa_key(SERVICE_ACCOUNT).private_bytes(pem, form, plain).decode())


def service_account(base_url: str) -> dict[str, str]:
    """Return the JSON key of a service account that this process's simulators know."""
    return {
        "type": "service_account",
        "project_id": "simulated-project",
        "private_key_id": "simulated",
        "private_key": private_key(),
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


class DriveTokens:
    """The access tokens of Google, each with its scopes."""

    def __init__(self, account: str, issuer: TokenIssuer[frozenset[str]]) -> None:
        self._account = account
        self.issuer = issuer

    def mint(self, request: Request) -> Answer:
        """Answer a request of the token endpoint."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        try:
            scopes = self._scopes(form)
        except TokenRefusal as refused:
            error, description = refused.args
            status = 401 if error in {"invalid_client", "unauthorized_client"} else 400
            return Answer(status, orjson.dumps({"error": error, "error_description": description}), JSON)
        return Answer(200, orjson.dumps(self.issuer.mint(random_token("ya29.", 48), scopes)), JSON)

    def expire(self, request: Request) -> None:
        """Let the token of a request be good no longer."""
        self.issuer.expire(_token(request))

    def check(self, request: Request, scopes: frozenset[str]) -> None:
        """Raise Refusal unless the request comes with a good token for one of the scopes."""
        token = _token(request)
        if not token:
            raise no_token() if request.method == "GET" else bad_token()
        granted = self.issuer.grant_of(token)
        if granted is None:
            raise bad_token()
        if not granted & scopes:
            raise scope_too_small()

    def _scopes(self, form: Mapping[str, str]) -> frozenset[str]:
        match form.get("grant_type"):
            case "refresh_token":
                return self._of_person(form)
            case grant if grant == JWT_BEARER:
                return self._of_service_account(form.get("assertion", ""))
            case grant:
                raise TokenRefusal("unsupported_grant_type", f"Invalid grant_type: {grant or ''}")

    def _of_person(self, form: Mapping[str, str]) -> frozenset[str]:
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            raise TokenRefusal("invalid_client", "The OAuth client was not found.")
        if form.get("refresh_token") != REFRESH_TOKEN:
            raise TokenRefusal("invalid_grant", "Bad Request")
        return frozenset(form.get("scope", EVERYTHING_ALLOWED).split())

    def _of_service_account(self, assertion: str) -> frozenset[str]:
        try:
            _, claims = parse_assertion(assertion, rsa_key(SERVICE_ACCOUNT))
            _check_times(claims)
        except (ValueError, TypeError) as error:
            raise TokenRefusal("invalid_grant", f"Invalid JWT: {error}") from None
        if claims.get("iss") != SERVICE_ACCOUNT:
            raise TokenRefusal("invalid_grant", "Invalid grant: account not found")
        if not str(claims.get("aud", "")).endswith("/token"):
            raise TokenRefusal("invalid_grant", "Invalid JWT: Failed audience check.")
        if claims.get("sub", self._account) not in {self._account, SERVICE_ACCOUNT}:
            described = "Client is unauthorized to retrieve access tokens using this method."
            raise TokenRefusal("unauthorized_client", described)
        if not claims.get("scope"):
            raise TokenRefusal("invalid_scope", "Invalid OAuth scope or ID token audience provided.")
        return frozenset(claims["scope"].split())


def _check_times(claims: Mapping[str, Any]) -> None:
    """Raise ValueError or TypeError unless an assertion is of now, give or take the skew of clocks: of the real one."""
    issued, expires, now = claims.get("iat"), claims.get("exp"), time.time()
    if not isinstance(issued, int | float) or not isinstance(expires, int | float):
        raise TypeError("Token does not contain required claims iat and exp")
    if now + CLOCK_SKEW_SECONDS < issued:
        raise ValueError("Token used too early")
    if expires + CLOCK_SKEW_SECONDS < now:
        raise ValueError("Token expired")


def _token(request: Request) -> str:
    return bearer_token(request) or request.parameter("access_token")
