"""CSV files as tables: lossless first, types second.

Every field is read as the text that it is, strictly; a record that does not fit is an error, or counted and put
aside where a person asked for that. Then the texts get the types that all of them have. How many records there are is
counted by another program than the one that reads them.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.storage.snapshots.engine import beside, literal
from filesync_dagster.tables.model import Table, TableSchema, TableWarning
from filesync_dagster.tables.reading.column_types import VIOLATION, TypeDecision, find_types
from filesync_dagster.tables.reading.database import open_database
from filesync_dagster.tables.reading.declared_types import declare, explain_violation
from filesync_dagster.tables.reading.dialect import CsvDialect, find_dialect
from filesync_dagster.tables.reading.evidence import identifier
from filesync_dagster.tables.reading.header import column_names
from filesync_dagster.tables.reading.options import Cancellation, ReadLimits, ReadOptions
from filesync_dagster.tables.reading.records import RecordCount, RecordScan
from filesync_dagster.tables.reading.text_file import TextFile, open_text
from filesync_dagster.tables.store import PartsWriter

SAMPLE_ROWS = 20_000
BATCH_ROWS = 50_000
MOST_EXAMPLES = 5
_LEAST_LINE_BYTES = 2 * 1024 * 1024
_NULL_TOKENS = ("", "NULL", "\\N")
QUARANTINED = "quarantined_lines"


def read_csv(  # noqa: PLR0917  # as all readers are called
    path: Path, name: str, options: ReadOptions, folder: Path, limits: ReadLimits, cancellation: Cancellation
) -> list[Table]:
    """Return the table of a CSV file, with its parts in a folder. Raises UnreadableTable or LimitReached."""
    size = path.stat().st_size
    if size > limits.text_bytes:
        raise LimitReached(f"{path.name} has {size:,} bytes, and {limits.text_bytes:,} may be read.", code="too_large")
    scratch = folder / f".{name[:40].replace('/', '_')}.text"
    normal = scratch.with_suffix(".lines")
    try:
        with disk_errors(f"reading {path.name}"):
            text = open_text(path, options.encoding, scratch, cancellation)
            dialect = find_dialect(text.path, text.offset, options)
            if dialect.width > limits.columns:
                raise _too_many_columns(path, dialect.width, limits)
            lines = _normalize(text, dialect, normal, limits, cancellation)
        with open_database(limits, folder) as con:
            return [_CsvTable(con, path, name, options, text, dialect, lines, limits, cancellation).read(folder)]
    finally:
        scratch.unlink(missing_ok=True)
        normal.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Lines:
    """The file that DuckDB reads: its first record is the header, if there is one."""

    path: Path
    count: RecordCount


def _normalize(text: TextFile, dialect: CsvDialect, to: Path, limits: ReadLimits, cancellation: Cancellation) -> _Lines:
    """Return a file without what stands above the table, whose records end with line feeds; count the records."""
    scan = RecordScan(
        text.path,
        dialect.delimiter,
        dialect.quote,
        dialect.width,
        cr_ends=dialect.cr_ends,
        line_bytes=limits.line_bytes,
        null_words=text.has_null_words,
    )
    offset = text.offset + dialect.skip_bytes
    if not offset and not text.has_returns:
        return _Lines(text.path, scan.run(0, cancellation))
    with to.open("wb") as out:
        return _Lines(to, scan.run(offset, cancellation, out))


@dataclass
class _CsvTable:
    """One table on its way from lines to parts."""

    con: duckdb.DuckDBPyConnection
    path: Path
    name: str
    options: ReadOptions
    text: TextFile
    dialect: CsvDialect
    lines: _Lines
    limits: ReadLimits
    cancellation: Cancellation

    def __post_init__(self) -> None:
        written = self.dialect.names or [""] * self.dialect.width
        self.names, self.originals = column_names(written)
        blank = self.lines.count.blank if self.dialect.width > 1 else 0
        self.rows = self.lines.count.records - blank - (self.dialect.names is not None)
        self.is_lenient = self.options.on_bad_line == "quarantine"

    def read(self, folder: Path) -> Table:
        """Return the table, typed, with as many rows as there are records."""
        if self.rows > self.limits.rows:
            raise LimitReached(
                f"{self.path.name} has {self.rows:,} rows, and {self.limits.rows:,} may be read.", code="too_many_rows"
            )
        decisions = self._sample_types()
        for _ in range(2):
            found = self._write(decisions, folder)
            if found is not None:
                return found
            decisions = self._types_of_all()
        raise AssertionError("types of all rows hold in all rows")

    def _relation(self, *, store_rejects: bool = False) -> str:
        """Return the SQL of all rows as texts, strictly read."""
        tokens = _NULL_TOKENS if self.text.has_null_words else _NULL_TOKENS[:1]
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.names)
        longest = max(self.lines.count.longest + 1024, _LEAST_LINE_BYTES)
        lenient = ", store_rejects=true" if store_rejects else ", ignore_errors=true" if self.is_lenient else ""
        return (
            f"read_csv({literal(_exactly(self.lines.path))}, auto_detect=false, columns={{{columns}}},"
            f" header={'true' if self.dialect.names is not None else 'false'}, delim={literal(self.dialect.delimiter)},"
            f" quote={literal(self.dialect.quote)}, escape={literal(self.dialect.quote)}, comment='', new_line='\\n',"
            f" nullstr=[{', '.join(literal(token) for token in tokens)}], allow_quoted_nulls=false, strict_mode=true,"
            f" max_line_size={longest}, compression='none', encoding='utf-8', null_padding=false{lenient})"
        )

    def _sample_types(self) -> tuple[TypeDecision, ...]:
        relation = self._relation()
        with self._csv_errors():
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE sample AS FROM {relation} LIMIT {SAMPLE_ROWS}")
        is_all = self.rows <= SAMPLE_ROWS
        decisions = find_types(self.con, "sample", self.names, is_all=is_all)
        self.con.execute("DROP TABLE sample")
        if all(decision.is_certain for decision in decisions):
            return declare(decisions, self.options.types, ignore_unknown=self.options.ignore_unknown_types)
        return self._types_of_all([decision for decision in decisions if not decision.is_certain], decisions)

    def _types_of_all(
        self, doubtful: Sequence[TypeDecision] = (), decisions: Sequence[TypeDecision] = ()
    ) -> tuple[TypeDecision, ...]:
        """Return the types that all rows have; only the doubtful ones are looked for where others are known."""
        names = [decision.name for decision in doubtful] or list(self.names)
        with self._csv_errors():
            found = {one.name: one for one in find_types(self.con, self._relation(), names, is_all=True)}
        known = {decision.name: decision for decision in decisions}
        decided = [found.get(name) or known[name] for name in self.names]
        return declare(decided, self.options.types, ignore_unknown=self.options.ignore_unknown_types)

    def _write(self, decisions: Sequence[TypeDecision], folder: Path) -> Table | None:
        """Write all rows; return None where a type that a sample suggested does not hold in all of them."""
        values = ", ".join(f"{one.value_sql(number)} AS {identifier(one.name)}" for number, one in enumerate(decisions))
        columns = [one.column(i, self.originals[i]) for i, one in enumerate(decisions)]
        schema = TableSchema(self.name, self.options.source, tuple(columns), read_at=datetime.now(UTC))
        query = f"SELECT {values} FROM {self._relation(store_rejects=self.is_lenient)}"
        target = folder / "parts" / f"{len(list((folder / 'parts').glob('*'))) if (folder / 'parts').exists() else 0}"
        # A connection of its own: one whose query failed half-way is of no use any more.
        with PartsWriter(target, schema.arrow()) as writer, closing(beside(self.con)) as con:
            try:
                with self._csv_errors():
                    for batch in _batches(con, query):
                        self.cancellation.check()
                        writer.write(batch.cast(schema.arrow().remove_metadata()))
            except _TypeViolation as violation:
                column = decisions[violation.column]
                if column.name in self.options.types:
                    wanted = self.options.types[column.name]
                    raise explain_violation(self.con, self._relation(), column, wanted) from None
                return None
            warnings = [*self.text.warnings, *self.dialect.warnings, *_all(decisions), *_counted(self.lines.count)]
            warnings += self._rejected(con)
            left_out = sum(warning.count for warning in warnings if warning.code == QUARANTINED)
            if writer.rows + left_out != self.rows:
                raise UnreadableTable(
                    f"Of {self.rows:,} rows that are in {self.path.name}, {writer.rows + left_out:,} were read.",
                    hint="Say the delimiter and the quote.",
                    code="rows_lost",
                )
            return writer.finish(replace(schema, warnings=tuple(warnings)))

    def _rejected(self, con: duckdb.DuckDBPyConnection) -> list[TableWarning]:
        """Return what was put aside because it did not fit, counted by line."""
        if not self.is_lenient:
            return []
        query = (
            "SELECT line, any_value(csv_line), any_value(error_message) FROM reject_errors GROUP BY line ORDER BY line"
        )
        found = con.execute(query).fetchall()
        if not found:
            return []
        skipped = self.dialect.skip_records
        examples = tuple(f"line {line + skipped}: {str(text)[:180]}" for line, text, _ in found[:MOST_EXAMPLES])
        message = f"{len(found):,} lines of {self.path.name} do not fit and were put aside."
        return [TableWarning(QUARANTINED, message, len(found), examples=examples)]

    @contextmanager
    def _csv_errors(self) -> Iterator[None]:
        """Turn what DuckDB says of rows into our errors."""
        try:
            yield
        except duckdb.OutOfMemoryException as error:
            raise LimitReached(
                f"{self.path.name} needs more memory than may be used.", code="memory", hint="Allow more memory."
            ) from error
        except (duckdb.Error, OSError) as error:  # what it says while rows stream, Arrow raises as OSError
            said = str(error)
            if isinstance(error, OSError) and error.errno is not None:
                raise  # of the disk
            if found := re.search(re.escape(VIOLATION) + r"(\d+)", said):
                raise _TypeViolation(int(found[1])) from None
            raise self._unreadable(said) from error

    def _unreadable(self, said: str) -> UnreadableTable:
        line = re.search(r"CSV Error on Line: (\d+)", said)
        where = f"Line {int(line[1]) + self.dialect.skip_records:,} of {self.path.name}" if line else self.path.name
        columns = re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", said)
        if columns:
            message = f"{where} has {columns[2]} fields where the others have {columns[1]}."
        elif "unterminated quote" in said or "quote" in said.lower():
            message = f"{where} has a quote that is not closed, or not where quotes may be."
        else:
            message = f"{where} cannot be read as CSV."
        return UnreadableTable(
            message,
            hint="Correct it, say another delimiter or quote, or let lines that do not fit be put aside.",
            code="bad_line",
            field="on_bad_line",
        )


class _TypeViolation(Exception):
    """A value is none of its column's type; `column` is the number of that."""

    def __init__(self, column: int) -> None:
        super().__init__(column)
        self.column = column


def _batches(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    yield from con.sql(query).to_arrow_reader(BATCH_ROWS)


def _all(decisions: Sequence[TypeDecision]) -> list[TableWarning]:
    return [warning for decision in decisions for warning in decision.warnings]


def _counted(count: RecordCount) -> list[TableWarning]:
    """Return what DuckDB does without a word."""
    found = []
    if count.overfull:
        message = f"{count.overfull:,} lines have fields too many, which are empty at their end and were left out."
        found.append(TableWarning("trailing_delimiters", message, count.overfull))
    if count.null_words:
        message = f"{count.null_words:,} fields that say NULL or \\N, without quotes, were read as nothing."
        found.append(TableWarning("null_tokens", message, count.null_words))
    return found


def _exactly(path: Path) -> str:
    """Return a path as DuckDB takes it for itself and no pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))


def _too_many_columns(path: Path, width: int, limits: ReadLimits) -> LimitReached:
    return LimitReached(
        f"{path.name} has {width:,} columns, and {limits.columns:,} may be read.", code="too_many_columns"
    )
