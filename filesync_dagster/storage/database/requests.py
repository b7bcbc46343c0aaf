"""Syncs that were asked for from outside: by a webhook, over REST, by a message. They wait until they are done."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.records import RequestRecord
from filesync_dagster.storage.database.tables import requests


class RequestRepository:
    """Syncs that were asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ask(self, endpoint: str, source: str, *, full: bool = False) -> bool:
        """Ask for a sync of an endpoint, by its name; False when the same, or more, is already asked for.

        A request that no run has taken says all that a later one could: whoever takes it syncs what is there then.
        """
        with self._database.read_transaction() as connection:
            if _is_asked(connection, endpoint, full=full):
                return False  # most hints come in bursts: they cost no write
        with self._database.write_transaction() as connection:
            if _is_asked(connection, endpoint, full=full):
                return False
            row = {"endpoint": endpoint, "full": full, "source": source, "requested_at": self._database.now(connection)}
            connection.execute(insert(requests).values(**row))
        return True

    def read(self) -> list[RequestRecord]:
        """Syncs that were asked for and are not done, oldest first."""
        with self._database.read_transaction() as connection:
            query = select(requests).where(requests.c.done_at.is_(None)).order_by(requests.c.id)
            return [RequestRecord(**row) for row in connection.execute(query).mappings()]

    def take(self, names: Iterable[str]) -> list[RequestRecord]:
        """Note that a run sets about what waits for these endpoints, and return it. It waits until it is settled."""
        found: list[RequestRecord] = []
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            for some in in_batches(names, AT_ONCE):
                taking = (
                    update(requests)
                    .where(requests.c.endpoint.in_(some), requests.c.done_at.is_(None))
                    .values(taken_at=now)
                    .returning(*requests.c)
                )
                found += [RequestRecord(**row) for row in connection.execute(taking).mappings()]
        return found

    def settle(self, ids: Collection[int]) -> None:
        """Note that syncs which were asked for are done."""
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            for some in in_batches(ids, AT_ONCE):
                connection.execute(update(requests).where(requests.c.id.in_(some)).values(done_at=now))

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget what was asked for before a moment, done or of nobody's interest; return how many."""
        return retention.prune(self._database, requests, requests.c.requested_at < before, dry_run=dry_run)


def _is_asked(connection: Connection, endpoint: str, *, full: bool) -> bool:
    """Tell whether a request waits that no run has set about: the listing of one that has may be past a change."""
    waiting = select(requests.c.id).where(
        requests.c.endpoint == endpoint, requests.c.taken_at.is_(None), requests.c.done_at.is_(None)
    )
    if full:
        waiting = waiting.where(requests.c.full)
    return connection.execute(waiting.limit(1)).first() is not None
