"""What is wrong and who was told: one row for each subject and kind, whose last transition is told once."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, null, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.tables import alerts

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


class AlertRepository:
    """What is and was wrong, and who was told of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, *, standing: bool = False) -> list[AlertRecord]:
        """What is wrong and, unless only what stands is asked for, what was wrong; oldest first."""
        query = select(*_columns()).order_by(alerts.c.raised_at, alerts.c.subject, alerts.c.kind)
        if standing:
            query = query.where(alerts.c.cleared_at.is_(None))
        with self._database.read_transaction() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def raise_all(self, found: Iterable[AlertRecord], seen_at: datetime) -> None:
        """Let these stand, untold. One that stands already stays as it is, told or not.

        `seen_at`: when it was looked, by `now`. One that was cleared since then stays cleared.
        """
        rows: list[dict[str, Any]] = [
            {"subject": a.subject, "kind": a.kind, "raised_at": a.raised_at, "sentence": a.sentence, "hint": a.hint,
             "run_id": a.run_id, "told": [], "attempts": 0}
            for a in found
        ]  # fmt: skip
        if not rows:
            return
        statement = (sqlite if self._database.is_sqlite else postgresql).insert(alerts)
        new = {name: statement.excluded[name] for name in ("raised_at", "sentence", "hint", "run_id")}
        statement = statement.on_conflict_do_update(
            index_elements=[alerts.c.subject, alerts.c.kind],
            set_={**new, **_UNTOLD, "cleared_at": null()},
            # Who looked before it was cleared knows less than who cleared it.
            where=alerts.c.cleared_at < seen_at,
        )
        with self._database.write_transaction() as connection:
            connection.execute(statement, rows)

    def clear(self, keys: Iterable[tuple[Key, str | None]], seen_at: datetime, *, silently: bool = False) -> None:
        """Let these be over, untold unless `silently`; each with the run that cleared it, where there is one.

        One that was raised after `seen_at` stands.
        """
        found = list(keys)
        if not found:
            return  # most looks: nobody waits for the lock of a sync that commits
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            for (subject, kind), run_id in found:
                standing = (alerts.c.cleared_at.is_(None), alerts.c.raised_at <= seen_at)
                news = {"told_at": now, "error": null(), "try_at": null()} if silently else _UNTOLD
                connection.execute(
                    update(alerts)
                    .where(alerts.c.subject == subject, alerts.c.kind == kind, *standing)
                    .values(cleared_at=now, **news, **({"run_id": run_id} if run_id else {}))
                )

    def claim(self, seconds: float) -> list[AlertRecord]:
        """Every transition that is to be told now. Nobody else gets it before so many seconds have passed."""
        untold = alerts.c.told_at.is_(None)
        with self._database.read_transaction() as connection:
            if connection.execute(select(alerts.c.subject).where(untold).limit(1)).first() is None:
                return []
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            waits = (untold, or_(alerts.c.try_at.is_(None), alerts.c.try_at <= now))
            statement = (
                update(alerts)
                .where(*waits)
                .values(attempts=alerts.c.attempts + 1, try_at=now + timedelta(seconds=seconds))
                .returning(*_columns())
            )
            claimed = [_record(row) for row in connection.execute(statement).mappings()]
        return sorted(claimed, key=lambda a: (a.raised_at, a.subject, a.kind))

    def note_told(
        self,
        told: Collection[AlertRecord],
        channels: Collection[str],
        *,
        error: str | None = None,
        wait: float | None = None,
    ) -> None:
        """Note which channels know of claimed transitions by now.

        `wait`: seconds until the others are tried again; None: there are no others. What has changed since it was
        claimed is left alone: the later transition is still to be told.
        """
        with self._database.write_transaction() as connection:
            now = self._database.now(connection)
            outcome: dict[str, Any] = {"told": sorted(channels), "error": error}
            if wait is None:
                outcome |= {"told_at": now, "try_at": null()}
            else:
                outcome |= {"try_at": now + timedelta(seconds=wait)}
            for alert in told:
                connection.execute(update(alerts).where(_unchanged(alert)).values(**outcome))

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete alerts that were over, and told, before a moment; return how many (with `dry_run`, would be)."""
        where = (alerts.c.cleared_at < before, alerts.c.told_at.is_not(None))
        return retention.prune(self._database, alerts, *where, dry_run=dry_run)


def _unchanged(alert: AlertRecord) -> Any:
    """Match the row as long as there was no transition since it was claimed."""
    cleared = alerts.c.cleared_at
    same = cleared.is_(None) if alert.cleared_at is None else cleared == alert.cleared_at
    return and_(
        alerts.c.subject == alert.subject, alerts.c.kind == alert.kind, alerts.c.raised_at == alert.raised_at, same
    )


def _columns() -> list[Any]:
    return [alerts.c[item.name] for item in fields(AlertRecord)]


def _record(row: Any) -> AlertRecord:
    return AlertRecord(**{**row, "told": tuple(row["told"])})
