"""A sync of exactly the entries that events name. An event is a hint that a key changed; the store says what is true.

So it does not matter in which order events come, how often, or what they claim. In one DuckDB connection, as for an
incremental sync: `told` (entries as they are now, and selected), `before` (what the inventory has of these ids),
`after`, `gone`, and from there on as for a listing.

What a listing finds that changed long before, and that no event told, is drift.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import duckdb
import pyarrow as pa

from filesync_dagster.connectors import LookupSource
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.guard import Proposal, objections
from filesync_dagster.core.model import FILE_SCHEMA, ChangeCounts, ChangeKind, canonical_json
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync.listing import SyncContext
from filesync_dagster.sync.paths import COLUMNS, empty, insert, with_fingerprints

GRACE = timedelta(minutes=15)
"""For so long an event may be on its way."""

MOST = 1000
"""Deleted entries that are waited for to be told."""


@dataclass(frozen=True)
class Seen:
    """What the store, and what the inventory, has of the entries that events name."""

    before: pa.Table
    told: pa.Table  # what is there now and selected
    unselected: list[str]  # there, but not selected

    @property
    def is_same(self) -> bool:
        """Whether nothing changed, as after an event that came twice."""
        return _prints(self.before) == _prints(self.told)


def look(context: SyncContext, state: EndpointState) -> Seen:
    """Ask the store for entries that events named. Raises SourceError, CursorLost when only a listing can tell."""
    _ask_guard(context, state)
    assert isinstance(context.source, LookupSource)
    [scope] = context.source.scopes()
    told, unselected, seen = [], [], 0
    for page in context.source.lookup(sorted(context.keys), scope):
        context.lease.check()
        if page.unread:
            raise CursorLost(f"Not all that events named could be looked up: {page.unread[0].reason}")
        selected = context.endpoint.filters.select(page.batch)
        told.append(page.batch.filter(selected))
        chosen = set(told[-1].column("external_id").to_pylist())
        unselected += [i for i in page.batch.column("external_id").to_pylist() if i is not None and i not in chosen]
        seen += page.batch.num_rows
        context.report("listing", seen)
    before = [
        with_fingerprints(batch) for batch in context.runtime.metadata.known(context.endpoint_id, sorted(context.keys))
    ]
    return Seen(pa.Table.from_batches(before, FILE_SCHEMA), pa.Table.from_batches(told, FILE_SCHEMA), unselected)


def _ask_guard(context: SyncContext, state: EndpointState) -> None:
    """Raise CursorLost when events removed, since the last listing, what the guard would hold if it came at once.

    They come in slices, of which each is small; a listing sees all that is gone together.
    """
    removed = context.runtime.metadata.removed_since_listing(context.endpoint_id)
    both = Proposal(
        state.files_total + removed, state.files_total, ChangeCounts(removed=removed), location_changed=False
    )
    if removed and objections(context.endpoint.guard, both):
        raise CursorLost(f"Since the last listing events removed {removed:,} files, as much as the guard holds.")


def place(con: duckdb.DuckDBPyConnection, seen: Seen) -> None:
    """Make `before`, `told`, `after` and `gone`. What is in `before` and not there any more is gone for good."""
    for name, rows in (("before", seen.before), ("told", seen.told)):
        empty(con, name)
        for batch in rows.to_batches():
            insert(con, name, batch)
    con.execute(f"CREATE OR REPLACE VIEW after AS SELECT {COLUMNS} FROM told")
    con.execute("CREATE OR REPLACE TABLE gone (external_id VARCHAR)")
    left = pa.RecordBatch.from_pydict({"external_id": pa.array(seen.unselected, pa.string())})
    insert(con, "gone", left, "external_id")


def _prints(rows: pa.Table) -> dict[str | None, int | None]:
    return dict(zip(rows.column("external_id").to_pylist(), rows.column("fingerprint").to_pylist(), strict=True))


# How well events tell.


@dataclass(frozen=True)
class Feed:
    """Since when events feed an endpoint, and what a listing found deleted, and when, that no event told so far.

    Nobody knows when something was deleted, so an event may still be on its way. It is the cursor of the endpoint.
    """

    since: datetime
    silent: Mapping[str, datetime] = field(default_factory=dict)

    def as_text(self) -> str:
        """Return the cursor."""
        silent = {external_id: at.isoformat() for external_id, at in self.silent.items()}
        return canonical_json({"since": self.since.isoformat(), "silent": silent})


def feed_of(context: SyncContext, state: EndpointState) -> Feed | None:
    """Return what is known of the events of an endpoint; None where none tell of what it lists now."""
    told = (
        state.cursor is not None and state.location == context.location and not context.source.capabilities.incremental
    )
    if not told or not any(queue.serves(context.endpoint.name) for queue in context.runtime.config.queues):
        return None
    said, named = json.loads(str(state.cursor)), set(context.keys)
    silent = {key: datetime.fromisoformat(at) for key, at in said["silent"].items() if key not in named}
    return Feed(datetime.fromisoformat(said["since"]), silent)


def heard(context: SyncContext, state: EndpointState) -> str:
    """Return the cursor after events that named entries."""
    return (feed_of(context, state) or Feed(context.started)).as_text()


def listed(context: SyncContext, state: EndpointState, con: duckdb.DuckDBPyConnection | None = None) -> str | None:
    """Return the cursor after a listing; `con` has its `changes`, if there are any.

    What it finds while a sync is held may have been told before that: it is not waited for.
    """
    feed = feed_of(context, state)
    if feed is None:
        return None
    silent = {key: at for key, at in feed.silent.items() if at > context.started - GRACE}
    if con is not None and state.held_sync_id is None:
        gone = f"""
            SELECT "before".external_id FROM changes WHERE change = '{ChangeKind.REMOVED}' AND "before" IS NOT NULL
                AND "before".external_id NOT IN (SELECT unnest(?::VARCHAR[]))
            LIMIT {MOST}
        """
        rows = con.execute(gone, [list(context.keys)]).fetchall()
        silent |= {external_id: context.started for (external_id,) in rows}
    return replace(feed, silent=silent).as_text()


def drift(context: SyncContext, state: EndpointState, con: duckdb.DuckDBPyConnection | None = None) -> int | None:
    """Return how many changes listings found that no event told, though there was time; None where none tell.

    Of what was written the store knows when. What was deleted counts at the first listing after its time was over.
    """
    feed = feed_of(context, state)
    if feed is None:
        return None
    until = context.started - GRACE
    count = sum(at <= until for at in feed.silent.values())
    if con is not None and state.held_sync_id is None:
        written = """
            SELECT count(*) FROM changes WHERE change <> ? AND "after".modified_at BETWEEN ? AND ?
                AND "after".external_id NOT IN (SELECT unnest(?::VARCHAR[]))
        """
        named = list(context.keys)
        [(late,)] = con.execute(written, [ChangeKind.LEFT_SCOPE.value, feed.since, until, named]).fetchall()
        count += int(late)
    return count
