"""The keys of buckets as they are written now: different keys are told apart, and each row keeps its id."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.core.model import respell_key

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Write them so. The longest first: what a key is written as now may be how a longer one was."""
    connection = op.get_bind()
    files = sa.table("files", *map(sa.column, ("id", "endpoint_id", "external_id", "file_metadata")))
    endpoints = sa.table("endpoints", sa.column("id"), sa.column("endpoint_type"))
    changes = sa.table("file_changes", sa.column("endpoint_id"), sa.column("external_id"))
    found = connection.execute(
        sa.select(files.c.id, files.c.endpoint_id, files.c.external_id, sa.cast(files.c.file_metadata, sa.Text))
        .join_from(files, endpoints, files.c.endpoint_id == endpoints.c.id)
        .where(endpoints.c.endpoint_type == "s3", files.c.external_id.like("%\\x%", escape="!"))
    ).all()
    for row, endpoint, old, metadata in sorted(found, key=lambda row: -len(row.external_id)):
        new = respell_key(old, metadata)
        if new != old:
            connection.execute(sa.update(files).where(files.c.id == row).values(external_id=new))
            told = sa.and_(changes.c.endpoint_id == endpoint, changes.c.external_id == old)
            connection.execute(sa.update(changes).where(told).values(external_id=new))
