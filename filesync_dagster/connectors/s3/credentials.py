"""Who asks: credentials from the details or the AWS chain, and the signature of one request."""

import threading
from collections.abc import Callable
from hashlib import sha256

import botocore.session
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials, ReadOnlyCredentials
from pydantic import SecretStr

from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.core.errors import AuthenticationFailed

METADATA_PROVIDERS = ("iam-role", "container-role")
"""The members of the AWS chain that ask an address of the machine or container they run in."""


def aws_session(details: S3Details) -> botocore.session.Session:
    """Return a session whose chain asks no metadata service unless the details say so."""
    session = botocore.session.Session(profile=details.profile)
    if not details.use_instance_metadata:
        chain = session.get_component("credential_provider")
        for name in METADATA_PROVIDERS:
            chain.remove(name)
        for provider in chain.providers:
            # A profile may name the metadata service as the source of an assumed role; botocore has no public
            # way to forbid that.
            sourcer = getattr(provider, "_credential_sourcer", None)
            if sourcer is not None:
                sourcer._providers = [  # noqa: SLF001 - see above
                    p
                    for p in sourcer._providers  # noqa: SLF001 - see above
                    if p.METHOD not in METADATA_PROVIDERS
                ]
    return session


class Identity:
    """Signs requests. Credentials are looked up at the first one, and refreshed when they expire."""

    def __init__(self, details: S3Details) -> None:
        self._details = details
        self._lock = threading.Lock()
        self._found: Credentials | None = None

    def freeze(self) -> ReadOnlyCredentials:
        """Return the credentials to use now. Raises AuthenticationFailed when there are none."""
        with self._lock:
            if self._found is None:
                self._found = self._looked_up()
            found = self._found
        return found.get_frozen_credentials()

    @property
    def tenant(self) -> str:
        """Who asks where, hashed: what the store counts calls by, as far as can be told from here."""
        details = self._details
        who = _open(details.access_key_id) or (details.profile or "", details.anonymous)
        return sha256(repr(("s3", details.endpoint_url, who)).encode()).hexdigest()

    @property
    def renewal(self) -> Callable[[], None] | None:
        """What finds credentials anew after a refusal; None where that would find the same ones."""
        fixed = self._details.anonymous or self._details.access_key_id is not None
        return None if fixed else self._forget

    def _forget(self) -> None:
        with self._lock:
            self._found = None

    def signed_headers(self, url: str, region: str, headers: dict[str, str]) -> dict[str, str]:
        """Return `headers` plus those that sign a GET of `url`; unchanged for anonymous access."""
        if self._details.anonymous:
            return headers
        request = AWSRequest("GET", url, headers=headers)
        S3SigV4Auth(self.freeze(), "s3", region).add_auth(request)
        return dict(request.headers.items())

    def _looked_up(self) -> Credentials:
        details = self._details
        if details.access_key_id is not None:
            return Credentials(
                _open(details.access_key_id) or "",
                _open(details.secret_access_key) or "",
                _open(details.session_token),
                method="endpoints.yaml",
            )
        found = aws_session(details).get_credentials()
        if found is None:
            raise AuthenticationFailed(
                f"No credentials were found for bucket {details.bucket}.",
                hint="Give access_key_id and secret_access_key, a profile, or anonymous: true.",
            )
        return found


def _open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
