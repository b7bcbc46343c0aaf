"""How far each scope's listing has come."""

from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from filesync_dagster.core.model import ListingGap
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.records import CheckpointRecord
from filesync_dagster.storage.database.tables import checkpoints, endpoints


class CheckpointRepository:
    """How far unfinished listings have come."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, endpoint_id: int) -> list[CheckpointRecord]:
        """How far an unfinished listing has come, one record per scope begun, sorted by scope."""
        query = select(checkpoints).where(checkpoints.c.endpoint_id == endpoint_id).order_by(checkpoints.c.scope)
        with self._database.read_transaction() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def unfinished_listings(self) -> dict[str, int]:
        """Return the endpoints that have a listing to resume, and how many rows of it are saved."""
        query = select(endpoints.c.name, func.sum(checkpoints.c.rows)).join(
            checkpoints, checkpoints.c.endpoint_id == endpoints.c.id
        )
        with self._database.read_transaction() as connection:
            return {name: int(rows) for name, rows in connection.execute(query.group_by(endpoints.c.name))}

    def save(self, lease: Lease, record: CheckpointRecord) -> None:
        """Replace the checkpoint of a scope."""
        ours = (checkpoints.c.endpoint_id == lease.endpoint_id, checkpoints.c.scope == record.scope)
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            connection.execute(delete(checkpoints).where(*ours))
            connection.execute(insert(checkpoints).values(endpoint_id=lease.endpoint_id, **asdict(record)))

    def clear(self, lease: Lease) -> None:
        """Forget an unfinished listing."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            clear(connection, lease.endpoint_id)


def clear(connection: Connection, endpoint_id: int) -> None:
    """Forget the listing of an endpoint, inside a fenced transaction."""
    connection.execute(delete(checkpoints).where(checkpoints.c.endpoint_id == endpoint_id))


def _record(row: RowMapping) -> CheckpointRecord:
    values = dict(row)
    del values["endpoint_id"]
    values["unread"] = tuple(ListingGap(**unread) for unread in values["unread"])
    return CheckpointRecord(**values)
