"""The syncs that ended, the files they wrote, and which of both may go."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    RowMapping,
    and_,
    delete,
    func,
    insert,
    null,
    or_,
    select,
    union,
    update,
)

from filesync_dagster.core.model import COMMITTED, SyncMode, SyncStatus
from filesync_dagster.storage.database import checkpoints, retention
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.records import SyncRecord
from filesync_dagster.storage.database.row_streams import AT_ONCE, in_batches
from filesync_dagster.storage.database.state import write_held
from filesync_dagster.storage.database.tables import endpoint_state, endpoints, file_changes, sync_logs

_COMMITTED_VALUES = [status.value for status in COMMITTED]
_COMMITTED = sync_logs.c.sync_status.in_(_COMMITTED_VALUES)
_ONE = sync_logs.alias()
"""A log that another is compared with, or chosen by."""


def write_log(connection: Connection, log: SyncRecord) -> None:
    """Write the row of a sync, in place of an earlier one of the same id (a held sync that was approved)."""
    connection.execute(delete(sync_logs).where(sync_logs.c.id == log.id))
    connection.execute(insert(sync_logs).values(**asdict(log)))


def record(database: Database, log: SyncRecord) -> None:
    """See Metadata.record."""
    with database.write_transaction() as connection:
        known = connection.execute(select(sync_logs.c.id).where(sync_logs.c.id == log.id)).first()
        if known is None:
            connection.execute(insert(sync_logs).values(**asdict(log)))


def hold(database: Database, lease: Lease, log: SyncRecord, location: str | None, cursor: str | None) -> None:
    """See Metadata.hold."""
    with database.write_transaction() as connection:
        lease.fence(connection)
        write_log(connection, log)
        write_held(connection, lease.endpoint_id, log.id, location, cursor, database.now(connection))
        checkpoints.clear(connection, lease.endpoint_id)


def sync_log(database: Database, sync_id: str) -> SyncRecord | None:
    """See Metadata.sync_log."""
    with database.read_transaction() as connection:
        row = connection.execute(select(sync_logs).where(sync_logs.c.id == sync_id)).mappings().one_or_none()
    return None if row is None else _record(row)


def read_logs(
    database: Database,
    endpoint_id: int,
    *,
    since: datetime | None,
    until: datetime | None,
    limit: int | None,
    live: bool,
) -> list[SyncRecord]:
    """See Metadata.sync_logs."""
    moment = func.coalesce(sync_logs.c.as_of, sync_logs.c.sync_completed)
    query = (
        select(sync_logs)
        .where(sync_logs.c.endpoint_id == endpoint_id)
        .order_by(sync_logs.c.sync_completed.desc(), sync_logs.c.id.desc())
    )
    if since is not None:
        query = query.where(moment >= since)
    if until is not None:
        query = query.where(moment < until)
    if live:
        query = query.where(sync_logs.c.mode != SyncMode.REPLAY.value)
    with database.read_transaction() as connection:
        return [_record(row) for row in connection.execute(query.limit(limit)).mappings()]


def snapshot_at(database: Database, endpoint_id: int, at: datetime) -> SyncRecord | None:
    """See Metadata.snapshot_at."""
    query = (
        select(sync_logs)
        .where(sync_logs.c.endpoint_id == endpoint_id, _COMMITTED, sync_logs.c.as_of <= at)
        .order_by(sync_logs.c.as_of.desc(), sync_logs.c.sync_completed.desc())
        .limit(1)
    )
    with database.read_transaction() as connection:
        row = connection.execute(query).mappings().one_or_none()
    # A snapshot that retention let go is not made up for by an older one, which says something else.
    return None if row is None or row["snapshot_uri"] is None else _record(row)


def outcomes(database: Database, run_ids: Iterable[str]) -> dict[str, dict[str, SyncStatus]]:
    """See Metadata.outcomes."""
    found: dict[str, dict[str, SyncStatus]] = {}
    query = select(sync_logs.c.run_id, endpoints.c.name, sync_logs.c.sync_status).join_from(sync_logs, endpoints)
    for some in in_batches(run_ids, AT_ONCE):
        with database.read_transaction() as connection:
            rows = connection.execute(query.where(sync_logs.c.run_id.in_(some)).order_by(sync_logs.c.sync_completed))
            for run_id, name, status in rows:
                found.setdefault(run_id, {})[name] = SyncStatus(status)
    return found


def latest(database: Database) -> dict[int, SyncRecord]:
    """See Metadata.latest_syncs."""
    return _newest(database, _ONE.c.mode != SyncMode.REPLAY.value)


def last_full(database: Database, endpoint_id: int | None) -> dict[int, SyncRecord]:
    """See Metadata.last_full."""
    committed = _ONE.c.sync_status.in_(_COMMITTED_VALUES)
    return _newest(database, committed, _ONE.c.mode == SyncMode.FULL.value, endpoint_id=endpoint_id)


def removed_since_listing(database: Database, endpoint_id: int) -> int:
    """See Metadata.removed_since_listing."""
    listed = (
        select(_ONE.c.sync_completed)
        .where(_ONE.c.endpoint_id == endpoint_id, _ONE.c.mode == SyncMode.FULL.value)
        .where(_ONE.c.sync_status.in_(_COMMITTED_VALUES))
        .order_by(_ONE.c.sync_completed.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(func.sum(sync_logs.c.files_removed)).where(
        sync_logs.c.endpoint_id == endpoint_id,
        _COMMITTED,
        sync_logs.c.mode == SyncMode.INCREMENTAL.value,
        sync_logs.c.sync_completed > listed,
    )
    with database.read_transaction() as connection:
        return int(connection.execute(query).scalar() or 0)


def _newest(database: Database, *wanted: ColumnElement[bool], endpoint_id: int | None = None) -> dict[int, SyncRecord]:
    """Return the newest log of each endpoint that is wanted, a condition on `_ONE`, by endpoint id.

    The index is read backwards from the end, for each endpoint: however long the logs are, that is quick.
    """
    newest = (
        select(_ONE.c.id)
        .where(_ONE.c.endpoint_id == endpoints.c.id, *wanted)
        .order_by(_ONE.c.sync_completed.desc(), _ONE.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(sync_logs).join_from(endpoints, sync_logs, sync_logs.c.id == newest)
    if endpoint_id is not None:
        query = query.where(endpoints.c.id == endpoint_id)
    with database.read_transaction() as connection:
        records = [_record(row) for row in connection.execute(query).mappings()]
    return {record.endpoint_id: record for record in records}


def ended_since(database: Database, moment: datetime, known: Container[str]) -> list[SyncRecord]:
    """See Metadata.syncs_since. Through the index of each endpoint: there is none on the moment alone."""
    log = sync_logs.c
    each = log.endpoint_id.in_(select(endpoints.c.id))  # a join would have SQLite scan the logs
    ended = select(log.id).where(each, log.sync_completed >= moment, log.mode != SyncMode.REPLAY.value)
    with database.read_transaction() as connection:
        new = [name for name in connection.execute(ended).scalars() if name not in known]
        wanted = (select(sync_logs).where(log.id.in_(some)) for some in in_batches(new, AT_ONCE))
        found = [_record(row) for query in wanted for row in connection.execute(query).mappings()]
    return sorted(found, key=lambda record: (record.sync_completed, record.id))


def changes_since(database: Database, endpoint_id: int, snapshot_uri: str, until: datetime | None) -> list[SyncRecord]:
    """See Metadata.changes_since."""
    log = sync_logs.c
    query = (
        select(sync_logs)
        .where(
            log.endpoint_id == endpoint_id,
            _COMMITTED,
            log.mode == SyncMode.INCREMENTAL.value,
            log.snapshot_uri == snapshot_uri,
            log.changes_uri.is_not(None),
        )
        .order_by(log.as_of, log.sync_completed, log.id)
    )
    if until is not None:
        query = query.where(log.as_of <= until)
    with database.read_transaction() as connection:
        found = [_record(row) for row in connection.execute(query).mappings()]
    return [record for record in found if record.id not in snapshot_uri]  # that one is in the snapshot already


def rebase(database: Database, lease: Lease, sync_id: str, snapshot_uri: str) -> None:
    """See Metadata.rebase."""
    log, state = sync_logs.c, endpoint_state.c
    with database.write_transaction() as connection:
        lease.fence(connection)
        ours = state.endpoint_id == lease.endpoint_id
        old = connection.execute(select(state.snapshot_uri).where(ours)).scalar_one()
        since = connection.execute(select(log.as_of).where(log.id == sync_id)).scalar_one()
        later = (log.endpoint_id == lease.endpoint_id, log.snapshot_uri == old, log.as_of >= since)
        connection.execute(update(sync_logs).where(*later).values(snapshot_uri=snapshot_uri))
        new = {"snapshot_uri": snapshot_uri, "snapshot_sync_id": sync_id}
        connection.execute(update(endpoint_state).where(ours).values(**new))


def prunable(
    database: Database, endpoint_id: int, before: datetime, days_before: datetime | None, zone: tzinfo = UTC
) -> list[str]:
    """See Metadata.prunable."""
    log = sync_logs.c
    query = (
        select(
            log.id,
            log.mode,
            log.as_of,
            log.sync_completed,
            log.snapshot_uri,
            log.changes_uri,
            _COMMITTED.label("committed"),
        )
        .where(log.endpoint_id == endpoint_id, or_(log.snapshot_uri.is_not(None), log.changes_uri.is_not(None)))
        .order_by(log.as_of, log.sync_completed)
    )
    pointers = select(endpoint_state).where(endpoint_state.c.endpoint_id == endpoint_id)
    with database.read_transaction() as connection:
        rows = connection.execute(query).all()
        state = connection.execute(pointers).one_or_none()
    pinned = set() if state is None else {state.snapshot_sync_id, state.held_sync_id}
    days = {
        row.as_of.astimezone(zone).date(): row.id
        for row in rows
        if row.committed and row.snapshot_uri and (days_before is None or row.as_of >= days_before)
    }
    pinned.update(days.values())
    # Several syncs may point to one snapshot: those after the first found nothing new.
    kept = {uri for row in rows if row.id in pinned or _moment(row) >= before for uri in _uris(row)}
    if state is not None:
        kept.add(state.snapshot_uri)
    # A snapshot that is kept may be one with changes on top of it.
    kept |= {row.changes_uri for row in rows if row.mode == SyncMode.INCREMENTAL.value and row.snapshot_uri in kept}
    return list(dict.fromkeys(uri for row in rows for uri in _uris(row) if uri not in kept))


def stored_files(database: Database, endpoint_id: int) -> set[str]:
    """See Metadata.stored_files."""
    log = sync_logs.c
    columns = [
        select(column).where(log.endpoint_id == endpoint_id, column.is_not(None))
        for column in (log.snapshot_uri, log.changes_uri)
    ]
    with database.read_transaction() as connection:
        return set(connection.execute(union(*columns)).scalars())


def forget_files(database: Database, uris: Iterable[str]) -> None:
    """See Metadata.forget_files."""
    for some in in_batches(uris, AT_ONCE):
        with database.write_transaction() as connection:
            for column in (sync_logs.c.snapshot_uri, sync_logs.c.changes_uri):
                connection.execute(update(sync_logs).where(column.in_(some)).values({column.name: null()}))


def prune_journal(database: Database, endpoint_id: int, before: datetime, *, dry_run: bool) -> int:
    """See Metadata.prune_journal."""
    journal = file_changes.c
    where = (journal.endpoint_id == endpoint_id, journal.observed_at < before)
    return retention.prune(database, file_changes, *where, dry_run=dry_run)


def prune_sync_logs(database: Database, endpoint_id: int, before: datetime, *, dry_run: bool) -> int:
    """See Metadata.prune_sync_logs."""
    log = sync_logs.c
    pinned = [
        select(column).where(column.is_not(None))
        for column in (endpoint_state.c.snapshot_sync_id, endpoint_state.c.held_sync_id)
    ]
    points_to_nothing = and_(log.snapshot_uri.is_(None), log.changes_uri.is_(None))
    # A file has the name of the sync that wrote it.
    found_nothing = and_(log.changes_uri.is_(None), log.snapshot_uri.not_like("%" + log.id + ".parquet"))
    where = (
        log.endpoint_id == endpoint_id,
        log.sync_completed < before,
        or_(points_to_nothing, found_nothing),
        *(log.id.not_in(ids) for ids in pinned),
    )
    return retention.prune(database, sync_logs, *where, dry_run=dry_run)


def _moment(row: Row[Any]) -> datetime:
    moment: datetime = row.as_of or row.sync_completed
    return moment


def _uris(row: Row[Any]) -> Iterator[str]:
    return (uri for uri in (row.snapshot_uri, row.changes_uri) if uri is not None)


def _record(row: RowMapping) -> SyncRecord:
    values = dict(row)
    values["sync_status"] = SyncStatus(values["sync_status"])
    values["mode"] = SyncMode(values["mode"])
    values["warnings"] = tuple(values["warnings"])
    return SyncRecord(**values)
