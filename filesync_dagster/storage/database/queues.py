"""How the queues are doing, and messages that nobody could use."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.alerts import QueueTrouble
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.tables import dead_messages, queue_events, queues

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


class QueueRepository:
    """How queues are doing, and their messages that were set aside."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def records(self) -> list[QueueRecord]:
        """How every queue is doing that was ever looked at, by name."""
        with self._database.read_transaction() as connection:
            count = select(func.count()).where(dead_messages.c.queue == queues.c.name).scalar_subquery()
            query = select(queues, count.label("set_aside")).order_by(queues.c.name)
            return [QueueRecord(**row) for row in connection.execute(query).mappings()]

    def note_look(self, name: str, depth: int | None, error: str | None = None) -> None:
        """Note how many messages wait in a queue, or why nobody can tell."""
        with self._database.write_transaction() as connection:
            values = {"depth": depth, "error": error, "checked_at": self._database.now(connection)}
            _upsert(self._database, connection, name, values)

    def note_received(self, name: str, count: int, unrouted: int = 0) -> None:
        """Count messages that were received and acknowledged, and keys that concerned no endpoint."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            _upsert(self._database, connection, name, {"received_at": now})
            more = {"received": queues.c.received + count, "unrouted": queues.c.unrouted + unrouted}
            connection.execute(update(queues).where(queues.c.name == name).values(**more))

    def known_events(self, name: str, digests: Collection[str]) -> set[str]:
        """Those of these events of a queue that were worked on."""
        known: set[str] = set()
        with self._database.read_transaction() as connection:
            for some in in_batches(sorted(digests), AT_ONCE):
                query = select(queue_events.c.digest)
                found = query.where(queue_events.c.queue == name, queue_events.c.digest.in_(some))
                known.update(connection.execute(found).scalars())
        return known

    def remember_events(self, name: str, digests: Collection[str]) -> None:
        """Know these events of a queue from now on."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            rows = [{"queue": name, "digest": digest, "known_at": now} for digest in digests]
            if rows:
                connection.execute(_insert(self._database, queue_events).on_conflict_do_nothing(), rows)

    def forget_events(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget events that were worked on before a moment; return how many."""
        return retention.prune(self._database, queue_events, queue_events.c.known_at < before, dry_run=dry_run)

    def dead_letter(self, name: str, messages: Sequence[DeadMessage]) -> int:
        """Set messages of a queue aside; return how many. One that is there already stays as it is.

        Of one queue the last thousand are kept.
        """
        buried = 0
        with self._database.write_transaction() as connection:
            for message in messages:
                row = {
                    "queue": name,
                    "message_id": message.message_id,
                    "reason": message.reason,
                    "body": message.body,
                    "received_at": message.received_at,
                }
                new = _insert(self._database, dead_messages).values(**row)
                buried += connection.execute(
                    new.on_conflict_do_nothing(index_elements=["queue", "message_id"])
                ).rowcount
            if buried:
                _upsert(self._database, connection, name, {})
                more = update(queues).where(queues.c.name == name).values(dead=queues.c.dead + buried)
                connection.execute(more)
                _let_the_oldest_go(connection, name)
        return buried

    def dead_messages(self, ids: Collection[int]) -> list[DeadMessage]:
        """Messages of these ids that were set aside, oldest first."""
        found: list[DeadMessage] = []
        with self._database.read_transaction() as connection:
            for some in in_batches(sorted(ids), AT_ONCE):
                query = select(dead_messages).where(dead_messages.c.id.in_(some)).order_by(dead_messages.c.id)
                found += [DeadMessage(**row) for row in connection.execute(query).mappings()]
        return found

    def each_dead_message(
        self, names: Collection[str] | None = None, *, characters: int | None = None
    ) -> Iterator[DeadMessage]:
        """Messages of some queues that were set aside, oldest first; `characters`: of their bodies, so much."""
        body = dead_messages.c.body if characters is None else func.substr(dead_messages.c.body, 1, characters)
        others = [column for column in dead_messages.c if column is not dead_messages.c.body]
        query = select(*others, body.label("body")).order_by(dead_messages.c.id).limit(PAGE)
        if names is not None:
            query = query.where(dead_messages.c.queue.in_(list(names)))
        last = 0
        while True:
            with self._database.read_transaction() as connection:
                page = [
                    DeadMessage(**row) for row in connection.execute(query.where(dead_messages.c.id > last)).mappings()
                ]
            yield from page
            if len(page) < PAGE:
                return
            last = page[-1].id

    def drop_dead_messages(self, ids: Collection[int]) -> int:
        """Forget messages that were set aside; return how many."""
        with self._database.write_transaction() as connection:
            return sum(
                connection.execute(delete(dead_messages).where(dead_messages.c.id.in_(some))).rowcount
                for some in in_batches(ids, AT_ONCE)
            )

    def drop_all_dead_messages(self, names: Collection[str]) -> int:
        """Forget all messages of some queues that were set aside; return how many."""
        with self._database.write_transaction() as connection:
            return connection.execute(delete(dead_messages).where(dead_messages.c.queue.in_(list(names)))).rowcount

    def troubles(self) -> list[QueueTrouble]:
        """Queues with messages that could not be used, or that cannot be looked at."""
        dead = dead_messages.c
        count = select(dead.queue, func.count().label("dead"), func.max(dead.id).label("last")).group_by(dead.queue)
        counted = count.subquery()
        worst = select(counted.c.queue, counted.c.dead, dead.reason).join(dead_messages, dead.id == counted.c.last)
        failing = select(queues.c.name, queues.c.error).where(queues.c.error.is_not(None))
        with self._database.read_transaction() as connection:
            found = {row.queue: QueueTrouble(row.queue, row.dead, row.reason) for row in connection.execute(worst)}
            for row in connection.execute(failing):
                known = found.get(row.name, QueueTrouble(row.name))
                found[row.name] = QueueTrouble(row.name, known.dead, known.reason, row.error)
        return list(found.values())


def _let_the_oldest_go(connection: Connection, name: str) -> None:
    dead = dead_messages.c
    oldest = select(dead.id).where(dead.queue == name).order_by(dead.id.desc()).offset(MOST_DEAD - 1).limit(1)
    connection.execute(delete(dead_messages).where(dead.queue == name, dead.id < oldest.scalar_subquery()))


def _insert(database: Database, table: Any) -> Any:
    return (sqlite if database.is_sqlite else postgresql).insert(table)


def _upsert(database: Database, connection: Connection, name: str, values: dict[str, Any]) -> None:
    new = _insert(database, queues).values(name=name, **values)
    if values:
        connection.execute(new.on_conflict_do_update(index_elements=["name"], set_=values))
    else:
        connection.execute(new.on_conflict_do_nothing(index_elements=["name"]))
