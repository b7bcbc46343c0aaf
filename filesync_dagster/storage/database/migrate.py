"""Bring a database to the newest tables: once, whoever comes first, in one transaction."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from filesync_dagster.core.errors import DatabaseError
from filesync_dagster.storage.database.database import Database, use_write_ahead_log

HEAD = "0022"
"""The newest revision; known here so that opening an up-to-date database need not load Alembic."""

MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = 0x66696C6573796E63  # "filesync", the key of PostgreSQL's advisory lock


def migrate(database: Database) -> None:
    """Create or upgrade the tables. Safe when many processes do it at once.

    Raises DatabaseError when the database was written by a newer version of filesync.
    """
    if database.is_sqlite:
        use_write_ahead_log(database)
    with database.read_transaction() as connection:
        if _revision(connection) == HEAD:
            return
    with database.write_transaction() as connection:
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if _revision(connection) != HEAD:
            _upgrade(connection, database.where)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection, where: str) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseError(
            f"The metadata database {where} was written by another version of filesync: {error}.",
            hint="Upgrade filesync.",
        ) from error
