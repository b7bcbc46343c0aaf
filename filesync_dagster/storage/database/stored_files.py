"""What this database knows of the files that it had written: how they must read, byte for byte."""

import uuid
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.records import StoredFileRecord
from filesync_dagster.storage.database.tables import installation, stored_files


class StoredFileRepository:
    """Stored files by their URIs. A file that is not here was written by an older version, or by somebody else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def installation(self) -> str:
        """Return the id of the installation that this database belongs to, its backups and copies included."""
        query = select(installation.c.id).order_by(installation.c.id).limit(1)
        with self._database.read_transaction() as connection:
            known = connection.execute(query).scalar()
        if known is None:
            with self._database.write_transaction() as connection:
                if not self._database.is_sqlite:
                    connection.exec_driver_sql("LOCK TABLE installation")
                known = connection.execute(query).scalar() or uuid.uuid4().hex
                connection.execute(delete(installation))
                connection.execute(insert(installation).values(id=known))
        return str(known)

    def begin(self, endpoint_id: int, uris: Sequence[str]) -> None:
        """Note that these files are about to be written: should that end half-way, what is there is ours."""
        with self._database.write_transaction(fleeting=True) as connection:
            now = self._database.now(connection)
            for some in in_batches(uris, AT_ONCE):
                _forget(connection, some)
            same = {"endpoint_id": endpoint_id, "written_at": now}
            connection.execute(insert(stored_files), [{"uri": uri, **same} for uri in uris])

    def finish(self, files: Iterable[StoredFileRecord]) -> None:
        """Note what was written. Before a commit points to it, and as durable as that."""
        with self._database.write_transaction(fleeting=True) as connection:
            for file in files:
                what = {"rows": file.rows, "bytes": file.bytes, "digest": file.digest}
                connection.execute(update(stored_files).where(stored_files.c.uri == file.uri).values(**what))

    def get(self, uri: str) -> StoredFileRecord | None:
        """Return what is known of a file; None when nothing is, or it was never finished."""
        columns = (stored_files.c.uri, stored_files.c.rows, stored_files.c.bytes, stored_files.c.digest)
        query = select(*columns).where(stored_files.c.uri == uri, stored_files.c.digest.is_not(None))
        with self._database.read_transaction() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else StoredFileRecord(*row)

    def of(self, endpoint_id: int) -> set[str]:
        """Return the URIs of all files that were written, or begun, for an endpoint."""
        query = select(stored_files.c.uri).where(stored_files.c.endpoint_id == endpoint_id)
        with self._database.read_transaction() as connection:
            return set(connection.execute(query).scalars())

    def with_digest(self, endpoint_id: int) -> set[str]:
        """Return the URIs of the files of an endpoint of which it is known how they must read."""
        query = select(stored_files.c.uri).where(
            stored_files.c.endpoint_id == endpoint_id, stored_files.c.digest.is_not(None)
        )
        with self._database.read_transaction() as connection:
            return set(connection.execute(query).scalars())

    def forget(self, uris: Iterable[str]) -> None:
        """Forget files that are deleted."""
        for some in in_batches(uris, AT_ONCE):
            with self._database.write_transaction(fleeting=True) as connection:
                _forget(connection, some)


def _forget(connection: Connection, uris: Sequence[str]) -> None:
    connection.execute(delete(stored_files).where(stored_files.c.uri.in_(uris)))
