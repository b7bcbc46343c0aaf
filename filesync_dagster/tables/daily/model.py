"""What reading a source for a day gives: a result, its tables, and what is to be remarked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from filesync_dagster.tables.model import TableSchema


class ReadMode(StrEnum):
    """Where the rows of a day come from."""

    LIVE = "live"  # the source, as it is now
    REREAD = "reread"  # the source, up to the end of a past day
    REPLAY = "replay"  # what was stored on that day


class ReadState(StrEnum):
    """What came of reading a source."""

    COMMITTED = "committed"
    HELD = "held"
    FAILED = "failed"


@dataclass(frozen=True)
class Drift:
    """A difference between the columns of a table and those that it had before."""

    table: str
    column: str | None  # None: the table as a whole
    kind: str  # added | gone | narrower | wider
    message: str  # one sentence

    @property
    def is_breaking(self) -> bool:
        """Whether something that was relied on is not there any more."""
        return self.kind in {"gone", "narrower"}

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {**self.__dict__, "is_breaking": self.is_breaking}


@dataclass(frozen=True)
class ReadTable:
    """A table that was read: where it is kept, and how many rows it had before (None: it is new)."""

    schema: TableSchema
    manifest_uri: str
    bytes: int
    rows_before: int | None = None

    @property
    def name(self) -> str:
        """What its source calls it."""
        return self.schema.name

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return self.schema.row_count or 0


@dataclass(frozen=True)
class SourceResult:
    """What reading one source for a day gave. `findings` is what the checks go by, as JSON."""

    source: str
    day: date
    mode: ReadMode
    state: ReadState
    tables: tuple[ReadTable, ...] = ()
    is_whole: bool = True  # false: only some tables were asked for
    data_version: str | None = None
    findings: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None  # why it failed, or is held
    error_code: str | None = None
    read_id: str | None = None
    started_at: datetime | None = None
    seconds: float = 0.0

    @property
    def rows(self) -> int:
        """The rows of all tables."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """The bytes of all tables, as they are stored."""
        return sum(table.bytes for table in self.tables)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values, without the rows and the columns."""
        return {
            "source": self.source,
            "day": self.day.isoformat(),
            "mode": self.mode.value,
            "state": self.state.value,
            "tables": {table.name: table.rows for table in self.tables},
            "rows": self.rows,
            "bytes": self.bytes,
            "data_version": self.data_version,
            "error": self.error,
            "error_code": self.error_code,
        }
