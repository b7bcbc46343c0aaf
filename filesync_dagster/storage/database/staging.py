"""Bulk rows on their way into the database: into tables beside ours first, from there set by set.

PostgreSQL: COPY into temporary tables of the same transaction. SQLite: ADBC into a file of its own, closed and then
attached; two copies of the SQLite library (Python's and ADBC's) must never have one file open in one process, since
its POSIX locks vanish as soon as either closes it.
"""

import io
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path

import pyarrow as pa
from pyarrow import csv
from sqlalchemy import Connection

from filesync_dagster.storage.database.arrow_rows import Staged
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.errors import translate_errors
from filesync_dagster.storage.database.processes import Process

_SLICE = 65_536  # rows written at once, whatever the size of a batch

_POSTGRESQL_TYPES = {
    "size": "bigint",
    "trashed": "bigint",
    "position": "bigint",
    "date_created": "timestamptz",
    "date_updated": "timestamptz",
    "file_metadata": "json",
    "before": "json",
    "after": "json",
}


@contextmanager
def stage_rows(database: Database, batches: Iterable[Staged]) -> Iterator[tuple[Connection, frozenset[str]]]:
    """Write the batches beside, then open the transaction that can read them.

    Yields its connection and the names of the tables that have rows. Nothing of ours is locked while the batches
    are read; the transaction commits at the end, and the tables are gone then.
    """
    filled = (item for item in batches if item[1].num_rows)
    first = next(filled, None)
    if first is None:
        with database.write_transaction() as connection:
            yield connection, frozenset()
        return
    stage = _beside_sqlite if database.is_sqlite else _inside_postgresql
    with stage(database, chain((first,), filled)) as result:
        yield result


@contextmanager
def _inside_postgresql(database: Database, batches: Iterator[Staged]) -> Iterator[tuple[Connection, frozenset[str]]]:
    with database.write_transaction() as connection:
        # What a sync touches is found by its key, most of it in memory.
        connection.exec_driver_sql("SET LOCAL random_page_cost = 1.1")
        names = _write(_copier(connection), batches)
        for name in names:
            connection.exec_driver_sql(f"ANALYZE {name}")
        yield connection, names


def _copier(connection: Connection) -> Callable[[str, pa.RecordBatch, bool], None]:
    def copy(name: str, batch: pa.RecordBatch, is_first: bool) -> None:
        columns = [f'"{column}"' for column in batch.schema.names]
        if is_first:
            types = [_POSTGRESQL_TYPES.get(column, 'text COLLATE "C"') for column in batch.schema.names]
            definition = ", ".join(map(" ".join, zip(columns, types, strict=True)))
            connection.exec_driver_sql(f"CREATE TEMPORARY TABLE {name} ({definition}) ON COMMIT DROP")
        text = io.BytesIO()
        csv.write_csv(batch, text, csv.WriteOptions(include_header=False))
        text.seek(0)
        with closing(connection.connection.cursor()) as cursor:
            cursor.copy_expert(f"COPY {name} ({', '.join(columns)}) FROM STDIN (FORMAT csv)", text)

    return copy


@contextmanager
def _beside_sqlite(database: Database, batches: Iterator[Staged]) -> Iterator[tuple[Connection, frozenset[str]]]:
    sweep(database.folder)
    path = database.folder / _file_name()
    try:
        with translate_errors(database.where):
            names = _ingest(path, batches)
        with database.write_transaction(attached=path) as connection:
            yield connection, names
    finally:
        path.unlink(missing_ok=True)


def _ingest(path: Path, batches: Iterator[Staged]) -> frozenset[str]:
    import adbc_driver_sqlite.dbapi  # half a second, which a command that only reads need not spend

    with adbc_driver_sqlite.dbapi.connect(str(path), autocommit=True) as connection, connection.cursor() as cursor:
        for pragma in ("page_size = 32768", "journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE"):
            cursor.execute(f"PRAGMA {pragma}")

        def ingest(name: str, batch: pa.RecordBatch, is_first: bool) -> None:
            cursor.adbc_ingest(name, _without_moments(batch), mode="create" if is_first else "append")

        return _write(ingest, batches)


def _write(write: Callable[[str, pa.RecordBatch, bool], None], batches: Iterator[Staged]) -> frozenset[str]:
    names: set[str] = set()
    for name, batch in batches:
        for start in range(0, batch.num_rows, _SLICE):
            write(name, batch.slice(start, _SLICE), name not in names)
            names.add(name)
    return frozenset(names)


def _without_moments(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Moments as the text that column_types.UtcDateTime stores."""
    return pa.record_batch(
        {
            field.name: column.cast(pa.timestamp("us")).cast(pa.string())
            if pa.types.is_timestamp(field.type)
            else column
            for field, column in zip(batch.schema, batch.columns, strict=True)
        },
    )


def _file_name() -> str:
    me = Process.current()
    return f"incoming-{_word(me.boot)}-{me.pid}-{me.started}-{secrets.token_hex(4)}.sqlite"


def _word(boot: str) -> str:
    return "".join(letter for letter in boot if letter.isalnum())


def sweep(folder: Path) -> None:
    """Remove the staging files of processes that died."""
    me = Process.current()
    for path in folder.glob(f"incoming-{_word(me.boot)}-*-*-*.sqlite"):
        pid, started = path.stem.split("-")[2:4]
        if Process(me.host, int(pid), started, me.boot).is_dead():
            with suppress(OSError):
                path.unlink()
