"""POST /oauth2/token: client credentials for an enterprise or a user, and a signed assertion for either."""

import json
import time
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from filesync_dagster.simulators.box.call import BoxGrant
from filesync_dagster.simulators.kit.service import JSON
from filesync_dagster.simulators.kit.tokens import JWT_BEARER, TokenIssuer, parse_assertion, random_token, rsa_key
from filesync_dagster.simulators.kit.wire import Answer, Request

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
AUDIENCE = "https://api.box.com/oauth2/token"
LONGEST_ASSERTION_SECONDS = 60


@dataclass
class BoxApplication:
    """The registered application, what may speak through it, and its key."""

    client_id: str
    client_secret: str
    enterprise_id: str
    user_id: str
    key_id: str = "k3y1d000"
    passphrase: str = "simulated-passphrase"  # noqa: S105 - opens nothing but a simulator

    @cached_property
    def key(self) -> Any:
        """The private key, made when somebody needs it."""
        return rsa_key("box application")

    def config(self) -> str:
        """Return the JSON that Box hands out: with the private key, encrypted."""
        from cryptography.hazmat.primitives import serialization as to

        encryption = to.BestAvailableEncryption(self.passphrase.encode())
        pem = self.key.private_bytes(to.Encoding.PEM, to.PrivateFormat.PKCS8, encryption).decode()
        auth = {"publicKeyID": self.key_id, "privateKey": pem, "passphrase": self.passphrase}
        app = {"clientID": self.client_id, "clientSecret": self.client_secret, "appAuth": auth}
        return json.dumps({"boxAppSettings": app, "enterpriseID": self.enterprise_id})


@dataclass
class BoxTokens:
    """Answers those who ask for an access token."""

    application: BoxApplication
    issuer: TokenIssuer[BoxGrant]
    reads_events: bool = True  # the app may read the enterprise's events

    def __post_init__(self) -> None:
        self._used: set[str] = set()  # ids of assertions: each is good once

    def answer(self, request: Request) -> Answer:
        """Answer a request for a token."""
        form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        own = self.application
        if (form.get("client_id"), form.get("client_secret")) != (own.client_id, own.client_secret):
            return oauth_refusal("invalid_client", "The client credentials are invalid")
        match form.get("grant_type"):
            case "client_credentials":
                subject = form.get("box_subject_type", ""), form.get("box_subject_id", "")
            case grant if grant == JWT_BEARER:
                try:
                    subject = self._subject_of(form.get("assertion", ""))
                except (ValueError, TypeError, KeyError) as error:
                    return oauth_refusal("invalid_grant", f"Please check the claims: {error}")
            case _:
                return oauth_refusal("unsupported_grant_type", "Invalid grant_type parameter or parameter missing")
        if subject not in {("enterprise", own.enterprise_id), ("user", own.user_id)}:
            return oauth_refusal("invalid_grant", "Grant credentials are invalid")
        allowed = BoxGrant(subject[0] == "enterprise", self.reads_events)
        minted = self.issuer.mint(random_token("1!", 32), allowed)
        return Answer(200, orjson.dumps({**minted, "token_type": "bearer", "restricted_to": []}), JSON)

    def _subject_of(self, assertion: str) -> tuple[str, str]:
        """Return whom an assertion is of. Raises ValueError."""
        header, claims = parse_assertion(assertion, self.application.key)
        lasts = claims["exp"] - time.time()  # by the real time: clients sign with their own clock
        wrong = [
            name
            for name, right in {
                "kid": header.get("kid") == self.application.key_id,
                "alg": header.get("alg") == "RS256",
                "iss": claims.get("iss") == self.application.client_id,
                "aud": claims.get("aud") == AUDIENCE,
                "exp": 0 < lasts <= LONGEST_ASSERTION_SECONDS,
                "jti": claims["jti"] not in self._used and len(claims["jti"]) >= 16,  # noqa: PLR2004 - Box's least
            }.items()
            if not right
        ]
        if wrong:
            raise ValueError(", ".join(wrong))
        self._used.add(claims["jti"])
        return claims["box_sub_type"], claims["sub"]


def oauth_refusal(code: str, text: str) -> Answer:
    """Return a refusal of the token service."""
    return Answer(400, orjson.dumps({"error": code, "error_description": text}), JSON)
