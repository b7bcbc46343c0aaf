"""How a file is read: what a person may say about it, and the bounds that hold whatever is said."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, Self

from filesync_dagster.core.errors import Cancelled, UnreadableTable

FileFormat = Literal["csv", "excel", "json", "parquet"]

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class ReadOptions:
    """What a person says about a file; whatever is None is found out, and told where it was not certain."""

    format: FileFormat | None = None
    source: str = ""  # the name of the data source, which the schema carries
    encoding: str | None = None  # of text files, as Python calls it
    delimiter: str | None = None  # of CSV: one character
    quote: str | None = None  # of CSV: one character, or "" for none
    header_row: int | None = None  # the line (CSV) or row (Excel) of the names, from 1; 0: there are none
    types: Mapping[str, str] = field(default_factory=dict)  # by name of a column: "text", "decimal(10,2)", …
    ignore_unknown_types: bool = False  # types of columns that this file does not have are no error
    on_bad_line: Literal["fail", "quarantine"] = "fail"
    sheets: tuple[str, ...] = ()  # of Excel: only these; () is all that are visible
    hidden_sheets: bool = False
    explode: bool = False  # JSON: lists of objects become tables of their own
    columns: tuple[str, ...] | None = None  # of Parquet: only these, as the table calls them
    rows: int | None = None  # of Parquet: the first ones only
    schema_only: bool = False  # of Parquet: what its footer says, and no rows

    def as_json(self) -> dict[str, Any]:
        """Return the options as JSON values."""
        columns = None if self.columns is None else list(self.columns)
        return {**asdict(self), "types": dict(self.types), "sheets": list(self.sheets), "columns": columns}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the options that `as_json` wrote, or a person. Raises UnreadableTable for keys that are none."""
        unknown = sorted(set(data) - {known.name for known in fields(cls)})
        if unknown:
            raise UnreadableTable(
                f"There is no option {unknown[0]!r} of reading files.", code="unknown_option", field=unknown[0]
            )
        columns = data.get("columns")
        chosen = {"sheets": tuple(data.get("sheets") or ()), "columns": None if columns is None else tuple(columns)}
        return cls(**{**data, **chosen})


@dataclass(frozen=True)
class ReadLimits:
    """What a file may cost; more is refused with a sentence."""

    rows: int = 1_000_000_000
    columns: int = 5_000
    tables: int = 1_000  # sheets of a workbook, or lists of a JSON object
    line_bytes: int = 64 * MEBIBYTE  # of one row of a text file
    text_bytes: int = 64 * 1024 * MEBIBYTE  # of a text file
    document_bytes: int = 512 * MEBIBYTE  # of JSON that is one document: it is in memory as a whole
    workbook_bytes: int = 4 * 1024 * MEBIBYTE  # of what is packed into a workbook
    memory_bytes: int = 512 * MEBIBYTE  # of DuckDB; what needs more goes to the disk
    threads: int = 2


class Cancellation:
    """Whether whoever asked has changed their mind, looked at between pieces of work."""

    def __init__(self, event: threading.Event | None) -> None:
        self._event = event

    def check(self) -> None:
        """Raise Cancelled once it was asked for."""
        if self._event is not None and self._event.is_set():
            raise Cancelled("Reading was cancelled.", code="cancelled")
