"""An index of what lies in no folder: stores that tell paths ask for it when something changes there."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"

TOPS = sa.text("parent_id IS NULL AND scope <> ''")


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_files_tops", "files", ["endpoint_id"], sqlite_where=TOPS, postgresql_where=TOPS)
