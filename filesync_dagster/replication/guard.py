"""The guard of replications: what a plan may not do to a destination without somebody's word. Pure."""

from typing import Final

from filesync_dagster.config import Replication
from filesync_dagster.replication.model import PlanCounts

ALL_UPDATED_MIN_FILES: Final = 10
"""Below so many files, "everything is updated" is an ordinary day."""


def objections(replication: Replication, counts: PlanCounts, *, before: int) -> list[str]:
    """Return why a plan must not be done unseen, one sentence each; empty when it may.

    `before`: how many files the replica has.
    """
    limits = replication.guard
    if not limits.enabled:
        return []
    found = []
    if replication.delete == "with_guard" and counts.deleted:
        percent = 100 * counts.deleted / max(before, 1)
        if counts.deleted >= before > 0 and not counts.created:
            found.append(f"It would leave none of {before:,} files at the destination.")
        elif percent > limits.max_removed_percent:
            found.append(
                f"It would delete {counts.deleted:,} of {before:,} files ({percent:.3g} %, the limit is "
                f"{limits.max_removed_percent:g} %)."
            )
        if counts.deleted > limits.max_removed:
            found.append(f"It would delete {counts.deleted:,} files (the limit is {limits.max_removed:,}).")
    if counts.bytes > limits.max_bytes:
        found.append(f"It would send {counts.bytes:,} bytes (the limit is {int(limits.max_bytes):,}).")
    if before >= ALL_UPDATED_MIN_FILES and counts.updated >= before:
        found.append(f"It would overwrite all {before:,} files at once.")
    return found
