"""Rows of tables at rest: some of them by their numbers, and which row of a parent each row of a child names."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import Table, TableRelation
from filesync_dagster.tables.synthetic.measures.columns import Indices, Values

_BATCH_ROWS = 131_072


def row_count(table: Table) -> int:
    """Return how many rows the parts of a table have."""
    return sum(pq.read_metadata(part).num_rows for part in table.parts)


def read_columns(table: Table, names: Sequence[str]) -> pa.Table:
    """Return some columns of all rows. Raises TableError."""
    require_columns(table, names)
    pieces = list(row_batches(table, names))
    return pa.Table.from_batches(pieces) if pieces else _no_rows(table, names)


def read_rows(table: Table, names: Sequence[str], rows: Indices) -> pa.Table:
    """Return some columns of the rows with these numbers, which ascend. Raises TableError."""
    require_columns(table, names)
    pieces, first = [], 0
    for batch in row_batches(table, names):
        begin, end = np.searchsorted(rows, (first, first + batch.num_rows))
        if end > begin:
            pieces.append(batch.take(rows[begin:end] - first))
        first += batch.num_rows
    return pa.Table.from_batches(pieces) if pieces else _no_rows(table, names)


def row_batches(table: Table, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows in pieces, as the schema of the table says that they are."""
    schema = pa.schema([pa.field(name, table.schema.column(name).type) for name in names])
    try:
        for part in table.parts:
            with pq.ParquetFile(part) as file:
                for batch in file.iter_batches(_BATCH_ROWS, columns=list(names)):
                    columns = [batch.column(name).cast(schema.field(name).type) for name in names]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)
    except (OSError, pa.ArrowException) as error:
        raise TableError(f"The rows of {table.name} cannot be read: {error}.", code="unreadable") from error


def _no_rows(table: Table, names: Sequence[str]) -> pa.Table:
    return pa.schema([pa.field(name, table.schema.column(name).type) for name in names]).empty_table()


def require_columns(table: Table, names: Sequence[str]) -> None:
    """Raise TableError where a table lacks one of these columns."""
    lacking = [name for name in names if name not in table.schema.names]
    if lacking:
        raise TableError(
            f"The table {table.name} has no column {lacking[0]}.",
            hint="Compare tables that have the same columns.",
            code="not_comparable",
            field=f"{table.name}.{lacking[0]}",
        )


def parent_rows(child: Table, relation: TableRelation, parent: Table) -> Indices:
    """Return for each row of a child the number of its parent's row; -1 where it names none, or one that is gone."""
    above = read_columns(parent, relation.parent_columns)
    below = read_columns(child, relation.child_columns)
    keys = np.zeros(above.num_rows, dtype=np.int64)
    names = np.zeros(below.num_rows, dtype=np.int64)
    for i in range(above.num_columns):
        values, references = _alike(_one_array(above.column(i)), _one_array(below.column(i)))
        known = pc.unique(values).drop_null()
        keys = _combine(keys, _positions(values, known), len(known))
        names = _combine(names, _positions(references, known), len(known))
        keys, names = _renumber(keys, names)
    first: Any = pc.index_in(pa.array(names), pa.array(np.where(keys < 0, -2, keys)))
    found = first.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return np.where(names < 0, -1, found)


def _one_array(values: Values) -> Values:
    combined = values.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _alike(values: Values, references: Values) -> tuple[Values, Values]:
    """Return values of both sides of a relation as one type."""
    try:
        return values, references.cast(values.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return values.cast(pa.string()), references.cast(pa.string())


def _positions(values: Values, known: Values) -> Indices:
    found: Any = pc.index_in(values, known, skip_nulls=True)
    found = found.fill_null(-1)
    return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.int64)


def _combine(codes: Indices, more: Indices, count: int) -> Indices:
    return np.where((codes < 0) | (more < 0), -1, codes * (count + 1) + more)


def _renumber(keys: Indices, names: Indices) -> tuple[Indices, Indices]:
    """Return the same with small numbers, so that those of a further column have room."""
    known, codes = np.unique(keys, return_inverse=True)
    places = np.searchsorted(known, names).clip(max=max(len(known) - 1, 0))
    same = known[places] == names if len(known) else np.zeros(len(names), dtype=bool)
    return np.where(keys < 0, -1, codes), np.where(same & (names >= 0), places, -1)
