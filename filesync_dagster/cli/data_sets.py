"""What `tables` and `generate` read: files of this machine, or a source by its type and settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from filesync_dagster.cli.invocation import Invocation
from filesync_dagster.core.errors import SourceRefused

if TYPE_CHECKING:
    from filesync_dagster.config import DataSource
    from filesync_dagster.tables.model import DataSet, Table
    from filesync_dagster.tables.sources.base import SourceContext

FILES = click.argument("files", nargs=-1, type=click.Path(path_type=Path))
KIND = click.option(
    "--type",
    "kind",
    help="In place of files: the type of a source, see `filesync tables list`, or the name of one of `sources:`.",
)
SETTINGS = click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the source; lists and objects as JSON."
)
TABLES = click.option("--table", "names", multiple=True, metavar="NAME", help="Only this table; may be repeated.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), help="At most so many rows of each table.")


def source_of(files: tuple[Path, ...], kind: str | None, settings: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Return the type and the configuration of what was named. Raises UsageError, SourceRefused."""
    if bool(files) == bool(kind):
        raise click.UsageError("Name files, or a source by --type with its --set KEY=VALUE.")
    given = dict(_setting(each) for each in settings)
    if kind is None:
        missing = next((path for path in files if not path.is_file()), None)
        if missing is not None:
            raise SourceRefused(f"{missing}: there is no such file.", code="not_found", field="file_paths")
        return "upload", {**given, "file_paths": [str(path.absolute()) for path in files]}
    named = _of_file(kind)
    if named is not None:
        return named.type, {**named.config, **given}
    return kind, {**_of_environment(kind), **given}


def _of_file(name: str) -> DataSource | None:
    """Return the source of a name in endpoints.yaml; None where it is a type, or there is no file."""
    from filesync_dagster.config import load_config
    from filesync_dagster.tables.sources.registry import source_types

    if any(name in {each.kind, *each.aliases} for each in source_types()):
        return None
    context = click.get_current_context()
    invocation = context.find_object(Invocation)
    environment = (invocation or Invocation()).environment()
    return load_config(environment).source(name) if environment.config_path.exists() else None


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


def operator_context(folder: Path, name: str = "") -> SourceContext:
    """Return where a source works for who owns the machine: every address, and every file that they can read."""
    from filesync_dagster.tables.sources.addresses import AddressGuard
    from filesync_dagster.tables.sources.base import SourceContext

    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    return SourceContext(name=name, folder=work, guard=AddressGuard.of_operator(), find_upload=Path)


def read_data_set(
    source: tuple[str, dict[str, Any]], folder: Path, names: tuple[str, ...], limit: int | None
) -> DataSet:
    """Return the tables of a source, with their keys and relations, those of the source and those that are found."""
    from filesync_dagster.tables.keys import find_keys

    read = read_tables(source, folder, names, limit)
    return find_keys(read.tables, read.relations)


def read_tables(source: tuple[str, dict[str, Any]], folder: Path, names: tuple[str, ...], limit: int | None) -> DataSet:
    """Return the tables of a source, with what the source declares of them."""
    from filesync_dagster.tables.model import DataSet
    from filesync_dagster.tables.sources.collect import collect

    kind, config = source
    if kind == "upload" and all(Path(path).suffix == ".parquet" for path in config["file_paths"]):
        found = _parquet([Path(path) for path in config["file_paths"]])
        if found is not None:
            return DataSet(tuple(table for table in found if not names or table.name in names))
    return collect(kind, config, operator_context(folder), folder / "tables", names=names, limit=limit)


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
