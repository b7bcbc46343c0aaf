"""Rows that are past their time: counted, or deleted."""

from sqlalchemy import ColumnElement, Table, delete, func, select

from filesync_dagster.storage.database.database import Database


def prune(database: Database, table: Table, *where: ColumnElement[bool], dry_run: bool) -> int:
    """Delete rows; return how many. With `dry_run`, only tell how many there are."""
    if dry_run:
        with database.read_transaction() as connection:
            return connection.execute(select(func.count()).select_from(table).where(*where)).scalar_one()
    with database.write_transaction() as connection:
        return connection.execute(delete(table).where(*where)).rowcount
