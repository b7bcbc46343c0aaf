"""Data sources over HTTP: what is told of them, and tests and discoveries, which end in time whatever a source does."""

from __future__ import annotations

import logging
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from filesync_dagster.core import clock
from filesync_dagster.core.errors import ConfigError, FilesyncError, SourceRefused, TableError
from filesync_dagster.core.logging import event
from filesync_dagster.tables.catalog.contexts import request_context
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster.tables.catalog.edits import SourceEdit, apply_edit, check_config, plain_config
from filesync_dagster.tables.catalog.secret_values import check_references
from filesync_dagster.tables.sources.base import TEST_SECONDS
from filesync_dagster.tables.sources.collect import DISCOVER_SECONDS
from filesync_dagster.tables.sources.deadline import SourceDeadline, within
from filesync_dagster.tables.sources.registry import open_source, source_type, source_types
from filesync_dagster.web.source_messages import (
    ColumnSeen,
    ConnectionTest,
    ConnectorOut,
    Connectors,
    Discovery,
    HeldRead,
    LastTest,
    ReadOut,
    ReadProgressOut,
    RelationOut,
    SourceOut,
    TableFound,
    TableSeen,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.read_jobs import ReadJobRecord
    from filesync_dagster.storage.database.source_reads import SourceReadRecord
    from filesync_dagster.tables.catalog.directory import KnownSource
    from filesync_dagster.tables.model import TableRelation
    from filesync_dagster.tables.sources.base import FoundTable, SourceContext, SourceReport, TableSource
    from filesync_dagster.web.source_messages import ConnectionIn

TEST_CODES: Final = frozenset(
    {
        "unreachable", "timeout", "tls", "auth", "forbidden", "not_found", "not_allowed", "bad_config", "unsupported",
        "driver_missing", "unknown",
    }
)  # fmt: skip
"""What a test may say; whatever else a source says is one of these for who asks."""

OTHER_CODES: Final = {"busy": "unreachable", "broken_off": "unreachable", "forbidden_reference": "not_allowed"}
NOT_ASKED: Final = frozenset({"bad_config", "unsupported", "driver_missing", "not_allowed"})
"""Codes of what could not even be tried."""


@dataclass(frozen=True)
class Trial:
    """A source that is tried: its type as it was asked for, how it is opened, and which known one it is."""

    type: str
    kind: str
    config: Mapping[str, Any]
    context: SourceContext
    known: KnownSource | None = None

    def open(self) -> TableSource:
        """Return it opened."""
        return open_source(self.kind, self.config, self.context)


def connectors() -> Connectors:
    """Tell which kinds of sources there are."""
    return Connectors(
        connectors=[
            ConnectorOut(
                type=kind.public_name,
                name=kind.name,
                description=kind.description,
                icon=kind.icon,
                supported_formats=list(kind.formats),
                config_schema={
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    **kind.config.model_json_schema(),
                },
                installed=kind.missing is None,
                install_hint=kind.missing,
                tested=kind.tested,
                capabilities=list(kind.capabilities),
            )
            for kind in source_types()
        ]
    )


def try_connection(filesync: Filesync, given: ConnectionIn, *, may_refer: bool) -> ConnectionTest:
    """Test a source within ten seconds; whatever it does, the answer says what is the matter."""
    deadline = SourceDeadline(TEST_SECONDS)
    with _working_folder(filesync) as folder:
        try:
            tried = _tried(filesync, given, folder, may_refer=may_refer)
        except (TableError, ConfigError) as error:
            return _refused(given.type or "", error)
        try:
            report = within(deadline, lambda: _test(tried, deadline), "The source")
            found = _reported(tried.type, report)
        except FilesyncError as error:
            found = _refused(tried.type, error)
        except Exception as error:  # noqa: BLE001  # whatever a driver raises, whoever asks is told that it did not work
            event("tables.test_crashed", level=logging.ERROR, source=tried.kind, error=repr(error))
            found = _refused(tried.type, TableError("The source could not be tested.", hint="The log says more."))
    if tried.known is not None:
        told = found.model_dump(mode="json", include=set(LastTest.model_fields) - {"at"})
        SourceDirectory(filesync.runtime).note_test(tried.known, {"at": clock.utc_now().isoformat(), **told})
    return found


def discover(filesync: Filesync, given: ConnectionIn, *, may_refer: bool) -> Discovery:
    """Tell which tables a source has. Raises TableError, ConfigError."""
    deadline = SourceDeadline(DISCOVER_SECONDS)
    with _working_folder(filesync) as folder:
        tried = _tried(filesync, given, folder, may_refer=may_refer)
        try:
            found = within(deadline, lambda: _discover(tried, deadline), "The source")
        except (TableError, ConfigError):
            raise
        except FilesyncError as error:
            raise SourceRefused(error.message, hint=error.hint) from None
    return Discovery(type=tried.type, tables=[table_found(table) for table in found])


def _test(tried: Trial, deadline: SourceDeadline) -> SourceReport:
    with closing(tried.open()) as source:
        return source.test(deadline)


def _discover(tried: Trial, deadline: SourceDeadline) -> list[FoundTable]:
    with closing(tried.open()) as source:
        return list(source.discover(deadline))


@contextmanager
def _working_folder(filesync: Filesync) -> Iterator[Path]:
    """Lend a folder. A source that was given up may still write to it: then it is removed by the next cleaning."""
    with tempfile.TemporaryDirectory(
        prefix="source-", dir=filesync.runtime.folder("tmp"), ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def _tried(filesync: Filesync, given: ConnectionIn, folder: Path, *, may_refer: bool) -> Trial:
    """Return the source that a request means. Raises TableError, ConfigError."""
    if (given.source is None) == (given.type is None):
        raise SourceRefused("Name a type with its config, or a source.", code="bad_config", field="type")
    directory = SourceDirectory(filesync.runtime)
    if given.source is not None:
        if given.config or given.file_paths is not None:
            raise SourceRefused("A source has its own configuration.", code="bad_config", field="config")
        known = directory.get(given.source)
        kind = source_type(known.type)
        context = directory.context_of(known, folder)
        return Trial(kind.public_name, kind.kind, directory.settings_of(known), context, known)
    config = plain_config(given.config)
    if given.file_paths is not None:
        config["file_paths"] = list(given.file_paths)
    edit = SourceEdit(given.type, config, may_refer=may_refer)
    new = apply_edit(None, {}, edit)
    check_references(new.secrets, may_refer=may_refer)
    filled = directory.secrets.fill(new.config, new.secrets)
    check_config(source_type(new.type).config, filled, {})
    return Trial(given.type or "", new.type, filled, request_context(filesync.runtime, "", folder))


def _reported(kind: str, report: SourceReport) -> ConnectionTest:
    is_good = any(table.readable for table in report.tables) or not report.tables
    return ConnectionTest(
        type=kind,
        status="success" if is_good else "failed",
        message=report.message,
        available=is_good,
        code=None if is_good else "forbidden",
        latency_ms=round(report.latency_ms, 1),
        server=report.server,
        tables=[
            TableSeen(name=one.name, rows_estimate=one.rows_estimate, readable=one.readable, problem=one.problem)
            for one in report.tables
        ],
        warnings=list(report.warnings),
    )


def _refused(kind: str, error: FilesyncError) -> ConnectionTest:
    said = error.code if isinstance(error, TableError) else "bad_config" if isinstance(error, ConfigError) else ""
    code = OTHER_CODES.get(said, said if said in TEST_CODES else "unknown")
    return ConnectionTest(
        type=kind,
        status="error" if code in NOT_ASKED else "failed",
        message=error.message,
        available=False,
        code=code,
        field=error.field if isinstance(error, TableError) else None,
        hint=error.hint,
    )


def table_found(table: FoundTable) -> TableFound:
    """Return what is told of a table that a source has."""
    schema = table.schema
    return TableFound(
        name=table.name,
        kind=table.kind,
        rows_estimate=table.rows_estimate,
        bytes=table.bytes,
        description=schema.description,
        primary_key=list(schema.primary_key),
        unique_keys=[list(key) for key in schema.unique_keys],
        columns=[
            ColumnSeen(
                name=column.name,
                type=str(column.type),
                sql_type=column.sql_type,
                nullable=column.nullable,
                description=column.description,
                sensitivity=list(column.sensitivity),
            )
            for column in schema.columns
        ],
        relations=[relation_out(relation) for relation in table.relations],
    )


def relation_out(relation: TableRelation, decided_by: str | None = None) -> RelationOut:
    """Return what is told of a relation."""
    return RelationOut(**relation.as_json(), decided_by=decided_by)


def source_out(source: KnownSource, last_read: ReadJobRecord | None, held: SourceReadRecord | None) -> SourceOut:
    """Return what is told of a source."""
    record = source.record
    return SourceOut(
        name=source.name,
        type=source_type(source.type).public_name if source.type else "",
        description=source.description,
        origin=source.origin,
        place=source.place,
        problem=source.problem,
        config=dict(source.config),
        secrets_set=list(source.secrets_set),
        revision=record.revision if record else None,
        created_at=record.created_at if record else None,
        created_by=record.created_by if record else None,
        updated_at=record.updated_at if record else None,
        last_test=LastTest.model_validate(record.last_test) if record and record.last_test else None,
        last_read=read_out(last_read) if last_read else None,
        held=_held_out(held) if held else None,
    )


def _held_out(held: SourceReadRecord) -> HeldRead:
    return HeldRead(read_id=held.id, day=held.day, reason=held.error or "", finished_at=held.finished_at)


def read_out(record: ReadJobRecord) -> ReadOut:
    """Return what is told of a read."""
    return ReadOut(
        id=record.id,
        source=record.source,
        state=record.state,  # type: ignore[arg-type]  # the repository has no other
        tables=list(record.tables),
        limit=record.row_limit,
        progress=ReadProgressOut(**record.progress),
        table_ids=list(record.table_ids),
        error=record.error,
        error_code=record.error_code,
        error_hint=record.error_hint,
        error_field=record.error_field,
        asked_by=record.who,
        cancel_asked=record.cancel_asked_at is not None,
        created_at=record.created_at,
        started_at=record.started_at,
        finished_at=record.finished_at,
    )
