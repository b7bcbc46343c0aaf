"""Reads of sources for a server: each in a process of its own, so many at once; the others wait for their turn."""

import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from filesync_dagster.config.environment import Environment
from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database.read_jobs import ReadJobRecord
from filesync_dagster.sync.runtime import Runtime

WORKER: Final = "filesync_dagster.tables.catalog.worker"
POLL_SECONDS: Final = 0.2
CANCEL_SECONDS: Final = 4.0
"""What a worker has to end by itself once nobody wants it; then it is killed."""

READS: Final = "reads"

INTERRUPTED: Final = {"error": "Reading was interrupted.", "error_hint": "Read it again.", "error_code": "interrupted"}
TOO_SLOW: Final = {
    "error": "Reading took longer than settings.tables.read_hours.",
    "error_hint": "Name fewer tables, or allow more hours.",
    "error_code": "timeout",
}


def read_folder(home: Path, read_id: str) -> Path:
    """Return the folder that a read may fill."""
    return home / "tmp" / READS / read_id


class ReadDispatcher:
    """See the module's docstring. One a server; `close` ends what runs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._workers: dict[str, threading.Thread] = {}
        self._closing = threading.Event()

    def ask(
        self, runtime: Runtime, source: str, who: str, tables: Sequence[str] = (), limit: int | None = None
    ) -> ReadJobRecord:
        """Have a source read, now or when it is its turn. Raises SourceConflict: "running", "busy"."""
        self.tidy(runtime)
        read_id = f"read_{secrets.token_hex(16)}"
        settings = runtime.config.settings.tables
        record = runtime.metadata.read_jobs.add(
            read_id, source, who, tables, row_limit=limit, queued_max=settings.queued_reads + settings.running_reads
        )
        self.start(runtime)
        return record

    def start(self, runtime: Runtime) -> None:
        """Start reads that wait, as many as may run at once."""
        most = runtime.config.settings.tables.running_reads
        with self._lock:
            for record in runtime.metadata.read_jobs.find_unfinished():
                if len(self._workers) >= most or self._closing.is_set():
                    return
                if record.state == "queued" and record.id not in self._workers:
                    arguments = (runtime.config.environment, record.id, runtime.config.settings.tables.read_hours)
                    thread = threading.Thread(target=self._work, args=arguments, name="filesync-reads", daemon=True)
                    self._workers[record.id] = thread
                    thread.start()

    def tidy(self, runtime: Runtime) -> None:
        """Note that reads have failed whose processes are gone, of a server that was killed; start those that wait."""
        reads = runtime.metadata.read_jobs
        for record in reads.find_unfinished():
            if record.id not in self._workers and record.is_deserted:
                reads.finish(record.id, "failed", **INTERRUPTED)
                shutil.rmtree(read_folder(runtime.home, record.id), ignore_errors=True)
        self.start(runtime)

    def close(self) -> None:
        """End what runs, and wait for its end."""
        self._closing.set()
        for thread in list(self._workers.values()):
            thread.join()

    def _work(self, environment: Environment, read_id: str, hours: float) -> None:
        """Have one read done by a process; then the next one that waits."""
        from filesync_dagster.config import running_config

        try:
            with Runtime(running_config(environment)) as runtime:
                try:
                    self._watch(runtime, read_id, time.monotonic() + hours * 3600)
                finally:
                    shutil.rmtree(read_folder(runtime.home, read_id), ignore_errors=True)
                    with self._lock:
                        self._workers.pop(read_id, None)
                self.start(runtime)
        except FilesyncError as error:
            event("tables.read_lost", level=logging.ERROR, read=read_id, error=error.message)
        finally:
            self._workers.pop(read_id, None)

    def _watch(self, runtime: Runtime, read_id: str, until: float) -> None:
        reads, environment = runtime.metadata.read_jobs, runtime.config.environment
        command = [sys.executable, "-m", WORKER, str(environment.config_path.absolute()), str(runtime.home), read_id]
        command.append(str(os.getpid()))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603  # our own interpreter and module
        outcome, unwanted_since = INTERRUPTED, 0.0
        try:
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(POLL_SECONDS)
                if self._closing.is_set():
                    break
                if time.monotonic() > until:
                    outcome = TOO_SLOW
                    break
                if reads.get(read_id).cancel_asked_at is not None:
                    unwanted_since = unwanted_since or time.monotonic()
                    if time.monotonic() - unwanted_since > CANCEL_SECONDS:
                        break
        finally:
            process.kill()
            process.wait()
            if unwanted_since:
                reads.finish(read_id, "cancelled")
            else:
                reads.finish(read_id, "failed", **outcome)
