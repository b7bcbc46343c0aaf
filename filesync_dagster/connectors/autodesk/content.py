"""The content of an item: that of its tip version, as long as that is the one which was listed.

What a version holds lies in object storage and never changes. It is had at an address that is signed for two minutes.
"""

import re
from typing import Any, Final

from filesync_dagster.connectors.autodesk.api import Api
from filesync_dagster.connectors.autodesk.errors import GRANT_DOWNLOAD, NEXT_SYNC, REPORT
from filesync_dagster.connectors.autodesk.reader import PROJECT_SCOPE
from filesync_dagster.connectors.autodesk.rows import part_of, tips_of, version_of
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

STORAGE: Final = re.compile(r"urn:adsk\.objects:os\.object:([^/]+)/(.+)")
ANSWERED: Final = frozenset({200, 206})
EXPIRED: Final = 403
SLOW_DOWN: Final = 503
REFUSED_ADDRESSES: Final = 3
"""So many fresh addresses in a row that are refused are no longer taken for expired ones."""


def open_item(api: Api, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of an item, or a part of it. Raises SourceError."""
    require_file(entry)
    item = _Item(api, entry, ByteSpan.of(entry.size, offset, length))
    item.confirm()
    item.sign()
    content = RangedContent(
        api.calls, item.ask, where=item.where, start=item.span.start, end=item.span.end, clipped=not item.span.whole
    )
    content.open()
    return ContentStream(
        content.blocks(),
        what=item.where,
        size=item.span.size,
        mime_type=entry.mime_type,
        content_hash=item.hashed if item.span.whole else None,
        confirm=item.confirm,
        release=content.close,
    )


class _Item:
    """One item: which version it has, and where that can be had."""

    def __init__(self, api: Api, entry: FileEntry, span: ByteSpan) -> None:
        self.span = span
        self.where = f"The file {entry.path} of Autodesk"
        self.hashed: str | None = None  # of the whole, as Autodesk tells it
        self._api = api
        self._entry = entry
        self._storage = ("", "")
        self._address: str | None = None
        self._etag: str | None = None
        self._refused = 0

    def confirm(self) -> None:
        """Raise StaleSource when it has another version by now, or is deleted."""
        project = self._entry.scope.removeprefix(PROJECT_SCOPE)
        url = self._api.url("data", "v1", "projects", project, "items", self._entry.external_id)
        try:
            document = self._api.get("items", url, self.where).document
        except NotFound:
            raise StaleSource(f"{self.where} is not there any more.", hint=NEXT_SYNC) from None
        item = part_of(document, "data")
        tip = tips_of(document).get(str(part_of(item, "relationships", "tip", "data").get("id")))
        if part_of(item, "attributes").get("hidden") is True:
            raise StaleSource(f"{self.where} was deleted.", hint=NEXT_SYNC)
        if tip is None:
            raise ProtocolViolation(f"{self.where} was told without its version.", hint=REPORT)
        if self._entry.version is not None and version_of(tip) != self._entry.version:
            raise StaleSource(f"{self.where} has version {version_of(tip)} by now.", hint=NEXT_SYNC)
        storage = STORAGE.fullmatch(text_of(part_of(tip, "relationships", "storage", "data").get("id")) or "")
        if storage is None:
            raise NoContent(f"{self.where} has no content in Autodesk's storage.", hint="A cloud model has none.")
        self._storage = storage[1], storage[2]

    def sign(self) -> None:
        """Ask for an address. Raises SourceError."""
        url = self._api.url("oss", "v2", "buckets", self._storage[0], "objects", self._storage[1], "signeds3download")
        told = self._api.get("objects", url, self.where).document
        self._address = text_of(told.get("url"))
        if self._address is None:  # it lies in pieces for a while after it was uploaded
            state = text_of(told.get("status")) or "nothing"
            raise TemporarilyDown(f"{self.where} is not ready in Autodesk's storage ({state[:40]}).", hint=ASK_LATER)
        sha1 = text_of(told.get("sha1"))
        self.hashed = f"sha1:{sha1}" if sha1 else None
        self._require_size(told.get("size"))

    def ask(self, offset: int) -> Download:
        """Return an answer that has the content from an offset on. Raises SourceError."""
        if self._address is None:
            self.sign()
        # It is signed for whoever has it, and at another host: no token goes there.
        headers = {"accept-encoding": "identity", **range_header(offset, self.span.end, self._entry.size)}
        answer = self._api.downloads.get(str(self._address), headers)
        try:
            self._require_answered(answer)
            self._require_same(answer)
        except BaseException:
            answer.close()
            raise
        self._refused = 0
        return answer

    def _require_answered(self, answer: Download) -> None:
        if answer.status not in ANSWERED:
            raise self._refusal(answer)

    def _refusal(self, answer: Download) -> SourceError:
        status = answer.status
        said = f"{self.where} was refused by Autodesk's storage (HTTP {status})."
        if status == EXPIRED:
            self._address = None
            self._refused += 1
            expired = self._refused < REFUSED_ADDRESSES
            return TemporarilyDown(said, hint=ASK_LATER) if expired else AccessDenied(said, hint=GRANT_DOWNLOAD)
        if status in {404, 410, 416}:
            return StaleSource(said, hint=NEXT_SYNC)
        if status in {429, SLOW_DOWN}:
            return Throttled(said, hint=ASK_LATER)
        return (TemporarilyDown if status >= SERVER_ERROR else ProtocolViolation)(said, hint=ASK_LATER)

    def _require_same(self, answer: Download) -> None:
        etag = answer.headers.get("etag")
        if self._etag is not None and etag != self._etag:
            raise StaleSource(f"{self.where} is another one by now.", hint=NEXT_SYNC)
        self._etag = etag
        self._require_size(size_told(answer))

    def _require_size(self, told: Any) -> None:
        listed = self._entry.size
        if isinstance(told, int) and listed is not None and told != listed:
            raise ContentMismatch(f"{self.where} has {told:,} bytes in storage, and {listed:,} by its listing.")
