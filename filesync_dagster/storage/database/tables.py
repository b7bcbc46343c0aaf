"""The tables, as the newest migration leaves them. Column names are promised to users, who query them with SQL.

`files.last_seen_at` of a live file is when its row was last written: the last completed sync of its endpoint
(`endpoint_state.as_of`) saw it too. Of a file that is gone, it is the moment of the last snapshot that had it.

The two big tables carry no foreign key to endpoints (which are never deleted): checking one costs more than
the rest of a bulk insert.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Sequence,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    text,
)

from filesync_dagster.core.model import NUMBERS, Number
from filesync_dagster.storage.database.column_types import Id, Json, Key, ToldText, ToldTexts, UtcDateTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    },
)

SYNC_ORDER = Sequence("sync_order", metadata=metadata)
"""Gives PostgreSQL the `seq` of sync_logs; SQLite, with its one writer, counts."""

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("endpoint_type", Text, nullable=False),
    Column("title", Text),
    Column("project_id", Text),
    Column("user_id", Text),
    Column("endpoint_details", JSON, nullable=False),  # no secrets
    Column("is_active", Boolean, nullable=False),
    Column("expected_seconds", Integer),  # a sync in so long, or else it is stale; 0: none; null: not noted yet
    Column("expected_since", UtcDateTime),  # null: since the row is there
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

endpoint_state = Table(
    "endpoint_state",
    metadata,
    Column("endpoint_id", ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
    Column("snapshot_uri", Text),
    Column("snapshot_sync_id", Text),
    Column("data_version", Text),
    Column("as_of", UtcDateTime),
    Column("seq", BigInteger),  # of the sync_logs row that made it so
    Column("files_total", BigInteger, nullable=False),
    Column("bytes_total", BigInteger, nullable=False),
    Column("selection", Text),  # fingerprint of the filters
    Column("location", Text),  # fingerprint of what is listed
    Column("held_sync_id", Text),
    Column("held_location", Text),
    Column("cursor", Text),  # of the change feed, where there is one
    Column("held_cursor", Text),
    Column("reconciled_at", UtcDateTime),  # as_of of the last full sync
    Column("updated_at", UtcDateTime, nullable=False),
)

files = Table(
    "files",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint_id", Integer, nullable=False),
    Column("external_id", Key, nullable=False),
    Column("scope", Text, nullable=False),
    Column("parent_id", Text),
    Column("title", Text, nullable=False),
    Column("name", Text, nullable=False),  # raw, as the provider has it
    Column("name_search", Text, nullable=False),  # NFC, lower case; for searching only
    Column("path", Key, nullable=False),
    Column("kind", Text, nullable=False),
    Column("size", BigInteger),  # bytes; null where the provider has none
    Column("mime_type", Text),
    Column("version", Text),
    Column("content_hash", Text),
    Column("owner", Text),
    Column("permissions", Text),  # canonical JSON
    Column("file_link", Text),
    Column("date_created", UtcDateTime),  # as the store says, and no proof of anything
    Column("date_updated", UtcDateTime),
    Column("project_id", Text),  # the endpoint's
    Column("user_id", Text),
    Column("file_metadata", Json),
    Column("first_seen_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),  # null: live
    Column("gone_reason", Text),  # removed | trashed | left_scope
    Column("created_at", UtcDateTime, nullable=False),  # of this row
    Column("updated_at", UtcDateTime, nullable=False),
    Index(
        "ix_files_content_hash",
        "content_hash",
        sqlite_where=text("deleted_at IS NULL AND content_hash IS NOT NULL"),
        postgresql_where=text("deleted_at IS NULL AND content_hash IS NOT NULL"),
    ),
)

PATH_START_CHARACTERS = 500
PATH_START = func.substr(files.c.path, 1, PATH_START_CHARACTERS)
"""What PostgreSQL's index has of a path, which may be longer than a row of an index."""

ID_BYTES = 2_000
"""The longest id that is in PostgreSQL's unique index, which holds 2,704 bytes; of a longer one it has the SHA-256."""

_SHA256 = r"sha256(decode(replace(external_id, '\', '\\'), 'escape'))"

POSTGRESQL_KEY = (
    "endpoint_id",
    f"(CASE WHEN octet_length(external_id) <= {ID_BYTES} THEN external_id ELSE '' END)",
    f"(CASE WHEN octet_length(external_id) > {ID_BYTES} THEN {_SHA256} ELSE CAST('' AS bytea) END)",
)
"""What no two rows of `files` have in common on PostgreSQL: the endpoint and the id, however long that is."""

SQLITE_KEY = ("endpoint_id", "external_id")
"""The same on SQLite, whose indexes take any text."""

_LIVE = text("deleted_at IS NULL")
_NESTED = text("parent_id IS NOT NULL")  # stores without folders pay nothing for it

Index("uq_files_endpoint_id_external_id", *(files.c[name] for name in SQLITE_KEY), unique=True).ddl_if("sqlite")
Index("ix_files_endpoint_id_parent_id", files.c.endpoint_id, files.c.parent_id, sqlite_where=_NESTED).ddl_if("sqlite")

# A hash index finds a text of any length, for whoever says `external_id = …`.
Index("uq_files_key", *map(literal_column, POSTGRESQL_KEY), unique=True, _table=files).ddl_if("postgresql")
Index("ix_files_external_id", files.c.external_id, postgresql_using="hash").ddl_if("postgresql")
Index("ix_files_parent_id", files.c.parent_id, postgresql_using="hash", postgresql_where=_NESTED).ddl_if("postgresql")

# The tops of stores that have folders; object stores, in whose rows there is no scope, pay nothing for it.
_TOPS = text("parent_id IS NULL AND scope <> ''")
Index("ix_files_tops", files.c.endpoint_id, sqlite_where=_TOPS, postgresql_where=_TOPS)

# What is looked for by path, name or owner is found in the index, in the order of the pages.
Index(
    "ix_files_live",
    files.c.endpoint_id,
    files.c.path,
    files.c.external_id,
    files.c.name_search,
    files.c.owner,
    sqlite_where=_LIVE,
).ddl_if(dialect="sqlite")
Index(
    "ix_files_live_path",
    files.c.endpoint_id,
    PATH_START,
    postgresql_where=_LIVE,
).ddl_if(dialect="postgresql")


def _number_column(number: Number) -> Column[Any]:
    """Return the column of a number of a sync."""
    kind = Float if isinstance(number.default, float) else BigInteger
    return Column(number.name, kind, nullable=number.default is None)


sync_logs = Table(
    "sync_logs",
    metadata,
    Column("id", Text, primary_key=True),  # the sync id
    Column("endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    Column("seq", BigInteger, nullable=False, server_default="0"),  # the order of commits; clocks step back
    Column("sync_started", UtcDateTime, nullable=False),
    Column("sync_completed", UtcDateTime, nullable=False),
    Column("sync_status", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("as_of", UtcDateTime),  # the moment that the snapshot describes
    Column("sync_duration", Float, nullable=False),  # seconds
    *(_number_column(number) for number in NUMBERS),
    Column("snapshot_uri", Text),
    Column("changes_uri", Text),
    Column("data_version", Text),
    Column("run_id", Text),
    Column("error_message", ToldText),
    Column("warnings", ToldTexts, nullable=False),
    Column("confirmed_by", Text),  # who let the guard pass it: "approve" and what was held, or a setting
    Index(None, "endpoint_id", "seq"),
    Index(None, "endpoint_id", "sync_completed"),
    Index(None, "endpoint_id", "as_of"),
    # What was changed on top of a snapshot: few of the logs of an endpoint that is quiet for months.
    Index(
        "ix_sync_logs_changes",
        "endpoint_id",
        "snapshot_uri",
        sqlite_where=text("changes_uri IS NOT NULL"),
        postgresql_where=text("changes_uri IS NOT NULL"),
    ),
)

installation = Table("installation", metadata, Column("id", Text, primary_key=True))  # one row

stored_files = Table(
    "stored_files",
    metadata,
    Column("uri", Text, primary_key=True),
    Column("endpoint_id", Integer, nullable=False),
    Column("rows", BigInteger),
    Column("bytes", BigInteger),
    Column("digest", Text),  # XXH3 of all its bytes; null: it was begun, and never finished
    Column("written_at", UtcDateTime, nullable=False),
    Index(None, "endpoint_id"),
)

file_changes = Table(
    "file_changes",
    metadata,
    Column("seq", Id, primary_key=True),
    Column("endpoint_id", Integer, nullable=False),
    Column("sync_id", Text, nullable=False),
    Column("external_id", Key, nullable=False),
    Column("change", Text, nullable=False),
    Column("path", Text, nullable=False),  # current, or last known
    Column("before", Json),  # the columns that changed, as they were
    Column("after", Json),  # and as they are
    Column("observed_at", UtcDateTime, nullable=False),
    Index(None, "endpoint_id", "seq"),
    Index(None, "endpoint_id", "observed_at"),
    sqlite_autoincrement=True,  # a seq that was pruned never comes again
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("endpoint_id", ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
    Column("scope", Text, primary_key=True),
    Column("listing_id", Text, nullable=False),
    Column("checkpoint", Text),  # the connector's own text
    Column("segments", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("complete", Boolean, nullable=False),
    Column("unread", JSON, nullable=False),
    Column("selection", Text, nullable=False),
    Column("location", Text, nullable=False),
    Column("cursor", Text),  # of the change feed, from before the listing began
    Column("started_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("endpoint_id", ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),  # grows with every holder, never goes back
    Column("holder", JSON),  # host, pid, started, boot; null: free
    Column("purpose", Text, nullable=False),
    Column("acquired_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

breakers = Table(
    "breakers",
    metadata,
    Column("endpoint_id", ForeignKey("endpoints.id"), primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # closed | open | half_open
    Column("failures", Integer, nullable=False),  # in a row
    Column("opened_at", UtcDateTime),
    Column("probe_at", UtcDateTime),  # from when the store is asked again
    Column("reason", ToldText),
    Column("updated_at", UtcDateTime, nullable=False),
)

requests = Table(
    "requests",
    metadata,
    Column("id", Id, primary_key=True),
    Column("endpoint", Text, nullable=False),  # its name
    Column("full", Boolean, nullable=False),
    Column("source", Text, nullable=False),  # who asked: "webhook", "rest", the name of a queue
    Column("requested_at", UtcDateTime, nullable=False),
    Column("taken_at", UtcDateTime),  # by the last run that set about it
    Column("done_at", UtcDateTime),  # what a sync found that began later is committed
)

queues = Table(
    "queues",
    metadata,
    Column("name", Text, primary_key=True),
    Column("depth", BigInteger),  # messages that waited when it was last looked at
    Column("received", BigInteger, nullable=False, server_default="0"),  # since ever
    Column("dead", BigInteger, nullable=False, server_default="0"),  # of them
    Column("unrouted", BigInteger, nullable=False, server_default="0"),  # keys that concerned no endpoint, since ever
    Column("received_at", UtcDateTime),
    Column("checked_at", UtcDateTime),
    Column("error", ToldText),  # of the last look
)

queue_events = Table(
    "queue_events",
    metadata,
    Column("queue", Text, primary_key=True),
    Column("digest", Text, primary_key=True),  # of an event that was worked on, in a queue that keeps them all
    Column("known_at", UtcDateTime, nullable=False, index=True),
)

dead_messages = Table(
    "dead_messages",
    metadata,
    Column("id", Id, primary_key=True),
    Column("queue", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("reason", ToldText, nullable=False),
    Column("body", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    UniqueConstraint("queue", "message_id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("subject", Text, primary_key=True),  # the name of an endpoint or a queue; "configuration"
    Column("kind", Text, primary_key=True),
    Column("raised_at", UtcDateTime, nullable=False),
    Column("cleared_at", UtcDateTime),
    Column("sentence", ToldText, nullable=False),
    Column("hint", ToldText),
    Column("run_id", Text),
    Column("told_at", UtcDateTime),  # of the last transition; null: not yet
    Column("told", JSON, nullable=False),  # the channels that know of the last transition
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("try_at", UtcDateTime),  # nobody tells it before: somebody is at it, or a channel is given a rest
    Column("error", ToldText),  # of the channel, when it could not be told
)

replications = Table(
    "replications",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("source_endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    Column("fingerprint", Text),  # of mapping, filters and mode, as the last plan that was done had them
    Column("applied_sync_id", Text),  # the sync whose inventory the replica has, as far as it could be done
    Column("applied_seq", BigInteger, nullable=False, server_default="0"),  # of the journal: all before it is planned
    Column("state", Text, nullable=False),  # new | completed | partial | held | failed
    Column("held_plan_id", BigInteger),
    Column("reconciled_at", UtcDateTime),  # when everything was compared with the destination last
    Column("files", BigInteger, nullable=False, server_default="0"),  # of the replica, as its last run left it
    Column("bytes", BigInteger, nullable=False, server_default="0"),
    Column("files_by_hash", BigInteger, nullable=False, server_default="0"),  # that a hash proves
    Column("files_acknowledged", BigInteger, nullable=False, server_default="0"),  # only said to be there
    Column("error", ToldText),  # of the last run
    Column("updated_at", UtcDateTime, nullable=False),
)

replica_files = Table(
    "replica_files",
    metadata,
    Column("replication_id", Integer, primary_key=True, autoincrement=False),
    Column("external_id", Key, primary_key=True),
    Column("dest_path", Key, nullable=False),
    Column("kind", Text, nullable=False),  # file | folder
    Column("source_version", Text),
    Column("size", BigInteger),  # bytes
    Column("content_hash", Text),  # as the inventory has it
    Column("dest_version", Text),
    Column("dest_hash", Text),  # of what was sent
    Column("internal_id", Text),
    Column("permissions", Text),  # as they were set last
    Column("owner", Text),
    Column("group_name", Text),
    Column("mime_type", Text),
    Column("modified_at", UtcDateTime),
    Column("verified", Text, nullable=False),  # hash | readback | size | acknowledged
    Column("written_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,  # those of one replication lie together, so that all of them are read quickly
)

_REPLICA = replica_files.c.replication_id
_ID_HASH, _PATH_HASH = (
    rf"sha256(decode(replace({name}, '\', '\\'), 'escape'))" for name in ("external_id", "dest_path")
)
Index("uq_replica_files_path", _REPLICA, replica_files.c.dest_path, unique=True).ddl_if("sqlite")
# PostgreSQL's indexes hold no text of more than 2,704 bytes.
Index("uq_replica_files_id", _REPLICA, literal_column(_ID_HASH), unique=True).ddl_if("postgresql")
Index("uq_replica_files_path_hash", _REPLICA, literal_column(_PATH_HASH), unique=True).ddl_if("postgresql")
Index("ix_replica_files_external_id", replica_files.c.external_id, postgresql_using="hash").ddl_if("postgresql")

plans = Table(
    "plans",
    metadata,
    Column("id", Id, primary_key=True),
    Column("replication_id", ForeignKey("replications.id"), nullable=False),
    Column("scope", Text, nullable=False),  # initial | incremental | full | reconcile
    Column("status", Text, nullable=False),
    Column("from_seq", BigInteger, nullable=False),
    Column("to_seq", BigInteger, nullable=False),
    Column("as_of_sync_id", Text),
    Column("as_of", UtcDateTime),  # the moment of that sync
    Column("mode", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("problems", JSON, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("guard_reason", ToldText),
    Column("run_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index(None, "replication_id", "id"),
    sqlite_autoincrement=True,
)

operations = Table(
    "operations",
    metadata,
    Column("id", Id, primary_key=True),
    Column("plan_id", ForeignKey("plans.id"), nullable=False),
    Column("replication_id", Integer, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("op", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("new_path", Text),
    Column("size", BigInteger),
    Column("source_version", Text),
    Column("expected_dest_version", Text),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("bytes_done", BigInteger, nullable=False, server_default="0"),
    Column("resume", JSON),  # what finds an upload in parts again
    Column("internal_id", Text),
    Column("error", ToldText),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Index("ix_operations_plan_id_position", "plan_id", "position", unique=True),
    Index("ix_operations_plan_id_state", "plan_id", "state"),
    sqlite_autoincrement=True,
)

replication_problems = Table(  # files of which something could not be done, or never can: looked at by each run
    "replication_problems",
    metadata,
    Column("replication_id", Integer, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("kind", Text, nullable=False),  # collision | name | failed | stale | foreign
    Column("path", Text, nullable=False),
    Column("sentence", ToldText, nullable=False),
    Column("times", Integer, nullable=False),  # runs in a row that met it
    Column("since", UtcDateTime, nullable=False),
    Index(None, "replication_id"),
)

replication_leases = Table(
    "replication_leases",
    metadata,
    Column("replication_id", ForeignKey("replications.id"), primary_key=True, autoincrement=False),
    Column("token", BigInteger, nullable=False),
    Column("holder", JSON),
    Column("purpose", Text, nullable=False),
    Column("acquired_at", UtcDateTime, nullable=False),
    Column("heartbeat_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

console_sessions = Table(  # who is signed in at the console
    "console_sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # SHA-256 of what the cookie has
    Column("binding", Text, nullable=False),  # of the token of the API: with another token nobody is signed in
    Column("role", Text, nullable=False),  # viewer | operator | admin
    Column("user_agent", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
)

console_codes = Table(  # of one-time links that sign somebody in
    "console_codes",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)
