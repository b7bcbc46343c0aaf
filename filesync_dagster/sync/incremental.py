"""An incremental sync: what the store tells of changes, and what follows from it for rows that it does not mention.

Its cost follows the changes: only the ids it is told about, the folders they lie in and what lies below a folder that
moved are looked at.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain

import duckdb
import pyarrow as pa

from filesync_dagster.core import clock
from filesync_dagster.core.errors import CursorLost, ProtocolViolation, SourceError
from filesync_dagster.core.model import COUNTED, OUTSIDE, Delta
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.detect_changes import detect_changes_of_some
from filesync_dagster.sync.feed_rows import FeedResult, FeedRows, complete, feed_of
from filesync_dagster.sync.relations import COLUMNS, ListedRows, Relation, create_empty, create_table
from filesync_dagster.sync.result import Outcome


@dataclass(frozen=True)
class PendingChanges:
    """The feed as far as the first delta that says something, and the rest of it."""

    cursor: str
    first: Delta | None
    rest: Iterator[Delta]


@contextmanager
def observe(context: SyncContext, state: EndpointState) -> Iterator[Outcome]:
    """Ask the change feed. Raises CursorLost when only a listing can tell."""
    pending = peek_feed(context, state)
    if pending.first is None:  # most syncs of most endpoints end here, without a database engine
        following = replace(state, cursor=pending.cursor)
        same = context.attempt.incremental_unchanged(following, context.known_gaps())
        yield Outcome(same, clock.utc_now(), following)
        return
    with context.runtime.engine() as con:
        feed, before, listed = follow_feed(context, con, pending)
        # What could not be read is told again the next time.
        following = replace(state, cursor=state.cursor if feed.gaps else feed.cursor)
        observed, known_gaps = clock.utc_now(), context.known_gaps()
        context.report("comparing", feed.rows)
        found = detect_changes_of_some(context, before, listed, following)
        draft = context.attempt.incremental_draft(found, feed.gaps, known_gaps)
        yield Outcome(draft, observed, following, found)


def peek_feed(context: SyncContext, state: EndpointState) -> PendingChanges:
    """Read the feed until it says something. Raises CursorLost."""
    cursor = str(state.cursor)
    deltas = _deltas(context, cursor)
    for delta in deltas:
        context.lease.check()
        cursor = delta.cursor
        if not delta.is_empty:
            return PendingChanges(cursor, delta, deltas)
    return PendingChanges(cursor, None, iter(()))


def _deltas(context: SyncContext, cursor: str) -> Iterator[Delta]:
    """Yield what the feed tells. Raises CursorLost, also where it cannot be understood: a listing does without it."""
    try:
        yield from feed_of(context).changes(cursor)
    except ProtocolViolation as error:
        raise CursorLost(f"The change feed cannot be followed: {error.message}") from error


def follow_feed(
    context: SyncContext, con: duckdb.DuckDBPyConnection, pending: PendingChanges
) -> tuple[FeedResult, Relation, ListedRows]:
    """Read the feed and make `before` and what is there now. Raises CursorLost when only a full sync can tell."""
    feed = FeedResult(pending.cursor)
    rows = _stage_feed(context, con, pending, feed)
    try:
        located = complete(context, rows, feed)
    except CursorLost:
        raise
    except SourceError as error:
        # What follows from the feed could not be found out; a full listing copes with what cannot be read.
        raise CursorLost(f"What the change feed told could not be followed up: {error}") from error
    con.execute(f"CREATE OR REPLACE VIEW after AS SELECT {COLUMNS} FROM {located.inside} WHERE selected")
    return feed, rows.before, ListedRows(Relation(con, "after"), located.gone, rows.current.count(COUNTED))


def _stage_feed(
    context: SyncContext, con: duckdb.DuckDBPyConnection, pending: PendingChanges, feed: FeedResult
) -> FeedRows:
    """Make `current` and `deleted` of the feed: the last word on each id in each scope."""
    entries = create_empty(con, "feed_entries")
    con.execute(f"ALTER TABLE {entries} ADD COLUMN ord BIGINT")
    con.execute(f"ALTER TABLE {entries} ADD COLUMN seq BIGINT")
    tombstones = create_table(con, "tombstones", "external_id VARCHAR, scope VARCHAR, ord BIGINT, seq BIGINT")
    for delta in chain([pending.first] if pending.first else [], pending.rest):
        context.lease.check()
        _stage_delta(delta, feed, entries, tombstones)
        context.report("listing", feed.rows)
    con.execute(f"""
        CREATE OR REPLACE TABLE latest AS
        SELECT * FROM (
            SELECT external_id, scope, ord, seq, true AS is_row FROM {entries}
            UNION ALL SELECT external_id, scope, ord, seq, false FROM {tombstones}
        ) QUALIFY row_number() OVER (PARTITION BY external_id, scope ORDER BY ord DESC, seq DESC) = 1
    """)
    # An entry is in one scope: that it came into one outweighs that it left another, whatever was heard first.
    con.execute(f"""
        CREATE OR REPLACE TABLE current AS
        SELECT {COLUMNS} FROM (
            SELECT s.*, row_number() OVER (
                PARTITION BY s.external_id
                ORDER BY (s.parent_id IS DISTINCT FROM '{OUTSIDE}') DESC, s.ord DESC, s.seq DESC
            ) AS place
            FROM {entries} s SEMI JOIN (SELECT seq FROM latest WHERE is_row) l ON s.seq = l.seq
        ) WHERE place = 1
    """)
    con.execute("CREATE OR REPLACE TABLE deleted AS SELECT external_id, scope FROM latest WHERE NOT is_row")
    return FeedRows(Relation(con, "current"), Relation(con, "deleted"), create_empty(con, "before"))


def _stage_delta(delta: Delta, feed: FeedResult, entries: Relation, tombstones: Relation) -> None:
    rows = delta.batch.num_rows
    if rows:
        order = pa.array(delta.order or [0] * rows, pa.int64())
        seq = pa.array(range(feed.rows, feed.rows + rows), pa.int64())
        batch = delta.batch.append_column("ord", order).append_column("seq", seq)
        entries.insert(batch, f"{COLUMNS}, ord, seq")
        feed.rows += rows
    if delta.removed:
        stones: dict[str, list[object]] = {
            "external_id": list(delta.removed),
            "scope": [delta.scope] * len(delta.removed),
            "ord": list(delta.removed.values()),
            "seq": list(range(feed.rows, feed.rows + len(delta.removed))),
        }
        tombstones.insert(pa.RecordBatch.from_pydict(stones), "external_id, scope, ord, seq")
        feed.rows += len(delta.removed)
    feed.cursor = delta.cursor
    feed.gaps += delta.gaps
    feed.read += delta.read
    feed.spots += delta.spots
    feed.scopes.add(delta.scope)
