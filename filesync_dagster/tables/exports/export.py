"""A data set as files: in a folder, all of them or none, and a manifest that says what they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filesync_dagster.core.errors import Unexportable
from filesync_dagster.tables.exports.archive import add_file, new_archive, new_member
from filesync_dagster.tables.exports.csv import write_csv
from filesync_dagster.tables.exports.excel import write_excel
from filesync_dagster.tables.exports.json import write_json, write_json_lines
from filesync_dagster.tables.exports.manifest import manifest
from filesync_dagster.tables.exports.names import file_names
from filesync_dagster.tables.exports.options import ExportOptions
from filesync_dagster.tables.exports.order import LoadOrder, load_order
from filesync_dagster.tables.exports.parquet import write_parquet
from filesync_dagster.tables.exports.sql import write_sql, write_sql_with_csv
from filesync_dagster.tables.exports.staging import ExportFile, ExportFolder
from filesync_dagster.tables.exports.watch import ExportWatch, Progress, StopSignal
from filesync_dagster.tables.model import DataSet, Table

NAME = "synthetic_data"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Export:
    """What was written: the files of data, and the manifest."""

    files: tuple[ExportFile, ...]
    manifest: Path
    warnings: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class _Work:
    data_set: DataSet
    options: ExportOptions
    staging: ExportFolder
    watch: ExportWatch
    order: LoadOrder
    facts: Mapping[str, Any]
    format: str

    @property
    def tables(self) -> list[Table]:
        return [self.data_set.table(name) for name in self.order.tables]

    def describe(self, tables: Mapping[str, Mapping[str, Any]], files: list[ExportFile] | None = None) -> bytes:
        return manifest(
            self.data_set,
            self.format,
            options=self.options,
            order=self.order,
            tables=tables,
            watch=self.watch,
            facts=self.facts,
            files=files,
        )


_Written = dict[str, dict[str, Any]]
"""What was written of each table: `rows`, and `file`, the name of its file or member, or `sheets`."""


def export(
    data_set: DataSet,
    format: str,  # noqa: A002  # the word of the API
    options: ExportOptions,
    folder: Path,
    *,
    facts: Mapping[str, Any] | None = None,
    cancel: StopSignal | None = None,
    progress: Progress | None = None,
) -> Export:
    """Write a data set into a folder, in one of FORMATS; files of the same names are replaced.

    `facts` go into the manifest: the seed, the version of the engine. Nothing is left of what fails or is cancelled.
    Raises Unexportable, UnreadableTable, Cancelled, OutOfSpace, NotWritable, StorageError.
    """
    if format not in _WRITERS:
        known = ", ".join(FORMATS)
        raise Unexportable(
            f"There is no export format {format!r}; there are {known}.", code="unsupported", field="format"
        )
    if not data_set.tables:
        raise Unexportable("There are no tables to export.", code="nothing_to_export")
    for table in data_set.tables:
        if not table.schema.columns:
            raise Unexportable(f"Table {table.name} has no columns.", code="nothing_to_export")
    watch = ExportWatch(cancel, progress)
    with ExportFolder(folder) as staging:
        work = _Work(data_set, options, staging, watch, load_order(data_set), facts or {}, format)
        names, written = _WRITERS[format](work)
        files = [staging.measure(name) for name in names]
        with staging.create(MANIFEST) as file:
            file.write(work.describe(written, files))
        watch.check()
        staging.publish()
    return Export(tuple(files), folder / MANIFEST, tuple(watch.warnings()))


def _export_csv(work: _Work) -> tuple[list[str], _Written]:
    def write(table: Table, file: Any) -> int:
        return write_csv(table, file, work.options, work.watch)

    return _each_or_zip(work, ".csv", write)


def _export_json(work: _Work) -> tuple[list[str], _Written]:
    if work.options.layout == "ndjson":
        return _zip(work, ".ndjson", lambda table, file: write_json_lines(table, file, work.watch))
    name = f"{NAME}.json"
    with work.staging.create(name) as file:
        rows = write_json(work.tables, file, work.watch)
    return [name], {table: {"rows": count, "file": name} for table, count in rows.items()}


def _export_excel(work: _Work) -> tuple[list[str], _Written]:
    name = f"{NAME}.xlsx"
    with work.staging.create(name) as file:
        rows, sheets = write_excel(work.tables, file, work.options, work.watch)
    return [name], {table: {"rows": rows[table], "file": name, "sheets": sheets[table]} for table in rows}


def _export_sql(work: _Work) -> tuple[list[str], _Written]:
    if work.options.copy_rows:
        return _export_sql_with_csv(work)
    name = f"{NAME}.sql"
    with work.staging.create(name) as file:
        rows = write_sql(work.data_set, work.order, file, work.options, work.watch)
    return [name], {table: {"rows": count, "file": name} for table, count in rows.items()}


def _export_sql_with_csv(work: _Work) -> tuple[list[str], _Written]:
    name, members = f"{NAME}.zip", file_names(work.order.tables, ".csv")
    with work.staging.create(name) as file, new_archive(file) as archive:
        rows = write_sql_with_csv(
            work.data_set, work.order, archive, f"{NAME}.sql", members, options=work.options, watch=work.watch
        )
        written = {table: {"rows": rows[table], "file": members[table]} for table in rows}
        add_file(archive, MANIFEST, work.describe(written))
    return [name], written


def _export_parquet(work: _Work) -> tuple[list[str], _Written]:
    names = file_names(work.order.tables, ".parquet")
    written: _Written = {}
    for table in work.tables:
        with work.staging.create(names[table.name]) as file:
            written[table.name] = {"rows": write_parquet(table, file, work.watch), "file": names[table.name]}
    return list(names.values()), written


def _each_or_zip(work: _Work, suffix: str, write: Callable[[Table, Any], int]) -> tuple[list[str], _Written]:
    if len(work.tables) > 1:
        return _zip(work, suffix, write)
    [table] = work.tables
    name = file_names([table.name], suffix)[table.name]
    with work.staging.create(name) as file:
        return [name], {table.name: {"rows": write(table, file), "file": name}}


def _zip(work: _Work, suffix: str, write: Callable[[Table, Any], int]) -> tuple[list[str], _Written]:
    name, members = f"{NAME}.zip", file_names(work.order.tables, suffix)
    written: _Written = {}
    with work.staging.create(name) as file, new_archive(file) as archive:
        for table in work.tables:
            with new_member(archive, members[table.name]) as member:
                written[table.name] = {"rows": write(table, member), "file": members[table.name]}
        add_file(archive, MANIFEST, work.describe(written))
    return [name], written


_WRITERS: dict[str, Callable[[_Work], tuple[list[str], _Written]]] = {
    "json": _export_json,
    "csv": _export_csv,
    "excel": _export_excel,
    "sql": _export_sql,
    "parquet": _export_parquet,
}
FORMATS = tuple(_WRITERS)
