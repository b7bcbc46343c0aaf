"""The nouns of replication: operations, plans and what came of them. Free of Arrow, as `core.model` is."""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from filesync_dagster.core import clock


class OperationKind(StrEnum):
    """What is done to one file, in the order in which a plan does it."""

    MOVE = "move"
    ADOPT = "adopt"  # it is there already: a row in `replica_files`, nothing sent
    FOLDER = "folder"  # a folder that is made
    CREATE = "create"
    UPDATE = "update"
    PERMISSIONS = "permissions"
    DELETE = "delete"


class OperationState(StrEnum):
    """How far an operation has come."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STALE = "stale"  # the source is another version by now: the next sync will tell
    SKIPPED = "skipped"  # not wanted any more, or nothing that can be copied
    FOREIGN = "foreign"  # something is in the way that is not ours: untouched


OPEN = frozenset({OperationState.PLANNED, OperationState.RUNNING})
"""States of operations that still have to be done."""


class PlanStatus(StrEnum):
    """How far a plan has come."""

    PLANNED = "planned"
    HELD = "held"  # the guard wants a person's word
    RUNNING = "running"
    COMPLETED = "completed"
    PARTIAL = "partial"  # some operations failed, are stale or foreign
    FAILED = "failed"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"


class PlanScope(StrEnum):
    """Which files a plan compared."""

    INITIAL = "initial"  # all, and what lies at the destination already
    INCREMENTAL = "incremental"  # those that the journal names
    FULL = "full"  # all of them
    RECONCILE = "reconcile"  # all, against a listing of the destination


@dataclass(frozen=True, slots=True)
class PlanProblem:
    """A file that a plan cannot do anything about, and why. Others go on."""

    kind: str  # collision | name | skipped | size
    paths: tuple[str, ...]  # of the source
    sentence: str


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """What a plan would do, in numbers. Files, but for `folders`."""

    created: int = 0
    updated: int = 0
    moved: int = 0
    deleted: int = 0
    permissions: int = 0
    adopted: int = 0
    folders: int = 0
    skipped: int = 0  # nothing to copy: shortcuts, documents without bytes
    impossible: int = 0  # names, sizes and collisions: errors of the plan
    kept: int = 0  # not desired any more, and not to be deleted: left the scope, or deletions are off
    bytes: int = 0  # to send

    @property
    def operations(self) -> int:
        """How many operations that is."""
        return self.created + self.updated + self.moved + self.deleted + self.permissions + self.adopted + self.folders


@dataclass(frozen=True, slots=True)
class ReplicationResult:
    """What a run of a replication came to, as `filesync replicate --json` prints it."""

    replication: str
    status: str  # completed | partial | held | failed | skipped
    plan_id: int | None
    scope: PlanScope
    started_at: datetime
    duration_seconds: float
    created: int = 0
    updated: int = 0
    moved: int = 0
    deleted: int = 0
    permissions: int = 0
    adopted: int = 0
    skipped: int = 0
    failed: int = 0
    stale: int = 0
    foreign: int = 0
    bytes_sent: int = 0
    files_total: int = 0  # in the replica after it
    replica_lag_seconds: float | None = None  # how old the sync is that the replica equals
    verified_by_hash: int = 0  # of files_total
    error: str | None = None
    warnings: tuple[str, ...] = ()
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it under the names that `--json`, the asset metadata and the log share."""
        found = asdict(self)
        return found | {
            "scope": self.scope.value,
            "started_at": self.started_at.isoformat(),
            "warnings": list(self.warnings),
        }


def failed_replication(name: str, sentence: str) -> ReplicationResult:
    """Return the result of a replication that could not even begin."""
    return ReplicationResult(name, "failed", None, PlanScope.INCREMENTAL, clock.utc_now(), 0.0, error=sentence)
