"""The process that works on one session: this module, started with its job on standard input.

It writes how far it is into the row of the session, looks there whether it was cancelled, and makes the session
`completed` in the same transaction that names its files, all of which are whole by then. Whatever else ends it leaves
a session that is not completed, and files that no row names: whoever started it clears them away.
"""

import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from filesync_dagster.core.errors import Cancelled, FilesyncError, TableError
from filesync_dagster.core.logging import event
from filesync_dagster.core.parent_watch import die_with_parent
from filesync_dagster.core.redaction import note_secrets, to_told
from filesync_dagster.storage.database import Metadata
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.sessions import COMPARISON, SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sessions.cancel_switch import CancelSwitch
from filesync_dagster.tables.sessions.files import SessionStore
from filesync_dagster.tables.sessions.job import WorkerJob
from filesync_dagster.tables.sessions.progress import SessionWatch
from filesync_dagster.tables.sessions.submit import keep_time, restore_request

OUT_OF_MEMORY: Final = "It needs more memory than it may use."


def work(runtime: Runtime, record: SessionRecord, worker: Process, secrets: Mapping[str, str]) -> str:
    """Go the whole way of a session that is this worker's; return the state that it came to."""
    sessions, store = runtime.metadata.sessions, SessionStore(runtime)
    scratch = store.scratch_folder(record.id)
    with closing(CancelSwitch(lambda: sessions.show_life(record.id, worker))) as switch:
        watch = SessionWatch(_sink(runtime.metadata, record.id, worker), switch)
        try:
            make = _compare if record.kind == COMPARISON else _generate
            state, values, files = "completed", *make(runtime, record, secrets, scratch, watch)
        except Cancelled:
            state, values, files = "cancelled", {}, []
        except MemoryError:
            state, values, files = "failed", {"error": OUT_OF_MEMORY, "error_code": "memory"}, []
        except FilesyncError as error:
            state, values, files = "failed", _failure(error), []
        except Exception as error:  # noqa: BLE001 - whatever it was, the session says that it failed
            event("session.crashed", session=record.id, error=to_told(repr(error)))
            values = {"error": f"Something unexpected happened ({type(error).__name__}).", "error_code": "unexpected"}
            state, files = "failed", []
    if not sessions.finish(record.id, worker, state, keep=keep_time(runtime), files=files, **values):
        state = "cancelled"
        sessions.finish(record.id, worker, state, keep=keep_time(runtime))
    if state != "completed":
        store.withdraw(record.id)
    store.drop_scratch(record.id)
    event("session.finished", session=record.id, state=state)
    return state


def _generate(
    runtime: Runtime, record: SessionRecord, secrets: Mapping[str, str], scratch: Path, watch: SessionWatch
) -> tuple[dict[str, Any], list[Any]]:
    """Generate; return what the row of the session gets, and the rows of its files, which are in their places."""
    from filesync_dagster.tables.sessions.engines import engine_version
    from filesync_dagster.tables.sessions.inputs import read_inputs
    from filesync_dagster.tables.sessions.result import input_hashes, session_files, session_result
    from filesync_dagster.tables.sessions.run import OutputLimits, run_generation

    request = restore_request(record.request, secrets)
    limits = OutputLimits(rows=runtime.config.settings.tables.max_output_rows)
    assert record.seed is not None
    generated = run_generation(
        request,
        (lambda inner: read_inputs(runtime, request, scratch / "sources", inner)) if request.has_rows else None,
        scratch,
        scratch / "export",
        record.seed,
        watch,
        limits=limits,
        home=runtime.home,
    )
    files = SessionStore(runtime).publish(record.id, session_files(generated, scratch))
    watch.check()
    warnings = [*record.warnings, *generated.warnings]
    values = {
        "result": session_result(generated),
        "warnings": [{key: value for key, value in one.items() if key in _WARNING_FIELDS} for one in warnings],
        "input_hashes": input_hashes(generated),
        "engine_version": engine_version(request.engine),
        "report_uri": next(file.uri for file in files if file.kind == "report"),
    }
    return values, files


def _compare(
    runtime: Runtime, record: SessionRecord, secrets: Mapping[str, str], scratch: Path, watch: SessionWatch
) -> tuple[dict[str, Any], list[Any]]:
    """Compare; return what `_generate` does."""
    from filesync_dagster.tables.sessions.comparison import run_comparison
    from filesync_dagster.tables.synthetic import ENGINE_VERSION

    found = run_comparison(runtime, record, secrets, scratch, watch)
    files = SessionStore(runtime).publish(record.id, [found.write_report(scratch)])
    watch.check()
    return {"result": found.values, "engine_version": ENGINE_VERSION, "report_uri": files[0].uri}, files


_WARNING_FIELDS: Final = frozenset({"code", "message", "table", "column", "count"})


def _failure(error: FilesyncError) -> dict[str, Any]:
    code = error.code if isinstance(error, TableError) else "failed"
    return {"error": error.message, "error_code": code, "error_hint": error.hint or None}


def _sink(metadata: Metadata, session_id: str, worker: Process) -> Callable[[str, Mapping[str, Any]], None]:
    def tell(stage: str, progress: Mapping[str, Any]) -> None:
        metadata.sessions.note(session_id, worker, state=stage, progress=dict(progress))

    return tell


def confine(memory_bytes: int) -> None:
    """Bound the memory that this process may have for itself, and let it leave no core with what it knew."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def main() -> int:
    """Do the job of standard input; for the process alone."""
    job = WorkerJob.parse(sys.stdin.buffer.read())
    sys.stdin.close()
    dispatcher, me = Process.parse(dict(job.dispatcher)), Process.current()
    die_with_parent(dispatcher.pid)
    confine(job.memory_bytes)
    note_secrets(job.secrets.values())
    from filesync_dagster.config import read_environment, running_config

    config = running_config(read_environment(Path(job.config_path), home=Path(job.home)))
    runtime = Runtime(config)
    try:
        tempfile.tempdir = str(SessionStore(runtime).scratch_folder(job.export_id or job.session_id))
        if job.export_id:
            from filesync_dagster.tables.sessions.export import work_on_export

            return 0 if work_on_export(runtime, job.session_id, job.export_id, me, job.secrets) else 1
        if not runtime.metadata.sessions.hand_over(job.session_id, dispatcher, me):
            return 1  # it was given to somebody else, or cancelled
        record = runtime.metadata.sessions.get(job.session_id)
        return 0 if work(runtime, record, me, job.secrets) == "completed" else 1
    finally:
        runtime.close()


if __name__ == "__main__":
    sys.exit(main())
