"""How far a generation is: its stages, a share of the whole that never falls, and what ends it when it is cancelled."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from filesync_dagster.core.errors import Cancelled

STAGE_SHARES: Final[Mapping[str, tuple[float, float]]] = {
    "reading": (0.0, 15.0),
    "fitting": (15.0, 60.0),
    "generating": (60.0, 75.0),
    "checking": (75.0, 90.0),
    "exporting": (90.0, 99.0),
}
"""From which percent to which each stage leads, as most generations go."""

REPORT_INTERVAL_SECONDS: Final = 0.3
STEP_SHARE: Final = 0.08
"""Of what is left of a stage that one more step counts for: nobody knows how many there will be."""

ETA_PERCENT: Final = 5.0
"""Before so much is done, nobody knows when it will be all."""

ProgressSink = Callable[[str, Mapping[str, Any]], None]
"""Takes the stage, which is the state of the session, and the progress as JSON values."""


def ignore_progress(stage: str, progress: Mapping[str, Any]) -> None:
    """Tell nobody."""


def never_cancelled() -> bool:
    """Say that nobody cancelled."""
    return False


class SessionWatch:
    """See the module's docstring. For the thread that works; `is_cancelled` may be asked by any."""

    def __init__(
        self, sink: ProgressSink = ignore_progress, is_cancelled: Callable[[], bool] = never_cancelled
    ) -> None:
        self.stage = "reading"
        self.is_cancelled = is_cancelled
        self._sink = sink
        self._began = time.monotonic()
        self._told_at = 0.0
        self._percent = 0.0

    def enter(self, stage: str) -> None:
        """Begin a stage. Raises Cancelled."""
        self.stage = stage
        self._percent = max(self._percent, STAGE_SHARES[stage][0])
        self._tell("", "", 0, 0)
        self.check()

    def step(self, step: str, table: str = "", done: int = 0, total: int = 0) -> None:
        """Tell of a step within the stage, as the engine does. Raises Cancelled."""
        self.check()
        end = STAGE_SHARES[self.stage][1]
        self._percent += (end - self._percent) * STEP_SHARE
        if time.monotonic() - self._told_at >= REPORT_INTERVAL_SECONDS:
            self._tell(step, table, done, total)

    def export_step(self, table: str, rows: int, total: int) -> None:
        """Tell how far an export is. Raises Cancelled."""
        self.step("exporting", table, rows, total)

    def check(self) -> None:
        """Raise Cancelled once somebody asked for it."""
        if self.is_cancelled():
            raise Cancelled("The generation was cancelled.", code="cancelled")

    def _tell(self, step: str, table: str, done: int, total: int) -> None:
        self._told_at = time.monotonic()
        elapsed = self._told_at - self._began
        left = elapsed / self._percent * (100 - self._percent) if self._percent >= ETA_PERCENT else None
        self._sink(
            self.stage,
            {
                "stage": self.stage,
                "step": step,
                "table": table,
                "done": int(done),
                "total": int(total),
                "percent": round(self._percent, 1),
                "eta_s": None if left is None else round(left, 1),
            },
        )
