"""The content of a file of Drive, and of a document of Google's own as an export.

An answer does not tell of which revision it is. So that is asked for before each of them; and after the last where no
hash of the whole has proved the content.
"""

from collections.abc import Generator, Mapping
from typing import Final
from urllib.parse import quote, urlencode

from filesync_dagster.connectors.google_drive.api import QUERIES, DriveApi
from filesync_dagster.connectors.google_drive.errors import NEXT_SYNC
from filesync_dagster.connectors.google_drive.rows import content_hash_of, kind_of, version_of
from filesync_dagster.connectors.rest.content import RangedContent, range_header
from filesync_dagster.core.content import ByteSpan, ContentStream, FileEntry, require_file
from filesync_dagster.core.downloads import Download
from filesync_dagster.core.errors import NoContent, NotFound, ProtocolViolation, StaleSource
from filesync_dagster.core.model import Kind

FIELDS: Final = "id,mimeType,trashed,headRevisionId,version,size,md5Checksum,sha256Checksum"
OFFICE: Final = "application/vnd.openxmlformats-officedocument."
OPEN: Final = "application/vnd.oasis.opendocument."
FORMATS: Final[Mapping[str, str]] = {
    "pdf": "application/pdf",
    "docx": f"{OFFICE}wordprocessingml.document",
    "xlsx": f"{OFFICE}spreadsheetml.sheet",
    "pptx": f"{OFFICE}presentationml.presentation",
    "odt": f"{OPEN}text",
    "ods": "application/x-vnd.oasis.opendocument.spreadsheet",
    "odp": f"{OPEN}presentation",
    "rtf": "application/rtf",
    "txt": "text/plain",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "epub": "application/epub+zip",
    "html": "application/zip",
    "md": "text/markdown",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "svg": "image/svg+xml",
    "json": "application/vnd.google-apps.script+json",
}
"""What documents of Google's own can be exported to; a document tells which of these it can (`export_links`)."""

EXPORT_MAX_BYTES: Final = 64 << 20
"""Google exports up to 10 MB; an export that goes on for longer is none."""


def open_entry(
    drive: DriveApi, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
) -> ContentStream:
    """Return the content of a file, or a part of it; or the export of a document. Raises SourceError."""
    require_file(entry, export=export)
    if entry.kind == Kind.DOCUMENT:
        return _open_export(drive, entry, str(export), offset, length)
    found = _DriveFile(drive, entry)
    span = ByteSpan.of(entry.size, offset, length)

    def ask(at: int) -> Download:
        headers = {**found.headers, **range_header(at, span.end, entry.size)}
        return drive.content(f"{found.id}?{MEDIA}", headers, found.where)

    content = RangedContent(
        drive.calls, ask, where=found.where, start=span.start, end=span.end, clipped=not span.whole,
        confirm=found.confirm, quota=QUERIES,
    )  # fmt: skip
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


MEDIA: Final = urlencode({"alt": "media", "supportsAllDrives": "true"})


class _DriveFile:
    """One file, and whether it is still the one that was listed."""

    def __init__(self, drive: DriveApi, entry: FileEntry) -> None:
        self._drive = drive
        self._entry = entry
        self.id = quote(entry.external_id, safe="")
        self.where = f"The file {entry.path} of Google Drive"
        key = entry.metadata.get("resource_key")
        self.headers = {"x-goog-drive-resource-keys": f"{entry.external_id}/{key}"} if isinstance(key, str) else {}

    def confirm(self) -> None:
        """Raise StaleSource when it has another revision by now, or is in the trash, or gone."""
        try:
            now = self._drive.file(self._entry.external_id, FIELDS)
        except NotFound:
            raise StaleSource(f"{self.where} is not there any more.", hint=NEXT_SYNC) from None
        if now.get("trashed") is True:
            raise StaleSource(f"{self.where} is in the trash by now.", hint=NEXT_SYNC)
        listed, kind = self._entry, kind_of(now)
        if kind != listed.kind:
            raise StaleSource(f"{self.where} is a {kind} by now.", hint=NEXT_SYNC)
        if listed.version is not None and version_of(now, kind) != listed.version:
            raise StaleSource(f"{self.where} has another revision by now.", hint=NEXT_SYNC)
        if listed.content_hash is not None and content_hash_of(now) not in {None, listed.content_hash}:
            raise StaleSource(f"{self.where} has another content by now.", hint=NEXT_SYNC)


def _open_export(drive: DriveApi, entry: FileEntry, export: str, offset: int, length: int | None) -> ContentStream:
    """Return a document as a file of another format. Google tells neither its size nor a hash of it."""
    mime_type = _format_of(entry, export)
    if offset or length is not None:
        raise NoContent(f"{entry.path} is exported as a whole only.")
    found = _DriveFile(drive, entry)
    path = f"{found.id}/export?{urlencode({'mimeType': mime_type})}"
    content = RangedContent(
        drive.calls, lambda _: drive.content(path, found.headers, found.where), where=found.where, start=0, end=None,
        confirm=found.confirm, quota=QUERIES,
    )  # fmt: skip
    content.open()
    return ContentStream(
        _limited(content.blocks(), found.where),
        what=found.where,
        size=None,
        mime_type=mime_type,
        confirm=found.confirm,
        release=content.close,
    )


def _format_of(entry: FileEntry, export: str) -> str:
    """Return the media type of a format that a document can be exported to. Raises NoContent, which names those."""
    wanted = FORMATS.get(export.lower().removeprefix("."))
    links = entry.metadata.get("export_links")
    told = set(links) if isinstance(links, Mapping) else set(FORMATS.values())
    if wanted is None or wanted not in told:
        known = ", ".join(name for name, mime_type in FORMATS.items() if mime_type in told) or "nothing"
        raise NoContent(f"{entry.path} cannot be exported to {export}.", hint=f"It can be exported to {known}.")
    return wanted


def _limited(blocks: Generator[bytes], where: str) -> Generator[bytes]:
    came = 0
    for block in blocks:
        came += len(block)
        if came > EXPORT_MAX_BYTES:
            raise ProtocolViolation(f"{where} was exported to more than {EXPORT_MAX_BYTES:,} bytes.")
        yield block
