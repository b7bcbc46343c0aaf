"""How many files there were before a sync, and how many came back from a trash: so that its numbers add up."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_RESTORED = """
UPDATE sync_logs SET files_restored = found.files, files_updated = files_updated - found.files
FROM (
    SELECT c.sync_id, count(*) AS files
    FROM file_changes c JOIN files f ON f.endpoint_id = c.endpoint_id AND f.external_id = c.external_id
    WHERE c.change = 'restored' AND f.kind <> 'folder'
    GROUP BY c.sync_id
) found
WHERE found.sync_id = sync_logs.id AND found.files <= sync_logs.files_updated
"""
"""They were counted as updated; the journal knows better, as far back as it goes."""

_BEFORE = """
UPDATE sync_logs
SET files_before = files_total - files_added - files_restored + files_removed + files_left_scope
WHERE sync_status IN ('completed', 'partial', 'held') AND mode <> 'replay'
    AND files_total - files_added - files_restored + files_removed + files_left_scope >= 0
"""


def upgrade() -> None:
    """Add them, and tell them of the syncs that there were."""
    op.add_column("sync_logs", sa.Column("files_before", sa.BigInteger))
    op.add_column("sync_logs", sa.Column("files_restored", sa.BigInteger, nullable=False, server_default="0"))
    op.execute(_RESTORED)
    op.execute(_BEFORE)
