"""Reads many folders at once and yields what they hold, page by page, in the caller's thread."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from filesync_dagster.connectors.autodesk.api import Trail
from filesync_dagster.connectors.autodesk.frontier import TOP, Frontier, Open
from filesync_dagster.connectors.autodesk.permissions import Ask
from filesync_dagster.connectors.autodesk.reader import Contents
from filesync_dagster.connectors.autodesk.rows import Child
from filesync_dagster.connectors.rest.crawl import Stopped, run_bounded
from filesync_dagster.connectors.rest.errors import PART_FAILURES
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, TemporarilyDown

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
