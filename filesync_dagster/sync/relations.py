"""The relations of a sync: tables and views of a DuckDB connection, each passed on as what it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import duckdb
import pyarrow as pa

from filesync_dagster.core.model import ChangeCounts
from filesync_dagster.core.schemas import FILE_SCHEMA
from filesync_dagster.storage.snapshots import stream
from filesync_dagster.sync import diff

COLUMNS = ", ".join(f'"{name}"' for name in FILE_SCHEMA.names)

IN_MEMORY_ROWS = 10_000
"""Up to so many rows are copied into memory, where statements find them faster than in files."""

RelationKind = Literal["VIEW", "TABLE"]
"""A table is read faster than what a view is made of, but has to be written first."""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view, of FILE_SCHEMA where nothing else is said. As text it is its name."""

    con: duckdb.DuckDBPyConnection
    name: str

    def __str__(self) -> str:
        return self.name

    def count(self, where: str = "true", parameters: Sequence[object] = ()) -> int:
        """Return how many rows meet a condition."""
        query = f"SELECT count(*) FROM {self.name} WHERE {where}"
        [(rows,)] = self.con.execute(query, list(parameters)).fetchall()
        return int(rows)

    def ids(self) -> list[str]:
        """Return the external_ids."""
        return [external_id for (external_id,) in self.con.execute(f"SELECT external_id FROM {self.name}").fetchall()]

    def stream(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows, from a connection of its own."""
        return stream(self.con, f"SELECT * FROM {self.name}")

    def insert(self, batch: pa.RecordBatch, columns: str = COLUMNS) -> None:
        """Append a batch to a table that has exactly these columns, in this order."""
        if batch.num_rows:
            self.con.register("some_rows", pa.Table.from_batches([batch]))
            self.con.execute(f"INSERT INTO {self.name} SELECT {columns} FROM some_rows")
            self.con.unregister("some_rows")


@dataclass(frozen=True, slots=True)
class ListedRows:
    """What a store told, ready to be compared: of all entries of an endpoint, or of some."""

    after: Relation  # what the next snapshot has of them
    gone: Relation  # external_id: no longer in the endpoint or selected, though perhaps still there
    processed: int  # files that were looked at
    carried: Relation | None = None  # of `after`: what was not listed and may not be removed


@dataclass(frozen=True, slots=True)
class DetectedChanges:
    """What a sync would change. Counts leave folders out.

    `after` is the next snapshot; of an incremental sync, the part of it that was looked at.
    """

    after: Relation
    changes: Relation | None  # in CHANGE_SCHEMA; None: there was no snapshot before
    repathed: Relation | None  # external_id, path: unchanged rows with another path; None: there are none
    counts: ChangeCounts
    changed: bool  # something differs, if only a path
    files_before: int
    files_after: int
    bytes_after: int
    data_version: str
    processed: int
    emptied: tuple[str, ...] = ()  # scopes, of several, that had files and would have none
    unproved: int = 0  # of `counts.updated`: nothing but a time says so


def create_empty(con: duckdb.DuckDBPyConnection, name: str) -> Relation:
    """Create a table in FILE_SCHEMA without rows."""
    return create_table(con, name, diff.column_definitions())


def create_table(con: duckdb.DuckDBPyConnection, name: str, columns: str = "external_id VARCHAR") -> Relation:
    """Create a table without rows."""
    con.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    return Relation(con, name)


def ids_batch(ids: Sequence[str | None]) -> pa.RecordBatch:
    """Return external_ids as rows."""
    return pa.RecordBatch.from_pydict({"external_id": pa.array(ids, pa.string())})


def kind_for(rows: int) -> RelationKind:
    """Return what to make of so many rows in files, which will be read several times."""
    return "TABLE" if rows <= IN_MEMORY_ROWS else "VIEW"
