"""An export of a session that was asked for once it was there: the same rows in another format."""

from contextlib import closing
from typing import TYPE_CHECKING, Any

from filesync_dagster.core.errors import FilesyncError, TableError
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_files import SessionExportRecord
from filesync_dagster.storage.database.sessions import SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.exports import ExportOptions, export
from filesync_dagster.tables.model import DataSet, TableRelation, TableRule
from filesync_dagster.tables.sessions.cancel_switch import CancelSwitch
from filesync_dagster.tables.sessions.files import NewFile, SessionStore, export_prefix

if TYPE_CHECKING:
    from pathlib import Path


def work_on_export(runtime: Runtime, session_id: str, export_id: str, worker: Process) -> bool:
    """Write the files of an export that waits for this worker; tell whether it is completed."""
    repository, store = runtime.metadata.session_files, SessionStore(runtime)
    record = next(one for one in repository.exports(session_id) if one.id == export_id)
    session = runtime.metadata.sessions.get(session_id)

    def show_life() -> bool:
        repository.show_life(export_id, worker)
        return True

    show_life()
    try:
        with closing(CancelSwitch(show_life)):
            written = _write(store, session, record)
        files = store.publish(session_id, written[0], export_id)
        done = repository.finish_export(export_id, "completed", files=files, warnings=written[1])
    except FilesyncError as error:
        code = error.code if isinstance(error, TableError) else "failed"
        done = False
        repository.finish_export(export_id, "failed", error=str(error), error_code=code)
    if not done:
        store.withdraw_export(session_id, export_id)
    return done


def _write(
    store: SessionStore, session: SessionRecord, record: SessionExportRecord
) -> tuple[list[NewFile], list[dict[str, Any]]]:
    made, folder = session_data(store, session), store.scratch_folder(record.id)
    result = session.result.get("quality") or {}
    facts = {
        "seed": session.seed,
        "engine": session.engine,
        "engine_version": session.engine_version,
        "scale": session.request.get("scale", 1.0),
        "synthetic": True,
        "schema_only": bool(result.get("schema_only")),
    }
    options = ExportOptions.from_json(dict(record.options))
    written = export(made, record.format, options, folder / "export", facts=facts)
    prefix = export_prefix(record.id)
    files = [NewFile(file.path, prefix + file.name, "export") for file in written.files]
    manifest: Path = written.manifest
    return [*files, NewFile(manifest, prefix + manifest.name, "manifest")], [dict(one) for one in written.warnings]


def session_data(store: SessionStore, session: SessionRecord) -> DataSet:
    """Return what a session made: its tables, with the relations and rules that hold in them."""
    report = store.report(session)
    tables = [store.table(session, told["name"]) for told in session.result.get("tables", ())]
    relations = [TableRelation.from_json(one) for one in report["relations"]]
    return DataSet(tuple(tables), tuple(relations), tuple(TableRule.from_json(one) for one in report["rules"]))
