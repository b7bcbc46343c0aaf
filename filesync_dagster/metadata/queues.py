"""How the queues are doing, and messages that nobody could use."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.metadata import pruning
from filesync_dagster.metadata.database import Database
from filesync_dagster.metadata.reading import AT_ONCE
from filesync_dagster.metadata.tables import dead_messages, queues


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """How a queue is doing."""

    name: str
    depth: int | None = None  # messages that waited when it was last looked at
    received: int = 0  # since ever
    dead: int = 0  # of them
    received_at: datetime | None = None
    checked_at: datetime | None = None
    error: str | None = None  # of the last look


@dataclass(frozen=True, slots=True)
class DeadMessage:
    """A message that could not be used."""

    queue: str
    message_id: str
    reason: str
    body: str
    received_at: datetime
    id: int = 0


def known(database: Database) -> list[QueueRecord]:
    """See Metadata.queues."""
    with database.reading() as connection:
        query = select(queues).order_by(queues.c.name)
        return [QueueRecord(**row) for row in connection.execute(query).mappings()]


def note_look(database: Database, name: str, depth: int | None, error: str | None) -> None:
    """See Metadata.note_queue."""
    with database.writing() as connection:
        values = {"depth": depth, "error": error, "checked_at": database.now(connection)}
        _upsert(database, connection, name, values)


def note_received(database: Database, name: str, count: int) -> None:
    """See Metadata.note_received."""
    with database.writing() as connection:
        now = database.now(connection)
        _upsert(database, connection, name, {"received_at": now})
        more = update(queues).where(queues.c.name == name).values(received=queues.c.received + count)
        connection.execute(more)


def bury(database: Database, name: str, messages: Sequence[DeadMessage]) -> int:
    """See Metadata.bury."""
    buried = 0
    with database.writing() as connection:
        for message in messages:
            row = {
                "queue": name,
                "message_id": message.message_id,
                "reason": message.reason,
                "body": message.body,
                "received_at": message.received_at,
            }
            new = _insert(database, dead_messages).values(**row)
            buried += connection.execute(new.on_conflict_do_nothing(index_elements=["queue", "message_id"])).rowcount
        if buried:
            _upsert(database, connection, name, {})
            more = update(queues).where(queues.c.name == name).values(dead=queues.c.dead + buried)
            connection.execute(more)
    return buried


def dead(database: Database, ids: Collection[int] | None) -> list[DeadMessage]:
    """See Metadata.dead_messages."""
    query = select(dead_messages).order_by(dead_messages.c.id)
    if ids is not None:
        query = query.where(dead_messages.c.id.in_(list(ids)[:AT_ONCE]))
    with database.reading() as connection:
        return [DeadMessage(**row) for row in connection.execute(query).mappings()]


def drop(database: Database, ids: Collection[int]) -> int:
    """See Metadata.drop_dead_messages."""
    with database.writing() as connection:
        return connection.execute(delete(dead_messages).where(dead_messages.c.id.in_(list(ids)))).rowcount


def prune(database: Database, before: datetime, *, dry_run: bool) -> int:
    """See Metadata.prune_dead_messages."""
    return pruning.prune(database, dead_messages, dead_messages.c.received_at < before, dry_run=dry_run)


def _insert(database: Database, table: Any) -> Any:
    return (sqlite if database.is_sqlite else postgresql).insert(table)


def _upsert(database: Database, connection: Connection, name: str, values: dict[str, Any]) -> None:
    new = _insert(database, queues).values(name=name, **values)
    if values:
        connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
    else:
        connection.execute(new.on_conflict_do_nothing(index_elements=["name"]))
