"""Which of Dagster's runs a wish is about: those that a name means, that sync something now, that are worth a retry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from filesync_dagster.errors import DagsterRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from filesync_dagster.serving.dagster_client import DagsterRun

SHORTEST = 4
"""Characters of a run's id that are enough to mean it, when no other begins with them."""


def named(runs: Iterable[DagsterRun], prefix: str) -> DagsterRun:
    """Return the run whose id begins so. Raises DagsterRefused."""
    found = [run for run in runs if run.id.startswith(prefix)] if len(prefix) >= SHORTEST else []
    if len(found) == 1:
        return found[0]
    what = "No run's id begins with" if not found else f"{len(found)} runs' ids begin with"
    raise DagsterRefused(f"{what} {prefix!r}.", hint="`filesync jobs status` shows them; write more of it.")


def asked(run: DagsterRun, endpoints: Iterable[str]) -> set[str]:
    """Return which endpoints a run syncs; `endpoints` are the active ones, which a run of the whole job means."""
    return set(endpoints) if run.whole_job else set(run.endpoints)


def busy(runs: Iterable[DagsterRun], endpoints: Sequence[str]) -> dict[str, DagsterRun]:
    """Return which endpoints a run that is not over yet syncs, or will, and which run that is."""
    return {name: run for run in runs if not run.is_finished for name in endpoints if name in asked(run, endpoints)}


def worth_another_try(runs: Iterable[DagsterRun], endpoints: Sequence[str]) -> list[DagsterRun]:
    """Return the failed runs that no later run has overtaken; `runs` are newest first, and so is what comes back.

    A later sync of the same endpoints did, or will do, what a retry would.
    """
    found: list[DagsterRun] = []
    overtaken: set[str] = set()
    repeated: set[str | None] = set()
    for run in runs:
        names = asked(run, endpoints)
        if run.status == "FAILURE" and run.id not in repeated and names - overtaken:
            found.append(run)
        if run.status != "CANCELED":
            overtaken |= names
            repeated.add(run.parent)  # what it left undone
    return found
