"""Which of Dagster's runs a wish is about: those that a name means, that sync something now, that are worth a retry."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from filesync_dagster.core.errors import DagsterRefused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from filesync_dagster.orchestration.client import DagsterRun

SHORTEST_PREFIX_LETTERS = 4
"""Characters of a run's id that are enough to mean it, when no other begins with them."""


def find_run(runs: Iterable[DagsterRun], prefix: str) -> DagsterRun:
    """Return the run whose id begins so. Raises DagsterRefused."""
    found = [run for run in runs if run.id.startswith(prefix)] if len(prefix) >= SHORTEST_PREFIX_LETTERS else []
    if len(found) == 1:
        return found[0]
    what = "No run's id begins with" if not found else f"{len(found)} runs' ids begin with"
    raise DagsterRefused(f"{what} {prefix!r}.", hint="`filesync jobs status` shows them; write more of it.")


def endpoints_of(run: DagsterRun, endpoints: Iterable[str]) -> set[str]:
    """Return which endpoints a run syncs; `endpoints` are the active ones, which a run of the whole job means."""
    return set(endpoints) if run.whole_job else set(run.endpoints)


def past_day(run: DagsterRun, today: str) -> str | None:
    """Return the day that a run rebuilds; None when it syncs what is there now."""
    return None if run.is_live or run.partition in (None, today) else run.partition


def active_by_endpoint(
    runs: Iterable[DagsterRun],
    endpoints: Sequence[str],
    today: str,
    done: Mapping[str, Iterable[str]] = MappingProxyType({}),
) -> dict[str, DagsterRun]:
    """Return which endpoints a run that is not over yet syncs, or will, and which run that is.

    `done`: by the id of a run, what it is done with: it may go on for hours with another endpoint. One that rebuilds a
    past day is in nobody's way.
    """
    return {
        name: run
        for run in runs
        if not run.is_finished and past_day(run, today) is None
        for name in endpoints_of(run, endpoints) - set(done.get(run.id, ()))
        if name in endpoints
    }


def retryable(runs: Iterable[DagsterRun], endpoints: Sequence[str], today: str) -> list[DagsterRun]:
    """Return the failed runs that no later run has overtaken; `runs` are newest first, and so is what comes back.

    A later sync of the same endpoints, or one of the same past day, did, or will do, what a retry would.
    """
    found: list[DagsterRun] = []
    overtaken: set[tuple[str | None, str]] = set()
    repeated: set[str | None] = set()
    for run in runs:
        syncs = {(past_day(run, today), name) for name in endpoints_of(run, endpoints)}
        if run.status == "FAILURE" and run.id not in repeated and syncs - overtaken:
            found.append(run)
        if run.status != "CANCELED":
            overtaken |= syncs
            repeated.add(run.parent)  # what it left undone
    return found
