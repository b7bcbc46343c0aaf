"""What is shown while replications run: bars with files, bytes, rate and time left; lines elsewhere; JSON."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from filesync_dagster.cli.text import console, duration, on_terminal, plural, printable, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from filesync_dagster.replication.model import ReplicationResult
    from filesync_dagster.replication.progress import ReplicationProgress

DONE = {
    "created": "created",
    "updated": "updated",
    "moved": "moved",
    "deleted": "deleted",
    "permissions": "with other permissions",
    "adopted": "there already",
}
RATE_FROM_BYTES = 10_000_000
"""Of less than this a rate says nothing."""

LEFT = {"failed": "failed", "stale": "changed meanwhile", "foreign": "not ours, left alone", "skipped": "skipped"}


class ReplicationDisplay(Protocol):
    """Takes what happens, in any thread (`progress`) and in the caller's (`result`)."""

    def progress(self, at: ReplicationProgress) -> None:
        """Take how far a replication is."""

    def result(self, result: ReplicationResult) -> None:
        """Take how one ended."""


@contextmanager
def display_replications(*, as_json: bool) -> Iterator[ReplicationDisplay]:
    """Show replications in the way that fits where standard output goes."""
    if as_json:
        yield _JsonReplications()
    elif not on_terminal():
        yield _ReplicationLines()
    else:
        with _bars() as bars:
            yield _ReplicationBars(bars)


def summary_of(result: ReplicationResult) -> str:
    """Return one line about a run, without its error."""
    parts = [f"{getattr(result, name):,} {word}" for name, word in DONE.items() if getattr(result, name)]
    parts += [f"{getattr(result, name):,} {word}" for name, word in LEFT.items() if getattr(result, name)]
    parts = parts or ["nothing to do"]
    if result.bytes_sent:
        parts.append(_bytes_of(result))
    if not result.dry_run and result.status in {"completed", "partial"}:
        parts.append(f"the replica has {plural(result.files_total, 'file')}")
    word = f"{result.status}, planned only" if result.dry_run else result.status
    return f"{result.replication}: {word}, {', '.join(parts)}, {duration(result.duration_seconds)}"


def _bytes_of(result: ReplicationResult) -> str:
    count = size(result.bytes_sent)
    if result.dry_run:
        return f"{count} to send"
    rate = int(result.bytes_sent / max(result.duration_seconds, 0.001))
    return f"{count} sent" + (f" at {size(rate)}/s" if result.bytes_sent >= RATE_FROM_BYTES else "")


def complaints_of(result: ReplicationResult) -> list[str]:
    """Return what belongs on standard error about a run, one sentence a line."""
    name = result.replication
    lines = [f"Warning: {name}: {warning}" for warning in result.warnings[:10]]
    if len(result.warnings) > 10:  # noqa: PLR2004 - a screen has an end
        lines.append(f"Warning: {name}: and {len(result.warnings) - 10} more of these.")
    error = " ".join((result.error or "").split("\n"))
    if result.status == "held":
        how = f"`filesync plan {name}` shows it; decide with `filesync approve {name}` or `filesync reject {name}`."
        lines.append(f"Held: {name}: {error} Nothing was done. {'' if result.dry_run else how}".rstrip())
    elif result.status == "failed":
        lines.append(f"Error: {name}: {error or 'it failed.'}")
    elif result.status == "skipped":
        lines.append(f"Skipped: {name}: {error}")
    elif error:
        lines.append(f"Warning: {name}: {error}")
    return [printable(line) for line in lines]


class _JsonReplications:
    def progress(self, at: ReplicationProgress) -> None:
        pass

    def result(self, result: ReplicationResult) -> None:
        click.echo(json.dumps(result.as_dict(), ensure_ascii=True))
        for line in complaints_of(result):
            click.echo(line, err=True)


class _ReplicationLines:
    def progress(self, at: ReplicationProgress) -> None:
        pass

    def result(self, result: ReplicationResult) -> None:
        click.echo(printable(summary_of(result)))
        for line in complaints_of(result):
            click.echo(line, err=True)


class _ReplicationBars:
    """A bar for each replication that runs; what has ended scrolls up."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()

    def progress(self, at: ReplicationProgress) -> None:
        with self._lock:
            if at.replication not in self._tasks:
                self._tasks[at.replication] = self._bars.add_task(
                    at.replication, total=None, phase=at.phase, files=0, all_files=0
                )
            self._bars.update(
                self._tasks[at.replication],
                completed=at.bytes_done,
                total=at.bytes_total or None,
                phase=at.phase,
                files=at.files_done,
                all_files=at.files_total,
            )

    def result(self, result: ReplicationResult) -> None:
        from rich.text import Text

        from filesync_dagster.cli.progress import COLOURS, MARKS

        with self._lock:
            if result.replication in self._tasks:
                self._bars.remove_task(self._tasks.pop(result.replication))
        name, _, rest = printable(summary_of(result)).partition(": ")
        mark, colour = MARKS[result.status], COLOURS[result.status]
        self._bars.console.print(Text.assemble((f"{mark} ", colour), (name, "bold"), f"  {rest}"), soft_wrap=True)
        for complaint in complaints_of(result):
            self._bars.console.print(Text(f"  {complaint}", style=colour), soft_wrap=True)


def transfer_counts(files: tuple[int, int], sent: tuple[float, float | None], speed: float | None) -> str:
    """Return how far a transfer is.

    >>> transfer_counts((3, 10), (2e6, 8e6), 1e6)
    '3 of 10 files  2.0 MB of 8.0 MB  1.0 MB/s  about 6.0 s left'
    """
    done, total = sent
    parts = [f"{files[0]:,} of {files[1]:,} files"] if files[1] else []
    parts += [f"{size(int(done))} of {size(int(total))}" if total else size(int(done))] if done else []
    parts += [f"{size(int(speed))}/s"] if speed else []
    parts += [f"about {duration((total - done) / speed)} left"] if total and speed and total > done else []
    return "  ".join(parts)


def _bars() -> Bars:
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class TransferColumn(ProgressColumn):
        """Files, bytes, how fast, and how long it will take."""

        def render(self, task: Task) -> Text:
            files = (task.fields["files"], task.fields["all_files"])
            return Text(transfer_counts(files, (task.completed, task.total), task.speed), style="cyan")

    return Bars(
        SpinnerColumn(),
        TextColumn("{task.description}", style="bold", markup=False),
        TextColumn("{task.fields[phase]}", style="dim", markup=False),
        BarColumn(bar_width=20),
        TransferColumn(),
        TimeElapsedColumn(),
        console=console(),
        transient=True,
    )
