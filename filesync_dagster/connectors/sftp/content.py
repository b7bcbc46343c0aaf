"""The content of a file: the size and time that were listed, before its first block and after its last.

A stream that breaks goes on where it was, as over HTTP: `RangedContent` asks, and is given blocks of an open file.
"""

from collections.abc import Callable, Generator, Mapping
from typing import TYPE_CHECKING, Final

from filesync_dagster.connectors.rest.content import PARTIAL, RangedContent
from filesync_dagster.connectors.sftp.loop import AnswerProgress
from filesync_dagster.connectors.sftp.rows import entry_of, version_of
from filesync_dagster.connectors.sftp.session import SftpSession
from filesync_dagster.core.content import BLOCK_BYTES, ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.errors import NotFound, StaleSource
from filesync_dagster.core.model import Kind

if TYPE_CHECKING:
    import asyncssh

NEXT_SYNC: Final = "The next sync tells what it is now."


def open_file(session: SftpSession, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of a file, or a part of it. Raises SourceError."""
    require_file(entry)
    found = _SftpFile(session, entry, ByteSpan.of(entry.size, offset, length))
    content = RangedContent(session.calls, found.ask, where=found.where, start=found.span.start, end=found.span.end)
    content.open()
    return ContentStream(
        content.blocks(),
        what=found.where,
        size=found.span.size,
        mime_type=entry.mime_type,
        confirm=found.confirm,
        release=content.close,
    )


class _SftpFile:
    """One file, and whether it is still the one that was listed."""

    def __init__(self, session: SftpSession, entry: FileEntry, span: ByteSpan) -> None:
        self.span = span
        self.where = session.where(entry.path)
        self._session = session
        self._entry = entry
        self._path = session.path_of(entry.external_id)

    def ask(self, at: int) -> "_OpenFile":
        """Open the file to read it from an offset on. Raises StaleSource when it is another."""
        try:
            file, told = self._session.once(self._begin, self.where)
        except NotFound:
            raise self._stale("is not there any more") from None
        opened = _OpenFile(self._session, file, self.where, at=at, end=self.span.end, confirm=self._require_listed)
        try:
            self._require_listed(told)
        except BaseException:
            opened.close()
            raise
        return opened

    def confirm(self) -> None:
        """Raise StaleSource when another has its name by now, or it was written to."""
        try:
            told = self._session.call(lambda client, _: client.lstat(self._path), self.where)
        except NotFound:
            raise self._stale("is not there any more") from None
        self._require_listed(told)

    async def _begin(
        self, client: "asyncssh.SFTPClient", _progress: AnswerProgress
    ) -> "tuple[asyncssh.SFTPClientFile, asyncssh.SFTPAttrs]":
        file = await client.open(self._path, "rb")
        return file, await file.stat()

    def _require_listed(self, told: "asyncssh.SFTPAttrs") -> None:
        now = entry_of(b"", told)
        if now is None or now.kind is not Kind.FILE:
            raise self._stale("is no file any more")
        if version_of(now) != self._entry.version:
            raise self._stale("was written to since it was listed")

    def _stale(self, what: str) -> StaleSource:
        return StaleSource(f"{self.where} {what}.", hint=NEXT_SYNC)


class _OpenFile:
    """An open file as an answer whose body is read in blocks (`core.downloads.Download`)."""

    status = PARTIAL

    def __init__(
        self,
        session: SftpSession,
        file: "asyncssh.SFTPClientFile",
        where: str,
        *,
        at: int,
        end: int | None,
        confirm: "Callable[[asyncssh.SFTPAttrs], None]",
    ) -> None:
        self._session = session
        self._file: asyncssh.SFTPClientFile | None = file
        self._where = where
        self._at = at
        self._end = end
        self._confirm = confirm
        self.headers: Mapping[str, str] = {"content-range": f"bytes {at}-{max(at, (end or at) - 1)}/*"}

    def blocks(self) -> Generator[bytes]:
        """Yield the bytes as they come, up to the end that is wanted or the one that there is."""
        while self._end is None or self._at < self._end:
            count = BLOCK_BYTES if self._end is None else min(BLOCK_BYTES, self._end - self._at)
            block = self._read(count)
            if not block:
                return
            self._at += len(block)
            yield block
        self.close()

    def _read(self, count: int) -> bytes:
        file, at = self._file, self._at
        if file is None:
            return b""

        async def read(_client: "asyncssh.SFTPClient", _progress: AnswerProgress) -> bytes:
            block = await file.read(count, at)
            self._confirm(await file.stat())  # else blocks of two versions could follow each other
            return block if isinstance(block, bytes) else block.encode()

        try:
            return self._session.once(read, self._where)
        except NotFound:
            raise StaleSource(f"{self._where} is not there any more.", hint=NEXT_SYNC) from None

    def refusal(self) -> bytes:
        """Return nothing: a refusal is an error at once."""
        return b""

    def close(self) -> None:
        """Close the file. Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            self._session.let_go(file.close)
