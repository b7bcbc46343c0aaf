"""Access tokens: minted, good for a while, expired when a fault says so; and assertions that are traded for them."""

import base64
import secrets
import threading
from collections.abc import Callable
from functools import cache
from typing import Any, Generic, TypeVar

import orjson

from filesync_dagster.simulators.kit.wire import Request

TOKEN_LIFETIME_SECONDS = 3600
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
"""The grant type of RFC 7523: a signed assertion for an access token."""

Grant = TypeVar("Grant")


class TokenIssuer(Generic[Grant]):
    """The access tokens in use, each with what it allows. Thread-safe. `now`: the seconds that they expire by."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.minted = 0
        self._grants: dict[str, tuple[Grant, float]] = {}
        self._lock = threading.Lock()

    def mint(self, token: str, grant: Grant) -> dict[str, Any]:
        """Take a token into use; return what OAuth answers with it."""
        with self._lock:
            self.minted += 1
            self._grants[token] = grant, self.now() + TOKEN_LIFETIME_SECONDS
        return {"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME_SECONDS - 1}

    def grant_of(self, token: str) -> Grant | None:
        """Return what a token allows; None when it is not good."""
        with self._lock:
            known = self._grants.get(token)
        return known[0] if known and known[1] > self.now() else None

    def expire(self, token: str) -> None:
        """Let a token be good no longer."""
        with self._lock:
            self._grants.pop(token, None)

    def expire_all(self) -> None:
        """Let no token be good any longer."""
        with self._lock:
            self._grants.clear()


def random_token(prefix: str, *lengths: int) -> str:
    """Return a token that nobody can guess: random parts of so many bytes after a prefix, with dots between them."""
    return prefix + ".".join(secrets.token_urlsafe(length) for length in lengths)


def bearer_token(request: Request) -> str:
    """Return the token of the Authorization header of a request, without the space around it; empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


@cache
def rsa_key(name: str) -> Any:
    """Return the private key of a simulated account, made when somebody needs it: the same in all of this process."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def parse_assertion(assertion: str, key: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the header and the claims of a JWT that the private `key` signed. Raises ValueError, TypeError."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    parts = assertion.split(".")
    header, claims, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in parts)
    signed = ".".join(parts[:2]).encode()
    try:
        key.public_key().verify(signature, signed, PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise ValueError("the signature is not that of the key") from error
    return orjson.loads(header), orjson.loads(claims)
