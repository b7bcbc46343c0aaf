"""The syncs that ended, the files they wrote, and which of both may go."""

from collections.abc import Container, Iterable, Iterator
from dataclasses import asdict
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Row,
    RowMapping,
    ScalarSelect,
    Select,
    and_,
    delete,
    func,
    null,
    or_,
    select,
    union,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from filesync_dagster.core.guard import Peak
from filesync_dagster.core.model import COMMITTED, SyncMode, SyncStatus
from filesync_dagster.storage.database import checkpoints, retention
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.parameters import AT_ONCE, in_batches
from filesync_dagster.storage.database.records import SyncRecord
from filesync_dagster.storage.database.state import write_held
from filesync_dagster.storage.database.tables import SYNC_ORDER, endpoint_state, endpoints, stored_files, sync_logs

_COMMITTED_VALUES = [status.value for status in COMMITTED]
_COMMITTED = sync_logs.c.sync_status.in_(_COMMITTED_VALUES)
ONE = sync_logs.alias()
"""A log that another is compared with, or chosen by."""


def write_log(connection: Connection, log: SyncRecord) -> int:
    """Write the row of a sync, in place of an earlier one of the same id; return its place in the order of commits."""
    is_sqlite = connection.dialect.name == "sqlite"
    values = {**asdict(log), "seq": log.seq or (_next_seq(log.endpoint_id) if is_sqlite else SYNC_ORDER.next_value())}
    row = (sqlite.insert if is_sqlite else postgresql.insert)(sync_logs).values(**values)
    changed = {name: row.excluded[name] for name in values if name != "id"}
    written = row.on_conflict_do_update(index_elements=[sync_logs.c.id], set_=changed).returning(sync_logs.c.seq)
    return int(connection.execute(written).scalar_one())


def _next_seq(endpoint_id: int) -> ScalarSelect[int]:
    """Return a number that no log of the endpoint has reached; whoever commits holds the endpoint's lease."""
    last = func.coalesce(func.max(sync_logs.c.seq), 0)
    return select(last + 1).where(sync_logs.c.endpoint_id == endpoint_id).scalar_subquery()


def is_on_top_of(log: FromClause, endpoint_id: Any, snapshot_uri: Any) -> tuple[ColumnElement[bool], ...]:
    """Return what holds of the logs of incremental syncs that committed changes on top of a stored snapshot."""
    return (
        log.c.endpoint_id == endpoint_id,
        log.c.sync_status.in_(_COMMITTED_VALUES),
        log.c.mode == SyncMode.INCREMENTAL.value,
        log.c.snapshot_uri == snapshot_uri,
        log.c.changes_uri.is_not(None),
        log.c.snapshot_uri.not_like("%" + log.c.id + "%"),  # that one is in the snapshot already
    )


def newest_log(*wanted: ColumnElement[bool]) -> ScalarSelect[str]:
    """Return the id of the last log of an endpoint of the query around it; `wanted`: conditions on `ONE`."""
    return (
        select(ONE.c.id)
        .where(ONE.c.endpoint_id == endpoints.c.id, *wanted)
        .order_by(ONE.c.seq.desc(), ONE.c.sync_completed.desc())
        .limit(1)
        .correlate(endpoints)
        .scalar_subquery()
    )


class SyncRepository:
    """The logs of syncs that ended, and the files that they point to."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, log: SyncRecord) -> None:
        """Write the log of a sync that committed nothing. Needs no lease.

        A sync that has a log keeps it: what fails after its commit, or while the answer to the commit is on its way,
        undoes nothing.
        """
        with self._database.write_transaction() as connection:
            known = connection.execute(select(sync_logs.c.id).where(sync_logs.c.id == log.id)).first()
            if known is None:
                write_log(connection, log)

    def hold(self, lease: Lease, log: SyncRecord, location: str | None = None, cursor: str | None = None) -> None:
        """Write the log of a sync that the guard stopped, make it the held one, forget its checkpoints.

        `location`: fingerprint of what it listed; `cursor`: where the change feed goes on once it is approved.
        """
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            write_log(connection, log)
            write_held(connection, lease.endpoint_id, log.id, location, cursor, self._database.now(connection))
            checkpoints.clear(connection, lease.endpoint_id)

    def get(self, sync_id: str) -> SyncRecord | None:
        """The log of one sync."""
        with self._database.read_transaction() as connection:
            row = connection.execute(select(sync_logs).where(sync_logs.c.id == sync_id)).mappings().one_or_none()
        return None if row is None else _record(row)

    def outcomes(self, run_ids: Iterable[str]) -> dict[str, dict[str, SyncStatus]]:
        """Return how the syncs of some of Dagster's runs ended, by run and name of the endpoint."""
        found: dict[str, dict[str, SyncStatus]] = {}
        query = select(sync_logs.c.run_id, endpoints.c.name, sync_logs.c.sync_status).join_from(sync_logs, endpoints)
        for some in in_batches(run_ids, AT_ONCE):
            with self._database.read_transaction() as connection:
                rows = connection.execute(query.where(sync_logs.c.run_id.in_(some)).order_by(sync_logs.c.seq))
                for run_id, name, status in rows:
                    found.setdefault(run_id, {})[name] = SyncStatus(status)
        return found

    def between(
        self,
        endpoint_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        live: bool = False,
    ) -> list[SyncRecord]:
        """Logs of syncs that tell of a moment in [since, until), in the order of their commits, the last one first.

        `live`: without those that rebuilt a past day.
        """
        moment = func.coalesce(sync_logs.c.as_of, sync_logs.c.sync_completed)
        order = (sync_logs.c.seq.desc(), sync_logs.c.sync_completed.desc())
        query = select(sync_logs).where(sync_logs.c.endpoint_id == endpoint_id).order_by(*order)
        if since is not None:
            query = query.where(moment >= since)
        if until is not None:
            query = query.where(moment < until)
        if live:
            query = query.where(sync_logs.c.mode != SyncMode.REPLAY.value)
        with self._database.read_transaction() as connection:
            return [_record(row) for row in connection.execute(query.limit(limit)).mappings()]

    def sizes(self, endpoint_ids: Iterable[int], since: datetime) -> list[tuple[int, datetime, int, int]]:
        """Endpoint, moment, files and bytes of the last commit of each day since a moment, and of the last before it.

        Days are those of UTC.
        """
        log = sync_logs.c
        done = log.sync_status.in_([SyncStatus.COMPLETED.value, SyncStatus.PARTIAL.value])
        live = (done, log.mode != SyncMode.REPLAY.value, log.as_of.is_not(None))
        numbers = set(endpoint_ids)
        day = func.date(log.as_of)
        daily = select(func.max(log.seq)).where(*live, log.as_of >= since).group_by(log.endpoint_id, day)
        before = select(func.max(log.seq)).where(*live, log.as_of < since).group_by(log.endpoint_id)
        found: list[Any] = []
        with self._database.read_transaction() as connection:
            for chosen in (daily, before):
                columns = (log.endpoint_id, log.as_of, log.files_total, log.bytes_total)
                found += connection.execute(select(*columns).where(log.seq.in_(chosen))).all()
        return [(number, moment, count, size) for number, moment, count, size in found if number in numbers]

    def latest(self) -> dict[int, SyncRecord]:
        """The last sync of every endpoint, by endpoint id, without those that rebuilt a past day."""
        return _newest(self._database, ONE.c.mode != SyncMode.REPLAY.value)

    def ended_since(self, moment: datetime, known: Container[str] = ()) -> list[SyncRecord]:
        """Logs of syncs of any endpoint that ended at a moment or later, oldest first.

        Without those whose ids are `known`, and those that rebuilt a past day.
        """
        log = sync_logs.c
        each = log.endpoint_id.in_(select(endpoints.c.id))  # a join would have SQLite scan the logs
        ended = select(log.id).where(each, log.sync_completed >= moment, log.mode != SyncMode.REPLAY.value)
        with self._database.read_transaction() as connection:
            new = [name for name in connection.execute(ended).scalars() if name not in known]
            wanted = (select(sync_logs).where(log.id.in_(some)) for some in in_batches(new, AT_ONCE))
            found = [_record(row) for query in wanted for row in connection.execute(query).mappings()]
        return sorted(found, key=lambda record: (record.sync_completed, record.id))

    def snapshot_at(self, endpoint_id: int, at: datetime) -> SyncRecord | None:
        """The last committed sync that describes a moment up to `at`; None: there is none, or its snapshot was let go.

        The last by the order of commits: clocks step back. What was rebuilt of a past day is of the end of that day,
        whenever it was.
        """
        log = sync_logs.c
        query = select(sync_logs).where(log.endpoint_id == endpoint_id, _COMMITTED, log.as_of <= at).limit(1)
        rebuilt = log.mode == SyncMode.REPLAY.value
        with self._database.read_transaction() as connection:
            live = _first(connection, query.where(~rebuilt).order_by(log.seq.desc(), log.as_of.desc()))
            past = query.where(rebuilt).order_by(log.as_of.desc(), log.seq.desc())
            rows = [row for row in (live, _first(connection, past)) if row is not None]
        row = max(rows, key=lambda found: (found["as_of"], found["seq"]), default=None)
        # A snapshot that retention let go is not made up for by an older one, which says something else.
        return None if row is None or row["snapshot_uri"] is None else _record(row)

    def first_snapshot(self, endpoint_id: int) -> SyncRecord | None:
        """The committed sync whose snapshot describes the earliest moment of those that are stored; None: none is."""
        log = sync_logs.c
        stored = (log.endpoint_id == endpoint_id, _COMMITTED, log.snapshot_uri.is_not(None), log.as_of.is_not(None))
        with self._database.read_transaction() as connection:
            row = _first(connection, select(sync_logs).where(*stored).limit(1).order_by(log.as_of, log.seq))
        return None if row is None else _record(row)

    def last_full(self, endpoint_id: int | None = None) -> dict[int, SyncRecord]:
        """The last committed sync that listed everything, by endpoint id; of one endpoint or of all."""
        committed = ONE.c.sync_status.in_(_COMMITTED_VALUES)
        return _newest(self._database, committed, ONE.c.mode == SyncMode.FULL.value, endpoint_id=endpoint_id)

    def peak(self, endpoint_id: int, since: datetime) -> Peak:
        """The most files that an endpoint had, of what syncs took away that ended since a moment.

        What was confirmed is no loss: from there on it is counted anew.
        """
        log = sync_logs.c
        query = (
            select(log.files_before, log.files_left_scope, log.confirmed_by)
            .where(
                log.endpoint_id == endpoint_id,
                _COMMITTED,
                log.mode != SyncMode.REPLAY.value,
                log.sync_completed >= since,
                or_(log.files_removed > 0, log.files_left_scope > 0, log.confirmed_by.is_not(None)),
            )
            .order_by(log.seq)
        )
        peak = Peak()
        with self._database.read_transaction() as connection:
            for row in connection.execute(query):
                if row.confirmed_by is not None:
                    peak = Peak()
                    continue
                if row.files_before is not None and row.files_before >= peak.files:
                    peak = Peak(row.files_before)
                peak = Peak(peak.files, peak.left_scope + row.files_left_scope)
        return peak

    def first_change_after(self, endpoint_id: int, sync_id: str) -> datetime | None:
        """Return when the first sync was committed that changed something after another one; None when none did."""
        log, given = sync_logs.c, sync_logs.alias().c
        since = select(given.seq).where(given.id == sync_id).scalar_subquery()
        query = (
            select(func.min(log.sync_completed))
            .where(log.endpoint_id == endpoint_id, log.seq > since, log.sync_status.in_(_COMMITTED_VALUES))
            .where(log.changes_uri.is_not(None))
        )
        with self._database.read_transaction() as connection:
            return connection.execute(query).scalar()

    def changes_since(self, endpoint_id: int, snapshot_uri: str, until: int | None = None) -> list[SyncRecord]:
        """Incremental syncs that committed changes on top of a stored snapshot, in their order, up to a `seq`."""
        log = sync_logs.c
        query = select(sync_logs).where(*is_on_top_of(sync_logs, endpoint_id, snapshot_uri)).order_by(log.seq)
        if until is not None:
            query = query.where(log.seq <= until)
        with self._database.read_transaction() as connection:
            return [_record(row) for row in connection.execute(query).mappings()]

    def rebase(self, lease: Lease, sync_id: str, snapshot_uri: str) -> None:
        """Let the state, and the logs from this sync on, point to a whole snapshot that says what they said."""
        log, state = sync_logs.c, endpoint_state.c
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            ours = state.endpoint_id == lease.endpoint_id
            old = connection.execute(select(state.snapshot_uri).where(ours)).scalar_one()
            since = connection.execute(select(log.seq).where(log.id == sync_id)).scalar_one()
            later = (log.endpoint_id == lease.endpoint_id, log.snapshot_uri == old, log.seq >= since)
            connection.execute(update(sync_logs).where(*later).values(snapshot_uri=snapshot_uri))
            new = {"snapshot_uri": snapshot_uri, "snapshot_sync_id": sync_id}
            connection.execute(update(endpoint_state).where(ours).values(**new))

    def prunable(
        self, endpoint_id: int, before: datetime, *, days_before: datetime | None = None, zone: tzinfo = UTC
    ) -> list[str]:
        """Snapshots and changes of syncs before a moment that may go.

        Kept: what the current state or a held sync points to, and the last committed sync of each day in `zone`,
        back to `days_before`.
        """
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
            .order_by(log.seq, log.as_of)
        )
        pointers = select(endpoint_state).where(endpoint_state.c.endpoint_id == endpoint_id)
        with self._database.read_transaction() as connection:
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

    def stored_files(self, endpoint_id: int) -> set[str]:
        """Snapshots and changes that a log of the endpoint points to."""
        log = sync_logs.c
        columns = [
            select(column).where(log.endpoint_id == endpoint_id, column.is_not(None))
            for column in (log.snapshot_uri, log.changes_uri)
        ]
        with self._database.read_transaction() as connection:
            return set(connection.execute(union(*columns)).scalars())

    def forget_files(self, uris: Iterable[str]) -> None:
        """Let no log point to these any more. Call it before deleting them."""
        for some in in_batches(uris, AT_ONCE):
            with self._database.write_transaction() as connection:
                for column in (sync_logs.c.snapshot_uri, sync_logs.c.changes_uri):
                    connection.execute(update(sync_logs).where(column.in_(some)).values({column.name: null()}))
                connection.execute(delete(stored_files).where(stored_files.c.uri.in_(some)))

    def prune(self, endpoint_id: int, before: datetime, *, dry_run: bool = False) -> int:
        """Delete logs of syncs that ended before a moment; return how many (with `dry_run`, would be).

        Kept: logs that point to files (a sync that found nothing new points to an earlier one's, and may go), and
        the log of a held sync.
        """
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
        return retention.prune(self._database, sync_logs, *where, dry_run=dry_run)


def _first(connection: Connection, query: Select[Any]) -> RowMapping | None:
    return connection.execute(query).mappings().first()


def _newest(database: Database, *wanted: ColumnElement[bool], endpoint_id: int | None = None) -> dict[int, SyncRecord]:
    """Return the last log of each endpoint that is wanted, a condition on `ONE`, by endpoint id.

    The index is read backwards from the end, for each endpoint: however long the logs are, that is quick.
    """
    query = select(sync_logs).join_from(endpoints, sync_logs, sync_logs.c.id == newest_log(*wanted))
    if endpoint_id is not None:
        query = query.where(endpoints.c.id == endpoint_id)
    with database.read_transaction() as connection:
        records = [_record(row) for row in connection.execute(query).mappings()]
    return {record.endpoint_id: record for record in records}


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
