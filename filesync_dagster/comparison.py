"""The two sides of a diff, and what lies between them.

In one DuckDB connection: `before` (the last committed snapshot), `listed` (what the listing saw), `after` (the next
snapshot: what is selected, and what may not be removed), `changes` and `repathed`.
"""

from dataclasses import dataclass, replace

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster import diff
from filesync_dagster.errors import SnapshotError
from filesync_dagster.listing import Job, Listing, confirm
from filesync_dagster.metadata import EndpointState
from filesync_dagster.model import FILE_SCHEMA, ChangeCounts, sealed
from filesync_dagster.snapshots import parquet, stream

LANDMARKS = 1024
COLUMNS = ", ".join(f'"{name}"' for name in FILE_SCHEMA.names)


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


def is_intact(job: Job, state: EndpointState) -> bool:
    """Tell whether the last snapshot, if any, is what was written. When it is not, only `--full` goes on."""
    if state.snapshot_uri is None:
        return True
    try:
        job.workspace.snapshots.verify(state.snapshot_uri, state.data_version)
    except SnapshotError as error:
        if job.fresh:
            return False
        hint = f"The database still has the inventory: `filesync sync {job.endpoint.name} --full` rebuilds it."
        raise type(error)(error.message, hint=hint) from error
    return True


def landmarks(job: Job, state: EndpointState, *, intact: bool) -> list[str]:
    """Return ids evenly spread over the last snapshot, in order, for sources that use them."""
    if state.snapshot_uri is None or not intact or not job.source.capabilities.landmarks:
        return []
    return sorted(job.workspace.snapshots.sample(state.snapshot_uri, "external_id", LANDMARKS), key=str.encode)


def load_before(job: Job, con: duckdb.DuckDBPyConnection, state: EndpointState, *, intact: bool) -> None:
    """Make `before`: the last snapshot or, when it is lost, what the database has of it."""
    if state.snapshot_uri and intact:
        path = job.workspace.snapshots.local(state.snapshot_uri)
        con.execute(f"CREATE VIEW before AS SELECT {COLUMNS} FROM {parquet([path])}")
        return
    _empty(con, "before")
    if state.snapshot_uri:
        for batch in job.workspace.metadata.entries(job.endpoint_id):
            _insert(con, "before", sealed({name: batch.column(name) for name in batch.schema.names}, batch.num_rows))


def prove_absences(job: Job, con: duckdb.DuckDBPyConnection, listing: Listing, state: EndpointState) -> None:
    """Make `after`: what is listed and selected, and what is absent without proof.

    An absence counts when its scope was read completely. For a store with stable ids it must also be confirmed by
    a second listing.
    """
    elsewhere = state.location is not None and state.location != job.location
    _classify(job, con, listing, elsewhere=elsewhere)
    if job.source.capabilities.stable_ids:
        absent = con.execute(f"SELECT id_hash FROM missing WHERE {PROVED}", [list(listing.poisoned)]).fetchnumpy()
        if len(absent["id_hash"]):
            confirm(job, listing, pa.array(absent["id_hash"], pa.uint64()))
            _classify(job, con, listing, elsewhere=elsewhere)
    con.execute(
        f"CREATE TABLE carried AS SELECT {COLUMNS} FROM missing WHERE NOT ({PROVED}) "
        "AND external_id NOT IN (SELECT external_id FROM gone)",
        [list(listing.poisoned)],
    )
    con.execute(
        f"CREATE VIEW after AS SELECT {COLUMNS} FROM listed WHERE selected UNION ALL SELECT {COLUMNS} FROM carried",
    )


PROVED = "scope NOT IN (SELECT unnest(?::VARCHAR[])) AND external_id NOT IN (SELECT external_id FROM gone)"
"""Of a missing row: it would have been listed if it were there."""


def _classify(job: Job, con: duckdb.DuckDBPyConnection, listing: Listing, *, elsewhere: bool) -> None:
    """Make `listed`, `missing` (in `before`, not listed) and `gone` (of both: no longer selected)."""
    for name in ("listed", "missing", "gone"):
        _drop(con, name)
    listing.make_durable()
    diff.dedupe(con, listing.staging.relation(con), "listed")
    # By the 64-bit hash alone: a missing row whose hash another row has (1 in 10^12 for ten million files) is
    # merely not carried and not confirmed; the diff itself compares ids.
    con.execute(f"CREATE TABLE missing AS SELECT {COLUMNS} FROM before ANTI JOIN listed USING (id_hash)")
    con.execute("CREATE TABLE gone AS SELECT external_id FROM listed WHERE NOT selected")
    if elsewhere:
        con.execute("INSERT INTO gone SELECT external_id FROM missing")
    elif not job.endpoint.filters.is_default:
        # What the filters prune was not looked at: it left the selection, whether it still exists or not.
        for batch in stream(con, f"SELECT {COLUMNS} FROM missing"):
            left = batch.filter(pc.invert(job.endpoint.filters.select(batch)))
            con.register("left_rows", pa.Table.from_batches([left]))
            con.execute("INSERT INTO gone SELECT external_id FROM left_rows")
            con.unregister("left_rows")


def compare(job: Job, con: duckdb.DuckDBPyConnection, state: EndpointState) -> Comparison:
    """Make `changes` and `repathed`, and count them."""
    capabilities = job.source.capabilities
    first = state.snapshot_uri is None
    snapshot = "after"
    if first:
        counts, changed = ChangeCounts(), True
    else:
        counts = diff.compare(
            con, "before", "after", "changes",
            pair_by=capabilities.pair_by, pair_as=capabilities.pair_as, left_scope="gone",
        )  # fmt: skip
        if counts.moved and _count(con, "carried"):
            diff.apply(con, "before", "changes", "applied")  # what is carried may lie below a moved folder
            snapshot = "applied"
        elsewhere = state.location is not None and state.location != job.location
        repathed = diff.repathed(con, "before", snapshot, "changes", "repathed") if counts.moved or elsewhere else 0
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
    )


def _count(con: duckdb.DuckDBPyConnection, name: str, where: str = "true") -> int:
    [(rows,)] = con.execute(f"SELECT count(*) FROM {name} WHERE {where}").fetchall()
    return int(rows)


def _drop(con: duckdb.DuckDBPyConnection, name: str) -> None:
    found = con.execute("SELECT table_type FROM information_schema.tables WHERE table_name = ?", [name]).fetchall()
    for (kind,) in found:
        con.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {name}")


def _empty(con: duckdb.DuckDBPyConnection, name: str) -> None:
    con.register("no_rows", FILE_SCHEMA.empty_table())
    con.execute(f"CREATE TABLE {name} AS SELECT {COLUMNS} FROM no_rows")
    con.unregister("no_rows")


def _insert(con: duckdb.DuckDBPyConnection, name: str, batch: pa.RecordBatch) -> None:
    con.register("some_rows", pa.Table.from_batches([batch]))
    con.execute(f"INSERT INTO {name} SELECT {COLUMNS} FROM some_rows")
    con.unregister("some_rows")
