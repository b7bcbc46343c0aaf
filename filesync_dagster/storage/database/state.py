"""Endpoints and where each of them stands."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, null, select, update

from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.records import BreakerRecord, EndpointRecord, EndpointState, NewState
from filesync_dagster.storage.database.row_streams import AT_ONCE, in_batches
from filesync_dagster.storage.database.tables import breakers, endpoint_state, endpoints, files


def register(database: Database, endpoint: EndpointRecord) -> int:
    """See Metadata.register."""
    values = {
        "name": endpoint.name,
        "endpoint_type": endpoint.type,
        "title": endpoint.title,
        "project_id": endpoint.project_id,
        "user_id": endpoint.user_id,
        "endpoint_details": dict(endpoint.details),
        "is_active": endpoint.is_active,
    }
    with database.read_transaction() as connection:
        known = _endpoint(connection, endpoint.name)
    if known is not None and all(known[column] == value for column, value in values.items()):
        return int(known["id"])
    with database.write_transaction() as connection:
        return _write_endpoint(database, connection, values)


def _endpoint(connection: Connection, name: str) -> dict[str, Any] | None:
    row = connection.execute(select(endpoints).where(endpoints.c.name == name)).mappings().one_or_none()
    return None if row is None else dict(row)


def _write_endpoint(database: Database, connection: Connection, values: dict[str, Any]) -> int:
    now = database.now(connection)
    if not database.is_sqlite:
        # Two processes may meet a new endpoint at once; SQLite lets one of them write at a time anyway.
        connection.exec_driver_sql("LOCK TABLE endpoints IN SHARE ROW EXCLUSIVE MODE")
    known = _endpoint(connection, values["name"])
    if known is None:
        row = insert(endpoints).values(**values, created_at=now, updated_at=now).returning(endpoints.c.id)
        return int(connection.execute(row).scalar_one())
    endpoint_id = int(known["id"])
    connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(**values, updated_at=now))
    owners = {column: values[column] for column in ("project_id", "user_id")}
    if any(known[column] != value for column, value in owners.items()):  # rare, and every row has them
        connection.execute(update(files).where(files.c.endpoint_id == endpoint_id).values(**owners))
    return endpoint_id


def endpoint_ids(database: Database) -> dict[str, int]:
    """See Metadata.endpoint_ids."""
    with database.read_transaction() as connection:
        return {row.name: row.id for row in connection.execute(select(endpoints.c.name, endpoints.c.id))}


def endpoint_records(database: Database) -> dict[int, EndpointRecord]:
    """See Metadata.endpoint_records."""
    with database.read_transaction() as connection:
        return {
            row.id: EndpointRecord(
                row.name,
                row.endpoint_type,
                row.title,
                row.project_id,
                row.user_id,
                row.endpoint_details,
                row.is_active,
            )
            for row in connection.execute(select(endpoints))
        }


def deactivate_except(database: Database, names: Iterable[str]) -> None:
    """See Metadata.deactivate_except."""
    keep = set(names)
    query = select(endpoints.c.id, endpoints.c.name).where(endpoints.c.is_active)
    with database.read_transaction() as connection:
        leaving = [row.id for row in connection.execute(query) if row.name not in keep]
    if not leaving:
        return
    with database.write_transaction() as connection:
        now = database.now(connection)
        for endpoint_id in leaving:
            statement = update(endpoints).where(endpoints.c.id == endpoint_id)
            connection.execute(statement.values(is_active=False, updated_at=now))


def state(database: Database, endpoint_id: int) -> EndpointState:
    """See Metadata.state."""
    query = select(endpoint_state).where(endpoint_state.c.endpoint_id == endpoint_id)
    with database.read_transaction() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return EndpointState(endpoint_id) if row is None else EndpointState(**row)


def states(database: Database) -> dict[str, EndpointState]:
    """See Metadata.states."""
    query = (
        select(endpoints.c.id, endpoints.c.name, endpoint_state)
        .outerjoin(endpoint_state, endpoint_state.c.endpoint_id == endpoints.c.id)
        .order_by(endpoints.c.name)
    )
    with database.read_transaction() as connection:
        return {row["name"]: _state(row) for row in connection.execute(query).mappings()}


def _state(row: RowMapping) -> EndpointState:
    if row["endpoint_id"] is None:
        return EndpointState(row["id"])
    return EndpointState(**{column.name: row[column.name] for column in endpoint_state.c})


def write_state(connection: Connection, endpoint_id: int, new: NewState, now: datetime) -> None:
    """Make `new` the current state, inside a fenced transaction."""
    _upsert(connection, endpoint_id, {**asdict(new), "updated_at": now})


def expire_proofs(database: Database, names: Iterable[str]) -> None:
    """See Metadata.expire_proofs."""
    for some in in_batches(names, AT_ONCE):
        chosen = select(endpoints.c.id).where(endpoints.c.name.in_(some))
        proved = endpoint_state.c.endpoint_id.in_(chosen) & endpoint_state.c.reconciled_at.is_not(None)
        with database.read_transaction() as connection:
            if connection.execute(select(endpoint_state.c.endpoint_id).where(proved).limit(1)).first() is None:
                continue
        with database.write_transaction() as connection:
            connection.execute(update(endpoint_state).where(proved).values(reconciled_at=null()))


def write_held(  # noqa: PLR0917  # the columns, in their order
    connection: Connection, endpoint_id: int, sync_id: str, location: str | None, cursor: str | None, now: datetime
) -> None:
    """Make a sync the held one, inside a fenced transaction."""
    held = {"held_sync_id": sync_id, "held_location": location, "held_cursor": cursor}
    _upsert(connection, endpoint_id, {**held, "updated_at": now})


def clear_held(connection: Connection, endpoint_id: int) -> bool:
    """Forget the held sync; tell whether there was one."""
    statement = (
        update(endpoint_state)
        .where(endpoint_state.c.endpoint_id == endpoint_id, endpoint_state.c.held_sync_id.is_not(None))
        .values(held_sync_id=null(), held_location=null(), held_cursor=null())
    )
    return connection.execute(statement).rowcount > 0


def drop_held(database: Database, lease: Lease) -> None:
    """See Metadata.drop_held."""
    with database.write_transaction() as connection:
        lease.fence(connection)
        if not clear_held(connection, lease.endpoint_id):
            raise NothingHeld(f"Endpoint {lease.endpoint} has no held sync.", hint="See `filesync status`.")


def _upsert(connection: Connection, endpoint_id: int, values: dict[str, Any]) -> None:
    # Not a race: the lease row is locked.
    statement = update(endpoint_state).where(endpoint_state.c.endpoint_id == endpoint_id).values(**values)
    if connection.execute(statement).rowcount == 0:
        blank = {"files_total": 0, "bytes_total": 0}
        connection.execute(insert(endpoint_state).values(endpoint_id=endpoint_id, **{**blank, **values}))


def read_breakers(database: Database, endpoint_id: int | None = None) -> dict[int, BreakerRecord]:
    """See Metadata.breaker and Metadata.breakers."""
    columns = [breakers.c[item.name] for item in fields(BreakerRecord)]
    query = select(*columns) if endpoint_id is None else select(*columns).where(breakers.c.endpoint_id == endpoint_id)
    with database.read_transaction() as connection:
        return {row["endpoint_id"]: BreakerRecord(**row) for row in connection.execute(query).mappings()}


def save_breaker(database: Database, record: BreakerRecord) -> None:
    """See Metadata.save_breaker."""
    with database.write_transaction() as connection:
        connection.execute(delete(breakers).where(breakers.c.endpoint_id == record.endpoint_id))
        connection.execute(insert(breakers).values(**asdict(record), updated_at=database.now(connection)))
