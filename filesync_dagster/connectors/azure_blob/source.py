"""A container as a source."""

import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

import httpx

from filesync_dagster.connectors.azure_blob.container import BlobContainer
from filesync_dagster.connectors.azure_blob.content import open_blob
from filesync_dagster.connectors.azure_blob.details import AzureBlobDetails
from filesync_dagster.connectors.azure_blob.rows import rows_of
from filesync_dagster.connectors.azure_blob.transport import BlobTransport
from filesync_dagster.connectors.object_store.emptiness import explain_emptiness
from filesync_dagster.connectors.object_store.listing import ListedPage, list_in_any_order
from filesync_dagster.connectors.object_store.lookups import lookup_keys
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.model import Capabilities, ChangeKind, ConnectionReport, Meter, Page

SCOPE = ""


class AzureBlobSource:
    """Lists one container and prefix: one scope, external_id is the name of the blob.

    `wire` replaces the network, and `policy` the patience, in tests.
    """

    def __init__(
        self,
        details: AzureBlobDetails,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        wire: httpx.BaseTransport | None = None,
    ) -> None:
        self._details = details
        self._transport = BlobTransport(details, meter, policy, wire)
        self._container = BlobContainer(self._transport, details.prefix, details.page_size)

    @property
    def capabilities(self) -> Capabilities:
        """A renamed blob is a new name: content and size pair the two."""
        return Capabilities(
            stable_ids=False,
            pair_by=("content_hash", "size"),
            pair_as=ChangeKind.MOVED,
            hashes=True,
            landmarks=True,
            lookups=True,
        )

    def check(self) -> ConnectionReport:
        """List one blob."""
        started = time.monotonic()
        self._container.page(limit=1)
        latency = (time.monotonic() - started) * 1000
        below = f", names below {self._details.prefix}" if self._details.prefix else ""
        sees = f"container {self._details.container} at {self._details.blob_url}{below}"
        return ConnectionReport(latency, sees, ("list blobs",))

    def explain_emptiness(self) -> str | None:
        """Tell a misspelt prefix by what is beside it."""
        return explain_emptiness(self._container, f"The container {self._details.container}")

    def scopes(self) -> tuple[str, ...]:
        """One: the container below the prefix."""
        return (SCOPE,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """List the names: in ranges side by side where the service can begin anywhere, else by its markers."""
        return self._pages(list_in_any_order(self._container, checkpoint, landmarks, self._details.list_workers))

    def lookup(self, ids: Sequence[str], scope: str) -> Iterator[Page]:
        """Ask for names, those next to each other together."""
        for page in lookup_keys(self._container, ids, self._details.list_workers):
            yield self._page(page, None)

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Ask for the blob, on condition that its ETag is the one of the inventory."""
        return open_blob(self._transport, entry, offset, length)

    @property
    def transport(self) -> BlobTransport:
        """What asks the container."""
        return self._transport

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _pages(self, pages: Generator[ListedPage]) -> Generator[Page]:
        with closing(pages):
            for page in pages:
                yield self._page(page.page, page.checkpoint)

    def _page(self, page: ObjectPage, checkpoint: str | None) -> Page:
        link = f"{self._transport.url_of(b'')}"
        return Page(rows_of(page, self._details.prefix, link), checkpoint, page.gaps)
