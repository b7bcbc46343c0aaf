"""An Oracle database as a source of tables, all read in one read-only transaction. Contract-tested only."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pyarrow as pa

from filesync_dagster.core.errors import SourceRefused
from filesync_dagster.core.extras import import_from_extra
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
from filesync_dagster.tables.sources.oracle.catalog import (
    COLUMNS_QUERY,
    KEYS_QUERY,
    TABLES_QUERY,
    describe_tables,
    of_owner,
)
from filesync_dagster.tables.sources.oracle.columns import OracleColumn, column_of
from filesync_dagster.tables.sources.oracle.config import OracleConfig
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.socket_guard import guarded_sockets

CONNECT_SECONDS: Final = 30.0
CALL_SECONDS: Final = 6 * 3600
CODES: Final[Mapping[str, tuple[str, str | None]]] = {
    "ORA-01017": ("auth", "password"), "ORA-28000": ("auth", "username"), "ORA-28001": ("auth", "password"),
    "ORA-01045": ("forbidden", "username"), "ORA-01031": ("forbidden", "username"),
    "ORA-01005": ("auth", "password"),
    "ORA-00942": ("not_found", "tables"), "ORA-12514": ("not_found", "dsn"), "ORA-12505": ("not_found", "dsn"),
    "ORA-12541": ("unreachable", "dsn"), "ORA-12545": ("unreachable", "dsn"), "ORA-12170": ("timeout", "dsn"),
    "ORA-03113": ("broken_off", None), "ORA-03114": ("broken_off", None), "ORA-03136": ("timeout", "dsn"),
    "ORA-01555": ("changed", None), "ORA-12516": ("busy", None), "ORA-12520": ("busy", None),
    "ORA-00018": ("busy", None),
    "DPY-6001": ("not_found", "dsn"), "DPY-6003": ("not_found", "dsn"), "DPY-6005": ("unreachable", "dsn"),
    "DPY-6000": ("unreachable", "dsn"), "DPY-4011": ("broken_off", "dsn"), "DPY-4000": ("bad_config", "dsn"),
    "DPY-4026": ("bad_config", "dsn"), "DPY-4027": ("bad_config", "dsn"), "DPY-3010": ("unsupported", "mode"),
    "DPY-3015": ("unsupported", "mode"), "DPY-6010": ("bad_config", "dsn"),
    "DPI-1047": ("driver_missing", "client_dir"), "DPY-4024": ("timeout", "dsn"),
}  # fmt: skip
"""What the codes of Oracle (ORA), of its driver (DPY) and of its client (DPI) mean."""


class OracleSource:
    """See `TableSource`."""

    kind: ClassVar[str] = "oracle"
    Config: ClassVar[type[OracleConfig]] = OracleConfig

    def __init__(
        self, config: OracleConfig, context: SourceContext, *, connect: Callable[..., Any] | None = None
    ) -> None:
        self._config = config
        self._context = context
        self._connect = connect
        self._what = f"Oracle at {config.dsn}" if config.place else "Oracle"
        self._opened: DriverConnection | None = None
        self._columns: dict[str, list[OracleColumn]] = {}
        guard = context.guard
        if config.place is None:
            guard.require_operator("A TNS alias or a descriptor", "dsn")
        if config.mode == "thick":
            guard.require_operator("The thick driver, which connects by itself,", "mode")
        for field in ("client_dir", "wallet"):
            if getattr(config, field) is not None:
                guard.require_operator("The name of a folder of this machine", field)

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Connect, and ask which tables there are."""
        started = time.monotonic()
        connection = self._open(deadline)
        latency = (time.monotonic() - started) * 1000
        try:
            tables = self._tables(connection, deadline)
            version = str(getattr(connection.driver, "version", ""))
        finally:
            connection.close()
        visible = tuple(VisibleTable(row["table_name"], _whole(row["num_rows"])) for row in tables)
        return SourceReport(f"Oracle {version}".strip(), latency, visible)

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Ask the catalogue. Columns of types that cannot be read are left out, with a warning."""
        connection = self._connection(deadline)
        tables = self._tables(connection, deadline)
        self._columns = self._columns_of(connection, deadline)
        constraints = connection.rows(of_owner(KEYS_QUERY, self._owner), deadline)
        return describe_tables(tables, self._columns, constraints, self._owner, self._context.name)

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
        connection = self._connection(self._context.deadline(CONNECT_SECONDS))
        if not self._columns:
            self._columns = self._columns_of(connection, self._context.deadline(CONNECT_SECONDS))
        owner, name = table.origin
        chosen = [c for c in self._columns.get(name, ()) if c.is_known and (columns is None or c.name in columns)]
        relation = f"{quote_identifier(owner)}.{quote_identifier(name)}"
        chosen = self._with_digits(connection, relation, chosen)
        rows_max = smaller_limit(self._config.limit, limit)
        query = f"SELECT {', '.join(column.expression() for column in chosen)} FROM {relation}{_conditions(since)}"
        order = ", ".join(map(quote_identifier, table.schema.primary_key)) if rows_max else ""
        query += f" ORDER BY {order}" if order else ""
        query += f" FETCH FIRST {rows_max + 1} ROWS ONLY" if rows_max else ""
        counts = WarningCounts()
        target = pa.schema([pa.field(column.name, column.arrow_type(), column.nullable) for column in chosen])

        def store(batch: pa.RecordBatch) -> pa.RecordBatch:
            arrays = [column.store(array, counts) for column, array in zip(chosen, batch.columns, strict=True)]
            return pa.RecordBatch.from_arrays(arrays, schema=target)

        guard = self._context.guard
        stream = connection.stream(
            lambda driver: _fetch(driver, query, batch_rows, guard), self._context.deadline(math.inf)
        )
        schema = table.schema.with_columns([column.table_column(0) for column in chosen])
        return TableRows(
            schema,
            bounded_batches(
                stream, store, rows_max=rows_max, batch_rows=batch_rows, context=self._context, counts=counts
            ),
            counts,
        )

    def close(self) -> None:
        """End the transaction, and the connection."""
        if self._opened is not None:
            opened, self._opened = self._opened, None
            opened.close()

    @property
    def _owner(self) -> str:
        """Whose tables are read: names that are not quoted are in capital letters."""
        name = self._config.db_schema or self._config.username
        return name[1:-1] if name.startswith('"') and name.endswith('"') else name.upper()

    def _connection(self, deadline: SourceDeadline) -> DriverConnection:
        if self._opened is None:
            opened = self._open(deadline)
            try:
                opened.rows("SET TRANSACTION READ ONLY", deadline)
            except BaseException:
                opened.close()
                raise
            self._opened = opened
        return self._opened

    def _open(self, deadline: SourceDeadline) -> DriverConnection:
        connect = self._connect or self._driver()
        given = self._parameters(deadline)

        def make() -> DriverConnection:
            try:
                with guarded_sockets(self._context.guard):
                    driver = connect(**given)
                    driver.call_timeout = CALL_SECONDS * 1000
                    opened = DriverConnection(driver, self._what, self._refusal)
                    cursor = driver.cursor()
                    for setting in ("NLS_NUMERIC_CHARACTERS = '.,'", "TIME_ZONE = 'UTC'"):
                        cursor.execute(f"ALTER SESSION SET {setting}")
                    cursor.close()
                    return opened
            except SourceRefused:
                raise
            except Exception as error:  # noqa: BLE001 - it is told by a fixed table
                raise self._refusal(error) from None

        # The driver's own timeout did not stop a listener that says nothing.
        return within(deadline, make, self._what, release=DriverConnection.close)

    def _driver(self) -> Callable[..., Any]:
        oracledb = import_from_extra("oracledb", "tables", "An Oracle source")
        oracledb.defaults.fetch_lobs = False
        if self._config.mode == "thick":
            try:
                oracledb.init_oracle_client(lib_dir=self._config.client_dir)
            except Exception as error:  # noqa: BLE001 - it is told by a fixed table
                raise refusal("driver_missing", self._what, field="client_dir", cause=error, hint=(
                    "Install Oracle Instant Client, and name its folder in client_dir."
                )) from None  # fmt: skip
        found: Callable[..., Any] = oracledb.connect
        return found

    def _parameters(self, deadline: SourceDeadline) -> dict[str, Any]:
        config, place = self._config, self._config.place
        given: dict[str, Any] = {
            "user": config.username,
            "password": config.password.get_secret_value() if config.password else "",
            "tcp_connect_timeout": max(1.0, deadline.at_most(CONNECT_SECONDS)),
            "wallet_location": config.wallet,
            "program": "filesync",
        }
        if place is None:
            given["dsn"] = config.dsn
        else:
            checked = self._context.guard.check(place.host, place.port, deadline, field="dsn")
            # Over TLS the driver verifies the name that it connects to; what it connects to is watched, too.
            host = checked.host if place.is_encrypted else checked.address
            given |= {"host": host, "port": place.port, "service_name": place.service}
            given["protocol"] = "tcps" if place.is_encrypted else "tcp"
        return {name: value for name, value in given.items() if value is not None}

    def _refusal(self, error: BaseException) -> SourceRefused:
        full = str(getattr(error.args[0], "full_code", "") if error.args else "")
        text = f"{full} {error}"
        code, field = next((meaning for known, meaning in CODES.items() if known in text), ("unknown", None))
        return refusal(code, self._what, field=field, cause=error)

    def _tables(self, connection: DriverConnection, deadline: SourceDeadline) -> list[dict[str, Any]]:
        known = {row["table_name"]: row for row in connection.rows(of_owner(TABLES_QUERY, self._owner), deadline)}
        if not known:
            message = f"{self._what} has no table of {self._owner} that this user can see."
            raise refusal("not_found", self._what, field="schema", message=message)
        return [known[name] for name in chosen_names(self._config.tables, list(known), self._what)]

    def _columns_of(self, connection: DriverConnection, deadline: SourceDeadline) -> dict[str, list[OracleColumn]]:
        found: dict[str, list[OracleColumn]] = defaultdict(list)
        for row in connection.rows(of_owner(COLUMNS_QUERY, self._owner), deadline):
            found[row["table_name"]].append(column_of(row))
        return found

    def _with_digits(
        self, connection: DriverConnection, relation: str, columns: Sequence[OracleColumn]
    ) -> list[OracleColumn]:
        """Return columns whose numbers have a precision: where none was declared, all values are asked."""
        undeclared = [column for column in columns if column.is_undeclared_number]
        if not undeclared:
            return list(columns)
        parts = [
            f"{part} AS {name}{number}"
            for number, column in enumerate(undeclared)
            for name, part in zip(("B", "A"), column.digits_expressions(), strict=True)
        ]
        deadline = self._context.deadline(float(CALL_SECONDS))
        [row] = connection.rows(f"SELECT {', '.join(parts)} FROM {relation}", deadline)
        digits = {
            column.name: (max(int(row[f"b{i}"] or 1), 1), int(row[f"a{i}"] or 0)) for i, column in enumerate(undeclared)
        }
        return [replace(column, digits=digits.get(column.name)) for column in columns]


def _whole(value: Any) -> int | None:
    return None if value is None else int(value)


def _conditions(since: Bookmark | None) -> str:
    if since is None:
        return ""
    column = quote_identifier(since.column)
    pairs = ((">", since.after), ("<=", since.until))
    found = [f"{column} {sign} {literal_text(value)}" for sign, value in pairs if value is not None]
    return f" WHERE {' AND '.join(found)}" if found else ""


def _fetch(driver: Any, query: str, batch_rows: int, guard: Any) -> Iterator[pa.RecordBatch]:
    with guarded_sockets(guard):
        for frame in driver.fetch_df_batches(query, size=batch_rows):
            yield from pa.table(frame).to_batches()
