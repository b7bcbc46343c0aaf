"""What is shown while syncs run: bars on a terminal, a line an endpoint elsewhere, JSON for programs."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from filesync_dagster.cli.results import complaints, summary
from filesync_dagster.cli.text import console, duration, on_terminal, plural, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

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
def display(total: int, expected: Callable[[], Mapping[str, int]] = dict, *, as_json: bool) -> Iterator[Display]:
    """Show `total` syncs in the way that fits where standard output goes.

    `expected`: how many entries the last full listing of each endpoint had, where there was one.
    """
    if as_json:
        yield _Json()
    elif not on_terminal():
        yield _Lines()
    else:
        with _bars() as bars:
            yield _Live(bars, total, expected())


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

    def __init__(self, bars: Bars, total: int, expected: Mapping[str, int]) -> None:
        self._bars = bars
        self._expected = expected
        self._tasks: dict[str, TaskID] = {}
        self._ended: set[str] = set()
        self._lock = threading.Lock()
        self._all = bars.add_task("all endpoints", total=total, phase="", pages=0, visible=total > 1)

    def progress(self, at: Progress) -> None:
        with self._lock:
            if at.endpoint in self._ended:
                return
            if at.endpoint not in self._tasks:
                self._tasks[at.endpoint] = self._bars.add_task(at.endpoint, total=None, phase=at.phase, pages=0)
            # What a feed tells is no part of what there is; a store that has grown has no known total any more.
            known = self._expected.get(at.endpoint, 0) if at.pages else 0
            total = known if known > at.files else None
            task = self._tasks[at.endpoint]
            self._bars.update(task, completed=at.files, total=total, phase=at.phase, pages=at.pages)

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


def counts(files: float, total: float | None, pages: int, speed: float | None) -> str:
    """Return how far a listing is.

    >>> counts(1500, 6000, 2, 500.0), counts(7, None, 0, None)
    ('1,500 of about 6,000 files  500/s  2 pages  about 9.0 s left', '7 files')
    """
    parts = [f"{files:,.0f} of about {total:,.0f} files" if total else f"{files:,.0f} files"]
    parts += [f"{speed:,.0f}/s"] if speed else []
    parts += [plural(pages, "page")] if pages else []
    parts += [f"about {duration((total - files) / speed)} left"] if total and speed else []
    return "  ".join(parts)


def _bars() -> Bars:
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Count(ProgressColumn):
        """How many entries, pages, and how fast; how long it will take where a former total is known.

        For all endpoints, how many ended.
        """

        def render(self, task: Task) -> Text:
            if not task.fields["phase"]:
                return Text(f"{task.completed:,.0f} of {task.total or 0:,.0f}")
            return Text(counts(task.completed, task.total, task.fields["pages"], task.speed), style="cyan")

    return Bars(
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold", markup=False),
        TextColumn("{task.fields[phase]}", style="dim", markup=False),
        Count(),
        TimeElapsedColumn(),
        console=console(),
        transient=True,
    )
