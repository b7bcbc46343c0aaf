"""POST /authentication/v2/token: two-legged tokens, and a secure service account's, which count as a person's."""

import base64
import binascii
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.autodesk.refusals import JSON, gateway
from filesync_dagster.simulators.kit.tokens import (
    JWT_BEARER,
    TokenIssuer,
    parse_assertion,
    random_token,
    rsa_key,
)
from filesync_dagster.simulators.kit.wire import Answer, Request

TOKEN_PATH = "/authentication/v2/token"  # noqa: S105 - a path
AUDIENCE = f"https://developer.api.autodesk.com{TOKEN_PATH}"
LONGEST_ASSERTION_SECONDS = 300
USER_SCOPES = ("user:read", "user:write", "user-profile:read", "openid")
DATA_SCOPES = ("viewables:read", "data:read", "data:write", "data:create", "data:search")
BUCKET_SCOPES = ("bucket:create", "bucket:read", "bucket:update", "bucket:delete")
SCOPES = frozenset((*USER_SCOPES, *DATA_SCOPES, *BUCKET_SCOPES, "code:all", "account:read", "account:write"))


@dataclass(frozen=True)
class TokenGrant:
    """What an access token allows. `person`: it speaks for somebody, as a three-legged one does."""

    scopes: frozenset[str]
    person: bool


@dataclass
class RegisteredApplication:
    """The registered application, and its secure service account with one key."""

    client_id: str
    client_secret: str
    service_account_id: str
    key_id: str

    @cached_property
    def key(self) -> Any:
        """The service account's private key, made when somebody needs it."""
        return rsa_key(self.service_account_id)

    @property
    def private_key(self) -> str:
        """The key as Autodesk hands it out."""
        from cryptography.hazmat.primitives import serialization as to

        return str(
            self.key.private_bytes(to.Encoding.PEM, to.PrivateFormat.TraditionalOpenSSL, to.NoEncryption()).decode()
        )


@dataclass
class AutodeskTokens:
    """Answers those who ask for an access token."""

    application: RegisteredApplication
    issuer: TokenIssuer[TokenGrant]

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

    def _mint(self, scopes: frozenset[str], *, person: bool) -> Answer:
        token = random_token("eyJhbGciOiJSUzI1NiJ9.", 48, 32)
        body = self.issuer.mint(token, TokenGrant(scopes, person))
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
            header, claims = parse_assertion(assertion, self.application.key)
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
        return isinstance(expires, int | float) and 0 < expires - time.time() <= LONGEST_ASSERTION_SECONDS
