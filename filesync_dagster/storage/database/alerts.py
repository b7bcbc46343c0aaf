"""What is wrong and who was told: one row for each subject and kind, whose last transition is told once."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, bindparam, func, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.tables import alerts, dead_messages, endpoints, queues, sync_logs

Key = tuple[str, str]
"""A subject and a kind."""


@dataclass(frozen=True, slots=True)
class AlertRecord:
    """One thing that is, or was, wrong."""

    subject: str  # the name of an endpoint, a queue, a channel, a job; "configuration"
    kind: str
    raised_at: datetime
    sentence: str
    hint: str | None = None
    run_id: str | None = None  # of the run that raised it; of the one that cleared it, when it is known
    cleared_at: datetime | None = None  # null: it stands
    told_at: datetime | None = None  # null: the last transition is not told yet, not to every channel
    told: tuple[str, ...] = ()  # the channels that know of the last transition
    attempts: int = 0  # to tell it
    try_at: datetime | None = None  # not before
    error: str | None = None  # of the last attempt

    @property
    def key(self) -> Key:
        """What tells it from others."""
        return self.subject, self.kind

    @property
    def stands(self) -> bool:
        """Whether it is still wrong."""
        return self.cleared_at is None


@dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """How often an endpoint is synced, or else it is stale."""

    registered_at: datetime
    seconds: int | None = None  # 0: nothing is expected of it; None: not noted yet
    since: datetime | None = None  # that is expected; None: since it is registered


@dataclass(frozen=True, slots=True)
class QueueTrouble:
    """What is wrong with a queue: messages that could not be used, or that it cannot be looked at."""

    name: str
    dead: int = 0
    reason: str | None = None  # of the last of them
    error: str | None = None


_UNTOLD = {"told_at": null(), "told": [], "attempts": 0, "try_at": null(), "error": null()}


def read(database: Database, *, standing: bool = False) -> list[AlertRecord]:
    """See Metadata.alerts."""
    query = select(*_columns()).order_by(alerts.c.raised_at, alerts.c.subject, alerts.c.kind)
    if standing:
        query = query.where(alerts.c.cleared_at.is_(None))
    with database.read_transaction() as connection:
        return [_record(row) for row in connection.execute(query).mappings()]


def raise_(database: Database, found: Iterable[AlertRecord], seen_at: datetime) -> None:
    """See Metadata.raise_alerts."""
    rows: list[dict[str, Any]] = [
        {"subject": a.subject, "kind": a.kind, "raised_at": a.raised_at, "sentence": a.sentence, "hint": a.hint,
         "run_id": a.run_id, "told": [], "attempts": 0}
        for a in found
    ]  # fmt: skip
    if not rows:
        return
    statement = (sqlite if database.is_sqlite else postgresql).insert(alerts)
    new = {name: statement.excluded[name] for name in ("raised_at", "sentence", "hint", "run_id")}
    statement = statement.on_conflict_do_update(
        index_elements=[alerts.c.subject, alerts.c.kind],
        set_={**new, **_UNTOLD, "cleared_at": null()},
        # Who looked before it was cleared knows less than who cleared it.
        where=alerts.c.cleared_at < seen_at,
    )
    with database.write_transaction() as connection:
        connection.execute(statement, rows)


def clear(
    database: Database, keys: Iterable[tuple[Key, str | None]], seen_at: datetime, *, silently: bool = False
) -> None:
    """See Metadata.clear_alerts."""
    found = list(keys)
    if not found:
        return  # most looks: nobody waits for the lock of a sync that commits
    with database.write_transaction() as connection:
        now = database.now(connection)
        for (subject, kind), run_id in found:
            standing = (alerts.c.cleared_at.is_(None), alerts.c.raised_at <= seen_at)
            news = {"told_at": now, "error": null(), "try_at": null()} if silently else _UNTOLD
            connection.execute(
                update(alerts)
                .where(alerts.c.subject == subject, alerts.c.kind == kind, *standing)
                .values(cleared_at=now, **news, **({"run_id": run_id} if run_id else {}))
            )


def claim(database: Database, seconds: float) -> list[AlertRecord]:
    """See Metadata.claim_alerts."""
    untold = alerts.c.told_at.is_(None)
    with database.read_transaction() as connection:
        if connection.execute(select(alerts.c.subject).where(untold).limit(1)).first() is None:
            return []
    with database.write_transaction() as connection:
        now = database.now(connection)
        waits = (untold, or_(alerts.c.try_at.is_(None), alerts.c.try_at <= now))
        statement = (
            update(alerts)
            .where(*waits)
            .values(attempts=alerts.c.attempts + 1, try_at=now + timedelta(seconds=seconds))
            .returning(*_columns())
        )
        claimed = [_record(row) for row in connection.execute(statement).mappings()]
    return sorted(claimed, key=lambda a: (a.raised_at, a.subject, a.kind))


def note(
    database: Database,
    told: Collection[AlertRecord],
    channels: Collection[str],
    *,
    error: str | None = None,
    wait: float | None = None,
) -> None:
    """See Metadata.note_told."""
    with database.write_transaction() as connection:
        now = database.now(connection)
        outcome: dict[str, Any] = {"told": sorted(channels), "error": error}
        if wait is None:
            outcome |= {"told_at": now, "try_at": null()}
        else:
            outcome |= {"try_at": now + timedelta(seconds=wait)}
        for alert in told:
            connection.execute(update(alerts).where(_unchanged(alert)).values(**outcome))


def _unchanged(alert: AlertRecord) -> Any:
    """Match the row as long as there was no transition since it was claimed."""
    cleared = alerts.c.cleared_at
    same = cleared.is_(None) if alert.cleared_at is None else cleared == alert.cleared_at
    return and_(
        alerts.c.subject == alert.subject, alerts.c.kind == alert.kind, alerts.c.raised_at == alert.raised_at, same
    )


def prune(database: Database, before: datetime, *, dry_run: bool) -> int:
    """See Metadata.prune_alerts."""
    where = (alerts.c.cleared_at < before, alerts.c.told_at.is_not(None))
    return retention.prune(database, alerts, *where, dry_run=dry_run)


def queue_troubles(database: Database) -> list[QueueTrouble]:
    """See Metadata.queue_troubles."""
    dead = dead_messages.c
    count = select(dead.queue, func.count().label("dead"), func.max(dead.id).label("last")).group_by(dead.queue)
    counted = count.subquery()
    worst = select(counted.c.queue, counted.c.dead, dead.reason).join(dead_messages, dead.id == counted.c.last)
    failing = select(queues.c.name, queues.c.error).where(queues.c.error.is_not(None))
    with database.read_transaction() as connection:
        found = {row.queue: QueueTrouble(row.queue, row.dead, row.reason) for row in connection.execute(worst)}
        for row in connection.execute(failing):
            known = found.get(row.name, QueueTrouble(row.name))
            found[row.name] = QueueTrouble(row.name, known.dead, known.reason, row.error)
    return list(found.values())


def read_expectations(database: Database) -> dict[str, ExpectedRecord]:
    """See Metadata.expectations."""
    table = endpoints.c
    query = select(table.name, table.created_at, table.expected_seconds, table.expected_since)
    with database.read_transaction() as connection:
        return {row.name: ExpectedRecord(*row[1:]) for row in connection.execute(query)}


def expect(database: Database, found: Mapping[str, ExpectedRecord]) -> None:
    """See Metadata.expect."""
    if not found:
        return
    with database.write_transaction() as connection:
        connection.execute(
            update(endpoints).where(endpoints.c.name == bindparam("of")),
            [
                {"of": name, "expected_seconds": record.seconds, "expected_since": record.since}
                for name, record in found.items()
            ],
        )


def synced_in(database: Database, run_id: str, since: datetime) -> set[str]:
    """See Metadata.synced_in. Through the index of each endpoint: there is none on the run."""
    log = sync_logs.c
    query = select(endpoints.c.name).join_from(
        endpoints, sync_logs, and_(log.endpoint_id == endpoints.c.id, log.sync_completed >= since)
    )
    with database.read_transaction() as connection:
        return set(connection.execute(query.where(log.run_id == run_id)).scalars())


def now(database: Database) -> datetime:
    """See Metadata.now."""
    with database.read_transaction() as connection:
        return database.now(connection)


def _columns() -> list[Any]:
    return [alerts.c[item.name] for item in fields(AlertRecord)]


def _record(row: Any) -> AlertRecord:
    return AlertRecord(**{**row, "told": tuple(row["told"])})
