"""What a session learns from: sources that its request brings, sources that are configured, tables that are stored."""

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from filesync_dagster.core.errors import TableError
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.contexts import request_context
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster.tables.catalog.read import known_relations, load_table
from filesync_dagster.tables.daily.decisions import decided_relations, still_true_relations
from filesync_dagster.tables.model import DataSet, Table
from filesync_dagster.tables.sessions.issues import source_config
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.request import GenerationRequest, SavedSource
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.collect import DISCOVER_SECONDS, collect
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster.tables.sources.registry import source_type


def read_inputs(runtime: Runtime, request: GenerationRequest, folder: Path, watch: SessionWatch) -> DataSet:
    """Return all tables that a request names, with the relations that their sources declare. Raises TableError."""
    found, limits = DataSet(()), TableLimits.of(runtime.config.settings.tables)
    for number, source in enumerate(request.data_sources):
        watch.step("reading", source.type)
        context = request_context(runtime, "", folder / f"source-{number}", watch.is_cancelled)
        reading = _InputReading(source.type, source_config(source), context, folder / f"tables-{number}", limits)
        found = _join(found, _read(reading))
    for number, saved in enumerate(request.saved_sources):
        watch.step("reading", saved.name)
        found = _join(found, _saved(runtime, saved, folder / f"saved-{number}", watch))
    return found


@dataclass(frozen=True)
class _InputReading:
    kind: str
    config: Mapping[str, Any]
    context: SourceContext
    folder: Path
    limits: TableLimits
    names: Collection[str] = ()


def _read(reading: _InputReading) -> DataSet:
    """Return the tables of a source; of a catalogue, which has no rows, what it says of them."""
    kind, context, names = source_type(reading.kind), reading.context, reading.names
    if "read" in kind.capabilities:
        return collect(reading.kind, reading.config, context, reading.folder, names=names, limits=reading.limits)
    with closing(kind.open(reading.config, context)) as source:
        tables = [one for one in source.discover(context.deadline(DISCOVER_SECONDS)) if not names or one.name in names]
    return DataSet(tuple(Table(one.schema, ()) for one in tables))


def _join(first: DataSet, second: DataSet) -> DataSet:
    twice = {table.name for table in first.tables} & {table.name for table in second.tables}
    if twice:
        raise TableError(
            f"Two sources have a table {min(twice)}.",
            hint="Choose the tables of each source, or give one of them another `table_name`.",
            code="table_twice",
            field="data_sources",
        )
    return DataSet((*first.tables, *second.tables), (*first.relations, *second.relations))


def _saved(runtime: Runtime, saved: SavedSource, folder: Path, watch: SessionWatch) -> DataSet:
    names = tuple(saved.tables or ())
    if saved.read == "stored":
        return _stored(runtime, saved.name, names)
    directory = SourceDirectory(runtime)
    source = directory.get(saved.name)
    context = directory.context_of(source, folder / "work", watch.is_cancelled)
    limits = TableLimits.of(runtime.config.settings.tables)
    read = _read(_InputReading(source.type, directory.settings_of(source), context, folder / "tables", limits, names))
    decided = still_true_relations(decided_relations(runtime.metadata.tables.latest(saved.name)), read)
    return replace(read, relations=(*read.relations, *decided))


def _stored(runtime: Runtime, name: str, names: tuple[str, ...]) -> DataSet:
    """Return what was read last of a source, as it is kept."""
    records = [one for one in runtime.metadata.tables.latest(name) if not names or one.name in names]
    missing = set(names) - {one.name for one in records}
    if missing or not records:
        raise TableError(
            f"Nothing is stored of {', '.join(sorted(missing)) or 'any table'} of the source {name}.",
            hint="Read the source first, or leave `read` out.",
            code="not_found",
            field="sources",
        )
    return DataSet(tuple(load_table(runtime, one) for one in records), tuple(known_relations(records)))
