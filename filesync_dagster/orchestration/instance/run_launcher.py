"""Dagster's default launcher, which can also tell whether a run's process still lives.

    run_launcher:
      module: filesync_dagster.orchestration.instance.run_launcher
      class: WatchedRunLauncher

The code server notices when a run's process dies beside it. This notices the rest: the machine, the container or the
code server itself went away. `run_monitoring` must be enabled; it asks, and fails a dead run, which `run_retries`
then starts again.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import dagster as dg
from dagster import DagsterRun, Field, IntSource
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData

from filesync_dagster.orchestration.instance.heartbeat import last_beat

DEAD_AFTER_SECONDS = 90
"""Without a heartbeat. Measured by one clock, that of the process that asks: those of two machines differ."""

REMEMBERED_RUNS = 1000


class WatchedRunLauncher(dg.DefaultRunLauncher):
    """Starts runs beside the code server, and knows the dead ones by their heartbeats."""

    def __init__(
        self,
        dead_after_seconds: int = DEAD_AFTER_SECONDS,
        inst_data: ConfigurableClassData | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inst_data)
        self._dead_after, self._clock = dead_after_seconds, clock
        self._seen: dict[str, tuple[str, float, float]] = {}  # the number, the last look, seconds of silence

    @classmethod
    def config_type(cls) -> dict[str, Field]:
        """Return what dagster.yaml may say."""
        text = "Seconds without a heartbeat after which a run is given up and started again."
        return {
            "dead_after_seconds": Field(
                IntSource, is_required=False, default_value=DEAD_AFTER_SECONDS, description=text
            )
        }

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """Return the launcher that dagster.yaml describes."""
        return cls(inst_data=inst_data, **config_value)

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Whether dead runs are noticed."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Return whether the number that the run counts up has moved lately.

        A run without a heartbeat (of a job that is none of ours, or one that has just begun) is taken to live.
        """
        count = last_beat(self._instance, run.run_id)
        if count is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        now = self._clock()
        seen, looked, silent = self._seen.get(run.run_id, ("", now, 0.0))
        # While Dagster's database is away nobody beats, and nobody looks: a long pause between two looks proves little.
        silent = silent + min(now - looked, self._dead_after / 2) if count == seen else 0.0
        if len(self._seen) > REMEMBERED_RUNS and run.run_id not in self._seen:
            self._seen.clear()  # those that live are seen again at the next look
        self._seen[run.run_id] = count, now, silent
        if silent < self._dead_after:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"no heartbeat for {silent:.0f} seconds: its process or its machine has gone"
        )
