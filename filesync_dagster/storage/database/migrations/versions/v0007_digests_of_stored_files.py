"""What was written to the snapshot root, and the digest of each file."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add them. What is there has none: it is read whole before it is believed."""
    op.create_table(
        "stored_files",
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("endpoint_id", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("bytes", sa.BigInteger),
        sa.Column("digest", sa.Text),
        sa.Column("written_at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("uri", name="pk_stored_files"),
    )
    op.create_index("ix_stored_files_endpoint_id", "stored_files", ["endpoint_id"])
