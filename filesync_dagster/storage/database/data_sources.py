"""Data sources as people configured them, with the history of their configuration."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import data_source_history, data_sources
from filesync_dagster.storage.database.database import Database


class UnknownSource(TableError):
    """There is no data source of this name."""


class SourceConflict(TableError):
    """A data source is not as whoever wants to change it believes: it was changed meanwhile, or is there already."""


@dataclass(frozen=True, slots=True)
class DataSourceRecord:
    """A data source. `secrets_encrypted` has what is encrypted, by the name of the field."""

    id: str
    name: str
    type: str
    config: Mapping[str, Any]
    secrets_encrypted: Mapping[str, str]
    created_by: str
    created_at: datetime
    updated_at: datetime
    revision: int
    last_test: Mapping[str, Any] | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class SourceRevision:
    """A configuration that a data source had once, or has."""

    source_id: str
    name: str
    revision: int
    action: str  # created | changed | removed
    type: str
    config: Mapping[str, Any]
    secrets_set: Sequence[str]
    changed_by: str
    changed_at: datetime


class DataSourceRepository:
    """See the module's docstring. No secret comes here but encrypted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[DataSourceRecord]:
        """Return every data source, by name."""
        return self._records()

    def find(self, name: str) -> DataSourceRecord | None:
        """Return the data source of a name, or None."""
        found = self._records(data_sources.c.name == name)
        return found[0] if found else None

    def get(self, name: str) -> DataSourceRecord:
        """Return the data source of a name. Raises UnknownSource."""
        found = self.find(name)
        if found is None:
            raise _unknown(name)
        return found

    def add(  # noqa: PLR0917  # the columns of a row
        self,
        source_id: str,
        name: str,
        kind: str,
        config: Mapping[str, Any],
        secrets: Mapping[str, str],
        who: str,
        *,
        description: str = "",
    ) -> DataSourceRecord:
        """Add a data source. Raises SourceConflict when there is one of this name."""
        with self._database.write_transaction() as connection:
            if _row(connection, name) is not None:
                raise SourceConflict(
                    f"There is a data source {name} already.",
                    hint="Change it, or choose another name.",
                    code="exists",
                    field="name",
                )
            now = self._database.now(connection)
            record = DataSourceRecord(
                source_id, name, kind, dict(config), dict(secrets), who, now, now, 1, description=description
            )
            connection.execute(insert(data_sources).values(**_values(record)))
            _remember(connection, record, "created", who, now)
        return record

    def change(  # noqa: PLR0917  # likewise
        self,
        name: str,
        config: Mapping[str, Any],
        secrets: Mapping[str, str],
        who: str,
        revision: int | None = None,
        new_name: str | None = None,
        *,
        kind: str | None = None,
        description: str | None = None,
    ) -> DataSourceRecord:
        """Give a data source another configuration; what is None stays.

        Raises UnknownSource; SourceConflict unless it still has `revision`, or when the new name is another one's.
        """
        with self._database.write_transaction() as connection:
            before = _require(connection, name, revision)
            if new_name not in {None, name} and _row(connection, new_name or "") is not None:
                raise SourceConflict(f"There is a data source {new_name} already.", code="exists", field="name")
            now = self._database.now(connection)
            values = {
                "name": new_name or name,
                "type": kind or before.type,
                "description": before.description if description is None else description,
                "config": dict(config),
                "secrets_encrypted": dict(secrets),
                "updated_at": now,
                "revision": before.revision + 1,
                "last_test": None,  # it said how another configuration is doing
            }
            same = (data_sources.c.id == before.id, data_sources.c.revision == before.revision)
            if not connection.execute(update(data_sources).where(*same).values(**values)).rowcount:
                raise _changed(name)
            after = DataSourceRecord(**{**_values(before), **values})
            _remember(connection, after, "changed", who, now)
        return after

    def note_test(self, name: str, revision: int, report: Mapping[str, Any]) -> None:
        """Note what a test said of a configuration; nothing is noted of one that was changed meanwhile."""
        same = (data_sources.c.name == name, data_sources.c.revision == revision)
        with self._database.write_transaction(fleeting=True) as connection:
            connection.execute(update(data_sources).where(*same).values(last_test=dict(report)))

    def remove(self, name: str, who: str, revision: int | None = None) -> DataSourceRecord:
        """Remove a data source; its history stays. Raises UnknownSource, SourceConflict."""
        with self._database.write_transaction() as connection:
            record = _require(connection, name, revision)
            connection.execute(delete(data_sources).where(data_sources.c.id == record.id))
            _remember(connection, record, "removed", who, self._database.now(connection))
        return record

    def history(self, source_id: str) -> list[SourceRevision]:
        """Return every configuration that a data source had, newest first."""
        columns = [data_source_history.c[item.name] for item in fields(SourceRevision)]
        query = select(*columns).where(data_source_history.c.source_id == source_id)
        with self._database.read_transaction() as connection:
            rows = connection.execute(query.order_by(data_source_history.c.id.desc()))
            return [SourceRevision(*row) for row in rows]

    def _records(self, *where: Any) -> list[DataSourceRecord]:
        with self._database.read_transaction() as connection:
            rows = connection.execute(select(*_columns()).where(*where).order_by(data_sources.c.name))
            return [DataSourceRecord(*row) for row in rows]


def _columns() -> list[Any]:
    return [data_sources.c[item.name] for item in fields(DataSourceRecord)]


def _values(record: DataSourceRecord) -> dict[str, Any]:
    return {item.name: getattr(record, item.name) for item in fields(record)}


def _row(connection: Connection, name: str) -> DataSourceRecord | None:
    row = connection.execute(select(*_columns()).where(data_sources.c.name == name)).one_or_none()
    return DataSourceRecord(*row) if row else None


def _require(connection: Connection, name: str, revision: int | None) -> DataSourceRecord:
    record = _row(connection, name)
    if record is None:
        raise _unknown(name)
    if revision not in {None, record.revision}:
        raise _changed(name)
    return record


def _remember(connection: Connection, record: DataSourceRecord, action: str, who: str, now: datetime) -> None:
    row = {
        "source_id": record.id,
        "name": record.name,
        "revision": record.revision,
        "action": action,
        "type": record.type,
        "config": record.config,
        "secrets_set": sorted(record.secrets_encrypted),
        "changed_by": who,
        "changed_at": now,
    }
    connection.execute(insert(data_source_history).values(**row))


def _unknown(name: str) -> UnknownSource:
    return UnknownSource(f"There is no data source {name!r}.", code="not_found", field="source")


def _changed(name: str) -> SourceConflict:
    return SourceConflict(
        f"The data source {name} was changed meanwhile.", hint="Read it again, then change it.", code="revision"
    )
