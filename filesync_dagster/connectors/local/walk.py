"""One walk through a tree: parents before their content, files before folders, both in the order of their raw names.

The order makes the position of the last entry enough to resume: everything after it, in this order, is still to come.
Nothing recurses and no path is longer than the system allows, so no tree is too deep.
"""

import errno
import os
import stat
from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import xxhash

from filesync_dagster.connectors.local import directory
from filesync_dagster.connectors.local.deadline import Pulse
from filesync_dagster.connectors.local.inside import digest_file, read_target
from filesync_dagster.connectors.local.mounts import is_mount_point, lasting_inodes
from filesync_dagster.connectors.local.position import read_position, write_position
from filesync_dagster.connectors.local.rows import Extra, PageRows, WalkFrame, entry_id, is_listed
from filesync_dagster.connectors.local.second_look import is_absent, is_gone, locate, require_same
from filesync_dagster.connectors.local.statx import Stat, StatBuffer
from filesync_dagster.core.model import ListingGap, Meter, Page, to_storable_text

_FOLDER, _REGULAR, _LINK = 4, 8, 10
_DANGLING = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG})  # the link itself is at fault
_STILL_LISTED = "its folder lists it, and the file system says that it is not there"


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

    def __init__(
        self,
        root: bytes,
        root_fd: int,
        rules: Rules,
        meter: Meter,
        *,
        pulse: Pulse | None = None,
        hung: frozenset[bytes] = frozenset(),
    ) -> None:
        self._root = root
        self._root_fd = root_fd
        self._rules = rules
        self._meter = meter
        self._pulse = pulse or Pulse()
        self._hung = hung
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
            while self._stack and not self._pulse.stopped:
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
        return Page(rows.batch(), self._last and write_position(self._root, *self._last), unread)

    def _resume(self, checkpoint: str | None) -> None:
        position = read_position(checkpoint, self._root)
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
        rows, base, hashing = self._rows, frame.fd, self._rules.hash != "none"
        fill, file_type, name = rows.stats.fill, rows.stats.file_type, b""
        names = frame.files[frame.next_file : frame.next_file + rows.room]
        absent = []
        pulse = self._pulse
        pulse.folder = frame.rel
        for name in names:
            pulse.name = name
            if self._hung and self._is_hung(frame, name):
                continue
            failed = fill(rows.count, base, name)
            if failed == errno.ENOENT:
                absent.append(name)
            elif failed:
                self._complain(frame, name, failed)
            elif file_type(rows.count) == _REGULAR and not hashing:
                rows.add(frame, name)
            else:
                self._read_unusual(frame, name, base)
        if absent:
            self._look_again(frame, absent)
        frame.next_file += len(names)
        self._last = (frame.child(name), False)

    def _look_again(self, frame: WalkFrame, absent: list[bytes]) -> None:
        """Name what the file system denies although the folder, read once more, still lists it."""
        assert frame.fd is not None
        try:
            listed = directory.names_of(frame.fd)
        except OSError as exc:
            if exc.errno != errno.ENOENT or not is_gone(self._root_fd, self._stack, frame):
                self._unread.append(ListingGap("", frame.path, _reason(exc.errno)))
            return
        for name in absent:
            if name not in listed:
                continue
            if self._rows.stats.fill(self._rows.count, frame.fd, name):
                self._unread.append(ListingGap("", frame.child_path(name), _STILL_LISTED))
                return
            self._read_unusual(frame, name, frame.fd)

    def _read_unusual(self, frame: WalkFrame, name: bytes, base: int) -> None:
        rows, extra = self._rows, None
        if rows.stats.file_type(rows.count) == _LINK:
            try:
                extra = self._link(base, name)
            except OSError as exc:
                self._unread.append(ListingGap("", frame.child_path(name), _reason(exc.errno)))
                return
        kind = rows.stats.file_type(rows.count)
        if kind == _FOLDER:
            # It became a folder after its name was read: its turn comes with the folders.
            insort(frame.dirs, name)
        elif is_listed(kind):
            if kind == _REGULAR and self._rules.hash != "none":
                extra = self._hash(base, name, extra)
            rows.add(frame, name, extra)

    def _link(self, base: int, name: bytes) -> Extra:
        extra = Extra(target=read_target(base, name))
        if self._follow(base, name):
            self._rows.stats.copy(self._rows.count, self._scratch, 0)
            extra.followed = True
        return extra

    def _follow(self, base: int, name: bytes) -> bool:
        """Read what a link leads to into the scratch slot; False: it stays a link. Raises OSError in doubt."""
        if not self._rules.follow_symlinks:
            return False
        failed = self._scratch.fill(0, base, name, follow=True)
        if failed and failed not in _DANGLING:
            raise _LinkError(failed, os.strerror(failed))
        return not failed

    def _hash(self, base: int, name: bytes, extra: Extra | None) -> Extra:
        extra = extra or Extra()
        algorithm = self._rules.hash
        digest = digest_file(
            base, name, algorithm, self._rules.hash_max_bytes, follow=extra.followed, pulse=self._pulse
        )
        extra.content_hash = digest and f"{algorithm}:{digest}"
        return extra

    def _descend(self, frame: WalkFrame, name: bytes, *, emit: bool) -> None:
        """List a folder (when `emit`) and go into it, unless the rules say no."""
        child, seen = None, not emit
        self._pulse.folder, self._pulse.name = frame.rel, name
        if self._hung and self._is_hung(frame, name):
            return
        try:
            with locate(self._root_fd, frame.child(name)) as (base, tail):
                extra = self._look(frame, name, base, tail)
                if emit:
                    self._emit(frame, name, extra)
                    seen = True
                found = self._scratch.one(0)
                if not self._may_enter(frame, name, found, extra):
                    return
                child = self._frame_below(frame, name, found, extra)
                self._open(child, base, tail, follow=extra.followed)
        except OSError as exc:
            self._report(frame, name, exc, seen=seen)
        if child is not None and child.fd is not None:
            self._stack.append(child)

    def _is_hung(self, frame: WalkFrame, name: bytes) -> bool:
        """Tell whether nobody answered about an entry before, and name it as a gap."""
        if frame.child(name) not in self._hung:
            return False
        self._unread.append(ListingGap("", frame.child_path(name), "the file system does not answer"))
        return True

    def _report(self, frame: WalkFrame, name: bytes, exc: OSError, *, seen: bool) -> None:
        """Name a folder that could not be read, or not to its end; one that was removed meanwhile is no gap."""
        if exc.errno == errno.ENOENT and is_absent(self._root_fd, self._stack, frame, name):
            return
        if exc.errno in {errno.EACCES, errno.EPERM} and not seen and not isinstance(exc, _LinkError):
            self._complain(frame, name, exc.errno)
        else:
            reason = _STILL_LISTED if exc.errno == errno.ENOENT else _reason(exc.errno)
            self._unread.append(ListingGap("", frame.child_path(name), reason))

    def _may_enter(self, frame: WalkFrame, name: bytes, found: Stat, extra: Extra) -> bool:
        if not stat.S_ISDIR(found.mode) or extra.looping:
            return False
        if extra.mount_point and not extra.followed and not self._rules.cross_mounts:
            return False
        return self._rules.prune is None or not self._rules.prune(frame.child_path(name))

    def _look(self, frame: WalkFrame, name: bytes, base: int, tail: bytes) -> Extra:
        """Read a folder's attributes into the scratch slot; the link's own when it must not be followed."""
        self._stat(base, tail, follow=False)
        extra = Extra()
        if self._scratch.file_type(0) == _LINK:
            extra.target = read_target(base, tail)
            if not self._follow(base, tail):
                self._stat(base, tail, follow=False)
                return extra
            extra.followed = True
        found = self._scratch.one(0)
        extra.mount_point = self._is_mounted(frame, name, found)
        extra.looping = any((f.dev, f.ino) == (found.dev, found.ino) for f in self._stack) if extra.followed else False
        if extra.looping:
            extra.followed = False
            self._stat(base, tail, follow=False)
        return extra

    def _is_mounted(self, frame: WalkFrame, name: bytes, found: Stat) -> bool:
        """Tell whether another mount begins here. A subvolume has a device of its own, and is of the same mount."""
        if found.mnt and frame.mnt:
            return found.mnt != frame.mnt
        return found.dev != frame.dev and is_mount_point(os.path.realpath(self._root) + b"/" + frame.child(name))

    def _emit(self, frame: WalkFrame, name: bytes, extra: Extra) -> None:
        self._last = (frame.child(name), True)
        if is_listed(self._scratch.file_type(0)):
            self._rows.stats.copy(self._rows.count, self._scratch, 0)
            ordinary = extra == Extra()
            self._rows.add(frame, name, None if ordinary else extra)

    def _frame_below(self, frame: WalkFrame, name: bytes, found: Stat, extra: Extra) -> WalkFrame:
        path = frame.child_path(name)
        external_id = entry_id(frame, name, found, followed=extra.followed)
        elsewhere = (found.dev, found.mnt) != (frame.dev, frame.mnt)
        return WalkFrame(
            rel=frame.child(name),
            path=path,
            external_id=external_id,
            dev=found.dev,
            ino=found.ino,
            mnt=found.mnt,
            device=f"@{xxhash.xxh3_64_hexdigest(external_id.encode())}" if elsewhere else frame.device,
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
        """Open a folder and read its names. They are held in memory, sorted: about 60 bytes each.

        Where reading ends early, the names so far stay, and the folder open.
        """
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        self._pulse.folder, self._pulse.name = frame.rel, b""
        frame.fd = os.open(tail, flags, dir_fd=base)
        self._meter.api_calls += 1
        files: list[bytes] = []
        try:
            require_same(frame.fd, frame)
            for name, kind in directory.read_names(frame.fd):
                self._pulse.beats += 1
                (frame.dirs if self._is_folder(frame, name, kind) else files).append(name)
        except OSError:
            if not files and not frame.dirs:
                _close(frame)
            raise
        finally:
            files.sort()
            frame.dirs.sort()
            frame.files = files

    def _is_folder(self, frame: WalkFrame, name: bytes, kind: int) -> bool:
        """Tell a folder by the type that came with its name. In doubt it is none: its attributes will tell.

        What hung is taken for one: folders come last, so its turn is still to come wherever the walk begins again.
        """
        doubtful = kind == directory.UNKNOWN or (kind == directory.LINK and self._rules.follow_symlinks)
        if self._hung and frame.child(name) in self._hung:
            return True
        if not doubtful:
            return kind == directory.FOLDER
        assert frame.fd is not None
        self._pulse.name = name
        failed = self._scratch.fill(0, frame.fd, name, follow=self._rules.follow_symlinks)
        self._pulse.name = b""
        return not failed and self._scratch.file_type(0) == _FOLDER

    def _stat(self, base: int, tail: bytes, *, follow: bool) -> None:
        failed = self._scratch.fill(0, base, tail, follow=follow)
        if failed:
            raise OSError(failed, os.strerror(failed))

    def _complain(self, frame: WalkFrame, name: bytes, failed: int | None) -> None:
        """Report an entry that cannot be looked at: of each folder, the first; of a folder that forbids it, itself."""
        if frame.complained:
            return
        frame.complained = True
        if failed in {errno.EACCES, errno.EPERM}:
            self._unread.append(ListingGap("", frame.path, f"{to_storable_text(name)}: {_reason(failed)}"))
        else:
            self._unread.append(ListingGap("", frame.child_path(name), _reason(failed)))


class _LinkError(OSError):
    """What a link leads to cannot be looked at."""


def _close(frame: WalkFrame) -> None:
    if frame.fd is not None:
        os.close(frame.fd)
        frame.fd = None


def _reason(number: int | None) -> str:
    return to_storable_text(os.strerror(number or errno.EIO).encode())
