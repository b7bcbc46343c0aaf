"""Which events of file managers were worked on: their lists repeat themselves."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "queue_events",
        sa.Column("queue", sa.Text, primary_key=True),
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("known_at", UtcDateTime, nullable=False, index=True),
    )
