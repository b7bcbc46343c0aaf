"""What a held sync would change, for the person who decides on it: counts, folders, rows, and a digest of them all."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

import duckdb
import pyarrow as pa

from filesync_dagster.config import Endpoint
from filesync_dagster.core.errors import HeldSyncOutdated
from filesync_dagster.core.model import COUNTED, ChangeKind
from filesync_dagster.storage.database import EndpointState, SyncRecord
from filesync_dagster.storage.database.arrow_rows import journal_rows
from filesync_dagster.storage.database.row_streams import JOURNAL_SCHEMA
from filesync_dagster.storage.snapshots import parquet, stream
from filesync_dagster.sync.held_record import digest_of, load_held_record, reason_of
from filesync_dagster.sync.runtime import Runtime

FOLDERS_MAX = 10
"""Folders that are named, those with the most changes."""

SAMPLE_ROWS = 20
"""Changes that are shown of many."""


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What would happen to the files below one folder, by kind of change."""

    folder: str  # ends with a slash; "/" is the top
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class HeldChange:
    """One change that waits."""

    change: str
    path: str
    size: int | None


@dataclass(frozen=True)
class HeldSync:
    """A sync that waits for a decision."""

    endpoint: str
    record: SyncRecord
    digest: str  # the same as long as approving it would do the same
    counts: Mapping[str, int]  # rows by kind of change, folders among them
    folders: tuple[FolderChanges, ...]
    sample: tuple[HeldChange, ...]

    @property
    def observed(self) -> datetime:
        """When the store was as approving it would have the inventory."""
        return self.record.as_of or self.record.sync_completed

    @property
    def reason(self) -> str:
        """Why it is held."""
        return reason_of(self.record)

    @property
    def total(self) -> int:
        """How many rows would change."""
        return sum(self.counts.values())

    @property
    def where(self) -> str:
        """Where most of it would happen, and an example, in a sentence or two."""
        folders = "; ".join(f"{one.folder} {spell_counts(one.counts)}" for one in self.folders[:3])
        more = "; and in other folders" if len(self.folders) > 3 else ""  # noqa: PLR2004 - those that are named
        example = ", ".join(f"{one.path} ({one.change})" for one in self.sample[:2])
        return f"Where: {folders}{more}. For example {example}." if folders else ""


def spell_counts(counts: Mapping[str, int]) -> str:
    """Return counts of changes in words.

    >>> spell_counts({"removed": 1200, "left_scope": 2})
    '1,200 removed, 2 left_scope'
    """
    return ", ".join(f"{count:,} {change}" for change, count in counts.items())


def load_held_sync(runtime: Runtime, endpoint: Endpoint) -> HeldSync:
    """Return what waits for a decision. Raises NothingHeld, HeldSyncOutdated, SnapshotError."""
    with _open(runtime, endpoint) as (con, state, held):
        counts = con.execute("SELECT change, count(*) FROM rows GROUP BY ALL ORDER BY 2 DESC, 1").fetchall()
        sample = con.execute(f"SELECT change, path, size FROM rows ORDER BY path, id LIMIT {SAMPLE_ROWS}").fetchall()
        return HeldSync(
            endpoint.name,
            held,
            digest_of(state, held),
            dict(counts),
            _folders(con),
            tuple(HeldChange(*row) for row in sample),
        )


def held_changes(
    runtime: Runtime, endpoint: Endpoint, *, limit: int | None = None, offset: int = 0
) -> Iterator[pa.RecordBatch]:
    """Yield what a held sync would journal, by path, in JOURNAL_SCHEMA; `seq` counts from 1.

    Raises NothingHeld, HeldSyncOutdated, SnapshotError.
    """
    with _open(runtime, endpoint) as (con, _, held):
        page = "" if limit is None else f"LIMIT {limit}"
        query = f'SELECT change, "before", "after" FROM rows ORDER BY path, id {page} OFFSET {offset}'
        first = offset + 1
        for batch in stream(con, query):
            yield _as_journal(batch, held, first)
            first += batch.num_rows


@contextmanager
def _open(
    runtime: Runtime, endpoint: Endpoint
) -> Iterator[tuple[duckdb.DuckDBPyConnection, EndpointState, SyncRecord]]:
    """Lend a connection with the view `rows`: each change, with its path, its id and its size."""
    state = runtime.metadata.endpoints.state(runtime.register(endpoint))
    held = load_held_record(runtime, endpoint, state)
    if held.changes_uri is None:
        raise HeldSyncOutdated(f"The held sync {held.id} is no longer stored.", hint="Sync again.")
    stored = parquet([runtime.snapshots.local(held.changes_uri)])
    with runtime.engine() as con:
        con.execute(f"""
            CREATE VIEW rows AS
            SELECT *, coalesce("after".path, "before".path) AS path,
                coalesce("after".external_id, "before".external_id) AS id,
                coalesce("after".size, "before".size) AS size,
                coalesce("after".kind, "before".kind) AS kind
            FROM {stored} WHERE change <> '{ChangeKind.REFRESHED}'
        """)
        yield con, state, held


def _folders(con: duckdb.DuckDBPyConnection) -> tuple[FolderChanges, ...]:
    """Count by the folders below what all paths have in common."""
    [(first, last)] = con.execute(f"SELECT min(path), max(path) FROM rows WHERE {COUNTED}").fetchall()
    if first is None:
        return ()
    shared = first[: next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))]
    top = shared[: shared.rfind("/") + 1]
    rows = con.execute(
        f"""
        WITH counted AS (
            SELECT CASE WHEN contains(rest, '/') THEN ? || split_part(rest, '/', 1) || '/' ELSE ? END AS folder,
                change, count(*) AS files
            FROM (SELECT change, substr(path, length(?) + 1) AS rest FROM rows WHERE {COUNTED})
            GROUP BY ALL
        ), most AS (SELECT folder, sum(files) AS files FROM counted GROUP BY ALL ORDER BY 2 DESC, 1 LIMIT {FOLDERS_MAX})
        SELECT counted.folder, change, counted.files FROM counted JOIN most USING (folder)
        ORDER BY most.files DESC, folder, counted.files DESC, change
        """,
        [top, top or "/", top],
    ).fetchall()
    return tuple(
        FolderChanges(folder, {change: files for _, change, files in some})
        for folder, some in groupby(rows, itemgetter(0))
    )


def _as_journal(batch: pa.RecordBatch, held: SyncRecord, first: int) -> pa.RecordBatch:
    rows = journal_rows(batch, first)
    same = {"observed_at": held.as_of or held.sync_completed, "sync_id": held.id}
    columns = {**{name: rows.column(name) for name in rows.schema.names}, "seq": rows.column("position")}
    return pa.record_batch(
        [
            columns[field.name].cast(field.type)
            if field.name in columns
            else pa.repeat(pa.scalar(same[field.name], field.type), batch.num_rows)
            for field in JOURNAL_SCHEMA
        ],
        schema=JOURNAL_SCHEMA,
    )
