"""An index of the syncs that committed changes on top of a snapshot: each sync begins by asking for them."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

CHANGED = sa.text("changes_uri IS NOT NULL")


def upgrade() -> None:
    """Add it."""
    columns = ["endpoint_id", "snapshot_uri"]
    op.create_index("ix_sync_logs_changes", "sync_logs", columns, sqlite_where=CHANGED, postgresql_where=CHANGED)
