"""Access tokens: minted when they are needed, shared by all sources with the same credential, renewed when refused."""

import hashlib
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, TypeVar

from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.limits import Tenant
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation
from filesync_dagster.core.model import Meter
from filesync_dagster.core.redaction import note_secret

LIFETIME_MAX_SECONDS = 86_400.0  # a token that is said to be good for longer is minted anew all the same
SPARE_SECONDS = 120.0  # a token is not used when it has less than this left

Answer = TypeVar("Answer")
Stopped: TypeAlias = Callable[[], bool]


class AccessToken(NamedTuple):
    """A token as it was minted."""

    value: str
    lifetime_seconds: float


@dataclass(slots=True)
class TokenCache:
    """The token of one credential, shared by all sources of this process that have it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    value: str = field(default="", repr=False)
    good_until: float = 0.0  # on the monotonic clock

    def is_usable(self) -> bool:
        """Whether the token will be good for a while."""
        return bool(self.value) and time.monotonic() < self.good_until

    def store(self, token: AccessToken, minted_at: float) -> None:
        """Keep a token that was asked for at a moment of the monotonic clock."""
        self.value = token.value
        note_secret(token.value)
        seconds = token.lifetime_seconds
        self.good_until = minted_at + max(seconds - SPARE_SECONDS, seconds / 2)


class AuthorizedCalls:
    """Makes calls of one opened source with a token that is good. Thread-safe.

    `mint` is one request for a token; it is repeated like every other. `identity` stands for the credential and what it
    is used for: a hash, no secret. `quota` is the class of call of minting.
    """

    def __init__(
        self,
        meter: Meter,
        tenant: Tenant,
        mint: Callable[[], AccessToken],
        identity: str,
        *,
        policy: RetryPolicy | None = None,
        quota: str = "",
    ) -> None:
        self._mint = mint
        self._quota = quota
        self._cache = tenant.share(TokenCache, identity)
        self._used = ""
        self._minting = Calls(meter, tenant, policy)
        self.calls = Calls(meter, tenant, policy, self._renew)

    def __call__(self, call: Callable[[], Answer], *, quota: str = "", stopped: Stopped = never) -> Answer:
        """Return `call()`, which sends `headers()`, repeated where that can help. Raises SourceError."""
        with self._cache.lock:
            if not self._cache.is_usable():
                self._replace(stopped)
        try:
            return self.calls(call, quota=quota, stopped=stopped)
        except AuthenticationFailed:
            self._forget()
            raise

    @property
    def policy(self) -> RetryPolicy:
        """How patient the calls are."""
        return self.calls.policy

    def headers(self) -> dict[str, str]:
        """Return the headers that say who asks; no network."""
        self._used = self._cache.value
        return {"authorization": f"Bearer {self._used}"}

    def _renew(self) -> None:
        """Mint another token than the one that was refused, unless another source did. Raises SourceError."""
        with self._cache.lock:
            if not self._cache.is_usable() or self._cache.value == self._used:
                self._replace(never)

    def _replace(self, stopped: Stopped) -> None:
        minted_at = time.monotonic()
        self._cache.store(self._minting(self._mint, quota=self._quota, stopped=stopped), minted_at)

    def _forget(self) -> None:
        """Leave no token that was refused to be the first that the next source tries."""
        with self._cache.lock:
            if self._cache.value == self._used:
                self._cache.value = ""


def access_token_in(document: Mapping[str, Any], where: str) -> AccessToken:
    """Return the token of a token service's answer. Raises ProtocolViolation when there is none."""
    value, seconds = document.get("access_token"), document.get("expires_in")
    if not isinstance(value, str) or not value or not isinstance(seconds, int | float):
        raise ProtocolViolation(f"{where} sent no access token.")
    if not 0 <= seconds < math.inf:
        raise ProtocolViolation(f"{where} sent an access token whose lifetime cannot be read.")
    return AccessToken(value, float(min(seconds, LIFETIME_MAX_SECONDS)))


def credential_hash(*parts: str | None) -> str:
    """Return what stands for a credential: a hash, so that no secret lingers in it."""
    return hashlib.sha256("\x00".join(part or "" for part in parts).encode()).hexdigest()
