"""The content of a file: that of the version which was listed.

Box answers with an address at another host, which is for whoever has it: no token goes there. It names a version, and
what a version holds never changes.
"""

from typing import Final
from urllib.parse import urljoin, urlsplit

import orjson

from filesync_dagster.connectors.box.api import BoxApi, kind_and_number
from filesync_dagster.connectors.box.errors import INVITE, NEXT_SYNC, REPORT, TABLE, read_refusal
from filesync_dagster.connectors.box.rows import file_version_of, version_of
from filesync_dagster.connectors.rest.client import httpx_border
from filesync_dagster.connectors.rest.content import RangedContent, range_header, size_told
from filesync_dagster.connectors.rest.errors import (
    ASK_LATER,
    CHECK_PORTAL,
    SERVER_ERROR,
    error_for,
    retry_after_seconds,
)
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import (
    AccessDenied,
    ContentMismatch,
    NotFound,
    ProtocolViolation,
    SourceError,
    StaleSource,
    TemporarilyDown,
    Throttled,
)

ANSWERED: Final = frozenset({200, 206})
FOUND, ACCEPTED, THROTTLED = 302, 202, 429
EXPIRED: Final = frozenset({401, 403})
GONE: Final = frozenset({404, 410, 416})
REFUSED_ADDRESSES: Final = 3
"""So many fresh addresses in a row that are refused are no longer taken for expired ones."""


def open_file(api: BoxApi, entry: FileEntry, offset: int, length: int | None) -> ContentStream:
    """Return the content of a file, or a part of it. Raises SourceError."""
    require_file(entry)
    file = _BoxFile(api, entry, ByteSpan.of(entry.size, offset, length))
    content = RangedContent(
        api.calls,
        file.ask,
        where=file.where,
        start=file.span.start,
        end=file.span.end,
        clipped=not file.span.whole,
        confirm=file.confirm,
    )
    content.open()
    hashed = entry.content_hash if file.span.whole else None
    return ContentStream(
        content.blocks(),
        what=file.where,
        size=file.span.size,
        mime_type=entry.mime_type,
        content_hash=hashed,
        confirm=None if hashed else file.confirm,
        doubt=file.confirm,
        release=content.close,
    )


class _BoxFile:
    """One file: whether it is still the one that was listed, and where its content can be had."""

    def __init__(self, api: BoxApi, entry: FileEntry, span: ByteSpan) -> None:
        self.span = span
        self.where = f"The file {entry.path} of Box"
        self._api = api
        self._entry = entry
        self._version = ""
        self._address: str | None = None
        self._refused = 0

    def confirm(self) -> None:
        """Raise StaleSource when its content has another version by now, or is gone."""
        now, listed = self._api.item(self._entry.external_id), self._entry
        if now is None:
            raise StaleSource(f"{self.where} is not there any more, or in the trash.", hint=NEXT_SYNC)
        self._version = file_version_of(now) or ""
        known = listed.metadata.get("file_version")
        is_same = self._version == known if known else listed.version in {None, version_of(now)}
        if not is_same:
            raise StaleSource(f"{self.where} has another version by now.", hint=NEXT_SYNC)

    def ask(self, offset: int) -> Download:
        """Return an answer that has the content from an offset on. Raises SourceError."""
        address = self._address or self._locate()
        headers = {"accept-encoding": "identity", **range_header(offset, self.span.end, self._entry.size)}
        answer = self._api.downloads.get(address, headers)
        try:
            self._require_answered(answer)
            self._require_size(size_told(answer))
        except BaseException:
            answer.close()
            raise
        self._refused = 0
        return answer

    def _locate(self) -> str:
        """Return where the content of the version is, as Box says it. Raises SourceError."""
        url = self._api.url(f"files/{kind_and_number(self._entry.external_id)[1]}/content")
        params = {"version": self._version} if self._version else {}
        with httpx_border(self.where):
            answer = self._api.client.get(url, params=params, headers=self._api.calls.headers())
        wait = answer.headers.get("retry-after")
        if answer.status_code == ACCEPTED:
            raise TemporarilyDown(
                f"{self.where} is not ready yet.", hint=ASK_LATER, retry_after=retry_after_seconds(wait)
            )
        if answer.status_code != FOUND:
            code, message = _reason_in(answer.content)
            error = error_for(self.where, answer.status_code, TABLE, code=code, message=message, retry_after=wait)
            if isinstance(error, NotFound):
                raise StaleSource(f"{self.where} is not there any more.", hint=NEXT_SYNC) from None
            raise error
        self._address = self._checked(url, answer.headers.get("location"))
        return self._address

    def _checked(self, url: str, location: str | None) -> str:
        """Return an address of a content. Another scheme, or a way back to the API's host, is none of Box's."""
        address = urljoin(url, location or "")
        here, there = urlsplit(url), urlsplit(address)
        if there.scheme not in {"https", here.scheme} or there.netloc in {"", here.netloc}:
            raise ProtocolViolation(f"{self.where} was led to an address that is none of a content.", hint=CHECK_PORTAL)
        return address

    def _require_answered(self, answer: Download) -> None:
        if answer.status not in ANSWERED:
            raise self._refusal(answer)

    def _refusal(self, answer: Download) -> SourceError:
        status = answer.status
        said = f"{self.where} was refused by Box's storage (HTTP {status})."
        if status in EXPIRED:
            self._address = None
            self._refused += 1
            expired = self._refused < REFUSED_ADDRESSES
            return TemporarilyDown(said, hint=ASK_LATER) if expired else AccessDenied(said, hint=INVITE)
        if status in GONE:
            return StaleSource(said, hint=NEXT_SYNC)
        wait = retry_after_seconds(answer.headers.get("retry-after"))
        if status == THROTTLED:
            return Throttled(said, hint=ASK_LATER, retry_after=wait)
        if status >= SERVER_ERROR:
            return TemporarilyDown(said, hint=ASK_LATER, retry_after=wait)
        return ProtocolViolation(said, hint=REPORT)

    def _require_size(self, told: int | None) -> None:
        listed = self._entry.size
        if told is not None and listed is not None and told != listed:
            raise ContentMismatch(f"{self.where} has {told:,} bytes in storage, and {listed:,} by its listing.")


def _reason_in(body: bytes) -> tuple[str, str]:
    try:
        return read_refusal(orjson.loads(body))
    except (ValueError, KeyError, TypeError):
        return "", ""
