"""Reads of data sources: when each was read, what came of it, and which wait for a decision."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import source_reads
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.stored_tables import StoredTableRecord, decide_held, insert_tables


@dataclass(frozen=True, slots=True)
class SourceReadRecord:
    """One read of a data source. `findings`: its relations, and what the checks found, as JSON."""

    id: str
    source: str
    day: str  # YYYY-MM-DD
    mode: str  # live | reread
    state: str  # committed | held | approved | rejected | replaced | failed
    started_at: datetime
    finished_at: datetime
    is_whole: bool = True
    tables: int = 0
    rows: int = 0
    bytes: int = 0
    data_version: str | None = None
    findings: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    error_code: str | None = None
    run_id: str | None = None


class SourceReadRepository:
    """See the module's docstring. Of a source, one read at most is held."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit(self, read: SourceReadRecord, tables: Collection[StoredTableRecord] = ()) -> None:
        """Note a read together with its tables, in one transaction.

        A read that came to its end takes the place of the one that was held; one that failed leaves it.
        """
        with self._database.write_transaction() as connection:
            if read.state in {"committed", "held"}:
                decide_held(connection, read.source, approve=False)
                _close_held(connection, read.source, "replaced")
            insert_tables(connection, tables)
            connection.execute(insert(source_reads).values(**_values(read)))

    def decide(self, read_id: str, *, approve: bool) -> SourceReadRecord:
        """Make what was held the current tables of its day, or let go of it. Raises TableError (`not_held`)."""
        with self._database.write_transaction() as connection:
            row = connection.execute(select(*_columns()).where(source_reads.c.id == read_id)).one_or_none()
            record = SourceReadRecord(*row) if row else None
            state = "approved" if approve else "rejected"
            if record is None or not _close_held(connection, record.source, state, read_id):
                raise TableError(
                    "This read waits for no decision.", hint="Look again at what is held.", code="not_held"
                )
            decide_held(connection, record.source, approve=approve)
        return record

    def held(self, source: str) -> SourceReadRecord | None:
        """Return the read of a source that waits for a decision, or None."""
        found = self._records(source_reads.c.source == source, source_reads.c.state == "held")
        return found[-1] if found else None

    def held_by_source(self) -> dict[str, SourceReadRecord]:
        """Return what waits for a decision, by source."""
        return {record.source: record for record in self._records(source_reads.c.state == "held")}

    def last_by_source(self, *, states: Collection[str] | None = None) -> dict[str, SourceReadRecord]:
        """Return the last read of each source as it was then, or the last one of some states; no past days."""
        column = source_reads.c
        where = [column.mode == "live", *([] if states is None else [column.state.in_(states)])]
        newest = select(column.source, func.max(column.finished_at).label("at")).where(*where).group_by(column.source)
        last = newest.subquery()
        query = select(*_columns()).join(last, (column.source == last.c.source) & (column.finished_at == last.c.at))
        with self._database.read_transaction() as connection:
            rows = [SourceReadRecord(*row) for row in connection.execute(query.where(*where))]
        return {record.source: record for record in rows}

    def last_until(self, source: str, day: str, *, since: str = "") -> SourceReadRecord | None:
        """Return the read whose tables are the current ones of a day, or of the last one before it that has any."""
        column = source_reads.c
        current = column.state.in_(("committed", "approved"))
        where = (column.source == source, column.day <= day, column.day >= since, current, column.is_whole.is_(True))
        newest_first = (column.day.desc(), column.finished_at.desc())
        with self._database.read_transaction() as connection:
            query = select(*_columns()).where(*where).order_by(*newest_first).limit(1)
            row = connection.execute(query).one_or_none()
        return SourceReadRecord(*row) if row else None

    def prune(self, before: datetime) -> int:
        """Forget reads that ended before a moment and wait for nothing; return how many."""
        column = source_reads.c
        old = (column.finished_at < before, column.state != "held")
        with self._database.write_transaction() as connection:
            return connection.execute(delete(source_reads).where(*old)).rowcount

    def _records(self, *where: Any) -> list[SourceReadRecord]:
        query = select(*_columns()).where(*where).order_by(source_reads.c.finished_at, source_reads.c.id)
        with self._database.read_transaction() as connection:
            return [SourceReadRecord(*row) for row in connection.execute(query)]


def _columns() -> list[Any]:
    return [source_reads.c[item.name] for item in fields(SourceReadRecord)]


def _values(record: SourceReadRecord) -> dict[str, Any]:
    return {item.name: getattr(record, item.name) for item in fields(record)}


def _close_held(connection: Connection, source: str, state: str, read_id: str | None = None) -> bool:
    where = [source_reads.c.source == source, source_reads.c.state == "held"]
    if read_id is not None:
        where.append(source_reads.c.id == read_id)
    return connection.execute(update(source_reads).where(*where).values(state=state)).rowcount > 0
