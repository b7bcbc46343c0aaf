"""One walk through a tree: parents before their content, files before folders, both in the order of their raw names.

The order makes the position of the last entry enough to resume: everything after it, in this order, is still to come.
Nothing recurses and no path is longer than the system allows, so no tree is too deep.
"""

import errno
import hashlib
import json
import os
import stat
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filesync_dagster.connectors.local.mounts import lasting_inodes
from filesync_dagster.connectors.local.rows import Extra, PageRows, WalkFrame, entry_id, is_listed
from filesync_dagster.connectors.local.statx import Stat, StatBuffer
from filesync_dagster.core.model import ListingGap, Meter, Page, to_storable_text

_FOLDER, _REGULAR, _LINK = 4, 8, 10
_PATH_MAX_BYTES = 4_000  # bytes of path per system call; Linux takes 4,095, macOS 1,023
_HASH_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Rules:
    """How to walk."""

    follow_symlinks: bool
    cross_mounts: bool
    lasting_ids: bool
    hash: str
    hash_max_bytes: int
    page_size: int
    prune: Callable[[str], bool] | None


class Walk:
    """The state of one walk. `root` is the raw absolute path, `root_fd` is open on it and stays the caller's."""

    def __init__(self, root: bytes, root_fd: int, rules: Rules, meter: Meter) -> None:
        self._root = root
        self._root_fd = root_fd
        self._rules = rules
        self._meter = meter
        self._rows = PageRows(rules.page_size)
        self._scratch = StatBuffer(1)
        self._unread: list[ListingGap] = []
        self._stack: list[WalkFrame] = []
        self._last: tuple[bytes, bool] | None = None

    def pages(self, checkpoint: str | None) -> Iterator[Page]:
        """Yield what comes after the checkpoint. Raises OSError when the root itself cannot be read."""
        try:
            self._stack.append(self._root_frame())
            self._resume(checkpoint)
            while self._stack:
                self._step()
                if self._rows.room == 0 or len(self._unread) >= self._rules.page_size:
                    yield self._page()
            if self._rows.count or self._unread:
                yield self._page()
        finally:
            for frame in self._stack:
                _close(frame)

    def _page(self) -> Page:
        rows, unread = self._rows, tuple(self._unread)
        self._rows, self._unread = PageRows(self._rules.page_size), []
        return Page(rows.batch(), self._checkpoint(), unread)

    def _checkpoint(self) -> str | None:
        if self._last is None:
            return None
        at, folder = self._last
        # Surrogates stand for bytes that are not UTF-8; JSON escapes them.
        return json.dumps({"root": _text(self._root), "at": _text(at), "folder": folder})

    def _resume(self, checkpoint: str | None) -> None:
        position = _position(checkpoint, self._root)
        if position is None:
            return
        at, folder = position
        self._last = position
        *above, name = at.split(b"/")
        for step in above:
            if not self._skip_to_folder(step):
                return
        if folder:
            self._skip_to_folder(name)
        else:
            frame = self._stack[-1]
            frame.next_file = bisect_right(frame.files, name)

    def _skip_to_folder(self, name: bytes) -> bool:
        frame = self._stack[-1]
        frame.next_file = len(frame.files)
        _close(frame)
        frame.next_dir = bisect_right(frame.dirs, name)
        depth = len(self._stack)
        self._descend(frame, name, emit=False)
        return len(self._stack) > depth

    def _step(self) -> None:
        """Do a bounded piece of the walk: at most as many rows as the page has room for."""
        frame = self._stack[-1]
        if frame.next_file < len(frame.files):
            self._read_files(frame)
        elif frame.next_dir < len(frame.dirs):
            _close(frame)
            name = frame.dirs[frame.next_dir]
            frame.next_dir += 1
            self._descend(frame, name, emit=True)
        else:
            _close(self._stack.pop())

    def _read_files(self, frame: WalkFrame) -> None:
        assert frame.fd is not None
        rows, directory, hashing = self._rows, frame.fd, self._rules.hash != "none"
        fill, file_type, name = rows.stats.fill, rows.stats.file_type, b""
        names = frame.files[frame.next_file : frame.next_file + rows.room]
        for name in names:
            failed = fill(rows.count, directory, name)
            if failed:
                self._complain(frame, name, failed)
            elif file_type(rows.count) == _REGULAR and not hashing:
                rows.add(frame, name)
            else:
                self._read_unusual(frame, name, directory)
        frame.next_file += len(names)
        self._last = (frame.child(name), False)

    def _read_unusual(self, frame: WalkFrame, name: bytes, directory: int) -> None:
        rows, extra = self._rows, None
        if rows.stats.file_type(rows.count) == _LINK:
            extra = self._link(frame, name, directory)
        kind = rows.stats.file_type(rows.count)
        if kind == _FOLDER:
            # It became a folder after its name was read: its turn comes with the folders.
            insort(frame.dirs, name)
        elif is_listed(kind):
            if kind == _REGULAR and self._rules.hash != "none":
                extra = self._hash(directory, name, extra)
            rows.add(frame, name, extra)

    def _link(self, frame: WalkFrame, name: bytes, directory: int) -> Extra:
        extra = Extra(target=_target(directory, name))
        if self._rules.follow_symlinks and self._scratch.fill(0, directory, name, follow=True) == 0:
            self._rows.stats.copy(self._rows.count, self._scratch, 0)
            extra.followed = True
        return extra

    def _hash(self, directory: int, name: bytes, extra: Extra | None) -> Extra:
        extra = extra or Extra()
        algorithm = self._rules.hash
        digest = _digest(directory, name, algorithm, self._rules.hash_max_bytes, follow=extra.followed)
        extra.content_hash = digest and f"{algorithm}:{digest}"
        return extra

    def _descend(self, frame: WalkFrame, name: bytes, *, emit: bool) -> None:
        """List a folder (when `emit`) and go into it, unless the rules say no."""
        seen = not emit
        try:
            with self._locate(frame.child(name)) as (base, tail):
                extra = self._look(frame, base, tail)
                if emit:
                    self._emit(frame, name, extra)
                    seen = True
                found = self._scratch.one(0)
                if not self._may_enter(frame, name, found, extra):
                    return
                child = self._frame_below(frame, name, found, extra)
                self._open(child, base, tail, follow=extra.followed)
        except OSError as exc:
            if not seen:
                self._complain(frame, name, exc.errno)
            elif exc.errno != errno.ENOENT:
                self._unread.append(ListingGap("", frame.child_path(name), _reason(exc.errno)))
        else:
            self._stack.append(child)

    def _may_enter(self, frame: WalkFrame, name: bytes, found: Stat, extra: Extra) -> bool:
        if not stat.S_ISDIR(found.mode) or extra.looping or (extra.mount_point and not self._rules.cross_mounts):
            return False
        return self._rules.prune is None or not self._rules.prune(frame.child_path(name))

    def _look(self, frame: WalkFrame, base: int, tail: bytes) -> Extra:
        """Read a folder's attributes into the scratch slot; the link's own when it must not be followed."""
        self._stat(base, tail, follow=False)
        extra = Extra()
        if self._scratch.file_type(0) == _LINK:
            extra.target = _target(base, tail)
            if not self._rules.follow_symlinks or self._scratch.fill(0, base, tail, follow=True):
                return extra
            extra.followed = True
        found = self._scratch.one(0)
        extra.mount_point = (found.dev, found.mnt) != (frame.dev, frame.mnt) and not extra.followed
        extra.looping = any((f.dev, f.ino) == (found.dev, found.ino) for f in self._stack) if extra.followed else False
        if extra.looping:
            extra.followed = False
            self._stat(base, tail, follow=False)
        return extra

    def _emit(self, frame: WalkFrame, name: bytes, extra: Extra) -> None:
        self._last = (frame.child(name), True)
        if is_listed(self._scratch.file_type(0)):
            self._rows.stats.copy(self._rows.count, self._scratch, 0)
            ordinary = extra == Extra()
            self._rows.add(frame, name, None if ordinary else extra)

    def _frame_below(self, frame: WalkFrame, name: bytes, found: Stat, extra: Extra) -> WalkFrame:
        path = frame.child_path(name)
        elsewhere = (found.dev, found.mnt) != (frame.dev, frame.mnt)
        return WalkFrame(
            rel=frame.child(name),
            path=path,
            external_id=entry_id(frame, name, found, followed=extra.followed),
            dev=found.dev,
            ino=found.ino,
            mnt=found.mnt,
            device=f"@{path}" if elsewhere else frame.device,
            lasting=(self._rules.lasting_ids and lasting_inodes(found.mnt)) if elsewhere else frame.lasting,
            linked=frame.linked or extra.followed,
        )

    def _root_frame(self) -> WalkFrame:
        self._stat(self._root_fd, b"", follow=False)
        found = self._scratch.one(0)
        lasting = self._rules.lasting_ids and lasting_inodes(found.mnt)
        frame = WalkFrame(b"", "", None, found.dev, found.ino, found.mnt, lasting=lasting)
        self._open(frame, self._root_fd, b".", follow=False)
        return frame

    def _open(self, frame: WalkFrame, base: int, tail: bytes, *, follow: bool) -> None:
        """Open a folder and read its names. They are held in memory, sorted: about 60 bytes each."""
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        frame.fd = os.open(tail, flags, dir_fd=base)
        self._meter.api_calls += 1
        files: list[bytes] = []
        try:
            with os.scandir(frame.fd) as entries:
                for entry in entries:
                    is_folder = _is_folder(entry, follow=self._rules.follow_symlinks)
                    (frame.dirs if is_folder else files).append(os.fsencode(entry.name))
        except OSError:
            _close(frame)
            raise
        files.sort()
        frame.dirs.sort()
        frame.files = files

    def _stat(self, base: int, tail: bytes, *, follow: bool) -> None:
        failed = self._scratch.fill(0, base, tail, follow=follow)
        if failed:
            raise OSError(failed, os.strerror(failed))

    @contextmanager
    def _locate(self, rel: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield an open folder and a path below it, short enough for one system call, that lead to `rel`."""
        base = self._root_fd
        try:
            while len(rel) > _PATH_MAX_BYTES:
                cut = rel.rindex(b"/", 0, _PATH_MAX_BYTES)
                deeper = os.open(rel[:cut], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=base)
                if base != self._root_fd:
                    os.close(base)
                base, rel = deeper, rel[cut + 1 :]
            yield base, rel
        finally:
            if base != self._root_fd:
                os.close(base)

    def _complain(self, frame: WalkFrame, name: bytes, failed: int | None) -> None:
        """Report a folder with an entry that cannot be looked at: once, by its first such entry."""
        if failed != errno.ENOENT and not frame.complained:
            frame.complained = True
            self._unread.append(ListingGap("", frame.path, f"{to_storable_text(name)}: {_reason(failed)}"))


def _is_folder(entry: os.DirEntry[str], *, follow: bool) -> bool:
    try:
        return entry.is_dir(follow_symlinks=follow)
    except OSError:
        return False  # reading its attributes will tell what is wrong with it


def _close(frame: WalkFrame) -> None:
    if frame.fd is not None:
        os.close(frame.fd)
        frame.fd = None


def _target(directory: int, name: bytes) -> bytes | None:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:
        return None


def _digest(directory: int, name: bytes, algorithm: str, most: int, *, follow: bool) -> str | None:
    """The hash of a regular file's content; None when it cannot be read or is larger than `most` bytes."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        with open(name, "rb", opener=lambda path, _: os.open(path, flags, dir_fd=directory)) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_size > most:
                return None
            digest = hashlib.new(algorithm, usedforsecurity=False)
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
            return digest.hexdigest()
    except OSError:
        return None


def _position(checkpoint: str | None, root: bytes) -> tuple[bytes, bool] | None:
    if checkpoint is None:
        return None
    try:
        known = json.loads(checkpoint)
        at, folder = _raw(known["at"]), known["folder"] is True
        return (at, folder) if _raw(known["root"]) == root and at else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _reason(number: int | None) -> str:
    return to_storable_text(os.strerror(number or errno.EIO).encode())
