"""Processes that read files, kept warm between one file and the next: to start one takes longer than most files."""

import atexit
import math
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final, Protocol

from filesync_dagster.core.errors import LimitReached
from filesync_dagster.tables.reading.reader_process import FILE_DONE, READY

KEPT_MAX_COUNT: Final = 2
START_SECONDS: Final = 60.0
KILL_SECONDS: Final = 5.0
READ_BYTES: Final = 4096
POLL_SECONDS: Final = 0.05
SINGLE_THREADED: Final = {
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
"""What keeps libraries from starting threads when they are imported: a process with threads is not forked."""


class ReadingWatch(Protocol):
    """Whoever waits for files to be read. What it raises ends the reading."""

    def wait(self) -> None:
        """Be asked, now and then, while a reader starts."""
        ...

    def check(self) -> None:
        """Be asked, now and then, while a file is read."""
        ...

    def advance(self) -> None:
        """Be told that a file is done."""
        ...


class ReaderProcess:
    """A process that reads one file after the other, each in a fork of its own."""

    def __init__(self, environment: Mapping[str, str], watch: ReadingWatch) -> None:
        self.environment = environment
        self._unread = b""
        self._process = subprocess.Popen(  # our own interpreter and module
            [sys.executable, "-m", "filesync_dagster.tables.reading.reader_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
            env={**environment, **SINGLE_THREADED},
        )
        try:
            said = self._answer(watch.wait, START_SECONDS)
        except BaseException:
            self.kill()
            raise
        if said != READY:
            self.kill()
            raise LimitReached(
                "The process that reads files does not start.",
                hint="There may be too little memory.",
                code="reader_died",
            )

    @property
    def is_alive(self) -> bool:
        """Whether another file can be read."""
        return self._process.poll() is None

    def read(self, request: bytes, watch: ReadingWatch) -> int | None:
        """Return how the process ended that read files; None where the reader had ended before."""
        assert self._process.stdin is not None, "it was asked for"
        try:
            unsent = memoryview(request + b"\n")
            while unsent:
                unsent = unsent[os.write(self._process.stdin.fileno(), unsent) :]
        except BrokenPipeError:
            return None
        while answer := self._answer(watch.check):
            if answer != FILE_DONE:
                return int(answer)
            watch.advance()
        return self._process.wait() or None

    def kill(self) -> None:
        """End the process, and the one that reads a file for it."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._answer(lambda: None, KILL_SECONDS)  # both hold this pipe until they are gone
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                assert pipe is not None, "it was asked for"
                pipe.close()

    def _answer(self, check: Callable[[], None], seconds: float = math.inf) -> bytes:
        """Return a line that the process writes; an empty one when it has ended, or writes none in time."""
        assert self._process.stdout is not None, "it was asked for"
        until = time.monotonic() + seconds
        answers = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(answers, select.POLLIN)
        while b"\n" not in self._unread:
            if poll.poll(POLL_SECONDS * 1000):
                if not (more := os.read(answers, READ_BYTES)):
                    return b""
                self._unread += more
            check()
            if time.monotonic() > until:
                return b""
        line, _, self._unread = self._unread.partition(b"\n")
        return line + b"\n"


class ReaderPool:
    """ReaderPool that wait for the next file. For all threads of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: list[ReaderProcess] = []
        self._of_parent: list[ReaderProcess] = []

    def read(self, request: bytes, environment: Mapping[str, str], watch: ReadingWatch) -> int:
        """Return how the process ended that read files."""
        code: int | None = None
        while code is None:
            reader = self._take(environment) or ReaderProcess(environment, watch)
            try:
                code = reader.read(request, watch)
            except BaseException:
                reader.kill()
                raise
            self._give_back(reader)
        return code

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.kill()

    def forget(self) -> None:
        """Leave to the process that this one was forked from what is its own."""
        self._lock = threading.Lock()
        self._of_parent, self._idle = [*self._of_parent, *self._idle], []

    def _take(self, environment: Mapping[str, str]) -> ReaderProcess | None:
        with self._lock:
            found = next((reader for reader in self._idle if reader.environment == environment), None)
            if found is not None:
                self._idle.remove(found)
        return found

    def _give_back(self, reader: ReaderProcess) -> None:
        dropped: ReaderProcess | None = reader
        if reader.is_alive:
            with self._lock:
                self._idle.append(reader)
                dropped = self._idle.pop(0) if len(self._idle) > KEPT_MAX_COUNT else None
        if dropped is not None:
            dropped.kill()


READERS: Final = ReaderPool()
atexit.register(READERS.close)
os.register_at_fork(after_in_child=READERS.forget)
