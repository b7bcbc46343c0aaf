"""The heartbeat of a run: what tells that its process lives, and what ends a process whose run is over.

While it works, a run's process counts up a number in Dagster's own key-value table. WatchedRunLauncher, asked by
Dagster's run monitoring, sees whether the number still moves: a machine that went away stops.
The process in turn sees whether its run was ended (canceled, past its time, given up as dead): then the syncs stop at
their next page, and a process that does not manage even that is ended. Nothing is lost, a sync survives `kill -9`.
"""

import os
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

import dagster as dg
from dagster import DagsterRunStatus

if TYPE_CHECKING:
    from filesync_dagster.api import Watch
    from filesync_dagster.sync.progress import Progress

BEAT_SECONDS = 5.0
"""Between two beats."""

STOP_GRACE_SECONDS = 60.0
"""In which a process whose run was ended must come to an end by itself."""

EXIT_CODE_OF_ENDED_RUN = 70
"""Exit code of a process that did not."""

SLOT_COUNT = 1000
"""Rows that all heartbeats there ever were share: the table is never emptied."""


class Heartbeat:
    """Beats for one run, in a thread, until it is stopped. `stop_requested` is set when the run was ended by others."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        run_id: str,
        *,
        beat_seconds: float = BEAT_SECONDS,
        grace_seconds: float = STOP_GRACE_SECONDS,
        end: Callable[[], object] | None = None,
    ) -> None:
        self.stop_requested = threading.Event()
        self._instance, self._run_id, self._beat_seconds, self._grace_seconds = (
            instance,
            run_id,
            beat_seconds,
            grace_seconds,
        )
        self._end = end or _end_process
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"heartbeat-{run_id[:8]}", daemon=True)
        self._thread.start()

    def watch(self, also: "Watch | None" = None) -> "Watch":
        """Return a progress callback that ends its sync once the run was ended."""

        def check_stop(at: "Progress") -> None:
            if self.stop_requested.is_set():
                raise KeyboardInterrupt
            if also:
                also(at)

        return check_stop

    def stop(self) -> None:
        """Stop beating, and say so: the run is over, or its process goes on with something that is none of ours."""
        self._over.set()
        self._thread.join()
        with suppress(Exception):  # the database of Dagster is away: the run is taken for dead, which harms nobody
            self._instance.run_storage.set_cursor_values({slot(self._run_id): ""})

    def _work(self) -> None:
        count = 0
        while not self._over.wait(self._beat_seconds if count else 0):
            count += 1
            try:
                self._instance.run_storage.set_cursor_values({slot(self._run_id): f"{self._run_id} {count}"})
                run = self._instance.get_run_by_id(self._run_id)
            except Exception:  # noqa: BLE001, S112 - the database of Dagster is away: the next beat tries again
                continue
            if run is None or run.is_finished or run.status is DagsterRunStatus.CANCELING:
                self.stop_requested.set()
                if not self._over.wait(self._grace_seconds):
                    self._end()
                return


def _end_process() -> NoReturn:
    sys.stderr.write(
        f"The run was ended, and its process did not stop within {STOP_GRACE_SECONDS:.0f} seconds: it is ended now.\n"
    )
    sys.stderr.flush()
    os._exit(EXIT_CODE_OF_ENDED_RUN)


@contextmanager
def run_heartbeat(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator["Watch | None"]:
    """Beat while a step of a run works; yield the progress callback that ends its syncs when the run was ended."""
    with open_heartbeat(context) as heartbeat:
        yield heartbeat.watch() if heartbeat else None


@contextmanager
def open_heartbeat(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> Iterator[Heartbeat | None]:
    """Beat while a step of a run works."""
    if context.instance.is_ephemeral:
        yield None  # nobody but this process knows the run
        return
    heartbeat = Heartbeat(context.instance, context.run.run_id)
    try:
        yield heartbeat
    finally:
        heartbeat.stop()


def slot(run_id: str) -> str:
    """Return the key under which a run beats. Two runs may share one; then neither is ever called dead."""
    return f"filesync/heartbeat/{zlib.crc32(run_id.encode()) % SLOT_COUNT}"


def last_beat(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Return the number that a run has come to; None when it never beat, has stopped, or shares its slot."""
    key = slot(run_id)
    whose, _, count = instance.run_storage.get_cursor_values({key}).get(key, "").partition(" ")
    return count if whose == run_id else None
