"""Everything but listing, through boto3: what a bucket is, and who may read its objects."""

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import boto3.session
import botocore
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials

from filesync_dagster.connectors.aws.errors import botocore_border
from filesync_dagster.connectors.rest.crawl import thread_pool
from filesync_dagster.connectors.s3.answers import TABLE
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.connectors.s3.transport import Transport, session_of
from filesync_dagster.core.aws import send_through
from filesync_dagster.core.errors import AccessDenied, NotFound
from filesync_dagster.core.model import canonical_json

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Answer = TypeVar("Answer")


class Administration:
    """Asks about one bucket. Making the client is slow, so it happens at the first question."""

    def __init__(self, details: S3Details, transport: Transport) -> None:
        self._details = details
        self._transport = transport
        self._lock = threading.Lock()
        self._made: tuple[ReadOnlyCredentials | None, S3Client] | None = None

    def versioning_status(self) -> str | None:
        """Return Enabled, Suspended, or None for a bucket that never had versions."""
        return self.ask(lambda client: client.get_bucket_versioning(**self._bucket())).get("Status")

    def lifecycle_rules(self) -> Sequence[Any]:
        """Return the rules that may remove versions. Raises AccessDenied when they may not be read."""
        try:
            return self.ask(lambda client: client.get_bucket_lifecycle_configuration(**self._bucket())).get("Rules", [])
        except NotFound:  # NoSuchLifecycleConfiguration
            return []

    def created_at(self) -> Any:
        """Return when the bucket was made, None when the store does not say so."""
        name = self._details.bucket
        try:
            buckets = self.ask(lambda client: client.list_buckets(Prefix=name)).get("Buckets", [])
        except AccessDenied:
            return None
        return next((bucket.get("CreationDate") for bucket in buckets if bucket.get("Name") == name), None)

    def permissions(self, keys: Sequence[bytes]) -> list[str | None]:
        """Return the ACL of each object as canonical JSON; None for one that vanished meanwhile."""
        with thread_pool(self._details.list_workers, "s3-acl") as pool:
            return list(pool.map(self.acl, keys))

    def acl(self, key: bytes) -> str | None:
        """Return who may do what with one object, as canonical JSON. Raises AccessDenied."""
        try:
            answer = self.ask(lambda client: client.get_object_acl(**self._bucket(), Key=key.decode()))
        except NotFound:
            return None
        except AccessDenied as exc:
            raise AccessDenied(exc.message, hint="Grant s3:GetObjectAcl, or set include_permissions: false.") from exc
        except UnicodeDecodeError:  # boto3 cannot ask for a key that is not text
            return None
        grants = [
            {
                "grantee": grant.get("Grantee", {}).get("ID") or grant.get("Grantee", {}).get("URI"),
                "permission": grant.get("Permission"),
            }
            for grant in answer.get("Grants", [])
        ]
        return canonical_json(
            {"owner": answer.get("Owner", {}).get("ID"), "grants": sorted(grants, key=canonical_json)}
        )

    def ask(self, question: Callable[["S3Client"], Answer]) -> Answer:
        """Return the answer to one call of the client, repeated where that can help. Raises SourceError."""

        def once() -> Answer:
            with botocore_border(self._transport.where, TABLE):
                return question(self._client())

        return self._transport.calls(once)

    def _client(self) -> "S3Client":
        """Return a client of the credentials that are valid now."""
        credentials = None if self._details.anonymous else self._transport.identity.freeze()
        with self._lock:
            if self._made is None or self._made[0] != credentials:
                self._made = credentials, self._make_client(credentials)
            return self._made[1]

    def _make_client(self, credentials: ReadOnlyCredentials | None) -> "S3Client":
        """Return a boto3 client with our own retries, addresses and timeouts instead of its own."""
        details = self._details
        config = Config(
            region_name=self._transport.region,
            signature_version=botocore.UNSIGNED if details.anonymous else "s3v4",
            s3={"addressing_style": "virtual" if self._transport.virtual else "path"},
            retries={"total_max_attempts": 1},
            connect_timeout=details.connect_timeout,
            read_timeout=details.read_timeout,
            max_pool_connections=details.list_workers + 2,
            defaults_mode="legacy",  # type: ignore[arg-type] # the stub is wrong; "auto" asks the metadata service
        )
        session = boto3.session.Session(botocore_session=session_of(details))
        client: S3Client = session.client(
            "s3",
            endpoint_url=self._transport.endpoint_url,
            aws_access_key_id=credentials.access_key if credentials else None,
            aws_secret_access_key=credentials.secret_key if credentials else None,
            aws_session_token=credentials.token if credentials else None,
            verify=details.ca_bundle or details.verify_tls,
            config=config,
        )
        send_through(self._transport.http, client)
        return client

    def _bucket(self) -> dict[str, Any]:
        owner = self._details.expected_bucket_owner
        return {"Bucket": self._details.bucket} | ({"ExpectedBucketOwner": owner} if owner else {})
