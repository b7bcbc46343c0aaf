"""A day of the past: what the store itself remembers of it, else what was stored on it, else an honest failure.

Never writes today's state under an old day, and never touches `files`.
"""

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from datetime import date as calendar_date

import duckdb

from filesync_dagster.config import Endpoint
from filesync_dagster.connectors import HistoricalSource
from filesync_dagster.core import clock
from filesync_dagster.core.errors import FilesyncError, HistoryUnavailable, NothingKnown
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import (
    COMMITTED,
    Capabilities,
    ChangeCounts,
    ListingGap,
    SyncMode,
    SyncResult,
    SyncStatus,
)
from filesync_dagster.storage.database import SyncRecord
from filesync_dagster.storage.snapshots import SnapshotKind, Staging
from filesync_dagster.sync import diff
from filesync_dagster.sync.commit import store_relations
from filesync_dagster.sync.progress import Progress, ignore
from filesync_dagster.sync.provenance import Provenance
from filesync_dagster.sync.relations import COLUMNS, Relation
from filesync_dagster.sync.result import REBUILT, ResultBuilder, begin_result, describe_gaps, sync_record
from filesync_dagster.sync.run import sync
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True)
class Day:
    """A calendar day in the partitions' time zone, as moments."""

    date: calendar_date
    start: datetime  # inclusive, UTC
    end: datetime  # exclusive, UTC

    @property
    def last_moment(self) -> datetime:
        """The end of the day: the moment that its snapshot describes."""
        return self.end - timedelta(microseconds=1)

    @classmethod
    def of(cls, day: calendar_date, zone: tzinfo) -> "Day":
        """Return a day of a time zone (23, 24 or 25 hours)."""
        midnights = (datetime.combine(d, time(), zone).astimezone(UTC) for d in (day, day + timedelta(days=1)))
        return cls(day, *midnights)


def sync_day(
    runtime: Runtime,
    endpoint: Endpoint,
    day: calendar_date,
    *,
    run_id: str | None = None,
    on_progress: Callable[[Progress], None] = ignore,
) -> SyncResult:
    """Return what is known of an endpoint on a day: today, by syncing it; a past day, without touching `files`.

    A past day comes from the store's own history where it has one, else it is replayed from the syncs of that day.
    When nothing is known of it, the result is FAILED with a sentence that says so.
    """
    zone = runtime.config.settings.partitions.zone
    today = clock.utc_now().astimezone(zone).date()
    if day == today:
        return sync(runtime, endpoint, run_id=run_id, on_progress=on_progress)
    attempt = begin_result(endpoint, run_id, REBUILT)
    try:
        if day > today:
            raise NothingKnown(f"{day} has not come yet.", hint=f"Today is {today} in {zone}.")
        past = Past(runtime, endpoint, runtime.register(endpoint), Day.of(day, zone), attempt, on_progress)
        with closing(runtime.open_source(endpoint, attempt.meter)) as source:
            if isinstance(source, HistoricalSource):
                since = source.history_start()
                if since is not None and since <= past.day.last_moment:
                    with suppress(HistoryUnavailable):  # what it has shows that it does not reach back so far
                        return _from_history(past, source, since)
        return _from_storage(past)
    except FilesyncError as error:
        event("replay.failed", endpoint=endpoint.name, day=str(day), error=str(error))
        return attempt.failure(error, SyncMode.REPLAY)


@dataclass
class Past:
    """One past day of one endpoint."""

    runtime: Runtime
    endpoint: Endpoint
    endpoint_id: int
    day: Day
    attempt: ResultBuilder
    on_progress: Callable[[Progress], None]
    listed: int = 0

    def report(self, rows: int) -> None:
        """Tell the watcher that more entries were listed."""
        self.listed += rows
        self.on_progress(Progress(self.endpoint.name, "listing", self.listed))


def _from_history(past: Past, source: HistoricalSource, since: datetime) -> SyncResult:
    """List the store as it was when the day began and when it ended; the difference is what happened on it.

    Both ends are listed, so that a day says the same in whatever order days are backfilled.
    """
    before_day = past.day.start - timedelta(microseconds=1)
    folder = past.runtime.folder("rebuilding", past.endpoint.name)
    with past.runtime.engine() as con:
        staged = {name: Staging(folder / f"{past.attempt.sync_id}-{name}", {}) for name in ("after", "before")}
        try:
            gaps = _list_as_of(past, source, past.day.last_moment, staged["after"])
            is_start_known = False
            if since <= before_day:
                with suppress(HistoryUnavailable):  # its history begins on this very day: only the end is known
                    gaps += _list_as_of(past, source, before_day, staged["before"])
                    is_start_known = True
            after = _load_staged(con, staged["after"], "after")
            before = _load_staged(con, staged["before"], "before") if is_start_known else None
            return _keep(past, before, after, source.capabilities, gaps)
        finally:
            for staging in staged.values():
                staging.discard()


def _load_staged(con: duckdb.DuckDBPyConnection, staging: Staging, name: str) -> Relation:
    diff.dedupe(con, staging.relation(con, f"staged_{name}"), f"listed_{name}")
    con.execute(f"CREATE VIEW {name} AS SELECT {COLUMNS} FROM listed_{name} WHERE selected")
    return Relation(con, name)


def _list_as_of(past: Past, source: HistoricalSource, at: datetime, staging: Staging) -> list[ListingGap]:
    gaps: list[ListingGap] = []
    for scope in source.scopes():
        for page in source.list_as_of(scope, at):
            if page.batch.num_rows:
                staging.append(scope, page.batch, past.endpoint.filters.select(page.batch))
            gaps += page.gaps
            past.report(page.batch.num_rows)
        staging.flush(scope)
    return gaps


def _keep(
    past: Past, before: Relation | None, after: Relation, pairing: Capabilities, gaps: list[ListingGap]
) -> SyncResult:
    """Store the day's snapshot, and its changes when its beginning is known."""
    at, con = past.day.last_moment, after.con
    files, size, version = diff.totals(con, after.name)
    known = past.runtime.metadata.syncs.snapshot_at(past.endpoint_id, at)
    if known and known.as_of == at and known.data_version == version:
        return _sum_up(past, [known])  # this day was rebuilt before, and is the same
    counts, files_before = ChangeCounts(), None
    relations: dict[SnapshotKind, Relation] = {"snapshots": after}
    if before:
        counts = diff.compare(con, before.name, after.name, "changes", pair_by=pairing.pair_by, pair_as=pairing.pair_as)
        files_before = diff.totals(con, before.name)[0]
        relations["changes"] = Relation(con, "changes")
    result = past.attempt.result(
        SyncStatus.PARTIAL if gaps else SyncStatus.COMPLETED,
        SyncMode.REPLAY,
        **counts.as_numbers(),
        files_processed=files,
        files_before=files_before,
        files_total=files,
        bytes_total=size,
        warnings=describe_gaps(gaps),
    )
    record = sync_record(past.endpoint_id, result, at, past.attempt.run_id, data_version=version)
    facts = Provenance(record, past.runtime.installation).as_facts()
    uris = store_relations(
        past.runtime, past.endpoint, past.endpoint_id, relations, past.day.date, past.attempt.sync_id, facts=facts
    )
    snapshot, changed = uris["snapshots"], uris.get("changes")
    past.runtime.metadata.syncs.record(replace(record, snapshot_uri=snapshot, changes_uri=changed))
    return replace(result, snapshot_uri=snapshot, changes_uri=changed)


def _from_storage(past: Past) -> SyncResult:
    """Sum up the syncs of the day. Reads only; the same day gives the same answer for ever."""
    logs = past.runtime.metadata.syncs.between(past.endpoint_id, since=past.day.start, until=past.day.end)
    logs = [log for log in logs if log.sync_status in COMMITTED]
    live = [log for log in logs if log.mode is not SyncMode.REPLAY]
    logs = live or logs[:1]  # what an earlier backfill rebuilt tells the whole day by itself
    if not logs:
        raise NothingKnown(
            f"Nothing is known of {past.endpoint.name!r} on {past.day.date}: no sync committed on that day, "
            "and the store keeps no history of it.",
            hint="Backfill only days on which it was synced, or turn on versioning in the store.",
        )
    return _sum_up(past, logs)


def _sum_up(past: Past, logs: list[SyncRecord]) -> SyncResult:
    last = logs[0]
    counts = sum((log.counts for log in logs), ChangeCounts())
    result = past.attempt.result(
        last.sync_status,
        SyncMode.REPLAY,
        **counts.as_numbers(),
        files_processed=last.files_processed,
        files_before=logs[-1].files_before,
        files_total=last.files_total,
        bytes_total=last.bytes_total,
        snapshot_uri=last.snapshot_uri,
        changes_uri=last.changes_uri if len(logs) == 1 else None,
        warnings=last.warnings,
    )
    return replace(result, sync_id=last.id)


def snapshot_of_day(runtime: Runtime, endpoint: Endpoint, day: calendar_date) -> SyncRecord | None:
    """Return the sync whose snapshot describes the end of a day (or now, for today)."""
    moment = min(Day.of(day, runtime.config.settings.partitions.zone).last_moment, clock.utc_now())
    return runtime.metadata.syncs.snapshot_at(runtime.register(endpoint), moment)
