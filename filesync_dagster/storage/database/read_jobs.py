"""Reads of data sources: who asked for which tables, how far it is, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, insert, select, tuple_, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database import retention
from filesync_dagster.storage.database.data_sources import SourceConflict
from filesync_dagster.storage.database.data_tables import read_jobs
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.processes import Process

UNFINISHED: Final = ("queued", "running")


class UnknownRead(TableError):
    """There is no read of this id."""


@dataclass(frozen=True, slots=True)
class ReadJobRecord:
    """One read of a data source."""

    id: str
    source: str
    who: str
    created_at: datetime
    state: str = "queued"  # queued | running | completed | failed | cancelled
    tables: Sequence[str] = ()  # the names that were asked for; () is all
    row_limit: int | None = None
    progress: Mapping[str, Any] = field(default_factory=dict)
    table_ids: Sequence[str] = ()
    error: str | None = None
    error_code: str | None = None
    error_hint: str | None = None
    error_field: str | None = None
    worker: Mapping[str, Any] | None = None
    cancel_asked_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more becomes of it."""
        return self.state not in UNFINISHED

    @property
    def is_deserted(self) -> bool:
        """Whether the process that was at it is certainly gone."""
        return self.state == "running" and self.worker is not None and Process.parse(dict(self.worker)).is_dead()


class ReadJobRepository:
    """See the module's docstring. Of a source, one read at most is unfinished."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(
        self, read_id: str, source: str, who: str, tables: Sequence[str], *, row_limit: int | None, queued_max: int
    ) -> ReadJobRecord:
        """Add a read that waits for its turn. Raises SourceConflict: "running", or "busy" when too many wait."""
        column = read_jobs.c
        waiting = select(column.source).where(column.state.in_(UNFINISHED))
        with self._database.write_transaction() as connection:
            unfinished = connection.execute(waiting).scalars().all()
            if source in unfinished:
                raise SourceConflict(
                    f"The source {source} is being read already.", hint="Wait for it, or cancel it.", code="running"
                )
            if len(unfinished) >= queued_max:
                raise SourceConflict(
                    f"{len(unfinished)} sources wait to be read.", hint="Try again later.", code="busy"
                )
            now = self._database.now(connection)
            record = ReadJobRecord(read_id, source, who, now, tables=tuple(tables), row_limit=row_limit)
            values = {item.name: getattr(record, item.name) for item in fields(record)}
            values |= {"tables": list(tables), "table_ids": []}
            connection.execute(insert(read_jobs).values(**values))
        return record

    def find(self, read_id: str) -> ReadJobRecord | None:
        """Return a read, or None."""
        found = self._records(read_jobs.c.id == read_id)
        return found[0] if found else None

    def get(self, read_id: str) -> ReadJobRecord:
        """Return a read. Raises UnknownRead."""
        found = self.find(read_id)
        if found is None:
            raise UnknownRead(f"There is no read {read_id!r}.", hint="It may be too old.", code="not_found")
        return found

    def newest(self, source: str | None = None, limit: int = 20) -> list[ReadJobRecord]:
        """Return reads, of all sources or one, newest first."""
        where = [] if source is None else [read_jobs.c.source == source]
        return self._records(*where, limit=limit)

    def latest_by_source(self) -> dict[str, ReadJobRecord]:
        """Return the newest read of each source that was read."""
        newest = select(read_jobs.c.source, func.max(read_jobs.c.created_at).label("newest"))
        last = newest.group_by(read_jobs.c.source).subquery()
        is_last = tuple_(read_jobs.c.source, read_jobs.c.created_at).in_(select(last.c.source, last.c.newest))
        return {record.source: record for record in self._records(is_last)}

    def find_unfinished(self) -> list[ReadJobRecord]:
        """Return the reads that wait or are worked on, oldest first."""
        return self._records(read_jobs.c.state.in_(UNFINISHED))[::-1]

    def begin(self, read_id: str, worker: Mapping[str, Any]) -> bool:
        """Note that a process is at it; False when it waits no longer."""
        values = {"state": "running", "worker": dict(worker)}
        return self._step(read_id, ("queued",), values, moment="started_at")

    def note_progress(self, read_id: str, progress: Mapping[str, Any]) -> bool:
        """Note how far it is; return whether it is still wanted."""
        wanted = (read_jobs.c.id == read_id, read_jobs.c.state == "running")
        with self._database.write_transaction(fleeting=True) as connection:
            statement = update(read_jobs).where(*wanted, read_jobs.c.cancel_asked_at.is_(None))
            return connection.execute(statement.values(progress=dict(progress))).rowcount > 0

    def ask_cancel(self, read_id: str) -> ReadJobRecord:
        """Ask for its end: at once where it waits, soon where it runs. Raises UnknownRead."""
        self.get(read_id)
        if not self._step(read_id, ("queued",), {"state": "cancelled"}, moment="finished_at"):
            self._step(read_id, ("running",), {}, moment="cancel_asked_at")
        return self.get(read_id)

    def finish(self, read_id: str, state: str, **values: Any) -> bool:
        """Note what became of it; False when that is known already."""
        return self._step(read_id, UNFINISHED, {"state": state, **values}, moment="finished_at")

    def prune(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget reads that ended before a moment; return how many rows."""
        return retention.prune(self._database, read_jobs, read_jobs.c.finished_at < before, dry_run=dry_run)

    def _step(self, read_id: str, states: Sequence[str], values: Mapping[str, Any], *, moment: str) -> bool:
        which = (read_jobs.c.id == read_id, read_jobs.c.state.in_(states))
        with self._database.write_transaction() as connection:
            known = func.coalesce(read_jobs.c[moment], self._database.now(connection))
            return connection.execute(update(read_jobs).where(*which).values(**values, **{moment: known})).rowcount > 0

    def _records(self, *where: Any, limit: int = 1000) -> list[ReadJobRecord]:
        columns = [read_jobs.c[item.name] for item in fields(ReadJobRecord)]
        query = select(*columns).where(*where).order_by(read_jobs.c.created_at.desc(), read_jobs.c.id.desc())
        with self._database.read_transaction() as connection:
            return [ReadJobRecord(*row) for row in connection.execute(query.limit(limit))]
