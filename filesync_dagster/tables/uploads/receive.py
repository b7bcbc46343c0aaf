"""Receiving: bytes of uploads on a disk that nothing serves, and their records, which are true after a crash."""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from filesync_dagster.storage.database.uploads import UnknownUpload, UploadRecord, UploadRepository
from filesync_dagster.storage.durable import make_folder
from filesync_dagster.tables.uploads.content import check_content
from filesync_dagster.tables.uploads.errors import UploadError
from filesync_dagster.tables.uploads.names import FORMATS, extension_of, shown_name, stored_name
from filesync_dagster.tables.uploads.scan import ScanHook

HASH_BLOCK_BYTES = 1 << 20
KEPT_BYTES = 32 << 20
"""So many are written before the record says that they are there: what a killed process loses of an upload."""
FREE_MIN_BYTES = 256 << 20
FREE_MIN_SHARE = 0.02
"""Room that uploads leave on a disk."""


@dataclass(frozen=True)
class UploadLimits:
    """What an upload may cost."""

    max_bytes: int
    keep: timedelta
    unfinished: timedelta = timedelta(days=1)


class UploadStore:
    """The uploads of one installation. Serves many threads, and processes that share its folder."""

    def __init__(
        self,
        folder: Path,
        repository: UploadRepository,
        limits: UploadLimits,
        *,
        scanner: ScanHook | None = None,
        in_use: Callable[[], Collection[str]] = tuple,
        free_bytes: Callable[[Path], int] | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder = folder
        self._repository = repository
        self._limits = limits
        self._scanner = scanner
        self._in_use = in_use
        self._free_bytes = free_bytes or _free_bytes
        self._now = now
        self._reserving = threading.Lock()

    @property
    def max_bytes(self) -> int:
        """The largest file that is taken."""
        return self._limits.max_bytes

    def create(self, name: str, size: int | None, owner: str, details: Mapping[str, Any] | None = None) -> UploadRecord:
        """Begin an upload: its type is read, it is not too large, and there is room for all of it.

        Raises UploadError: "unsupported", "too_large", "full".
        """
        self.expire()
        shown = shown_name(name)
        extension = extension_of(shown)
        if size is not None:
            self._check_size(size)
        now = self._now()
        record = UploadRecord(
            id=secrets.token_hex(16),
            stored_name=stored_name(extension, now),
            original_name=shown,
            state="receiving",
            owner=owner,
            created_at=now,
            updated_at=now,
            expires_at=now + self._limits.unfinished,
            size=size,
            format=FORMATS[extension],
            details=dict(details or {}),
        )
        with self._reserving, _disk_errors():
            make_folder(self._folder, private=True)
            if (size or 0) + self._repository.reserved_bytes() > self._free_bytes(self._folder):
                raise _full()
            os.close(os.open(self.path(record), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._repository.add(record)
        return record

    def get(self, upload_id: str) -> UploadRecord:
        """Return an upload. Raises UploadError: "not_found", "gone"."""
        record = self._repository.find(upload_id)
        if record is None:
            raise UploadError("There is no such upload.", hint="It may have expired.", code="not_found")
        if record.expires_at <= self._now():
            raise UploadError("The upload has expired.", hint="Send it again.", code="gone")
        return record

    def path(self, record: UploadRecord) -> Path:
        """Return where its bytes are."""
        return self._folder / record.stored_name

    def find(self, name: str) -> Path:
        """Return the file of what a request calls an upload: `uploads/<stored name>`. Raises UploadError."""
        try:
            record = self._repository.of_name(name.removeprefix("uploads/"))
        except UnknownUpload as error:
            raise UploadError(error.message, hint=error.hint, code="not_found", field="file_paths") from None
        if record.state not in {"ready", "reading"}:
            raise UploadError(
                f"The upload {record.original_name} is not there yet.", code="not_found", field="file_paths"
            )
        return self.path(record)

    def original_name(self, name: str) -> str:
        """Return what whoever sent an upload called it. Raises UnknownUpload."""
        return self._repository.of_name(name.removeprefix("uploads/")).original_name

    def settings(self, name: str) -> Mapping[str, object]:
        """Return what was said of how an upload is read: some of `FileSettings`. Raises UnknownUpload."""
        return self._repository.of_name(name.removeprefix("uploads/")).options

    @contextmanager
    def write(
        self, upload_id: str, offset: int, checksum: "tuple[str, bytes] | None" = None
    ) -> "Iterator[UploadWriter]":
        """Yield what takes the bytes of an upload from `offset` on; what came is there afterwards, whatever happens.

        A piece whose checksum is wrong is as if it had never come. Raises UploadError: "locked" at once, where somebody
        else is at it; "offset", "gone", "not_found", "too_large", "checksum", "full".
        """
        record = self.get(upload_id)
        with self._lock(record) as descriptor:
            record = self.get(upload_id)  # as whoever had the lock left it
            if not _is_open(record) or offset != record.received:
                raise UploadError(f"The upload has {record.received:,} bytes.", code="offset")
            os.lseek(descriptor, offset, os.SEEK_SET)  # a killed process may have written more, without saying so
            most = self._limits.max_bytes if record.size is None else record.size
            writer = UploadWriter(descriptor, offset, most, lambda received: self._keep(record, received), checksum)
            try:
                yield writer
                writer.verify()
            finally:
                with _disk_errors():
                    writer.flush()

    def finish(self, upload_id: str, *, size: int | None = None) -> UploadRecord:
        """Judge an upload all of whose bytes are there, and return it: ready, or refused with the error that is raised.

        `size`: of one whose size nobody announced. Raises UploadError: "content", "infected", "scanner", "locked".
        """
        record = self.get(upload_id)
        with self._lock(record):
            record = self.get(upload_id)
            if not _is_open(record) or record.received != (record.size if size is None else size):
                raise UploadError(f"The upload has {record.received:,} bytes.", code="offset")
            self._repository.change(upload_id, state="scanning", size=record.received)
            try:
                with _disk_errors():
                    digest = _digest(self.path(record))
                    check_content(self.path(record), record.stored_name.rpartition(".")[2])
                if self._scanner is not None:
                    self._scanner.scan(self.path(record))
            except UploadError as error:
                self._refuse(record, error)
                raise
            except BaseException:
                self._repository.change(upload_id, state="receiving")  # nobody said anything about it
                raise
            expires = self._now() + self._limits.keep
            self._repository.change(upload_id, state="ready", sha256=digest, expires_at=expires)
        return self.get(upload_id)

    def remove(self, upload_id: str) -> None:
        """Forget an upload and its bytes. Raises UploadError: "locked" while somebody sends it, "not_found"."""
        record = self._repository.find(upload_id)
        if record is None:
            raise UploadError("There is no such upload.", code="not_found")
        try:
            with self._lock(record):
                self.path(record).unlink(missing_ok=True)
        except UploadError as error:
            if error.code != "gone":
                raise
        self._repository.remove(upload_id)

    def expire(self, *, dry_run: bool = False) -> int:
        """Remove what is past its time and nothing uses; return how many that were, or (`dry_run`) would be."""
        removed, expired = 0, self._repository.find_expired(self._now())
        used = set(self._in_use()) if expired else set()
        for record in expired:
            if used & {f"upload:{record.id}", f"upload:{record.stored_name}"}:
                continue
            with suppress(UploadError):
                if not dry_run:
                    self.remove(record.id)
                removed += 1
        return removed

    def _check_size(self, size: int) -> None:
        if size > self._limits.max_bytes:
            raise UploadError(f"A file may have {self._limits.max_bytes:,} bytes.", code="too_large", field="file")

    def _keep(self, record: UploadRecord, received: int) -> None:
        self._repository.change(record.id, only_in=("receiving", "scanning"), received=received)

    def _refuse(self, record: UploadRecord, error: UploadError) -> None:
        """Keep the record of a refused file, without its bytes; where nobody could tell, as if it had not ended."""
        if error.code == "scanner":
            self._repository.change(record.id, state="receiving")
            return
        self._repository.change(record.id, state="refused", refusal=error.message, refusal_code=error.code)
        self.path(record).unlink(missing_ok=True)

    @contextmanager
    def _lock(self, record: UploadRecord) -> Iterator[int]:
        """Hold an upload. Whoever finds it held is told so at once: a server whose threads wait serves nobody."""
        try:
            descriptor = os.open(self.path(record), os.O_RDWR)
        except FileNotFoundError:
            raise UploadError("The bytes of the upload are gone.", hint="Send it again.", code="gone") from None
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UploadError("Somebody else is sending this upload.", code="locked") from None
            yield descriptor
        finally:
            os.close(descriptor)


class UploadWriter:
    """Takes the bytes of one piece. Used by one thread at a time."""

    def __init__(
        self,
        descriptor: int,
        offset: int,
        most: int,
        keep: Callable[[int], None],
        checksum: tuple[str, bytes] | None,
    ) -> None:
        self._descriptor = descriptor
        self._begin = offset
        self._most = most
        self._keep = keep
        self._expected = checksum
        self._digest = hashlib.new(checksum[0], usedforsecurity=False) if checksum else None
        self._kept = offset
        self.offset = offset

    def write(self, data: bytes) -> None:
        """Append bytes. Raises UploadError: "too_large", "full"."""
        if self.offset + len(data) > self._most:
            raise UploadError(f"The upload has more than {self._most:,} bytes.", code="too_large", field="file")
        if self._digest is not None:
            self._digest.update(data)
        view = memoryview(data)
        with _disk_errors():
            while view:
                count = os.write(self._descriptor, view)
                view, self.offset = view[count:], self.offset + count
            if self._digest is None and self.offset - self._kept >= KEPT_BYTES:
                self.flush()

    def verify(self) -> None:
        """Raise UploadError unless the bytes are those of the checksum; then they are as if they had never come."""
        if self._digest is not None and self._expected is not None and self._digest.digest() != self._expected[1]:
            raise UploadError("The checksum is wrong.", hint="Send the piece again.", code="checksum")
        self._expected = None

    def flush(self) -> None:
        """Have what came on the disk, and say so in the record: nothing of a piece whose checksum nobody verified."""
        if self._expected is not None:
            self.offset = self._begin
        os.ftruncate(self._descriptor, self.offset)
        os.fdatasync(self._descriptor)
        if self.offset != self._kept:
            self._keep(self.offset)
        self._kept = self.offset


def _is_open(record: UploadRecord) -> bool:
    """Tell whether an upload that nobody else holds may go on: whoever was judging it then was killed."""
    return record.state in {"receiving", "scanning"}


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _free_bytes(folder: Path) -> int:
    usage = shutil.disk_usage(folder)
    return usage.free - max(FREE_MIN_BYTES, int(usage.total * FREE_MIN_SHARE))


def _full() -> UploadError:
    return UploadError("There is no room for this file.", hint="Remove uploads, or send a smaller one.", code="full")


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
            raise _full() from error
        raise
