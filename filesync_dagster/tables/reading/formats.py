"""The format of a file, by its content and its name together, and the reader of it."""

import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Final

from filesync_dagster.core.errors import UnreadableTable
from filesync_dagster.storage.durable import make_folder
from filesync_dagster.tables.model import Table
from filesync_dagster.tables.reading.options import Cancellation, FileFormat, ReadLimits, ReadOptions

SUFFIXES: Final[dict[str, FileFormat]] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
    ".xlsb": "excel",
    ".ods": "excel",
    ".json": "json",
    ".ndjson": "json",
    ".jsonl": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
READERS: Final[dict[FileFormat, tuple[str, str]]] = {
    "csv": ("csv_table", "read_csv"),
    "excel": ("excel_table", "read_excel"),
    "json": ("json_table", "read_json"),
    "parquet": ("parquet_table", "read_parquet"),
}
ZIP, OLE, GZIP, PARQUET = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b", (b"PAR1", b"PARE")
HEAD_BYTES = 4096

Reader = Callable[[Path, str, ReadOptions, Path, ReadLimits, Cancellation], list[Table]]


def find_format(path: Path, name: str | None = None) -> FileFormat:
    """Return the format of a file whose content and name agree. Raises UnreadableTable.

    `name`: what the file is called, where it is stored under another name.
    """
    called = name or path.name
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise UnreadableTable(f"{called} is empty.", code="empty")
    if head.startswith(GZIP):
        raise UnreadableTable(f"{called} is compressed.", hint="Unpack it first.", code="compressed")
    said = SUFFIXES.get(Path(called).suffix.lower())
    found = _by_content(head)
    if said is None:
        known = ", ".join(SUFFIXES)
        raise UnreadableTable(f"{called} is of no kind that is read.", hint=f"Read are {known}.", code="unsupported")
    if found is not None and found != said:
        raise UnreadableTable(f"The content of {called} is {found}, and its name says {said}.", code="content_mismatch")
    if found is None and said in {"excel", "parquet"}:
        raise UnreadableTable(f"The content of {called} is not {said}, as its name says.", code="content_mismatch")
    return said


def _by_content(head: bytes) -> FileFormat | None:
    """Return the format that a beginning proves; None for text, which may be CSV or JSON."""
    if head.startswith(PARQUET):
        return "parquet"
    if head.startswith((ZIP, OLE)):
        return "excel"
    return None


def read_tables(  # noqa: PLR0917  # as all readers are called
    path: Path,
    name: str,
    options: ReadOptions,
    folder: Path,
    limits: ReadLimits | None = None,
    cancel: threading.Event | None = None,
) -> list[Table]:
    """Return the tables of a file, with their parts in a folder that is made if need be.

    `name`: of the table, and the beginning of the names of several. Raises UnreadableTable, LimitReached, Cancelled,
    MissingExtra or StorageError. Nothing of a failed reading stays in the folder.
    """
    chosen = options.format or find_format(path)
    module, function = READERS[chosen]
    reader: Reader = getattr(import_module(f"filesync_dagster.tables.reading.{module}"), function)
    make_folder(folder, private=True)
    return reader(path, name, options, folder, limits or ReadLimits(), Cancellation(cancel))
