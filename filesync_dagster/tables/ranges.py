"""Ranges of a file that is elsewhere: a reader, which has no network, asks for them, and who can fetch them answers.

A folder stands in for the file: it says how large that is, and has a pipe for questions and one for answers.
"""

import io
import os
import select
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import IO, Final

ASKED, ANSWERS, SIZE = "asked", "answers", "size"
POLL_MILLISECONDS: Final = 200
NUMBER_BYTES: Final = 16
"""A question is two numbers, where and how many; an answer is one, how many, and as many bytes."""

FAILED: Final = b"-1".ljust(NUMBER_BYTES)

RangeOpener = Callable[[int, int], IO[bytes]]
"""Opens so many bytes from an offset on."""


def make_stand_in(folder: Path, size: int) -> None:
    """Make the folder that stands in for a file."""
    folder.mkdir(mode=0o700)
    (folder / SIZE).write_text(str(size))
    for pipe in (ASKED, ANSWERS):
        os.mkfifo(folder / pipe, 0o600)


class RangeFile(io.RawIOBase):
    """A file of which each read is asked for. Raises OSError when one is not answered."""

    def __init__(self, folder: Path) -> None:
        self.size = int((folder / SIZE).read_text())
        self._at = 0
        self._asked = (folder / ASKED).open("wb", buffering=0)
        self._answers = (folder / ANSWERS).open("rb")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that it can be read anywhere."""
        return True

    def tell(self) -> int:
        """Return where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to an offset."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # any buffer
        """Read as many bytes as there are and fit."""
        wanted = max(0, min(len(buffer), self.size - self._at))
        if not wanted:
            return 0
        self._asked.write(_numbers(self._at, wanted))
        count = int(self._answers.read(NUMBER_BYTES) or FAILED)
        content = self._answers.read(max(count, 0))
        if len(content) != wanted:
            raise OSError("A range of the file could not be read.")
        with memoryview(buffer) as view:
            view[:wanted] = content
        self._at += wanted
        return wanted

    def close(self) -> None:
        """Close the pipes. Idempotent."""
        self._asked.close()
        self._answers.close()
        super().close()


@contextmanager
def served_ranges(files: Mapping[Path, RangeOpener]) -> Iterator[dict[Path, Exception]]:
    """Answer, meanwhile, what is asked of stand-ins; the mapping gets the first error of each file."""
    failed: dict[Path, Exception] = {}
    if not files:
        yield failed
        return
    stop = threading.Event()
    with ExitStack() as stack:
        served = [stack.enter_context(closing(_Served(folder, opener))) for folder, opener in files.items()]
        thread = threading.Thread(target=_serve, args=(served, failed, stop), name="filesync-ranges")
        thread.start()
        stack.callback(thread.join)
        stack.callback(stop.set)
        yield failed


class _Served:
    """The other ends of the pipes of a stand-in. Both are open for both directions: nobody waits to open them."""

    def __init__(self, folder: Path, opener: RangeOpener) -> None:
        self.folder = folder
        self.opener = opener
        self.asked = os.open(folder / ASKED, os.O_RDWR)
        self.answers = os.open(folder / ANSWERS, os.O_RDWR | os.O_NONBLOCK)

    def close(self) -> None:
        """Close them."""
        os.close(self.asked)
        os.close(self.answers)


def _serve(served: "list[_Served]", failed: dict[Path, Exception], stop: threading.Event) -> None:
    poll = select.poll()
    by_descriptor = {one.asked: one for one in served}
    for descriptor in by_descriptor:
        poll.register(descriptor, select.POLLIN)
    while not stop.is_set():
        for descriptor, _ in poll.poll(POLL_MILLISECONDS):
            one = by_descriptor[descriptor]
            offset, length = _parsed(os.read(descriptor, 2 * NUMBER_BYTES))
            _send(one.answers, _answer(one, offset, length, failed), stop)


def _answer(one: _Served, offset: int, length: int, failed: dict[Path, Exception]) -> bytes:
    try:
        with closing(one.opener(offset, length)) as stream:
            content = b"".join(iter(lambda: stream.read(length), b""))
    except Exception as error:  # noqa: BLE001  # whoever asked for the file is told, in its own thread
        failed.setdefault(one.folder, error)
        return FAILED
    return _numbers(len(content)) + content


def _send(descriptor: int, content: bytes, stop: threading.Event) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    rest = memoryview(content)
    while rest and not stop.is_set():
        if poll.poll(POLL_MILLISECONDS):
            rest = rest[os.write(descriptor, rest) :]


def _numbers(*numbers: int) -> bytes:
    return b"".join(str(number).encode().ljust(NUMBER_BYTES) for number in numbers)


def _parsed(question: bytes) -> tuple[int, int]:
    return int(question[:NUMBER_BYTES]), int(question[NUMBER_BYTES:])
