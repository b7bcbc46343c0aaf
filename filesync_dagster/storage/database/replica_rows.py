"""Files of replicas as rows: written with what became of operations. Free of Arrow, which `status` has no time for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, delete, func, insert, select

from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.tables import replica_files


@dataclass(frozen=True, slots=True)
class ReplicaFileRecord:
    """A file that a destination has from us."""

    external_id: str
    dest_path: str
    kind: str
    source_version: str | None
    size: int | None
    content_hash: str | None
    dest_version: str | None
    dest_hash: str | None
    internal_id: str | None
    verified: str
    permissions: str | None = None
    owner: str | None = None
    group_name: str | None = None
    mime_type: str | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReplicaTotals:
    """The size of a replica. The names are columns of `replications`."""

    files: int
    bytes: int
    files_by_hash: int  # of which a hash proves that they are as at the source
    files_acknowledged: int  # of which the destination only said that it has them


def sum_replica(connection: Connection, replication_id: int) -> ReplicaTotals:
    """Return the size of a replica. All its rows are read for that."""
    files = replica_files.c
    proved = func.sum(case((files.verified.in_(("hash", "readback")), 1), else_=0))
    believed = func.sum(case((files.verified == "acknowledged", 1), else_=0))
    sums = (func.coalesce(one, 0) for one in (func.sum(files.size), proved, believed))
    query = select(func.count(), *sums).where(files.replication_id == replication_id, files.kind != "folder")
    return ReplicaTotals(*map(int, connection.execute(query).one()))


def write_files(
    connection: Connection, replication_id: int, stored: Sequence[ReplicaFileRecord], gone: Sequence[str], now: datetime
) -> None:
    """Let a replica have these files, in place of what it had under their ids or at their paths; others are gone."""
    last = {one.external_id: one for one in stored}  # one that moved twice is where it went last
    forget_files(connection, replication_id, [*last, *gone])
    # What is known under other ids to be there is known so no more.
    _forget_paths(connection, replication_id, [one.dest_path for one in last.values()])
    rows = [
        {name: getattr(one, name) for name in ReplicaFileRecord.__dataclass_fields__}
        | {"replication_id": replication_id, "written_at": now}
        for one in last.values()
    ]
    if rows:
        connection.execute(insert(replica_files), rows)


def forget_files(connection: Connection, replication_id: int, ids: Sequence[str]) -> None:
    """Delete the rows of files by their ids."""
    files = replica_files.c
    for some in in_batches(ids, AT_ONCE):
        connection.execute(
            delete(replica_files).where(files.replication_id == replication_id, files.external_id.in_(some))
        )


def _forget_paths(connection: Connection, replication_id: int, paths: Sequence[str]) -> None:
    files = replica_files.c
    for some in in_batches(paths, AT_ONCE):
        connection.execute(
            delete(replica_files).where(files.replication_id == replication_id, files.dest_path.in_(some))
        )
