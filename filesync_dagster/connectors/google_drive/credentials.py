"""Who asks: access tokens from a service account's key or a user's refresh token, fetched over our own client."""

import hashlib

import google.auth.credentials
import httpx
import orjson
from google.oauth2 import credentials as user

from filesync_dagster.connectors.google.tokens import WHERE, AuthRequest, google_auth_border, key_credentials, refresh
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import CHECK_CREDENTIALS, TOKEN_HINTS
from filesync_dagster.connectors.rest.oauth import AccessToken

METADATA = "https://www.googleapis.com/auth/drive.metadata.readonly"
EVERYTHING = "https://www.googleapis.com/auth/drive.readonly"  # what it takes to learn which shared drives there are


class GoogleTokenMint:
    """Fetches access tokens. The key is read each time, so a new one counts at once."""

    def __init__(self, details: GoogleDriveDetails, client: httpx.Client) -> None:
        self._details = details
        self._request = AuthRequest(client, CHECK_CREDENTIALS)

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError when none is to be had."""
        with google_auth_border(WHERE, CHECK_CREDENTIALS, TOKEN_HINTS):
            return refresh(_credentials(self._details), self._request)


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
    return key_credentials(details, _scope(details), CHECK_CREDENTIALS, subject=details.subject)
