"""What a file manager knows: its files with their ids, permissions and metadata, what was done, and what was told."""

import json
import sqlite3
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from filesync_dagster.simulators.file_manager.disk import STATE_FOLDER, ReceivedFile, StorageFolder
from filesync_dagster.simulators.kit.refusals import Refusal

MAX_EVENTS: Final = 100
PERMISSIONS: Final = "rw-r--r--"
OWNER: Final = "filesync"
GROUP: Final = "users"

TABLES: Final = """
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, internal_id TEXT NOT NULL, size INTEGER NOT NULL,
  sha256 TEXT NOT NULL, modified_ns INTEGER NOT NULL, file_type TEXT, metadata TEXT, permissions TEXT NOT NULL,
  owner TEXT NOT NULL, group_name TEXT NOT NULL, saved_at TEXT NOT NULL, permissions_at TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, event_type TEXT NOT NULL, file_path TEXT NOT NULL,
  new_path TEXT, metadata TEXT, timestamp TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS reports (id INTEGER PRIMARY KEY, report TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class ManagedFile:
    """One file."""

    path: str
    internal_id: str
    size: int
    sha256: str
    modified_ns: int
    file_type: str | None
    metadata: str | None  # JSON
    permissions: str
    owner: str
    group_name: str
    saved_at: str
    permissions_at: str


class FileManagerStore:
    """The files below a root. Thread-safe; one process at a time."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._disk = StorageFolder(root.resolve())
        self._database = sqlite3.connect(
            root / STATE_FOLDER / "state.db", check_same_thread=False, isolation_level=None
        )
        self._database.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; {TABLES}")
        self._adopt()

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def receive_file(self) -> ReceivedFile:
        """Return where the content of a file goes that comes now."""
        return self._disk.receive_file()

    def create(self, path: str, incoming: ReceivedFile, file_type: str | None, metadata: Any) -> ManagedFile:
        """Store a file where none is."""
        with self._transaction():
            if self._disk.stat(path) is not None:
                raise Refusal(409, "exists", f"{path} exists already")
            return self._save(path, incoming, file_type, metadata, None)

    def update(self, path: str, incoming: ReceivedFile, file_type: str | None, metadata: Any) -> ManagedFile:
        """Store a file in place of the one that is there, whose id and permissions it keeps."""
        with self._transaction():
            return self._save(path, incoming, file_type, metadata, self._known(path))

    def move(self, path: str, new_path: str, kind: str, metadata: Any) -> ManagedFile:
        """Give a file another path."""
        with self._transaction():
            known = self._known(path)
            if _key(path) != _key(new_path):
                if self._disk.stat(new_path) is not None:
                    raise Refusal(409, "exists", f"{new_path} exists already")
                self._disk.move(path, new_path)
                self._database.execute("DELETE FROM files WHERE path = ?", (_key(path),))
            kept = known.metadata if metadata is None else json.dumps(metadata)
            moved = replace(known, path=_key(new_path), metadata=kept)
            self._put(moved)
            self._tell(kind, path, new_path, metadata)
            return moved

    def delete(self, path: str, metadata: Any) -> None:
        """Remove a file."""
        with self._transaction():
            self._known(path)
            self._disk.remove(path)
            self._database.execute("DELETE FROM files WHERE path = ?", (_key(path),))
            self._tell("delete", path, None, metadata)

    def get(self, path: str) -> ManagedFile:
        """Return what is known of a file."""
        with self.lock:
            return self._known(path)

    def set_permissions(self, path: str, wanted: Mapping[str, str]) -> ManagedFile:
        """Set who may do what with a file, as far as it is said; return what is so then."""
        with self._transaction():
            known = self._known(path)
            if not wanted:
                return known
            changed = replace(known, **wanted, permissions_at=_now())  # type: ignore[arg-type]  # columns of text
            self._put(changed)
            told = {"old_permissions": known.permissions, "new_permissions": changed.permissions}
            self._tell("change_permission", path, None, {**told, "owner": changed.owner, "group": changed.group_name})
            return changed

    def events(self, count: int) -> list[dict[str, Any]]:
        """Return what was done last, the oldest of it first."""
        with self.lock:
            query = "SELECT event_type, file_path, new_path, metadata, timestamp FROM events ORDER BY id DESC LIMIT ?"
            rows = self._database.execute(query, (count,)).fetchall()
        names = ("event_type", "file_path", "new_path", "metadata", "timestamp")
        found = [dict(zip(names, row, strict=True)) for row in reversed(rows)]
        return [{**event, "metadata": json.loads(event["metadata"] or "null")} for event in found]

    def keep_report(self, report: Any) -> None:
        """Keep what somebody tells of a run."""
        with self._transaction():
            self._database.execute("INSERT INTO reports (report) VALUES (?)", (json.dumps(report),))

    def reports(self) -> list[Any]:
        """Return what was told of runs, the oldest first."""
        with self.lock:
            return [json.loads(row[0]) for row in self._database.execute("SELECT report FROM reports ORDER BY id")]

    def listing(self) -> list[dict[str, Any]]:
        """Return all files, by path."""
        with self.lock:
            rows = self._database.execute("SELECT * FROM files ORDER BY path").fetchall()
        return [asdict(ManagedFile(*row)) for row in rows]

    def _save(
        self, path: str, incoming: ReceivedFile, file_type: str | None, metadata: Any, before: ManagedFile | None
    ) -> ManagedFile:
        published = self._disk.publish(incoming, path)
        kept = None if metadata is None else json.dumps(metadata)
        sums = (incoming.size, incoming.sha256, published.st_mtime_ns)
        saved = _new_file(path, sums, file_type=file_type, metadata=kept)
        if before:
            same = ("internal_id", "permissions", "owner", "group_name", "permissions_at")
            saved = replace(saved, **{name: getattr(before, name) for name in same})
        self._put(saved)
        self._tell("create", path, None, {"size": saved.size, "mime_type": saved.file_type, **(metadata or {})})
        return saved

    def _known(self, path: str) -> ManagedFile:
        """Return a file. One that somebody put there or changed meanwhile is another one."""
        found = self._disk.stat(path)
        if found is None:
            raise Refusal(404, "not_found", f"There is no file {path}")
        row = self._database.execute("SELECT * FROM files WHERE path = ?", (_key(path),)).fetchone()
        known = None if row is None else ManagedFile(*row)
        if known is None or (known.size, known.modified_ns) != (found.st_size, found.st_mtime_ns):
            known = _new_file(path, (found.st_size, self._disk.sha256(_key(path)), found.st_mtime_ns))
            self._put(known)
        return known

    def _put(self, file: ManagedFile) -> None:
        marks = ", ".join("?" * len(ManagedFile.__slots__))
        values = [getattr(file, name) for name in ManagedFile.__slots__]
        self._database.execute(f"INSERT OR REPLACE INTO files VALUES ({marks})", values)

    def _tell(self, kind: str, path: str, new_path: str | None, metadata: Any) -> None:
        """Note an event. Paths of events begin with a slash."""
        slashed = None if new_path is None else f"/{_key(new_path)}"
        values = (kind, f"/{_key(path)}", slashed, None if metadata is None else json.dumps(metadata), _now())
        insert = "INSERT INTO events (event_type, file_path, new_path, metadata, timestamp) VALUES (?, ?, ?, ?, ?)"
        self._database.execute(insert, values)
        self._database.execute("DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?", (MAX_EVENTS,))

    def _adopt(self) -> None:
        """Agree with the disk: a process that died left a file without its row, and people put files there."""
        with self._transaction():
            query = "SELECT path, size, modified_ns FROM files"
            known = {path: (size, modified) for path, size, modified in self._database.execute(query)}
            for path, found in self._disk.files():
                if known.pop(path, None) != (found.st_size, found.st_mtime_ns):
                    self._put(_new_file(path, (found.st_size, self._disk.sha256(path), found.st_mtime_ns)))
            self._database.executemany("DELETE FROM files WHERE path = ?", [(path,) for path in known])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self.lock:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


def _new_file(
    path: str, sums: tuple[int, str, int], *, file_type: str | None = None, metadata: str | None = None
) -> ManagedFile:
    now = _now()
    return ManagedFile(
        _key(path), str(uuid.uuid4()), *sums, file_type, metadata, PERMISSIONS, OWNER, GROUP, saved_at=now,
        permissions_at=now,
    )  # fmt: skip


def _key(path: str) -> str:
    return path.removeprefix("/")


def _now() -> str:
    """Return the local time without its zone, as servers of this protocol tell it."""
    return datetime.now().isoformat()  # noqa: DTZ005 - see above
