"""Reads many folders at once and yields what they hold, page by page, in the caller's thread."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from filesync_dagster.connectors.autodesk.api import Trail
from filesync_dagster.connectors.autodesk.frontier import TOP, Frontier, Open
from filesync_dagster.connectors.autodesk.permissions import Ask
from filesync_dagster.connectors.autodesk.reading import Contents
from filesync_dagster.connectors.autodesk.rows import Child
from filesync_dagster.core.errors import AccessDenied, NotFound
from filesync_dagster.core.logging import inherit_log_context

Stopped: TypeAlias = Callable[[], bool]
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
    caller's thread. A folder that is denied or gone is a gap, but the top is not: that raises, like every other error.
    Ending, failing and closing wait for the threads.
    """
    work = _Work(frontier, read, workers, ask)
    try:
        while work.begin():
            for page in work.complete():
                step, trail = _step(frontier, page.folder, page.read.result)
                if not step.last:
                    work.read(page.folder, trail)
                yield step
    finally:
        work.end()


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


class _Work:
    """The calls that are being made, and those that will be."""

    def __init__(self, frontier: Frontier, read: Read, workers: int, ask: Ask | None) -> None:
        self._frontier = frontier
        self._read = read
        self._workers = workers
        self._ask = ask
        self._stop = threading.Event()
        self._pool = pool_of(workers)
        self._running: dict[Future[Any], tuple[_Page, str | None]] = {}  # with the folder that is asked about
        self._asking: deque[tuple[_Page, Child]] = deque()

    def begin(self) -> bool:
        """Make as many calls as may be; False when there is nothing left to do."""
        while len(self._running) < self._workers:
            if self._ask is not None and self._asking:  # first: the page that it belongs to waits in memory
                page, child = self._asking.popleft()
                future = self._pool.submit(self._ask, child, page.folder.path, self._stop.is_set)
                self._running[future] = page, child.id
            elif (folder := self._frontier.take()) is not None:
                self.read(folder)
            else:
                break
        return bool(self._running)

    def read(self, folder: Open, trail: Trail | None = None) -> None:
        """Read the first page of a folder, or the one that a trail leads to."""
        reading = self._pool.submit(self._read, folder, trail, self._stop.is_set)
        self._running[reading] = _Page(folder, reading), None

    def complete(self) -> Iterator[_Page]:
        """Wait for answers, and yield the pages of which nothing more is to be asked."""
        for future in wait(self._running, return_when=FIRST_COMPLETED).done:
            page, asked = self._running.pop(future)
            if asked is not None:
                page.take(asked, future.result())
            elif self._ask is not None:
                self._asking.extend((page, child) for child in page.folders())
            if not page.left:
                yield page

    def end(self) -> None:
        """Make no more calls, and wait for those that are being made."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)


def _step(frontier: Frontier, folder: Open, result: Callable[[], Contents]) -> tuple[Step, Trail | None]:
    """Take a page into the frontier; return it and the trail to the next one."""
    try:
        contents = result()
    except (AccessDenied, NotFound) as error:
        if folder.id == TOP:
            raise
        folder.sound = False
        frontier.close(folder)
        return Step(folder, None, (str(error),), last=True), None
    fresh = folder.yielding
    folder.pages += 1
    folder.children += contents.entries.folders
    folder.sound = folder.sound and not contents.entries.gaps
    last = contents.following is None
    if last:
        frontier.close(folder)
    gaps = tuple(contents.entries.gaps) if fresh else ()
    return Step(folder, contents if fresh else None, gaps, last), contents.following


def pool_of(workers: int) -> Executor:
    """Return what does so many things at once."""
    return ThreadPoolExecutor(workers, "autodesk", initializer=inherit_log_context()) if workers > 1 else _Inline()


class _Inline(Executor):
    """Does the work at once, in the thread that asks for it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as exc:  # noqa: BLE001 - raised again where the result is wanted
            future.set_exception(exc)
        return future
