"""How far each scope's listing has come."""

from dataclasses import asdict

from sqlalchemy import Connection, RowMapping, delete, func, insert, select

from filesync_dagster.core.model import ListingGap
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.records import CheckpointRecord
from filesync_dagster.storage.database.tables import checkpoints, endpoints


def load(database: Database, endpoint_id: int) -> list[CheckpointRecord]:
    """See Metadata.checkpoints."""
    query = select(checkpoints).where(checkpoints.c.endpoint_id == endpoint_id).order_by(checkpoints.c.scope)
    with database.read_transaction() as connection:
        return [_record(row) for row in connection.execute(query).mappings()]


def unfinished_listings(database: Database) -> dict[str, int]:
    """See Metadata.unfinished_listings."""
    query = select(endpoints.c.name, func.sum(checkpoints.c.rows)).join(
        checkpoints, checkpoints.c.endpoint_id == endpoints.c.id
    )
    with database.read_transaction() as connection:
        return {name: int(rows) for name, rows in connection.execute(query.group_by(endpoints.c.name))}


def save(database: Database, lease: Lease, record: CheckpointRecord) -> None:
    """See Metadata.save_checkpoint."""
    ours = (checkpoints.c.endpoint_id == lease.endpoint_id, checkpoints.c.scope == record.scope)
    with database.write_transaction() as connection:
        lease.fence(connection)
        connection.execute(delete(checkpoints).where(*ours))
        connection.execute(insert(checkpoints).values(endpoint_id=lease.endpoint_id, **asdict(record)))


def clear(connection: Connection, endpoint_id: int) -> None:
    """Forget the listing of an endpoint, inside a fenced transaction."""
    connection.execute(delete(checkpoints).where(checkpoints.c.endpoint_id == endpoint_id))


def _record(row: RowMapping) -> CheckpointRecord:
    values = dict(row)
    del values["endpoint_id"]
    values["unread"] = tuple(ListingGap(**unread) for unread in values["unread"])
    return CheckpointRecord(**values)
