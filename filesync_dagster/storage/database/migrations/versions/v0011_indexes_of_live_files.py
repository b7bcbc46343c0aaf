"""Indexes of what is live: by path, with what is looked for, and by hash."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

LIVE = sa.text("deleted_at IS NULL")
HASHED = sa.text("deleted_at IS NULL AND content_hash IS NOT NULL")


def upgrade() -> None:
    """Add them. A row of PostgreSQL's indexes holds 2,704 bytes, which a path may be longer than."""
    if op.get_context().dialect.name == "sqlite":
        columns = ["endpoint_id", "path", "external_id", "name_search", "owner"]
        op.create_index("ix_files_live", "files", columns, sqlite_where=LIVE)
    else:
        start = sa.text("substr(path, 1, 500)")
        op.create_index("ix_files_live_path", "files", ["endpoint_id", start], postgresql_where=LIVE)
    op.create_index("ix_files_content_hash", "files", ["content_hash"], sqlite_where=HASHED, postgresql_where=HASHED)
