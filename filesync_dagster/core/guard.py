"""The guard: what a sync may not do to an inventory without somebody's word.

Pure policy. A sync that trips it is held: nothing of it is visible in `files` until it is approved, or until a later
clean listing passes. Removals are counted net of moves (a renamed folder is no mass delete). What happens in slices
counts together: the guard remembers the most files that there were within a window, since somebody last confirmed what
it held.
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
    window_hours: float = Field(
        default=24,
        ge=0,
        le=8760,
        description="Removals count together, however many syncs they come in: also compare with the most files that "
        "there were in so many hours. 0: each sync by itself.",
    )
    allow_rescope: bool = Field(
        default=False,
        description="Commit an edit of the filters or of the place though it lets half of the files, or all, leave the "
        "inventory. Otherwise such a sync is held.",
    )
    hold_when_all_changed: bool = Field(
        default=True,
        description=f"Hold a sync that would modify every file at once (from {ALL_CHANGED_MIN_FILES} files on).",
    )


@dataclass(frozen=True, slots=True)
class Peak:
    """The most files that there were within the guard's window, and how many have left the scope since."""

    files: int = 0
    left_scope: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a sync is about to do. Counts of live files, folders left out."""

    before: int
    after: int
    changes: ChangeCounts
    rescoped: bool = False  # filters or place are not those of the last commit
    emptied: tuple[str, ...] = ()  # scopes, of several, that had files and would have none
    unproved: int = 0  # updates for which only a time speaks, which a backup or `chown` moves as well
    peak: Peak = Peak()

    @property
    def most(self) -> int:
        """The most files that there were, by now or within the window."""
        return max(self.before, self.peak.files)

    @property
    def left_scope(self) -> int:
        """How many of these left the scope, with this sync."""
        earlier = self.peak.left_scope if self.peak.files > self.before else 0
        return self.changes.left_scope + earlier

    @property
    def removed(self) -> int:
        """How many of these were removed, with this sync, and not made up for by others."""
        return max(0, self.most - self.after - self.left_scope)


def objections(limits: GuardLimits, proposal: Proposal) -> list[str]:
    """Return why the proposal must not be committed unseen, one sentence each; empty when it may.

    >>> objections(GuardLimits(), Proposal(100, 40, ChangeCounts(removed=60)))
    ['It would remove 60 of 100 files (60 %, the limit is 50 %).']
    """
    if not limits.enabled or proposal.before == 0:
        return []
    changes, before = proposal.changes, proposal.before
    found = _of_removals(limits, proposal) or _of_slices(limits, proposal)
    if limits.hold_when_empty and proposal.after == 0 and changes.removed:
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
    return found + _of_scope(limits, proposal)


def _of_removals(limits: GuardLimits, proposal: Proposal) -> list[str]:
    """Return what this sync alone removes too much."""
    removed, before, found = proposal.changes.removed, proposal.before, []
    percent = 100 * removed / before
    if percent > limits.max_removed_percent:
        found.append(
            f"It would remove {removed:,} of {before:,} files "
            f"({percent:.3g} %, the limit is {limits.max_removed_percent:g} %).",
        )
    if removed > limits.max_removed:
        found.append(f"It would remove {removed:,} files (the limit is {limits.max_removed:,}).")
    return found


def _of_slices(limits: GuardLimits, proposal: Proposal) -> list[str]:
    """Return what it removes too much together with the syncs before it."""
    gone, most = proposal.removed, proposal.most
    if not proposal.changes.removed or most <= proposal.before:
        return []
    percent = 100 * gone / most
    limit = (
        f"{percent:.3g} %, the limit is {limits.max_removed_percent:g} %"
        if percent > limits.max_removed_percent
        else f"the limit is {limits.max_removed:,}"
    )
    if percent <= limits.max_removed_percent and gone <= limits.max_removed:
        return []
    return [
        (
            f"It would remove {proposal.changes.removed:,} of {proposal.before:,} files; with the syncs of the last "
            f"{limits.window_hours:g} hours that makes {gone:,} of {most:,} ({limit})."
        )
    ]


def _of_scope(limits: GuardLimits, proposal: Proposal) -> list[str]:
    """Return what leaves by an edit of the filters or of the place, or because it lies elsewhere by now."""
    left, changes = proposal.left_scope, proposal.changes
    if not left or not (changes.left_scope or changes.removed) or (limits.allow_rescope and proposal.rescoped):
        return []
    gone = max(left, proposal.most - proposal.after)
    if proposal.after and 2 * gone < proposal.most:
        return []
    why = "by its filters and its place as they are now" if proposal.rescoped else "because they lie elsewhere by now"
    also = "" if gone == left else f"; {gone - left:,} others would be gone, too"
    then = "none" if not proposal.after else f"{proposal.after:,}"
    return [
        (
            f"{left:,} of {proposal.most:,} files would leave the inventory {why}{also}. It would have {then}. "
            "If that is meant, approve it, or set `guard: {allow_rescope: true}`."
        )
    ]
