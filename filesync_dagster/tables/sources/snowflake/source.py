"""A Snowflake database as a source of tables. Its keys are declared and not enforced: they are verified when read."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pyarrow as pa

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.model import Origin, TableRelation, TableSchema, TableWarning
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    Bookmark,
    FoundTable,
    SourceContext,
    SourceReport,
    TableRows,
    VisibleTable,
    WarningCounts,
    smaller_limit,
)
from filesync_dagster.tables.sources.database import (
    DriverConnection,
    bounded_batches,
    chosen_names,
    literal_text,
    quote_identifier,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline, within
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.snowflake.columns import INT64_MAX, SnowflakeColumn, column_of
from filesync_dagster.tables.sources.snowflake.config import SnowflakeConfig

HTTPS_PORT: Final = 443
CONNECT_SECONDS: Final = 60.0
QUERY_SECONDS: Final = 6 * 3600
CODES: Final[Mapping[int, tuple[str, str | None]]] = {
    250001: ("auth", "password"),
    390100: ("auth", "password"),
    390144: ("auth", "private_key"),
    390189: ("auth", "role"),
    390201: ("not_found", "database"),
    250003: ("unreachable", "account"),
    290404: ("unreachable", "account"),
    251007: ("auth", "username"),
    2003: ("not_found", "tables"),
    2043: ("not_found", "database"),
    3001: ("forbidden", "role"),
    606: ("not_found", "warehouse"),
    604: ("timeout", None),
}
"""What the numbers of Snowflake's errors mean."""


class SnowflakeSource:
    """See `TableSource`. Each table is read at the moment of its own query."""

    kind: ClassVar[str] = "snowflake"
    Config: ClassVar[type[SnowflakeConfig]] = SnowflakeConfig

    def __init__(
        self, config: SnowflakeConfig, context: SourceContext, *, connect: Callable[..., Any] | None = None
    ) -> None:
        self._config = config
        self._context = context
        self._connect = connect
        self._what = f"Snowflake's account {config.account}"
        self._opened: DriverConnection | None = None
        self._columns: dict[str, list[SnowflakeColumn]] = {}

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Connect, and ask which tables there are."""
        started = time.monotonic()
        connection = self._open(deadline)
        latency = (time.monotonic() - started) * 1000
        try:
            [facts] = connection.rows("SELECT CURRENT_VERSION() AS VERSION", deadline)
            tables = self._tables(connection, deadline)
        finally:
            connection.close()
        visible = tuple(VisibleTable(row["table_name"], row["row_count"]) for row in tables)
        return SourceReport(f"Snowflake {next(iter(facts.values()))}", latency, visible)

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Ask the information schema, and for the keys that were declared."""
        connection = self._connection(deadline)
        tables = self._tables(connection, deadline)
        self._columns = self._columns_of(connection, deadline)
        where = f"IN SCHEMA {quote_identifier(self._config.database)}.{quote_identifier(self._config.db_schema)}"
        keys = keys_of(connection.rows(f"SHOW PRIMARY KEYS {where}", deadline))
        relations = relations_of(connection.rows(f"SHOW IMPORTED KEYS {where}", deadline))
        names = {row["table_name"] for row in tables}
        return tuple(
            self._described(row, keys.get(row["table_name"], ()), [
                found for found in relations if found.child == row["table_name"] and found.parent in names
            ])
            for row in tables
        )  # fmt: skip

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Read the result of one query, in Arrow."""
        deadline = self._context.deadline(math.inf)
        connection = self._connection(self._context.deadline(CONNECT_SECONDS))
        if not self._columns:
            self._columns = self._columns_of(connection, self._context.deadline(CONNECT_SECONDS))
        chosen = [one for one in self._columns.get(table.origin[-1], ()) if columns is None or one.name in columns]
        relation = ".".join(map(quote_identifier, (self._config.database, *table.origin)))
        chosen, warnings = self._verified(connection, relation, chosen, table.schema)
        rows_max = smaller_limit(self._config.limit, limit)
        conditions = _conditions(since)
        order = ", ".join(map(quote_identifier, table.schema.primary_key)) if rows_max else ""
        query = f"SELECT {', '.join(column.expression() for column in chosen)} FROM {relation}{conditions}"
        query += f" ORDER BY {order}" if order else ""
        query += f" LIMIT {rows_max + 1}" if rows_max else ""
        schema = table.schema.with_columns([column.table_column(0) for column in chosen])
        if warnings:
            schema = replace(schema, primary_key=(), primary_key_origin=None, warnings=(*schema.warnings, *warnings))
        counts = WarningCounts()
        stream = connection.stream(lambda driver: _fetch(driver, query), deadline)
        target = pa.schema([pa.field(column.name, column.arrow_type(), column.nullable) for column in chosen])

        def store(batch: pa.RecordBatch) -> pa.RecordBatch:
            arrays = [column.store(array) for column, array in zip(chosen, batch.columns, strict=True)]
            return pa.RecordBatch.from_arrays(arrays, schema=target)

        return TableRows(
            schema,
            bounded_batches(
                stream, store, rows_max=rows_max, batch_rows=batch_rows, context=self._context, counts=counts
            ),
            counts,
        )

    def close(self) -> None:
        """Close the session."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.close()

    def _connection(self, deadline: SourceDeadline) -> DriverConnection:
        if self._opened is None:
            self._opened = self._open(deadline)
        return self._opened

    def _open(self, deadline: SourceDeadline) -> DriverConnection:
        """Return a session. The domain is Snowflake's own, so that its name leads nowhere else."""
        connect = self._connect
        if connect is None:
            connect = import_from_extra("snowflake.connector", "snowflake", "A Snowflake source").connect
            host = f"{self._config.account}.snowflakecomputing.com"
            self._context.guard.check(host, HTTPS_PORT, deadline, field="account")
        given = self._parameters(deadline)

        def make() -> DriverConnection:
            try:
                return DriverConnection(connect(**given), self._what, self._refusal)
            except SourceRefused:
                raise
            except Exception as error:  # noqa: BLE001 - it is told by a fixed table
                raise self._refusal(error) from None

        return within(deadline, make, self._what, release=DriverConnection.close)

    def _parameters(self, deadline: SourceDeadline) -> dict[str, Any]:
        config = self._config
        seconds = max(1, math.ceil(deadline.at_most(CONNECT_SECONDS)))
        given: dict[str, Any] = {
            "account": config.account,
            "user": config.username,
            "warehouse": config.warehouse,
            "database": config.database,
            "schema": config.db_schema,
            "role": config.role,
            "login_timeout": seconds,
            "socket_timeout": int(CONNECT_SECONDS * 5),
            "application": "filesync",
            "client_session_keep_alive": False,
            "session_parameters": {
                "QUERY_TAG": "filesync",
                "TIMEZONE": "UTC",
                "STATEMENT_TIMEOUT_IN_SECONDS": QUERY_SECONDS,
                "CLIENT_TELEMETRY_ENABLED": False,
            },
        }
        if config.password is not None:
            given["password"] = config.password.get_secret_value()
        elif config.private_key is not None:
            given["private_key"] = self._key()
            given["authenticator"] = "SNOWFLAKE_JWT"
        return {name: value for name, value in given.items() if value is not None}

    def _key(self) -> bytes:
        from cryptography.hazmat.primitives import serialization

        config = self._config
        assert config.private_key is not None
        passphrase = config.passphrase.get_secret_value().encode() if config.passphrase else None
        try:
            key = serialization.load_pem_private_key(config.private_key.get_secret_value().encode(), passphrase)
        except (ValueError, TypeError):
            message = "The private key cannot be read: it is no PEM, or the passphrase is another one."
            raise refusal("bad_config", self._what, field="private_key", message=message) from None
        return key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def _refusal(self, error: BaseException) -> SourceRefused:
        code, field = CODES.get(getattr(error, "errno", None) or 0, ("unknown", None))
        if code == "unknown":
            words = f"{type(error).__name__} {error}".lower()
            if "timeout" in words or "timed out" in words:
                code, field = "timeout", "account"
            elif "certificate" in words or "ssl" in words:
                code, field = "tls", "account"
            elif "connection" in words or "resolve" in words:
                code, field = "unreachable", "account"
        return refusal(code, self._what, field=field, cause=error)

    def _tables(self, connection: DriverConnection, deadline: SourceDeadline) -> list[dict[str, Any]]:
        query = (
            "SELECT TABLE_NAME, TABLE_TYPE, ROW_COUNT, COMMENT "
            f"FROM {quote_identifier(self._config.database)}.INFORMATION_SCHEMA.TABLES "
            f"WHERE TABLE_SCHEMA = {literal_text(self._config.db_schema)} ORDER BY TABLE_NAME"
        )
        known = {row["table_name"]: row for row in connection.rows(query, deadline)}
        if not known:
            message = f"{self._what} has no table in the schema {self._config.db_schema} that this role can see."
            raise refusal("not_found", self._what, field="schema", message=message)
        return [known[name] for name in chosen_names(self._config.tables, list(known), self._what)]

    def _columns_of(self, connection: DriverConnection, deadline: SourceDeadline) -> dict[str, list[SnowflakeColumn]]:
        query = (
            "SELECT TABLE_NAME, COLUMN_NAME, IS_NULLABLE, DATA_TYPE, NUMERIC_PRECISION, NUMERIC_SCALE, COMMENT "
            f"FROM {quote_identifier(self._config.database)}.INFORMATION_SCHEMA.COLUMNS "
            f"WHERE TABLE_SCHEMA = {literal_text(self._config.db_schema)} ORDER BY TABLE_NAME, ORDINAL_POSITION"
        )
        found: dict[str, list[SnowflakeColumn]] = defaultdict(list)
        for row in connection.rows(query, deadline):
            found[row["table_name"]].append(column_of(row))
        return found

    def _described(self, row: Mapping[str, Any], key: tuple[str, ...], relations: list[TableRelation]) -> FoundTable:
        columns = self._columns.get(row["table_name"], [])
        schema = TableSchema(
            row["table_name"],
            self._context.name,
            tuple(column.table_column(position) for position, column in enumerate(columns)),
            key,
            Origin.DECLARED if key else None,
            description=row["comment"] or None,
        )
        kind = "view" if "VIEW" in str(row["table_type"]) else "table"
        origin = (self._config.db_schema, row["table_name"])
        return FoundTable(schema, row["row_count"], tuple(relations), origin, kind)

    def _verified(
        self, connection: DriverConnection, relation: str, columns: list[SnowflakeColumn], schema: TableSchema
    ) -> tuple[list[SnowflakeColumn], tuple[TableWarning, ...]]:
        """Return columns with what their values need, and a warning when the declared key is none."""
        ranges = [column for column in columns if column.needs_range]
        key = [quote_identifier(name) for name in schema.primary_key]
        parts = [f"MIN({quote_identifier(c.name)}), MAX({quote_identifier(c.name)})" for c in ranges]
        if key:
            known = " AND ".join(f"{name} IS NOT NULL" for name in key)
            distinct = f"SELECT DISTINCT {', '.join(key)} FROM {relation} WHERE {known}"
            parts += ["COUNT(*)", f"(SELECT COUNT(*) FROM ({distinct}))"]
        if not parts:
            return columns, ()
        # Names repeat, so the row is read by its places.
        query = f"SELECT {', '.join(f'{part}' for part in parts)} FROM {relation}"
        values = self._only_row(connection, query)
        narrow = {
            column.name
            for number, column in enumerate(ranges)
            if all(abs(int(value or 0)) <= INT64_MAX for value in values[2 * number : 2 * number + 2])
        }
        found = [replace(column, is_narrow=column.name in narrow) for column in columns]
        if not key or values[-2] == values[-1]:
            return found, ()
        rows = int(values[-2]) - int(values[-1])
        message = "The declared primary key, which Snowflake does not enforce, repeats or is NULL: it is not used."
        return found, (TableWarning("key_not_unique", message, rows),)

    def _only_row(self, connection: DriverConnection, query: str) -> list[Any]:
        deadline = self._context.deadline(float(QUERY_SECONDS))

        def ask() -> list[Any]:
            cursor = connection.driver.cursor()
            try:
                return list(cursor.execute(query).fetchone())
            finally:
                cursor.close()

        return connection.call(ask, deadline)


def keys_of(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    """Return the primary keys that SHOW PRIMARY KEYS tells, by table."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for row in rows:
        found[row["table_name"]][int(row["key_sequence"])] = row["column_name"]
    return {table: tuple(columns[number] for number in sorted(columns)) for table, columns in found.items()}


def relations_of(rows: Sequence[Mapping[str, Any]]) -> list[TableRelation]:
    """Return the foreign keys that SHOW IMPORTED KEYS tells."""
    found: dict[tuple[str, str, str], dict[int, tuple[str, str]]] = defaultdict(dict)
    for row in rows:
        if row["pk_table_name"]:
            pair = (row["fk_column_name"], row["pk_column_name"])
            found[row["fk_name"], row["fk_table_name"], row["pk_table_name"]][int(row["key_sequence"])] = pair
    return [
        TableRelation(
            child,
            tuple(pairs[number][0] for number in sorted(pairs)),
            parent,
            tuple(pairs[number][1] for number in sorted(pairs)),
        )
        for (_, child, parent), pairs in found.items()
    ]


def _conditions(since: Bookmark | None) -> str:
    if since is None:
        return ""
    column = quote_identifier(since.column)
    pairs = ((">", since.after), ("<=", since.until))
    found = [f"{column} {sign} {literal_text(value)}" for sign, value in pairs if value is not None]
    return f" WHERE {' AND '.join(found)}" if found else ""


def _fetch(driver: Any, query: str) -> Iterator[pa.RecordBatch]:
    cursor = driver.cursor()
    try:
        cursor.execute(query)
        for table in cursor.fetch_arrow_batches(force_microsecond_precision=True):
            yield from table.to_batches()
    finally:
        cursor.close()
