"""Parquet: one file a table, zstd, with the schema of the table in its metadata."""

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.tables.exports.rows import read_rows
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table

GROUP_ROWS = 524_288
GROUP_BYTES = 64 << 20


def write_parquet(table: Table, file: BinaryIO, watch: ExportWatch) -> int:
    """Write a table; return the number of its rows."""
    schema = table.schema.arrow()
    rows, held, held_bytes = 0, list[pa.RecordBatch](), 0
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def flush() -> None:
            writer.write_table(
                pa.Table.from_batches(held, schema.remove_metadata()).cast(schema), row_group_size=GROUP_ROWS
            )

        for batch in read_rows(table, watch):
            held.append(batch)
            held_bytes += batch.nbytes
            rows += batch.num_rows
            if sum(part.num_rows for part in held) >= GROUP_ROWS or held_bytes >= GROUP_BYTES:
                flush()
                held, held_bytes = [], 0
        if held:
            flush()
    return rows
