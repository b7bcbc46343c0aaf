"""Ids of any length on PostgreSQL, whose indexes hold no text of more than 2,704 bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

SHORT_ID = "(CASE WHEN octet_length(external_id) <= 2000 THEN external_id ELSE '' END)"
LONG_ID = (
    "(CASE WHEN octet_length(external_id) > 2000"
    r" THEN sha256(decode(replace(external_id, '\', '\\'), 'escape')) ELSE CAST('' AS bytea) END)"
)
NESTED = sa.text("parent_id IS NOT NULL")


def upgrade() -> None:
    """Index long ids by their SHA-256, and look ids up by a hash. SQLite's indexes take any text."""
    if op.get_context().dialect.name == "sqlite":
        return
    op.drop_index("uq_files_endpoint_id_external_id", "files")
    op.drop_index("ix_files_endpoint_id_parent_id", "files")
    op.create_index("uq_files_key", "files", ["endpoint_id", sa.text(SHORT_ID), sa.text(LONG_ID)], unique=True)
    op.create_index("ix_files_external_id", "files", ["external_id"], postgresql_using="hash")
    op.create_index("ix_files_parent_id", "files", ["parent_id"], postgresql_using="hash", postgresql_where=NESTED)
