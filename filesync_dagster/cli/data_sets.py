"""What `tables` and `generate` read: files of this machine, a source by its type and settings, or one with a name."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.invocation import Invocation
from filesync_dagster.core.errors import SourceRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from filesync_dagster.tables.model import DataSet, Table, TableRelation
    from filesync_dagster.tables.sources.base import SourceContext

FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
KIND = click.option(
    "--type",
    "kind",
    help="In place of files: the type of a source, see `filesync tables list`, or the name of one of `sources:` or "
    "of one that was saved.",
)
SETTINGS = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the source; lists and objects as JSON."
)
TABLES = click.option("--table", "names", multiple=True, metavar="NAME", help="Only this table; may be repeated.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), help="At most so many rows of each table.")


@dataclass(frozen=True)
class ChosenSource:
    """What was named on the command line. Where it has a name, files are not ours, and people decided about it."""

    kind: str
    config: Mapping[str, Any]
    context: Callable[[Path], SourceContext]  # of a folder to work in
    name: str = ""
    decided: Sequence[TableRelation] = ()


def source_of(files: tuple[Path, ...], kind: str | None, settings: tuple[str, ...]) -> ChosenSource:
    """Return what was named. Raises UsageError, SourceRefused; UnknownSource, SourceConflict, ConfigError."""
    if bool(files) == bool(kind):
        raise click.UsageError("Name files, or a source by --type with its --set KEY=VALUE.")
    given = dict(_setting(each) for each in settings)
    if kind is None:
        missing = next((path for path in files if not path.is_file()), None)
        if missing is not None:
            raise SourceRefused(f"{missing}: there is no such file.", code="not_found", field="file_paths")
        config = {**given, "file_paths": [str(path.absolute()) for path in files]}
        return ChosenSource("upload", config, operator_context)
    named = _of_name(kind, given)
    return named or ChosenSource(kind, {**_of_environment(kind), **given}, operator_context)


def _of_name(name: str, given: Mapping[str, Any]) -> ChosenSource | None:
    """Return the source of a name, of endpoints.yaml or a saved one; None where it is a type, or there is no file.

    A saved one may what those who saved it may: neither private addresses nor files of this machine.
    """
    from filesync_dagster.tables.sources.registry import source_types

    if any(name in {each.kind, *each.aliases} for each in source_types()):
        return None
    call = click.get_current_context()
    invocation = call.find_object(Invocation) or Invocation()
    if not invocation.environment().config_path.exists():
        return None
    from filesync_dagster.tables.catalog.directory import SourceDirectory
    from filesync_dagster.tables.daily.decisions import decided_relations

    runtime = call.with_resource(invocation.open()).runtime  # closed with the call: the source works in it
    directory = SourceDirectory(runtime)
    source = directory.get(name)
    return ChosenSource(
        source.type,
        {**directory.settings_of(source), **given},
        lambda folder: directory.context_of(source, folder / "work"),
        name,
        decided_relations(runtime.metadata.tables.latest(name)),
    )


def _setting(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(f"--set {text!r} is not KEY=VALUE.")
    if value[:1] in {"[", "{"}:
        try:
            return name, json.loads(value)
        except ValueError:
            raise click.UsageError(f"--set {name}: this is no JSON.") from None
    return name, value


def _of_environment(kind: str) -> dict[str, str]:
    """Return the settings that variables of the environment have, for who calls the command line."""
    from filesync_dagster.config import read_environment
    from filesync_dagster.tables.sources.registry import source_type

    variables = read_environment(None).variables
    names = source_type(kind).variables
    return {name: variables[variable] for name, variable in names.items() if variables.get(variable)}


def operator_context(folder: Path) -> SourceContext:
    """Return where a source works for who owns the machine: every address, and every file that they can read."""
    from filesync_dagster.tables.sources.addresses import AddressGuard
    from filesync_dagster.tables.sources.base import SourceContext

    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    return SourceContext(name="", folder=work, guard=AddressGuard.of_operator(), find_upload=Path)


def read_data_set(source: ChosenSource, folder: Path, names: tuple[str, ...], limit: int | None) -> DataSet:
    """Return the tables of a source, with their keys and relations, those of the source and those that are found."""
    from filesync_dagster.tables.keys import find_keys

    read = read_tables(source, folder, names, limit)
    return find_keys(read.tables, read.relations)


def read_tables(source: ChosenSource, folder: Path, names: tuple[str, ...], limit: int | None) -> DataSet:
    """Return the tables of a source, with what the source declares of them, and what people decided."""
    from filesync_dagster.tables.daily.decisions import still_true_relations
    from filesync_dagster.tables.model import DataSet
    from filesync_dagster.tables.sources.collect import collect

    if source.kind == "upload" and not source.name:
        paths = [Path(path) for path in source.config["file_paths"]]
        found = _parquet(paths) if all(path.suffix == ".parquet" for path in paths) else None
        if found is not None:
            return DataSet(tuple(table for table in found if not names or table.name in names))
    read = collect(source.kind, source.config, source.context(folder), folder / "tables", names=names, limit=limit)
    return replace(read, relations=(*read.relations, *still_true_relations(source.decided, read)))


def _parquet(paths: list[Path]) -> list[Table] | None:
    """Return the tables of Parquet files that say in their metadata what they are; None where one does not."""
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    from filesync_dagster.tables.model import SCHEMA_KEY, Table, TableSchema

    tables = []
    for path in paths:
        try:
            metadata = pq.read_schema(path).metadata or {}
        except (pa.ArrowInvalid, OSError):
            return None
        if SCHEMA_KEY not in metadata:
            return None
        tables.append(Table(TableSchema.from_json(orjson.loads(metadata[SCHEMA_KEY])), (path,)))
    return tables
