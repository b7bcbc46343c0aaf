"""Snapshots as they are stored: one file, or one and the changes of later syncs, until compaction writes a new one."""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core import clock
from filesync_dagster.core.errors import SnapshotError
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import LIKE_ESCAPED, respell_key
from filesync_dagster.core.schemas import FILE_SCHEMA, id_hashes
from filesync_dagster.storage.database import EndpointState, Lease, SyncRecord
from filesync_dagster.storage.snapshots import literal, parquet
from filesync_dagster.sync import diff
from filesync_dagster.sync.context import SyncContext
from filesync_dagster.sync.paths import with_fingerprints
from filesync_dagster.sync.provenance import COMPACTED, Provenance
from filesync_dagster.sync.relations import COLUMNS, Relation, create_empty, kind_for
from filesync_dagster.sync.runtime import Runtime

COMPACT_SHARE, COMPACT_LEAST_CHANGES = 0.1, 1000
"""Changes past this share of the files, and this number, are compacted into a snapshot of their own."""

COMPACT_FILE_COUNT = 200
"""So are more change files than this: reading a day should not open hundreds of them."""

LANDMARK_COUNT = 1024


def materialize(  # noqa: PLR0917  # a snapshot, as exactly as it is known
    runtime: Runtime,
    endpoint: str,
    endpoint_id: int,
    snapshot_uri: str,
    until: int | None = None,
    data_version: str | None = None,
) -> Path:
    """Return a local Parquet file with the snapshot of an endpoint as a sync left it (its `seq`; None: the last one).

    `snapshot_uri`: what the state, or the log of a sync, points to; `data_version`: what it must be then. Raises
    SnapshotError when something is lost, damaged, or does not make what was committed.
    """
    chain = runtime.metadata.syncs.changes_since(endpoint_id, snapshot_uri, until)
    if not chain:
        return _materialize_file(runtime, snapshot_uri, runtime.digest_of(snapshot_uri), data_version)

    def write(target: Path) -> None:
        _compact(runtime, snapshot_uri, chain, target)
        runtime.snapshots.verify(snapshot_uri, data_version, target)

    # Stored files never change, so neither does what is made of them.
    made_of = hashlib.sha256("+".join([str(log.changes_uri) for log in chain]).encode()).hexdigest()
    return runtime.snapshots.derive_file(f"{snapshot_uri}+{made_of}.parquet", endpoint, write)


def _materialize_file(runtime: Runtime, snapshot_uri: str, digest: str | None, data_version: str | None) -> Path:
    """Return a local copy of a stored snapshot that nothing was changed on top of."""
    path = runtime.snapshots.local(snapshot_uri, digest)
    if digest is None:  # written by an older version
        runtime.snapshots.verify(snapshot_uri, data_version, path)
    return path


def materialize_state(runtime: Runtime, endpoint: str, state: EndpointState) -> Path:
    """Return a local Parquet file with the snapshot of an endpoint that has one, as it is now. Raises SnapshotError."""
    return materialize(runtime, endpoint, state.endpoint_id, str(state.snapshot_uri), state.seq, state.data_version)


def rebuild_from_database(runtime: Runtime, endpoint: str, state: EndpointState, error: SnapshotError) -> Path:
    """Return the same made of the rows of the database, which equal the last snapshot; let the next sync write it anew.

    Raises the error about the snapshot when the database does not have it either.
    """

    def write(target: Path) -> None:
        with pq.ParquetWriter(target, FILE_SCHEMA, compression="zstd") as writer:
            for batch in runtime.metadata.files.entries(state.endpoint_id):
                writer.write_batch(with_fingerprints(batch))
        runtime.snapshots.verify(str(state.snapshot_uri), state.data_version, target)

    event("snapshot.rebuilt", level=logging.WARNING, endpoint=endpoint, error=str(error))
    try:
        path = runtime.snapshots.derive_file(f"{state.snapshot_uri}={state.seq}.parquet", endpoint, write)
    except SnapshotError:
        raise error from None
    runtime.metadata.endpoints.expire_proofs([endpoint])
    return path


def _compact(runtime: Runtime, snapshot_uri: str, chain: list[SyncRecord], target: Path) -> None:
    with runtime.engine() as con:
        con.execute(f"CREATE VIEW base AS FROM {parquet([runtime.snapshots.local(snapshot_uri)])}")
        names = []
        for number, log in enumerate(chain):
            names.append(f"changes_{number}")
            stored = runtime.snapshots.local(str(log.changes_uri))
            con.execute(f"CREATE VIEW {names[-1]} AS FROM {parquet([stored])}")
        diff.compact(con, "base", names, "folded")
        con.execute(f"COPY folded TO {literal(str(target))} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)")


def compact_if_due(runtime: Runtime, endpoint: str, lease: Lease, state: EndpointState) -> EndpointState:
    """Write the current snapshot as one file when its day is over or its changes have become many.

    So each past day ends in a snapshot of its own, and what is before it may go.
    """
    if state.snapshot_uri is None:
        return state
    chain = runtime.metadata.syncs.changes_since(state.endpoint_id, state.snapshot_uri, state.seq)
    if not chain:
        return state
    last, zone = chain[-1], runtime.config.settings.partitions.zone
    day = (last.as_of or last.sync_completed).astimezone(zone).date()
    changed = sum(log.counts.rows for log in chain)
    many = changed > max(COMPACT_SHARE * state.files_total, COMPACT_LEAST_CHANGES) or len(chain) >= COMPACT_FILE_COUNT
    if not many and day == clock.utc_now().astimezone(zone).date():
        return state
    path, name = materialize_state(runtime, endpoint, state), f"{last.id}{COMPACTED}"
    uri = runtime.snapshots.uri("snapshots", endpoint, day, name)
    with runtime.engine() as con, runtime.written_files(state.endpoint_id, [uri]) as files:
        query, facts = f"FROM {parquet([path])}", _provenance(runtime, state, last).as_facts()
        files.append(runtime.snapshots.write(con, query, "snapshots", endpoint, day, name, facts))
    runtime.metadata.syncs.rebase(lease, last.id, uri)
    return runtime.metadata.endpoints.state(state.endpoint_id)


def _provenance(runtime: Runtime, state: EndpointState, last: SyncRecord) -> Provenance:
    """Return what a compacted snapshot says: it is what its last sync left."""
    record = replace(last, data_version=state.data_version)
    before = last.seq - 1
    return Provenance(
        record, runtime.installation, after_seq=before, location=state.location, selection=state.selection
    )


def is_intact(context: SyncContext, state: EndpointState) -> bool:
    """Tell whether the last snapshot, if any, is what was written. When it is not, the database has what it said."""
    known = context.standing
    if state.snapshot_uri is None:
        return True
    try:
        if known.has_later_changes:
            materialize_state(context.runtime, context.endpoint.name, state)
        else:
            _materialize_file(context.runtime, state.snapshot_uri, known.snapshot_digest, state.data_version)
    except SnapshotError as error:
        context.attempt.meter.remarks["snapshot"] = f"{error.message} It was written anew, from the database."
        event("snapshot.lost", level=logging.WARNING, endpoint=context.endpoint.name, error=str(error))
        return False
    return True


def landmarks(context: SyncContext, state: EndpointState, *, intact: bool) -> list[str]:
    """Return ids evenly spread over the last snapshot, in order, for sources that use them."""
    if state.snapshot_uri is None or not intact or not context.source.capabilities.landmarks:
        return []
    return sorted(context.runtime.snapshots.sample(state.snapshot_uri, "external_id", LANDMARK_COUNT), key=str.encode)


def load_before(
    context: SyncContext, con: duckdb.DuckDBPyConnection, state: EndpointState, *, intact: bool
) -> Relation:
    """Make `before`: the last snapshot or, when it is lost, what the database has of it."""
    if state.snapshot_uri and intact:
        path = materialize_state(context.runtime, context.endpoint.name, state)
        stored = f"SELECT {COLUMNS} FROM {parquet([path])}"
        if context.source.capabilities.landmarks:  # its ids are keys
            stored = _respelled(con, stored)
        con.execute(f"CREATE {kind_for(state.files_total)} before AS {stored}")
        return Relation(con, "before")
    before = create_empty(con, "before")
    if state.snapshot_uri:
        for batch in context.runtime.metadata.files.entries(context.endpoint_id):
            before.insert(with_fingerprints(batch))
    return before


def _respelled(con: duckdb.DuckDBPyConnection, stored: str) -> str:
    r"""Return the query of a snapshot in which keys are written as they are now: see `respell_key`.

    A row whose key looks escaped, without the raw key beside it, is of before.
    """
    old = con.execute(rf"""
        SELECT DISTINCT external_id FROM ({stored})
        WHERE contains(external_id, '\x') AND NOT contains(coalesce(metadata, ''), '"key_hex"')
    """).fetchall()
    keys = {key: respell_key(key, None) for (key,) in old if LIKE_ESCAPED.search(key)}
    if not keys:
        return stored
    table = pa.table({"old": list(keys), "key": list(keys.values()), "hash": id_hashes(list(keys.values()))})
    con.register("respelled_keys", table)
    con.execute("CREATE TEMP TABLE respelled AS FROM respelled_keys")
    con.unregister("respelled_keys")
    return f"""
        SELECT * EXCLUDE (old, key, hash)
            REPLACE (coalesce(key, external_id) AS external_id, coalesce(hash, id_hash) AS id_hash)
        FROM ({stored}) LEFT JOIN respelled ON external_id = old
    """
