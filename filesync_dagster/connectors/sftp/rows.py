"""Entries of a folder as rows of the inventory. Pure: no I/O."""

import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from filesync_dagster.connectors.rest.fields import size_of
from filesync_dagster.core.model import Kind, canonical_json, to_storable_text
from filesync_dagster.core.schemas import build_batch

if TYPE_CHECKING:
    import asyncssh
    import pyarrow as pa

SCOPE: Final = ""
TIME_MAX: Final = datetime(9999, 12, 31, tzinfo=UTC).timestamp()


class SftpEntry(NamedTuple):
    """A file, folder or link as the server tells of it; None where it does not."""

    name: bytes
    mode: int
    size: int | None
    modified: int | None  # seconds since 1970
    uid: int | None
    gid: int | None

    @property
    def kind(self) -> Kind:
        """What it is; sockets, pipes and devices are files."""
        if stat.S_ISDIR(self.mode):
            return Kind.FOLDER
        return Kind.SHORTCUT if stat.S_ISLNK(self.mode) else Kind.FILE


def entry_of(name: bytes, told: "asyncssh.SFTPAttrs") -> SftpEntry | None:
    """Return an entry; None for one of which the server does not tell what it is."""
    if told.permissions is None or not stat.S_IFMT(told.permissions):
        return None
    return SftpEntry(name, told.permissions, size_of(told.size), told.mtime, told.uid, told.gid)


def path_of(folder: str, entry: SftpEntry) -> str:
    """Return the path of an entry of a folder, as a storable text."""
    name = to_storable_text(entry.name)
    return f"{folder}/{name}" if folder else name


def version_of(entry: SftpEntry) -> str | None:
    """Return what proves a change as far as the protocol can: the time of the last write in seconds, and the size."""
    if entry.kind is not Kind.FILE or entry.modified is None:
        return None
    return f"{entry.modified}-{entry.size}"


def batch_of(entries: Sequence[SftpEntry], folders: Sequence[str]) -> "pa.RecordBatch":
    """Return entries as a batch; `folders` has the path of the folder of each."""
    paths = [path_of(folder, entry) for folder, entry in zip(folders, entries, strict=True)]
    columns: dict[str, Any] = {
        "external_id": paths,
        "scope": [SCOPE] * len(entries),
        "parent_id": [folder or None for folder in folders],
        "name": [to_storable_text(entry.name) for entry in entries],
        "path": paths,
        "kind": [entry.kind for entry in entries],
        "size": [entry.size if entry.kind is Kind.FILE else None for entry in entries],
        "modified_at": [_moment(entry.modified) for entry in entries],
        "version": [version_of(entry) for entry in entries],
        "owner": [None if entry.uid is None else str(entry.uid) for entry in entries],
        "permissions": [_permissions(entry) for entry in entries],
        "trashed": [False] * len(entries),
    }
    return build_batch(columns, len(entries))


def _moment(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None and 0 <= seconds <= TIME_MAX else None


def _permissions(entry: SftpEntry) -> str:
    return canonical_json({"mode": f"{stat.S_IMODE(entry.mode):04o}", "uid": entry.uid, "gid": entry.gid})
