"""Access tokens: minted with the app's secret or a service account's key, and kept until they expire."""

import base64
import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from filesync_dagster.connectors.autodesk.answers import CHECK_KEY, document, refused
from filesync_dagster.connectors.autodesk.details import AutodeskDetails
from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation

SCOPE = "data:read"
PATH = "/authentication/v2/token"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
JWT_SECONDS = 240  # Autodesk takes assertions of up to five minutes
SPARE_SECONDS = 120.0  # a token is not used when it has less than this left


@dataclass(slots=True)
class Drawer:
    """The token of one identity, shared by all sources of this process that have it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    token: str = ""
    good_until: float = 0.0  # on the monotonic clock

    def usable(self) -> bool:
        """Whether the token will be good for a while."""
        return bool(self.token) and time.monotonic() < self.good_until


class Tokens:
    """Whose requests these are. Thread-safe."""

    def __init__(self, details: AutodeskDetails, client: httpx.Client, calls: Calls) -> None:
        self._details = details
        self._client = client
        self._calls = calls
        self._drawer = calls.tenant.share(Drawer, _identity(details))

    def bearer(self, stopped: Callable[[], bool]) -> str:
        """Return a token that is good for a while, minted if need be. Raises SourceError."""
        with self._drawer.lock:
            if not self._drawer.usable():
                self._mint(stopped)
            return self._drawer.token

    @property
    def current(self) -> str:
        """The last token that was minted; no network."""
        return self._drawer.token

    def renew(self) -> None:
        """Mint another token, because the current one is refused. Raises SourceError."""
        with self._drawer.lock:
            self._mint()

    def drop(self) -> None:
        """Forget the current token: it was refused, and shall not be the first that the next source tries."""
        with self._drawer.lock:
            self._drawer.token = ""

    def _mint(self, stopped: Callable[[], bool] = lambda: False) -> None:
        asked_at = time.monotonic()
        found = self._calls(self._asked, quota="token", stopped=stopped)
        token, seconds = found.get("access_token"), found.get("expires_in")
        if not isinstance(token, str) or not token or not isinstance(seconds, int | float):
            raise ProtocolViolation(f"{self._where} sent no access token.")
        self._drawer.token = token
        self._drawer.good_until = asked_at + max(seconds - SPARE_SECONDS, seconds / 2)

    def _asked(self) -> dict[str, Any]:
        details = self._details
        asked, form = "token", {"grant_type": "client_credentials", "scope": SCOPE}
        if details.service_account_id is not None:
            asked, form = "assertion", {"grant_type": JWT_BEARER, "assertion": self._assertion(), "scope": SCOPE}
        pair = f"{details.client_id}:{details.client_secret.get_secret_value()}"
        headers = {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}", "accept": "application/json"}
        with httpx_border(self._where):
            answer = self._client.post(f"{details.base_url}{PATH}", data=form, headers=headers)
        if answer.status_code != httpx.codes.OK:
            raise refused(self._where, asked, answer)
        return document(answer, self._where)

    def _assertion(self) -> str:
        """Return what a service account proves itself with: claims signed with its key."""
        from google.auth import crypt, jwt

        details = self._details
        assert details.private_key is not None
        try:
            signer = crypt.RSASigner.from_string(  # type: ignore[no-untyped-call]  # google-auth has types in part only
                details.private_key.get_secret_value().replace("\\n", "\n"), details.key_id
            )
        except ValueError as exc:
            raise AuthenticationFailed(
                f"The private_key of service account {details.service_account_id} is no RSA key in PEM form.",
                hint=CHECK_KEY,
            ) from exc
        now = int(time.time())
        claims = {
            "iss": details.client_id,
            "sub": details.service_account_id,
            "aud": f"{details.base_url}{PATH}",
            "iat": now,
            "exp": now + JWT_SECONDS,
            "scope": [SCOPE],
        }
        signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]  # likewise
        return signed.decode("ascii")

    @property
    def _where(self) -> str:
        return f"Autodesk, asked for a token of {self._details.client_id},"


def _identity(details: AutodeskDetails) -> str:
    """Return what stands for an identity: a hash, so that no secret lingers in it."""
    parts = [details.base_url, details.client_id, details.client_secret.get_secret_value()]
    if details.private_key is not None:
        parts += [str(details.service_account_id), str(details.key_id), details.private_key.get_secret_value()]
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
