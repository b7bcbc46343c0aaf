"""Replicas: what is known to be at the destinations of replications."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from sqlalchemy import and_, bindparam, func, literal, select, update

from filesync_dagster.core.schemas import TIMESTAMP
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.replica_rows import forget_files
from filesync_dagster.storage.database.row_streams import plain_column, stream
from filesync_dagster.storage.database.tables import replica_files

REPLICA_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("external_id", pa.string(), nullable=False),
    pa.field("dest_path", pa.string(), nullable=False),
    pa.field("kind", pa.string(), nullable=False),
    pa.field("source_version", pa.string()),
    pa.field("size", pa.int64()),
    pa.field("content_hash", pa.string()),
    pa.field("dest_version", pa.string()),
    pa.field("permissions", pa.string()),
]
REPLICA_SCHEMA = pa.schema(REPLICA_FIELDS)
"""What a plan must know of a file of a replica."""

STATE_SCHEMA = pa.schema(
    [
        *REPLICA_FIELDS,
        pa.field("owner", pa.string()),
        pa.field("group_name", pa.string()),
        pa.field("mime_type", pa.string()),
        pa.field("modified_at", TIMESTAMP),
        pa.field("internal_id", pa.string()),
        pa.field("dest_hash", pa.string()),
        pa.field("verified", pa.string()),
        pa.field("written_at", TIMESTAMP),
    ]
)
"""All that is known of it."""


class ReplicaRepository:
    """Files that destinations have from us."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(
        self,
        replication_id: int,
        *,
        schema: pa.Schema = REPLICA_SCHEMA,
        by_path: bool = False,
        after: str | None = None,
        limit: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Yield what a destination has from us, in any order or by path, in REPLICA_SCHEMA or STATE_SCHEMA.

        `after`: only what follows a path.
        """
        query = self._query(schema).where(replica_files.c.replication_id == replication_id)
        query = query if after is None else query.where(replica_files.c.dest_path > after)
        query = query if limit is None else query.limit(limit)
        return stream(self._database, query.order_by(replica_files.c.dest_path) if by_path else query, schema)

    def files_of(
        self, replication_id: int, ids: Iterable[str], schema: pa.Schema = REPLICA_SCHEMA
    ) -> Iterator[pa.RecordBatch]:
        """Yield the same of some files."""
        yield from self._files_where(replication_id, replica_files.c.external_id, ids, schema)

    def files_at(
        self, replication_id: int, paths: Iterable[str], schema: pa.Schema = REPLICA_SCHEMA
    ) -> Iterator[pa.RecordBatch]:
        """Yield the same of what is at some paths."""
        yield from self._files_where(replication_id, replica_files.c.dest_path, paths, schema)

    def _files_where(
        self, replication_id: int, column: Any, values: Iterable[str], schema: pa.Schema
    ) -> Iterator[pa.RecordBatch]:
        query = self._query(schema).where(replica_files.c.replication_id == replication_id)
        for some in in_batches(values, AT_ONCE):
            yield from stream(self._database, query.where(column.in_(some)), schema)

    @staticmethod
    def _query(schema: pa.Schema) -> Any:
        return select(*(plain_column(replica_files.c[name]) for name in schema.names))

    def rename_ids(self, lease: Lease, renamed: Iterable[tuple[str, str]]) -> None:
        """Let files of a replica go on under other ids: the source knows them so by now."""
        files = replica_files.c
        ours = files.replication_id == lease.endpoint_id
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            for some in in_batches(renamed, AT_ONCE):
                news = [new for _, new in some]
                taken = set(
                    connection.execute(select(files.external_id).where(ours, files.external_id.in_(news))).scalars()
                )
                rows = [{"old_id": old, "new_id": new} for old, new in some if new not in taken]
                if rows:
                    moved = update(replica_files).where(ours, files.external_id == bindparam("old_id"))
                    connection.execute(moved.values(external_id=bindparam("new_id")), rows)

    def note_permissions(self, lease: Lease, external_id: str, permissions: str | None, **columns: str | None) -> None:
        """Note which permissions a file of a replica has, as the source has them, and columns that follow."""
        files = replica_files.c
        with self._database.write_transaction(fleeting=True) as connection:
            lease.fence(connection)
            ours = update(replica_files).where(
                files.replication_id == lease.endpoint_id, files.external_id == external_id
            )
            connection.execute(ours.values(permissions=permissions, **columns))

    def move_folder(self, lease: Lease, external_id: str, path: str, new_path: str) -> None:
        """Let a folder of a replica, and all that is below it, be at another path."""
        files = replica_files.c
        below = and_(files.dest_path > f"{path}/", files.dest_path < f"{path}0")
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            ours = update(replica_files).where(files.replication_id == lease.endpoint_id)
            moved = literal(new_path) + func.substr(files.dest_path, len(path) + 1)
            connection.execute(ours.where(below).values(dest_path=moved))
            connection.execute(ours.where(files.external_id == external_id).values(dest_path=new_path))

    def forget_files(self, lease: Lease, ids: Sequence[str]) -> None:
        """Forget files that somebody else took away from the destination."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            forget_files(connection, lease.endpoint_id, ids)
