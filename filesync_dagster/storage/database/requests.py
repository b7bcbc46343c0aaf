"""Syncs that were asked for from outside: by a webhook, over REST, by a message. They wait until they are done."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.records import RequestRecord
from filesync_dagster.storage.database.row_streams import AT_ONCE, in_batches
from filesync_dagster.storage.database.tables import requests


def ask(database: Database, endpoint: str, source: str, *, full: bool) -> bool:
    """See Metadata.ask."""
    with database.read_transaction() as connection:
        if _is_asked(connection, endpoint, full=full):
            return False  # most hints come in bursts: they cost no write
    with database.write_transaction() as connection:
        if _is_asked(connection, endpoint, full=full):
            return False
        row = {"endpoint": endpoint, "full": full, "source": source, "requested_at": database.now(connection)}
        connection.execute(insert(requests).values(**row))
    return True


def _is_asked(connection: Connection, endpoint: str, *, full: bool) -> bool:
    """Tell whether a request waits that no run has set about: the listing of one that has may be past a change."""
    waiting = select(requests.c.id).where(
        requests.c.endpoint == endpoint, requests.c.taken_at.is_(None), requests.c.done_at.is_(None)
    )
    if full:
        waiting = waiting.where(requests.c.full)
    return connection.execute(waiting.limit(1)).first() is not None


def waiting_requests(database: Database) -> list[RequestRecord]:
    """See Metadata.waiting_requests."""
    with database.read_transaction() as connection:
        query = select(requests).where(requests.c.done_at.is_(None)).order_by(requests.c.id)
        return [RequestRecord(**row) for row in connection.execute(query).mappings()]


def take(database: Database, names: Iterable[str]) -> list[RequestRecord]:
    """See Metadata.take_requests."""
    found: list[RequestRecord] = []
    with database.write_transaction() as connection:
        now = database.now(connection)
        for some in in_batches(names, AT_ONCE):
            taking = (
                update(requests)
                .where(requests.c.endpoint.in_(some), requests.c.done_at.is_(None))
                .values(taken_at=now)
                .returning(*requests.c)
            )
            found += [RequestRecord(**row) for row in connection.execute(taking).mappings()]
    return found


def settle(database: Database, ids: Collection[int]) -> None:
    """See Metadata.settle_requests."""
    with database.write_transaction() as connection:
        now = database.now(connection)
        for some in in_batches(ids, AT_ONCE):
            connection.execute(update(requests).where(requests.c.id.in_(some)).values(done_at=now))


def prune(database: Database, before: datetime, *, dry_run: bool) -> int:
    """See Metadata.prune_requests."""
    return retention.prune(database, requests, requests.c.requested_at < before, dry_run=dry_run)
