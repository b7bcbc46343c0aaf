"""Which of what was asked for is done, how many keys of a queue concerned nobody, how often an endpoint is expected."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add them."""
    op.add_column("requests", sa.Column("done_at", UtcDateTime))
    op.execute("UPDATE requests SET done_at = taken_at")
    op.add_column("queues", sa.Column("unrouted", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("endpoints", sa.Column("expected_seconds", sa.Integer))
    op.add_column("endpoints", sa.Column("expected_since", UtcDateTime))
