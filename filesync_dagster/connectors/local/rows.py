"""From raw attributes to rows: what each column of a local entry says."""

import mimetypes
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash
from numpy.typing import NDArray

from filesync_dagster.connectors.local.statx import Stat, StatBuffer, has_birth, mount_ids, nanoseconds
from filesync_dagster.core.model import NAME_MARK, Kind, canonical_json, to_storable_text
from filesync_dagster.core.schemas import TIMESTAMP, build_batch

_SKIPPED_TYPES = frozenset({1, 2, 6, 12})  # fifo, character device, block device, socket
_DIRECTORY, _REGULAR, _LINK = 4, 8, 10
_YEAR_1, _YEAR_9999 = -62_135_596_800, 253_402_300_799  # what Python and every database can hold


@dataclass(slots=True)
class WalkFrame:
    """One directory on the way from the root to where the walk is. `rel` is the raw path below the root."""

    rel: bytes
    path: str
    external_id: str | None  # None: the root, which is not listed
    dev: int
    ino: int
    mnt: int
    device: str = ""  # what tells ids of this file system from those of the root's: "@" and where it begins
    lasting: bool = True  # inode numbers survive until the next listing
    linked: bool = False  # reached through a symbolic link, so its content may be listed elsewhere as well
    files: Sequence[bytes] = ()
    next_file: int = 0
    dirs: list[bytes] = field(default_factory=list)
    next_dir: int = 0
    fd: int | None = None  # open while files are being read
    complained: bool = False

    def child(self, name: bytes) -> bytes:
        """The raw path of an entry of this directory."""
        return self.rel + b"/" + name if self.rel else name

    def child_path(self, name: bytes) -> str:
        """The path, as it is listed, of an entry of this directory."""
        return f"{self.path}/{to_storable_text(name)}" if self.path else to_storable_text(name)


@dataclass(slots=True)
class Extra:
    """What few entries have."""

    target: bytes | None = None  # of a symbolic link
    followed: bool = False  # the row is what the link leads to
    looping: bool = False  # following it would not end: it stays a link
    mount_point: bool = False
    content_hash: str | None = None


def is_listed(file_type: int) -> bool:
    """Whether entries of this type are in the inventory: all but fifos, sockets and devices, which hold no content."""
    return file_type not in _SKIPPED_TYPES


def entry_id(parent: WalkFrame, name: bytes, found: Stat, *, followed: bool = False) -> str:
    """The external_id: inode and birth time, which a rename keeps and a reused inode does not.

    Where they cannot tell one entry from another (several hard links, what symbolic links lead to, what is mounted)
    the folder's id and the name join them, after a mark: a moved folder takes such entries along, and the sync knows
    the names of one file by what is before the mark. Where inodes do not last, the path alone is the identity.
    """
    if not parent.lasting or found.birth is None:
        return "path-" + xxhash.xxh3_128_hexdigest(parent.child(name))
    base = f"{found.ino}-{found.birth}{parent.device}"
    several_names = found.nlink > 1 and not stat.S_ISDIR(found.mode)
    mounted_here = (found.dev, found.mnt) != (parent.dev, parent.mnt)
    if several_names or mounted_here or followed or parent.linked:
        place = (parent.external_id or "").encode() + b"/" + name
        return f"{base}{NAME_MARK}{xxhash.xxh3_64_hexdigest(place)}"
    return base


class PageRows:
    """The rows of one page while it fills up. `capacity` bounds them."""

    def __init__(self, capacity: int) -> None:
        self.stats = StatBuffer(capacity)
        self.count = 0
        self._capacity = capacity
        self._names: list[bytes] = []
        self._runs: list[tuple[WalkFrame, int]] = []
        self._extras: dict[int, Extra] = {}

    @property
    def room(self) -> int:
        """How many rows still fit."""
        return self._capacity - self.count

    def add(self, parent: WalkFrame, name: bytes, extra: Extra | None = None) -> None:
        """Take the slot `count` of `stats`, already filled, as an entry of `parent`."""
        if not self._runs or self._runs[-1][0] is not parent:
            self._runs.append((parent, self.count))
        self._names.append(name)
        if extra is not None:
            self._extras[self.count] = extra
        self.count += 1

    def batch(self) -> pa.RecordBatch:
        """The rows in FILE_SCHEMA.

        `link` stays null: a file URI follows from the path, and a moved folder must not change the rows below it.
        """
        raw = self.stats.columns(self.count)
        texts = _texts(self._names)
        types = raw["mode"] >> 12
        columns: dict[str, Any] = {
            **self._places(raw, types, texts),
            "name": texts,
            "scope": [""] * self.count,
            "kind": _KINDS.take(pa.array(types)),
            "size": pa.array(raw["size"].astype(np.int64), mask=types != _REGULAR),
            "mime_type": [
                _mime_type(text) if kind == _REGULAR else None for text, kind in zip(texts, types.tolist(), strict=True)
            ],
            "created_at": _timestamps(raw, "btime", known=has_birth(raw)),
            "modified_at": _timestamps(raw, "mtime", known=types != _DIRECTORY),
            "content_hash": self._hashes(),
            **_ownership(raw),
            **self._versions(raw, types, texts),
            "trashed": [False] * self.count,
        }
        return build_batch(columns, self.count)

    def _places(self, raw: NDArray[Any], types: NDArray[Any], texts: list[str]) -> dict[str, Any]:
        ids: list[str] = []
        parents: list[str | None] = []
        paths: list[str] = []
        plain = has_birth(raw) & ((raw["nlink"] == 1) | (types == _DIRECTORY))
        mounts = mount_ids(raw)
        births = nanoseconds(raw, "btime")
        ends = [*[start for _, start in self._runs[1:]], self.count][: len(self._runs)]  # gaps come without rows
        for (frame, start), end in zip(self._runs, ends, strict=True):
            part = slice(start, end)
            here = (raw["dev"][part] == frame.dev) & (mounts[part] == frame.mnt)
            quick = plain[part] & here & (frame.lasting and not frame.linked)
            ids += [
                f"{ino}-{birth}{frame.device}" if easy and at not in self._extras else self._slow_id(at, frame)
                for at, ino, birth, easy in zip(
                    range(start, end),
                    raw["ino"][part].tolist(),
                    births[part].tolist(),
                    quick.tolist(),
                    strict=True,
                )
            ]
            parents += [frame.external_id] * (end - start)
            before = f"{frame.path}/" if frame.path else ""
            paths += [before + text for text in texts[part]]
        return {"external_id": ids, "parent_id": parents, "path": paths}

    def _slow_id(self, at: int, frame: WalkFrame) -> str:
        extra = self._extras.get(at)
        return entry_id(frame, self._names[at], self.stats.one(at), followed=extra is not None and extra.followed)

    def _hashes(self) -> list[str | None]:
        hashes: list[str | None] = [None] * self.count
        for at, extra in self._extras.items():
            hashes[at] = extra.content_hash
        return hashes

    def _versions(self, raw: NDArray[Any], types: NDArray[Any], texts: list[str]) -> dict[str, Any]:
        folder = (types == _DIRECTORY).tolist()
        versions = [
            None if skip else f"{mtime}-{size}"
            for mtime, size, skip in zip(nanoseconds(raw, "mtime").tolist(), raw["size"].tolist(), folder, strict=True)
        ]
        changed = nanoseconds(raw, "ctime").tolist()
        links = np.where(types == _DIRECTORY, 1, raw["nlink"]).tolist()
        notes = [
            None if skip else f'{{"changed_at":{at}}}' if names == 1 else f'{{"changed_at":{at},"links":{names}}}'
            for at, skip, names in zip(changed, folder, links, strict=True)
        ]
        odd = {at for at, (name, text) in enumerate(zip(self._names, texts, strict=True)) if not _same(name, text)}
        for at in odd | self._extras.keys():
            notes[at] = self._note(at, None if folder[at] else changed[at], links[at], hex_name=at in odd)
        return {"version": versions, "metadata": notes}

    def _note(self, at: int, changed_at: int | None, links: int, *, hex_name: bool) -> str | None:
        extra = self._extras.get(at, Extra())
        note: dict[str, Any] = {}
        if changed_at is not None:
            note["changed_at"] = changed_at
        if links != 1:
            note["links"] = links
        if hex_name:
            note["name_hex"] = self._names[at].hex()
        if extra.mount_point:
            note["mount_point"] = True
        if extra.target is not None:
            note["target"] = to_storable_text(extra.target)
            if not _same(extra.target, note["target"]):
                note["target_hex"] = extra.target.hex()
        return canonical_json(note) if note else None


_KINDS = pa.array(
    [
        Kind.FOLDER.value if t == _DIRECTORY else Kind.SHORTCUT.value if t == _LINK else Kind.FILE.value
        for t in range(16)
    ],
)


def _texts(names: list[bytes]) -> list[str]:
    if not names:
        return []
    try:
        # No name contains NUL, so one decode serves them all.
        together = b"\x00".join(names).decode()
    except UnicodeDecodeError:
        together = "\\x"
    if "\\x" in together:
        return [to_storable_text(name) for name in names]
    return together.split("\x00")


def _same(raw: bytes, text: str) -> bool:
    return len(raw) == len(text) or text.encode() == raw


def _timestamps(rows: NDArray[Any], moment: str, *, known: NDArray[np.bool_]) -> "pa.Array[Any]":
    seconds = rows[f"{moment}_s"]
    unknown = ~known | (seconds < _YEAR_1) | (seconds > _YEAR_9999)
    micros = np.where(unknown, 0, seconds) * np.int64(1_000_000) + (rows[f"{moment}_ns"] // 1_000).astype(np.int64)
    return pa.array(micros, pa.int64(), mask=unknown).cast(TIMESTAMP)


def _ownership(rows: NDArray[Any]) -> dict[str, Any]:
    who = np.stack([rows["mode"].astype(np.uint32) & 0o7777, rows["uid"], rows["gid"]], axis=1)
    distinct, which = np.unique(who, axis=0, return_inverse=True)
    permissions = [
        canonical_json({"gid": gid, "mode": f"{mode:04o}", "uid": uid}) for mode, uid, gid in distinct.tolist()
    ]
    owners = [user_name(uid) for _, uid, _ in distinct.tolist()]
    index = pa.array(which.reshape(-1), pa.int64())
    return {
        "permissions": pa.array(permissions, pa.string()).take(index),
        "owner": pa.array(owners, pa.string()).take(index),
    }


@lru_cache(maxsize=10_000)
def user_name(uid: int) -> str:
    """Return the name of a user, the number where it has none."""
    try:
        import pwd

        return pwd.getpwuid(uid).pw_name
    except (ImportError, KeyError):
        return str(uid)


# Python's own table, not the host's: two machines must agree on the type of one file.
_MIME_TYPES = mimetypes.MimeTypes().types_map[True]


def _mime_type(name: str) -> str | None:
    stem, dot, extension = name.rpartition(".")
    return _MIME_TYPES.get(dot + extension.lower()) if stem else None
