"""Replications: where each stands, and the files that it cannot keep as it should."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Update, and_, delete, func, insert, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.replica_rows import ReplicaTotals, sum_replica
from filesync_dagster.storage.database.tables import replication_problems, replications


@dataclass(frozen=True, slots=True)
class ReplicationRecord:
    """Where a replication stands."""

    id: int
    name: str
    source_endpoint_id: int
    fingerprint: str | None
    applied_sync_id: str | None
    applied_seq: int
    state: str
    held_plan_id: int | None
    reconciled_at: datetime | None
    error: str | None
    updated_at: datetime
    files: int
    bytes: int
    files_by_hash: int
    files_acknowledged: int


@dataclass(frozen=True, slots=True)
class ProblemRecord:
    """A file that a replication cannot keep as it should."""

    external_id: str
    kind: str  # collision | name | failed | stale | foreign
    path: str
    sentence: str
    times: int = 1  # runs in a row that met it
    since: datetime | None = None


class ReplicationRepository:
    """See the module's docstring."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, name: str, source_endpoint_id: int) -> int:
        """Make sure that the database knows a replication; return its id."""
        with self._database.read_transaction() as connection:
            known = connection.execute(
                select(replications.c.id, replications.c.source_endpoint_id).where(replications.c.name == name)
            ).one_or_none()
        if known is not None and known.source_endpoint_id == source_endpoint_id:
            return int(known.id)
        dialect = sqlite if self._database.is_sqlite else postgresql
        statement = dialect.insert(replications)
        values = {"name": name, "source_endpoint_id": source_endpoint_id, "state": "new"}
        with self._database.write_transaction(fleeting=True) as connection:
            # Another source: what is at the destination is of files that no longer are those of the source.
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[replications.c.name],
                    set_={"source_endpoint_id": source_endpoint_id, "applied_seq": 0, "fingerprint": null()},
                ),
                {**values, "applied_seq": 0, "updated_at": self._database.now(connection)},
            )
            query = select(replications.c.id).where(replications.c.name == name)
            return int(connection.execute(query).scalar_one())

    def get(self, replication_id: int) -> ReplicationRecord:
        """Return where a replication stands."""
        return self._records(replications.c.id == replication_id)[0]

    def all(self) -> list[ReplicationRecord]:
        """Return where every replication stands that there ever was."""
        return self._records()

    def _records(self, *where: Any) -> list[ReplicationRecord]:
        columns = [replications.c[name] for name in ReplicationRecord.__dataclass_fields__]
        with self._database.read_transaction() as connection:
            rows = connection.execute(select(*columns).where(*where).order_by(replications.c.name))
            return [ReplicationRecord(*row) for row in rows]

    def problems(
        self, replication_id: int, *, limit: int | None = None, after: tuple[str, str] | None = None
    ) -> list[ProblemRecord]:
        """Return the files that could not be kept as they should, by path and id: those that follow `after`."""
        columns = [replication_problems.c[name] for name in ProblemRecord.__dataclass_fields__]
        query = select(*columns).where(replication_problems.c.replication_id == replication_id)
        place = (replication_problems.c.path, replication_problems.c.external_id)
        if after is not None:
            query = query.where(or_(place[0] > after[0], and_(place[0] == after[0], place[1] > after[1])))
        with self._database.read_transaction() as connection:
            rows = connection.execute(query.order_by(*place).limit(limit))
            return [ProblemRecord(*row) for row in rows]

    def totals(self, replication_id: int) -> ReplicaTotals:
        """Return how much a destination has from us by now; `get` has how much it was after the last run."""
        with self._database.read_transaction() as connection:
            return sum_replica(connection, replication_id)

    def problem_counts(self, replication_id: int) -> dict[str, int]:
        """Return how many files there are of each kind of problem."""
        column = replication_problems.c
        query = select(column.kind, func.count()).where(column.replication_id == replication_id).group_by(column.kind)
        with self._database.read_transaction() as connection:
            return {str(kind): int(count) for kind, count in connection.execute(query)}

    def replace_problems(
        self, lease: Lease, found: Sequence[ProblemRecord], *, settled: Iterable[str] | None = None
    ) -> None:
        """Write what cannot be done with some files, in place of what was known of these.

        `settled`: other files of which nothing is the matter any more; None: all others.
        """
        known = {one.external_id: one for one in self.problems(lease.endpoint_id)}
        ours = replication_problems.c.replication_id == lease.endpoint_id
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            now = self._database.now(connection)
            gone = known if settled is None else [*settled, *(one.external_id for one in found)]
            for some in in_batches(gone, AT_ONCE):
                which = replication_problems.c.external_id.in_(some)
                connection.execute(delete(replication_problems).where(ours, which))
            rows = []
            for one in found:
                before = known.get(one.external_id)
                again = before is not None and before.kind == one.kind
                since, times = (before.since, before.times + 1) if before and again else (now, 1)
                rows.append(
                    {"replication_id": lease.endpoint_id, "external_id": one.external_id, "kind": one.kind,
                     "path": one.path, "sentence": one.sentence, "times": times, "since": since}
                )  # fmt: skip
            if rows:
                connection.execute(insert(replication_problems), rows)

    def note_error(self, lease: Lease, error: str) -> None:
        """Note why a run came to nothing."""
        with self._database.write_transaction(fleeting=True) as connection:
            lease.fence(connection)
            now, totals = self._database.now(connection), asdict(sum_replica(connection, lease.endpoint_id))
            connection.execute(update_of(lease).values(state="failed", error=error, updated_at=now, **totals))


def update_of(lease: Lease) -> Update:
    """Return the statement that changes the row of the replication of a lease."""
    return update(replications).where(replications.c.id == lease.endpoint_id)
