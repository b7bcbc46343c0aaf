"""Reading in processes of their own: with limits, without a network, and killed when it is cancelled."""

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from filesync_dagster.config.environment import environment_of
from filesync_dagster.core import errors
from filesync_dagster.core.errors import Cancelled, FilesyncError, LimitReached, StorageError, TableError
from filesync_dagster.tables.model import Table, TableSchema
from filesync_dagster.tables.reading.options import ReadLimits, ReadOptions
from filesync_dagster.tables.reading.reader_pool import READERS
from filesync_dagster.tables.reading.reader_process import ANSWER

DEADLINE_SECONDS = 3600.0
KEPT_ENVIRONMENT = ("PATH", "PYTHONPATH", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
"""What the process may know: nothing that could be a secret."""


@dataclass(frozen=True)
class FileToRead:
    """A file, what its tables are called, and the folder that they are written to, which no other file has."""

    path: Path
    name: str
    options: ReadOptions
    folder: Path


def read_tables_apart(  # noqa: PLR0917  # as `read_tables`
    path: Path,
    name: str,
    options: ReadOptions,
    folder: Path,
    limits: ReadLimits | None = None,
    cancel: threading.Event | None = None,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> list[Table]:
    """Return what `read_tables` does, from a process of its own, whatever becomes of that. Raises the same errors."""

    def check() -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled("Reading was cancelled.", code="cancelled")

    [found] = read_files_apart([FileToRead(path, name, options, folder)], limits, check, deadline_seconds)
    if isinstance(found, FilesyncError):
        raise found
    return found


def read_files_apart(
    files: Sequence[FileToRead],
    limits: ReadLimits | None = None,
    check: Callable[[], None] = lambda: None,
    deadline_seconds: float = DEADLINE_SECONDS,
) -> list[list[Table] | FilesyncError]:
    """Return the tables of each file, or the error that reading it ended with, from one process for many of them.

    `deadline_seconds` and the limits are of each file. One that breaks them, or its reader, is a gap: another process
    reads those after it. `check` is asked meanwhile, and raises to end all of it.
    """
    found: list[list[Table] | FilesyncError] = []
    while len(found) < len(files):
        found += _read_some(files[len(found) :], limits or ReadLimits(), check, deadline_seconds)
    return found


def _read_some(
    files: Sequence[FileToRead], limits: ReadLimits, check: Callable[[], None], deadline_seconds: float
) -> list[list[Table] | FilesyncError]:
    """Return what the first of some files gave, at least one: as many as one process reads."""
    for file in files:
        file.folder.mkdir(parents=True, exist_ok=True)
        (file.folder / ANSWER).unlink(missing_ok=True)
    progress = _Progress(files, check, deadline_seconds)
    gap: FilesyncError | None = None
    try:
        code = READERS.read(_request(files, limits), environment_of(KEPT_ENVIRONMENT), progress)
        if code or not progress.done:
            gap = _reader_died(progress.current, code)
    except _TooSlow:
        gap = LimitReached(f"{progress.current} takes too long to be read.", code="too_slow")
    found = [_answer(file) for file in files[: progress.done]]
    return found if gap is None or len(found) == len(files) else [*found, gap]


def _request(files: Sequence[FileToRead], limits: ReadLimits) -> bytes:
    asked = [
        {
            "path": str(file.path.resolve()),
            "name": file.name,
            "options": file.options.as_json(),
            "folder": str(file.folder.resolve()),
        }
        for file in files
    ]
    return orjson.dumps({"files": asked, "folder": asked[0]["folder"], "limits": asdict(limits)})


class _TooSlow(Exception):
    """A file took longer than one may."""


class _Progress:
    """How many files are done, and since when the next one is read."""

    def __init__(self, files: Sequence[FileToRead], check: Callable[[], None], seconds: float) -> None:
        self.done = 0
        self._files = files
        self.wait = check
        self._seconds = seconds
        self._began: float | None = None  # when it was first looked at: the process was there then

    @property
    def current(self) -> str:
        """The file that is read."""
        return self._files[min(self.done, len(self._files) - 1)].path.name

    def advance(self) -> None:
        """Take note of a file that is done."""
        self.done += 1
        self._began = None

    def check(self) -> None:
        """Raise _TooSlow, or what whoever asked raises."""
        self.wait()
        self._began = self._began or time.monotonic()
        if time.monotonic() - self._began > self._seconds:
            raise _TooSlow


def _answer(file: FileToRead) -> list[Table] | FilesyncError:
    answer = file.folder / ANSWER
    told: dict[str, Any] = orjson.loads(answer.read_bytes())
    answer.unlink()
    if "error" in told:
        return _error(told["error"])
    return [
        Table(TableSchema.from_json(one["schema"]), tuple(Path(part) for part in one["parts"]))
        for one in told["tables"]
    ]


def _reader_died(name: str, code: int) -> LimitReached:
    ending = signal.Signals(-code).name if code < 0 else f"code {code}"
    return LimitReached(
        f"{name} could not be read: its reader ended with {ending}.",
        hint="It may need more memory or time than a file may have.",
        code="reader_died",
    )


def _error(told: dict[str, Any]) -> FilesyncError:
    kind = getattr(errors, told["type"], TableError)
    if issubclass(kind, TableError):
        return kind(told["message"], hint=told["hint"], code=told["code"], field=told["field"])
    if issubclass(kind, FilesyncError) and kind is not errors.ConfigError:
        return kind(told["message"], hint=told["hint"])
    return StorageError(told["message"])
