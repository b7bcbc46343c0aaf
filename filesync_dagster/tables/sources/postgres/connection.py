"""A connection to PostgreSQL: to a checked address, read only, at one moment, with refusals told by fixed sentences."""

import math
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import pyarrow as pa

from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.sources.base import STALL_SECONDS, SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline, fetch_ahead, within
from filesync_dagster.tables.sources.postgres.config import PostgresConfig
from filesync_dagster.tables.sources.refusals import refusal

Result = TypeVar("Result")

BATCH_BYTES: Final = 4 << 20
"""About what one batch of rows has in memory."""

STATEMENT_SECONDS: Final = 6 * 3600
"""What one statement may take at the server; a read of a very large table is one statement."""

LOCK_SECONDS: Final = 15
VERSION_MIN: Final = 120_000  # the first that lists the partitions of a table
PEM: Final = "-----BEGIN "
NOWHERE: Final = "/dev/null/none"
"""The name of no file, in place of one that libpq would look for in the home of this process."""

CONNECT_PATTERNS: Final[tuple[tuple[str, str, str | None], ...]] = (
    ("password authentication failed|no password supplied|fe_sendauth|SASL|SCRAM", "auth", "password"),
    (r"role .* does not exist|role .* is not permitted", "auth", "username"),
    (r"database .* does not exist", "not_found", "database"),
    ("no pg_hba.conf entry|permission denied for database", "forbidden", "username"),
    ("timeout expired|timed out", "timeout", "host"),
    ("could not translate host name|could not parse", "unreachable", "host"),
    ("certificate|SSL|TLS", "tls", "sslmode"),
    ("too many (clients|connections)|remaining connection slots|starting up|shutting down|recovery", "busy", None),
    ("Connection refused|No route|unreachable|reset by peer|closed the connection|No such file", "unreachable", "host"),
)
"""What libpq says when it does not connect, for which there is no code of its own."""

SETTINGS: Final[Mapping[str, str]] = {
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS}s",
    "standard_conforming_strings": "on",
    "datestyle": "ISO, YMD",
    "intervalstyle": "iso_8601",
    "timezone": "UTC",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "search_path": "pg_catalog",
}
"""Of the transaction: bounds, and how values are written."""

STATES: Final[Mapping[str, tuple[str, str | None]]] = {
    "28": ("auth", "password"),
    "3D": ("not_found", "database"),
    "3F": ("not_found", "schema"),
    "42P01": ("not_found", "tables"),
    "42703": ("not_found", "tables"),
    "42501": ("forbidden", "username"),
    "55P03": ("busy", None),
    "57014": ("timeout", None),
    "57P": ("broken_off", None),
    "53": ("busy", None),
    "08": ("broken_off", None),
    "40": ("busy", None),
    "25006": ("unsupported", "tables"),
}
"""What an SQLSTATE means, by its beginning: the longest counts."""


class PostgresConnection:
    """One connection and its transaction. Not thread-safe."""

    def __init__(self, dbapi: Any, what: str) -> None:
        self._dbapi = dbapi
        self._cursor = dbapi.cursor()
        self.what = what

    def rows(self, sql: str, deadline: SourceDeadline) -> list[dict[str, Any]]:
        """Return the few rows of a question to the catalogue."""

        def ask() -> list[dict[str, Any]]:
            with translated_errors(self.what):
                self._cursor.execute(sql)
                found: list[dict[str, Any]] = self._cursor.fetch_arrow_table().to_pylist()
                return found

        return self._answer(ask, deadline)

    def run(self, sql: str, deadline: SourceDeadline) -> None:
        """Run a statement that has no rows."""

        def ask() -> None:
            with translated_errors(self.what):
                self._cursor.execute(sql)

        self._answer(ask, deadline)

    def stream(self, sql: str, deadline: SourceDeadline) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query as they come. Raises SourceRefused, also when they stop coming."""

        def fetch() -> Iterator[pa.RecordBatch]:
            with translated_errors(self.what, reading=True), self._dbapi.cursor() as cursor:
                cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
                cursor.execute(sql)
                yield from cursor.fetch_record_batch()

        try:
            yield from fetch_ahead(fetch, self.what, deadline, STALL_SECONDS)
        except GeneratorExit:
            self._cancel()
            raise

    def close(self) -> None:
        """Let go of the connection, whatever state it is in."""
        bound = SourceDeadline(2.0)
        with suppress(Exception):  # the server forgets a connection that it does not hear of
            within(bound, self._close, self.what)

    def _close(self) -> None:
        with suppress(Exception):
            self._cursor.close()
        self._dbapi.close()

    def _answer(self, ask: Callable[[], Result], deadline: SourceDeadline) -> Result:
        try:
            return within(deadline, ask, self.what)
        except BaseException:
            self._cancel()
            raise

    def _cancel(self) -> None:
        with suppress(Exception):
            within(SourceDeadline(1.0), self._dbapi.adbc_cancel, self.what)


def connect(config: PostgresConfig, context: SourceContext, deadline: SourceDeadline) -> PostgresConnection:
    """Return a connection whose transaction is read only and sees one moment. Raises SourceRefused, MissingExtra."""
    driver = import_from_extra("adbc_driver_postgresql.dbapi", "tables", "A PostgreSQL source")
    what = f"PostgreSQL at {config.host}"
    dsn = connection_text(config, context, deadline)

    def make() -> PostgresConnection:
        with translated_errors(what, connecting=True):
            return PostgresConnection(driver.connect(dsn), what)

    connection = within(deadline, make, what, release=PostgresConnection.close)
    try:
        _begin(connection, deadline)
    except BaseException:
        connection.close()
        raise
    return connection


def _begin(connection: PostgresConnection, deadline: SourceDeadline) -> None:
    connection.run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", deadline)
    settings = ", ".join(f"set_config('{name}', '{value}', true)" for name, value in SETTINGS.items())
    connection.rows(f"SELECT {settings}", deadline)


def connection_text(config: PostgresConfig, context: SourceContext, deadline: SourceDeadline) -> str:
    """Return what libpq connects with: every parameter that it would take from the machine is given here."""
    place = _place(config, context, deadline)
    given = {
        **place,
        "port": str(config.port),
        "dbname": config.database,
        "user": config.username,
        "password": config.password.get_secret_value() if config.password else "",
        "sslmode": config.sslmode,
        "sslrootcert": _authorities(config, context),
        "sslcertmode": "disable",  # no certificate of this machine's owner
        "gssencmode": "disable",
        "passfile": NOWHERE,
        "options": "",
        "connect_timeout": str(max(2, math.ceil(deadline.at_most(60.0)))),
        "application_name": "filesync",
        "keepalives_idle": "30",
        "keepalives_interval": "10",
        "keepalives_count": "3",
        "tcp_user_timeout": "60000",
        "target_session_attrs": "any",
        "client_encoding": "UTF8",
    }
    return " ".join(f"{name}={_quoted(value)}" for name, value in given.items())


def _place(config: PostgresConfig, context: SourceContext, deadline: SourceDeadline) -> dict[str, str]:
    if config.host.startswith(("/", "@")):
        context.guard.require_operator("A socket of this machine", "host")
        return {"host": config.host}
    checked = context.guard.check(config.host, config.port, deadline)
    # libpq verifies certificates for the name, and connects to the address.
    addresses = checked.addresses[:4]
    return {"host": ",".join([checked.host] * len(addresses)), "hostaddr": ",".join(addresses)}


def _authorities(config: PostgresConfig, context: SourceContext) -> str:
    """Return the file of certificates to trust; one that is not there where none is wanted."""
    text = config.sslrootcert
    if text is not None and not text.lstrip().startswith(PEM):
        context.guard.require_operator("The name of a file of certificates", "sslrootcert")
        return text
    if text is not None:
        if context.folder is None:
            raise refusal("bad_config", "PostgreSQL", field="sslrootcert")
        path = context.folder / "postgres-authorities.pem"
        path.write_text(text, encoding="ascii", errors="replace")
        return str(path)
    if config.sslmode == "verify-full":
        import certifi

        trusted = ssl.get_default_verify_paths().cafile
        return trusted if trusted and Path(trusted).exists() else certifi.where()
    return NOWHERE


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@contextmanager
def translated_errors(what: str, *, connecting: bool = False, reading: bool = False) -> Iterator[None]:
    """Turn what the driver raises into refusals: by its SQLSTATE, or by what libpq says when it does not connect."""
    from adbc_driver_manager import Error

    try:
        yield
    except Error as error:
        code, field = _meaning(error, connecting=connecting, reading=reading)
        raise refusal(code, what, field=field, cause=error) from None
    except (pa.ArrowInvalid, OSError) as error:  # how Arrow tells what its stream could not bring
        state = re.search(r"SQLSTATE: (\w{5})", str(error))
        code, field = _by_state(state[1]) if state else ("broken_off", None)
        raise refusal(code, what, field=field, cause=error) from None


def _meaning(error: Any, *, connecting: bool, reading: bool) -> tuple[str, str | None]:
    state = error.sqlstate
    if state:
        return _by_state(state)
    text = str(error)
    if connecting:
        for pattern, code, field in CONNECT_PATTERNS:
            if re.search(pattern, text):
                return code, field
        return "unreachable", "host"
    return ("broken_off" if reading or "connection" in text or "server closed" in text else "unknown"), None


def _by_state(state: str) -> tuple[str, str | None]:
    fitting = [beginning for beginning in STATES if state.startswith(beginning)]
    return STATES[max(fitting, key=len)] if fitting else ("unknown", None)
