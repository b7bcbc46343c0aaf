"""An export of a session that was asked for once it was there: the same rows in another format, or in a database."""

import secrets as random
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import Cancelled, FilesyncError, TableError
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_files import SessionExportRecord
from filesync_dagster.storage.database.sessions import SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.exports import ExportOptions, StopSignal, export, to_postgres
from filesync_dagster.tables.model import DataSet, TableRelation, TableRule
from filesync_dagster.tables.sessions.cancel_switch import CancelSwitch
from filesync_dagster.tables.sessions.files import NewFile, SessionStore, export_prefix
from filesync_dagster.tables.sessions.secrets import SessionSecrets
from filesync_dagster.tables.sessions.targets import check_target, connection_of

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "database"
"""The format of an export whose rows go into a database."""


@dataclass(frozen=True)
class _Written:
    """What an export made: files, or rows by the names that tables have in a database."""

    files: tuple[NewFile, ...] = ()
    rows: Mapping[str, int] | None = None
    warnings: tuple[Mapping[str, Any], ...] = ()


def order_export(  # noqa: PLR0917 - of what, into what, and for whom
    runtime: Runtime,
    session: SessionRecord,
    kind: str,
    options: ExportOptions,
    owner: str,
    kept: SessionSecrets,
    target: Mapping[str, Any] | None = None,
) -> SessionExportRecord:
    """Let an export of a session wait. `target`: see `check_target`, whose errors it raises. Raises LimitReached."""
    public, hidden = check_target(runtime, target) if target is not None else (None, {})
    export_id = random.token_hex(16)
    record = SessionExportRecord(
        id=export_id,
        session_id=session.id,
        format=kind,
        options=options.as_json(),
        state="queued",
        owner=owner,
        created_at=datetime.now(UTC),
        secrets_encrypted=kept.keep(export_id, hidden),
        target=public,
    )
    try:
        runtime.metadata.session_files.add_export(record, queued_max=runtime.config.settings.tables.queued_sessions)
    except BaseException:
        kept.forget(export_id)
        raise
    return record


def work_on_export(
    runtime: Runtime, session_id: str, export_id: str, worker: Process, secrets: Mapping[str, str]
) -> bool:
    """Do an export that waits for this worker; tell whether it is completed."""
    repository, store = runtime.metadata.session_files, SessionStore(runtime)
    record = repository.export(session_id, export_id)
    session = runtime.metadata.sessions.get(session_id)
    repository.show_life(export_id, worker)
    try:
        with closing(CancelSwitch(lambda: repository.show_life(export_id, worker))) as switch:
            if record.target is None:
                written = _write_files(store, session, record, switch)
            else:
                written = _write_rows(runtime, session, record, secrets, switch)
        files = store.publish(session_id, written.files, export_id)
        values = {"warnings": [dict(one) for one in written.warnings], "written": written.rows}
        done = repository.finish_export(export_id, "completed", files=files, **values)
    except Cancelled:
        done = False
    except FilesyncError as error:
        code = error.code if isinstance(error, TableError) else "failed"
        done = False
        repository.finish_export(export_id, "failed", error=str(error), error_code=code)
    if not done:
        repository.finish_export(export_id, "cancelled")
        store.withdraw_export(session_id, export_id)
    return done


def _write_files(
    store: SessionStore, session: SessionRecord, record: SessionExportRecord, cancel: StopSignal
) -> _Written:
    folder = store.scratch_folder(record.id)
    quality = session.result.get("quality") or {}
    facts = {
        "seed": session.seed,
        "engine": session.engine,
        "engine_version": session.engine_version,
        "scale": session.request.get("scale", 1.0),
        "synthetic": True,
        "schema_only": bool(quality.get("schema_only")),
    }
    options = ExportOptions.from_json(dict(record.options))
    made = session_data(store, session)
    written = export(made, record.format, options, folder / "export", facts=facts, cancel=cancel)
    prefix = export_prefix(record.id)
    files = [NewFile(file.path, prefix + file.name, "export") for file in written.files]
    manifest: Path = written.manifest
    files.append(NewFile(manifest, prefix + manifest.name, "manifest"))
    return _Written(tuple(files), None, written.warnings)


def _write_rows(
    runtime: Runtime,
    session: SessionRecord,
    record: SessionExportRecord,
    secrets: Mapping[str, str],
    cancel: StopSignal,
) -> _Written:
    """Write into a database; once its rows are to be final, nobody cancels the export any more."""
    store, target = SessionStore(runtime), dict(record.target or {})
    work = store.scratch_folder(record.id) / "target"
    connection = connection_of(runtime, target, secrets, work, cancel)
    written = to_postgres(
        session_data(store, session),
        connection,
        target["schema"],
        constraints=ExportOptions.from_json(dict(record.options)).constraints,
        cancel=cancel,
        may_commit=lambda: runtime.metadata.session_files.may_commit_export(record.id),
    )
    return _Written((), written.rows, written.warnings)


def session_data(store: SessionStore, session: SessionRecord) -> DataSet:
    """Return what a session made: its tables, with the relations and rules that hold in them."""
    report = store.report(session)
    tables = [store.table(session, told["name"]) for told in session.result.get("tables", ())]
    relations = [TableRelation.from_json(one) for one in report["relations"]]
    return DataSet(tuple(tables), tuple(relations), tuple(TableRule.from_json(one) for one in report["rules"]))
