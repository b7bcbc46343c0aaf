"""Exports into databases: where they are written to, what was written there, and that somebody cancelled one."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add them."""
    op.add_column("session_exports", sa.Column("target", sa.JSON))
    op.add_column("session_exports", sa.Column("written", sa.JSON))
    op.add_column("session_exports", sa.Column("cancel_asked_at", UtcDateTime))
