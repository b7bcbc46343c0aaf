"""What is in a file, by its bytes: whether that is what the end of its name says."""

import zipfile
from pathlib import Path
from typing import Final

from filesync_dagster.tables.uploads.errors import UploadError

BLOCK_BYTES = 1 << 20
ZIP_MAX_ENTRIES_COUNT = 10_000
ZIP_MAX_BYTES = 4 << 30  # unpacked
ZIP_MAX_RATIO = 100
ZIP_FREE_BYTES = 10 << 20  # unpacked so little, the ratio says nothing

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
NO_TEXT: Final = (
    b"MZ",
    b"\x7fELF",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PAR1",
    b"\x1f\x8b",
    b"%PDF",
    OLE,
    b"\xca\xfe\xba\xbe",
)
"""What files begin with that are no text, whatever their names say."""
WIDE_TEXT: Final = (b"\xff\xfe", b"\xfe\xff")
"""Marks of UTF-16, in which every other byte may be zero."""

WORKBOOKS: Final = {
    "xlsx": "xl/workbook.xml",
    "xlsm": "xl/workbook.xml",
    "xlsb": "xl/workbook.bin",
    "ods": "content.xml",
}
OPEN_DOCUMENT = b"application/vnd.oasis.opendocument.spreadsheet"


def check_content(path: Path, extension: str) -> None:
    """Raise UploadError unless a file is what its extension says, as far as its bytes tell without reading it."""
    with path.open("rb") as file:
        head = file.read(8)
    if not head:
        raise _not("It is empty.")
    if extension == "parquet":
        _check_parquet(path, head)
    elif extension == "xls":
        if not head.startswith(OLE):
            raise _not("It is no workbook of Excel 97.")
    elif extension in WORKBOOKS:
        _check_workbook(path, head, extension)
    else:
        _check_text(path, head)


def _not(why: str) -> UploadError:
    return UploadError(
        f"The file is not what its name says: {why}", hint="Send it under its own type.", code="content", field="file"
    )


def _check_parquet(path: Path, head: bytes) -> None:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        tail = file.read(8)
    if head[:4] != b"PAR1" or tail[4:] not in {b"PAR1", b"PARE"} or size < 12:  # noqa: PLR2004  # two marks and a length
        raise _not("It is no Parquet.")
    if int.from_bytes(tail[:4], "little") > size - 12:
        raise _not("Its footer claims more bytes than it has.")


def _check_text(path: Path, head: bytes) -> None:
    if head.startswith(NO_TEXT):
        raise _not("It is no text.")
    if head.startswith(WIDE_TEXT):
        return
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            if b"\0" in block:
                raise _not("It has zero bytes, which no text has.")


def _check_workbook(path: Path, head: bytes, extension: str) -> None:
    if head.startswith(OLE):
        raise _not("It is an old or an encrypted workbook.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            _check_unpacked_size(entries)
            names = {entry.filename for entry in entries}
            if extension == "ods" and archive.read("mimetype")[: len(OPEN_DOCUMENT)] != OPEN_DOCUMENT:
                raise _not("It is no OpenDocument spreadsheet.")
    except (zipfile.BadZipFile, KeyError, OSError, NotImplementedError, RuntimeError, EOFError, ValueError) as error:
        raise _not("It is no workbook.") from error
    if WORKBOOKS[extension] not in names:
        raise _not("It is no workbook.")


def _check_unpacked_size(entries: list[zipfile.ZipInfo]) -> None:
    unpacked, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    is_bomb = unpacked > ZIP_FREE_BYTES and unpacked > ZIP_MAX_RATIO * max(packed, 1)
    if len(entries) > ZIP_MAX_ENTRIES_COUNT or unpacked > ZIP_MAX_BYTES or is_bomb:
        raise _not("Unpacked it is too large.")
