"""What a data source is: the contract of `TableSource`, and the records that it speaks in.

The docstrings here are the contract; implementations have one only where they differ. Every failure is a
`SourceRefused` (or another TableError) with one of `refusals.CODES` and, where there is one, the field to correct.
Foreign texts are never part of it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final, Protocol, Self

import pyarrow as pa

from filesync_dagster.tables.model import TableRelation, TableSchema, TableWarning
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.deadline import SourceDeadline, never_cancelled
from filesync_dagster.tables.sources.settings import SourceConfig

if TYPE_CHECKING:
    from filesync_dagster.sync.runtime import Runtime

TEST_SECONDS: Final = 10.0
"""What a test may take, all in all."""

STALL_SECONDS: Final = 300.0
"""How long a source that is being read may send nothing."""

BATCH_ROWS: Final = 50_000


@dataclass(frozen=True)
class SourceLimits:
    """What one source may bring. More is an error, never a part of it."""

    rows: int = 50_000_000  # of one table
    tables: int = 10_000
    files: int = 100_000  # that one pattern means
    uploads: int = 10_000  # that one source names
    file_bytes: int = 2 << 30
    answer_bytes: int = 64_000_000  # of one answer of an API


@dataclass(frozen=True)
class SourceContext:
    """Where a source works, and what it may. `folder` is private to it and its own to fill."""

    name: str = ""  # of the data source
    folder: Path | None = None
    cache: Path | None = None  # what is kept between runs: parsed files, by their version
    guard: AddressGuard = field(default_factory=AddressGuard)
    limits: SourceLimits = field(default_factory=SourceLimits)
    cancelled: Callable[[], bool] = never_cancelled
    runtime: "Runtime | None" = None  # whose inventory `inventory` reads
    find_upload: Callable[[str], Path] | None = None  # takes what a request calls an upload; raises SourceRefused
    name_upload: Callable[[str], str] | None = None  # what whoever sent it called it
    upload_settings: Callable[[str], Mapping[str, object]] | None = None  # what was said of how it is read

    def deadline(self, seconds: float) -> SourceDeadline:
        """Return a deadline that ends early when the source is cancelled."""
        return SourceDeadline(seconds, cancelled=self.cancelled)


@dataclass(frozen=True)
class VisibleTable:
    """What a test saw of one table."""

    name: str
    rows_estimate: int | None = None
    readable: bool = True
    problem: str | None = None  # one sentence, when it is not readable


@dataclass(frozen=True)
class SourceReport:
    """What a test found: which server, how far away, which tables, and what may be done with them."""

    server: str  # "PostgreSQL 18.4"
    latency_ms: float
    tables: tuple[VisibleTable, ...] = ()
    warnings: tuple[str, ...] = ()  # what works and hardly anybody means: a connection without TLS

    @property
    def message(self) -> str:
        """One sentence for people."""
        good = sum(table.readable for table in self.tables)
        bad = len(self.tables) - good
        refused = f", {bad} not" if bad else ""
        return f"{self.server} answered; {good} {'table is' if good == 1 else 'tables are'} readable{refused}."


@dataclass(frozen=True)
class FoundTable:
    """A table that a source has, as far as it tells without rows.

    `schema.name` is unique among the tables of the source. Its columns are () where only reading tells them. The types
    of some are provisional: of numbers without a declared precision, rows decide.
    """

    schema: TableSchema
    rows_estimate: int | None = None
    relations: tuple[TableRelation, ...] = ()  # of which it is the child; the parents are tables of the source, too
    origin: tuple[str, ...] = ()  # how its source names it: schema and table, or the keys of files
    kind: str = "table"  # "view", "file", "schema" for what has no rows, …
    bytes: int | None = None

    @property
    def name(self) -> str:
        """What the data set calls it."""
        return self.schema.name


@dataclass(frozen=True)
class Bookmark:
    """Rows of an interval of a cursor column: `after` < value ≤ `until`, as texts; None is open."""

    column: str
    after: str | None = None
    until: str | None = None


class WarningCounts:
    """What reading left out or changed, counted by kind and column."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str | None, str]] = Counter()

    def add(self, code: str, column: str | None, message: str, count: int = 1) -> None:
        """Count something; the same message each time for the same code."""
        if count:
            self._counts[code, column, message] += count

    @property
    def warnings(self) -> tuple[TableWarning, ...]:
        """What was counted so far."""
        return tuple(
            TableWarning(code, message, count, column) for (code, column, message), count in self._counts.items()
        )


class TableRows(Iterator[pa.RecordBatch]):
    """The rows of one table, read once. All batches have the types of `schema`, which is known before the first.

    After the last batch `finished` is true, and `schema` has the warnings and the number of rows. A read that fails
    raises; nothing that it gave counts then. Close it to stop early.
    """

    def __init__(self, schema: TableSchema, batches: Iterator[pa.RecordBatch], counts: WarningCounts) -> None:
        self._schema = schema
        self._batches = batches
        self._counts = counts
        self.rows = 0
        self.finished = False

    @property
    def schema(self) -> TableSchema:
        """The schema, as complete as it is by now."""
        warnings = (*self._schema.warnings, *self._counts.warnings)
        return replace(self._schema, warnings=warnings, row_count=self.rows if self.finished else None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            batch = next(self._batches)
        except StopIteration:
            self.finished = True
            raise
        self.rows += batch.num_rows
        return batch

    def close(self) -> None:
        """Stop reading. Idempotent."""
        close = getattr(self._batches, "close", None)
        if close is not None:
            close()


class TableSource(Protocol):
    """One opened data source. Complete at construction; constructing one makes no network call.

    `discover` and all `read`s of one opened source see one moment, as far as the source can do that. Not thread-safe.
    """

    kind: ClassVar[str]  # "postgres"
    Config: ClassVar[type[SourceConfig]]

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Connect and tell what works, table by table. Raises SourceRefused when nothing does."""
        ...

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Return the tables that the configuration chooses. Raises SourceRefused for one that is not there."""
        ...

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Return the rows of a table of `discover`: all of them, or an error. `limit` is besides the configured one."""
        ...

    def close(self) -> None:
        """Let go of connections and files. Idempotent."""
        ...


def smaller_limit(*limits: int | None) -> int | None:
    """Return the smallest of some limits, of which None and 0 are none."""
    return min((limit for limit in limits if limit), default=None)
