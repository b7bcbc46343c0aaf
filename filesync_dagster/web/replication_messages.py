"""The JSON of replications: how they are doing, plans, operations, problems, files."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from filesync_dagster.web.cursors import PageQuery
from filesync_dagster.web.messages import Body, ReplicationState
from filesync_dagster.web.row_messages import NEXT

MAX_ID = 2**31 - 1


def _whole(value: Any) -> Any:
    """Return a number as JSON means it: 12.0 is 12."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]


class ReplicationStates(Body):
    """Every replication, in the order of endpoints.yaml."""

    replications: list[ReplicationState]


class PlanOrder(BaseModel):
    """What is compared for a preview."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    scope: Literal["initial", "incremental", "full", "reconcile"] | None = Field(
        default=None,
        description="Everything (`initial` and `reconcile`: with a listing of the destination), or what "
        "changed; what has to be, when left out.",
    )
    limit: Whole = Field(default=50, ge=0, le=1000, description="Operations that are listed.")


class PlanProblemOut(Body):
    """A file that cannot be copied."""

    kind: str
    paths: list[str]
    sentence: str


class PlannedOperation(Body):
    """What would be done to one file."""

    op: str
    path: str
    new_path: str | None
    size: int | None
    external_id: str


class PlanPreviewOut(Body):
    """What a run would do now, or what the held plan would."""

    replication: str
    plan_id: int | None = Field(description="Of the plan that is held; for `approve` and `reject`.")
    scope: str
    counts: dict[str, int]
    objections: list[str] = Field(description="Of the guard: it would be held.")
    problems: list[PlanProblemOut]
    operations: list[PlannedOperation] = Field(description="The first of them.")
    missing: int = Field(description="Files of ours that somebody took away from the destination.")
    changed: int = Field(description="Files of ours that somebody changed there.")


class PlanOut(Body):
    """A plan that was written."""

    id: int
    scope: str
    status: str = Field(
        description="`planned`, `held`, `running`, `completed`, `partial`, `failed`, `superseded` or `rejected`."
    )
    counts: dict[str, int]
    bytes: int = Field(description="To send.")
    guard_reason: str | None
    run_id: str | None = Field(description="Of the Dagster run that made it.")
    created_at: datetime
    finished_at: datetime | None


class PlanList(Body):
    """A page of plans, newest first."""

    items: list[PlanOut]
    next_cursor: str | None = NEXT


class OperationsQuery(PageQuery):
    """Which operations of a plan."""

    state: list[Literal["planned", "running", "done", "failed", "stale", "skipped", "foreign"]] = Field(
        default=[], description="Only in these states; may be repeated."
    )


class OperationOut(Body):
    """What was to be done to one file, and what became of it."""

    position: int
    op: str
    external_id: str
    path: str
    new_path: str | None
    size: int | None
    state: str
    attempts: int
    bytes_done: int
    error: str | None


class OperationList(Body):
    """A page of operations, in the order of the plan."""

    items: list[OperationOut]
    next_cursor: str | None = NEXT


class ProblemOut(Body):
    """A file that is not at the destination as it should be."""

    external_id: str
    kind: str = Field(description="`collision`, `name`, `failed`, `stale`, `foreign`, …")
    path: str
    sentence: str
    times: int = Field(description="Runs in a row that met it.")
    since: datetime | None


class ProblemList(Body):
    """A page of problems, by path."""

    items: list[ProblemOut]
    next_cursor: str | None = NEXT


class ReplicaFile(Body):
    """A file that the destination has from us."""

    path: str
    external_id: str
    kind: str
    size: int | None
    source_version: str | None
    content_hash: str | None
    dest_version: str | None
    dest_hash: str | None
    internal_id: str | None
    verified: str | None = Field(description="How it is known to be right: `hash`, `readback`, `size`, `acknowledged`.")
    permissions: str | None
    written_at: datetime | None

    @classmethod
    def of(cls, row: dict[str, Any]) -> "ReplicaFile":
        """Return what is told of a row of replica_files."""
        return cls(path=row["dest_path"], **{name: row[name] for name in cls.model_fields if name != "path"})


class ReplicaFileList(Body):
    """A page of the files of a replica, by path."""

    items: list[ReplicaFile]
    next_cursor: str | None = NEXT


class PlanDecision(BaseModel):
    """Which plan is decided on."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    plan_id: Whole = Field(ge=1, le=MAX_ID, description="Of what was looked at; when another one is held by now, 409.")


class RejectedPlan(Body):
    """A held plan that was thrown away."""

    replication: str
    plan_id: int
