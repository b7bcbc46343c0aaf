"""The bytes of a file over HTTP: a stream that breaks goes on where it was, with the same version or not at all."""

import logging
import re
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Final

from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.core.content import BLOCK_BYTES
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import ContentMismatch, ProtocolViolation, SourceError
from filesync_dagster.core.logging import event

PARTIAL: Final = 206
CONTENT_RANGE: Final = re.compile(r"bytes\s+(\d+)-(\d+)/(\d+|\*)")


class RangedContent:
    """The bytes from `start` up to `end` of one file. `end` None: up to wherever it ends, and not to be gone on with.

    `ask(offset)` sends one request for the bytes from there on and returns the answer when it is one of the right
    version; it raises SourceError otherwise. All of an answer counts, unless `clipped`: then it may have more.
    `confirm` is for stores whose answers do not tell their version: it asks for that, before each of them.
    """

    def __init__(
        self,
        calls: Calls | AuthorizedCalls,
        ask: Callable[[int], Download],
        *,
        where: str,
        start: int,
        end: int | None,
        clipped: bool = False,
        confirm: Callable[[], None] | None = None,
        quota: str = "",
    ) -> None:
        self._calls = calls
        self._ask = ask
        self._where = where
        self._start = start
        self._at = start
        self._end = end
        self._clipped = clipped
        self._confirm = confirm
        self._quota = quota
        self._answer: Download | None = None
        self._rest: Generator[bytes] | None = None
        self._first = b""
        self._answers = 0

    def open(self) -> None:
        """Send a request for what is left. Raises SourceError when it is refused."""
        if self._confirm is not None:
            self._confirm()
        self._calls(self._begin, quota=self._quota)

    def blocks(self) -> Generator[bytes]:
        """Yield the bytes. Raises SourceError."""
        while True:
            broken = yield from self._answer_blocks()
            if not broken and (self._end is None or self._at >= self._end):
                return
            self._require_patience(broken)
            self.open()

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        if self._answer is not None:
            self._answer.close()

    def _answer_blocks(self) -> Generator[bytes, None, SourceError | None]:
        """Yield what one answer brings; return what broke it off."""
        block: bytes | None = self._first
        self._first = b""
        while block is not None:
            if self._clipped and self._end is not None and self._at + len(block) > self._end:
                block = block[: self._end - self._at]
                self.close()
            self._at += len(block)
            yield block
            if self._clipped and self._at == self._end:
                self._finish()
                return None
            try:
                block = self._next()
            except SourceError as error:
                self.close()
                if not error.retryable:
                    raise
                return error
        return None

    def _next(self) -> bytes | None:
        assert self._rest is not None
        with httpx_border(self._where):
            return next(self._rest, None)

    def _finish(self) -> None:
        """Read the end of an answer that brought what was asked for, so that its connection can serve again."""
        try:
            if self._next() is not None:
                self.close()
        except SourceError:
            self.close()

    def _begin(self) -> None:
        """Send a request and read the first block: an answer that brings nothing is asked for again with patience."""
        self.close()
        with httpx_border(self._where):
            self._answer = self._ask(self._at)
        self._answers += 1
        try:
            if self._clipped and self._at == self._end:  # nothing is wanted but that the version is right
                self._rest = _nothing()
                self.close()
                return
            self._rest = self._blocks_from(self._answer, self._at)
            self._first = self._next() or b""
            self._require_something()
        except BaseException:
            self.close()
            raise

    def _blocks_from(self, answer: Download, offset: int) -> Generator[bytes]:
        """Yield what an answer has from an offset of the file on."""
        begins = _first_byte(answer, self._where)
        if begins > offset:
            raise ProtocolViolation(
                f"{self._where} sent bytes from {begins:,} on when asked for those from {offset:,}."
            )
        with closing(answer.blocks()) as blocks:
            for block in blocks:
                skipped = min(offset - begins, len(block))
                begins += skipped
                if skipped < len(block):
                    yield block[skipped:] if skipped else block

    def _require_something(self) -> None:
        """Raise when an answer brought nothing, though something is to come."""
        if not self._first and self._end is not None and self._at < self._end:
            raise _short(self._where, self._end - self._at)

    def _require_patience(self, broken: SourceError | None) -> None:
        """Raise when answers break off so often that this would not end."""
        if self._end is None:
            assert broken is not None
            raise broken
        if self._answers >= self._calls.policy.attempts + (self._at - self._start) // BLOCK_BYTES:
            raise broken or _short(self._where, self._end - self._at)
        event("source.content_resumed", level=logging.DEBUG, at=self._at, error=str(broken or "the answer ended early"))


def _nothing() -> Generator[bytes]:
    yield from ()


def _short(where: str, missing: int) -> ContentMismatch:
    return ContentMismatch(f"{where} ended the content of a file {missing:,} bytes early.")


def _first_byte(answer: Download, where: str) -> int:
    """Return where in the file an answer begins. Raises ProtocolViolation."""
    told = _part_told(answer)
    if told is not None:
        return int(told[1])
    if answer.status == PARTIAL:
        raise ProtocolViolation(f"{where} sent a part of a file and did not say which.")
    return 0


def size_told(answer: Download) -> int | None:
    """Return how many bytes the whole file has by what an answer tells; None where it does not."""
    told = _part_told(answer)
    if told is not None:
        return int(told[3]) if told[3] != "*" else None
    return None if answer.status == PARTIAL else _length_of(answer)


def _part_told(answer: Download) -> re.Match[str] | None:
    """Return which part an answer says that it is. `rclone serve s3` says so with the status 200."""
    told = CONTENT_RANGE.fullmatch((answer.headers.get("content-range") or "").strip())
    if told is None or answer.status == PARTIAL:
        return told
    return told if _length_of(answer) == int(told[2]) - int(told[1]) + 1 else None


def _length_of(answer: Download) -> int | None:
    length = (answer.headers.get("content-length") or "").strip()
    return int(length) if length.isascii() and length.isdecimal() else None


def range_header(offset: int, end: int | None, size: int | None) -> dict[str, str]:
    """Return the header that asks for the bytes from an offset up to `end`; none for a whole file."""
    if (offset == 0 and end in {None, size}) or end == offset:
        return {}
    return {"range": f"bytes={offset}-{'' if end is None else end - 1}"}
