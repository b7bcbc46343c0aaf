"""Endpoints and where each of them stands."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, delete, insert, null, select, update

from filesync_dagster.core.errors import NothingHeld
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.storage.database.alerts import ExpectedRecord
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.records import BreakerRecord, EndpointRecord, EndpointState, SyncStart
from filesync_dagster.storage.database.state import clear_held
from filesync_dagster.storage.database.sync_start import read_sync_start
from filesync_dagster.storage.database.tables import breakers, endpoint_state, endpoints, files, sync_logs


class EndpointRepository:
    """The endpoints there ever were, where each stands, and how its store is doing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, endpoint: EndpointRecord) -> int:
        """Insert or update an endpoint by its name; return its id. Writes nothing when nothing changed."""
        values = {
            "name": endpoint.name,
            "endpoint_type": endpoint.type,
            "title": endpoint.title,
            "project_id": endpoint.project_id,
            "user_id": endpoint.user_id,
            "endpoint_details": dict(endpoint.details),
            "is_active": endpoint.is_active,
        }
        with self._database.read_transaction() as connection:
            known = _endpoint(connection, endpoint.name)
        if known is not None and all(known[column] == value for column, value in values.items()):
            return int(known["id"])
        with self._database.write_transaction() as connection:
            return _write_endpoint(self._database, connection, values)

    def ids(self) -> dict[str, int]:
        """Return every endpoint there ever was, by name."""
        with self._database.read_transaction() as connection:
            return {row.name: row.id for row in connection.execute(select(endpoints.c.name, endpoints.c.id))}

    def records(self) -> dict[int, EndpointRecord]:
        """Return every endpoint there ever was as it was configured last, by endpoint id."""
        with self._database.read_transaction() as connection:
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

    def deactivate_except(self, names: Iterable[str]) -> None:
        """Mark every endpoint that is not named as inactive: it left the configuration. Its rows stay."""
        keep = set(names)
        query = select(endpoints.c.id, endpoints.c.name).where(endpoints.c.is_active)
        with self._database.read_transaction() as connection:
            leaving = [row.id for row in connection.execute(query) if row.name not in keep]
        if not leaving:
            return
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            for endpoint_id in leaving:
                statement = update(endpoints).where(endpoints.c.id == endpoint_id)
                connection.execute(statement.values(is_active=False, updated_at=now))

    def state(self, endpoint_id: int) -> EndpointState:
        """Where an endpoint stands; all None and zero before its first commit."""
        query = select(endpoint_state).where(endpoint_state.c.endpoint_id == endpoint_id)
        with self._database.read_transaction() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return EndpointState(endpoint_id) if row is None else EndpointState(**row)

    def sync_start(self, endpoint_id: int) -> SyncStart:
        """All that a sync begins from, in one question. For the holder of the lease."""
        return read_sync_start(self._database, endpoint_id)

    def states(self) -> dict[str, EndpointState]:
        """Where every endpoint stands, by name."""
        query = (
            select(endpoints.c.id, endpoints.c.name, endpoint_state)
            .outerjoin(endpoint_state, endpoint_state.c.endpoint_id == endpoints.c.id)
            .order_by(endpoints.c.name)
        )
        with self._database.read_transaction() as connection:
            return {row["name"]: _state(row) for row in connection.execute(query).mappings()}

    def expire_proofs(self, names: Iterable[str]) -> None:
        """Let the next sync of these endpoints, given by their names, list everything."""
        for some in in_batches(names, AT_ONCE):
            chosen = select(endpoints.c.id).where(endpoints.c.name.in_(some))
            proved = endpoint_state.c.endpoint_id.in_(chosen) & endpoint_state.c.reconciled_at.is_not(None)
            with self._database.read_transaction() as connection:
                if connection.execute(select(endpoint_state.c.endpoint_id).where(proved).limit(1)).first() is None:
                    continue
            with self._database.write_transaction() as connection:
                connection.execute(update(endpoint_state).where(proved).values(reconciled_at=null()))

    def drop_held(self, lease: Lease, verdict: str = "It was rejected.") -> None:
        """Reject the held sync; its log stays, with the verdict as its message. Raises NothingHeld."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            held = select(endpoint_state.c.held_sync_id).where(endpoint_state.c.endpoint_id == lease.endpoint_id)
            log = update(sync_logs).where(sync_logs.c.id == held.scalar_subquery())
            connection.execute(log.values(sync_status=SyncStatus.REJECTED.value, error_message=verdict))
            if not clear_held(connection, lease.endpoint_id):
                raise NothingHeld(f"Endpoint {lease.endpoint} has no held sync.", hint="See `filesync status`.")

    def breaker(self, endpoint_id: int) -> BreakerRecord:
        """Whether the store of an endpoint is left alone; closed when nothing was ever noted."""
        return _read_breakers(self._database, endpoint_id).get(endpoint_id) or BreakerRecord(endpoint_id)

    def breakers(self) -> dict[int, BreakerRecord]:
        """Every breaker that was ever noted, by endpoint id."""
        return _read_breakers(self._database)

    def save_breaker(self, record: BreakerRecord) -> None:
        """Replace the breaker of an endpoint. Needs no lease."""
        with self._database.write_transaction() as connection:
            connection.execute(delete(breakers).where(breakers.c.endpoint_id == record.endpoint_id))
            connection.execute(insert(breakers).values(**asdict(record), updated_at=self._database.now(connection)))

    def expectations(self) -> dict[str, ExpectedRecord]:
        """How often each endpoint is expected to be synced, by name."""
        table = endpoints.c
        query = select(table.name, table.created_at, table.expected_seconds, table.expected_since)
        with self._database.read_transaction() as connection:
            return {row.name: ExpectedRecord(*row[1:]) for row in connection.execute(query)}

    def expect(self, found: Mapping[str, ExpectedRecord]) -> None:
        """Note how often endpoints, given by their names, are expected to be synced, and since when."""
        if not found:
            return
        with self._database.write_transaction() as connection:
            connection.execute(
                update(endpoints).where(endpoints.c.name == bindparam("of")),
                [
                    {"of": name, "expected_seconds": record.seconds, "expected_since": record.since}
                    for name, record in found.items()
                ],
            )

    def synced_in(self, run_id: str, since: datetime) -> set[str]:
        """The endpoints of which a sync in this run ended, at `since` or later; of a run, when it began."""
        log = sync_logs.c
        query = select(endpoints.c.name).join_from(
            endpoints, sync_logs, and_(log.endpoint_id == endpoints.c.id, log.sync_completed >= since)
        )
        with self._database.read_transaction() as connection:
            return set(connection.execute(query.where(log.run_id == run_id)).scalars())


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


def _state(row: RowMapping) -> EndpointState:
    if row["endpoint_id"] is None:
        return EndpointState(row["id"])
    return EndpointState(**{column.name: row[column.name] for column in endpoint_state.c})


def _read_breakers(database: Database, endpoint_id: int | None = None) -> dict[int, BreakerRecord]:
    """Read the breaker of one endpoint or of all, by endpoint id."""
    columns = [breakers.c[item.name] for item in fields(BreakerRecord)]
    query = select(*columns) if endpoint_id is None else select(*columns).where(breakers.c.endpoint_id == endpoint_id)
    with database.read_transaction() as connection:
        return {row["endpoint_id"]: BreakerRecord(**row) for row in connection.execute(query).mappings()}
