"""A bucket as a source."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime

import httpx

from filesync_dagster.connectors.gcs.bucket import GcsBucket
from filesync_dagster.connectors.gcs.content import open_object
from filesync_dagster.connectors.gcs.details import GcsDetails
from filesync_dagster.connectors.gcs.history import list_bucket_as_of, provable_since
from filesync_dagster.connectors.gcs.rows import rows_of
from filesync_dagster.connectors.gcs.transport import GcsTransport
from filesync_dagster.connectors.object_store.emptiness import explain_emptiness
from filesync_dagster.connectors.object_store.listing import ListedPage, list_in_any_order
from filesync_dagster.connectors.object_store.lookups import lookup_keys
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import AccessDenied, HistoryUnavailable
from filesync_dagster.core.model import Capabilities, ChangeKind, ConnectionReport, Meter, Page

SCOPE = ""


class GcsSource:
    """Lists one bucket and prefix: one scope, external_id is the name of the object.

    `wire` replaces the network, and `policy` the patience, in tests; `now` is the time that the past is judged by.
    """

    def __init__(
        self,
        details: GcsDetails,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._details = details
        self._transport = GcsTransport(details, meter, policy, wire)
        self._bucket = GcsBucket(self._transport, details.prefix, details.page_size, details.include_permissions)

    @property
    def capabilities(self) -> Capabilities:
        """A renamed object is a new name: content and size pair the two."""
        return Capabilities(
            stable_ids=False,
            pair_by=("content_hash", "size"),
            pair_as=ChangeKind.MOVED,
            hashes=True,
            permissions=self._details.include_permissions,
            history=True,
            landmarks=True,
            lookups=True,
        )

    def check(self) -> ConnectionReport:
        """List one object, and ask whether the bucket keeps the past."""
        started = time.monotonic()
        self._bucket.page(limit=1)
        latency = (time.monotonic() - started) * 1000
        allowed = ["list objects"]
        try:
            since = provable_since(self._transport)
            allowed.append("read the bucket")
            kept = "" if since is None else f", the past since {since:%Y-%m-%d}"
        except AccessDenied:
            kept = ""
        below = f", names below {self._details.prefix}" if self._details.prefix else ""
        sees = f"bucket {self._details.bucket}{kept}{below}"
        return ConnectionReport(latency, sees, tuple(allowed))

    def explain_emptiness(self) -> str | None:
        """Tell a misspelt prefix by what is beside it."""
        return explain_emptiness(self._bucket, f"The bucket {self._details.bucket}")

    def scopes(self) -> tuple[str, ...]:
        """One: the bucket below the prefix."""
        return (SCOPE,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """List the names, in ranges side by side. A checkpoint holds how far each range is."""
        return self._pages(list_in_any_order(self._bucket, checkpoint, landmarks, self._details.list_workers))

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for names, those next to each other together."""
        for page in lookup_keys(self._bucket, ids, self._details.list_workers):
            yield self._page(page, None)

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Ask for the object, on condition that its generation is the one of the inventory."""
        return open_object(self._transport, entry, offset, length)

    def history_start(self) -> datetime | None:
        """The earliest moment of which everything is kept; see `history`."""
        try:
            return provable_since(self._transport)
        except AccessDenied:
            return None

    def list_as_of(self, scope: str, at: datetime, checkpoint: str | None = None) -> Iterator[Page]:
        """List the names as generations, and what was soft-deleted, tell of a moment."""
        since = self.history_start()
        if since is None or at < since:
            reaches = "keeps no history that can be proved" if since is None else f"reaches back to {since.isoformat()}"
            raise HistoryUnavailable(
                f"{self._transport.where} {reaches}, not to {at.isoformat()}.",
                hint="Past days come from stored snapshots instead. History needs soft deletion, and "
                "storage.buckets.get to see its policy.",
            )
        return self._pages(list_bucket_as_of(self._bucket, at.astimezone(UTC), checkpoint))

    @property
    def transport(self) -> GcsTransport:
        """What asks the bucket."""
        return self._transport

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _pages(self, pages: Generator[ListedPage]) -> Generator[Page]:
        with closing(pages):
            for page in pages:
                yield self._page(page.page, page.checkpoint)

    def _page(self, page: ObjectPage, checkpoint: str | None) -> Page:
        return Page(rows_of(page, self._details.prefix, self._details.bucket), checkpoint, page.gaps)
