"""Who let the guard pass a sync: what was confirmed is no loss that it remembers."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add it."""
    op.add_column("sync_logs", sa.Column("confirmed_by", sa.Text))
