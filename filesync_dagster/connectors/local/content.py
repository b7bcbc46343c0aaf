"""The content of a file: as it was listed, the same before its first block and after its last.

The way to it is walked from the root, folder by folder, through no symbolic link that was put there since. Each answer
of the file system has the deadline that it has in a listing.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from filesync_dagster.connectors.local.deadline import answer_within
from filesync_dagster.connectors.local.statx import StatBuffer, has_birth, nanoseconds
from filesync_dagster.core.content import BLOCK_BYTES, ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.errors import AccessDenied, SourceError, StaleSource, TemporarilyDown
from filesync_dagster.core.interruption import check_stop
from filesync_dagster.core.model import from_storable_text

NEXT_SYNC: Final = "The next sync tells what it is now."
OpenRoot = Callable[[], AbstractContextManager[int]]
Answer = TypeVar("Answer")

GONE: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
DOWN: Final = frozenset({errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EMFILE})


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells a file and its version: that of its row, and what the kernel changes with every write."""

    device: int
    inode: int
    born: int | None
    modified: int
    changed: int
    size: int
    regular: bool

    @property
    def version(self) -> str:
        """What a row has as its version."""
        return f"{self.modified}-{self.size}"


def open_file(
    open_root: OpenRoot, entry: FileEntry, span: ByteSpan, *, follow: bool, answer_seconds: float
) -> ContentStream:
    """Return the content of a file, or a part of it. Raises SourceError."""
    require_file(entry)
    opened = _OpenFile(open_root, entry, span, follow=follow, answer_seconds=answer_seconds)
    opened.begin()
    return ContentStream(
        opened.blocks(),
        what=opened.where,
        size=span.size,
        mime_type=entry.mime_type,
        content_hash=entry.content_hash if span.whole else None,
        confirm=opened.confirm,
        release=opened.close,
    )


class _OpenFile:
    """One file, open."""

    def __init__(
        self, open_root: OpenRoot, entry: FileEntry, span: ByteSpan, *, follow: bool, answer_seconds: float
    ) -> None:
        self.where = f"The file {entry.path}"
        self._open_root = open_root
        self._entry = entry
        self._span = span
        self._names = from_storable_text(entry.path).split(b"/")
        self._flags = os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
        self._seconds = answer_seconds
        self._fd: int | None = None
        self._state: FileState | None = None
        self._small: bytes | None = None  # all that is wanted, read and confirmed
        self._abandoned = False

    def begin(self) -> None:
        """Open it, and see that it is what was listed. A small one is read at once: each answer costs a thread."""
        self._ask(self._begin)

    def _begin(self) -> None:
        self._fd, self._state = self._open_named()
        try:
            self._require_listed(self._state)
            if self._span.size is not None and self._span.size <= BLOCK_BYTES:
                self._small = self._read(self._span.start, self._span.size)
                self._confirm()
                self.close()
        except BaseException:
            self.close()
            raise
        finally:
            if self._abandoned:
                self.close()

    def blocks(self) -> Generator[bytes]:
        """Yield the bytes, as many as were listed and are there."""
        if self._small is not None:
            yield self._small
            return
        at, end = self._span.start, self._span.end
        while end is None or at < end:
            check_stop()
            count = BLOCK_BYTES if end is None else min(BLOCK_BYTES, end - at)
            block = self._ask(partial(self._read, at, count))
            if not block:
                return
            at += len(block)
            yield block

    def confirm(self) -> None:
        """Raise StaleSource when the file changed since it was opened, or another one has its name."""
        if self._small is None:
            self._ask(self._confirm)

    def _confirm(self) -> None:
        if state_of(self._descriptor) != self._state:
            raise self._stale("was written to while it was read")
        descriptor, state = self._open_named()
        os.close(descriptor)
        if state != self._state:
            raise self._stale("is another one by now")

    def _read(self, at: int, count: int) -> bytes:
        """Return so many bytes; fewer only where the file ends."""
        block = os.pread(self._descriptor, count, at)
        while 0 < len(block) < count and (more := os.pread(self._descriptor, count - len(block), at + len(block))):
            block += more
        return block

    def close(self) -> None:
        """Close it. Idempotent."""
        if self._fd is not None:
            descriptor, self._fd = self._fd, None
            with suppress(OSError):
                os.close(descriptor)

    @property
    def _descriptor(self) -> int:
        if self._fd is None:
            raise ValueError(f"{self.where} is closed")
        return self._fd

    def _open_named(self) -> tuple[int, FileState]:
        """Open what has the name now."""
        with self._open_root() as root:
            folder = root
            try:
                for name in self._names[:-1]:
                    below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | self._flags, dir_fd=folder)
                    if folder != root:
                        os.close(folder)
                    folder = below
                # Not to wait for a writer, where a fifo has the name by now.
                descriptor = os.open(self._names[-1], os.O_RDONLY | os.O_NONBLOCK | self._flags, dir_fd=folder)
            finally:
                if folder != root:
                    os.close(folder)
        try:
            return descriptor, state_of(descriptor)
        except BaseException:
            os.close(descriptor)
            raise

    def _require_listed(self, state: FileState) -> None:
        if not state.regular:
            raise self._stale("is no file any more")
        if not self._is_listed(state):
            raise self._stale("is not the one that was listed")
        if self._entry.version is not None and state.version != self._entry.version:
            raise self._stale("was written to since it was listed")
        changed_at = self._entry.metadata.get("changed_at")
        if isinstance(changed_at, int) and state.changed != changed_at:
            # Whoever sets a time back after writing cannot set back this one.
            raise self._stale("was changed since it was listed")

    def _is_listed(self, state: FileState) -> bool:
        """Whether inode and birth are those of the row, where its id is made of them."""
        listed = self._entry.external_id
        return listed.startswith(("path-", f"{state.inode}-{state.born or ''}"))

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Return an answer of the file system within the deadline. Raises SourceError."""
        try:
            return answer_within(self._seconds, question)
        except OSError as exc:
            self._abandoned = exc.errno == errno.ETIMEDOUT
            raise self._error(exc) from exc

    def _error(self, exc: OSError) -> SourceError:
        why = exc.strerror or str(exc)
        if exc.errno in GONE:
            return self._stale(f"is not there any more ({why})")
        if exc.errno in {errno.EACCES, errno.EPERM}:
            return AccessDenied(f"{self.where} may not be read by this user.", hint="Grant read permission on it.")
        if exc.errno in DOWN:
            return TemporarilyDown(
                f"{self.where} cannot be read at the moment ({why}).", hint="Check the disk or share."
            )
        return SourceError(f"{self.where} cannot be read ({why}).", hint="Check the disk.")

    def _stale(self, what: str) -> StaleSource:
        return StaleSource(f"{self.where} {what}.", hint=NEXT_SYNC)


def state_of(descriptor: int) -> FileState:
    """Return what an open file is. Raises OSError."""
    held = StatBuffer(1)
    if failed := held.fill(0, descriptor, b""):
        raise OSError(failed, os.strerror(failed))
    raw = held.columns(1)
    return FileState(
        device=int(raw["dev"][0]),
        inode=int(raw["ino"][0]),
        born=int(nanoseconds(raw, "btime")[0]) if bool(has_birth(raw)[0]) else None,
        modified=int(nanoseconds(raw, "mtime")[0]),
        changed=int(nanoseconds(raw, "ctime")[0]),
        size=int(raw["size"][0]),
        regular=stat.S_ISREG(int(raw["mode"][0])),
    )
