"""A tree of folders, many read at once, page by page in the caller's thread; what is left of it is a small checkpoint.

Folders are read depth first, the subfolders of one folder in the order of their ids. So what is left is told by a few
folders, however large the tree is: those being read, with the number of their pages that were yielded, and those that
were read, with the last of their subfolders that was taken up. To resume, these folders are read again, silently, and
the rest of their subfolders follows.
"""

import json
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from filesync_dagster.connectors.autodesk.api import Trail
from filesync_dagster.connectors.autodesk.rows import Child, Entries
from filesync_dagster.connectors.rest.crawl import Stopped, run_bounded
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, TemporarilyDown

TOP = ""
"""The id under which the top folders of a project are read."""

ALL = -1
"""As a number of pages: every one of them was yielded."""

Enter = Callable[[Child, str], bool]
"""Says whether a folder, at a path, is to be read."""


@dataclass(slots=True)
class Open:
    """A folder that is being read, or about to be."""

    id: str
    path: str  # "" is the top of the endpoint
    silent: int = 0  # pages that are not yielded again (ALL of them)
    after: str = ""  # subfolders up to this id are not taken up again
    pages: int = 0  # read so far
    children: list[Child] = field(default_factory=list)
    sound: bool = True  # all that was read of it could be understood

    @property
    def yielding(self) -> bool:
        """Whether the next page is a new one."""
        return self.silent != ALL and self.pages >= self.silent

    def as_entry(self) -> list[str | int]:
        """Return the part of a checkpoint that stands for this folder."""
        return [self.id, self.path, ALL if self.silent == ALL else max(self.silent, self.pages), self.after]


@dataclass(slots=True)
class _Family:
    """A folder that was read, and those of its subfolders that were not taken up yet."""

    of: str
    path: str
    left: deque[Child]
    taken: str

    def as_entry(self) -> list[str | int]:
        return [self.of, self.path, ALL, self.taken]


class Frontier:
    """Hands out folders. Used by one thread."""

    def __init__(self, begin: Iterable[Open], enter: Enter) -> None:
        self._enter = enter
        self._waiting = deque(begin)
        self._open: dict[int, Open] = {}
        self._families: list[_Family] = []
        self._seen: set[str] = set()

    def take(self) -> Open | None:
        """Return the next folder to read, None when there is none at the moment."""
        found = self._waiting.popleft() if self._waiting else self._next_child()
        if found is not None:
            self._seen.add(found.id)
            self._open[id(found)] = found
        return found

    def close(self, folder: Open) -> None:
        """Note that a folder was read, or cannot be; its subfolders follow."""
        del self._open[id(folder)]
        below = [
            child
            for child in sorted({child.id: child for child in folder.children}.values(), key=lambda child: child.id)
            if child.id > folder.after and self._enter(child, join_path(folder.path, child.name))
        ]
        if below:
            self._families.append(_Family(folder.id, folder.path, deque(below), folder.after))

    def as_text(self) -> str:
        """Return a checkpoint."""
        parts: list[Open | _Family] = [
            *self._open.values(),
            *self._waiting,
            *(family for family in self._families if family.left),
        ]
        return json.dumps({"folders": [part.as_entry() for part in parts]}, ensure_ascii=False, separators=(",", ":"))

    def _next_child(self) -> Open | None:
        while self._families:
            family = self._families[-1]
            while family.left:
                child = family.left.popleft()
                family.taken = child.id
                if child.id not in self._seen:  # it moved while the tree was read: what it holds was told already
                    return Open(child.id, join_path(family.path, child.name))
            self._families.pop()
        return None


def folders_from(checkpoint: str | None) -> list[Open] | None:
    """Return the folders that a checkpoint tells to read (none after the last page); None if it is no checkpoint."""
    try:
        folders = json.loads(checkpoint or "")["folders"]
        found = [Open(str(id_), str(path), int(silent), str(after)) for id_, path, silent, after in folders]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def join_path(path: str, name: str) -> str:
    """Return the path of something in a folder."""
    return f"{path}/{name}" if path else name


@dataclass(frozen=True, slots=True)
class Contents:
    """A page of a folder."""

    entries: Entries
    following: Trail | None  # to the next page
    at: datetime  # when it was told


Ask: TypeAlias = Callable[[Child, str, Callable[[], bool]], str | None]
"""Asks who may do what with a folder that lies at a path (of the folder above it), unless somebody says stop."""


Read: TypeAlias = Callable[[Open, Trail | None, Stopped], Contents]
"""Reads one page of a folder: the first one, or the one that a trail leads to."""


@dataclass(frozen=True, slots=True)
class Step:
    """A page of a folder, or why the rest of it cannot be read."""

    folder: Open
    contents: Contents | None  # None: not read, or yielded by an earlier listing
    gaps: tuple[str, ...]
    last: bool


def crawl(frontier: Frontier, read: Read, workers: int, ask: Ask | None = None) -> Generator[Step]:
    """Yield every page of every folder of the frontier, which then is as it is after the page.

    A page is yielded when `ask` has told of each folder on it. At most `workers` calls are made at once; with 1, in the
    caller's thread. A folder that is denied, gone or answered with nonsense is a gap, and so is one that fails while
    others still answer; but the top is not: that raises. Ending, failing and closing wait for the threads.
    """
    work = _Work(frontier, read, ask)
    with closing(run_bounded(work.take, work.call, workers, "autodesk")) as answers:
        for task, answer in answers:
            page = work.note(task, answer)
            if page is not None:
                step, trail = _step(work, page.folder, page.read.result)
                if not step.last:
                    work.reading.append(_Reading(page.folder, trail))
                yield step


@dataclass(frozen=True, slots=True)
class _Reading:
    """The first page of a folder is to be read, or the one that a trail leads to."""

    folder: Open
    trail: Trail | None = None


@dataclass(slots=True)
class _Page:
    """A page that is being read, and then, until all is known about the folders on it, asked about."""

    folder: Open
    read: Future[Contents]
    permissions: dict[str, str | None] = field(default_factory=dict)
    left: int = 0  # folders of which nothing was told yet

    def folders(self) -> Sequence[Child]:
        """Return the folders that are to be asked about: none of a page that an earlier listing yielded."""
        wanted = self.folder.yielding and self.read.exception() is None
        folders = self.read.result().entries.folders if wanted else []
        self.left = len(folders)
        return folders

    def take(self, folder: str, permissions: str | None) -> None:
        """Note an answer; with the last one the page is complete."""
        self.permissions[folder] = permissions
        self.left -= 1
        if not self.left:
            self.read.result().entries.permit(self.permissions)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A folder on a page is to be asked about."""

    page: _Page
    child: Child


@dataclass(slots=True)
class _Work:
    """The calls that will be made."""

    frontier: Frontier
    read: Read
    ask: Ask | None
    readable: Open = field(default_factory=lambda: Open(TOP, ""))  # the last folder that was read well
    answered: _Asking | None = None  # the last folder whose permissions were told
    asking: deque[_Asking] = field(default_factory=deque)
    reading: deque[_Reading] = field(default_factory=deque)

    def take(self) -> _Reading | _Asking | None:
        """Return the next call to make, None when there is none at the moment."""
        if self.asking:  # first: the page that it belongs to waits in memory
            return self.asking.popleft()
        if self.reading:
            return self.reading.popleft()
        folder = self.frontier.take()
        return None if folder is None else _Reading(folder)

    def call(self, task: _Reading | _Asking, stopped: Stopped) -> Contents | str | None:
        """Make a call."""
        if isinstance(task, _Reading):
            return self.read(task.folder, task.trail, stopped)
        assert self.ask is not None
        return self.ask(task.child, task.page.folder.path, stopped)

    def _permissions(self, task: _Asking, answer: Future[Any]) -> str | None:
        """Return what was told of a folder's permissions; null, and a gap, where those of others still are."""
        try:
            found: str | None = answer.result()
        except (TemporarilyDown, ProtocolViolation) as error:
            contents = task.page.read.result().entries
            others = [self.answered] if self.answered else [_Asking(task.page, one) for one in contents.folders]
            other = next((one for one in others if one.child.id != task.child.id), None)
            if other is None:
                raise
            self.call(other, never)
            contents.gaps.append(str(error))
            return None
        self.answered = task
        return found

    def probe(self) -> None:
        """Read a folder again that was read before. Raises SourceError when the store failed, and no folder."""
        self.read(Open(self.readable.id, self.readable.path), None, never)

    def note(self, task: _Reading | _Asking, answer: Future[Any]) -> _Page | None:
        """Return the page that an answer completes: one of which nothing more is to be asked."""
        if isinstance(task, _Asking):
            page = task.page
            page.take(task.child.id, self._permissions(task, answer))
        else:
            page = _Page(task.folder, answer)
            if self.ask is not None:
                self.asking.extend(_Asking(page, child) for child in page.folders())
        return None if page.left else page


def _step(work: _Work, folder: Open, result: Callable[[], Contents]) -> tuple[Step, Trail | None]:
    """Take a page into the frontier; return it and the trail to the next one."""
    frontier = work.frontier
    try:
        contents = result()
    except PART_FAILURES as error:
        if folder.id == TOP:
            raise
        if not isinstance(error, AccessDenied | NotFound):
            work.probe()
        folder.sound = False
        frontier.close(folder)
        return Step(folder, None, (str(error),), last=True), None
    work.readable = folder
    fresh = folder.yielding
    folder.pages += 1
    folder.children += contents.entries.folders
    folder.sound = folder.sound and not contents.entries.gaps
    last = contents.following is None
    if last:
        frontier.close(folder)
    gaps = tuple(contents.entries.gaps) if fresh else ()
    return Step(folder, contents if fresh else None, gaps, last), contents.following
