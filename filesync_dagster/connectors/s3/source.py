"""A bucket as a source."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

import httpx

from filesync_dagster.connectors.object_store.emptiness import explain_emptiness
from filesync_dagster.connectors.object_store.listing import ListedPage, list_objects
from filesync_dagster.connectors.object_store.lookups import lookup_keys
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.connectors.s3.administration import Administration
from filesync_dagster.connectors.s3.bucket import S3Bucket
from filesync_dagster.connectors.s3.content import open_object
from filesync_dagster.connectors.s3.details import S3Details
from filesync_dagster.connectors.s3.history import list_bucket_as_of, provable_since
from filesync_dagster.connectors.s3.quirks import quirks_for
from filesync_dagster.connectors.s3.rows import RowShape, rows_of
from filesync_dagster.connectors.s3.transport import Transport
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import AccessDenied, HistoryUnavailable, ProtocolViolation, SourceError
from filesync_dagster.core.model import Capabilities, ChangeKind, ConnectionReport, Meter, Page

SCOPE = ""


class S3Source:
    """Lists one bucket and prefix: one scope, external_id is the key.

    `wire` replaces the network under the listing, and `policy` the patience, in tests.
    """

    def __init__(
        self,
        details: S3Details,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        quirks = quirks_for(details.provider, details.endpoint_url)
        self._details = details
        self._transport = Transport(details, quirks, meter, policy, wire)
        self._administration = Administration(details, self._transport)
        self._bucket = S3Bucket(self._transport, quirks, details.prefix, details.page_size, details.include_owner)
        self._shape = RowShape(details.bucket, details.prefix, quirks.etag_is_md5, details.include_owner)

    @property
    def capabilities(self) -> Capabilities:
        """A renamed object is a new key: content and size pair the two."""
        return Capabilities(
            stable_ids=False,
            pair_by=("content_hash", "size"),
            pair_as=ChangeKind.MOVED,
            hashes=True,
            permissions=self._details.include_permissions,
            history=True,
            landmarks=True,
            lookups=self._bucket.quirks.ordered,
        )

    def check(self) -> ConnectionReport:
        """List one key, ask for versioning and, if wanted, read one ACL."""
        started = time.monotonic()
        some = self._bucket.page(limit=1)
        latency = (time.monotonic() - started) * 1000
        permissions, problems = ["list objects"], []
        versioning = self._versioning_if_readable()
        if versioning is not None:
            permissions.append("read versioning")
        if self._details.include_permissions and some.keys:
            try:
                self._administration.acl(some.keys[0])
                permissions.append("read ACLs")
            except SourceError as error:
                problems.append(str(error))
        versions = {"Enabled": ", versioned", "Suspended": ", versioning suspended"}.get(versioning or "", "")
        below = f", keys below {self._details.prefix}" if self._details.prefix else ""
        sees = f"bucket {self._details.bucket} in {self._transport.region}{versions}{below}"
        return ConnectionReport(latency, sees, tuple(permissions), tuple(problems))

    def explain_emptiness(self) -> str | None:
        """Tell a misspelt prefix by what is beside it."""
        return explain_emptiness(self._bucket, f"The bucket {self._details.bucket}")

    def scopes(self) -> tuple[str, ...]:
        """One: the bucket below the prefix."""
        return (SCOPE,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """List the keys, in ranges side by side where the store allows it. A checkpoint holds how far each range is."""
        return self._pages(list_objects(self._bucket, checkpoint, landmarks, self._details.list_workers), now=True)

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for keys, those next to each other together."""
        for page in lookup_keys(self._bucket, ids, self._details.list_workers):
            yield self._page(page, None, now=True)

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Ask for the object, on condition that its ETag is the one of the inventory."""
        return open_object(self._transport, self._bucket.quirks, entry, offset, length)

    def history_start(self) -> datetime | None:
        """The earliest moment that the bucket's versions can prove; see `history` for what they cannot."""
        try:
            versioning = self._administration.versioning_status()
            if versioning != "Enabled":
                return None
            rules = self._administration.lifecycle_rules()
            created = self._administration.created_at()
        except (AccessDenied, ProtocolViolation):
            return None  # not allowed to read the rules, or a store that knows none: nothing can be proved
        return provable_since(versioning, rules, self._details.prefix, created, datetime.now(UTC))

    def list_as_of(self, scope: str, at: datetime, checkpoint: str | None = None) -> Iterator[Page]:
        """List the keys as the versions tell of a moment."""
        since = self.history_start()
        if since is None or at < since:
            reaches = "keeps no history that can be proved" if since is None else f"reaches back to {since.isoformat()}"
            raise HistoryUnavailable(
                f"{self._transport.where} {reaches}, not to {at.isoformat()}.",
                hint="Past days come from stored snapshots instead. History needs versioning, and "
                "s3:GetBucketVersioning and s3:GetLifecycleConfiguration to prove it.",
            )
        return self._pages(list_bucket_as_of(self._bucket, at, checkpoint), now=False)

    @property
    def transport(self) -> Transport:
        """What asks the bucket."""
        return self._transport

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _pages(self, pages: Generator[ListedPage], *, now: bool) -> Generator[Page]:
        with closing(pages):
            for page in pages:
                yield self._page(page.page, page.checkpoint, now=now)

    def _page(self, page: ObjectPage, checkpoint: str | None, *, now: bool) -> Page:
        # An ACL is that of today: the past has none.
        wanted = now and self._details.include_permissions
        permissions = self._administration.permissions(page.keys) if wanted else None
        return Page(rows_of(page, self._shape, permissions), checkpoint, page.gaps)

    def _versioning_if_readable(self) -> str | None:
        try:
            return self._administration.versioning_status() or "Off"
        except SourceError:
            return None
