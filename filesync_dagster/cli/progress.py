"""What is shown while syncs run: bars on a terminal, a line an endpoint elsewhere, JSON for programs."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from filesync_dagster.cli.results import complaints, summary
from filesync_dagster.cli.text import console, on_terminal, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from filesync_dagster.core.model import SyncResult
    from filesync_dagster.sync.progress import Progress

COLOURS = {"completed": "green", "partial": "yellow", "held": "yellow", "failed": "red", "skipped": "red"}
MARKS = {"completed": "✓", "partial": "!", "held": "‖", "failed": "✗", "skipped": "-"}


class Display(Protocol):
    """Takes what happens, in any thread (`progress`) and in the caller's (`result`)."""

    def progress(self, at: Progress) -> None:
        """Take how far one sync is."""

    def result(self, result: SyncResult) -> None:
        """Take how one sync ended."""


@contextmanager
def display(total: int, *, as_json: bool) -> Iterator[Display]:
    """Show `total` syncs in the way that fits where standard output goes."""
    if as_json:
        yield _Json()
    elif not on_terminal():
        yield _Lines()
    else:
        with _bars() as bars:
            yield _Live(bars, total)


class _Json:
    def progress(self, at: Progress) -> None:
        pass

    def result(self, result: SyncResult) -> None:
        click.echo(json.dumps(result.as_dict(), ensure_ascii=True))
        for line in complaints(result):
            click.echo(line, err=True)


class _Lines:
    def progress(self, at: Progress) -> None:
        pass

    def result(self, result: SyncResult) -> None:
        click.echo(printable(summary(result)))
        for line in complaints(result):
            click.echo(line, err=True)


class _Live:
    """A bar for each running sync, and one for all; what has ended scrolls up."""

    def __init__(self, bars: Bars, total: int) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._ended: set[str] = set()
        self._lock = threading.Lock()
        self._all = bars.add_task("all endpoints", total=total, phase="", files=None, visible=total > 1)

    def progress(self, at: Progress) -> None:
        with self._lock:
            if at.endpoint in self._ended:
                return
            if at.endpoint not in self._tasks:
                self._tasks[at.endpoint] = self._bars.add_task(at.endpoint, total=None, phase=at.phase, files=0)
            self._bars.update(self._tasks[at.endpoint], completed=at.files, phase=at.phase, files=at.files)

    def result(self, result: SyncResult) -> None:
        from rich.text import Text

        with self._lock:
            self._ended.add(result.endpoint)
            if result.endpoint in self._tasks:
                self._bars.remove_task(self._tasks.pop(result.endpoint))
            self._bars.advance(self._all)
        status = result.status.value
        name, _, rest = printable(summary(result)).partition(": ")
        line = Text.assemble((f"{MARKS[status]} ", COLOURS[status]), (name, "bold"), f"  {rest}")
        self._bars.console.print(line, soft_wrap=True)
        for complaint in complaints(result):
            self._bars.console.print(Text(f"  {complaint}", style=COLOURS[status]), soft_wrap=True)


def _bars() -> Bars:
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Count(ProgressColumn):
        """How many entries, and how fast; for all endpoints, how many ended."""

        def render(self, task: object) -> Text:
            done, total = int(getattr(task, "completed", 0)), getattr(task, "total", None)
            if total is not None:
                return Text(f"{done:,} of {int(total):,}")
            speed = getattr(task, "speed", None)
            return Text(f"{done:,} files" + (f"  {speed:,.0f}/s" if speed else ""), style="cyan")

    return Bars(
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold", markup=False),
        TextColumn("{task.fields[phase]}", style="dim", markup=False),
        Count(),
        TimeElapsedColumn(),
        console=console(),
        transient=True,
    )
