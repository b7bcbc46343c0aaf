"""Where an endpoint stands, as the transaction of a sync writes it."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, null, update

from filesync_dagster.storage.database.records import NewState
from filesync_dagster.storage.database.tables import endpoint_state

_NONE_HELD = dict.fromkeys(("held_sync_id", "held_location", "held_cursor"), null())


def write_state(
    connection: Connection, endpoint_id: int, new: NewState, seq: int, now: ColumnElement[datetime]
) -> None:
    """Make `new` the current state and forget the held sync, inside a fenced transaction; `seq`: of its log."""
    _upsert(connection, endpoint_id, {**asdict(new), **_NONE_HELD, "seq": seq, "updated_at": now})


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
        .values(**_NONE_HELD)
    )
    return connection.execute(statement).rowcount > 0


def _upsert(connection: Connection, endpoint_id: int, values: dict[str, Any]) -> None:
    # Not a race: the lease row is locked.
    statement = update(endpoint_state).where(endpoint_state.c.endpoint_id == endpoint_id).values(**values)
    if connection.execute(statement).rowcount == 0:
        blank = {"files_total": 0, "bytes_total": 0}
        connection.execute(insert(endpoint_state).values(endpoint_id=endpoint_id, **{**blank, **values}))
