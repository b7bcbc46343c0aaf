"""A PostgreSQL database as a source of tables."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pyarrow as pa

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.model import TableColumn
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
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.postgres.catalog import (
    PostgresTable,
    describe_tables,
    find_tables,
    with_columns,
)
from filesync_dagster.tables.sources.postgres.columns import (
    PostgresColumn,
    digits_expression,
    quote_name,
    quote_text,
)
from filesync_dagster.tables.sources.postgres.config import PostgresConfig
from filesync_dagster.tables.sources.postgres.connection import VERSION_MIN, PostgresConnection, connect
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.sql_conditions import require_condition

CONNECT_SECONDS: Final = 30.0
PREPARE_SECONDS: Final = 3600.0
"""What looking for the digits of undeclared numbers may take: it reads the table once more."""


class PostgresSource:
    """See `TableSource`. The first question opens a transaction, and all that follow see the moment of it."""

    kind: ClassVar[str] = "postgres"
    Config: ClassVar[type[PostgresConfig]] = PostgresConfig

    def __init__(self, config: PostgresConfig, context: SourceContext) -> None:
        for table, condition in config.where.items():
            require_condition(condition, "postgres", f"where.{table}")
        self._config = config
        self._context = context
        self._what = f"PostgreSQL at {config.host}"
        self._opened: PostgresConnection | None = None
        self._tables: Mapping[tuple[str, ...], PostgresTable] = {}

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Connect, and ask the catalogue what the role may read."""
        started = time.monotonic()
        connection = connect(self._config, self._context, deadline)
        latency = (time.monotonic() - started) * 1000
        try:
            [facts] = connection.rows(
                "SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int4 AS "
                "number, COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS encrypted",
                deadline,
            )
            self._require_version(facts["number"])
            tables = find_tables(connection, self._config, deadline)
        finally:
            connection.close()
        warnings = () if facts["encrypted"] else ("The connection is not encrypted.",)
        return SourceReport(
            f"PostgreSQL {facts['version'].split(' ')[0]}", latency, tuple(map(self._visible, tables)), warnings
        )

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Ask the catalogue. Tables that the role may not read are left out, unless they were named."""
        connection = self._connection(deadline)
        tables = find_tables(connection, self._config, deadline)
        refused = [table.title(self._config.db_schema) for table in tables if not table.readable]
        if refused and self._config.tables:
            names = ", ".join(refused[:5])
            raise refusal(
                "forbidden",
                self._what,
                field="tables",
                message=f"The role {self._config.username} may not read {names}.",
                hint=f"Run there: GRANT SELECT ON {names} TO {quote_name(self._config.username)};",
            )
        complete = with_columns(connection, [table for table in tables if table.readable], deadline)
        self._tables = {(table.schema, table.name): table for table in complete}
        self._require_known({**self._config.where, **self._config.cursor})
        return describe_tables(connection, complete, self._config, self._context.name, deadline)

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Read by COPY, in the order in which the server has the rows; by the primary key where there is a limit."""
        deadline = self._context.deadline(math.inf)
        connection = self._connection(self._context.deadline(CONNECT_SECONDS))
        known = self._tables.get(table.origin) or self._found_again(connection, table)
        chosen = [column for column in known.columns if columns is None or column.name in columns]
        rows_max = smaller_limit(self._config.limit, limit)
        conditions = self._conditions(known, table.name, since)
        relation = f"{quote_name(known.schema)}.{quote_name(known.name)}{conditions}"
        chosen = self._with_digits(connection, chosen, relation)
        order = ", ".join(map(quote_name, table.schema.primary_key)) if rows_max else ""
        query = f"SELECT {', '.join(column.expression() for column in chosen)} FROM {relation}"
        query += f" ORDER BY {order}" if order else ""
        query += f" LIMIT {rows_max + 1}" if rows_max else ""
        schema = table.schema.with_columns([_described(table, column) for column in chosen])
        counts = WarningCounts()
        batches = self._batches(connection.stream(query, deadline), chosen, rows_max, batch_rows, counts)
        return TableRows(replace(schema, warnings=table.schema.warnings), batches, counts)

    def close(self) -> None:
        """End the transaction, and the connection."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.close()

    def _connection(self, deadline: SourceDeadline) -> PostgresConnection:
        if self._opened is None:
            opened = connect(self._config, self._context, deadline)
            try:
                [facts] = opened.rows("SELECT current_setting('server_version_num')::int4 AS number", deadline)
                self._require_version(facts["number"])
            except BaseException:
                opened.close()
                raise
            self._opened = opened
        return self._opened

    def _require_version(self, number: int) -> None:
        if number < VERSION_MIN:
            raise refusal("unsupported", self._what, message=f"{self._what} is older than version 12.")

    def _require_known(self, by_table: Mapping[str, Any]) -> None:
        titles = {table.title(self._config.db_schema) for table in self._tables.values()}
        for name in by_table:
            if name not in titles:
                field = "where" if name in self._config.where else "cursor"
                raise SourceRefused(
                    f"{field} names the table {name!r}, which is not read.", code="bad_config", field=f"{field}.{name}"
                )

    def _found_again(self, connection: PostgresConnection, table: FoundTable) -> PostgresTable:
        """Return a table that an earlier source discovered, as this transaction sees it."""
        bound = self._context.deadline(CONNECT_SECONDS)
        config = self._config.model_copy(update={"tables": (".".join(map(quote_name, table.origin)),)})
        found = with_columns(connection, find_tables(connection, config, bound), bound)
        self._tables = {**self._tables, table.origin: found[0]}
        return found[0]

    def _conditions(self, known: PostgresTable, name: str, since: Bookmark | None) -> str:
        found = [f"(\n{self._config.where[name]}\n)"] if name in self._config.where else []
        if since is not None:
            column = next((column for column in known.columns if column.name == since.column), None)
            if column is None:
                raise refusal(
                    "not_found", self._what, field=f"cursor.{name}", message=f"{name} has no column {since.column!r}."
                )
            for sign, value in ((">", since.after), ("<=", since.until)):
                if value is not None:
                    found.append(f"{quote_name(since.column)} {sign} {quote_text(value)}::{column.sql_type}")
        return f" WHERE {' AND '.join(found)}" if found else ""

    def _with_digits(
        self, connection: PostgresConnection, columns: Sequence[PostgresColumn], relation: str
    ) -> list[PostgresColumn]:
        """Return columns whose numbers have a precision: where none was declared, all values are asked."""
        undeclared = [column for column in columns if column.is_undeclared_number and column.category != "A"]
        if not undeclared:
            return list(columns)
        parts = [digits_expression(column.name).replace("::int4, ", f"::int4 AS before{i}, ") + f" AS after{i}"
                 for i, column in enumerate(undeclared)]  # fmt: skip
        deadline = self._context.deadline(PREPARE_SECONDS)
        [found] = connection.rows(f"SELECT {', '.join(parts)} FROM {relation}", deadline)
        digits = {
            column.name: (found[f"before{i}"] + found[f"after{i}"], found[f"after{i}"])
            for i, column in enumerate(undeclared)
        }
        return [replace(column, digits=digits.get(column.name)) for column in columns]

    def _batches(
        self,
        stream: Iterator[pa.RecordBatch],
        columns: Sequence[PostgresColumn],
        rows_max: int | None,
        batch_rows: int,
        counts: WarningCounts,
    ) -> Iterator[pa.RecordBatch]:
        schema = pa.schema([pa.field(column.name, column.arrow_type(), column.nullable) for column in columns])
        rows = 0
        for batch in stream:
            if rows_max is not None and rows + batch.num_rows > rows_max:
                counts.add("limited", None, f"Only the first {rows_max:,} rows were read.")
                batch = batch.slice(0, rows_max - rows)  # noqa: PLW2901 - the part that is wanted
            rows += batch.num_rows
            if rows > self._context.limits.rows:
                raise LimitReached(
                    f"{self._what} has a table of more than {self._context.limits.rows:,} rows.",
                    hint="Set a row limit or a condition.",
                    code="limit",
                    field="limit",
                )
            arrays = [column.store(array, counts) for column, array in zip(columns, batch.columns, strict=True)]
            stored = pa.RecordBatch.from_arrays(arrays, schema=schema)
            for start in range(0, stored.num_rows, batch_rows):
                yield stored.slice(start, batch_rows)

    def _visible(self, table: PostgresTable) -> VisibleTable:
        problem = None if table.readable else f"The role {self._config.username} may not SELECT from it."
        return VisibleTable(table.title(self._config.db_schema), table.rows_estimate, table.readable, problem)


def _described(table: FoundTable, column: PostgresColumn) -> TableColumn:
    """Return a column with its final type; values of such a type may be NULL where they were none in the source."""
    return replace(column.table_column(0), nullable=column.nullable)
