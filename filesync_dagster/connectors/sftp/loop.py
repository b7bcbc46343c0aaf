"""A thread in which asyncio runs; other threads wait for what happens there, within a deadline."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from filesync_dagster.connectors.rest.errors import ASK_LATER
from filesync_dagster.core.errors import SourceError, TemporarilyDown
from filesync_dagster.core.interruption import check_stop

POLL_SECONDS: Final = 0.1
"""How soon a thread that waits notices that nobody wants the answer, or that the process is to stop."""

JOIN_SECONDS: Final = 5.0
Answer = TypeVar("Answer")


class AnswerOverdue(TemporarilyDown):
    """An answer does not come, or too slowly."""


@dataclass(slots=True)
class AnswerProgress:
    """What has come of an answer so far. Written in the loop's thread, read in the one that waits."""

    count: int = 0


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long an answer may take: so long without anything, and in all as much more as comes of it."""

    seconds: float
    least_per_second: float  # the least rate


class LoopThread:
    """A thread that runs coroutines. It begins with the first of them. Thread-safe."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, work: Coroutine[Any, Any, Answer]) -> "Future[Answer]":
        """Begin a coroutine."""
        return asyncio.run_coroutine_threadsafe(work, self._started())

    def close(self) -> None:
        """End what runs, and the thread. Idempotent."""
        with self._lock:
            loop, thread, self._loop, self._thread = self._loop, self._thread, None, None
        if loop is not None and thread is not None:
            asyncio.run_coroutine_threadsafe(_end_all(), loop)
            thread.join(JOIN_SECONDS)

    def _started(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                # What a call that nobody waits for any more comes to is nobody's business.
                self._loop.set_exception_handler(lambda _loop, _context: None)
                self._thread = threading.Thread(target=_run, args=(self._loop,), name=self._name, daemon=True)
                self._thread.start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


async def _end_all() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    asyncio.get_running_loop().stop()


def answer_of(
    future: "Future[Answer]", deadline: Deadline, where: str, *, progress: AnswerProgress, stopped: Callable[[], bool]
) -> Answer:
    """Wait for an answer and return it, or raise what it came to. Raises AnswerOverdue when it takes too long."""
    watch = _Watch(deadline, progress, where)
    try:
        while not wait((future,), POLL_SECONDS).done:
            check_stop()
            watch.require_progress()
            if stopped():
                raise SourceError(f"{where} was not waited for: nobody wants the answer any more.")  # noqa: TRY301
    except BaseException:
        future.cancel()
        raise
    return future.result()


class _Watch:
    """Looks after that an answer comes, and comes to an end."""

    def __init__(self, deadline: Deadline, progress: AnswerProgress, where: str) -> None:
        self._deadline = deadline
        self._progress = progress
        self._where = where
        self._began = self._last = time.monotonic()
        self._count = 0

    def require_progress(self) -> None:
        """Raise AnswerOverdue when nothing has come for too long, or too little in all."""
        now, count = time.monotonic(), self._progress.count
        if count != self._count:
            self._last, self._count = now, count
        most = self._deadline.seconds + count / self._deadline.least_per_second
        if now - self._last > self._deadline.seconds or now - self._began > most:
            raise AnswerOverdue(f"{self._where} gave no answer in {now - self._began:,.1f} seconds.", hint=ASK_LATER)
