"""Which installation a database belongs to, so that a snapshot root can be told whose it is."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add it; whoever asks first gives it its id."""
    op.create_table("installation", sa.Column("id", sa.Text, primary_key=True))
