"""How the queues are doing, and messages that nobody could use."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.row_streams import AT_ONCE, in_batches
from filesync_dagster.storage.database.tables import dead_messages, queues

MOST_DEAD = 1000
"""Of one queue, that are kept; the oldest go. Where every message is one that nobody can use, they fill the disk."""

PAGE = 100
"""Messages that are read at once; each may be a megabyte."""


@dataclass(frozen=True, slots=True)
class QueueRecord:
    """How a queue is doing."""

    name: str
    depth: int | None = None  # messages that waited when it was last looked at
    received: int = 0  # since ever
    dead: int = 0  # of them
    set_aside: int = 0  # of these, those that are not decided on
    unrouted: int = 0  # keys that concerned no endpoint, since ever
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


def read_queues(database: Database) -> list[QueueRecord]:
    """See Metadata.queues."""
    with database.read_transaction() as connection:
        count = select(func.count()).where(dead_messages.c.queue == queues.c.name).scalar_subquery()
        query = select(queues, count.label("set_aside")).order_by(queues.c.name)
        return [QueueRecord(**row) for row in connection.execute(query).mappings()]


def note_look(database: Database, name: str, depth: int | None, error: str | None) -> None:
    """See Metadata.note_queue."""
    with database.write_transaction() as connection:
        values = {"depth": depth, "error": error, "checked_at": database.now(connection)}
        _upsert(database, connection, name, values)


def note_received(database: Database, name: str, count: int, unrouted: int) -> None:
    """See Metadata.note_received."""
    with database.write_transaction() as connection:
        now = database.now(connection)
        _upsert(database, connection, name, {"received_at": now})
        more = {"received": queues.c.received + count, "unrouted": queues.c.unrouted + unrouted}
        connection.execute(update(queues).where(queues.c.name == name).values(**more))


def dead_letter(database: Database, name: str, messages: Sequence[DeadMessage]) -> int:
    """See Metadata.dead_letter."""
    buried = 0
    with database.write_transaction() as connection:
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
            _let_the_oldest_go(connection, name)
    return buried


def _let_the_oldest_go(connection: Connection, name: str) -> None:
    dead = dead_messages.c
    oldest = select(dead.id).where(dead.queue == name).order_by(dead.id.desc()).offset(MOST_DEAD - 1).limit(1)
    connection.execute(delete(dead_messages).where(dead.queue == name, dead.id < oldest.scalar_subquery()))


def dead(database: Database, ids: Collection[int]) -> list[DeadMessage]:
    """See Metadata.dead_messages."""
    found: list[DeadMessage] = []
    with database.read_transaction() as connection:
        for some in in_batches(sorted(ids), AT_ONCE):
            query = select(dead_messages).where(dead_messages.c.id.in_(some)).order_by(dead_messages.c.id)
            found += [DeadMessage(**row) for row in connection.execute(query).mappings()]
    return found


def each_dead(database: Database, names: Collection[str] | None, characters: int | None) -> Iterator[DeadMessage]:
    """See Metadata.each_dead_message."""
    body = dead_messages.c.body if characters is None else func.substr(dead_messages.c.body, 1, characters)
    others = [column for column in dead_messages.c if column is not dead_messages.c.body]
    query = select(*others, body.label("body")).order_by(dead_messages.c.id).limit(PAGE)
    if names is not None:
        query = query.where(dead_messages.c.queue.in_(list(names)))
    last = 0
    while True:
        with database.read_transaction() as connection:
            page = [DeadMessage(**row) for row in connection.execute(query.where(dead_messages.c.id > last)).mappings()]
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1].id


def drop(database: Database, ids: Collection[int]) -> int:
    """See Metadata.drop_dead_messages."""
    with database.write_transaction() as connection:
        return sum(
            connection.execute(delete(dead_messages).where(dead_messages.c.id.in_(some))).rowcount
            for some in in_batches(ids, AT_ONCE)
        )


def drop_all(database: Database, names: Collection[str]) -> int:
    """See Metadata.drop_all_dead_messages."""
    with database.write_transaction() as connection:
        return connection.execute(delete(dead_messages).where(dead_messages.c.queue.in_(list(names)))).rowcount


def _insert(database: Database, table: Any) -> Any:
    return (sqlite if database.is_sqlite else postgresql).insert(table)


def _upsert(database: Database, connection: Connection, name: str, values: dict[str, Any]) -> None:
    new = _insert(database, queues).values(name=name, **values)
    if values:
        connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
    else:
        connection.execute(new.on_conflict_do_nothing(index_elements=["name"]))
