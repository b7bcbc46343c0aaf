"""The two sides of a diff, and what lies between them.

In one DuckDB connection: `before` (the last committed snapshot), `listed` (what the listing saw), `after` (the next
snapshot: what is selected, and what may not be removed), `changes` and `repathed`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.core.errors import SnapshotError
from filesync_dagster.core.model import ChangeCounts, ChangeKind, Kind
from filesync_dagster.storage.database import EndpointState
from filesync_dagster.storage.snapshots import parquet, stream
from filesync_dagster.sync import diff
from filesync_dagster.sync.listing import Listing, SyncContext, confirm, confirm_one_by_one
from filesync_dagster.sync.paths import COLUMNS, Relation, descendants_of, empty, insert, place, with_fingerprints
from filesync_dagster.sync.snapshot_chain import materialize

LANDMARKS = 1024

AT_HAND = 10_000
"""Up to so many rows are copied into memory, where statements find them faster than in files."""

LOOKUPS = 1000
"""Up to so many absences are confirmed one by one; past that a second listing is cheaper."""


@dataclass(frozen=True)
class Comparison:
    """What a listing would change. `snapshot` names the relation to store; counts leave folders out."""

    counts: ChangeCounts
    first: bool  # there was no snapshot before
    changed: bool  # something differs, if only a path
    snapshot: str
    files_before: int
    bytes_before: int
    files_after: int
    bytes_after: int
    data_version: str
    processed: int
    emptied: tuple[str, ...] = ()  # scopes, of several, that had files and would have none


def is_intact(context: SyncContext, state: EndpointState) -> bool:
    """Tell whether the last snapshot, if any, is what was written. When it is not, only `--full` goes on."""
    if state.snapshot_uri is None:
        return True
    try:
        path = materialize(context.runtime, context.endpoint.name, context.endpoint_id, state.snapshot_uri)
        context.runtime.snapshots.verify(state.snapshot_uri, state.data_version, path)
    except SnapshotError as error:
        if context.fresh:
            return False
        raise rebuildable(context, error) from error
    return True


def rebuildable(context: SyncContext, error: SnapshotError) -> SnapshotError:
    """Return the error about a lost snapshot with what can be done about it."""
    hint = f"The database still has the inventory: `filesync sync {context.endpoint.name} --full` rebuilds it."
    return type(error)(error.message, hint=hint)


def landmarks(context: SyncContext, state: EndpointState, *, intact: bool) -> list[str]:
    """Return ids evenly spread over the last snapshot, in order, for sources that use them."""
    if state.snapshot_uri is None or not intact or not context.source.capabilities.landmarks:
        return []
    return sorted(context.runtime.snapshots.sample(state.snapshot_uri, "external_id", LANDMARKS), key=str.encode)


def load_before(context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState, *, intact: bool) -> None:
    """Make `before`: the last snapshot or, when it is lost, what the database has of it."""
    if state.snapshot_uri and intact:
        path = materialize(context.runtime, context.endpoint.name, context.endpoint_id, state.snapshot_uri)
        con.execute(f"CREATE {_relation(state.files_total)} before AS SELECT {COLUMNS} FROM {parquet([path])}")
        return
    empty(con, "before")
    if state.snapshot_uri:
        for batch in context.runtime.metadata.entries(context.endpoint_id):
            insert(con, "before", with_fingerprints(batch))


def prove_absences(
    context: SyncContext, con: duckdb.DuckDBPyConnection, listing: Listing, state: EndpointState
) -> None:
    """Make `after`: what is listed and selected, and what is absent without proof.

    An absence counts when its scope was read completely. For a store with stable ids it must also be confirmed: one
    by one when they are few and the store can be asked, else by a second listing.
    """
    elsewhere = state.location is not None and state.location != context.location
    relation = _relation(listing.rows)
    missing = _classify(context, con, listing, relation, elsewhere=elsewhere)
    if missing and context.source.capabilities.stable_ids and _confirm(context, con, listing):
        missing = _classify(context, con, listing, relation, elsewhere=elsewhere)
    if not missing:
        empty(con, "carried")
        con.execute(f"CREATE VIEW after AS SELECT {COLUMNS} FROM listed WHERE selected")
        return
    con.execute(
        f"CREATE TABLE carried AS SELECT {COLUMNS} FROM missing WHERE NOT ({PROVED}) "
        "AND external_id NOT IN (SELECT external_id FROM gone)",
        [list(listing.incomplete_scopes)],
    )
    con.execute(
        f"CREATE VIEW after AS SELECT {COLUMNS} FROM listed WHERE selected UNION ALL SELECT {COLUMNS} FROM carried",
    )


PROVED = "scope NOT IN (SELECT unnest(?::VARCHAR[])) AND external_id NOT IN (SELECT external_id FROM gone)"
"""Of a missing row: it would have been listed if it were there."""


def _confirm(context: SyncContext, con: duckdb.DuckDBPyConnection, listing: Listing) -> bool:
    """Ask again for what is missing and would count; tell whether anything was asked."""
    absent = f"FROM missing WHERE {PROVED}"
    if not (count := _count(con, "missing", PROVED, [list(listing.incomplete_scopes)])):
        return False
    if context.source.capabilities.incremental and count <= LOOKUPS:
        rows = con.execute(
            f"SELECT scope, list(external_id) {absent} GROUP BY scope", [list(listing.incomplete_scopes)]
        )
        confirm_one_by_one(context, listing, dict(rows.fetchall()))
    else:
        hashes = con.execute(f"SELECT id_hash {absent}", [list(listing.incomplete_scopes)]).fetchnumpy()
        confirm(context, listing, pa.array(hashes["id_hash"], pa.uint64()))
    return True


def _classify(
    context: SyncContext, con: duckdb.DuckDBPyConnection, listing: Listing, relation: Relation, *, elsewhere: bool
) -> int:
    """Make `listed`, `missing` (in `before`, not listed) and `gone` (of both: no longer selected).

    Return how many are missing.
    """
    listing.make_durable()
    staged = listing.staging.relation(con)
    if relation == "TABLE":
        con.execute(f"CREATE OR REPLACE TABLE at_hand AS FROM {staged}")
        staged = "at_hand"
    diff.dedupe(con, staged, "found")
    if context.source.capabilities.derives_paths:
        _place(context, con, listing, relation)
    else:
        con.execute("CREATE OR REPLACE VIEW listed AS FROM found")
    # By the 64-bit hash alone: a missing row whose hash another row has (1 in 10^12 for ten million files) is
    # merely not carried and not confirmed; the diff itself compares ids.
    con.execute(f"CREATE OR REPLACE TABLE missing AS SELECT {COLUMNS} FROM before ANTI JOIN listed USING (id_hash)")
    con.execute("CREATE OR REPLACE TABLE gone AS SELECT external_id FROM listed WHERE NOT selected")
    if not (missing := _count(con, "missing")):
        return 0
    if context.source.capabilities.derives_paths:
        # It is still there, but no longer in the endpoint; unless what it lies in was lost, and it with that.
        con.execute("CREATE OR REPLACE TABLE lost AS SELECT external_id FROM missing ANTI JOIN found USING (id_hash)")
        descendants_of(con, "found", "lost", "descendants_of")
        con.execute("""
            INSERT INTO gone SELECT external_id FROM found SEMI JOIN missing USING (id_hash)
            WHERE external_id NOT IN (SELECT external_id FROM descendants_of)
        """)
    if elsewhere:
        con.execute("INSERT INTO gone SELECT external_id FROM missing")
    elif not context.endpoint.filters.is_default:
        # What the filters prune was not looked at: it left the selection, whether it still exists or not.
        for batch in stream(con, f"SELECT {COLUMNS} FROM missing"):
            left = batch.filter(pc.invert(context.endpoint.filters.select(batch)))
            insert(con, "gone", left, "external_id")
    return missing


def _place(context: SyncContext, con: duckdb.DuckDBPyConnection, listing: Listing, relation: Relation) -> None:
    """Make `listed` of what was found, wherever it lies. A folder that could not be read has the parent it had."""
    if not listing.incomplete_scopes:
        place(con, context.endpoint, "found", "listed", relation=relation)
        return
    con.execute(
        f"CREATE OR REPLACE TABLE anchors AS SELECT {COLUMNS} FROM before "
        f"WHERE kind = '{Kind.FOLDER}' AND scope IN (SELECT unnest(?::VARCHAR[])) "
        "AND external_id NOT IN (SELECT external_id FROM found)",
        [list(listing.incomplete_scopes)],
    )
    if _count(con, "anchors"):
        either = f"SELECT {COLUMNS} FROM found UNION ALL SELECT {COLUMNS} FROM anchors"
        con.execute(f"CREATE OR REPLACE TEMP VIEW found_or_known AS {either}")
        diff.derive(con, "found_or_known", "anchored")  # those that lie nowhere any more stay where they were
        con.execute("UPDATE anchors SET path = p.path FROM anchored p WHERE anchors.external_id = p.external_id")
    place(con, context.endpoint, "found", "listed", "anchors", relation=relation)


RELOCATED = f""""after".kind = '{Kind.FOLDER}' AND "before".path <> "after".path"""
"""Of a change: what lies below has another path. One that is trashed, or comes back, is not counted as moved."""


def compare(context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState) -> Comparison:
    """Make `changes` and `repathed`, and count them."""
    capabilities = context.source.capabilities
    first = state.snapshot_uri is None
    snapshot = "after"
    if first:
        counts, changed = ChangeCounts(), True
    else:
        counts = diff.compare(
            con, "before", "after", "changes",
            pair_by=capabilities.pair_by, pair_as=capabilities.pair_as, left_scope="gone",
        )  # fmt: skip
        relocated = counts.moved or _count(con, "changes", RELOCATED)
        if relocated and _count(con, "carried"):
            diff.apply(con, "before", "changes", "applied")  # what is carried may lie below a moved folder
            snapshot = "applied"
        elsewhere = state.location is not None and state.location != context.location
        repathed = diff.find_repathed(con, "before", snapshot, "changes", "repathed") if relocated or elsewhere else 0
        counts = replace(counts, repathed=repathed)
        changed = bool(repathed or _count(con, "changes"))
    files, size, version = diff.totals(con, snapshot)
    return Comparison(
        counts=replace(counts, added=files) if first else counts,
        first=first,
        changed=changed,
        snapshot=snapshot,
        files_before=state.files_total,
        bytes_before=state.bytes_total,
        files_after=files,
        bytes_after=size,
        data_version=version,
        processed=_count(con, "listed", "selected AND kind <> 'folder'"),
        emptied=() if first or not counts.removed else _emptied(con, snapshot),
    )


def _emptied(con: duckdb.DuckDBPyConnection, after: str) -> tuple[str, ...]:
    """Return the scopes that lost every file, some of them removed, while there are others."""
    live = f"NOT trashed AND kind <> '{Kind.FOLDER}'"
    rows = con.execute(f"""
        SELECT DISTINCT "before".scope FROM changes
        WHERE change = '{ChangeKind.REMOVED}' AND "before".scope IN (SELECT scope FROM before WHERE {live})
            AND "before".scope NOT IN (SELECT scope FROM {after} WHERE {live})
            AND (SELECT count(DISTINCT scope) FROM before) > 1
        ORDER BY 1
    """).fetchall()
    return tuple(scope for (scope,) in rows)


def _count(con: duckdb.DuckDBPyConnection, name: str, where: str = "true", parameters: Sequence[object] = ()) -> int:
    [(rows,)] = con.execute(f"SELECT count(*) FROM {name} WHERE {where}", list(parameters)).fetchall()
    return int(rows)


def _relation(rows: int) -> Relation:
    """Return what to make of so many rows in files, which will be read several times."""
    return "TABLE" if rows <= AT_HAND else "VIEW"
