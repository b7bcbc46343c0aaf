"""Generations over HTTP: what is told of sessions, and what may be done to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from filesync_dagster.storage.database.sessions import COMPARISON, FINISHED, RUNNING, SessionConflict, SessionRecord
from filesync_dagster.tables.exports import ExportOptions
from filesync_dagster.tables.rows import json_rows, page_of
from filesync_dagster.tables.sessions.export import order_export
from filesync_dagster.tables.sessions.files import SessionStore
from filesync_dagster.tables.sessions.submit import keep_time, needs_secrets
from filesync_dagster.web.cursors import decode_cursor, encode_cursor, moment_of
from filesync_dagster.web.generation_messages import (
    SHOWN_ROWS,
    DatabaseExportOrder,
    ExportOrder,
    GenerationAnswer,
    QualitySummary,
    SessionAnswer,
    SessionExport,
    SessionFile,
    SessionFiles,
    SessionList,
    SessionOut,
    SessionProgress,
    SessionReport,
    SessionRows,
    SessionRowsQuery,
    SessionsQuery,
    SessionTable,
    SessionWarning,
)

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.storage.database.session_files import SessionExportRecord, SessionFileRecord
    from filesync_dagster.tables.sessions.secrets import SessionSecrets
    from filesync_dagster.web.site import Site

STATUSES: Final = {"completed": "completed", "failed": "error", "cancelled": "error"}
CANCELLED: Final = "The generation was cancelled."


def session_facts(record: SessionRecord) -> dict[str, Any]:
    """Return what every answer about a session has."""
    result = record.result
    return {
        "session_id": record.id,
        "status": STATUSES.get(record.state, "processing"),
        "state": record.state,
        "progress": SessionProgress(**{"stage": record.state, **record.progress, **_ending(record)}),
        "revision": record.revision,
        "seed": record.seed,
        "engine": record.engine,
        "engine_version": record.engine_version,
        "output_format": record.request.get("output_format", "json"),
        "tables": [SessionTable(**table) for table in result.get("tables", ())],
        "quality": QualitySummary(**result["quality"]) if result.get("quality") else None,
        "output_files": list(result.get("output_files", ())),
        "warnings": [SessionWarning(**one) for one in record.warnings],
        "error": record.error or (CANCELLED if record.state == "cancelled" else None),
        "error_code": record.error_code or ("cancelled" if record.state == "cancelled" else None),
        "error_hint": record.error_hint or None,
        "cancel_asked": record.cancel_asked_at is not None,
        "may_run_again": record.is_finished and not needs_secrets(record),
        "pinned": record.pinned,
        "owner": record.owner,
        "run_id": record.run_id,
        "created_at": record.created_at,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "expires_at": None if record.pinned else record.expires_at,
    }


def _ending(record: SessionRecord) -> dict[str, Any]:
    """Return what is true of the progress of a session that has ended."""
    if record.state == "completed":
        return {"stage": record.state, "percent": 100.0, "eta_s": 0.0}
    return {"stage": record.state, "eta_s": None} if record.is_finished else {}


def generation_answer(filesync: Filesync, record: SessionRecord) -> GenerationAnswer:
    """Return a session with what it made."""
    rows, truncated = _first_rows(filesync, record)
    metrics = record.result.get("quality_metrics")
    return GenerationAnswer(**session_facts(record), synthetic_data=rows, truncated=truncated, quality_metrics=metrics)


def session_answer(filesync: Filesync, session_id: str, *, with_rows: bool) -> SessionAnswer:
    """Return how a session is doing. Raises UnknownSession."""
    record = filesync.runtime.metadata.sessions.get(session_id)
    rows, truncated = _first_rows(filesync, record) if with_rows else (None, [])
    return SessionAnswer(**session_facts(record), data=rows, truncated=truncated)


def session_list(filesync: Filesync, query: SessionsQuery) -> SessionList:
    """Return a page of sessions. Raises InvalidQuery."""
    sessions = filesync.runtime.metadata.sessions
    place = decode_cursor(query.cursor, str, str)
    before = (moment_of(place[0]), place[1]) if place else None
    found = sessions.page(states=query.state or None, limit=query.limit + 1, before=before)
    shown, last = found[: query.limit], found[query.limit - 1] if len(found) > query.limit else None
    cursor = encode_cursor(last.created_at.isoformat(), last.id) if last else None
    items = [SessionOut(**session_facts(record)) for record in shown]
    return SessionList(items=items, next_cursor=cursor, counts=sessions.counts())


def cancel(filesync: Filesync, session_id: str, kept: SessionSecrets) -> SessionOut:
    """Cancel a session: one that waits at once, one that is worked on within seconds. Raises UnknownSession."""
    record = filesync.runtime.metadata.sessions.ask_cancel(session_id, keep=keep_time(filesync.runtime))
    if record.is_finished:
        kept.forget(session_id)
    return SessionOut(**session_facts(record))


def pin(filesync: Filesync, session_id: str, *, pinned: bool) -> SessionOut:
    """Keep a session beyond its time, or let it go in time. Raises UnknownSession."""
    filesync.runtime.metadata.sessions.get(session_id)
    return SessionOut(**session_facts(filesync.runtime.metadata.sessions.pin(session_id, pinned=pinned)))


def remove(filesync: Filesync, session_id: str, kept: SessionSecrets) -> None:
    """Forget a session, its files, and the secrets of its exports. Raises UnknownSession, SessionConflict."""
    filesync.runtime.metadata.sessions.get(session_id)
    SessionStore(filesync.runtime, kept.forget).remove(session_id)


def session_files(filesync: Filesync, session_id: str) -> SessionFiles:
    """Return what a session has to be taken away. Raises UnknownSession."""
    filesync.runtime.metadata.sessions.get(session_id)
    repository = filesync.runtime.metadata.session_files
    files = [_file(record) for record in repository.of(session_id)]
    return SessionFiles(files=files, exports=[export_out(one, files) for one in repository.exports(session_id)])


def _file(record: SessionFileRecord) -> SessionFile:
    return SessionFile(
        name=record.name,
        kind=record.kind,
        media_type=record.media_type,
        size=record.size,
        sha256=record.sha256,
        table=record.table_name,
        rows=record.rows,
        export_id=record.export_id or None,
        created_at=record.created_at,
        url=f"/api/sdv/sessions/{record.session_id}/files/{quote(record.name, safe='')}",
    )


def export_out(record: SessionExportRecord, files: list[SessionFile]) -> SessionExport:
    """Return what is told of an export."""
    return SessionExport(
        export_id=record.id,
        format=cast("Any", record.format),
        options=dict(record.options),
        target=dict(record.target) if record.target is not None else None,
        state=cast("Any", record.state),
        cancel_asked=record.cancel_asked_at is not None,
        written=dict(record.written) if record.written is not None else None,
        warnings=[SessionWarning(**cast("dict[str, Any]", one)) for one in record.warnings],
        error=record.error,
        error_code=record.error_code,
        files=[file for file in files if file.export_id == record.id],
        created_at=record.created_at,
        finished_at=record.finished_at,
    )


def start_export(
    filesync: Filesync, session_id: str, order: ExportOrder, owner: str, kept: SessionSecrets
) -> SessionExport:
    """Let an export of a session wait. Raises UnknownSession, SessionConflict, TableError, ConfigError."""
    record = _completed(filesync, session_id)
    if record.kind == COMPARISON:
        raise SessionConflict(f"The session {session_id} compared data, and has no rows.", code="no_rows")
    options = ExportOptions.from_json(order.options)
    target = order.target.model_dump(by_alias=True) if isinstance(order, DatabaseExportOrder) else None
    made = order_export(filesync.runtime, record, order.format, options, owner, kept, target)
    return export_out(made, [])


def session_export(filesync: Filesync, session_id: str, export_id: str) -> SessionExport:
    """Return how an export is doing. Raises UnknownSession, UnknownExport."""
    filesync.runtime.metadata.sessions.get(session_id)
    repository = filesync.runtime.metadata.session_files
    return export_out(repository.export(session_id, export_id), [_file(one) for one in repository.of(session_id)])


def cancel_export(filesync: Filesync, session_id: str, export_id: str, kept: SessionSecrets) -> SessionExport:
    """Cancel an export: one that waits at once, one that is worked on within seconds. Raises as `session_export`."""
    filesync.runtime.metadata.sessions.get(session_id)
    filesync.runtime.metadata.session_files.ask_cancel_export(session_id, export_id)
    found = session_export(filesync, session_id, export_id)
    if found.state == "cancelled":
        kept.forget(export_id)
    return found


def session_report(filesync: Filesync, session_id: str) -> SessionReport:
    """Return what was measured of a session. Raises UnknownSession, SessionConflict."""
    record = _completed(filesync, session_id)
    report = SessionStore(filesync.runtime).report(record)
    quality = record.result.get("quality")
    return SessionReport(session_id=record.id, summary=QualitySummary(**quality) if quality else None, **report)


def session_rows(filesync: Filesync, session_id: str, query: SessionRowsQuery) -> SessionRows:
    """Return rows of a table that a session made. Raises UnknownSession, SessionConflict, TableError."""
    record = _completed(filesync, session_id)
    table = SessionStore(filesync.runtime).table(record, query.table)
    found = page_of(table, limit=query.limit, offset=query.offset)
    total, after = table.schema.row_count or 0, query.offset + found.num_rows
    return SessionRows(
        table=table.name,
        columns=list(table.schema.names),
        rows=json_rows(found),
        total=total,
        next_offset=after if after < total else None,
    )


def _completed(filesync: Filesync, session_id: str) -> SessionRecord:
    record = filesync.runtime.metadata.sessions.get(session_id)
    if record.state != "completed":
        raise SessionConflict(
            f"The session {session_id} is {record.state}, and has nothing to show.",
            hint="Wait until it is completed." if record.state not in FINISHED else "Run it again.",
            code="not_completed",
        )
    return record


def _first_rows(filesync: Filesync, record: SessionRecord) -> tuple[dict[str, list[dict[str, Any]]] | None, list[str]]:
    """Return the first rows of each table, and the names of the tables that have more."""
    if record.state != "completed":
        return None, []
    store, shown, truncated = SessionStore(filesync.runtime), {}, []
    for told in record.result.get("tables", ()):
        table = store.table(record, told["name"])
        shown[table.name] = json_rows(page_of(table, limit=SHOWN_ROWS))
        if told["rows"] > SHOWN_ROWS:
            truncated.append(table.name)
    return shown, truncated


def counts(site: Site) -> tuple[int, int]:
    """Return how many generations are worked on, and how many wait."""
    with site.current.acquire() as filesync:
        found = filesync.runtime.metadata.sessions.counts()
    return sum(found.get(state, 0) for state in RUNNING), found.get("queued", 0)
