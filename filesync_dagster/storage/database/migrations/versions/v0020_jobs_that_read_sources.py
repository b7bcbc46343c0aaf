"""Jobs that read data sources, what people say of a source, and how stored tables belong together."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add them."""
    op.add_column("data_sources", sa.Column("description", sa.Text, nullable=False, server_default=""))
    op.add_column("tables", sa.Column("relations", sa.JSON, nullable=False, server_default="[]"))
    op.create_table(
        "read_jobs",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("tables", sa.JSON, nullable=False),
        sa.Column("row_limit", sa.BigInteger),
        sa.Column("progress", sa.JSON, nullable=False),
        sa.Column("table_ids", sa.JSON, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("error_code", sa.Text),
        sa.Column("error_hint", sa.Text),
        sa.Column("error_field", sa.Text),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("worker", sa.JSON),
        sa.Column("cancel_asked_at", UtcDateTime),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("started_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
    )
    op.create_index("ix_read_jobs_source_created_at", "read_jobs", ["source", "created_at"])
