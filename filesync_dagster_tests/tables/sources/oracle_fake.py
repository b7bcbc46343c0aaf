"""Oracle as far as it can be had here: its driver's DB-API over DuckDB, and a listener that refuses."""

import socket
import struct
import threading
from contextlib import contextmanager, suppress

import duckdb
import sqlglot

CATALOG = """
CREATE TABLE ALL_TABLES (OWNER TEXT, TABLE_NAME TEXT, NUM_ROWS BIGINT, NESTED TEXT, SECONDARY TEXT);
CREATE TABLE ALL_VIEWS (OWNER TEXT, VIEW_NAME TEXT);
CREATE TABLE ALL_TAB_COMMENTS (OWNER TEXT, TABLE_NAME TEXT, COMMENTS TEXT);
CREATE TABLE ALL_TAB_COLUMNS (OWNER TEXT, TABLE_NAME TEXT, COLUMN_NAME TEXT, DATA_TYPE TEXT, DATA_PRECISION INT,
  DATA_SCALE INT, NULLABLE TEXT, COLUMN_ID INT);
CREATE TABLE ALL_COL_COMMENTS (OWNER TEXT, TABLE_NAME TEXT, COLUMN_NAME TEXT, COMMENTS TEXT);
CREATE TABLE ALL_CONSTRAINTS (OWNER TEXT, CONSTRAINT_NAME TEXT, CONSTRAINT_TYPE TEXT, TABLE_NAME TEXT,
  R_CONSTRAINT_NAME TEXT, STATUS TEXT);
CREATE TABLE ALL_CONS_COLUMNS (OWNER TEXT, CONSTRAINT_NAME TEXT, COLUMN_NAME TEXT, POSITION INT);
-- Oracle writes a half as .5, and whole numbers without a point.
CREATE MACRO ORACLE_CHAR(x) AS
  CASE WHEN CAST(x AS TEXT) LIKE '%.%'
       THEN regexp_replace(rtrim(rtrim(CAST(x AS TEXT), '0'), '.'), '^(-?)0\\.', '\\1.') ELSE CAST(x AS TEXT) END;
CREATE MACRO SYS_EXTRACT_UTC(x) AS x AT TIME ZONE 'UTC';
"""


def as_duckdb(sql):
    """Return a statement of Oracle as one of DuckDB. TO_CHAR is no cast: Oracle writes numbers in its own way."""
    [statement] = sqlglot.transpile(sql.replace("TO_CHAR(", "ORACLE_CHAR("), read="oracle", write="duckdb")
    return statement


class OracleFake:
    """A database. Tables are DuckDB's; the catalogue is filled beside them."""

    def __init__(self):
        self.duck = duckdb.connect()
        self.duck.execute(CATALOG)
        self.statements = []
        self.connected_with = {}
        self.version = "19.0.0.0.0"

    def table(self, name, ddl, columns, *rows, key=(), parents=(), comment=None, owner="SHOP"):
        """Add a table: its columns are (name, type, precision, scale), its parents (column, constraint of a key)."""
        self.duck.execute(f"CREATE SCHEMA IF NOT EXISTS {owner}")
        self.duck.execute(f'CREATE TABLE {owner}."{name}" ({ddl})')
        for row in rows:
            self.duck.execute(f'INSERT INTO {owner}."{name}" VALUES ({row})')
        add = self.duck.execute
        add("INSERT INTO ALL_TABLES VALUES (?, ?, ?, 'NO', 'N')", [owner, name, len(rows)])
        add("INSERT INTO ALL_TAB_COMMENTS VALUES (?, ?, ?)", [owner, name, comment])
        for place, (column, kind, precision, scale) in enumerate(columns, 1):
            nullable = "N" if column in key else "Y"
            add("INSERT INTO ALL_TAB_COLUMNS VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [owner, name, column, kind, precision, scale, nullable, place])  # fmt: skip
        self._constraint(owner, f"PK_{name}", "P", name, None, key)
        for column, parent in parents:
            self._constraint(owner, f"FK_{name}_{column}", "R", name, parent, (column,))

    def _constraint(self, owner, constraint, kind, table, parent, columns):
        if columns:
            given = [owner, constraint, kind, table, parent]
            self.duck.execute("INSERT INTO ALL_CONSTRAINTS VALUES (?, ?, ?, ?, ?, 'ENABLED')", given)
        for place, column in enumerate(columns, 1):
            self.duck.execute("INSERT INTO ALL_CONS_COLUMNS VALUES (?, ?, ?, ?)", [owner, constraint, column, place])

    def connect(self, **given):
        """Connect as oracledb does."""
        self.connected_with = given
        return self

    def cursor(self):
        """Return a cursor."""
        return FakeCursor(self)

    def run(self, sql):
        """Run a statement of Oracle's SQL."""
        self.statements.append(sql)
        if sql.startswith(("ALTER SESSION", "SET TRANSACTION")):
            return None
        return self.duck.execute(as_duckdb(sql))

    def fetch_df_batches(self, sql, size):
        """Yield what a query has, in Arrow."""
        self.statements.append(sql)
        yield from self.duck.sql(as_duckdb(sql)).to_arrow_reader(size)

    def close(self):
        """Do nothing: the next connection finds the same tables."""


class FakeCursor:
    """A cursor of the fake."""

    def __init__(self, fake):
        self._fake = fake
        self._rows = None

    @property
    def description(self):
        """What the columns are called: in capital letters, as Oracle has them."""
        return None if self._rows is None else [(column[0].upper(),) for column in self._rows.description]

    def execute(self, sql, parameters=None):
        """Run a statement."""
        self._rows = self._fake.run(sql)

    def fetchall(self):
        """Return all rows."""
        return self._rows.fetchall()

    def close(self):
        """Do nothing."""


def refusal_packet(code):
    """Return the TNS packet with which a listener refuses: `ORA-12514` and others are in its text."""
    text = f"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={code})(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4))))".encode()
    body = struct.pack(">BBH", 34, 0, len(text)) + text
    return struct.pack(">HHBBH", len(body) + 8, 0, 4, 0, 0) + body


def redirect_packet(host, port):
    """Return the TNS packet with which a listener sends a client on."""
    place = f"(ADDRESS=(PROTOCOL=tcp)(HOST={host})(PORT={port}))"
    text = f"{place}\x00(DESCRIPTION={place}(CONNECT_DATA=(SERVICE_NAME=x)))".encode()
    length = struct.pack(">H", len(text))
    data = bytes(2) + text
    redirect = struct.pack(">HHBBH", len(length) + 8, 0, 5, 0, 0) + length
    return redirect + struct.pack(">HHBBH", len(data) + 8, 0, 6, 0, 0) + data


@contextmanager
def tns_listener(answer):
    """Answer each connection of an Oracle client with some bytes, or close it for None; yield the port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    if answer is not None:
                        connection.sendall(answer)
                        with suppress(OSError):
                            connection.settimeout(1)
                            connection.recv(65536)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
