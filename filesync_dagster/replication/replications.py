"""The replications of a configuration, as `Filesync.replications` has them.

>>> from filesync_dagster import Filesync                                             # doctest: +SKIP
>>> with Filesync.open("endpoints.yaml") as fs:                                       # doctest: +SKIP
...     print(fs.replications.plan("eng_to_archive").counts)
...     print(fs.replications.replicate("eng_to_archive"))
"""

import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filesync_dagster.config import Replication
from filesync_dagster.core.batches import RecordBatches
from filesync_dagster.core.model import ConnectionReport, Meter
from filesync_dagster.replication.model import PlanCounts, PlanProblem, PlanScope, ReplicationResult, failed_replication
from filesync_dagster.replication.progress import Watch, ignore
from filesync_dagster.replication.status import ReplicationStatus, replication_statuses
from filesync_dagster.sync.pool import run_each
from filesync_dagster.sync.runtime import Runtime

if TYPE_CHECKING:
    from filesync_dagster.storage.database.plans import OperationRow, PlanRow
    from filesync_dagster.storage.database.replications import ProblemRecord

SHOWN_OPERATIONS = 50
"""Operations of a plan that are shown unless more are asked for."""


@dataclass(frozen=True, slots=True)
class PlanPreview:
    """What a replication would do now, or what its held plan would."""

    replication: str
    scope: PlanScope
    counts: PlanCounts
    objections: tuple[str, ...]  # of the guard: it would be held
    problems: tuple[PlanProblem, ...]  # files that cannot be copied
    operations: tuple[dict[str, Any], ...]  # the first of them
    plan_id: int | None = None  # of one that is held already
    missing: int = 0  # files of ours that somebody took away from the destination
    changed: int = 0  # files of ours that somebody changed there

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        from dataclasses import asdict

        return asdict(self) | {"scope": self.scope.value}


class Replications:
    """See the module's docstring. Methods may be called from several threads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def _named(self, name: str) -> Replication:
        return self._runtime.config.replication(name)

    def names(self) -> list[str]:
        """Return the names of all that are configured."""
        return [replication.name for replication in self._runtime.config.replications]

    def status(self) -> list[ReplicationStatus]:
        """Return how each is doing."""
        return replication_statuses(self._runtime)

    def plan(self, name: str, *, scope: PlanScope | None = None, limit: int | None = SHOWN_OPERATIONS) -> PlanPreview:
        """Return what a run would do now; nothing is written. `limit`: operations that are listed, None: all.

        Raises UnknownEndpoint, ConfigError, NothingKnown, SourceError, DatabaseError.
        """
        from filesync_dagster.replication.run import draft_plan

        with draft_plan(self._runtime, self._named(name), scope) as draft:
            operations: list[dict[str, Any]] = []
            for batch in draft.records():
                operations += batch if limit is None else batch[: limit - len(operations)]
                if limit is not None and len(operations) >= limit:
                    break
            return PlanPreview(
                name,
                draft.scope,
                draft.counts,
                draft.objections,
                draft.problems,
                tuple(operations),
                missing=draft.missing,
                changed=draft.changed,
            )

    def replicate(
        self,
        name: str,
        *,
        scope: PlanScope | None = None,
        dry_run: bool = False,
        run_id: str | None = None,
        on_progress: Watch = ignore,
        stop: threading.Event | None = None,
    ) -> ReplicationResult:
        """Bring a destination up to date. A store that fails gives a failed result, not an exception.

        Raises UnknownEndpoint, ConfigError, DatabaseError.
        """
        from filesync_dagster.replication.run import replicate

        return replicate(
            self._runtime,
            self._named(name),
            scope=scope,
            dry_run=dry_run,
            run_id=run_id,
            on_progress=on_progress,
            stop=stop,
        )

    def replicate_many(
        self, names: Sequence[str], replicate: Callable[[str], ReplicationResult] | None = None
    ) -> Generator[ReplicationResult]:
        """Run several at once, each result as it is there; an error becomes a failed one.

        `replicate` replaces the plain run of one. Closing the iterator begins no further one.
        """
        width = self._runtime.config.settings.concurrency
        return run_each(width, names, replicate or self.replicate, failed_replication)

    def held(self, name: str, *, limit: int = SHOWN_OPERATIONS) -> PlanPreview:
        """Return the plan that waits for a decision. Raises NothingHeld."""
        from filesync_dagster.replication.run import held_plan

        plan = held_plan(self._runtime, self._named(name))
        rows = self._runtime.metadata.plans.operations(plan.id, limit=limit)
        fields = (
            "op",
            "path",
            "new_path",
            "size",
            "external_id",
            "source_version",
            "expected_dest_version",
            "position",
        )
        return PlanPreview(
            name,
            PlanScope(plan.scope),
            PlanCounts(**plan.counts),
            (plan.guard_reason or "",),
            tuple(PlanProblem(one["kind"], tuple(one["paths"]), one["sentence"]) for one in plan.problems),
            tuple({field: getattr(row, field) for field in fields} for row in rows),
            plan.id,
        )

    def approve(
        self, name: str, *, plan_id: int | None = None, on_progress: Watch = ignore, stop: threading.Event | None = None
    ) -> ReplicationResult:
        """Do the plan that the guard held; with `plan_id`, that one and no other. Raises NothingHeld, PlanOutdated."""
        from filesync_dagster.replication.run import approve

        return approve(self._runtime, self._named(name), plan_id=plan_id, on_progress=on_progress, stop=stop)

    def reject(self, name: str, *, plan_id: int | None = None) -> int:
        """Throw away the plan that the guard held, with `plan_id` that one; return its id. Raises NothingHeld."""
        from filesync_dagster.replication.run import reject

        return reject(self._runtime, self._named(name), plan_id)

    def plans(self, name: str, *, limit: int = 100, before: int | None = None) -> "list[PlanRow]":
        """Return the plans of a replication, newest first; those that came before the one of an id."""
        return self._runtime.metadata.plans.of(self._id(name), limit=limit, before=before)

    def operations(
        self, name: str, plan_id: int, *, after: int = -1, limit: int = 1000, states: Sequence[str] | None = None
    ) -> "list[OperationRow]":
        """Return operations of a plan of a replication that follow a position, in their order."""
        plan = self._runtime.metadata.plans.get(plan_id)
        if plan is None or plan.replication_id != self._id(name):
            return []
        return self._runtime.metadata.plans.operations(plan_id, after=after, limit=limit, states=states)

    def problems(
        self, name: str, *, limit: int | None = None, after: tuple[str, str] | None = None
    ) -> "list[ProblemRecord]":
        """Return the files that could not be kept as they should, by path and id; those that follow `after`."""
        return self._runtime.metadata.replications.problems(self._id(name), limit=limit, after=after)

    def files(self, name: str, *, after: str | None = None, limit: int | None = None) -> RecordBatches:
        """Return what the destination has from us, by path: batch by batch, or `.to_pandas()`.

        `after`: only what follows a path.
        """
        from filesync_dagster.storage.database.replicas import STATE_SCHEMA

        replicas = self._runtime.metadata.replicas
        rows = replicas.files(self._id(name), schema=STATE_SCHEMA, by_path=True, after=after, limit=limit)
        return RecordBatches(rows, STATE_SCHEMA)

    def version(self, name: str) -> str:
        """Return the version of what the destination has from us: another one where anything is another."""
        from filesync_dagster.replication.digest import replica_version

        return replica_version(self._runtime, self._id(name))

    def export_state(self, name: str, target: Path) -> int:
        """Write what the destination has from us as a state file (CSV); return how many files."""
        from filesync_dagster.replication.state_files import write_replica_state

        return write_replica_state(self._runtime, self._id(name), target)

    def check(self, name: str) -> ConnectionReport:
        """Connect to the destination and tell what may be done there. Raises SourceError."""
        from filesync_dagster.replication.run import open_destination

        with closing(open_destination(self._runtime, self._named(name), Meter())) as destination:
            return destination.check()

    def _id(self, name: str) -> int:
        from filesync_dagster.replication.run import register

        return register(self._runtime, self._named(name))
