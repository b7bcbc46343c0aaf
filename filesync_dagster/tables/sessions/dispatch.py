"""What works through the sessions that wait: claims them, starts a process for each, and clears away after all of them.

One thread does all of it, for a worker dies with the thread that started it. Several servers may share a database: a
session is one's that claimed it, and what a killed server left is found by whoever looks next.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Any, Final

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.storage.database.session_files import SessionExportRecord
from filesync_dagster.storage.database.sessions import INTERRUPTED, RUNNING, WORKER_TIMEOUT_SECONDS, SessionRecord
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.sessions.files import SessionStore
from filesync_dagster.tables.sessions.job import MODULE, WorkerJob
from filesync_dagster.tables.sessions.secrets import SessionSecrets
from filesync_dagster.tables.sessions.submit import keep_time

BUSY_INTERVAL_SECONDS: Final = 0.5
IDLE_INTERVAL_SECONDS: Final = 2.0
TIDY_INTERVAL_SECONDS: Final = 30.0
EXPIRY_INTERVAL_SECONDS: Final = 3600.0
CANCEL_GRACE_SECONDS: Final = 2.0
"""After which a worker that was asked to end is killed."""

STOP_SECONDS: Final = 10.0
INTERRUPTED_SENTENCE: Final = "The generation was interrupted: the process that worked on it ended."
EXPORT_INTERRUPTED: Final = "The export was interrupted: the process that worked on it ended."
INTERRUPTED_HINT: Final = "Run it again: the same seed gives the same data."
TOO_LONG: Final = "It took longer than it may."
TOO_LONG_HINT: Final = "Choose a smaller scale, or settings.tables.session_hours."
ABORTED: Final = "The process that worked on it ended by itself ({ending})."
ABORTED_HINT: Final = "It may have needed more memory than settings.tables.session_memory allows."


@dataclass
class _Child:
    """A process that works on a session, or on an export of one."""

    process: "subprocess.Popen[bytes]"
    session_id: str
    export_id: str
    began: float
    cancelled_at: float | None = None
    killed_for: str | None = None

    def kill(self) -> None:
        """End the process and all that it started."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)

    @property
    def ending(self) -> str:
        """How it ended."""
        code = self.process.returncode
        return signal.Signals(-code).name if code is not None and code < 0 else f"code {code}"


class SessionDispatcher:
    """See the module's docstring. `wanted` is set by whoever has queued something; `running` while it works."""

    def __init__(
        self,
        lend: Callable[[], AbstractContextManager[Runtime]],
        secrets: Callable[[], SessionSecrets],
        wanted: threading.Event,
        running: threading.Event,
    ) -> None:
        self._lend = lend
        self._secrets = secrets
        self._wanted = wanted
        self._running = running
        self._stopped = threading.Event()
        self._children: list[_Child] = []
        self._tidied_at = self._expired_at = -EXPIRY_INTERVAL_SECONDS
        self._thread = threading.Thread(target=self._run, name="filesync-sessions")

    def start(self) -> None:
        """Begin to work through what waits."""
        self._running.set()
        self._thread.start()

    def stop(self) -> None:
        """End all workers, whose sessions are interrupted, and work no more. Idempotent."""
        self._stopped.set()
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._stopped.is_set():
                self._attempt(self._round)
                self._wanted.wait(BUSY_INTERVAL_SECONDS if self._children else IDLE_INTERVAL_SECONDS)
                self._wanted.clear()
        finally:
            self._running.clear()
            for child in self._children:
                child.kill()
            for child in self._children:
                child.process.wait(STOP_SECONDS)
            self._attempt(self._reap)

    @staticmethod
    def _attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except FilesyncError as error:
            event("sessions.dispatch_failed", level=logging.WARNING, error=str(error))

    def _round(self) -> None:
        with self._lend() as runtime:
            self._reap_with(runtime)
            self._tidy(runtime)
            self._watch(runtime)
            while not self._stopped.is_set() and self._start_next(runtime):
                pass

    def _reap(self) -> None:
        with self._lend() as runtime:
            self._reap_with(runtime)

    def _reap_with(self, runtime: Runtime) -> None:
        """Clear away after workers that have ended."""
        for child in [one for one in self._children if one.process.poll() is not None]:
            child.kill()  # what it started
            if child.export_id:
                self._end_export(runtime, child)
            else:
                self._end_session(runtime, child)
            self._children.remove(child)

    def _end_session(self, runtime: Runtime, child: _Child) -> None:
        sessions = runtime.metadata.sessions
        record = sessions.find(child.session_id)
        if record is not None and record.state in RUNNING and record.worker is not None:
            values = _why(child, record)
            state = values.pop("state")
            sessions.finish(record.id, Process.parse(dict(record.worker)), state, keep=keep_time(runtime), **values)
            record = sessions.find(child.session_id)
        store = SessionStore(runtime)
        if record is None or record.state in {"failed", "cancelled"}:
            store.withdraw(child.session_id)
        store.drop_scratch(child.session_id)
        self._secrets().forget(child.session_id)

    def _end_export(self, runtime: Runtime, child: _Child) -> None:
        repository, sentence, code = runtime.metadata.session_files, EXPORT_INTERRUPTED, INTERRUPTED
        if child.killed_for is not None:
            sentence, code = child.killed_for, "too_long"
        record = next((one for one in repository.exports(child.session_id) if one.id == child.export_id), None)
        if record is None or repository.end_export(record, sentence, code):
            SessionStore(runtime).withdraw_export(child.session_id, child.export_id)
        SessionStore(runtime).drop_scratch(child.export_id)
        self._secrets().forget(child.export_id)

    def _tidy(self, runtime: Runtime) -> None:
        """Find what killed processes left, now and then; let go of what is past its time."""
        now, store = time.monotonic(), SessionStore(runtime, self._secrets().forget)
        if now - self._tidied_at >= TIDY_INTERVAL_SECONDS:
            self._tidied_at = now
            gone = runtime.metadata.sessions.interrupt_dead(
                keep=keep_time(runtime), sentence=INTERRUPTED_SENTENCE, hint=INTERRUPTED_HINT
            )
            for session_id in gone:
                event("session.interrupted", level=logging.WARNING, session=session_id)
            for export in runtime.metadata.session_files.interrupt_dead_exports(
                EXPORT_INTERRUPTED, WORKER_TIMEOUT_SECONDS
            ):
                store.withdraw_export(None, export)
            store.sweep(busy=[child.export_id for child in self._children if child.export_id])
        if now - self._expired_at >= EXPIRY_INTERVAL_SECONDS:
            self._expired_at = now
            store.expire()

    def _watch(self, runtime: Runtime) -> None:
        """Kill workers that were asked to end and do not, and those that take too long."""
        seconds = runtime.config.settings.tables.session_hours * 3600
        for child in self._children:
            if time.monotonic() - child.began > seconds:
                child.killed_for = TOO_LONG
                child.kill()
            if not self._was_cancelled(runtime, child):
                continue
            child.cancelled_at = child.cancelled_at or time.monotonic()
            if time.monotonic() - child.cancelled_at > CANCEL_GRACE_SECONDS:
                child.kill()

    @staticmethod
    def _was_cancelled(runtime: Runtime, child: _Child) -> bool:
        if child.export_id:
            exports = runtime.metadata.session_files.exports(child.session_id)
            asked = [one.cancel_asked_at for one in exports if one.id == child.export_id]
        else:
            record = runtime.metadata.sessions.find(child.session_id)
            asked = [record.cancel_asked_at] if record is not None else []
        return any(moment is not None for moment in asked)

    def _start_next(self, runtime: Runtime) -> bool:
        """Start a worker for what has waited longest; tell whether there was something."""
        most, me = runtime.config.settings.tables.running_sessions, Process.current()
        record = runtime.metadata.sessions.claim(me, running_max=most)
        if record is not None:
            self._start_session(runtime, record, me)
            return True
        if sum(bool(child.export_id) for child in self._children) >= most:
            return False
        export = runtime.metadata.session_files.claim_export(me)
        if export is not None:
            self._start_export(runtime, export)
            return True
        return False

    def _start_export(self, runtime: Runtime, record: SessionExportRecord) -> None:
        try:
            secrets = self._secrets().reveal(record)
        except FilesyncError as error:
            exports, code = runtime.metadata.session_files, "secrets_lost"
            exports.finish_export(record.id, "failed", error=error.message, error_code=code)
            return
        self._spawn(runtime, record.session_id, record.id, secrets)

    def _start_session(self, runtime: Runtime, record: SessionRecord, me: Process) -> None:
        try:
            secrets = self._secrets().reveal(record)
        except FilesyncError as error:
            values: dict[str, Any] = {"error": error.message, "error_code": "secrets_lost", "error_hint": error.hint}
            runtime.metadata.sessions.finish(record.id, me, "failed", keep=keep_time(runtime), **values)
            return
        self._spawn(runtime, record.id, "", secrets)

    def _spawn(self, runtime: Runtime, session_id: str, export_id: str, secrets: dict[str, str]) -> None:
        environment = runtime.config.environment
        job = WorkerJob(
            session_id=session_id,
            export_id=export_id,
            config_path=str(environment.config_path.absolute()),
            home=str(environment.home),
            dispatcher=Process.current().as_dict(),
            memory_bytes=int(runtime.config.settings.tables.session_memory),
            secrets=secrets,
        )
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", MODULE], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True
        )
        self._children.append(_Child(process, session_id, export_id, time.monotonic()))
        assert process.stdin is not None, "it was asked for"
        with suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(job.as_bytes())
        event("session.worker_started", session=session_id, export=export_id, pid=process.pid)


def _why(child: _Child, record: SessionRecord) -> dict[str, Any]:
    """Return what is noted of a session whose worker did not finish it."""
    if record.cancel_asked_at is not None:
        return {"state": "cancelled"}
    if child.killed_for is not None:
        return {"state": "failed", "error": child.killed_for, "error_code": "too_long", "error_hint": TOO_LONG_HINT}
    sentence, hint = INTERRUPTED_SENTENCE, INTERRUPTED_HINT
    if child.process.returncode != -signal.SIGKILL:
        sentence, hint = ABORTED.format(ending=child.ending), ABORTED_HINT
    return {"state": "failed", "error": sentence, "error_code": INTERRUPTED, "error_hint": hint}
