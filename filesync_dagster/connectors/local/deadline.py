"""Answers within a deadline: a file system that hangs (a share whose server is gone) holds nobody for ever.

A system call that waits cannot be called back. So a thread of its own waits in it, and is left behind when the answer
takes too long; the walk goes on in another one, without the place that hung.
"""

import errno
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TypeVar

from filesync_dagster.core.model import Page
from filesync_dagster.core.schemas import build_batch

Answer = TypeVar("Answer")

HUNG_PLACES = 3
"""After so many places that hung, the whole file system is taken for down."""

PULSE_SECONDS = 1.0
STOP_SECONDS = 1.0


@dataclass(slots=True)
class Pulse:
    """Where a walk is: it says so before each question to the file system, and counts longer answers in `beats`."""

    folder: bytes = b""
    name: bytes = b""
    beats: int = 0
    stopped: bool = False  # nobody wants to know any more

    @property
    def place(self) -> bytes:
        """The raw path of what is being asked for."""
        return b"/".join(part for part in (self.folder, self.name) if part)


def answer_within(seconds: float, ask: Callable[[], Answer]) -> Answer:
    """Return what a call returns, or raise what it raises; OSError (ETIMEDOUT) when it takes too long."""
    answers: SimpleQueue[tuple[Answer | None, BaseException | None]] = SimpleQueue()

    def wait() -> None:
        try:
            answers.put((ask(), None))
        except BaseException as exc:  # noqa: BLE001 it is raised where the answer is waited for
            answers.put((None, exc))

    threading.Thread(target=wait, name="local-answer", daemon=True).start()
    try:
        answer, error = answers.get(timeout=seconds)
    except Empty:
        raise no_answer(seconds) from None
    if error is not None:
        raise error
    return answer  # type: ignore[return-value]  # None only with an error


def no_answer(seconds: float) -> OSError:
    """Return the error of a file system that does not answer."""
    return OSError(errno.ETIMEDOUT, f"no answer for {seconds:g} s")


Walks = Callable[[Pulse, str | None, frozenset[bytes]], Generator[Page, None, None]]
"""Begins a walk that tells its pulse, after a checkpoint, without some places: each of these is a gap."""


def pages_within(seconds: float, walks: Walks, checkpoint: str | None) -> Generator[Page, None, None]:
    """Yield the pages of a walk, each made while it is waited for. What hangs is left out, and the walk begun anew.

    While a page takes long an empty one comes now and then, so that whoever reads them can stop. Raises OSError when
    the root hangs, or too many places do.
    """
    hung: frozenset[bytes] = frozenset()
    while True:
        thread = _WalkThread(walks, checkpoint, hung)
        try:
            for page in thread.pages(seconds):
                checkpoint = page.checkpoint or checkpoint
                yield page
        except _Hung as exc:
            if not exc.place or len(hung) == HUNG_PLACES or exc.place in hung:
                raise no_answer(seconds) from None
            hung |= {exc.place}
        else:
            return
        finally:
            thread.stop()


class _Hung(Exception):
    """The file system does not answer about a place."""

    def __init__(self, place: bytes) -> None:
        super().__init__(place)
        self.place = place


class _WalkThread:
    """A walk in a thread of its own, which makes a page when one is wanted: two would fight for the interpreter."""

    def __init__(self, walks: Walks, checkpoint: str | None, hung: frozenset[bytes]) -> None:
        self._pulse = Pulse()
        self._walk = walks(self._pulse, checkpoint, hung)
        self._arrived: SimpleQueue[Page | BaseException | None] = SimpleQueue()
        self._wanted = threading.Semaphore(1)
        self._thread = threading.Thread(target=self._run, name="local-walk", daemon=True)
        self._thread.start()

    def pages(self, seconds: float) -> Generator[Page, None, None]:
        """Yield the pages, and empty ones meanwhile. Raises _Hung, and what the walk raises."""
        pulse, since = self._state(), time.monotonic()
        while True:
            try:
                page = self._arrived.get(timeout=min(PULSE_SECONDS, seconds))
            except Empty:
                if (now := self._state()) != pulse:
                    pulse, since = now, time.monotonic()
                elif time.monotonic() - since >= seconds:
                    raise _Hung(self._pulse.place) from None
                yield Page(build_batch({}, 0))
                continue
            if page is None:
                return
            if isinstance(page, BaseException):
                raise page
            yield page
            self._wanted.release()
            pulse, since = self._state(), time.monotonic()

    def stop(self) -> None:
        """Let the walk end at its next step; one that hangs is left behind."""
        self._pulse.stopped = True
        self._wanted.release()
        self._thread.join(STOP_SECONDS)

    def _state(self) -> tuple[bytes, bytes, int]:
        return self._pulse.folder, self._pulse.name, self._pulse.beats

    def _run(self) -> None:
        last: BaseException | None = None
        try:
            self._wanted.acquire()
            for page in self._walk:
                self._arrived.put(page)
                self._wanted.acquire()
                if self._pulse.stopped:
                    break
        except BaseException as exc:  # noqa: BLE001 it is raised where the page is waited for
            last = exc
        finally:
            self._walk.close()
        self._arrived.put(last)
