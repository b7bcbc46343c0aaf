"""The content of a file, with the ETag that was listed before its first byte and after its last.

A GET is made conditional on the ETag where that is a strong one; a weak one, or none, is asked for with PROPFIND.
"""

from typing import Final

from filesync_dagster.connectors.rest.content import RangedContent, range_header
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import NotFound, StaleSource
from filesync_webdav.api import NEXT_SYNC, WebdavApi
from filesync_webdav.rows import version_of

STRONG: Final = '"'


def open_file(api: WebdavApi, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of a file, or a part of it. Raises SourceError."""
    require_file(entry)
    found = _DavFile(api, entry)
    span = ByteSpan.of(entry.size, offset, length)

    def ask(at: int) -> Download:
        return found.ask(range_header(at, span.end, entry.size))

    content = RangedContent(
        api.calls, ask, where=found.where, start=span.start, end=span.end, clipped=not span.whole,
        confirm=None if found.etag else found.confirm,
    )  # fmt: skip
    content.open()
    return ContentStream(
        content.blocks(),
        what=found.where,
        size=span.size,
        mime_type=entry.mime_type,
        content_hash=entry.content_hash if span.whole else None,
        confirm=found.confirm,
        release=content.close,
    )


class _DavFile:
    """One file, and whether it is still the one that was listed."""

    def __init__(self, api: WebdavApi, entry: FileEntry) -> None:
        self._api = api
        self._entry = entry
        self.where = api.where(entry.path)
        version = entry.version or ""
        self.etag = version if version.startswith(STRONG) else None

    def ask(self, headers: dict[str, str]) -> Download:
        """Return the answer to a GET. Raises StaleSource when it is of another version."""
        condition = {"if-match": self.etag} if self.etag else {}
        answer = self._api.content(self._entry.external_id, {**condition, **headers})
        told = answer.headers.get("etag")
        if self.etag and told is not None and told != self.etag:  # not every server heeds the condition
            answer.close()
            raise self._stale("has another version by now")
        return answer

    def confirm(self) -> None:
        """Raise StaleSource when it has another version by now, or is gone."""
        try:
            now = self._api.look(self._entry.external_id, 0).itself
        except NotFound:
            raise self._stale("is not there any more") from None
        if now.is_folder:
            raise self._stale("is a folder by now")
        if version_of(now) != self._entry.version:
            raise self._stale("has another version by now")

    def _stale(self, what: str) -> StaleSource:
        return StaleSource(f"{self.where} {what}.", hint=NEXT_SYNC)
