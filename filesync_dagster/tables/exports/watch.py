"""How far an export is, whether somebody stopped it, and what its formats could not hold as it was."""

from collections.abc import Callable, Mapping
from typing import Any

from filesync_dagster.core.errors import Cancelled
from filesync_dagster.tables.model import TableWarning

Progress = Callable[[str, int, int], None]
"""Is told a table, how many of its rows are written, and how many there are."""


StopSignal = Callable[[], bool]
"""Tells whether somebody asked to stop."""


class ExportWatch:
    """The progress and the warnings of one export; used by one thread."""

    def __init__(self, cancel: StopSignal | None = None, progress: Progress | None = None) -> None:
        self.cancel = cancel
        self._progress = progress
        self._warnings: dict[tuple[str, str, str | None], TableWarning] = {}

    def check(self) -> None:
        """Raise Cancelled once somebody asked to stop."""
        if self.cancel is not None and self.cancel():
            raise Cancelled("The export was cancelled.", code="cancelled")

    def advance(self, table: str, rows: int, total: int) -> None:
        """Tell how far a table is. Raises Cancelled."""
        self.check()
        if self._progress is not None:
            self._progress(table, rows, total)

    def warn(self, table: str, code: str, message: str, *, column: str | None = None, count: int = 1) -> None:
        """Note what is not in the export as it is in the table. What is noted again is counted."""
        key = (table, code, column)
        count += self._warnings[key].count if key in self._warnings else 0
        self._warnings[key] = TableWarning(code, message, count, column)

    def warnings(self) -> list[Mapping[str, Any]]:
        """Return what was noted, as JSON values."""
        return [{"table": table, **warning.__dict__} for (table, _, _), warning in self._warnings.items()]
