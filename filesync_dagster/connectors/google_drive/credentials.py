"""Who asks: access tokens from a service account's key or a user's refresh token, fetched over our own client."""

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import google.auth.credentials
import google.auth.transport
import httpx
import orjson
from google.oauth2 import credentials as user
from google.oauth2 import service_account

from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails, key_parts
from filesync_dagster.connectors.google_drive.errors import CHECK_CREDENTIALS, REASONS, google_auth_border
from filesync_dagster.connectors.rest.answers import parse_object
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.errors import REDIRECTION, ErrorTable, error_for
from filesync_dagster.connectors.rest.oauth import AccessToken
from filesync_dagster.core.errors import AuthenticationFailed, ProtocolViolation

METADATA = "https://www.googleapis.com/auth/drive.metadata.readonly"
EVERYTHING = "https://www.googleapis.com/auth/drive.readonly"  # what it takes to learn which shared drives there are

WHERE = "Google's token service"
RATE_LIMITED = re.compile(rb"rate_?limit_?exceeded", re.IGNORECASE)  # Google spells it in two ways
RATE_LIMIT = "rateLimitExceeded"
TOKEN_ERRORS = ErrorTable({RATE_LIMIT: REASONS[RATE_LIMIT]}, {}, CHECK_CREDENTIALS, names_status=True)
"""What is worth repeating; google-auth judges the rest."""


class GoogleTokenMint:
    """Fetches access tokens. The key is read each time, so a new one counts at once."""

    def __init__(self, details: GoogleDriveDetails, client: httpx.Client) -> None:
        self._details = details
        self._fetch = _Fetch(client)

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError when none is to be had."""
        with google_auth_border(WHERE):
            found = _credentials(self._details)
            try:
                found.refresh(self._fetch)  # type: ignore[no-untyped-call]  # google-auth annotates only parts
            except (ArithmeticError, TypeError, ValueError) as exc:  # it trusts the numbers in the answer
                raise ProtocolViolation(f"{WHERE} sent an access token whose lifetime cannot be read.") from exc
        left = (
            math.inf if found.expiry is None else (found.expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
        )
        return AccessToken(str(found.token), left)


def identity_of(details: GoogleDriveDetails) -> str:
    """Return what stands for the credential and what is asked for with it."""
    return f"{tenant_key(details)} {_scope(details)}"


def tenant_key(details: GoogleDriveDetails) -> str:
    """Return what stands for the credential where throttling is shared: a hash, which tells no secret."""
    key = details.service_account_json
    parts = [
        details.base_url,
        details.token_uri,
        details.service_account_file,
        key and key.get_secret_value(),
        details.subject,
        details.client_id,
        details.refresh_token and details.refresh_token.get_secret_value(),
    ]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest()


def _scope(details: GoogleDriveDetails) -> str:
    return EVERYTHING if details.include_shared else METADATA


def _credentials(details: GoogleDriveDetails) -> google.auth.credentials.Credentials:
    if details.client_secret is not None and details.refresh_token is not None:
        return user.Credentials(  # type: ignore[no-untyped-call]  # google-auth annotates only parts
            None,
            refresh_token=details.refresh_token.get_secret_value(),
            token_uri=details.token_uri,
            client_id=details.client_id,
            client_secret=details.client_secret.get_secret_value(),
        )
    key = _key(details)
    try:
        found: google.auth.credentials.Credentials = service_account.Credentials.from_service_account_info(  # type: ignore[no-untyped-call]  # see above
            key, scopes=[_scope(details)], subject=details.subject
        )
    except (ValueError, TypeError):
        named = details.service_account_file or "service_account_json"
        raise AuthenticationFailed(
            f"{named} cannot be used: its private_key cannot be read.", hint=CHECK_CREDENTIALS
        ) from None
    return found


def _key(details: GoogleDriveDetails) -> dict[str, Any]:
    named = details.service_account_file or "service_account_json"
    try:
        if details.service_account_json is not None:
            text = details.service_account_json.get_secret_value()
        else:
            text = Path(named).read_text(encoding="utf-8")
        return key_parts(text)
    except OSError as exc:
        raise AuthenticationFailed(
            f"The key file {named} cannot be read: {exc.strerror}.", hint="Check service_account_file."
        ) from exc
    except ValueError as exc:  # the text is in the cause of some, so it is left behind
        said = str(exc) if not isinstance(exc, UnicodeDecodeError) else "this is not text"
        raise AuthenticationFailed(f"{named} cannot be used: {said}.", hint=CHECK_CREDENTIALS) from None


class _Fetch(google.auth.transport.Request):
    """Sends google-auth's requests over our client; raises what is worth repeating before google-auth repeats it."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> google.auth.transport.Response:
        with httpx_border(WHERE):
            answer = self._client.request(method, url, content=body, headers=dict(headers or {}))
        code = RATE_LIMIT if RATE_LIMITED.search(answer.content) else ""
        wait = answer.headers.get("retry-after")
        error = error_for(WHERE, answer.status_code, TOKEN_ERRORS, code=code, retry_after=wait)
        if not answer.is_success and (error.retryable or answer.status_code in REDIRECTION):
            raise error
        if answer.is_success:
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
