"""What a source has, read into Parquet files on this machine: all of it, or an error that names the table."""

import itertools
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from filesync_dagster.tables.model import DataSet, TableSchema
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.data_set import choose_tables, read_data_set
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster.tables.store import PartsWriter

DISCOVER_SECONDS = 120.0


def collect(
    kind: str,
    config: Mapping[str, Any],
    context: SourceContext,
    folder: Path,
    *,
    names: Collection[str] = (),
    limits: TableLimits | None = None,
    limit: int | None = None,
) -> DataSet:
    """Read tables of a source, all of them without `names`, into a folder; return them with what the source declares.

    Raises SourceRefused when one of them cannot be read: a data set with a table missing is not what was asked for.
    LimitReached of what is past the limits; None: there are none.
    """
    numbers = itertools.count()

    def open_writer(_: TableSchema, columns: pa.Schema) -> PartsWriter:
        return PartsWriter(folder / f"{next(numbers):04}", columns)

    with closing(open_source(kind, config, context)) as source:
        found = choose_tables(source.discover(context.deadline(DISCOVER_SECONDS)), names)
        read = read_data_set(source, found, open_writer, limits=limits, limit=limit)
    tables = [
        replace(
            table,
            schema=replace(table.schema, source=context.name or table.schema.source, read_at=datetime.now(UTC)),
        )
        for table in read.tables
    ]
    return replace(read, tables=tuple(tables))
