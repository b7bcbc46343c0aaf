"""What a source has, read into Parquet files on this machine: all of it, or an error that names the table."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.tables.model import DataSet, Table, TableRelation
from filesync_dagster.tables.sources.base import FoundTable, SourceContext, TableRows, TableSource
from filesync_dagster.tables.sources.registry import open_source

DISCOVER_SECONDS = 120.0


def collect(
    kind: str,
    config: Mapping[str, Any],
    context: SourceContext,
    folder: Path,
    *,
    names: Collection[str] = (),
    limit: int | None = None,
) -> DataSet:
    """Read tables of a source, all of them without `names`, into a folder; return them with what the source declares.

    Raises SourceRefused when one of them cannot be read: a data set with a table missing is not what was asked for.
    """
    with closing(open_source(kind, config, context)) as source:
        found = chosen_tables(source.discover(context.deadline(DISCOVER_SECONDS)), names)
        tables = [_read(source, each, folder / f"{i:04}", context.name, limit) for i, each in enumerate(found)]
    there = {table.name for table in tables}
    relations = [relation for each in found for relation in each.relations if _is_within(relation, there)]
    return DataSet(tuple(tables), tuple(relations))


def chosen_tables(found: Sequence[FoundTable], names: Collection[str]) -> list[FoundTable]:
    """Return the tables of some names, or all that have rows. Raises SourceRefused for a name that is not there."""
    known = {each.name for each in found}
    for name in names:
        if name not in known:
            raise SourceRefused(
                f"The source has no table {name!r}.",
                hint=f"It has: {', '.join(sorted(known)[:20]) or 'none'}.",
                code="not_found",
                field="tables",
            )
    return [each for each in found if each.kind != "schema" and (not names or each.name in names)]


def _is_within(relation: TableRelation, names: Collection[str]) -> bool:
    return relation.child in names and relation.parent in names


def _read(source: TableSource, found: FoundTable, folder: Path, name: str, limit: int | None) -> Table:
    """Write one table; nothing of it stays when reading it fails."""
    folder.mkdir(parents=True)
    path, digest = folder / "part-00000.parquet", hashlib.sha256()
    try:
        with closing(source.read(found, limit=limit)) as rows:
            _write(rows, path, digest)
            schema = rows.schema
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    told = replace(
        schema, source=name or schema.source, read_at=datetime.now(UTC), content_hash=f"sha256:{digest.hexdigest()}"
    )
    return Table(told, (path,))


def _write(rows: TableRows, path: Path, digest: Any) -> None:
    with pq.ParquetWriter(path, rows.schema.arrow(), compression="zstd") as writer:
        for batch in rows:
            digest.update(batch.replace_schema_metadata(None).serialize())
            writer.write_batch(batch)
