"""Straight into PostgreSQL: a data set in a new schema, in one transaction, its rows by ADBC's COPY."""

import contextlib
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from filesync_dagster.core.errors import Cancelled, SourceRefused, Unexportable
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.core.redaction import note_secret
from filesync_dagster.tables.exports.arrow import Column
from filesync_dagster.tables.exports.blueprint import Blueprint, TableBlueprint, blueprint
from filesync_dagster.tables.exports.dialects import POSTGRES, signed_bits
from filesync_dagster.tables.exports.kinds import ValueKind, kind_of
from filesync_dagster.tables.exports.literals import Literals
from filesync_dagster.tables.exports.order import load_order
from filesync_dagster.tables.exports.rows import as_text, read_rows
from filesync_dagster.tables.exports.sql import create_table, foreign_key, set_sequence
from filesync_dagster.tables.exports.watch import ExportWatch, Progress, StopSignal
from filesync_dagster.tables.model import DataSet, Table

CONNECT_TIMEOUT_SECONDS = 10
STATEMENT_TIMEOUT_SECONDS = 3600
SILENCE_MAX_SECONDS = 60
"""After which a server that confirms nothing that was sent is given up."""

_REASONS = {
    "28": ("auth", "PostgreSQL does not know this user or password.", "password"),
    "3D": ("not_found", "PostgreSQL has no such database.", "database"),
    "42501": ("forbidden", "The user may not do this in PostgreSQL.", "username"),
    "23": ("keys", "The rows do not satisfy a key or a rule.", None),
    "57014": ("timeout", "PostgreSQL took too long.", None),
}
"""What is told of a failure, by the beginning of its SQLSTATE: a driver's own text may quote rows and passwords."""


@dataclass(frozen=True)
class Ingest:
    """What was written into a database: rows by the names that tables have there."""

    schema: str
    rows: dict[str, int]
    warnings: tuple[dict[str, Any], ...]


def to_postgres(
    data_set: DataSet,
    address: str,
    schema: str,
    *,
    constraints: bool = True,
    cancel: StopSignal | None = None,
    progress: Progress | None = None,
    may_commit: Callable[[], bool] | None = None,
) -> Ingest:
    """Write a data set into a schema that is new or empty, with its keys; all of it, or nothing.

    `address`: a URL, or parameters of libpq (`host='…' dbname='…'`), which bring their own deadlines. `may_commit` is
    asked once, when everything is there and nobody sees it yet: False is as if somebody had cancelled. Raises
    Unexportable where something is in the schema, SourceRefused for what the database does not do, KeysBroken,
    Cancelled.
    """
    watch = ExportWatch(cancel, progress)
    dbapi = import_from_extra("adbc_driver_postgresql.dbapi", "tables", "Writing into PostgreSQL")
    plans = blueprint(data_set, load_order(data_set), POSTGRES, watch, constraints=constraints)
    with (
        _errors(dbapi),
        contextlib.closing(dbapi.connect(_bounded(address))) as connection,
        contextlib.closing(connection.cursor()) as cursor,
    ):
        try:
            rows = _write(cursor, data_set, plans, schema, watch)
            watch.check()
            _require_leave(may_commit)
            connection.commit()
        except BaseException:
            with contextlib.suppress(dbapi.Error):
                connection.rollback()
            raise
    return Ingest(schema, rows, tuple(dict(warning) for warning in watch.warnings()))


def _require_leave(may_commit: Callable[[], bool] | None) -> None:
    if may_commit is not None and not may_commit():
        raise Cancelled("The export was cancelled.", code="cancelled")


def _write(cursor: Any, data_set: DataSet, plans: Blueprint, schema: str, watch: ExportWatch) -> dict[str, int]:
    cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT_SECONDS}s'")
    cursor.execute("SET LOCAL lock_timeout = '30s'")
    cursor.execute(
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = $1", (schema,)
    )
    if cursor.fetchone()[0]:
        raise Unexportable(
            f"The schema {schema} has something in it.",
            hint="Name a new one: nothing that is there is written to.",
            code="exists",
            field="schema",
        )
    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {POSTGRES.quote(schema)}")
    cursor.execute(f"SET LOCAL search_path TO {POSTGRES.quote(schema)}")
    for plan in plans.tables:
        cursor.execute(create_table(plan, plans, POSTGRES))
    rows = {plan.source: _ingest(cursor, data_set.table(plan.source), plan, schema, watch) for plan in plans.tables}
    for key in plans.foreign_keys:
        cursor.execute(f"ALTER TABLE {key.child} ADD {foreign_key(key, POSTGRES, deferrable=False)}")
    for plan in plans.tables:
        if plan.sequence is not None:
            cursor.execute(set_sequence(plan))
            cursor.fetchone()
    return rows


def _ingest(cursor: Any, table: Table, plan: TableBlueprint, schema: str, watch: ExportWatch) -> int:
    """Copy rows into a table; by a temporary one, where a type needs PostgreSQL's own reading of text."""
    names = [_unquoted(column.name) for column in plan.columns]
    fields = [pa.field(name, _wire_type(column.type)) for name, column in zip(names, plan.columns, strict=True)]
    literals, rows = Literals(POSTGRES, table.name, watch), 0
    stopped: list[BaseException] = []

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal rows
        try:
            for batch in read_rows(table, watch):
                pieces = zip(plan.columns, batch.columns, fields, strict=True)
                arrays = [
                    _wire(literals, table.name, column.source, values.cast(column.type), field)
                    for column, values, field in pieces
                ]
                rows += batch.num_rows
                yield pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
        except BaseException as error:
            stopped.append(error)  # the driver tells only that its reader failed
            raise

    reader = pa.RecordBatchReader.from_batches(pa.schema(fields), batches())
    casts = [_cast_of(column.type, column.sql_type) for column in plan.columns]
    staged = f"filesync_{secrets.token_hex(8)}"
    try:
        if any(casts):
            cursor.adbc_ingest(staged, reader, mode="create", temporary=True)
            values = ", ".join(f"{POSTGRES.quote(name)}{cast}" for name, cast in zip(names, casts, strict=True))
            columns = ", ".join(column.name for column in plan.columns)
            cursor.execute(f"INSERT INTO {plan.name} ({columns}) SELECT {values} FROM {staged}")
            cursor.execute(f"DROP TABLE {staged}")
        else:
            cursor.adbc_ingest(_unquoted(plan.name), reader, mode="append", db_schema_name=schema)
    except Exception:
        if stopped:
            raise stopped[0] from None
        raise
    return rows


def _unquoted(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"')


def _wire_type(kind: pa.DataType) -> pa.DataType:
    """Return the type in which values of a type are sent: what ADBC copies as it is, else text."""
    found = kind_of(kind)
    if found is ValueKind.INTEGER and (bits := signed_bits(kind)):
        return {8: pa.int16(), 16: pa.int16(), 32: pa.int32(), 64: pa.int64()}[bits]
    known: dict[ValueKind, pa.DataType] = {
        ValueKind.BOOLEAN: pa.bool_(),
        ValueKind.TEXT: pa.string(),
        ValueKind.BINARY: pa.binary(),
        ValueKind.DATE: pa.date32(),
        ValueKind.TIMESTAMP: pa.timestamp("us"),
        ValueKind.MOMENT: pa.timestamp("us", "UTC"),
        ValueKind.TIME: pa.time64("us"),
        ValueKind.FLOAT: kind,
    }
    return known.get(found, pa.string())


def _cast_of(kind: pa.DataType, sql_type: str) -> str:
    """Return what makes a column of what was sent as text; nothing where it was sent as it is."""
    found = kind_of(kind)
    is_text = found in {ValueKind.DECIMAL, ValueKind.DURATION, ValueKind.NOTHING}
    is_wide = found is ValueKind.INTEGER and not signed_bits(kind)
    return f"::{sql_type}" if is_text or is_wide else ""


def _wire(literals: Literals, table: str, column: str, values: Column, field: "pa.Field[Any]") -> Column:
    values = literals.prepare(column, values)
    if field.type == pa.string() and kind_of(values.type) not in {ValueKind.TEXT, ValueKind.NOTHING}:
        return as_text(table, column, values)
    return values.cast(field.type)


def _bounded(address: str) -> str:
    """Return an address with deadlines, which win over what a URL says; its password is told to nobody."""
    if re.match(r"\w+='", address):
        return address
    parts = urlsplit(address)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise Unexportable("This is no address of PostgreSQL.", code="bad_config", field="url")
    note_secret(parts.password)
    options = dict(parse_qsl(parts.query))
    options |= {
        "connect_timeout": str(CONNECT_TIMEOUT_SECONDS),
        "tcp_user_timeout": str(SILENCE_MAX_SECONDS * 1000),
        "keepalives_idle": "20",
        "keepalives_interval": "10",
        "keepalives_count": "3",
    }
    return urlunsplit(parts._replace(query=urlencode(options)))


@contextlib.contextmanager
def _errors(dbapi: Any) -> Iterator[None]:
    try:
        yield
    except dbapi.Error as error:
        state = str(getattr(error, "sqlstate", None) or "")
        if not state and (found := re.search(r"\b([0-9A-Z]{5})\b\)?\s*$", str(error).split("\n", 1)[0])):
            state = found[1]
        for beginning, (code, message, field) in _REASONS.items():
            if state.startswith(beginning):
                raise SourceRefused(message, code=code, field=field) from None
        raise SourceRefused("PostgreSQL could not be reached, or did not take the rows.", code="unreachable") from None
