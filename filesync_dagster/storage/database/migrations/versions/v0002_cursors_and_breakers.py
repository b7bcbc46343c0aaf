"""Change cursors, circuit breakers, what throttling cost, and who lies in which folder."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add them."""
    op.add_column("endpoint_state", sa.Column("cursor", sa.Text))
    op.add_column("endpoint_state", sa.Column("held_cursor", sa.Text))
    op.add_column("endpoint_state", sa.Column("reconciled_at", UtcDateTime))
    op.add_column("checkpoints", sa.Column("cursor", sa.Text))
    op.add_column("sync_logs", sa.Column("throttled_seconds", sa.Float, nullable=False, server_default="0"))
    op.add_column("sync_logs", sa.Column("feed_drift", sa.BigInteger))
    # Stores without folders pay nothing for it.
    in_folders = sa.text("parent_id IS NOT NULL")
    op.create_index(
        "ix_files_endpoint_id_parent_id",
        "files",
        ["endpoint_id", "parent_id"],
        sqlite_where=in_folders,
        postgresql_where=in_folders,
    )
    op.create_table(
        "breakers",
        sa.Column("endpoint_id", sa.Integer, sa.ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("opened_at", UtcDateTime),
        sa.Column("probe_at", UtcDateTime),
        sa.Column("reason", sa.Text),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )
