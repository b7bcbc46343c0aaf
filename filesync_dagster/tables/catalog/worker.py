"""The process that reads one source for a server.

`python -m filesync_dagster.tables.catalog.worker CONFIG HOME READ PID`

It writes down how far it is, and ends when it is not wanted any more, or the server PID has ended. What it leaves in
its folder, whoever started it removes; that it was killed, they note.
"""

import logging
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from filesync_dagster.config import DataSource, read_environment, running_config
from filesync_dagster.core.errors import Cancelled, FilesyncError, TableError, unexpected_sentence
from filesync_dagster.core.logging import configure_logging, event
from filesync_dagster.core.parent_watch import die_with_parent
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.read_jobs import ReadJobRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.catalog.directory import KnownSource, SourceDirectory
from filesync_dagster.tables.catalog.dispatch import read_folder
from filesync_dagster.tables.catalog.read import (
    ReadProgress,
    ReadTask,
    read_tables_of,
)
from filesync_dagster.tables.daily.model import ReadState
from filesync_dagster.tables.daily.read import Before, Wish, begin_read, keep_read, read_source
from filesync_dagster.tables.sources.limits import TableLimits
from filesync_dagster.tables.sources.registry import open_source

WRITE_SECONDS: Final = 0.5
"""How often progress is written down, and looked whether the read is still wanted."""


class _Watch:
    """Writes down the progress of a read, and knows whether it is still wanted."""

    def __init__(self, runtime: Runtime, read_id: str) -> None:
        self._reads = runtime.metadata.read_jobs
        self._read_id = read_id
        self._latest = ReadProgress("discovering")
        self._is_wanted = True
        self._looked_at = 0.0

    def note(self, progress: ReadProgress) -> None:
        """Take how far it is."""
        is_new_stage = progress.stage != self._latest.stage
        self._latest = progress
        if is_new_stage:
            self._looked_at = 0.0
        self.is_cancelled()

    def is_cancelled(self) -> bool:
        """Tell whether nobody wants it any more."""
        if self._is_wanted and time.monotonic() - self._looked_at > WRITE_SECONDS:
            self._looked_at = time.monotonic()
            self._is_wanted = self._reads.note_progress(self._read_id, self._latest.as_json())
        return not self._is_wanted


def run_read(runtime: Runtime, record: ReadJobRecord) -> list[str]:
    """Read a source, and return the ids of its tables. Raises FilesyncError; Cancelled when it was cancelled."""
    directory, watch = SourceDirectory(runtime), _Watch(runtime, record.id)
    source = directory.get(record.source)
    if source.declared is not None:
        return _read_declared(runtime, source.declared, record, watch)
    folder = read_folder(runtime.home, record.id)
    context = directory.context_of(source, folder / "work", watch.is_cancelled)
    task = ReadTask(context, folder / "tables", record.tables, record.row_limit, watch.note)
    wish = _wish_of(runtime, source, record)
    result, before = begin_read(wish), Before.of(runtime, wish)
    with closing(open_source(source.type, directory.settings_of(source), context)) as opened:
        limits = TableLimits.of(runtime.config.settings.tables)
        found = read_tables_of(opened, task, limits, before.known_relations)
    watch.note(ReadProgress("storing", tables_done=len(found.tables), tables_total=len(found.tables)))
    if watch.is_cancelled():
        raise Cancelled("It was cancelled.", code="cancelled")
    keep_read(runtime, wish, result, found, before)
    return [one.id for one in runtime.metadata.tables.of_run(source.name, record.id)]


def _wish_of(runtime: Runtime, source: KnownSource, record: ReadJobRecord) -> Wish:
    """Return what is read of a saved source: guarded as one in endpoints.yaml is that says nothing of its guard."""
    return Wish(
        DataSource(name=source.name, type=source.type),
        runtime.config.settings.partitions.today(),
        record.tables or None,
        run_id=record.id,
        source_id=source.record.id if source.record is not None else None,
        is_sample=record.row_limit is not None,
    )


def _read_declared(runtime: Runtime, source: DataSource, record: ReadJobRecord, watch: _Watch) -> list[str]:
    """Read a source of endpoints.yaml as its asset does: compared with what was there, and held where much is gone."""
    wish = Wish(source, runtime.config.settings.partitions.today(), record.tables or None, run_id=record.id)
    result = read_source(
        runtime,
        wish,
        progress=lambda table, rows: watch.note(ReadProgress("reading", table, rows)),
        cancelled=watch.is_cancelled,
    )
    if result.state is ReadState.FAILED:
        if watch.is_cancelled():
            raise Cancelled("It was cancelled.", code="cancelled")
        raise TableError(result.error or "It could not be read.", code=result.error_code or "unknown")
    return [one.id for one in runtime.metadata.tables.of_run(source.name, record.id)]


def run(runtime: Runtime, read_id: str) -> None:
    """Do a read that waits, and write down what became of it."""
    reads = runtime.metadata.read_jobs
    if not reads.begin(read_id, Process.current().as_dict()):
        return  # it was cancelled before
    record = reads.get(read_id)
    try:
        table_ids = run_read(runtime, record)
        reads.finish(read_id, "completed", table_ids=table_ids)
        event("tables.source_read", source=record.source, tables=len(table_ids))
    except Cancelled:
        reads.finish(read_id, "cancelled")
    except FilesyncError as error:
        code = error.code if isinstance(error, TableError) else type(error).__name__
        field = error.field if isinstance(error, TableError) else None
        values = {"error": error.message, "error_hint": error.hint, "error_code": code, "error_field": field}
        reads.finish(read_id, "failed", **values)
        event("tables.source_read_failed", level=logging.WARNING, source=record.source, error=error.message)
    except Exception as error:
        reads.finish(read_id, "failed", error="Something unexpected happened.", error_code="unknown",
                     error_hint="The log of the server says more.")  # fmt: skip
        event("tables.source_read_crashed", level=logging.ERROR, source=record.source, error=unexpected_sentence(error))
        raise


def main(config_path: str, home: str, read_id: str, server_pid: str) -> None:
    """Do one read; for the process alone."""
    die_with_parent(int(server_pid))
    environment = read_environment(Path(config_path), home=Path(home))
    configure_logging(json=environment.json_logs)
    with Runtime(running_config(environment)) as runtime:
        run(runtime, read_id)


if __name__ == "__main__":
    main(*sys.argv[1:5])
