"""All that a sync begins from, read in one statement: where the endpoint stands, its breaker, the sync before."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Select, bindparam, exists, or_, select

from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.logs import ONE, is_on_top_of, newest_log
from filesync_dagster.storage.database.records import BreakerRecord, EndpointState, SyncStart
from filesync_dagster.storage.database.tables import (
    breakers,
    checkpoints,
    endpoint_state,
    endpoints,
    stored_files,
    sync_logs,
)


def read_sync_start(database: Database, endpoint_id: int) -> SyncStart:
    """Return what a sync begins from, for the holder of the lease."""
    with database.read_transaction() as connection:
        row = connection.execute(_SYNC_START, {"endpoint": endpoint_id}).mappings().one()
    state = {column.name: row[f"state_{column.name}"] for column in endpoint_state.c}
    breaker = {item.name: row[f"breaker_{item.name}"] for item in fields(BreakerRecord)}
    return SyncStart(
        EndpointState(endpoint_id) if state["endpoint_id"] is None else EndpointState(**state),
        BreakerRecord(endpoint_id) if breaker["endpoint_id"] is None else BreakerRecord(**breaker),
        snapshot_digest=row["digest"],
        has_later_changes=row["has_later_changes"],
        has_checkpoints=row["has_checkpoints"],
        last_status=None if row["sync_status"] is None else SyncStatus(row["sync_status"]),
        last_completed=row["sync_completed"],
    )


def _sync_start() -> Select[Any]:
    state, before, later = endpoint_state.c, sync_logs.alias("before"), sync_logs.alias("later")
    changes = (
        *is_on_top_of(later, endpoints.c.id, state.snapshot_uri),
        or_(state.seq.is_(None), later.c.seq <= state.seq),
    )
    of_endpoint = checkpoints.c.endpoint_id == endpoints.c.id
    return (
        select(
            *(column.label(f"state_{column.name}") for column in state),
            *(breakers.c[item.name].label(f"breaker_{item.name}") for item in fields(BreakerRecord)),
            stored_files.c.digest,
            exists(select(later.c.id).where(*changes)).label("has_later_changes"),
            exists(select(checkpoints.c.scope).where(of_endpoint)).label("has_checkpoints"),
            before.c.sync_status,
            before.c.sync_completed,
        )
        .select_from(endpoints)
        .outerjoin(endpoint_state, state.endpoint_id == endpoints.c.id)
        .outerjoin(breakers, breakers.c.endpoint_id == endpoints.c.id)
        .outerjoin(stored_files, stored_files.c.uri == state.snapshot_uri)
        .outerjoin(before, before.c.id == newest_log(ONE.c.mode != SyncMode.REPLAY.value))
        .where(endpoints.c.id == bindparam("endpoint"))
    )


_SYNC_START = _sync_start()
