"""A state as CSV: written, read strictly, and two of them compared. Pure: files and DuckDB, nothing of a replication.

The columns are COLUMNS, with a header, in UTF-8, quoted as RFC 4180 has it, with LF at the ends of lines, sorted by
the bytes of the paths. What is not known is an empty field. This is for machines: no field is altered.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.replication.state_csv_lines import (
    COLUMNS,
    MOMENT,
    SIZE_DIGITS,
    UNKNOWN,
    find_problem,
    read_header,
)
from filesync_dagster.storage.durable import publish
from filesync_dagster.storage.snapshots.engine import Engines, literal, stream

_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("file_path", pa.string()),
    pa.field("permissions", pa.string()),
    pa.field("size", pa.int64()),
    pa.field("file_type", pa.string()),
    pa.field("last_modified", pa.timestamp("us", tz="UTC")),
    pa.field("internal_id", pa.string()),
]
STATE_SCHEMA: Final = pa.schema(_FIELDS)
"""What `write_state` takes."""

MEMORY_LIMIT: Final = "700MB"
THREADS: Final = 2
BATCH_ROWS: Final = 10_000
COMPARED: Final = COLUMNS[1:]

_UTC = "last_modified::TIMESTAMP"
_FRACTION = f"CASE WHEN date_part('microseconds', {_UTC}) % 1000000 = 0 THEN '' ELSE strftime({_UTC}, '.%f') END"
_MOMENT_TEXT = f"strftime({_UTC}, '%Y-%m-%dT%H:%M:%S') || {_FRACTION} || '+00:00'"


class StateChangeKind(StrEnum):
    """What became of a file between two states."""

    CREATE = "create"
    UPDATE = "update"
    PERMISSIONS = "permissions"  # nothing else is different
    MOVE = "move"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class StateChange:
    """A file that is different. `before` and `after` have what is known, as the columns have it, without the path."""

    kind: StateChangeKind
    file_path: str
    new_path: str | None = None  # of a move
    changed: tuple[str, ...] = ()  # columns of `update`, `permissions` and `move`
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)


def write_state(path: Path, batches: Iterable[pa.RecordBatch], temp: Path) -> int:
    """Write rows of STATE_SCHEMA, in any order, under a name that has all of them or none; return how many.

    `temp`: where what does not fit into memory is sorted.
    """
    unfinished = path.with_name(f"{path.name}.part")
    reader = pa.RecordBatchReader.from_batches(STATE_SCHEMA, (_fit(batch) for batch in batches))
    texts = {"file_path": "file_path", "size": "size", "last_modified": _MOMENT_TEXT}
    columns = ", ".join(f"{texts.get(name, f'nullif({name}, $$$$)')} AS {name}" for name in COLUMNS)
    form = "FORMAT csv, HEADER, DELIMITER ',', QUOTE '\"', ESCAPE '\"', NULLSTR ''"
    with _database(temp) as con:
        con.register("state_rows", reader)
        query = f"COPY (SELECT {columns} FROM state_rows ORDER BY file_path) TO {literal(str(unfinished))} ({form})"
        try:
            [(rows,)] = con.execute(query).fetchall()
            publish(unfinished, path)
        finally:
            unfinished.unlink(missing_ok=True)
    return int(rows)


def read_state(path: Path, temp: Path) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a state, of STATE_SCHEMA, by path. Raises ProtocolViolation, with the line that is wrong."""
    with _database(temp) as con:
        _load(con, "state", path)
        for batch in stream(con, f"SELECT {', '.join(COLUMNS)} FROM state ORDER BY file_path", BATCH_ROWS):
            moments = batch["last_modified"].cast(pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
            yield batch.set_column(COLUMNS.index("last_modified"), "last_modified", moments).cast(STATE_SCHEMA)


class StateDiff:
    """Two states, compared. `counts` has how many files became what."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        counted = con.execute("SELECT kind, count(*) FROM changes GROUP BY kind").fetchall()
        self.counts = Counter({StateChangeKind(kind): number for kind, number in counted})

    def changes(self) -> Iterator[StateChange]:
        """Yield what is different, by path; of a move, by the path that it left."""
        found = self._con.execute("SELECT * FROM changes ORDER BY file_path, kind")
        names = [column[0] for column in found.description]
        while rows := found.fetchmany(BATCH_ROWS):
            for row in rows:
                yield _change(dict(zip(names, row, strict=True)))


@contextmanager
def diff_states(old: Path, new: Path, temp: Path, *, moves: bool = True) -> Iterator[StateDiff]:
    """Compare two states. Raises ProtocolViolation for one that cannot be read, with the line.

    `moves`: a file that went and one that came are one that moved when they share the internal id, else when their
    size, time and type are the same, and no other's that went or came.
    """
    with _database(temp) as con:
        _load(con, "old_state", old)
        _load(con, "new_state", new)
        con.execute(f"CREATE TABLE pairs AS {_PAIRS}")
        con.execute("CREATE TABLE moves (old_row BIGINT, new_row BIGINT)")
        if moves:
            con.execute(_moves_by(("internal_id",), "old_internal_id IS NOT NULL"))
            con.execute(_moves_by(("size", "last_modified", "file_type"), _TIMED))
        con.execute(f"CREATE TABLE changes AS {_CHANGES}")
        yield StateDiff(con)


_DIFFERENT = {name: f"o.{name} IS DISTINCT FROM n.{name}" for name in COMPARED}
_BOTH = ", ".join(f"o.{name} AS old_{name}, n.{name} AS new_{name}" for name in COLUMNS)
_SIDES = ", ".join(f"old_{name}, new_{name}" for name in COMPARED)
_PAIRS = (
    f"SELECT row_number() OVER () AS row, {_BOTH} FROM old_state o FULL JOIN new_state n USING (file_path) "
    f"WHERE o.file_path IS NULL OR n.file_path IS NULL OR {' OR '.join(_DIFFERENT.values())}"
)
_TIMED = "old_size IS NOT NULL AND old_last_modified IS NOT NULL"


def _moves_by(columns: tuple[str, ...], condition: str) -> str:
    """Return a statement that notes moves: of files that are not noted yet, with the same values and no other's."""

    def side(this: str, other: str) -> str:
        named = ", ".join(f"{this}_{name} AS {name}" for name in columns)
        free = f"{other}_file_path IS NULL AND row NOT IN (SELECT {this}_row FROM moves)"
        wanted = condition.replace("old_", f"{this}_")
        alone = "GROUP BY ALL HAVING count(*) = 1"
        return f"SELECT any_value(row) AS row, {named} FROM pairs WHERE {free} AND {wanted} {alone}"

    same = " AND ".join(f"gone.{name} IS NOT DISTINCT FROM come.{name}" for name in columns)
    return (
        f"INSERT INTO moves SELECT gone.row, come.row FROM ({side('old', 'new')}) gone "
        f"JOIN ({side('new', 'old')}) come ON {same}"
    )


_LISTED = ", ".join(f"CASE WHEN old_{name} IS DISTINCT FROM new_{name} THEN '{name}' END" for name in COMPARED)
_CHANGED = f"list_filter([{_LISTED}], lambda name: name IS NOT NULL)"
_CHANGES = f"""
WITH moved AS (
  SELECT gone.old_file_path, come.new_file_path,
    {", ".join(f"gone.old_{name}, come.new_{name}" for name in COMPARED)}
  FROM moves JOIN pairs gone ON gone.row = old_row JOIN pairs come ON come.row = new_row
), others AS (
  SELECT * EXCLUDE (row) FROM pairs
  WHERE row NOT IN (SELECT old_row FROM moves) AND row NOT IN (SELECT new_row FROM moves)
), kinds AS (
  SELECT 'move' AS kind, old_file_path AS file_path, new_file_path AS new_path, {_CHANGED} AS changed, {_SIDES}
  FROM moved
  UNION ALL
  SELECT CASE WHEN old_file_path IS NULL THEN 'create' WHEN new_file_path IS NULL THEN 'delete'
      WHEN {_CHANGED} = ['permissions'] THEN 'permissions' ELSE 'update' END,
    coalesce(old_file_path, new_file_path), NULL,
    CASE WHEN old_file_path IS NULL OR new_file_path IS NULL THEN [] ELSE {_CHANGED} END, {_SIDES}
  FROM others
)
SELECT * FROM kinds
"""


def _change(row: Mapping[str, Any]) -> StateChange:
    before, after = _known(row, "old"), _known(row, "new")
    kind = StateChangeKind(row["kind"])
    return StateChange(kind, row["file_path"], row["new_path"], tuple(row["changed"]), before, after)


def _known(row: Mapping[str, Any], side: str) -> dict[str, Any]:
    values = {name: row[f"{side}_{name}"] for name in COMPARED}
    if values["last_modified"] is not None:
        values["last_modified"] = values["last_modified"].replace(tzinfo=UTC)
    return {name: value for name, value in values.items() if value is not None}


@contextmanager
def _database(temp: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with closing(Engines(MEMORY_LIMIT, temp, THREADS)) as engines, engines.lend() as con:
        yield con


def _load(con: duckdb.DuckDBPyConnection, table: str, path: Path) -> None:
    """Read a file into a table. Its moments are those of UTC, without a zone."""
    if problem := read_header(path):
        raise _violation(path, 1, problem)
    try:
        con.execute(_reading(table, path))
        bad = con.execute(f"SELECT count(*) FROM {table} WHERE bad").fetchone()
        twice = con.execute(f"SELECT count(*) - count(DISTINCT file_path) FROM {table}").fetchone()
        wrong = "its rows cannot be read" if bad != (0,) or twice != (0,) else None
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        wrong = f"this is not CSV, or its lines end in two ways ({str(error).split(chr(10), 1)[0]})"
    if wrong is not None:  # DuckDB is quick, and does not tell the line of everything
        raise _violation(path, *(find_problem(path) or (1, wrong)))


def _reading(table: str, path: Path) -> str:
    """Return a statement that reads a file; a row that is `bad` has a value that its column cannot have."""
    known = {name: f"CASE WHEN {name} NOT IN ('', '{UNKNOWN}') THEN {name} END" for name in COMPARED}
    size, moment = known["size"], known["last_modified"]
    number, instant = f"try_cast({size} AS BIGINT)", f"try_cast({moment} AS TIMESTAMPTZ)"
    bad = [
        "coalesce(file_path, '') = ''",
        f"({size} IS NOT NULL AND (NOT regexp_full_match({size}, '{SIZE_DIGITS}') OR {number} IS NULL))",
        f"({moment} IS NOT NULL AND (NOT regexp_full_match({moment}, '{MOMENT}') OR {instant} IS NULL))",
    ]
    values = {**known, "size": number, "last_modified": f"{instant}::TIMESTAMP"}
    columns = ", ".join(f"{values[name]} AS {name}" for name in COMPARED)
    types = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
    options = "auto_detect=false, header=true, strict_mode=true, delim=',', quote='\"', escape='\"', nullstr=''"
    source = f"read_csv({literal(str(path))}, columns={{{types}}}, {options}, max_line_size=16000000)"
    return f"CREATE TABLE {table} AS SELECT file_path, {columns}, {' OR '.join(bad)} AS bad FROM {source}"


def _fit(batch: pa.RecordBatch) -> pa.RecordBatch:
    return batch.select(COLUMNS).cast(STATE_SCHEMA)


def _violation(path: Path, line: int, problem: str) -> ProtocolViolation:
    return ProtocolViolation(
        f"{path.name}:{line}: {problem.rstrip('.')}.", hint=f"The columns are {', '.join(COLUMNS)}."
    )
