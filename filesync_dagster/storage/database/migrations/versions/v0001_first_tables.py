"""The first tables."""

from alembic import op
from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, ForeignKey, Integer, Text

from filesync_dagster.storage.database.column_types import Id, Json, Key, UtcDateTime

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create them all."""
    op.create_table(
        "endpoints",
        Column("id", Integer, primary_key=True),
        Column("name", Text, nullable=False, unique=True),
        Column("endpoint_type", Text, nullable=False),
        Column("title", Text),
        Column("project_id", Text),
        Column("user_id", Text),
        Column("endpoint_details", JSON, nullable=False),
        Column("is_active", Boolean, nullable=False),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "endpoint_state",
        Column("endpoint_id", Integer, ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
        Column("snapshot_uri", Text),
        Column("snapshot_sync_id", Text),
        Column("data_version", Text),
        Column("as_of", UtcDateTime),
        Column("files_total", BigInteger, nullable=False),
        Column("bytes_total", BigInteger, nullable=False),
        Column("selection", Text),
        Column("location", Text),
        Column("held_sync_id", Text),
        Column("held_location", Text),
        Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "files",
        Column("id", Id, primary_key=True),
        Column("endpoint_id", Integer, nullable=False),
        Column("external_id", Key, nullable=False),
        Column("scope", Text, nullable=False),
        Column("parent_id", Text),
        Column("title", Text, nullable=False),
        Column("name", Text, nullable=False),
        Column("name_search", Text, nullable=False),
        Column("path", Key, nullable=False),
        Column("kind", Text, nullable=False),
        Column("size", BigInteger),
        Column("mime_type", Text),
        Column("version", Text),
        Column("content_hash", Text),
        Column("owner", Text),
        Column("permissions", Text),
        Column("file_link", Text),
        Column("date_created", UtcDateTime),
        Column("date_updated", UtcDateTime),
        Column("project_id", Text),
        Column("user_id", Text),
        Column("file_metadata", Json),
        Column("first_seen_at", UtcDateTime, nullable=False),
        Column("last_seen_at", UtcDateTime, nullable=False),
        Column("deleted_at", UtcDateTime),
        Column("gone_reason", Text),
        Column("created_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_index("uq_files_endpoint_id_external_id", "files", ["endpoint_id", "external_id"], unique=True)
    op.create_table(
        "sync_logs",
        Column("id", Text, primary_key=True),
        Column("endpoint_id", Integer, ForeignKey("endpoints.id"), nullable=False),
        Column("sync_started", UtcDateTime, nullable=False),
        Column("sync_completed", UtcDateTime, nullable=False),
        Column("sync_status", Text, nullable=False),
        Column("mode", Text, nullable=False),
        Column("as_of", UtcDateTime),
        Column("sync_duration", Float, nullable=False),
        Column("files_processed", BigInteger, nullable=False),
        Column("files_added", BigInteger, nullable=False),
        Column("files_updated", BigInteger, nullable=False),
        Column("files_moved", BigInteger, nullable=False),
        Column("files_removed", BigInteger, nullable=False),
        Column("files_left_scope", BigInteger, nullable=False),
        Column("files_repathed", BigInteger, nullable=False),
        Column("files_total", BigInteger, nullable=False),
        Column("bytes_total", BigInteger, nullable=False),
        Column("api_calls", BigInteger, nullable=False),
        Column("retries", BigInteger, nullable=False),
        Column("snapshot_uri", Text),
        Column("changes_uri", Text),
        Column("data_version", Text),
        Column("run_id", Text),
        Column("error_message", Text),
        Column("warnings", JSON, nullable=False),
    )
    op.create_index("ix_sync_logs_endpoint_id_sync_completed", "sync_logs", ["endpoint_id", "sync_completed"])
    op.create_index("ix_sync_logs_endpoint_id_as_of", "sync_logs", ["endpoint_id", "as_of"])
    op.create_table(
        "file_changes",
        Column("seq", Id, primary_key=True),
        Column("endpoint_id", Integer, nullable=False),
        Column("sync_id", Text, nullable=False),
        Column("external_id", Key, nullable=False),
        Column("change", Text, nullable=False),
        Column("path", Text, nullable=False),
        Column("before", Json),
        Column("after", Json),
        Column("observed_at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_file_changes_endpoint_id_seq", "file_changes", ["endpoint_id", "seq"])
    op.create_index("ix_file_changes_endpoint_id_observed_at", "file_changes", ["endpoint_id", "observed_at"])
    op.create_table(
        "checkpoints",
        Column("endpoint_id", Integer, ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
        Column("scope", Text, primary_key=True),
        Column("listing_id", Text, nullable=False),
        Column("checkpoint", Text),
        Column("segments", Integer, nullable=False),
        Column("rows", BigInteger, nullable=False),
        Column("complete", Boolean, nullable=False),
        Column("unread", JSON, nullable=False),
        Column("selection", Text, nullable=False),
        Column("location", Text, nullable=False),
        Column("started_at", UtcDateTime, nullable=False),
        Column("updated_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "leases",
        Column("endpoint_id", Integer, ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
        Column("token", BigInteger, nullable=False),
        Column("holder", JSON),
        Column("purpose", Text, nullable=False),
        Column("acquired_at", UtcDateTime, nullable=False),
        Column("heartbeat_at", UtcDateTime, nullable=False),
        Column("expires_at", UtcDateTime, nullable=False),
    )
