"""Where rows lie, for stores that tell an entry's parent and leave the path to us."""

from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.config import Endpoint
from filesync_dagster.core.model import ENTRY_FIELDS, FILE_SCHEMA, build_batch
from filesync_dagster.storage.snapshots import stream
from filesync_dagster.sync import diff

COLUMNS = ", ".join(f'"{name}"' for name in FILE_SCHEMA.names)
Relation = Literal["VIEW", "TABLE"]
"""A table is read faster than what a view is made of, but has to be written first."""

ENTRY_NAMES = [field.name for field in ENTRY_FIELDS]


def place(
    con: duckdb.DuckDBPyConnection,
    endpoint: Endpoint,
    rows: str,
    into: str,
    anchors: str | None = None,
    *,
    relation: Relation = "VIEW",
) -> None:
    """Create `into`: the rows that lie in the endpoint, with their paths, and whether filters select them.

    `rows` and `anchors` as `diff.derive` takes them; `into` has the columns of FILE_SCHEMA and `selected`. What lies
    in a trashed folder is trashed with it. The table `placed` has the ids of all these rows.
    """
    diff.derive(con, rows, "placed", anchors)
    _trash(con, rows)
    columns = ", ".join("p.path" if name == "path" else f'r."{name}"' for name in FILE_SCHEMA.names)
    found = f"""
        SELECT {columns} FROM {rows} r JOIN placed p ON r.external_id = p.external_id WHERE r.trashed OR NOT p.trashed
        UNION ALL SELECT {COLUMNS} FROM trashed_below
    """
    if endpoint.filters.is_default:
        con.execute(f"CREATE OR REPLACE {relation} {into} AS SELECT *, true AS selected FROM ({found})")
        return
    con.execute("CREATE OR REPLACE TABLE unselected (external_id VARCHAR)")
    for batch in stream(con, found):
        left = batch.filter(pc.invert(endpoint.filters.select(batch)))
        insert(con, "unselected", left, "external_id")
    chosen = "external_id NOT IN (SELECT external_id FROM unselected)"
    con.execute(f"CREATE OR REPLACE {relation} {into} AS SELECT *, {chosen} AS selected FROM ({found})")


def _trash(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Make `trashed_below`: rows that do not say themselves that they are in the trash, but their folder is."""
    empty(con, "trashed_below")
    if not con.execute("SELECT 1 FROM placed WHERE trashed LIMIT 1").fetchall():
        return
    below = f"""
        SELECT r.* REPLACE (true AS trashed, p.path AS path)
        FROM {rows} r JOIN placed p ON r.external_id = p.external_id WHERE p.trashed AND NOT r.trashed
    """
    for batch in stream(con, f"SELECT {COLUMNS} FROM ({below})"):
        insert(con, "trashed_below", with_fingerprints(batch))


def with_fingerprints(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of ENTRY_FIELDS, in whatever order of columns, with their hashes."""
    return build_batch({name: batch.column(name) for name in ENTRY_NAMES}, batch.num_rows)


def empty(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Create a table in FILE_SCHEMA without rows."""
    con.execute(f"CREATE OR REPLACE TABLE {name} ({diff.column_definitions()})")


def insert(con: duckdb.DuckDBPyConnection, name: str, batch: pa.RecordBatch, columns: str = COLUMNS) -> None:
    """Append a batch to a table that has exactly these columns, in this order."""
    if batch.num_rows:
        con.register("some_rows", pa.Table.from_batches([batch]))
        con.execute(f"INSERT INTO {name} SELECT {columns} FROM some_rows")
        con.unregister("some_rows")


def descendants_of(con: duckdb.DuckDBPyConnection, rows: str, lost: str, into: str) -> None:
    """Create the table `into` (external_id): rows below what is lost. What only lies elsewhere is not among them."""
    con.execute(f"""
        CREATE OR REPLACE TABLE {into} AS
        WITH RECURSIVE below(external_id) AS (
            SELECT external_id FROM {lost}
            UNION
            SELECT r.external_id FROM {rows} r JOIN below b ON r.parent_id = b.external_id
        )
        SELECT external_id FROM below
    """)
