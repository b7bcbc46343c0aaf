"""Tables of tests as files: CSV as people export it, and a data set of Parquet."""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.tables.model import (
    DataSet,
    Origin,
    Table,
    TableColumn,
    TableRelation,
    TableRule,
    TableSchema,
)

READ_AT = datetime(2026, 1, 5, 8, 30, tzinfo=UTC)


def write_csv(folder: Path, tables: Mapping[str, pa.Table]) -> dict[str, Path]:
    """Write each table to `<name>.csv`: a header, commas, UTF-8; NULL is nothing, an empty text is quoted."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.csv" for name in tables}
    for name, table in tables.items():
        with paths[name].open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.column_names)
            columns = [column.to_pylist() for column in table.columns]
            writer.writerows([csv_text(value) for value in row] for row in zip(*columns, strict=True))
    return paths


def csv_text(value: object) -> str:
    """Return a value as text of a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def write_table(
    folder: Path,
    name: str,
    rows: pa.Table,
    primary_key: Sequence[str] = (),
    *,
    unique_keys: Sequence[Sequence[str]] = (),
    source: str = "tests",
    parts: int = 1,
) -> Table:
    """Write a table as Parquet, in one part or several, with its schema in the metadata."""
    columns = tuple(
        TableColumn(field.name, field.type, i, nullable=field.nullable and field.name not in primary_key)
        for i, field in enumerate(rows.schema)
    )
    schema = TableSchema(
        name,
        source,
        columns,
        primary_key=tuple(primary_key),
        primary_key_origin=Origin.DECLARED if primary_key else None,
        unique_keys=tuple(tuple(key) for key in unique_keys),
        row_count=rows.num_rows,
        read_at=READ_AT,
        content_hash=content_hash(rows),
    )
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    each = -(-rows.num_rows // parts) or 1
    paths = tuple(target / f"part-{i:05}.parquet" for i in range(parts))
    for i, path in enumerate(paths):
        piece = rows.slice(i * each, each).cast(schema.arrow()).replace_schema_metadata(schema.arrow().metadata)
        pq.write_table(piece, path, compression="zstd")
    return Table(schema, paths)


def content_hash(rows: pa.Table) -> str:
    """Return a hash of rows: equal rows, equal hash."""
    digest = hashlib.sha256()
    for batch in rows.replace_schema_metadata(None).combine_chunks().to_batches(max_chunksize=100_000):
        digest.update(batch.serialize())
    return f"sha256:{digest.hexdigest()}"


def write_data_set(
    folder: Path,
    tables: Mapping[str, pa.Table],
    keys: Mapping[str, Sequence[str]],
    relations: Sequence[TableRelation] = (),
    rules: Sequence[TableRule] = (),
) -> DataSet:
    """Write tables as Parquet and return them as a data set."""
    written = [write_table(folder, name, rows, keys.get(name, ())) for name, rows in tables.items()]
    return DataSet(tuple(written), tuple(relations), tuple(rules))


def relation(child: str, column: str, parent: str, key: str, **more: object) -> TableRelation:
    """Return a declared relation of one column."""
    return TableRelation(child, (column,), parent, (key,), **more)


def without_keys(data_set: DataSet) -> DataSet:
    """Return the same rows as if nobody had declared anything: no keys, relations or rules."""
    tables = []
    for table in data_set.tables:
        columns = tuple(replace(column, nullable=True) for column in table.schema.columns)
        schema = replace(table.schema, columns=columns, primary_key=(), primary_key_origin=None, unique_keys=())
        tables.append(replace(table, schema=schema))
    return DataSet(tuple(tables))


def rows_of(table: Table) -> pa.Table:
    """Return the rows of a table."""
    return pa.concat_tables([pq.read_table(part) for part in table.parts]).replace_schema_metadata(None)
