"""A local tree with every kind of name and entry that makes trouble, and random changes to it."""

# Names that are not UTF-8 stay bytes, which pathlib does not take.
# ruff: noqa: PTH101, PTH102, PTH103, PTH104, PTH108, PTH116, PTH118, PTH119, PTH120, PTH123, PTH202, PTH208, PTH211

import hashlib
import os
import random
import shutil
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

NAMES = [
    b"plain.txt",
    "é.dwg".encode(),  # composed
    "e\u0301.dwg".encode(),  # decomposed: another name that looks the same
    b"Case",
    b"case",
    b"CASE",
    b"gro\xdf.txt",  # Latin-1, not UTF-8
    b"\xff\xfe",
    b"new\nline",
    b"tab\tand\x01control",
    b"trailing.",
    b"trailing ",
    b" leading",
    b"...",
    b"-rf",
    b"~$lock.docx",
    b"back\\slash",
    b"quote'\"`$(x)",
    b"*?[a]",
    b"100%41",
    b"a+b&c<d>",
    "日本語 😀.pdf".encode(),
    "\u202egnp.exe".encode(),
    b"n" * 255,
    b".hidden",
    b"archive.tar.gz",
]


class HostileTree:
    """A folder that changes at random, the same way for the same seed."""

    def __init__(self, root: bytes, seed: int) -> None:
        self.root = root
        self.random = random.Random(seed)
        os.makedirs(root, exist_ok=True)
        for name in NAMES:
            self._write(os.path.join(root, name))
        for _ in range(40):
            self.add_folder()
            self.add_file()
        deep = root
        for level in range(60):
            deep = os.path.join(deep, b"deep%d" % level)
        os.makedirs(deep)
        self._write(os.path.join(deep, b"bottom"))
        for _ in range(5):
            self.add_symlink()

    @property
    def changes(self) -> list[Callable[[], None]]:
        """Every way in which the tree can change."""
        return [
            self.add_file, self.add_file, self.add_folder, self.add_symlink, self.add_hard_link, self.overwrite,
            self.overwrite_unseen, self.save_atomically, self.touch, self.chmod, self.rename, self.rename,
            self.move_folder, self.move_many, self.swap, self.replace_by_other_kind, self.delete, self.delete_folder,
        ]  # fmt: skip

    def mutate(self) -> str:
        """Change something; return what."""
        change = self.random.choice(self.changes)
        change()
        return change.__name__

    def add_file(self) -> None:
        self._write(self._new_path())

    def add_folder(self) -> None:
        os.mkdir(self._new_path())

    def add_symlink(self) -> None:
        target = self.random.choice([b"nowhere\xff", b".", b"..", b"/", *NAMES[:4]])
        os.symlink(target, self._new_path())

    def add_hard_link(self) -> None:
        if files := self._files():
            os.link(self.random.choice(files), self._new_path(), follow_symlinks=False)

    def overwrite(self) -> None:
        if files := self._files():
            path = self.random.choice(files)
            self._write(path, size=os.path.getsize(path))

    def overwrite_unseen(self) -> None:
        """Change the content and nothing that a careless look at size and time would notice."""
        if files := self._files():
            path = self.random.choice(files)
            before = os.stat(path)
            self._write(path, size=before.st_size)
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def save_atomically(self) -> None:
        if files := self._files():
            path = self.random.choice(files)
            written = self._new_path(os.path.dirname(path))
            self._write(written)
            os.rename(written, path)

    def touch(self) -> None:
        if files := self._files():
            at = self.random.choice([0, 10**9, 2**31 * 10**9 + 123_456_789, self.random.randrange(10**18)])
            os.utime(self.random.choice(files), ns=(at, at))

    def chmod(self) -> None:
        if paths := self._files() + self._folders()[1:]:
            os.chmod(self.random.choice(paths), self.random.choice([0o700, 0o755, 0o750, 0o777]))

    def rename(self) -> None:
        if paths := self._all():
            path = self.random.choice(paths)
            self._rename(path, self._new_path(os.path.dirname(path)))

    def move_folder(self) -> None:
        folders = self._folders()[1:]
        if folders:
            self._move(self.random.choice(folders), self.random.choice(self._folders()))

    def move_many(self) -> None:
        """Move everything in one folder to another."""
        source, target = self.random.choice(self._folders()), self.random.choice(self._folders())
        for name in os.listdir(source):
            self._move(os.path.join(source, name), target)

    def swap(self) -> None:
        if len(paths := self._all()) > 1:
            one, other = self.random.sample(paths, 2)
            if not (one + b"/").startswith(other + b"/") and not (other + b"/").startswith(one + b"/"):
                between = self._new_path(self.root)
                self._rename(one, between)
                self._rename(other, one)
                self._rename(between, other)

    def replace_by_other_kind(self) -> None:
        if files := self._files():
            path = self.random.choice(files)
            os.unlink(path)
            os.mkdir(path)
            self._write(os.path.join(path, b"inside"))

    def delete(self) -> None:
        if files := self._files():
            os.unlink(self.random.choice(files))

    def delete_folder(self) -> None:
        small = [f for f in self._folders()[1:] if len(self._all(f)) < 10]
        if small:
            shutil.rmtree(self.random.choice(small))

    def facts(self) -> list[dict[str, Any]]:
        """Return what is there, by the system calls themselves, as an inventory should have it; sorted by path."""
        found = []
        for path in self._all():
            status = os.lstat(path)
            kind = {stat.S_IFDIR: "folder", stat.S_IFLNK: "shortcut"}.get(stat.S_IFMT(status.st_mode), "file")
            regular = kind == "file"
            found.append(
                {
                    "path": os.path.relpath(path, self.root).decode("utf-8", "backslashreplace"),
                    "kind": kind,
                    "size": status.st_size if regular else None,
                    "modified_at": None if kind == "folder" else _moment(status.st_mtime_ns),
                    "mode": f"{status.st_mode & 0o7777:04o}",
                    "content_hash": _md5(path) if regular else None,
                }
            )
        return sorted(found, key=lambda row: row["path"])

    def _all(self, below: bytes | None = None) -> list[bytes]:
        root = below or self.root
        return sorted(os.path.join(at, name) for at, dirs, files in os.walk(root) for name in dirs + files)

    def _files(self) -> list[bytes]:
        return [path for path in self._all() if stat.S_ISREG(os.lstat(path).st_mode)]

    def _folders(self) -> list[bytes]:
        return [self.root, *(path for path in self._all() if stat.S_ISDIR(os.lstat(path).st_mode))]

    def _new_path(self, folder: bytes | None = None) -> bytes:
        folder = folder or self.random.choice(self._folders())
        while True:
            name = self.random.choice(NAMES)[:200]
            if self.random.random() < 0.7:
                name = b"%d " % self.random.randrange(1000) + name
            path = os.path.join(folder, name)
            if not os.path.lexists(path):
                return path

    def _move(self, path: bytes, folder: bytes) -> None:
        target = os.path.join(folder, os.path.basename(path))
        if not (folder + b"/").startswith(path + b"/") and not os.path.lexists(target):
            self._rename(path, target)

    def _rename(self, path: bytes, target: bytes) -> None:
        # rclone asks for a whole path in one system call.
        if len(path) < 1500 and len(target) < 1500:
            os.rename(path, target)

    def _write(self, path: bytes, size: int | None = None) -> None:
        size = self.random.choice([0, 1, 10, 1000]) if size is None else size
        with open(path, "wb") as file:
            file.write(self.random.randbytes(size))


def _moment(nanoseconds: int) -> datetime:
    seconds, rest = divmod(nanoseconds, 10**9)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)


def _md5(path: bytes) -> str:
    with open(path, "rb") as file:
        return "md5:" + hashlib.file_digest(file, "md5").hexdigest()
