"""A sync of exactly the entries that events name. An event is a hint that a key changed; the store says what is true.

So it does not matter in which order events come, how often, or what they claim. In one DuckDB connection: `after`
(entries as they are now, and selected), `before` (what the inventory has of these ids) and `gone`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa

from filesync_dagster.connectors import LookupSource
from filesync_dagster.core import clock
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import COUNTED
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.detect_changes import detect_changes_of_some
from filesync_dagster.sync.feed_drift import cursor_after_events
from filesync_dagster.sync.paths import with_fingerprints
from filesync_dagster.sync.relations import ListedRows, Relation, create_empty, create_table, ids_batch
from filesync_dagster.sync.result import Outcome


@dataclass(frozen=True)
class LookupResult:
    """What the store, and what the inventory, has of the entries that events name."""

    before: pa.Table
    after: pa.Table  # what is there now and selected
    unselected: list[str]  # there, but not selected

    @property
    def is_same(self) -> bool:
        """Whether nothing changed, as after an event that came twice."""
        return _fingerprints(self.before) == _fingerprints(self.after)


@contextmanager
def observe(context: SyncContext, state: EndpointState) -> Iterator[Outcome]:
    """Look up what events named. Raises CursorLost when only a listing can tell."""
    found = lookup(context)
    following = replace(state, cursor=cursor_after_events(context, state))
    rows = found.after.num_rows
    if found.is_same:
        yield Outcome(
            context.attempt.incremental_unchanged(following, context.known_gaps(), rows), clock.utc_now(), following
        )
        return
    with context.runtime.engine() as con:
        before, listed = _load(con, found)
        observed, gaps = clock.utc_now(), context.known_gaps()
        context.report("comparing", rows)
        changes = detect_changes_of_some(context, before, listed, following)
        yield Outcome(context.attempt.incremental_draft(changes, (), gaps), observed, following, changes)


def lookup(context: SyncContext) -> LookupResult:
    """Ask the store for entries that events named. Raises SourceError, CursorLost when only a listing can tell."""
    assert isinstance(context.source, LookupSource)
    [scope] = context.source.scopes()
    there: list[pa.RecordBatch] = []
    unselected, rows = [], 0
    for page in context.source.lookup(sorted(context.keys), scope):
        context.lease.check()
        if page.gaps:
            raise CursorLost(f"Not all that events named could be looked up: {page.gaps[0].reason}")
        selected = context.endpoint.filters.select(page.batch)
        there.append(page.batch.filter(selected))
        chosen = set(there[-1].column("external_id").to_pylist())
        unselected += [i for i in page.batch.column("external_id").to_pylist() if i is not None and i not in chosen]
        rows += page.batch.num_rows
        context.report("listing", rows)
    known = context.runtime.metadata.files.entries_of(context.endpoint_id, sorted(context.keys))
    before = [with_fingerprints(batch) for batch in known]
    return LookupResult(
        pa.Table.from_batches(before, FILE_SCHEMA), pa.Table.from_batches(there, FILE_SCHEMA), unselected
    )


def _load(con: duckdb.DuckDBPyConnection, found: LookupResult) -> tuple[Relation, ListedRows]:
    """Make `before`, `after` and `gone`. What is in `before` and not there any more is gone for good."""
    before, after, gone = create_empty(con, "before"), create_empty(con, "after"), create_table(con, "gone")
    for relation, rows in ((before, found.before), (after, found.after)):
        for batch in rows.to_batches():
            relation.insert(batch)
    gone.insert(ids_batch(found.unselected), "external_id")
    return before, ListedRows(after, gone, after.count(COUNTED))


def _fingerprints(rows: pa.Table) -> dict[str | None, int | None]:
    return dict(zip(rows.column("external_id").to_pylist(), rows.column("fingerprint").to_pylist(), strict=True))
