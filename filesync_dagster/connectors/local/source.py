"""The source of one local folder, and the one place where its OSErrors become ours."""

import errno
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filesync_dagster.connectors.local import LocalDetails
from filesync_dagster.connectors.local.content import open_file
from filesync_dagster.connectors.local.deadline import Pulse, answer_within, pages_within
from filesync_dagster.connectors.local.directory import require_canary
from filesync_dagster.connectors.local.mounts import mounts, mounts_below
from filesync_dagster.connectors.local.statx import StatBuffer
from filesync_dagster.connectors.local.walk import Rules, Walk
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, SourceError, TemporarilyDown
from filesync_dagster.core.model import Capabilities, ChangeKind, ConnectionReport, Meter, Page, to_storable_text
from filesync_dagster.core.suggestions import did_you_mean

_NAMED_MOUNTS = 3


class LocalSource:
    """Lists one folder as one scope, "".

    Files, folders and symbolic links are listed (a link as a shortcut, unless followed); fifos, sockets and devices
    are not. What vanishes during the walk is left out; what cannot be read is a gap. A folder that was empty, whose
    disk was not mounted, looks just like an empty folder: `must_contain` tells them apart.
    """

    def __init__(self, details: LocalDetails, meter: Meter, prune: Callable[[str], bool] | None = None) -> None:
        self._details = details
        self._meter = meter
        self._root = os.fsencode(Path(details.path).absolute())
        self._rules = Rules(
            follow_symlinks=details.follow_symlinks,
            cross_mounts=details.cross_mounts,
            lasting_ids=details.identity == "auto",
            hash=details.hash,
            hash_max_bytes=details.hash_max_bytes,
            page_size=details.page_size,
            prune=prune,
        )

    @property
    def capabilities(self) -> Capabilities:
        """An editor that saves by writing a new file over the old name changes the id: the path pairs the two.

        The change time moves with every link, owner and mode as well: alone, it proves little.
        """
        return Capabilities(
            stable_ids=self._rules.lasting_ids,
            pair_by=("path",),
            pair_as=ChangeKind.MODIFIED,
            bookkeeping=("changed_at", "links"),
            shared_ids=self._rules.lasting_ids,
            boundaries=True,
            hashes=self._details.hash != "none",
            permissions=True,
        )

    def check(self) -> ConnectionReport:
        """Open the folder, read its first names, and tell about what a listing would leave out."""
        with _translate_errors(self._root):
            return answer_within(self._details.answer_timeout_seconds, self._report)

    def explain_emptiness(self) -> str | None:
        """Tell an empty folder."""
        with _translate_errors(self._root):
            return answer_within(self._details.answer_timeout_seconds, self._explain_emptiness)

    def _explain_emptiness(self) -> str | None:
        with self._open_root() as root_fd, _translate_errors(self._root), os.scandir(root_fd) as entries:
            return None if next(entries, None) else f"The folder {_shown(self._root)} is empty."

    def scopes(self) -> tuple[str, ...]:
        """One: the whole folder."""
        return ("",)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Walk the folder. Each page's checkpoint is the position of its last entry."""
        with _translate_errors(self._root):
            yield from pages_within(self._details.answer_timeout_seconds, self._walk, checkpoint)

    def _walk(self, pulse: Pulse, checkpoint: str | None, hung: frozenset[bytes]) -> Generator[Page, None, None]:
        with self._open_root() as root_fd:
            walk = Walk(self._root, root_fd, self._rules, self._meter, pulse=pulse, hung=hung)
            yield from walk.pages(checkpoint)

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Open the file as it was listed, through no symbolic link unless those are followed."""
        return open_file(
            self._open_root,
            entry,
            ByteSpan.of(entry.size, offset, length),
            follow=self._rules.follow_symlinks,
            answer_seconds=self._details.answer_timeout_seconds,
        )

    def close(self) -> None:
        """Nothing stays open between calls."""

    def _report(self) -> ConnectionReport:
        began = time.perf_counter()
        with self._open_root() as root_fd, _translate_errors(self._root):
            self._meter.api_calls += 1
            with os.scandir(root_fd) as entries:
                next(entries, None)
            held = StatBuffer(1)
            held.fill(0, root_fd, b"")
            found = held.one(0)
            latency = (time.perf_counter() - began) * 1_000
            kinds = {mount.id: mount.fstype for mount in mounts()}
        where = kinds.get(found.mnt)
        return ConnectionReport(
            latency_ms=latency,
            sees=f"folder {_shown(self._root)}" + (f" on {where}" if where else ""),
            permissions=("list entries",),
            problems=self._problems(found.birth),
        )

    def _problems(self, birth: int | None) -> tuple[str, ...]:
        problems = []
        below = mounts_below(os.path.realpath(self._root))
        if below and not self._details.cross_mounts:
            named = ", ".join(_shown(point) for point in below[:_NAMED_MOUNTS])
            more = "" if len(below) <= _NAMED_MOUNTS else f" and {len(below) - _NAMED_MOUNTS} more"
            problems.append(
                f"Other file systems are mounted below and not entered (cross_mounts: false): {named}{more}."
            )
        if birth is None and self._rules.lasting_ids:
            problems.append("This file system keeps no birth times: a renamed file is shown as removed and added.")
        return tuple(problems)

    @contextmanager
    def _open_root(self) -> Iterator[int]:
        """The root, open: what is mounted over or renamed meanwhile does not change what a listing sees."""
        with _translate_errors(self._root):
            root_fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            require_canary(root_fd, self._details.must_contain, _shown(self._root))
            yield root_fd
        finally:
            os.close(root_fd)


@contextmanager
def _translate_errors(root: bytes) -> Iterator[None]:
    try:
        yield
    except OSError as exc:
        raise translate_errors(exc, root) from exc


def translate_errors(exc: OSError, root: bytes) -> SourceError:
    """The error of ours for an OSError that concerns the whole folder."""
    folder = _shown(root)
    match exc.errno:
        case errno.ENOENT:
            hint = f"Create or mount it, or correct `path`{did_you_mean(folder, _beside(root))}."
            return NotFound(f"The folder {folder} does not exist.", hint=hint)
        case errno.ENOTDIR:
            return NotFound(f"{folder} is not a folder.", hint="Set `path` to a folder.")
        case errno.EACCES | errno.EPERM:
            return AccessDenied(
                f"The folder {folder} may not be read by this user.",
                hint="Grant read and search permission on it and on the folders above it.",
            )
        case errno.ELOOP | errno.ENAMETOOLONG:
            return NotFound(f"The path {folder} leads nowhere ({exc.strerror}).", hint="Correct `path`.")
        case (
            errno.EIO | errno.ESTALE | errno.ENOTCONN | errno.ETIMEDOUT | errno.EHOSTDOWN | errno.EMFILE | errno.ENFILE
        ):
            return TemporarilyDown(
                f"The folder {folder} cannot be read at the moment ({exc.strerror}).",
                hint="Check the disk or the connection to the share.",
            )
        case _:
            return ProtocolViolation(
                f"The folder {folder} could not be listed ({exc.strerror or exc}).",
                hint="Check the disk; the inventory was left as it was.",
            )


def _beside(path: bytes) -> list[str]:
    """Return the folders beside one, as far as they can be seen."""
    try:
        with os.scandir(Path(os.fsdecode(path)).parent) as entries:
            return [_shown(os.fsencode(entry.path)) for entry in entries if entry.is_dir()]
    except OSError:
        return []


def _shown(path: bytes) -> str:
    return to_storable_text(path)
