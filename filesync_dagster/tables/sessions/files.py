"""Files of sessions: below `sessions/<id>/` of the snapshot root, each whole before a row of the database names it."""

import hashlib
import shutil
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pyarrow.parquet as pq

from filesync_dagster.core.errors import SnapshotMissing
from filesync_dagster.storage.database.session_files import (
    SessionFileRecord,
    UnknownSessionFile,
)
from filesync_dagster.storage.database.sessions import SessionRecord
from filesync_dagster.storage.durable import make_folder
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.storage.snapshots.roots import FolderRoot, Root, scratch_name
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.model import SCHEMA_KEY, Table, TableSchema

FOLDER: Final = "sessions"
REPORT: Final = "report.json"
LOST_HINT: Final = "Run the generation again: the same seed gives the same data."

MEDIA_TYPES: Final = {
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".sql": "application/sql",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
    ".zip": "application/zip",
}


@dataclass(frozen=True)
class NewFile:
    """A local file that becomes one of a session."""

    path: Path
    name: str
    kind: str  # table | export | manifest | report
    table: str | None = None
    rows: int | None = None


class SessionStore:
    """See the module's docstring. Safe to share between threads and processes.

    `forget` is told the ids of sessions and exports that are gone, by whoever keeps their secrets.
    """

    def __init__(self, runtime: Runtime, forget: Callable[[str], None] = lambda _: None) -> None:
        self._runtime = runtime
        self._forget = forget
        self._metadata = runtime.metadata

    @property
    def _root(self) -> Root:
        return self._runtime.snapshots.claimed_root()

    def scratch_folder(self, session_id: str) -> Path:
        """Return the local folder in which a session is worked on; it goes with whoever worked."""
        return self._runtime.folder(FOLDER, session_id)

    def drop_scratch(self, session_id: str) -> None:
        """Remove what working on a session left on the local disk."""
        shutil.rmtree(self._runtime.home / FOLDER / session_id, ignore_errors=True)

    def publish(self, session_id: str, files: Sequence[NewFile], export_id: str = "") -> list[SessionFileRecord]:
        """Put files where they stay, each whole; return their rows, which nobody has written yet.

        Raises OutOfSpace, NotWritable, StorageError.
        """
        root, records = self._root, []
        for file in files:
            key = _key(session_id, file.name)
            with disk_errors(f"storing {root.uri(key)}"):
                size, digest = file.path.stat().st_size, _sha256(file.path)
                scratch = root.scratch(key)
                try:
                    shutil.copyfile(file.path, scratch)
                    root.put(scratch, key)
                finally:
                    scratch.unlink(missing_ok=True)
            records.append(
                SessionFileRecord(
                    session_id=session_id,
                    name=file.name,
                    kind=file.kind,
                    media_type=MEDIA_TYPES.get(Path(file.name).suffix, "application/octet-stream"),
                    uri=root.uri(key),
                    size=size,
                    sha256=digest,
                    created_at=datetime.now(UTC),
                    export_id=export_id,
                    table_name=file.table,
                    rows=file.rows,
                )
            )
        return records

    def withdraw(self, session_id: str) -> None:
        """Remove all files of a session, which no row names any more, or none did."""
        root = self._root
        with disk_errors(f"removing files of {session_id}"):
            for key, _ in list(root.walk(f"{FOLDER}/{session_id}")):
                root.delete(key)
            if isinstance(root, FolderRoot):
                shutil.rmtree(root.uri(f"{FOLDER}/{session_id}"), ignore_errors=True)
        shutil.rmtree(self._cache(session_id), ignore_errors=True)

    def remove(self, session_id: str) -> bool:
        """Forget a session that has ended, then its files. Raises SessionConflict."""
        exports = self._metadata.session_files.exports(session_id)
        removed = self._metadata.sessions.remove(session_id)
        for gone in (session_id, *(export.id for export in exports)):
            self._forget(gone)
        self.withdraw(session_id)
        self.drop_scratch(session_id)
        return removed

    def withdraw_export(self, session_id: str | None, export_id: str) -> None:
        """Remove the files of an export that did not come to its end; those of any session where none is named."""
        root, prefix = self._root, export_prefix(export_id)
        with disk_errors(f"removing files of the export {export_id}"):
            for key, _ in list(root.walk(FOLDER if session_id is None else f"{FOLDER}/{session_id}")):
                if key.rpartition("/")[2].startswith(prefix):
                    root.delete(key)

    def sweep(self, busy: Collection[str] = ()) -> None:
        """Remove what killed workers left: files of sessions that have none, and folders of sessions nobody is at.

        `busy`: exports that are being written.
        """
        in_use = {record.id for record in self._metadata.sessions.find_unfinished()} | set(busy)
        for folder in (self._runtime.home / FOLDER).glob("*"):
            if folder.name not in in_use:
                self.drop_scratch(folder.name)
        for name in self._root.folders(FOLDER):
            record = self._metadata.sessions.find(name)
            if record is None or record.state in {"failed", "cancelled"}:
                self.withdraw(name)

    def expire(self) -> int:
        """Forget sessions that are past their time and not pinned; return how many."""
        expired = self._metadata.sessions.find_expired(datetime.now(UTC))
        return sum(self.remove(record.id) for record in expired)

    def local_path(self, file: SessionFileRecord) -> Path:
        """Return a file on a local disk. Raises SnapshotMissing, StorageError."""
        root, key = self._root, _key(file.session_id, file.name)
        if isinstance(root, FolderRoot):
            path = Path(root.uri(key))
        else:
            path = self._cache(file.session_id) / file.name
            if not path.is_file() or path.stat().st_size != file.size:
                self._download(root, key, path)
        if not path.is_file():
            raise SnapshotMissing(f"The file {file.name} of {file.session_id} is not there.", hint=LOST_HINT)
        return path

    def table(self, record: SessionRecord, name: str) -> Table:
        """Return a table that a session made. Raises UnknownSessionFile, SnapshotMissing."""
        for file in self._metadata.session_files.of(record.id):
            if file.kind == "table" and file.table_name == name:
                path = self.local_path(file)
                with disk_errors(f"reading {name} of {record.id}"):
                    metadata = pq.read_schema(path).metadata or {}
                return Table(TableSchema.from_json(orjson.loads(metadata[SCHEMA_KEY])), (path,))
        raise UnknownSessionFile(f"The session {record.id} has no table {name!r}.", code="not_found", field="table")

    def report(self, record: SessionRecord) -> dict[str, Any]:
        """Return the report of a session. Raises UnknownSessionFile, SnapshotMissing."""
        path = self.local_path(self._metadata.session_files.get(record.id, REPORT))
        with disk_errors(f"reading the report of {record.id}"):
            found: dict[str, Any] = orjson.loads(path.read_bytes())
        return found

    def _cache(self, session_id: str) -> Path:
        return self._runtime.home / "cache" / FOLDER / session_id

    def _download(self, root: Root, key: str, path: Path) -> None:
        with disk_errors(f"reading {root.uri(key)}"):
            make_folder(path.parent, private=True)
            scratch = path.with_name(scratch_name(path.name))
            try:
                with suppress(FileNotFoundError):
                    root.get(key, scratch)
                    scratch.replace(path)
            finally:
                scratch.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def export_prefix(export_id: str) -> str:
    """Return what the names of the files of an export begin with: those of the generation itself have no such."""
    return f"{export_id[:8]}_"


def _key(session_id: str, name: str) -> str:
    return f"{FOLDER}/{session_id}/{name}"
