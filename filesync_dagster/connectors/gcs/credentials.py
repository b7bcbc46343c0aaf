"""Who asks: access tokens for a service account's key, or for the machine's own credentials."""

from typing import Final, Protocol

import google.auth
import httpx

from filesync_dagster.connectors.gcs.details import GcsDetails
from filesync_dagster.connectors.google.service_account import KeyDetails
from filesync_dagster.connectors.google.tokens import WHERE, AuthRequest, google_auth_border, key_credentials, refresh
from filesync_dagster.connectors.rest.oauth import AccessToken, credential_hash

READ: Final = "https://www.googleapis.com/auth/devstorage.read_only"
WRITE: Final = "https://www.googleapis.com/auth/devstorage.read_write"
ACLS: Final = "https://www.googleapis.com/auth/devstorage.full_control"  # what it takes to read ACLs
MACHINE: Final = "The service of the machine's own credentials"
CHECK_KEY: Final = "Check the service account's key: make a new one where it was deleted. Check the clock, too."
CHECK_MACHINE: Final = "Run `gcloud auth application-default login`, or give service_account_file."


class CredentialDetails(KeyDetails, Protocol):
    """What details say of who asks: a key, or the machine's own credentials."""

    @property
    def use_default_credentials(self) -> bool:
        """Whether the machine's own are meant."""
        ...


class CloudTokenMint:
    """Fetches access tokens. The key is read each time, so a new one counts at once."""

    def __init__(self, details: CredentialDetails, client: httpx.Client, scope: str) -> None:
        self._details = details
        self._client = client
        self._scope = scope

    def mint(self) -> AccessToken:
        """Return a new token. Raises SourceError when none is to be had."""
        if self._details.use_default_credentials:
            return self._of_the_machine()
        with google_auth_border(WHERE, CHECK_KEY):
            return refresh(key_credentials(self._details, self._scope, CHECK_KEY), AuthRequest(self._client, CHECK_KEY))

    def _of_the_machine(self) -> AccessToken:
        request = AuthRequest(self._client, CHECK_MACHINE, only_json=False)
        with google_auth_border(MACHINE, CHECK_MACHINE):
            found, _ = google.auth.default(scopes=[self._scope], request=request)
            return refresh(found, request)


def tenant_key(details: GcsDetails) -> str:
    """Return what stands for the credential where throttling is shared: a hash, which tells no secret."""
    key = details.service_account_json
    return credential_hash(
        "gcs",
        details.base_url,
        details.service_account_file,
        None if key is None else key.get_secret_value(),
        str(details.use_default_credentials),
    )
