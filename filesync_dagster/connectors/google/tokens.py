"""Access tokens by way of google-auth, which asks over our own client; what it raises becomes our error tree here.

No message holds a secret: only Google's own words.
"""

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import google.auth.credentials
import google.auth.exceptions
import google.auth.transport
import httpx
from google.oauth2 import service_account

from filesync_dagster.connectors.google.service_account import KeyDetails, read_key
from filesync_dagster.connectors.rest.answers import parse_object
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.errors import (
    ASK_LATER,
    CHECK_CLOCK,
    REDIRECTION,
    ErrorTable,
    concerns_clock,
    error_for,
)
from filesync_dagster.connectors.rest.oauth import AccessToken
from filesync_dagster.core.errors import (
    AuthenticationFailed,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
    Unreachable,
)

WHERE: Final = "Google's token service"
RATE_LIMITED: Final = re.compile(rb"rate_?limit_?exceeded", re.IGNORECASE)  # Google spells it in two ways
RATE_LIMIT: Final = "rateLimitExceeded"

_auth = google.auth.exceptions

AUTH: Final[Mapping[type[Exception], type[SourceError]]] = {
    _auth.GoogleAuthError: AuthenticationFailed,
    _auth.TransportError: Unreachable,
    _auth.RefreshError: AuthenticationFailed,
    _auth.UserAccessTokenError: AuthenticationFailed,
    _auth.DefaultCredentialsError: AuthenticationFailed,
    _auth.MutualTLSChannelError: AuthenticationFailed,
    _auth.ClientCertError: AuthenticationFailed,
    _auth.OAuthError: AuthenticationFailed,
    _auth.ReauthFailError: AuthenticationFailed,
    _auth.ReauthSamlChallengeFailError: AuthenticationFailed,
    _auth.MalformedError: AuthenticationFailed,
    _auth.InvalidResource: AuthenticationFailed,
    _auth.InvalidOperation: AuthenticationFailed,
    _auth.InvalidValue: AuthenticationFailed,
    _auth.InvalidType: AuthenticationFailed,
    _auth.OSError: AuthenticationFailed,
    _auth.TimeoutError: TemporarilyDown,
    _auth.ResponseError: TemporarilyDown,
}
"""Every exception of google-auth; a test fails when it grows another."""


@contextmanager
def google_auth_border(where: str, check: str, hints: Mapping[str, str] | None = None) -> Iterator[None]:
    """Turn what google-auth raises into our errors. `check`: the hint where none of `hints` fits Google's words."""
    try:
        yield
    except google.auth.exceptions.GoogleAuthError as exc:
        kind = next((AUTH[c] for c in type(exc).__mro__ if c in AUTH), AuthenticationFailed)
        said = str(exc.args[0] if exc.args else type(exc).__name__).rstrip(".")
        if kind is AuthenticationFailed and exc.retryable:
            kind = TemporarilyDown
        hint = ASK_LATER if kind is TemporarilyDown else check
        hint = next((hint for words, hint in (hints or {}).items() if words in said.lower()), hint)
        if "invalid_grant" in said and concerns_clock(said):
            hint = CHECK_CLOCK
        raise kind(f"{where} refused: {said}.", hint=hint) from exc


def refresh(credentials: google.auth.credentials.Credentials, request: "AuthRequest") -> AccessToken:
    """Return a new token of some credentials. Raises what google-auth raises, and SourceError."""
    try:
        credentials.refresh(request)  # type: ignore[no-untyped-call]  # google-auth annotates only parts
    except (ArithmeticError, TypeError, ValueError) as exc:  # it trusts the numbers in the answer
        raise ProtocolViolation(f"{WHERE} sent an access token whose lifetime cannot be read.") from exc
    expiry = credentials.expiry
    left = math.inf if expiry is None else (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
    return AccessToken(str(credentials.token), left)


def key_credentials(
    details: KeyDetails, scope: str, check: str, *, subject: str | None = None
) -> google.auth.credentials.Credentials:
    """Return the credentials of a key, read anew, for a scope. Raises AuthenticationFailed."""
    key = read_key(details, check)
    try:
        found: google.auth.credentials.Credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # google-auth annotates only parts
            key, scopes=[scope], subject=subject
        )
    except (ValueError, TypeError):
        named = details.service_account_file or "service_account_json"
        raise AuthenticationFailed(f"{named} cannot be used: its private_key cannot be read.", hint=check) from None
    return found


class AuthRequest(google.auth.transport.Request):
    """Sends google-auth's requests over our client; raises what is worth repeating before google-auth repeats it.

    `check`: the hint of what is not. `only_json`: whether every good answer is an object, as the token service's are;
    the metadata service of a machine answers with texts, too.
    """

    def __init__(self, client: httpx.Client, check: str, *, only_json: bool = True) -> None:
        self._client = client
        self._errors = ErrorTable({RATE_LIMIT: (Throttled, ASK_LATER)}, {}, check, names_status=True)
        self._only_json = only_json

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> google.auth.transport.Response:
        """Send a request. Raises SourceError for an answer that is worth asking for again, or is none of Google's."""
        with httpx_border(WHERE):
            answer = self._client.request(method, url, content=body, headers=dict(headers or {}))
        code = RATE_LIMIT if RATE_LIMITED.search(answer.content) else ""
        wait = answer.headers.get("retry-after")
        error = error_for(WHERE, answer.status_code, self._errors, code=code, retry_after=wait)
        if not answer.is_success and (error.retryable or answer.status_code in REDIRECTION):
            raise error
        if answer.is_success and self._only_json:
            parse_object(answer.content, WHERE)  # google-auth would stumble over anything else
        return _Fetched(answer)


class _Fetched(google.auth.transport.Response):
    """An answer as google-auth reads it."""

    def __init__(self, answer: httpx.Response) -> None:
        self._answer = answer

    @property
    def status(self) -> int:
        return self._answer.status_code

    @property
    def headers(self) -> Mapping[str, str]:
        return self._answer.headers

    @property
    def data(self) -> bytes:
        return self._answer.content
