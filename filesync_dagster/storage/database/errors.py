"""The one border where the errors of drivers become ours. A password never crosses it."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from adbc_driver_manager import Error as AdbcError
from sqlalchemy import exc

from filesync_dagster.core.errors import (
    DatabaseError,
    DatabaseLocked,
    DatabaseUnavailable,
    NotWritable,
    OutOfSpace,
    StorageError,
)

_BY_SQLSTATE: dict[str, type[StorageError]] = {
    "25006": NotWritable,  # read_only_sql_transaction
    "42501": NotWritable,  # insufficient_privilege
    "53100": OutOfSpace,  # disk_full
    "40P01": DatabaseLocked,  # deadlock_detected
    "55P03": DatabaseLocked,  # lock_not_available
    "57014": DatabaseLocked,  # query_canceled: a timeout of the server
}

_BY_SQLITE_WORDS: tuple[tuple[str, type[StorageError]], ...] = (
    ("is locked", DatabaseLocked),
    ("readonly database", NotWritable),
    ("or disk is full", OutOfSpace),
    ("unable to open", DatabaseUnavailable),
    ("not a database", DatabaseUnavailable),
    ("malformed", DatabaseUnavailable),
)

_SENTENCES: dict[type[StorageError], tuple[str, str]] = {
    DatabaseUnavailable: (
        "The metadata database {where} cannot be reached",
        "Check that it exists, runs and accepts these credentials.",
    ),
    DatabaseLocked: (
        "The metadata database {where} is locked by another process",
        "Try again when that process is done.",
    ),
    NotWritable: (
        "The metadata database {where} cannot be written",
        "Check the permissions of the file and its folder, or of the database user.",
    ),
    OutOfSpace: ("There is no room left for the metadata database {where}", "Free some space and sync again."),
    DatabaseError: ("The metadata database {where} did not do what was asked", ""),
}


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Raise StorageErrors for what the drivers raise inside. `where` names the database and holds no password."""
    try:
        yield
    except (exc.DBAPIError, exc.TimeoutError, sqlite3.Error, psycopg2.Error, AdbcError) as error:
        raise _translation(error, where) from error
    except OSError as error:
        kind = {errno.ENOSPC: OutOfSpace, errno.EROFS: NotWritable, errno.EACCES: NotWritable}.get(error.errno or 0)
        if kind is None:
            raise
        raise _sentence(kind, where, error.strerror or str(error)) from error


def _translation(error: Exception, where: str) -> StorageError:
    original = error.orig if isinstance(error, exc.DBAPIError) and error.orig is not None else error
    reason = str(original).strip().split("\n", 1)[0]
    return _sentence(_kind(original, reason), where, reason)


def _sentence(kind: type[StorageError], where: str, reason: str) -> StorageError:
    sentence, hint = _SENTENCES[kind]
    return kind(f"{sentence.format(where=where)}: {reason.rstrip('.')}.", hint=hint)


def _kind(error: BaseException, reason: str) -> type[StorageError]:
    if isinstance(error, psycopg2.Error):
        if error.pgcode is None and isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError):
            return DatabaseUnavailable  # no answer from a server has a code
        code = error.pgcode or ""
        if code[:2] in ("08", "28", "3D") or code in ("57P01", "57P02", "57P03"):
            return DatabaseUnavailable  # connection, authorization, no such database, shutting down
        return _BY_SQLSTATE.get(code, DatabaseError)
    if isinstance(error, exc.TimeoutError):
        return DatabaseLocked
    return next((kind for words, kind in _BY_SQLITE_WORDS if words in reason), DatabaseError)
