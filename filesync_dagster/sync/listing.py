"""From a source to durable staging: pages become segments on disk, then checkpoints; a killed listing resumes there.

In this order, so that a crash loses at most what came after the last checkpoint, and a checkpoint never promises
pages that are not there.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.config import Endpoint, Settings
from filesync_dagster.core import clock
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import NAME_MARK, ListingGap, Page, data_version
from filesync_dagster.core.schemas import sum_fingerprints
from filesync_dagster.storage.database import CheckpointRecord
from filesync_dagster.storage.snapshots import Staging
from filesync_dagster.sync.context import SyncContext

CHECKPOINT_SECONDS = 0.5

LOOKUPS_MAX = 1000
"""Up to so many entries are looked up one by one; past that a listing is cheaper, and proves more."""


@dataclass
class Listing:
    """What one listing (resumed or not) found: durable pages, and what could not be read."""

    staging: Staging
    listing_id: str
    started: datetime
    gaps: list[ListingGap] = field(default_factory=list)
    rows: int = 0
    pages: int = 0  # read by this process
    resumed: bool = False
    ended: datetime | None = None  # when the last page was read
    selected: int = 0
    fingerprints: int = 0
    pending: int = 0  # rows that are in memory only
    cursor: str | None = None  # of the change feed, from before the listing began
    scopes: set[str] = field(default_factory=set)

    @property
    def incomplete_scopes(self) -> set[str]:
        """Scopes whose absences prove nothing."""
        return {gap.scope for gap in self.gaps}

    @property
    def data_version(self) -> str | None:
        """The version of what was listed and selected; None when part of it was listed by an earlier process."""
        return None if self.resumed else data_version(self.selected, self.fingerprints)

    def add(self, context: SyncContext, scope: str, batch: pa.RecordBatch) -> None:
        """Take entries. The filters judge them now, or once their paths are derived."""
        selected = select(context, batch)
        self.staging.append(scope, batch, selected)
        self.scopes.add(scope)
        self.rows += batch.num_rows
        self.pending += batch.num_rows
        chosen = batch.column("fingerprint").filter(selected)
        self.selected += len(chosen)
        self.fingerprints += sum_fingerprints(chosen)

    def make_durable(self) -> None:
        """Put on disk what is in memory only, so that it can be read back."""
        for scope in self.scopes:
            self.staging.flush(scope)
        self.pending = 0


def list_endpoint(context: SyncContext, landmarks: list[str]) -> Listing:
    """List every scope into staging, resuming where an earlier attempt stopped.

    A scope that fails while others succeed is incomplete; when none succeeds, the first error is raised and the
    checkpoints stay for the next attempt.
    """
    found = _usable_checkpoints(context)
    scopes = context.source.scopes()
    listing = _open(context, found)
    failures: dict[str, SourceError] = {}
    for scope in scopes:
        record = found.get(scope)
        if record and record.complete:
            continue
        try:
            _list_scope(context, listing, scope, record, landmarks)
        except SourceError as error:
            failures[scope] = error
        listing.ended = clock.utc_now()
    if failures and len(failures) == len(scopes):
        raise next(iter(failures.values()))
    listing.gaps += [_gap_of_scope(context, scope, error) for scope, error in failures.items()]
    listing.gaps = [gap for gap in listing.gaps if not _is_filtered_out(context.endpoint, gap)]
    return listing


def select(context: SyncContext, batch: pa.RecordBatch) -> pa.BooleanArray:
    """Tell, row by row, whether the filters select it; all of them where paths are not known yet."""
    if context.source.capabilities.derives_paths:
        return pa.repeat(pa.scalar(value=True), batch.num_rows)
    return context.endpoint.filters.select(batch)


def _gap_of_scope(context: SyncContext, scope: str, error: SourceError) -> ListingGap:
    context.lease.check()
    return ListingGap(scope, "", str(error))


def _is_filtered_out(endpoint: Endpoint, gap: ListingGap) -> bool:
    return bool(gap.path) and endpoint.filters.excludes_tree(gap.path)


def _usable_checkpoints(context: SyncContext) -> dict[str, CheckpointRecord]:
    """Return the checkpoints of an unfinished listing of the same selection that is not too old, by scope."""
    if not context.standing.has_checkpoints:
        return {}
    records = context.runtime.metadata.checkpoints.of(context.endpoint_id)
    selection = context.selection
    same = (
        all(r.selection == selection and r.location == context.location for r in records)
        and len({r.listing_id for r in records}) == 1
        and is_recent(records, context.runtime.config.settings)
    )
    if records and same and not context.fresh:
        return {record.scope: record for record in records}
    if records:
        context.runtime.metadata.checkpoints.clear(context.lease)
    return {}


def is_recent(records: Sequence[CheckpointRecord], settings: Settings) -> bool:
    """Tell whether a listing was interrupted so lately that it may be resumed, however long ago it began."""
    oldest = clock.utc_now() - timedelta(hours=settings.checkpoint_hours)
    return any(record.updated_at > oldest for record in records)


def _open(context: SyncContext, found: dict[str, CheckpointRecord]) -> Listing:
    parent = context.runtime.folder("staging", context.endpoint.name)
    first = next(iter(found.values()), None)
    if first and Staging.has(parent / first.listing_id, {scope: r.segments for scope, r in found.items()}):
        event("listing.resumed", endpoint=context.endpoint.name, listing=first.listing_id)
        staging = Staging(parent / first.listing_id, {scope: r.segments for scope, r in found.items()})
        gaps = [gap for record in found.values() for gap in record.unread]
        rows, ended = sum(r.rows for r in found.values()), max(r.updated_at for r in found.values())
        return Listing(
            staging, first.listing_id, first.started_at, gaps, rows, resumed=True, ended=ended, cursor=first.cursor
        )
    found.clear()  # its pages are on another machine or gone: start anew
    Staging.discard_all(parent)
    listing = Listing(Staging(parent / context.sync_id, {}), context.sync_id, context.started)
    if context.feed is not None:
        listing.cursor = context.feed.cursor()
    return listing


def _list_scope(
    context: SyncContext, listing: Listing, scope: str, record: CheckpointRecord | None, landmarks: list[str]
) -> None:
    pages = context.source.list(scope, record.checkpoint if record else None, landmarks)
    writer = _Writer(context, listing, scope, record)
    try:
        for page in pages:
            writer.add(page)
    finally:
        getattr(pages, "close", lambda: None)()
    writer.finish()


class _Writer:
    """Turns the pages of one scope into segments and checkpoints.

    A listing that is over before its first checkpoint is due never touches the disk.
    """

    def __init__(self, context: SyncContext, listing: Listing, scope: str, record: CheckpointRecord | None) -> None:
        self.context = context
        self.listing = listing
        self.scope = scope
        self.rows = record.rows if record else 0
        self.gaps = list(record.unread) if record else []
        self.saved = record is not None
        self.saved_at = time.monotonic()

    def add(self, page: Page) -> None:
        self.context.lease.check()
        if page.batch.num_rows:
            self.listing.add(self.context, self.scope, page.batch)
        self.gaps += page.gaps
        self.listing.gaps += page.gaps
        self.rows += page.batch.num_rows
        self.listing.pages += 1
        self.context.report("listing", self.listing.rows, self.listing.pages)
        full = self.listing.pending >= self.context.runtime.config.settings.batch_size
        if full or time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
            self._save(page.checkpoint, complete=False)

    def finish(self) -> None:
        if self.saved:
            self._save(None, complete=True)

    def _save(self, checkpoint: str | None, *, complete: bool) -> None:
        self.listing.make_durable()
        segments = self.listing.staging.flush(self.scope)
        self.saved_at = time.monotonic()
        if checkpoint is None and not complete:
            return  # on disk, but the listing cannot resume here: a resume begins before it
        self.context.runtime.metadata.checkpoints.save(
            self.context.lease,
            CheckpointRecord(
                scope=self.scope,
                listing_id=self.listing.listing_id,
                checkpoint=checkpoint,
                segments=segments,
                rows=self.rows,
                complete=complete,
                unread=tuple(self.gaps),
                selection=self.context.selection,
                location=self.context.location,
                started_at=self.listing.started,
                updated_at=clock.utc_now(),
                cursor=self.listing.cursor,
            ),
        )
        self.saved = True


def confirm(context: SyncContext, listing: Listing, missing: "pa.Array[Any]") -> None:
    """List once more, and add what the first listing missed: a crawl is not atomic (DESIGN rule 1).

    `missing` are the external_ids that the first listing did not see; where a file may have several, what they have
    in common is enough. What the second listing sees goes to staging; what it cannot read makes its scope incomplete.
    """
    shared = context.source.capabilities.shared_ids
    missing = _file_ids(missing) if shared else missing
    rows = 0
    for scope in context.source.scopes():
        try:
            for page in context.source.list(scope):
                context.lease.check()
                rows += page.batch.num_rows
                context.report("confirming", rows)
                listing.gaps += [gap for gap in page.gaps if not _is_filtered_out(context.endpoint, gap)]
                ids = page.batch.column("external_id")
                back = page.batch.filter(pc.is_in(_file_ids(ids) if shared else ids, value_set=missing))
                if back.num_rows:
                    listing.add(context, scope, back)
        except SourceError as error:
            listing.gaps.append(_gap_of_scope(context, scope, error))


def _file_ids(ids: "pa.Array[Any]") -> "pa.Array[Any]":
    """Return what all ids of one file have in common."""
    return pc.replace_substring_regex(ids, f"{NAME_MARK}.*", "")


def confirm_one_by_one(context: SyncContext, listing: Listing, missing: Mapping[str, Sequence[str]]) -> None:
    """Look up what the listing did not see: external_ids by scope. What still exists goes to staging."""
    assert context.feed is not None
    for scope, ids in missing.items():
        try:
            for page in context.feed.lookup(ids, scope):
                context.lease.check()
                context.report("confirming", page.batch.num_rows)
                if page.batch.num_rows:
                    listing.add(context, scope, page.batch)
        except SourceError as error:
            listing.gaps.append(_gap_of_scope(context, scope, error))
