"""The guard: what a sync may not do to an inventory without somebody's word.

Pure policy. A sync that trips it is held: nothing of it is visible in `files` until it is approved, or until a later
clean listing passes. Removals are counted net of moves (a renamed folder is no mass delete).
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from filesync_dagster.core.model import ChangeCounts

UNTOUCHED = "Nothing was changed:"
"""After the reason, before how to decide: how the error of a held sync goes on."""

ALL_CHANGED_MIN_FILES = 10
"""Below this many files, "everything changed" is an ordinary day."""


class GuardLimits(BaseModel):
    """The `guard:` block of an endpoint."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(default=True, description="Set to false to commit whatever a listing says.")
    max_removed_percent: float = Field(
        default=50,
        ge=0,
        le=100,
        description="Hold a sync that would remove more than this share of the files, net of moves.",
    )
    max_removed: int = Field(
        default=10_000,
        ge=0,
        description="Hold a sync that would remove more than this many files, net of moves.",
    )
    hold_when_empty: bool = Field(
        default=True,
        description="Hold a sync after which an endpoint, or a whole scope of it, that had files would have none.",
    )
    hold_when_all_changed: bool = Field(
        default=True,
        description=f"Hold a sync that would modify every file at once (from {ALL_CHANGED_MIN_FILES} files on).",
    )


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a sync is about to do. Counts of live files, folders left out."""

    before: int
    after: int
    changes: ChangeCounts
    location_changed: bool
    emptied: tuple[str, ...] = ()  # scopes, of several, that had files and would have none
    unproved: int = 0  # updates for which only a time speaks, which a backup or `chown` moves as well


def objections(limits: GuardLimits, proposal: Proposal) -> list[str]:
    """Return why the proposal must not be committed unseen, one sentence each; empty when it may.

    >>> objections(GuardLimits(), Proposal(100, 40, ChangeCounts(removed=60), location_changed=False))
    ['It would remove 60 of 100 files (60 %, the limit is 50 %).']
    """
    if not limits.enabled or proposal.before == 0:
        return []
    changes, before = proposal.changes, proposal.before
    found = []
    percent = 100 * changes.removed / before
    if percent > limits.max_removed_percent:
        found.append(
            f"It would remove {changes.removed:,} of {before:,} files "
            f"({percent:.3g} %, the limit is {limits.max_removed_percent:g} %).",
        )
    if changes.removed > limits.max_removed:
        found.append(f"It would remove {changes.removed:,} files (the limit is {limits.max_removed:,}).")
    went = changes.removed + (changes.left_scope if proposal.location_changed else 0)
    if limits.hold_when_empty and proposal.after == 0 and went:
        found.append(f"It would leave none of {before:,} files.")
    if limits.hold_when_empty and proposal.after and proposal.emptied:
        scopes = ", ".join(map(repr, proposal.emptied[:3])) + (" and others" if len(proposal.emptied) > 3 else "")  # noqa: PLR2004
        found.append(f"It would leave no file in {scopes}.")
    if (
        limits.hold_when_all_changed
        and before >= ALL_CHANGED_MIN_FILES
        and changes.updated - proposal.unproved >= before
    ):
        found.append(f"It would mark all {before:,} files as changed at once.")
    return found
