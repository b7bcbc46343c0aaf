"""The content of a file: at an address that Graph gives for a while, of the version that was listed or not at all.

The address is good for whoever has it, and at another host: no token goes there. What is there does not tell its
version, so that is asked for before each answer, with the address, and after the last.
"""

import re
from typing import Any, Final

from filesync_dagster.connectors.microsoft.api import GraphApi
from filesync_dagster.connectors.microsoft.errors import GRANT, NEXT_SYNC, REPORT
from filesync_dagster.connectors.microsoft.rows import content_hash_of, kind_of
from filesync_dagster.connectors.rest.content import RangedContent, range_header, size_told
from filesync_dagster.connectors.rest.errors import ASK_LATER, SERVER_ERROR
from filesync_dagster.connectors.rest.fields import text_of
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import (
    AccessDenied,
    ContentMismatch,
    NoContent,
    NotFound,
    ProtocolViolation,
    SourceError,
    StaleSource,
    TemporarilyDown,
    Throttled,
)
from filesync_dagster.core.model import Kind

ADDRESS: Final = "@microsoft.graph.downloadUrl"
ANSWERED: Final = frozenset({200, 206})
EXPIRED: Final = frozenset({401, 403, 410})
SLOW_DOWN: Final = frozenset({429, 503, 509})
REDIRECTED: Final = frozenset({301, 302, 303, 307, 308})
REFUSED_ADDRESSES: Final = 3
"""So many fresh addresses in a row that are refused are no longer taken for expired ones."""

REWRITTEN: Final = re.compile(r".*\.(docx?|docm|dot[xm]?|xls[xmb]?|ppt[xm]?|pps[xm]?|vsdx?|one|onetoc2|pub|html?|aspx)")
"""Kinds of files that SharePoint writes metadata into: what comes may be another content than it tells."""


def open_item(api: GraphApi, drive_id: str, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of a file, or a part of it. Raises SourceError."""
    if entry.kind == Kind.DOCUMENT:
        raise NoContent(f"{entry.path} is a notebook, which Graph gives no content of.")
    require_file(entry)
    try:
        return _open(_File(api, drive_id, entry, entry.size), offset, length)
    except _OtherSizeError as error:
        if not is_rewritten(entry):
            raise
        return _open(_File(api, drive_id, entry, error.size), offset, length)


def _open(file: "_File", offset: int, length: int | None) -> ContentStream:
    span = ByteSpan.of(file.size, offset, length)
    content = RangedContent(
        file.calls, lambda at: file.ask(at, span.end), where=file.where, start=span.start, end=span.end,
        clipped=not span.whole, confirm=file.confirm,
    )  # fmt: skip
    content.open()
    return ContentStream(
        content.blocks(),
        what=file.where,
        size=span.size,
        mime_type=file.entry.mime_type,
        content_hash=file.hashed if span.whole else None,
        confirm=file.confirm,
        release=content.close,
    )


def is_rewritten(entry: FileEntry) -> bool:
    """Whether what comes of a file may be another content than its size and its hash are of."""
    return REWRITTEN.fullmatch(entry.path.rpartition("/")[2].lower()) is not None


class _OtherSizeError(ContentMismatch):
    """What comes has another size than was listed."""

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class _File:
    """One file: whether it is still the one that was listed, and where its content can be had."""

    def __init__(self, api: GraphApi, drive_id: str, entry: FileEntry, size: int | None) -> None:
        self.entry = entry
        self.size = size
        self.where = f"The file {entry.path} of {api.where}"
        self.calls = api.calls
        self.hashed = None if is_rewritten(entry) else entry.content_hash
        self._api = api
        self._drive_id = drive_id
        self._address: str | None = None
        self._refused = 0

    def confirm(self) -> None:
        """Note where the content is now. Raises StaleSource when the file has another version by now, or is gone."""
        listed = self.entry
        try:
            now = self._api.item_with_address(self._drive_id, listed.external_id)
        except NotFound:
            raise StaleSource(f"{self.where} is not there any more.", hint=NEXT_SYNC) from None
        if kind_of(now) is not Kind.FILE:
            raise StaleSource(f"{self.where} is a {kind_of(now)} by now.", hint=NEXT_SYNC)
        if listed.version is not None and listed.version not in {text_of(now.get("cTag")), text_of(now.get("eTag"))}:
            raise StaleSource(f"{self.where} has another version by now.", hint=NEXT_SYNC)
        if listed.content_hash is not None and content_hash_of(now) not in {None, listed.content_hash}:
            raise StaleSource(f"{self.where} has another content by now.", hint=NEXT_SYNC)
        self._address = text_of(now.get(ADDRESS))

    def ask(self, offset: int, end: int | None) -> Download:
        """Return an answer that has the content from an offset on. Raises SourceError."""
        if self._address is None:
            self._address = self._redirected()
        headers = {"accept-encoding": "identity", **range_header(offset, end, self.size)}
        answer = self._api.downloads.get(self._address, headers)
        try:
            self._require_answered(answer)
            self._require_size(size_told(answer))
        except BaseException:
            answer.close()
            raise
        self._refused = 0
        return answer

    def _require_answered(self, answer: Download) -> None:
        if answer.status not in ANSWERED:
            raise self._refusal(answer)

    def _redirected(self) -> str:
        """Return where Graph leads whoever asks it for the content. Raises SourceError."""
        url = self._api.content_url(self._drive_id, self.entry.external_id)
        answer = self._api.downloads.get(url, self.calls.headers())
        answer.close()
        address = answer.headers.get("location")
        if answer.status not in REDIRECTED or not address:
            raise self._refusal(answer)
        return str(address)

    def _refusal(self, answer: Download) -> SourceError:
        status = answer.status
        said = f"{self.where} was refused by Microsoft's storage (HTTP {status})."
        if status in EXPIRED:
            self._address = None
            self._refused += 1
            expired = self._refused < REFUSED_ADDRESSES
            return TemporarilyDown(said, hint=ASK_LATER) if expired else AccessDenied(said, hint=GRANT)
        if status in {404, 416}:
            return StaleSource(said, hint=NEXT_SYNC)
        if status in SLOW_DOWN:
            return Throttled(said, hint=ASK_LATER)
        if status >= SERVER_ERROR:
            return TemporarilyDown(said, hint=ASK_LATER)
        return ProtocolViolation(said, hint=REPORT)

    def _require_size(self, told: Any) -> None:
        if isinstance(told, int) and self.size is not None and told != self.size:
            raise _OtherSizeError(f"{self.where} has {told:,} bytes, and {self.size:,} by its listing.", told)
