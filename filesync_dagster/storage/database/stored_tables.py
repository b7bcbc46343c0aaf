"""Stored tables: what was read of each source on each day, and where its rows are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, insert, or_, select, tuple_, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import stored_tables
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches


class UnknownTable(TableError):
    """There is no stored table of this id or name."""


@dataclass(frozen=True, slots=True)
class StoredTableRecord:
    """A table that was read. `schema` is that of `tables.model`, as JSON."""

    id: str
    name: str
    schema: Mapping[str, Any]
    manifest_uri: str
    rows: int
    bytes: int
    content_hash: str
    day: str  # YYYY-MM-DD
    created_at: datetime
    source: str = ""  # its name; "" of an upload
    source_id: str | None = None
    upload_id: str | None = None
    state: str = "current"  # current | held | replaced
    held_reason: str | None = None
    run_id: str | None = None
    relations: Sequence[Mapping[str, Any]] = field(default_factory=list)  # of which it is the child, likewise


class StoredTableRepository:
    """See the module's docstring. Of a source, a table and a day, one row at most is current."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, records: Collection[StoredTableRecord]) -> None:
        """Add tables that were read together.

        Each replaces what is current of its source, name and day; those of an upload replace all that was read of it.
        """
        again = {record.upload_id for record in records if record.upload_id is not None}
        with self._database.write_transaction() as connection:
            if again:
                of_uploads = stored_tables.c.upload_id.in_(again)
                connection.execute(update(stored_tables).where(of_uploads).values(state="replaced"))
            insert_tables(connection, records)

    def find(self, table_id: str) -> StoredTableRecord | None:
        """Return a table by its id, or None."""
        found = self._records(stored_tables.c.id == table_id)
        return found[0] if found else None

    def get(self, table_id: str) -> StoredTableRecord:
        """Return a table by its id. Raises UnknownTable."""
        found = self.find(table_id)
        if found is None:
            raise UnknownTable(f"There is no table {table_id!r}.", hint="It may have expired.", code="not_found")
        return found

    def of_upload(self, upload_id: str) -> list[StoredTableRecord]:
        """Return what was read of an upload last."""
        return self._records(stored_tables.c.upload_id == upload_id, stored_tables.c.state == "current")

    def of_run(self, source: str, run_id: str) -> list[StoredTableRecord]:
        """Return what one run brought of a source, whatever replaced it since."""
        return self._records(stored_tables.c.source == source, stored_tables.c.run_id == run_id)

    def latest(self, source: str, *, day: str | None = None, until: str | None = None) -> list[StoredTableRecord]:
        """Return the current table of each name of a source: of a day, or of the last day (`until` one) it has."""
        where = [stored_tables.c.source == source, stored_tables.c.state == "current"]
        if day is not None:
            where.append(stored_tables.c.day == day)
        if until is not None:
            where.append(stored_tables.c.day <= until)
        newest = {record.name: record for record in self._records(*where)}  # days ascend
        return sorted(newest.values(), key=lambda record: record.name)

    def held(self, source: str) -> list[StoredTableRecord]:
        """Return the tables of a source that wait for a decision."""
        return self._records(stored_tables.c.source == source, stored_tables.c.state == "held")

    def page(
        self,
        *,
        source: str | None = None,
        upload_id: str | None = None,
        states: Collection[str] = ("current", "held"),
        limit: int = 100,
        before: tuple[datetime, str] | None = None,
    ) -> list[StoredTableRecord]:
        """Return tables, newest first: those behind one that was created then and has that id."""
        place = (stored_tables.c.created_at, stored_tables.c.id)
        query = select(*_columns()).where(stored_tables.c.state.in_(states))
        if source is not None:
            query = query.where(stored_tables.c.source == source)
        if upload_id is not None:
            query = query.where(stored_tables.c.upload_id == upload_id)
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        with self._database.read_transaction() as connection:
            rows = connection.execute(query.order_by(*(column.desc() for column in place)).limit(limit))
            return [StoredTableRecord(*row) for row in rows]

    def note_schema(self, table_id: str, schema: Mapping[str, Any]) -> bool:
        """Note what was found out about a table since it was read: its profile, confirmed keys."""
        with self._database.write_transaction() as connection:
            statement = update(stored_tables).where(stored_tables.c.id == table_id).values(schema=dict(schema))
            return connection.execute(statement).rowcount > 0

    def note_relations(self, table_id: str, relations: Sequence[Mapping[str, Any]]) -> bool:
        """Note how a table belongs to others, as somebody decided."""
        with self._database.write_transaction() as connection:
            given = [dict(one) for one in relations]
            statement = update(stored_tables).where(stored_tables.c.id == table_id).values(relations=given)
            return connection.execute(statement).rowcount > 0

    def approve(self, table_id: str) -> StoredTableRecord:
        """Let a held table be the current one of its day. Raises UnknownTable, TableError when it is not held."""
        record = self.get(table_id)
        with self._database.write_transaction() as connection:
            connection.execute(update(stored_tables).where(*_same_place(record)).values(state="replaced"))
            held = (stored_tables.c.id == table_id, stored_tables.c.state == "held")
            now_current = update(stored_tables).where(*held).values(state="current", held_reason=None)
            if not connection.execute(now_current).rowcount:
                raise TableError(f"The table {record.name} waits for no decision.", code="not_held")
        return self.get(table_id)

    def remove(self, ids: Collection[str]) -> int:
        """Forget tables; return how many."""
        gone = 0
        with self._database.write_transaction() as connection:
            for some in in_batches(ids, AT_ONCE):
                gone += connection.execute(delete(stored_tables).where(stored_tables.c.id.in_(some))).rowcount
        return gone

    def prunable(self, replaced_before: datetime, before: datetime) -> list[StoredTableRecord]:
        """Return tables of sources past their time: replaced before one moment, or read before another."""
        column = stored_tables.c
        old = or_(and_(column.state == "replaced", column.created_at < replaced_before), column.created_at < before)
        return self._records(column.upload_id.is_(None), old)

    def uris(self) -> set[str]:
        """Return every manifest that a table points to."""
        with self._database.read_transaction() as connection:
            return set(connection.execute(select(stored_tables.c.manifest_uri)).scalars())

    def _records(self, *where: Any) -> list[StoredTableRecord]:
        column = stored_tables.c
        query = select(*_columns()).where(*where).order_by(column.day, column.created_at, column.id)
        with self._database.read_transaction() as connection:
            return [StoredTableRecord(*row) for row in connection.execute(query)]


def insert_tables(connection: Connection, records: Collection[StoredTableRecord]) -> None:
    """Add tables; one that is current, and of a source, replaces what was in its place."""
    for record in records:
        if record.state == "current" and record.upload_id is None:
            connection.execute(update(stored_tables).where(*_same_place(record)).values(state="replaced"))
        values = {item.name: getattr(record, item.name) for item in fields(record)}
        connection.execute(insert(stored_tables).values(**values))


def decide_held(connection: Connection, source: str, *, approve: bool) -> int:
    """Let the held tables of a source be current, or let go of them; return how many there were."""
    column = stored_tables.c
    is_held = (column.source == source, column.state == "held")
    query = select(*_columns()).where(*is_held)
    held = [StoredTableRecord(*row) for row in connection.execute(query)]
    for record in held if approve else ():
        connection.execute(update(stored_tables).where(*_same_place(record)).values(state="replaced"))
    state = {"state": "current", "held_reason": None} if approve else {"state": "replaced"}
    connection.execute(update(stored_tables).where(*is_held).values(**state))
    return len(held)


def _columns() -> list[Any]:
    return [stored_tables.c[item.name] for item in fields(StoredTableRecord)]


def _same_place(record: StoredTableRecord) -> list[Any]:
    """Match what is current where a record would be."""
    column = stored_tables.c
    same = [column.source == record.source, column.name == record.name, column.day == record.day]
    return [*same, column.upload_id.is_(None), column.state == "current"]
