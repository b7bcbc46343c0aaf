"""The tables of data sources, uploads, stored tables and generations, as the newest migration leaves them.

Column names are promised to users, as those of `tables`. No secret is in any of them but encrypted.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from filesync_dagster.storage.database.column_types import Id, ToldText, UtcDateTime
from filesync_dagster.storage.database.tables import metadata

data_sources = Table(
    "data_sources",
    metadata,
    Column("id", Text, primary_key=True),  # given before the row is there: what is encrypted is bound to it
    Column("name", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("config", JSON, nullable=False),  # without secrets
    Column("secrets_encrypted", JSON, nullable=False),  # by the names of fields
    Column("created_by", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("last_test", JSON(none_as_null=True)),  # what the last test said, and when
    Column("revision", Integer, nullable=False),  # grows with every change of the configuration
    Column("description", Text, nullable=False, server_default=""),
)

data_source_history = Table(
    "data_source_history",
    metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Text, nullable=False),  # it outlives the source
    Column("name", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("action", Text, nullable=False),  # created | changed | removed
    Column("type", Text, nullable=False),
    Column("config", JSON, nullable=False),  # as it is since
    Column("secrets_set", JSON, nullable=False),  # the names of the fields that have one
    Column("changed_by", Text, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Index(None, "source_id", "revision"),
    sqlite_autoincrement=True,
)

uploads = Table(
    "uploads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("stored_name", Text, nullable=False, unique=True),
    Column("original_name", Text, nullable=False),
    Column("size", BigInteger),  # bytes that were announced; null: nobody said
    Column("received", BigInteger, nullable=False, server_default="0"),  # bytes that are on the disk
    Column("sha256", Text),
    Column("format", Text),
    Column("state", Text, nullable=False),  # receiving | scanning | reading | ready | refused
    Column("refusal", ToldText),
    Column("refusal_code", Text),
    Column("options", JSON, nullable=False),  # how it is to be read: sheet, delimiter, encoding, types, …
    Column("details", JSON, nullable=False),  # what the client said of it, and what was found: warnings, tables
    Column("owner", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "expires_at"),
)

stored_tables = Table(
    "tables",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source_id", Text),  # of data_sources; null: of an upload, or of a source that is declared in YAML
    Column("upload_id", Text),
    Column("source", Text, nullable=False),  # the name of the source; "" of an upload
    Column("name", Text, nullable=False),
    Column("schema", JSON, nullable=False),
    Column("manifest_uri", Text, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("day", Text, nullable=False),  # YYYY-MM-DD: the day whose data it is
    Column("state", Text, nullable=False),  # current | held | replaced
    Column("held_reason", ToldText),
    Column("run_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("relations", JSON, nullable=False, server_default="[]"),  # of which it is the child, as of `tables.model`
    Index(None, "source", "name", "day"),
    Index(None, "upload_id"),
)

source_reads = Table(
    "source_reads",
    metadata,
    Column("id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("day", Text, nullable=False),  # YYYY-MM-DD: the day whose data it is
    Column("mode", Text, nullable=False),  # live | reread
    Column("state", Text, nullable=False),  # committed | held | approved | rejected | replaced | failed
    Column("is_whole", Boolean, nullable=False),  # false: only some of its tables were asked for
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime, nullable=False),
    Column("tables", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("data_version", Text),  # of all its tables together
    Column("findings", JSON, nullable=False),  # relations, and what the checks found
    Column("error", ToldText),
    Column("error_code", Text),
    Column("run_id", Text),
    Index(None, "source", "finished_at"),
)

read_jobs = Table(
    "read_jobs",
    metadata,
    Column("id", Text, primary_key=True),  # "read_" and 32 hexadecimal digits
    Column("source", Text, nullable=False),  # its name
    Column("state", Text, nullable=False),  # queued | running | completed | failed | cancelled
    Column("tables", JSON, nullable=False),  # the names that were asked for; [] is all
    Column("row_limit", BigInteger),  # of each table; null: none
    Column("progress", JSON, nullable=False),  # stage, table, rows, tables_done, tables_total
    Column("table_ids", JSON, nullable=False),  # of `tables`: what it brought
    Column("error", ToldText),
    Column("error_code", Text),
    Column("error_hint", ToldText),
    Column("error_field", Text),
    Column("who", Text, nullable=False),
    Column("worker", JSON(none_as_null=True)),  # the process that is at it; null: none
    Column("cancel_asked_at", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Index(None, "source", "created_at"),
    Index(None, "state"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),  # "session_" and 32 hexadecimal digits
    # queued | reading | fitting | generating | checking | exporting | completed | failed | cancelled
    Column("state", Text, nullable=False),
    Column("request", JSON, nullable=False),  # without secrets
    Column("secrets_encrypted", JSON, nullable=False),  # of sources that the request brings itself
    Column("progress", JSON, nullable=False),  # stage, table, done, total, percent, eta_s
    Column("revision", BigInteger, nullable=False),  # grows with everything that watchers are told
    Column("seed", BigInteger),
    Column("engine", Text, nullable=False),
    Column("engine_version", Text),
    Column("input_hashes", JSON, nullable=False),  # content hashes by table
    Column("inputs", JSON, nullable=False),  # ids of stored tables and uploads: they stay as long as it does
    Column("report_uri", Text),
    Column("result", JSON, nullable=False),  # quality, tables with their rows
    Column("warnings", JSON, nullable=False),
    Column("error", ToldText),
    Column("error_code", Text),
    Column("error_hint", ToldText),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("expires_at", UtcDateTime),  # null: it is not finished
    Column("pinned", Boolean, nullable=False),
    Column("cancel_asked_at", UtcDateTime),
    Column("worker", JSON(none_as_null=True)),  # the process that is at it; null: none
    Column("worker_seen_at", UtcDateTime),
    Column("run_id", Text),
    Column("owner", Text, nullable=False),
    Column("idempotency_key", Text),
    Column("request_digest", Text, nullable=False),
    Column("kind", Text, nullable=False, server_default="generation"),  # generation | comparison
    UniqueConstraint("owner", "idempotency_key"),
    Index(None, "state"),
    Index(None, "created_at"),
)

session_files = Table(
    "session_files",
    metadata,
    Column("session_id", ForeignKey("sessions.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("kind", Text, nullable=False),  # table | export | manifest | report
    Column("export_id", Text, nullable=False),  # "" of what the generation itself made
    Column("table_name", Text),  # of the rows of one table
    Column("media_type", Text, nullable=False),
    Column("uri", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("rows", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
)

session_exports = Table(
    "session_exports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", ForeignKey("sessions.id"), nullable=False),
    Column("format", Text, nullable=False),
    Column("options", JSON, nullable=False),  # without secrets
    Column("secrets_encrypted", JSON, nullable=False),  # of the database that is written to
    Column("state", Text, nullable=False),  # queued | exporting | committing | completed | failed | cancelled
    Column("warnings", JSON, nullable=False),
    Column("error", ToldText),
    Column("error_code", Text),
    Column("worker", JSON(none_as_null=True)),
    Column("worker_seen_at", UtcDateTime),
    Column("owner", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("target", JSON(none_as_null=True)),  # the database that is written to, without secrets
    Column("written", JSON(none_as_null=True)),  # rows by the names that tables have in a database
    Column("cancel_asked_at", UtcDateTime),
    Index(None, "session_id"),
    Index(None, "state"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("who", Text, nullable=False),
    Column("what", Text, nullable=False),  # "source.tested", "rows.read", "session.started", …
    Column("subject", Text, nullable=False),  # the source, table or session
    Column("address", Text),  # where the request came from
    Column("details", JSON, nullable=False),
    sqlite_autoincrement=True,
)
