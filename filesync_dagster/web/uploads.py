"""Uploads over HTTP: bodies that are streamed to the disk a block at a time, while others are answered."""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from anyio.to_thread import run_sync

from filesync_dagster.core.errors import TableError, UnreadableTable
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.catalog.contexts import UPLOADS, upload_store
from filesync_dagster.tables.catalog.upload_tables import CONTENT_WAIT_SECONDS, SENT_WAIT_SECONDS
from filesync_dagster.tables.sources.file_settings import FileSettings
from filesync_dagster.tables.sources.settings import parse_config
from filesync_dagster.tables.uploads import UploadError, UploadStore, UploadWriter
from filesync_dagster.web.messages import ReadingChoices, UploadOut

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractContextManager

    from starlette.requests import Request

    from filesync_dagster.storage.database.uploads import UploadRecord
    from filesync_dagster.web.site import Site

T = TypeVar("T")

WRITE_BYTES = 1 << 20
FORM_MAX_BYTES = 64 << 10
"""What a form has besides the file."""


@contextmanager
def lend_store(site: Site) -> Iterator[UploadStore]:
    """Lend the uploads of the configuration that is current."""
    with site.current.acquire() as filesync:
        yield upload_store(filesync.runtime)


@asynccontextmanager
async def in_threads(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """Enter and leave what waits for the disk in threads; it is left even when whoever asked has gone."""
    value = await run_sync(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        with anyio.CancelScope(shield=True):
            if not await run_sync(manager.__exit__, type(error), error, error.__traceback__):
                raise
    else:
        with anyio.CancelScope(shield=True):
            await run_sync(manager.__exit__, None, None, None)


async def write_body(request: Request, writer: UploadWriter) -> None:
    """Write the body of a request. Raises ClientDisconnect; UploadError."""
    held = bytearray()
    try:
        async for block in request.stream():
            held += block
            if len(held) >= WRITE_BYTES:
                await run_sync(writer.write, bytes(held))
                held.clear()
    finally:
        if held:
            with anyio.CancelScope(shield=True):
                await run_sync(writer.write, bytes(held))


async def receive_form(request: Request, store: UploadStore, owner: str) -> UploadRecord:
    """Take the file of a form, and have it judged; nothing is left of one that ends too early. Raises UploadError."""
    form, blocks = _Form(request.headers.get("content-type", "")), request.stream()
    size = _announced_size(request, store)
    filename = await _read_filename(form, blocks)
    record = await run_sync(partial(store.create, filename, size, owner))
    try:
        async with in_threads(store.write(record.id, 0)) as writer:
            await _write_file(form, blocks, writer)
    except BaseException:
        with anyio.CancelScope(shield=True):
            await run_sync(store.remove, record.id)
        raise
    return await run_sync(partial(store.finish, record.id, size=writer.offset))


def _announced_size(request: Request, store: UploadStore) -> int | None:
    length = request.headers.get("content-length", "")
    announced = int(length) if length.isdigit() else None
    if announced is not None and announced > store.max_bytes + FORM_MAX_BYTES:
        raise UploadError(f"A file may have {store.max_bytes:,} bytes.", code="too_large", field="file")
    return None if announced is None else min(announced, store.max_bytes)


async def _read_filename(form: _Form, blocks: AsyncIterator[bytes]) -> str:
    async for block in blocks:
        form.feed(block)
        if form.filename is not None:
            return form.filename
    raise UploadError("The form has no field `file` with a file.", code="bad_request", field="file")


async def _write_file(form: _Form, blocks: AsyncIterator[bytes], writer: UploadWriter) -> None:
    await run_sync(writer.write, form.take())
    async for block in blocks:
        form.feed(block)
        if len(form.held) >= WRITE_BYTES:
            await run_sync(writer.write, form.take())
    await run_sync(writer.write, form.take())
    if not form.is_whole:
        raise UploadError("The form ends in the middle of the file.", code="bad_request", field="file")


class _Form:
    """A multipart form of which one field matters: the first file called `file`."""

    def __init__(self, content_type: str) -> None:
        multipart: Any = import_from_extra("python_multipart.multipart", "tables", "Uploading a form")
        kind, options = multipart.parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary or len(boundary) > 200:  # noqa: PLR2004  # RFC 2046 has 70
            raise UploadError("The body is no form with a file.", code="content", field="file")
        self._options = multipart.parse_options_header
        self._error: type[Exception] = multipart.MultipartParseError
        callbacks = {
            "on_part_begin": self._begin_part,
            "on_header_field": self._add_name,
            "on_header_value": self._add_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._end_headers,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
        }
        self._parser = multipart.MultipartParser(boundary, callbacks)
        self._name, self._value, self._others = b"", b"", 0
        self._headers: dict[bytes, bytes] = {}
        self._is_inside = False
        self.filename: str | None = None
        self.held = bytearray()
        self.is_whole = False

    def feed(self, block: bytes) -> None:
        """Parse what came. Raises UploadError."""
        try:
            self._parser.write(block)
        except self._error as error:
            raise UploadError("The form cannot be parsed.", code="bad_request") from error

    def take(self) -> bytes:
        """Return what came of the file since the last time."""
        found = bytes(self.held)
        self.held.clear()
        return found

    def _begin_part(self) -> None:
        self._headers, self._name, self._value = {}, b"", b""

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]
        self._count(end - start)

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count(end - start)

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _end_headers(self) -> None:
        _, options = self._options(self._headers.get(b"content-disposition", b""))
        if options.get(b"name") == b"file" and b"filename" in options:
            if self.filename is not None:
                raise UploadError("One file is taken at a time.", code="bad_request", field="file")
            self._is_inside = True
            self.filename = options[b"filename"].decode("utf-8", "replace")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_inside:
            self.held += data[start:end]
        else:
            self._count(end - start)

    def _end_part(self) -> None:
        if self._is_inside:
            self._is_inside, self.is_whole = False, True

    def _count(self, letters: int) -> None:
        self._others += letters
        if self._others > FORM_MAX_BYTES:
            raise UploadError("The form has too much besides the file.", code="bad_request")


def read_upload(site: Site, upload_id: str) -> UploadOut:
    """Return a file that was just sent with its tables, if reading takes no longer than a moment.

    Raises TableError where it cannot be read: the file stays, to be read in another way.
    """
    with site.current.acquire() as filesync:
        uploads = filesync.runtime.metadata.uploads
        with _told_how(upload_id), _passing_busy():
            site.upload_tables.of_upload(filesync.runtime, uploads.get(upload_id), SENT_WAIT_SECONDS)
        return upload_out(uploads.get(upload_id), site)


def read_upload_again(site: Site, upload_id: str, choices: ReadingChoices) -> UploadOut:
    """Read a file in another way. Raises TableError: it is as it was then."""
    with site.current.acquire() as filesync:
        uploads = filesync.runtime.metadata.uploads
        record, given = uploads.get(upload_id), choices.model_dump(exclude_none=True)
        parse_config(FileSettings, given)
        site.upload_tables.read_again(filesync.runtime, record, given, CONTENT_WAIT_SECONDS)
        return upload_out(uploads.get(upload_id), site)


@contextmanager
def _passing_busy() -> Iterator[None]:
    """Let pass that a file is still being read."""
    try:
        yield
    except TableError as error:
        if error.code != "busy":
            raise


@contextmanager
def _told_how(upload_id: str) -> Iterator[None]:
    """Tell what may be done about a file that cannot be read."""
    try:
        yield
    except UnreadableTable as error:
        hint = f"{error.hint} The file is kept: PUT /api/uploads/{upload_id}/reading says how it is read.".strip()
        raise UnreadableTable(error.message, hint=hint, code=error.code, field="file") from None


def upload_out(record: UploadRecord, site: Site) -> UploadOut:
    """Return what is told of an upload."""
    is_reading = record.state == "ready" and site.upload_tables.is_reading(record.id)
    problem = record.details.get("problem")
    return UploadOut(
        upload_id=record.id,
        filename=record.stored_name,
        original_name=record.original_name,
        path=f"{UPLOADS}/{record.stored_name}",
        size=record.size,
        received=record.received,
        sha256=record.sha256,
        format=record.format,
        state="reading" if is_reading else record.state,
        reading=ReadingChoices.model_validate(dict(record.options)),
        problem=f"{problem['message']} {problem['hint']}".strip() if problem and not is_reading else None,
        refusal=record.refusal,
        refusal_code=record.refusal_code,
        tables=list(record.details.get("tables", ())),
        warnings=list(record.details.get("warnings", ())),
        created_at=record.created_at,
        expires_at=record.expires_at,
    )
