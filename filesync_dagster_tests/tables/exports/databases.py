"""Databases that scripts are loaded into: PostgreSQL, SQLite and DuckDB, the real ones."""

import sqlite3
from contextlib import closing

import duckdb
import psycopg2


def load_postgres(url, script):
    """Run a script in PostgreSQL, as one statement after the other, and return a connection."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("SET timezone TO 'UTC'")
        cursor.execute(script)
    return connection


def load_sqlite(script):
    """Run a script in SQLite and return a connection."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(script)
    return connection


def load_duckdb(script):
    """Run a script in DuckDB and return a connection."""
    connection = duckdb.connect()
    connection.execute("SET timezone = 'UTC'")
    connection.execute(script)
    return connection


def fetch(connection, query):
    """Return the rows of a query, as tuples."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(query)
        return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]
