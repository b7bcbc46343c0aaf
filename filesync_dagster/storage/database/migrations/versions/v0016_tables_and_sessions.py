"""Data sources, uploads, stored tables and generations of synthetic data."""

import sqlalchemy as sa
from alembic import op

from filesync_dagster.storage.database.column_types import Id, UtcDateTime

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add their tables."""
    _sources()
    _uploads()
    _tables()
    _sessions()
    _session_files()
    op.create_table(
        "audit_log",
        sa.Column("id", Id, primary_key=True),
        sa.Column("at", UtcDateTime, nullable=False, index=True),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("address", sa.Text),
        sa.Column("details", sa.JSON, nullable=False),
        sqlite_autoincrement=True,
    )


def _sources() -> None:
    op.create_table(
        "data_sources",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("secrets_encrypted", sa.JSON, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("last_test", sa.JSON),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_table(
        "data_source_history",
        sa.Column("id", Id, primary_key=True),
        sa.Column("source_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("config", sa.JSON, nullable=False),
        sa.Column("secrets_set", sa.JSON, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("changed_at", UtcDateTime, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_data_source_history_source_id_revision", "data_source_history", ["source_id", "revision"])


def _uploads() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("stored_name", sa.Text, nullable=False, unique=True),
        sa.Column("original_name", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger),
        sa.Column("received", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("sha256", sa.Text),
        sa.Column("format", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("refusal", sa.Text),
        sa.Column("refusal_code", sa.Text),
        sa.Column("options", sa.JSON, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
    )


def _tables() -> None:
    op.create_table(
        "tables",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("source_id", sa.Text),
        sa.Column("upload_id", sa.Text, index=True),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("schema", sa.JSON, nullable=False),
        sa.Column("manifest_uri", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("held_reason", sa.Text),
        sa.Column("run_id", sa.Text),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
    op.create_index("ix_tables_source_name_day", "tables", ["source", "name", "day"])


def _sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False, index=True),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("request", "secrets_encrypted", "progress")),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("seed", sa.BigInteger),
        sa.Column("engine", sa.Text, nullable=False),
        sa.Column("engine_version", sa.Text),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("input_hashes", "inputs")),
        sa.Column("report_uri", sa.Text),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("result", "warnings")),
        *(sa.Column(name, sa.Text) for name in ("error", "error_code", "error_hint")),
        sa.Column("created_at", UtcDateTime, nullable=False, index=True),
        *(sa.Column(name, UtcDateTime) for name in ("started_at", "finished_at", "expires_at")),
        sa.Column("pinned", sa.Boolean, nullable=False),
        sa.Column("cancel_asked_at", UtcDateTime),
        sa.Column("worker", sa.JSON),
        sa.Column("worker_seen_at", UtcDateTime),
        sa.Column("run_id", sa.Text),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("request_digest", sa.Text, nullable=False),
        sa.UniqueConstraint("owner", "idempotency_key"),
    )


def _session_files() -> None:
    op.create_table(
        "session_files",
        sa.Column("session_id", sa.Text, sa.ForeignKey("sessions.id"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("export_id", sa.Text, nullable=False),
        sa.Column("table_name", sa.Text),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("uri", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("rows", sa.BigInteger),
        sa.Column("created_at", UtcDateTime, nullable=False),
    )
    op.create_table(
        "session_exports",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, sa.ForeignKey("sessions.id"), nullable=False, index=True),
        sa.Column("format", sa.Text, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("options", "secrets_encrypted")),
        sa.Column("state", sa.Text, nullable=False, index=True),
        sa.Column("warnings", sa.JSON, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("error_code", sa.Text),
        sa.Column("worker", sa.JSON),
        sa.Column("worker_seen_at", UtcDateTime),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("finished_at", UtcDateTime),
    )
