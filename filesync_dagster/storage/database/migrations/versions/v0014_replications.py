"""Replications: what is known to be at each destination, what is planned and what was done."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import Id, Key, UtcDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add their tables."""
    _replications()
    _replica_files()
    _plans()
    _operations()
    op.create_table(
        "replication_problems",
        sa.Column("replication_id", sa.Integer, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
    )
    op.create_index("ix_replication_problems_replication_id", "replication_problems", ["replication_id"])
    op.create_table(
        "replication_leases",
        sa.Column(
            "replication_id", sa.Integer, sa.ForeignKey("replications.id"), primary_key=True, autoincrement=False
        ),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.JSON),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("acquired_at", UtcDateTime, nullable=False),
        sa.Column("heartbeat_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False),
    )


def _replications() -> None:
    op.create_table(
        "replications",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("source_endpoint_id", sa.Integer, sa.ForeignKey("endpoints.id"), nullable=False),
        sa.Column("fingerprint", sa.Text),
        sa.Column("applied_sync_id", sa.Text),
        sa.Column("applied_seq", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("held_plan_id", sa.BigInteger),
        sa.Column("reconciled_at", UtcDateTime),
        *(
            sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
            for name in ("files", "bytes", "files_by_hash", "files_acknowledged")
        ),
        sa.Column("error", sa.Text),
        sa.Column("updated_at", UtcDateTime, nullable=False),
    )


def _replica_files() -> None:
    is_sqlite = op.get_context().dialect.name == "sqlite"
    op.create_table(
        "replica_files",
        sa.Column("replication_id", sa.Integer, primary_key=is_sqlite, autoincrement=False, nullable=False),
        sa.Column("external_id", Key, primary_key=is_sqlite, nullable=False),
        sa.Column("dest_path", Key, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("source_version", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("content_hash", sa.Text),
        sa.Column("dest_version", sa.Text),
        sa.Column("dest_hash", sa.Text),
        sa.Column("internal_id", sa.Text),
        sa.Column("permissions", sa.Text),
        sa.Column("owner", sa.Text),
        sa.Column("group_name", sa.Text),
        sa.Column("mime_type", sa.Text),
        sa.Column("modified_at", UtcDateTime),
        sa.Column("verified", sa.Text, nullable=False),
        sa.Column("written_at", UtcDateTime, nullable=False),
        sqlite_with_rowid=False,
    )
    if is_sqlite:
        op.create_index("uq_replica_files_path", "replica_files", ["replication_id", "dest_path"], unique=True)
        return
    for name, column in (("uq_replica_files_id", "external_id"), ("uq_replica_files_path_hash", "dest_path")):
        digest = sa.text(rf"sha256(decode(replace({column}, '\', '\\'), 'escape'))")
        op.create_index(name, "replica_files", ["replication_id", digest], unique=True)
    op.create_index("ix_replica_files_external_id", "replica_files", ["external_id"], postgresql_using="hash")


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", Id, primary_key=True),
        sa.Column("replication_id", sa.Integer, sa.ForeignKey("replications.id"), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("from_seq", sa.BigInteger, nullable=False),
        sa.Column("to_seq", sa.BigInteger, nullable=False),
        sa.Column("as_of_sync_id", sa.Text),
        sa.Column("as_of", UtcDateTime),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
        sa.Column("problems", sa.JSON, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("guard_reason", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_plans_replication_id_id", "plans", ["replication_id", "id"])


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("id", Id, primary_key=True),
        sa.Column("plan_id", Id, sa.ForeignKey("plans.id"), nullable=False),
        sa.Column("replication_id", sa.Integer, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("op", sa.Text, nullable=False),
        sa.Column("external_id", sa.Text, nullable=False),
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("new_path", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("source_version", sa.Text),
        sa.Column("expected_dest_version", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("bytes_done", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("resume", sa.JSON),
        sa.Column("internal_id", sa.Text),
        sa.Column("error", sa.Text),
        sa.Column("started_at", UtcDateTime),
        sa.Column("finished_at", UtcDateTime),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_operations_plan_id_position", "operations", ["plan_id", "position"], unique=True)
    op.create_index("ix_operations_plan_id_state", "operations", ["plan_id", "state"])
