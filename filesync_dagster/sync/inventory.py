"""Reading the inventory: what is there now, what was there then, what changed."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from filesync_dagster.config import Endpoint
from filesync_dagster.core.errors import NothingKnown, SnapshotError
from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.database import SyncRecord
from filesync_dagster.storage.snapshots import export as write_file
from filesync_dagster.storage.snapshots import literal, parquet, stream
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.snapshot_chain import materialize, materialize_state, rebuild_from_database

LIVE_SCHEMA = pa.schema([field for field in FILE_SCHEMA if field.name not in {"id_hash", "fingerprint"}])
"""What is told of an entry."""

BY_PATH = "path, external_id"
"""The order of an inventory."""


def files(
    runtime: Runtime,
    endpoint: Endpoint,
    *,
    as_of: datetime | None = None,
    gone: bool = False,
    place: PathFilter | None = None,
    columns: Sequence[str] | None = None,
    limit: int | None = None,
) -> Iterator[pa.RecordBatch]:
    """Yield the live files of an endpoint, by path: now, or as of a moment, in LIVE_SCHEMA or these columns of it.

    They are what the snapshot has. `gone` adds those that were removed, which only the database knows, in FILES_SCHEMA.
    `place`: only there. Raises NothingKnown when nothing is stored about that moment.
    """
    with closing(_files(runtime, endpoint, as_of, gone, _Selection(place, columns, limit))) as batches:
        for batch in batches:
            found = (batch if place is None else place.select(batch)).slice(0, limit)
            yield found if columns is None else found.select(list(columns))
            if limit is not None and (limit := limit - found.num_rows) == 0:
                return


@dataclass(frozen=True)
class _Selection:
    place: PathFilter | None
    columns: Sequence[str] | None
    limit: int | None

    @property
    def folder(self) -> str:
        return self.place.folder if self.place else ""

    def query(self, snapshot: Path) -> str:
        """Return the query of a snapshot for at least what is meant, by path."""
        names = None if self.columns is None else dict.fromkeys([*self.columns, "path"])
        wanted = "*" if names is None else ", ".join(f'"{name}"' for name in names)
        folder = literal(self.folder)
        inside = f"WHERE path = {folder} OR (path > {folder} || '/' AND path < {folder} || '0')" if self.folder else ""
        is_pattern = self.place is not None and self.place.is_pattern
        first = "" if self.limit is None or is_pattern else f"LIMIT {self.limit}"
        return f"SELECT {wanted} FROM ({live(snapshot)}) {inside} ORDER BY {BY_PATH} {first}"


def _files(
    runtime: Runtime, endpoint: Endpoint, as_of: datetime | None, gone: bool, selection: _Selection
) -> Generator[pa.RecordBatch]:
    if gone:
        inventory = runtime.metadata.files.inventory(runtime.register(endpoint), gone=True, folder=selection.folder)
        yield from inventory
        return
    if as_of is not None:
        path = snapshot_path(runtime, endpoint, as_of)
    elif (current := current_snapshot(runtime, endpoint)) is None:
        return
    else:
        path = current
    with runtime.engine() as con:
        yield from stream(con, selection.query(path))


def live(snapshot: Path) -> str:
    """Return the query for what is in a local snapshot, and not in the store's trash; in no order."""
    return f"SELECT * EXCLUDE (id_hash, fingerprint) FROM {parquet([snapshot])} WHERE NOT trashed"


def current_path(runtime: Runtime, endpoint: Endpoint) -> Path:
    """Return a local copy of the last committed snapshot. Raises NothingKnown, SnapshotError."""
    path = current_snapshot(runtime, endpoint)
    if path is None:
        raise NothingKnown(f"Nothing is stored about {endpoint.name!r}.", hint="It was never synced.")
    return path


def current_snapshot(runtime: Runtime, endpoint: Endpoint) -> Path | None:
    """Return a local copy of the last committed snapshot, None where there is none yet. Raises SnapshotError."""
    state = runtime.metadata.endpoints.state(runtime.register(endpoint))
    if state.snapshot_uri is None:
        return None
    try:
        return materialize_state(runtime, endpoint.name, state)
    except SnapshotError as error:
        return rebuild_from_database(runtime, endpoint.name, state, error)


def snapshot_path(runtime: Runtime, endpoint: Endpoint, as_of: datetime) -> Path:
    """Return a local copy of the snapshot that describes a moment. Raises NothingKnown, SnapshotError."""
    log = runtime.metadata.syncs.snapshot_at(runtime.register(endpoint), as_of)
    if log is None or log.snapshot_uri is None:
        raise NothingKnown(
            f"Nothing is stored about {endpoint.name!r} as of {as_of:%Y-%m-%d %H:%M:%S %Z}.",
            hint="It was first synced later, or retention has let the snapshot go.",
        )
    return snapshot_file(runtime, endpoint.name, log)


def snapshot_file(runtime: Runtime, endpoint: str, log: SyncRecord) -> Path:
    """Return a local copy of the snapshot that a sync left; from the database, should that be the last one and damaged.

    Raises SnapshotError.
    """
    assert log.snapshot_uri is not None
    try:
        return materialize(runtime, endpoint, log.endpoint_id, log.snapshot_uri, log.seq, log.data_version)
    except SnapshotError as error:
        state = runtime.metadata.endpoints.state(log.endpoint_id)
        if state.seq is None or state.data_version != log.data_version:
            raise
        return rebuild_from_database(runtime, endpoint, state, error)


def live_files(  # noqa: PLR0917  # one page of a listing
    runtime: Runtime, endpoint: Endpoint, snapshot_uri: str, until: int | None, offset: int, limit: int
) -> Iterator[pa.RecordBatch]:
    """Yield `external_id` and `path` of `limit` files of a stored snapshot as a sync left it, by path.

    `until`: the `seq` of that sync; `offset`: how many come before them. Raises SnapshotError.
    """
    path = materialize(runtime, endpoint.name, runtime.register(endpoint), snapshot_uri, until)
    query = f"SELECT external_id, path FROM ({live(path)}) WHERE kind = 'file' ORDER BY {BY_PATH}"
    with runtime.engine() as con:
        yield from stream(con, f"{query} LIMIT {limit} OFFSET {offset}")


def changes(
    runtime: Runtime, endpoint: Endpoint, *, since: datetime | None = None, until: datetime | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the journal of an endpoint, oldest first."""
    yield from runtime.metadata.files.journal(runtime.register(endpoint), since=since, until=until)


def export(  # what is written, and where
    runtime: Runtime, endpoint: Endpoint, target: Path, file_format: str, as_of: datetime | None, *, safe: bool = False
) -> int:
    """Write the snapshot that describes a moment (the current one when None) to a file; return its rows.

    `safe`: no cell is a formula.
    The file appears whole or not at all. Raises NothingKnown, SnapshotError, NotWritable, OutOfSpace.
    """
    path = current_path(runtime, endpoint) if as_of is None else snapshot_path(runtime, endpoint, as_of)
    with runtime.engine() as con:
        return write_file(con, f"{live(path)} ORDER BY {BY_PATH}", target, file_format, safe=safe)
