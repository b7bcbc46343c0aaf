"""The content of a file of Dropbox, and of a Paper document as an export.

Each answer tells, in a header, of which revision it is; and Dropbox's hash of the whole proves the content.
"""

from collections.abc import Generator
from typing import Any, Final

import orjson

from filesync_dagster.connectors.dropbox.api import DropboxApi
from filesync_dagster.connectors.dropbox.errors import NEXT_SYNC
from filesync_dagster.connectors.rest.content import RangedContent, range_header
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import NoContent, ProtocolViolation, StaleSource
from filesync_dagster.core.model import Kind

RESULT: Final = "dropbox-api-result"
EXPORT_MAX_BYTES: Final = 1 << 30
FORMATS: Final = {"md": "markdown", "txt": "plain_text"}
"""Names of formats that Dropbox calls differently."""


def open_entry(
    api: DropboxApi, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
) -> ContentStream:
    """Return the content of a file, or a part of it; or the export of a document. Raises SourceError."""
    require_file(entry, export=export)
    found = _DropboxFile(api, entry)
    if entry.kind == Kind.DOCUMENT:
        return _open_export(api, found, str(export), offset, length)
    span = ByteSpan.of(entry.size, offset, length)

    def ask(at: int) -> Download:
        return found.ask("files/download", {}, range_header(at, span.end, entry.size))

    content = RangedContent(api.calls, ask, where=found.where, start=span.start, end=span.end, clipped=not span.whole)
    content.open()
    hashed = entry.content_hash if span.whole else None
    return ContentStream(
        content.blocks(),
        what=found.where,
        size=span.size,
        mime_type=entry.mime_type,
        content_hash=hashed,
        confirm=None if hashed else found.confirm,
        doubt=found.confirm,
        release=content.close,
    )


class _DropboxFile:
    """One file, and whether it is still the one that was listed."""

    def __init__(self, api: DropboxApi, entry: FileEntry) -> None:
        self._api = api
        self.entry = entry
        self.where = f"The file {entry.path} of Dropbox"

    def ask(self, route: str, argument: dict[str, str], headers: dict[str, str]) -> Download:
        """Return an answer that is of the revision which was listed. Raises StaleSource, SourceError."""
        answer = self._api.content(route, {"path": self.entry.external_id, **argument}, headers, self.where)
        try:
            self._require_revision(_told(answer, self.where))
        except BaseException:
            answer.close()
            raise
        return answer

    def confirm(self) -> None:
        """Raise StaleSource when it has another revision by now, or is gone."""
        now = self._api.metadata(self.entry.external_id)
        if now is None:
            raise StaleSource(f"{self.where} is not there any more.", hint=NEXT_SYNC)
        self._require_revision(now)

    def _require_revision(self, told: dict[str, Any]) -> None:
        file = told.get("file_metadata") or told
        if self.entry.version is not None and file.get("rev") != self.entry.version:
            raise StaleSource(f"{self.where} has another revision by now.", hint=NEXT_SYNC)


def _told(answer: Download, where: str) -> dict[str, Any]:
    try:
        found = orjson.loads(answer.headers.get(RESULT) or "")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ProtocolViolation(f"{where} came without saying of which revision it is.")
    return found


def _open_export(api: DropboxApi, found: _DropboxFile, export: str, offset: int, length: int | None) -> ContentStream:
    """Return a document as a file of another format. It comes as a whole only."""
    entry = found.entry
    wanted = _format_of(entry, export)
    if offset or length is not None:
        raise NoContent(f"{entry.path} is exported as a whole only.")
    content = RangedContent(
        api.calls,
        lambda _: found.ask("files/export", {"export_format": wanted}, {}),
        where=found.where,
        start=0,
        end=None,
    )
    content.open()
    return ContentStream(
        _limited(content.blocks(), found.where),
        what=found.where,
        size=None,
        confirm=found.confirm,
        release=content.close,
    )


def _format_of(entry: FileEntry, export: str) -> str:
    """Return the name of a format that a document can be exported to. Raises NoContent, which names those."""
    known = [entry.metadata.get("export_as"), *(entry.metadata.get("export_options") or ())]
    wanted = export.lower().removeprefix(".")
    wanted = FORMATS.get(wanted, wanted)
    if wanted not in known:
        names = ", ".join(dict.fromkeys(str(one) for one in known if one)) or "nothing"
        raise NoContent(f"{entry.path} cannot be exported to {export}.", hint=f"It can be exported to {names}.")
    return wanted


def _limited(blocks: Generator[bytes], where: str) -> Generator[bytes]:
    came = 0
    for block in blocks:
        came += len(block)
        if came > EXPORT_MAX_BYTES:
            raise ProtocolViolation(f"{where} was exported to more than {EXPORT_MAX_BYTES:,} bytes.")
        yield block
