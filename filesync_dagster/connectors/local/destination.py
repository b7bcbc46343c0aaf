"""The destination of one local folder."""

import os
import secrets
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import Final

from filesync_dagster.connectors.destination import (
    NOTHING,
    PART_SUFFIX,
    TRASH_FOLDER,
    Deletion,
    DestinationFacts,
    DestinationFile,
    FilePermissions,
    Precondition,
    Proof,
    Receipt,
    Upload,
    foreign_error,
    is_expected,
    require_possible_name,
)
from filesync_dagster.connectors.local import LocalDetails
from filesync_dagster.connectors.local.deadline import answer_within
from filesync_dagster.connectors.local.directory import names_of
from filesync_dagster.connectors.local.disk import Disk, Spot
from filesync_dagster.connectors.local.mounts import mounts
from filesync_dagster.connectors.local.part_file import UnfinishedFile, digest_of, remove_quietly
from filesync_dagster.connectors.local.permissions import apply_permissions
from filesync_dagster.connectors.local.statx import StatBuffer
from filesync_dagster.connectors.local.target import TargetFolder
from filesync_dagster.connectors.local.tree import list_tree
from filesync_dagster.connectors.local.write_errors import write_border
from filesync_dagster.core.content import ContentStream
from filesync_dagster.core.errors import ContentMismatch, Foreign, NotFound, SourceError
from filesync_dagster.core.model import ConnectionReport, Meter, from_storable_text, to_storable_text

NAME_MAX_BYTES: Final = 255
TRASH_NAMES_COUNT: Final = 10_000
"""Files of one name that the trash of one folder takes."""


class LocalDestination:
    """Writes below one folder: beside the final name, then renamed; both are written down before it says so.

    A version is made of inode, modification time and size, so it stays when a file is renamed or its permissions
    change. Whether names that differ in case are different is known after `check`. `disk` is replaced in tests.
    """

    def __init__(self, details: LocalDetails, meter: Meter, *, disk: Disk | None = None) -> None:
        self._details = details
        self._meter = meter
        self._disk = disk or Disk()
        self._target = TargetFolder(details, self._disk)
        self._case_sensitive = True

    @property
    def facts(self) -> DestinationFacts:
        """Tags need extended attributes, which `check` looks for."""
        return DestinationFacts(
            atomic_replace=True,
            rename=True,
            server_copy=False,
            resumable=False,
            folders=True,
            conditional=True,
            permissions=True,
            trash=True,
            lists=True,
            hashes=("sha256",),
            case_sensitive=self._case_sensitive,
            max_name_bytes=NAME_MAX_BYTES,
        )

    def check(self) -> ConnectionReport:
        """Write a file in the folder, look for it under its name in capitals, and remove it."""
        return answer_within(self._details.answer_timeout_seconds, self._report)

    def stat(self, path: str) -> DestinationFile | None:
        """Return what is at a path; of a link, that it is one."""
        self._meter.api_calls += 1
        try:
            with self._target.spot(path) as spot:
                found = spot.stat()
                return None if found is None else self._target.describe(path, spot, found)
        except (NotFound, Foreign):  # a folder on the way is not there, or is no folder
            self._require_target()
            return None

    def write(self, upload: Upload, content: ContentStream) -> Receipt:
        """Write beside the final name; replace what is there only when it is what was expected, in one step."""
        require_possible_name(upload.path, self.facts)
        self._meter.api_calls += 1
        with self._target.spot(upload.path, make=True) as final, write_border(upload.path, upload.size):
            self._refuse_early(upload, final)
            with UnfinishedFile.create(final, self._disk, upload) as unfinished:
                length = unfinished.fill(content)
                unfinished.finish(upload)
                if upload.readback and unfinished.read_back() != unfinished.digest:
                    raise ContentMismatch(f"The disk does not hold what was written of {upload.path}.")
                found = self._publish(upload, unfinished, final)
                return Receipt(
                    version=self._target.version(found),
                    size=length,
                    content_hash=f"sha256:{unfinished.digest}",
                    proof=Proof.READBACK if upload.readback else Proof.SIZE,
                )

    def move(
        self, path: str, new_path: str, expected: Precondition | None, *, onto: Precondition | None = NOTHING
    ) -> Receipt:
        """Rename, in one step; folders too, with all that is in them (`expected` None)."""
        require_possible_name(new_path, self.facts)
        self._meter.api_calls += 1
        with ExitStack() as stack:
            try:
                old = stack.enter_context(self._target.spot(path))
                found = old.stat()
            except NotFound:
                found = None
            if found is None:
                return self._moved_before(path, new_path, expected)
            new = stack.enter_context(self._target.spot(new_path, make=True))
            stack.enter_context(write_border(new_path))
            described = self._target.describe(path, old, found)
            is_folder = expected is None and described.kind == "folder"
            if expected == NOTHING or not (is_folder or is_expected(described, expected)):
                raise foreign_error(path, described, expected)
            if self._is_other_spelling(old, new, found):
                self._respell(old, new)
            else:
                self._rename(old, new, new_path, onto)
            for folder in {os.fstat(spot.folder).st_ino: spot.folder for spot in (new, old)}.values():
                self._disk.sync_folder(folder)
            return self._receipt(new, found)

    def delete(self, deletions: Sequence[Deletion]) -> list[SourceError | None]:
        """Remove each, or rename it into the trash."""
        return [self._delete(deletion) for deletion in deletions]

    def make_folder(self, path: str) -> None:
        """Make it and those above it."""
        require_possible_name(path, self.facts)
        self._meter.api_calls += 1
        with self._target.folder(path, make=True):
            pass

    def remove_folder(self, path: str) -> bool:
        """Remove it if nothing is in it. A link to a folder is none, and stays."""
        require_possible_name(path, self.facts)
        self._meter.api_calls += 1
        try:
            with self._target.spot(path) as spot:
                found = spot.stat()
                if found is None:
                    return True
                if not stat.S_ISDIR(found.st_mode):
                    return False
                self._remove_parts(path)
                os.rmdir(spot.name, dir_fd=spot.folder)
                self._disk.sync_folder(spot.folder)
        except NotFound:
            self._require_target()
        except Foreign:  # something is in it
            return False
        return True

    def set_permissions(self, path: str, wanted: FilePermissions) -> FilePermissions:
        """Set mode, owner and group. Names that this machine does not know are refused, numbers are taken."""
        self._meter.api_calls += 1
        with self._target.spot(path) as spot:
            apply_permissions(path, spot, wanted)
            found = spot.stat()
            if found is None:
                raise NotFound(f"{path} was removed at the destination meanwhile.")
            told = self._target.describe(path, spot, found)
        return FilePermissions(told.permissions, told.owner, told.group)

    def list(self, below: str = "") -> Iterator[Sequence[DestinationFile]]:
        """Walk the folder. Raises where something cannot be read: then it is not complete."""
        yield from list_tree(self._target, below)

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _refuse_early(self, upload: Upload, final: Spot) -> None:
        """Raise Foreign for what is certainly not as expected, before anything is sent."""
        found = final.stat()
        described = None if found is None else self._target.describe(upload.path, final, found)
        if is_expected(described, upload.expected):
            return
        if described is None or described.kind != "file" or described.size != (upload.size or described.size):
            raise foreign_error(upload.path, described, upload.expected)

    def _publish(self, upload: Upload, unfinished: UnfinishedFile, final: Spot) -> os.stat_result:
        """Give a whole file its name, or find that the same content has it already; return what is told of it."""
        written = os.fstat(unfinished.descriptor)
        replaced = final.stat()
        described = None if replaced is None else self._target.describe(upload.path, final, replaced)
        if not is_expected(described, upload.expected):
            if replaced is not None and self._is_same(final, replaced, unfinished, written):
                return replaced
            raise foreign_error(upload.path, described, upload.expected)
        if replaced is None:
            self._name(upload, unfinished, final)
        else:
            self._replace(upload, unfinished.spot, final, replaced)
        self._disk.sync_folder(final.folder)
        return written

    def _name(self, upload: Upload, unfinished: UnfinishedFile, final: Spot) -> None:
        try:
            self._disk.rename(unfinished.spot, final)
        except FileExistsError as error:
            found = final.stat()
            described = None if found is None else self._target.describe(upload.path, final, found)
            raise foreign_error(upload.path, described, NOTHING) from error

    def _replace(self, upload: Upload, fresh: Spot, final: Spot, expected: os.stat_result) -> None:
        """Exchange the two, so that what is taken away can still be given back when it is not what was seen."""
        if not self._disk.exchange(fresh, final):
            self._disk.replace(fresh, final)
            return
        taken = fresh.stat()
        if upload.expected is None or (taken is not None and _same_state(taken, expected)):
            return  # what it was goes with the unfinished file
        self._disk.exchange(fresh, final)
        raise Foreign(f"{upload.path} was changed at the destination at this moment: it was left alone.")

    def _is_same(self, final: Spot, found: os.stat_result, mine: UnfinishedFile, written: os.stat_result) -> bool:
        """Tell whether what is there has the same content: an earlier answer was lost."""
        if not stat.S_ISREG(found.st_mode) or found.st_size != written.st_size:
            return False
        file = os.open(final.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=final.folder)
        try:
            return digest_of(final, file) == mine.digest
        finally:
            os.close(file)

    def _rename(self, old: Spot, new: Spot, new_path: str, onto: Precondition | None) -> None:
        replaced = new.stat()
        described = None if replaced is None else self._target.describe(new_path, new, replaced)
        if not is_expected(described, onto):
            raise foreign_error(new_path, described, onto)
        if replaced is not None:
            self._disk.replace(old, new)
            return
        try:
            self._disk.rename(old, new)
        except FileExistsError as error:
            raise Foreign(f"Something came to {new_path} at this moment: it was left alone.") from error

    def _is_other_spelling(self, old: Spot, new: Spot, found: os.stat_result) -> bool:
        """Tell whether two names are one to the file system, which does not heed their case, or their accents."""
        there = new.stat()
        if there is None or (there.st_dev, there.st_ino) != (found.st_dev, found.st_ino):
            return False
        return not (os.path.samestat(os.fstat(old.folder), os.fstat(new.folder)) and old.name == new.name) and (
            new.name not in names_of(new.folder)
        )

    def _respell(self, old: Spot, new: Spot) -> None:
        between = Spot(old.folder, f".{secrets.token_hex(8)}{PART_SUFFIX}".encode())
        self._disk.rename(old, between)
        self._disk.rename(between, new)

    def _moved_before(self, path: str, new_path: str, expected: Precondition | None) -> Receipt:
        there = self.stat(new_path)
        if there is None or expected is None or there.version != expected.version or there.version is None:
            raise NotFound(f"{path} is not at the destination any more.")
        return Receipt(version=there.version, size=there.size or 0, content_hash=None, proof=Proof.SIZE)

    def _receipt(self, spot: Spot, found: os.stat_result) -> Receipt:
        now = spot.stat() or found
        regular = stat.S_ISREG(now.st_mode)
        return Receipt(
            version=self._target.version(now) if regular else None,
            size=now.st_size if regular else 0,
            content_hash=None,
            proof=Proof.SIZE,
        )

    def _delete(self, deletion: Deletion) -> SourceError | None:
        self._meter.api_calls += 1
        try:
            self._delete_one(deletion)
        except SourceError as error:
            return error
        return None

    def _delete_one(self, deletion: Deletion) -> None:
        require_possible_name(deletion.path, self.facts)
        try:
            with self._target.spot(deletion.path) as spot:
                found = spot.stat()
                if found is None:
                    return
                described = self._target.describe(deletion.path, spot, found)
                if deletion.expected == NOTHING or not is_expected(described, deletion.expected):
                    raise foreign_error(deletion.path, described, deletion.expected)
                if deletion.trash is None:
                    self._disk.remove(spot)
                else:
                    self._discard(deletion, spot)
                self._disk.sync_folder(spot.folder)
        except NotFound:
            self._require_target()  # only the folder of the file is gone, or that as well

    def _discard(self, deletion: Deletion, spot: Spot) -> None:
        path = f"{TRASH_FOLDER}/{deletion.trash}/{deletion.path}"
        with self._target.spot(path, make=True) as target:
            for number in range(1, TRASH_NAMES_COUNT):
                try:
                    self._disk.rename(spot, Spot(target.folder, numbered_name(target.name, number)))
                except FileExistsError:
                    continue
                self._disk.sync_folder(target.folder)
                return
        raise Foreign(f"The trash has too many files with the name of {deletion.path}.")

    def _remove_parts(self, path: str) -> None:
        """Remove what runs that were killed left of uploads in a folder, where nothing else is in it."""
        with self._target.folder(path) as folder:
            names = names_of(folder)
            if all(name.endswith(PART_SUFFIX.encode()) for name in names):
                for name in names:
                    self._disk.remove(Spot(folder, name))

    def _require_target(self) -> None:
        with self._target.open():
            pass

    def _report(self) -> ConnectionReport:
        began = time.perf_counter()
        with self._target.open() as root, write_border(self._target.shown):
            self._meter.api_calls += 1
            spot = Spot(root, f".probe-{secrets.token_hex(8)}{PART_SUFFIX}".encode())
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            os.close(os.open(spot.name, flags, 0o600, dir_fd=root))
            try:
                self._case_sensitive = Spot(root, spot.name.upper()).stat() is None
            finally:
                remove_quietly(self._disk, spot)
            latency = (time.perf_counter() - began) * 1_000
            space = os.fstatvfs(root)
            buffer = StatBuffer(1)
            buffer.fill(0, root, b"")
            kinds = {mount.id: mount.fstype for mount in mounts()}
        where = kinds.get(buffer.one(0).mnt)
        free = space.f_bavail * space.f_frsize
        return ConnectionReport(
            latency_ms=latency,
            sees=f"folder {self._target.shown}{f' on {where}' if where else ''}, {free / 1e9:,.1f} GB free",
            permissions=("write files",),
            warnings=() if self._case_sensitive else ("Names that differ in case only are one name here.",),
        )


def numbered_name(name: bytes, number: int) -> bytes:
    """Return a name beside others of its kind, not longer than names may be.

    >>> numbered_name(b"plan.dwg", 1), numbered_name(b"plan.dwg", 2)
    (b'plan.dwg', b'plan (2).dwg')
    """
    if number == 1:
        return name
    stem, dot, ending = to_storable_text(name).rpartition(".")
    stem, ending = (stem, f"{dot}{ending}") if stem else (ending, "")
    mark = f" ({number})"
    room = NAME_MAX_BYTES - len(from_storable_text(ending)) - len(mark)
    return from_storable_text(stem)[: max(room, 0)] + mark.encode() + from_storable_text(ending)


def _same_state(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_ino, one.st_mtime_ns, one.st_size) == (other.st_ino, other.st_mtime_ns, other.st_size)
