"""Plans of replications, their operations, and how far these have come.

What is done is written in batches, under the fencing token of the run: a crash between doing and writing is mended by
the next run, which finds at the destination what it was about to send.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, bindparam, cast, delete, func, insert, null, select, update

from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.replica_rows import ReplicaFileRecord, sum_replica, write_files
from filesync_dagster.storage.database.replications import update_of
from filesync_dagster.storage.database.tables import operations, plans, replications

UNFINISHED = ("planned", "running")
"""States of operations that still have to be done."""


@dataclass(frozen=True, slots=True)
class PlanRow:
    """A plan as its row has it."""

    id: int
    replication_id: int
    scope: str
    status: str
    from_seq: int
    to_seq: int
    as_of_sync_id: str | None
    as_of: datetime | None
    mode: str
    fingerprint: str
    counts: Mapping[str, int]
    problems: Sequence[Mapping[str, Any]]
    bytes: int
    guard_reason: str | None
    run_id: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class OperationRow:
    """An operation as its row has it."""

    id: int
    plan_id: int
    position: int
    op: str
    external_id: str
    path: str
    new_path: str | None
    size: int | None
    source_version: str | None
    expected_dest_version: str | None
    state: str
    attempts: int
    bytes_done: int
    resume: Mapping[str, Any] | None
    internal_id: str | None
    error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationOutcome:
    """What became of an operation, and what the replica has since."""

    id: int
    state: str
    error: str | None = None
    bytes_done: int = 0
    internal_id: str | None = None
    stored: ReplicaFileRecord | None = None  # the replica has this file now
    gone: str | None = None  # the external_id of a file that the replica has no more
    denied: bool = False  # it failed because it may not be
    counted_as: str | None = None  # where that is another operation than was planned


class PlanRepository:
    """See the module's docstring."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, lease: Lease, plan: Mapping[str, Any], rows: Iterable[Sequence[Mapping[str, Any]]]) -> int:
        """Write a plan and its operations, in batches; those that were not begun are superseded. Return its id."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            now = self._database.now(connection)
            _supersede(connection, lease, now)
            values = {**plan, "replication_id": lease.endpoint_id, "created_at": now}
            plan_id = int(connection.execute(insert(plans).returning(plans.c.id), values).scalar_one())
            same = {"plan_id": plan_id, "replication_id": lease.endpoint_id}
            for some in rows:
                connection.execute(insert(operations), [{**row, **same} for row in some])
            held = plan_id if plan["status"] == "held" else None
            state = {"held_plan_id": held, "updated_at": now} | ({"state": "held"} if held else {})
            connection.execute(update_of(lease).values(**state))
        return plan_id

    def get(self, plan_id: int) -> PlanRow | None:
        """Return a plan."""
        found = self.of(None, plan_id=plan_id)
        return found[0] if found else None

    def find_running(self, replication_id: int) -> PlanRow | None:
        """Return the plan whose operations a run has begun and not ended; None when there is none."""
        found = self.of(replication_id, status="running", limit=1)
        return found[0] if found else None

    def of(
        self,
        replication_id: int | None,
        *,
        plan_id: int | None = None,
        status: str | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[PlanRow]:
        """Return the plans of a replication, newest first: those that are older than the one whose id is `before`."""
        query = select(*(plans.c[name] for name in PlanRow.__dataclass_fields__)).order_by(plans.c.id.desc())
        if replication_id is not None:
            query = query.where(plans.c.replication_id == replication_id)
        if plan_id is not None:
            query = query.where(plans.c.id == plan_id)
        if status is not None:
            query = query.where(plans.c.status == status)
        if before is not None:
            query = query.where(plans.c.id < before)
        with self._database.read_transaction() as connection:
            return [PlanRow(*row) for row in connection.execute(query.limit(limit))]

    def operations(
        self,
        plan_id: int,
        *,
        states: Sequence[str] | None = None,
        after: int = -1,
        limit: int = 1000,
        kinds: Sequence[str] | None = None,
    ) -> list[OperationRow]:
        """Return operations of a plan in their order, those that follow a position."""
        column = operations.c
        query = select(*(column[name] for name in OperationRow.__dataclass_fields__)).where(
            column.plan_id == plan_id, column.position > after
        )
        if states is not None:
            query = query.where(column.state.in_(states))
        if kinds is not None:
            query = query.where(column.op.in_(kinds))
        with self._database.read_transaction() as connection:
            rows = connection.execute(query.order_by(column.position).limit(limit))
            return [OperationRow(*row) for row in rows]

    def begin(self, lease: Lease, plan_id: int) -> None:
        """Note that a plan is being done. Raises NothingHeld when it was superseded or decided meanwhile."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            waiting = (plans.c.id == plan_id, plans.c.status.in_(("planned", "held", "running")))
            if not connection.execute(update(plans).where(*waiting).values(status="running")).rowcount:
                raise NothingHeld(f"Plan {plan_id} of {lease.endpoint} waits no more.", hint="Plan again.")
            connection.execute(update_of(lease).values(held_plan_id=null(), updated_at=self._database.now(connection)))

    def begin_operations(self, lease: Lease, ids: Sequence[int]) -> None:
        """Note that operations are begun."""
        with self._database.write_transaction(fleeting=True) as connection:
            lease.fence(connection)
            now = self._database.now(connection)
            values = {"state": "running", "attempts": operations.c.attempts + 1, "started_at": now}
            for some in in_batches(ids, AT_ONCE):
                connection.execute(update(operations).where(operations.c.id.in_(some)).values(**values))

    def note_resume(self, lease: Lease, operation_id: int, resume: Mapping[str, Any], bytes_done: int) -> None:
        """Note how far an upload in parts has come."""
        with self._database.write_transaction(fleeting=True) as connection:
            lease.fence(connection)
            ours = update(operations).where(operations.c.id == operation_id)
            connection.execute(ours.values(resume=dict(resume), bytes_done=bytes_done))

    def finish_operations(self, lease: Lease, outcomes: Sequence[OperationOutcome]) -> None:
        """Write what became of operations, and the files that the replica has since, in one transaction."""
        with self._database.write_transaction(fleeting=True) as connection:
            lease.fence(connection)
            now = self._database.now(connection)
            _write_outcomes(connection, outcomes, now)
            stored = [one.stored for one in outcomes if one.stored is not None]
            gone = [one.gone for one in outcomes if one.gone is not None]
            write_files(connection, lease.endpoint_id, stored, gone, now)

    def finish(self, lease: Lease, plan_id: int | None, status: str, **state: Any) -> None:
        """End a plan, and note where the replication stands: columns of `replications`.

        What was held until then is superseded: everything was looked at since.
        """
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            now = self._database.now(connection)
            if plan_id is not None:
                ours = update(plans).where(plans.c.id == plan_id)
                connection.execute(ours.values(status=status, finished_at=now))
                _skip_rest(connection, plan_id, now)
            _supersede(connection, lease, now)
            state |= asdict(sum_replica(connection, lease.endpoint_id))
            connection.execute(update_of(lease).values(state=status, held_plan_id=null(), updated_at=now, **state))

    def reject_held(self, lease: Lease, plan_id: int | None = None) -> int:
        """Throw away the held plan, or `plan_id` if it is held; return its id. Raises NothingHeld."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            query = select(replications.c.held_plan_id).where(replications.c.id == lease.endpoint_id)
            held = connection.execute(query).scalar()
            if held is None or plan_id not in {None, held}:
                which = "no held plan" if held is None else f"another plan that is held, {held}"
                raise NothingHeld(f"Replication {lease.endpoint} has {which}.", hint="See `filesync status`.")
            now = self._database.now(connection)
            connection.execute(update(plans).where(plans.c.id == held).values(status="rejected", finished_at=now))
            _skip_rest(connection, int(held), now)
            connection.execute(update_of(lease).values(held_plan_id=null(), state="rejected", updated_at=now))
        return int(held)

    def abandoned_uploads(self, replication_id: int, before: datetime) -> list[OperationRow]:
        """Return operations that began an upload in parts before a moment, and whose plan nobody goes on with."""
        column = operations.c
        query = (
            select(*(column[name] for name in OperationRow.__dataclass_fields__))
            .join(plans, plans.c.id == column.plan_id)
            .where(column.replication_id == replication_id, column.started_at < before)
            .where(plans.c.status != "running", column.state != "done", cast(column.resume, Text).like("{_%"))
        )
        with self._database.read_transaction() as connection:
            rows = [OperationRow(*row) for row in connection.execute(query)]
        return [row for row in rows if row.resume]

    def forget_uploads(self, lease: Lease, ids: Sequence[int]) -> None:
        """Note that uploads in parts are gone from the destination."""
        with self._database.write_transaction(fleeting=True) as connection:
            lease.fence(connection)
            for some in in_batches(ids, AT_ONCE):
                connection.execute(update(operations).where(operations.c.id.in_(some)).values(resume=null()))

    def prune(self, replication_id: int, before: datetime, *, dry_run: bool = False) -> int:
        """Delete plans that ended before a moment, with their operations; return how many plans."""
        old = and_(plans.c.replication_id == replication_id, plans.c.finished_at < before)
        with self._database.write_transaction() as connection:
            ids = list(connection.execute(select(plans.c.id).where(old)).scalars())
            if not dry_run:
                for some in in_batches(ids, AT_ONCE):
                    connection.execute(delete(operations).where(operations.c.plan_id.in_(some)))
                    connection.execute(delete(plans).where(plans.c.id.in_(some)))
        return len(ids)

    def counts_by_result(self) -> list[tuple[str, str, str, int, int]]:
        """Return how many operations of each kind ended how, and their bytes: name, op, state, number, bytes."""
        column = operations.c
        query = (
            select(
                replications.c.name,
                column.op,
                column.state,
                func.count(),
                func.coalesce(func.sum(column.bytes_done), 0),
            )
            .join(replications, replications.c.id == column.replication_id)
            .where(column.state.notin_(UNFINISHED))
            .group_by(replications.c.name, column.op, column.state)
        )
        with self._database.read_transaction() as connection:
            return [(str(a), str(b), str(c), int(d), int(e)) for a, b, c, d, e in connection.execute(query)]


def _write_outcomes(connection: Connection, outcomes: Sequence[OperationOutcome], now: datetime) -> None:
    """Write the states of operations: those that differ in nothing but their id together."""
    plain: dict[str, list[int]] = {}
    for one in outcomes:
        if one.error is None and one.internal_id is None and not one.bytes_done:
            plain.setdefault(one.state, []).append(one.id)
    for state, ids in plain.items():
        for some in in_batches(ids, AT_ONCE):
            ended = update(operations).where(operations.c.id.in_(some))
            connection.execute(ended.values(state=state, finished_at=now))
    simple = {number for ids in plain.values() for number in ids}
    rows = [
        {"b_id": one.id, "b_state": one.state, "b_error": one.error, "b_bytes": one.bytes_done,
         "b_internal": one.internal_id, "b_now": now}
        for one in outcomes
        if one.id not in simple
    ]  # fmt: skip
    if rows:
        connection.execute(
            update(operations)
            .where(operations.c.id == bindparam("b_id"))
            .values(
                state=bindparam("b_state"),
                error=bindparam("b_error"),
                bytes_done=bindparam("b_bytes"),
                internal_id=bindparam("b_internal"),
                finished_at=bindparam("b_now"),
            ),
            rows,
        )


def _supersede(connection: Connection, lease: Lease, now: datetime) -> None:
    """End the plans of a replication that were not begun."""
    ours = (plans.c.replication_id == lease.endpoint_id, plans.c.status.in_(("planned", "held")))
    connection.execute(update(plans).where(*ours).values(status="superseded", finished_at=now))


def _skip_rest(connection: Connection, plan_id: int, now: datetime) -> None:
    """Let what a plan did not come to be skipped."""
    left = (operations.c.plan_id == plan_id, operations.c.state.in_(UNFINISHED))
    connection.execute(update(operations).where(*left).values(state="skipped", finished_at=now))
