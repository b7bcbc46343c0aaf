"""What came of a sync, as a person and a script learn it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.cli.text import duration, plural, printable, size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from filesync_dagster.core.model import SyncResult

FAILED, HELD = 1, 3


def exit_code(statuses: Iterable[str]) -> int:
    """Return what a script learns from the statuses of all syncs.

    >>> exit_code(["completed", "partial"]), exit_code(["completed", "held"]), exit_code(["held", "failed"])
    (0, 3, 1)
    """
    seen = set(statuses)
    return FAILED if seen & {"failed", "skipped"} else HELD if "held" in seen else 0


def count_changes(numbers: Mapping[str, int]) -> str:
    """Return the changes of a sync in words; `numbers` is `SyncResult.as_dict()` or has its files_… keys.

    >>> count_changes({"files_added": 2, "files_removed": 1200})
    '2 added, 1,200 removed'
    """
    from filesync_dagster.core.model import NUMBERS

    words = {number.name: number.change for number in NUMBERS if number.change}
    return ", ".join(f"{numbers[key]:,} {word}" for key, word in words.items() if numbers.get(key)) or "no changes"


def summary(result: SyncResult) -> str:
    """Return one line about a sync, without its error."""
    took = duration(result.duration_seconds)
    if result.status.value == "failed":
        return f"{result.endpoint}: failed after {took}"
    if result.status.value == "skipped":
        return f"{result.endpoint}: skipped"
    if result.status.value == "held":
        return f"{result.endpoint}: held, {count_changes(result.as_dict())} wait for a decision, {took}"
    total = f"{plural(result.files_total, 'file')}, {size(result.bytes_total)}"
    return f"{result.endpoint}: {result.status.value}, {count_changes(result.as_dict())}, {total}, {took}"


def complaints(result: SyncResult) -> list[str]:
    """Return what belongs on standard error about a sync, one sentence a line."""
    name = result.endpoint
    lines = [f"Warning: {name}: {warning}" for warning in result.warnings]
    error = " ".join((result.error or "").split("\n"))
    if result.status.value == "failed":
        lines.append(f"Error: {name}: {error or 'the sync failed.'}")
    elif result.status.value == "skipped":
        lines.append(f"Skipped: {name}: {error}")  # ends with what to do
    elif result.status.value == "held":
        lines.append(f"Held: {name}: {error}")  # ends with how to decide
    elif result.status.value == "partial" and error:
        lines.append(f"Warning: {name}: {error}")
    elif result.status.value == "partial" and not result.warnings:
        lines.append(f"Warning: {name}: something could not be read, so nothing was removed there.")
    return [printable(line) for line in lines]
