"""One transaction makes a sync visible: files, journal, log, state. It commits only while the lease is held."""

import secrets
from collections.abc import Container, Iterable, Iterator, Mapping

import pyarrow as pa
from sqlalchemy import Connection, bindparam, select, text

from filesync_dagster.storage.database import arrow_rows, checkpoints
from filesync_dagster.storage.database.arrow_rows import COLUMN_OF_FIELD, Staged
from filesync_dagster.storage.database.column_types import UtcDateTime
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.logs import write_log
from filesync_dagster.storage.database.records import NewState, SyncRecord
from filesync_dagster.storage.database.staging import stage_rows
from filesync_dagster.storage.database.state import clear_held, write_state
from filesync_dagster.storage.database.tables import POSTGRESQL_KEY, SQLITE_KEY, endpoint_state, endpoints, files

BULK_ROWS = 10_000
"""Rows after which PostgreSQL's planner should look again."""


def commit(
    database: Database,
    lease: Lease,
    log: SyncRecord,
    state: NewState | None,
    *,
    imported: Iterable[pa.RecordBatch],
    changes: Iterable[pa.RecordBatch],
    repathed: Iterable[pa.RecordBatch],
) -> None:
    """Write everything that a sync found, in one transaction; `Metadata.commit` says what the batches hold."""
    with stage_rows(database, _batches(lease, imported, changes, repathed)) as (connection, names):
        lease.fence(connection)
        if names:
            _write_rows(database, connection, log, names)
        seq = write_log(connection, log)
        if state is None:
            clear_held(connection, lease.endpoint_id)
        else:
            write_state(connection, lease.endpoint_id, state, seq, database.moment())
        checkpoints.clear(connection, lease.endpoint_id)
        if names:  # heartbeats had to wait meanwhile
            lease.extend(connection)


def _batches(
    lease: Lease,
    imported: Iterable[pa.RecordBatch],
    changes: Iterable[pa.RecordBatch],
    repathed: Iterable[pa.RecordBatch],
) -> Iterator[Staged]:
    for batch in imported:
        lease.check()
        yield arrow_rows.entries(batch)
    position = 0
    for batch in changes:
        lease.check()
        yield from arrow_rows.changes(batch, position)
        position += batch.num_rows
    for batch in repathed:
        lease.check()
        yield "incoming_paths", batch.select(["external_id", "path"])


def _write_rows(database: Database, connection: Connection, log: SyncRecord, names: Container[str]) -> None:
    steps = _STEPS if database.is_sqlite else _POSTGRESQL_STEPS
    if not _has_files(connection, log.endpoint_id):
        steps = {**steps, "incoming_entries": (_INSERT,)}
    steps = {table: statements for table, statements in steps.items() if table in names}
    written = _apply(connection, steps, _parameters(database, connection, log))
    if written >= BULK_ROWS and not database.is_sqlite:
        # Its own statistics come later; without them the next commit reads every row of the endpoint.
        connection.exec_driver_sql("ANALYZE files")


def _has_files(connection: Connection, endpoint_id: int) -> bool:
    """Tell whether there is anything to conflict with: looking for conflicts costs PostgreSQL as much as inserting."""
    found = select(files.c.id).where(files.c.endpoint_id == endpoint_id).limit(1)
    return connection.execute(found).first() is not None


def _parameters(database: Database, connection: Connection, log: SyncRecord) -> dict[str, object]:
    endpoint = connection.execute(
        select(endpoints.c.project_id, endpoints.c.user_id, endpoint_state.c.as_of)
        .outerjoin(endpoint_state, endpoint_state.c.endpoint_id == endpoints.c.id)
        .where(endpoints.c.id == log.endpoint_id),
    ).one()
    return {
        "endpoint_id": log.endpoint_id,
        "sync_id": log.id,
        "project_id": endpoint.project_id,
        "user_id": endpoint.user_id,
        "as_of": log.as_of or log.sync_completed,
        "last_as_of": endpoint.as_of,
        "now": database.now(connection),
        "mark": f"\x01{secrets.token_hex(8)}:",  # no file has this prefix: ids on their way to another one
    }


def _apply(connection: Connection, steps: Mapping[str, tuple[str, ...]], parameters: dict[str, object]) -> int:
    """Rows go, then ids change hands, then rows take their new values: each step finds the ids it was told.

    Returns the number of rows written.
    """
    written = 0
    for statements in steps.values():
        for statement in statements:
            query = text(statement)
            used = {name: parameters[name] for name in query.compile().params}
            moments = [
                bindparam(name, value, UtcDateTime)
                for name, value in used.items()
                if name in ("as_of", "last_as_of", "now")
            ]
            written += connection.execute(query.bindparams(*moments), used).rowcount
    return written


# What was in the trash has been gone for a while; now it is no row of the snapshot either.
_GONE = """
UPDATE files SET deleted_at = COALESCE(files.deleted_at, :as_of), gone_reason = incoming_gone.gone_reason,
  last_seen_at = CASE WHEN files.deleted_at IS NULL THEN COALESCE(:last_as_of, last_seen_at) ELSE last_seen_at END,
  updated_at = :now
FROM incoming_gone
WHERE files.endpoint_id = :endpoint_id AND files.external_id = incoming_gone.external_id
  AND (files.deleted_at IS NULL OR files.gone_reason = 'trashed')
"""

# What is left of a file that had the id before makes room for the one that has it now.
_MAKE_ROOM = """
DELETE FROM files
WHERE endpoint_id = :endpoint_id AND external_id IN (SELECT external_id FROM incoming_ids)
  AND external_id NOT IN (SELECT previous_id FROM incoming_ids)
"""

# In two steps, because ids may swap.
_LEAVE_ID = """
UPDATE files SET external_id = :mark || external_id
WHERE endpoint_id = :endpoint_id AND external_id IN (SELECT previous_id FROM incoming_ids)
"""

_TAKE_ID = """
UPDATE files SET external_id = incoming_ids.external_id
FROM incoming_ids
WHERE files.endpoint_id = :endpoint_id AND files.external_id = :mark || incoming_ids.previous_id
"""

_COLUMNS = [*COLUMN_OF_FIELD.values(), "name_search"]

_INSERT = f"""
INSERT INTO files (endpoint_id, {", ".join(_COLUMNS)}, title, project_id, user_id,
  first_seen_at, last_seen_at, deleted_at, gone_reason, created_at, updated_at)
SELECT CAST(:endpoint_id AS INTEGER), {", ".join(f"e.{column}" for column in _COLUMNS)}, e.name, :project_id, :user_id,
  :as_of, :as_of, CASE WHEN e.trashed = 1 THEN :as_of END, CASE WHEN e.trashed = 1 THEN 'trashed' END, :now, :now
FROM incoming_entries e WHERE true
"""

_UPSERT = f"""{_INSERT}
ON CONFLICT (%s) DO UPDATE SET
  {", ".join(f"{column} = excluded.{column}" for column in _COLUMNS if column != "external_id")},
  title = excluded.title, project_id = excluded.project_id, user_id = excluded.user_id,
  last_seen_at = excluded.last_seen_at,
  deleted_at = CASE WHEN excluded.deleted_at IS NOT NULL THEN COALESCE(files.deleted_at, excluded.deleted_at) END,
  gone_reason = excluded.gone_reason, updated_at = excluded.updated_at
"""

_REPATH = """
UPDATE files SET path = incoming_paths.path, last_seen_at = :as_of, updated_at = :now
FROM incoming_paths
WHERE files.endpoint_id = :endpoint_id AND files.external_id = incoming_paths.external_id
"""

_JOURNAL = """
INSERT INTO file_changes (endpoint_id, sync_id, external_id, change, path, "before", "after", observed_at)
SELECT CAST(:endpoint_id AS INTEGER), :sync_id, external_id, change, path, "before", "after", :as_of
FROM incoming_journal ORDER BY position
"""

_STEPS: dict[str, tuple[str, ...]] = {
    "incoming_gone": (_GONE,),
    "incoming_ids": (_MAKE_ROOM, _LEAVE_ID, _TAKE_ID),
    "incoming_entries": (_UPSERT % ", ".join(SQLITE_KEY),),
    "incoming_paths": (_REPATH,),
    "incoming_journal": (_JOURNAL,),
}
"""Which statements each staging table feeds, in the order that they must run."""

_POSTGRESQL_STEPS = {**_STEPS, "incoming_entries": (_UPSERT % ", ".join(POSTGRESQL_KEY),)}
