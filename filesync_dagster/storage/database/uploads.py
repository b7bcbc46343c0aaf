"""Uploads: files that people send, from the first byte to the tables that are made of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, tuple_, update

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.data_tables import uploads
from filesync_dagster.storage.database.database import Database


class UnknownUpload(TableError):
    """There is no upload of this id or name."""


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """An upload, as far as it came."""

    id: str
    stored_name: str
    original_name: str
    state: str  # receiving | scanning | reading | ready | refused
    owner: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    size: int | None = None  # bytes that were announced
    received: int = 0  # bytes that are on the disk
    sha256: str | None = None
    format: str | None = None
    refusal: str | None = None
    refusal_code: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)


class UploadRepository:
    """See the module's docstring."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: UploadRecord) -> None:
        """Add an upload."""
        values = {item.name: getattr(record, item.name) for item in fields(record)}
        with self._database.write_transaction() as connection:
            connection.execute(insert(uploads).values(**values))

    def find(self, upload_id: str) -> UploadRecord | None:
        """Return an upload by its id, or None."""
        found = self._records(uploads.c.id == upload_id)
        return found[0] if found else None

    def get(self, upload_id: str) -> UploadRecord:
        """Return an upload by its id. Raises UnknownUpload."""
        found = self.find(upload_id)
        if found is None:
            raise UnknownUpload(f"There is no upload {upload_id!r}.", hint="It may have expired.", code="not_found")
        return found

    def of_name(self, stored_name: str) -> UploadRecord:
        """Return an upload by the name that it is stored under. Raises UnknownUpload."""
        found = self._records(uploads.c.stored_name == stored_name)
        if not found:
            raise UnknownUpload(f"There is no upload {stored_name!r}.", hint="It may have expired.", code="not_found")
        return found[0]

    def newest(
        self, limit: int = 100, before: tuple[datetime, str] | None = None, *, state: str | None = None
    ) -> list[UploadRecord]:
        """Return uploads, newest first: those behind one that was created then and has that id."""
        place = (uploads.c.created_at, uploads.c.id)
        query = select(*_columns()).order_by(*(column.desc() for column in place)).limit(limit)
        if before is not None:
            query = query.where(tuple_(*place) < tuple_(*before))
        if state is not None:
            query = query.where(uploads.c.state == state)
        with self._database.read_transaction() as connection:
            return [UploadRecord(*row) for row in connection.execute(query)]

    def change(self, upload_id: str, *, only_in: Collection[str] | None = None, **values: Any) -> bool:
        """Change columns of an upload; False when there is none, or it is in none of the states `only_in`."""
        which = [uploads.c.id == upload_id]
        if only_in is not None:
            which.append(uploads.c.state.in_(only_in))
        with self._database.write_transaction() as connection:
            values = {"updated_at": self._database.now(connection), **values}
            return connection.execute(update(uploads).where(*which).values(**values)).rowcount > 0

    def reserved_bytes(self) -> int:
        """Return how many bytes unfinished uploads have announced and not sent yet."""
        missing = func.coalesce(func.sum(uploads.c.size - uploads.c.received), 0)
        query = select(missing).where(uploads.c.state == "receiving", uploads.c.size.is_not(None))
        with self._database.read_transaction() as connection:
            return int(connection.execute(query).scalar_one())

    def find_unfinished(self) -> list[UploadRecord]:
        """Return what a process that was killed may have left: received, and not read to the end."""
        return self._records(uploads.c.state.in_(("scanning", "reading")))

    def find_expired(self, now: datetime) -> list[UploadRecord]:
        """Return uploads that are past their time."""
        return self._records(uploads.c.expires_at < now)

    def remove(self, upload_id: str) -> bool:
        """Forget an upload; False when there was none."""
        with self._database.write_transaction() as connection:
            return connection.execute(delete(uploads).where(uploads.c.id == upload_id)).rowcount > 0

    def _records(self, *where: Any) -> list[UploadRecord]:
        with self._database.read_transaction() as connection:
            rows = connection.execute(select(*_columns()).where(*where).order_by(uploads.c.created_at, uploads.c.id))
            return [UploadRecord(*row) for row in rows]


def _columns() -> list[Any]:
    return [uploads.c[item.name] for item in fields(UploadRecord)]
