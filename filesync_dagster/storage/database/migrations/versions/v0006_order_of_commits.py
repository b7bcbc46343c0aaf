"""The order in which syncs were committed. Until now clocks told it, and clocks step back."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.tables import SYNC_ORDER

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add it; what is there is numbered as it was ended."""
    op.add_column("sync_logs", sa.Column("seq", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("endpoint_state", sa.Column("seq", sa.BigInteger))
    op.execute("""
        UPDATE sync_logs SET seq = numbered.seq
        FROM (SELECT id, row_number() OVER (ORDER BY sync_completed, id) AS seq FROM sync_logs) AS numbered
        WHERE numbered.id = sync_logs.id
    """)
    op.create_index("ix_sync_logs_endpoint_id_seq", "sync_logs", ["endpoint_id", "seq"])
    op.execute("""
        UPDATE endpoint_state SET seq = (
            SELECT max(seq) FROM sync_logs WHERE sync_logs.endpoint_id = endpoint_state.endpoint_id
                AND sync_status IN ('completed', 'partial') AND mode <> 'replay'
        )
    """)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(SYNC_ORDER))
        op.execute("SELECT setval('sync_order', (SELECT coalesce(max(seq), 0) + 1 FROM sync_logs))")
