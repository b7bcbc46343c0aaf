"""Who is signed in at the console, and the one-time links that sign somebody in."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add both tables; neither has a secret, only digests."""
    op.create_table(
        "console_sessions",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("binding", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("user_agent", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("used_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "console_codes",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )
