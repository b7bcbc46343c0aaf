"""Rows about files that this database did not write itself, or that lie elsewhere now."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection, delete, func, literal, select, text, update

from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.logs import write_log
from filesync_dagster.storage.database.records import SyncRecord
from filesync_dagster.storage.database.tables import SYNC_ORDER, endpoint_state, stored_files, sync_logs


class AdoptionRepository:
    """Takes in what lies in a snapshot root."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert_logs(self, lease: Lease, records: Sequence[SyncRecord], after_seq: int) -> None:
        """Write logs, in their order, between that of a `seq` and those of later commits, which move up."""
        log, state = sync_logs.c, endpoint_state.c
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            for table, columns in ((sync_logs, log), (endpoint_state, state)):
                later = update(table).where(columns.endpoint_id == lease.endpoint_id, columns.seq > after_seq)
                connection.execute(later.values(seq=columns.seq + len(records)))
            for number, record in enumerate(records, 1):
                write_log(connection, replace(record, seq=after_seq + number))
            if not self._database.is_sqlite:
                _advance(connection, lease.endpoint_id)

    def move_files(self, lease: Lease, prefixes: Mapping[str, str]) -> None:
        """Let every row of an endpoint that points below a prefix point to the same path below another one."""
        columns = (sync_logs.c.snapshot_uri, sync_logs.c.changes_uri, endpoint_state.c.snapshot_uri)
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            for old, new in prefixes.items():
                for column in (*columns, stored_files.c.uri):
                    ours = column.table.c.endpoint_id == lease.endpoint_id
                    below = (ours, func.substr(column, 1, len(old)) == old)
                    moved = literal(new) + func.substr(column, len(old) + 1)
                    if column is stored_files.c.uri:  # what is known of both places is known of the new one
                        both = stored_files.alias()
                        connection.execute(delete(stored_files).where(*below, moved.in_(select(both.c.uri))))
                    connection.execute(update(column.table).where(*below).values({column.name: moved}))


def _advance(connection: Connection, endpoint_id: int) -> None:
    """Let PostgreSQL give numbers only that no log of the endpoint has."""
    most = connection.execute(select(func.max(sync_logs.c.seq)).where(sync_logs.c.endpoint_id == endpoint_id)).scalar()
    reached = connection.execute(select(SYNC_ORDER.next_value())).scalar_one()
    if most and most > reached:
        connection.execute(text("SELECT setval('sync_order', :most)"), {"most": most})
