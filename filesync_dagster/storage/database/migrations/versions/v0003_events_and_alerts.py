"""Messages that nobody could use, what was asked for from outside, how the queues are doing, and what was told."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import Id, UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add them."""
    op.create_table(
        "dead_messages",
        sa.Column("id", Id, primary_key=True),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("received_at", UtcDateTime, nullable=False),
        sa.UniqueConstraint("queue", "message_id"),
    )
    op.create_table(
        "requests",
        sa.Column("id", Id, primary_key=True),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("full", sa.Boolean, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("requested_at", UtcDateTime, nullable=False),
        sa.Column("taken_at", UtcDateTime),
    )
    op.create_table(
        "queues",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("depth", sa.BigInteger),
        sa.Column("received", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("dead", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("received_at", UtcDateTime),
        sa.Column("checked_at", UtcDateTime),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "alerts",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("raised_at", UtcDateTime, nullable=False),
        sa.Column("cleared_at", UtcDateTime),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("hint", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("told_at", UtcDateTime),
        sa.Column("told", sa.JSON, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("try_at", UtcDateTime),
        sa.Column("error", sa.Text),
    )
