"""Reads many folders at once and yields what they hold, page by page, in the caller's thread."""

import threading
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, TypeAlias

from filesync_dagster.connectors.autodesk.api import Trail
from filesync_dagster.connectors.autodesk.frontier import TOP, Frontier, Open
from filesync_dagster.connectors.autodesk.reading import Contents
from filesync_dagster.errors import AccessDenied, NotFound

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


def crawl(frontier: Frontier, read: Read, workers: int) -> Generator[Step]:
    """Yield every page of every folder of the frontier, which then is as it is after the page.

    At most `workers` folders are read at once; with 1, in the caller's thread. A folder that is denied or gone is a
    gap, but the top is not: that raises, like every other error. Ending, failing and closing wait for the threads.
    """
    stop = threading.Event()
    pool = pool_of(workers)
    running: dict[Future[Contents], Open] = {}
    try:
        while True:
            while len(running) < workers and (folder := frontier.take()) is not None:
                running[pool.submit(read, folder, None, stop.is_set)] = folder
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                folder = running.pop(future)
                step, trail = _step(frontier, folder, future.result)
                if not step.last:
                    running[pool.submit(read, folder, trail, stop.is_set)] = folder
                yield step
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


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
    return ThreadPoolExecutor(workers, thread_name_prefix="autodesk") if workers > 1 else _Inline()


class _Inline(Executor):
    """Does the work at once, in the thread that asks for it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as exc:  # noqa: BLE001 - raised again where the result is wanted
            future.set_exception(exc)
        return future
