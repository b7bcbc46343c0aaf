"""What is wrong with a request, as far as that can be said before a source is asked."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from filesync_dagster.core.errors import FilesyncError, TableError
from filesync_dagster.storage.database.uploads import UnknownUpload
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster.tables.catalog.secret_values import check_references
from filesync_dagster.tables.exports import ExportOptions
from filesync_dagster.tables.sessions.engines import engine_settings
from filesync_dagster.tables.sessions.request import GenerationRequest, RequestedSource
from filesync_dagster.tables.sources.registry import source_type
from filesync_dagster.tables.sources.secret_fields import split_secrets
from filesync_dagster.tables.sources.settings import parse_config

SCHEMA_ONLY_ROWS = 100
"""Rows of a table that is only described, at scale 1; Synthe-Flow made so many."""


@dataclass(frozen=True)
class RequestIssue:
    """Something in a request that cannot be; `path` says where, as `tables.0.name`."""

    path: str
    message: str
    code: str = "bad_request"
    hint: str = ""


def source_config(source: RequestedSource) -> dict[str, Any]:
    """Return the configuration of a source of a request, its `file_paths` where the connector has them."""
    return source.config if source.file_paths is None else {**source.config, "file_paths": source.file_paths}


def find_issues(runtime: Runtime, request: GenerationRequest) -> list[RequestIssue]:
    """Return what is wrong with a request. No source is asked."""
    return [
        *_shape_issues(request),
        *_limit_issues(runtime, request),
        *_source_issues(runtime, request),
        *_engine_issues(runtime, request),
        *_option_issues(request),
    ]


def _shape_issues(request: GenerationRequest) -> Iterator[RequestIssue]:
    if not request.tables and not request.has_rows:
        yield RequestIssue("tables", "There is nothing to generate: no table is described, and no source is named.")
    for name in _twice(table.name for table in request.tables):
        yield RequestIssue("tables", f"The table {name} is described twice.")
    for number, table in enumerate(request.tables):
        for name in _twice(column.name for column in table.columns):
            yield RequestIssue(f"tables.{number}.columns", f"The column {table.name}.{name} is described twice.")
        if not table.columns and not request.has_rows:
            yield RequestIssue(f"tables.{number}.columns", f"The table {table.name} has no columns.")
    if not request.has_rows:
        yield from _name_issues(request)


def _name_issues(request: GenerationRequest) -> Iterator[RequestIssue]:
    """Yield names that no described table has."""
    known = {table.name: {column.name for column in table.columns} for table in request.tables}
    for number, relation in enumerate(request.relationships):
        for side in ("source", "target"):
            table, column = getattr(relation, f"{side}_table"), getattr(relation, f"{side}_column")
            if table not in known:
                yield RequestIssue(f"relationships.{number}.{side}_table", f"There is no table {table}.")
            elif column not in known[table]:
                yield RequestIssue(f"relationships.{number}.{side}_column", f"There is no column {table}.{column}.")
    for path, name in _tables_named(request):
        if name not in known:
            yield RequestIssue(path, f"There is no table {name}.")


def _tables_named(request: GenerationRequest) -> Iterator[tuple[str, str]]:
    """Yield where a table is named, and its name."""
    yield from ((f"rows.{name}", name) for name in request.rows)
    yield from ((f"conditions.{number}.table", one.table) for number, one in enumerate(request.conditions))
    yield from ((f"rules.{number}.table", one.table) for number, one in enumerate(request.rules))
    yield from ((f"columns.{number}.table", one.table) for number, one in enumerate(request.columns))


def _limit_issues(runtime: Runtime, request: GenerationRequest) -> Iterator[RequestIssue]:
    settings = runtime.config.settings.tables
    if request.scale > settings.max_scale:
        yield RequestIssue("scale", f"The scale may be {settings.max_scale:g} at most.", "limit")
    if len(request.tables) > settings.max_tables:
        yield RequestIssue("tables", f"A generation may have {settings.max_tables:,} tables.", "limit")
    for number, table in enumerate(request.tables):
        if len(table.columns) > settings.max_columns:
            message = f"{table.name} has {len(table.columns):,} columns; a table may have {settings.max_columns:,}."
            yield RequestIssue(f"tables.{number}.columns", message, "limit")
    if any(rows < 0 for rows in request.rows.values()):
        yield RequestIssue("rows", "A table cannot have fewer than 0 rows.")
    rows: float = sum(request.rows.values())
    if not request.has_rows:
        rows += sum(SCHEMA_ONLY_ROWS * request.scale for table in request.tables if table.name not in request.rows)
    if rows > settings.max_output_rows:
        yield RequestIssue("rows", f"A generation may have {settings.max_output_rows:,} rows.", "limit")


def _source_issues(runtime: Runtime, request: GenerationRequest) -> Iterator[RequestIssue]:
    for number, source in enumerate(request.data_sources):
        where = f"data_sources.{number}"
        try:
            kind = source_type(source.type)
            given = source_config(source)
            config = parse_config(kind.config, given)
            check_references(split_secrets(kind.config, given)[1], may_refer=False)
            if kind.kind == "upload":
                yield from _upload_issues(runtime, config, where)
        except TableError as error:
            field = "type" if error.field == "type" else f"config.{error.field or ''}".rstrip(".")
            yield RequestIssue(f"{where}.{field}", error.message, error.code, error.hint)
            continue
        if kind.missing:
            yield RequestIssue(f"{where}.type", f"{kind.name} is not installed here.", "driver_missing", kind.missing)
    directory = SourceDirectory(runtime) if request.sources else None
    for number, saved in enumerate(request.saved_sources):
        try:
            assert directory is not None
            directory.get(saved.name)
        except FilesyncError as error:
            code = error.code if isinstance(error, TableError) else "bad_config"
            yield RequestIssue(f"sources.{number}", error.message, code, error.hint)


def _upload_issues(runtime: Runtime, config: Any, where: str) -> Iterator[RequestIssue]:
    most = runtime.config.settings.tables.max_files
    if len(config.file_paths) > most:
        yield RequestIssue(f"{where}.file_paths", f"A source may name {most:,} files.", "limit")
        return
    for path in config.file_paths:
        try:
            record = runtime.metadata.uploads.of_name(path.removeprefix("uploads/"))
        except UnknownUpload as error:
            yield RequestIssue(f"{where}.file_paths", error.message, "not_found", error.hint)
            continue
        if record.state != "ready":
            message = record.refusal or f"The upload {record.original_name} is {record.state}."
            yield RequestIssue(f"{where}.file_paths", message, record.refusal_code or "not_ready")


def _engine_issues(runtime: Runtime, request: GenerationRequest) -> Iterator[RequestIssue]:
    try:
        engine_settings(request, runtime.home)
    except TableError as error:
        yield RequestIssue(error.field or "engine", error.message, error.code, error.hint)


def _option_issues(request: GenerationRequest) -> Iterator[RequestIssue]:
    try:
        ExportOptions.from_json(request.export_options)
    except TableError as error:
        yield RequestIssue(f"export_options.{error.field or ''}".rstrip("."), error.message, error.code, error.hint)


def _twice(names: Iterator[str]) -> list[str]:
    counts: Mapping[str, int] = Counter(names)
    return [name for name, count in counts.items() if count > 1]
