"""What a session is: a generation, or a comparison of two data sets."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Say that all there are so far generate."""
    op.add_column("sessions", sa.Column("kind", sa.Text, nullable=False, server_default="generation"))
