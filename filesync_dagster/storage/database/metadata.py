"""The metadata database as the rest of filesync sees it."""

from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, tzinfo
from types import TracebackType
from typing import Self

import pyarrow as pa

from filesync_dagster.core.model import SyncStatus
from filesync_dagster.storage.database import alerts, checkpoints, leases, logs, queues, requests, row_streams, state
from filesync_dagster.storage.database.alerts import AlertRecord, ExpectedRecord, Key, QueueTrouble
from filesync_dagster.storage.database.commit import commit
from filesync_dagster.storage.database.database import Database
from filesync_dagster.storage.database.leases import Lease
from filesync_dagster.storage.database.migrate import migrate
from filesync_dagster.storage.database.queues import DeadMessage, QueueRecord
from filesync_dagster.storage.database.records import (
    BreakerRecord,
    CheckpointRecord,
    EndpointRecord,
    EndpointState,
    LeaseRecord,
    NewState,
    RequestRecord,
    SyncRecord,
)

ROWS = 50_000


class Metadata:
    """An open metadata database. Threads may share one; processes each open their own.

    Every method may raise a StorageError: DatabaseUnavailable, DatabaseLocked, NotWritable, OutOfSpace or, for
    what has no name, DatabaseError. Methods that take a lease raise LeaseLost, and change nothing, when it is lost.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    def open(cls, url: str, *, patience: float = 60.0) -> Self:
        """Connect to `sqlite:///path` or `postgresql://…` and bring the tables up to date.

        `patience`: seconds to wait for a lock before DatabaseLocked. The folder of a SQLite file must exist.
        """
        database = Database(url, patience=patience)
        try:
            migrate(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Close the connections. Idempotent."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def register(self, endpoint: EndpointRecord) -> int:
        """Insert or update an endpoint by its name; return its id. Writes nothing when nothing changed."""
        return state.register(self._database, endpoint)

    def endpoint_ids(self) -> dict[str, int]:
        """Return every endpoint there ever was, by name."""
        return state.endpoint_ids(self._database)

    def endpoint_records(self) -> dict[int, EndpointRecord]:
        """Return every endpoint there ever was as it was configured last, by endpoint id."""
        return state.endpoint_records(self._database)

    def deactivate_except(self, names: Iterable[str]) -> None:
        """Mark every endpoint that is not named as inactive: it left the configuration. Its rows stay."""
        state.deactivate_except(self._database, names)

    def lease(self, endpoint_id: int, *, purpose: str = "sync", seconds: float = 60.0) -> AbstractContextManager[Lease]:
        """Hold the right to sync an endpoint; a heartbeat renews it until the block ends.

        Raises SyncInProgress, naming the holder. Taken over at once when it expired `seconds` after the last
        heartbeat, or when its holder was a process of this machine that died.
        """
        return leases.held_lease(self._database, endpoint_id, purpose, seconds)

    def running_leases(self) -> list[LeaseRecord]:
        """Leases that are held now, oldest first."""
        return leases.running_leases(self._database)

    def state(self, endpoint_id: int) -> EndpointState:
        """Where an endpoint stands; all None and zero before its first commit."""
        return state.state(self._database, endpoint_id)

    def states(self) -> dict[str, EndpointState]:
        """Where every endpoint stands, by name."""
        return state.states(self._database)

    def checkpoints(self, endpoint_id: int) -> list[CheckpointRecord]:
        """How far an unfinished listing has come, one record per scope begun, sorted by scope."""
        return checkpoints.load(self._database, endpoint_id)

    def unfinished_listings(self) -> dict[str, int]:
        """Return the endpoints that have a listing to resume, and how many rows of it are saved."""
        return checkpoints.unfinished_listings(self._database)

    def save_checkpoint(self, lease: Lease, record: CheckpointRecord) -> None:
        """Replace the checkpoint of a scope."""
        checkpoints.save(self._database, lease, record)

    def clear_checkpoints(self, lease: Lease) -> None:
        """Forget an unfinished listing."""
        with self._database.write_transaction() as connection:
            lease.fence(connection)
            checkpoints.clear(connection, lease.endpoint_id)

    def commit(
        self,
        lease: Lease,
        log: SyncRecord,
        state: NewState | None,
        *,
        imported: Iterable[pa.RecordBatch] = (),
        changes: Iterable[pa.RecordBatch] = (),
        repathed: Iterable[pa.RecordBatch] = (),
    ) -> None:
        """Make a sync visible, in one transaction: files, journal, log, state; checkpoints and held sync are cleared.

        The lease is checked inside, and locked until the end. Every batch is read before anything of ours is locked.

        * `imported`: FILE_SCHEMA rows of a first import, written without journal
        * `changes`: CHANGE_SCHEMA rows, written and journalled. `after` null: the row is gone (`left_scope` or
          removed). `after.trashed`: gone, its columns updated. Other external_ids before and after: the same row
          goes on under the new id, in place of what is left of a file that had that id before.
        * `repathed`: (external_id, path) below moved folders, not journalled

        An external_id comes once in `imported` and at most once as the `after` of a change. `log.as_of` is the moment
        of all of it. `state` None leaves the state as it is.
        """
        commit(self._database, lease, log, state, imported=imported, changes=changes, repathed=repathed)

    def record(self, log: SyncRecord) -> None:
        """Write the log of a sync that committed nothing. Needs no lease.

        A sync that has a log keeps it: what fails after its commit, or while the answer to the commit is on its way,
        undoes nothing.
        """
        logs.record(self._database, log)

    def hold(self, lease: Lease, log: SyncRecord, location: str | None = None, cursor: str | None = None) -> None:
        """Write the log of a sync that the guard stopped, make it the held one, forget its checkpoints.

        `location`: fingerprint of what it listed; `cursor`: where the change feed goes on once it is approved.
        """
        logs.hold(self._database, lease, log, location, cursor)

    def drop_held(self, lease: Lease) -> None:
        """Reject the held sync. Its log stays. Raises NothingHeld."""
        state.drop_held(self._database, lease)

    def expire_proofs(self, names: Iterable[str]) -> None:
        """Let the next sync of these endpoints, given by their names, list everything."""
        state.expire_proofs(self._database, names)

    def sync_log(self, sync_id: str) -> SyncRecord | None:
        """The log of one sync."""
        return logs.sync_log(self._database, sync_id)

    def outcomes(self, run_ids: Iterable[str]) -> dict[str, dict[str, SyncStatus]]:
        """Return how the syncs of some of Dagster's runs ended, by run and name of the endpoint."""
        return logs.outcomes(self._database, run_ids)

    def sync_logs(
        self,
        endpoint_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int | None = None,
        live: bool = False,
    ) -> list[SyncRecord]:
        """Logs of syncs that tell of a moment in [since, until), by when they ended, newest first.

        `live`: without those that rebuilt a past day.
        """
        return logs.read_logs(self._database, endpoint_id, since=since, until=until, limit=limit, live=live)

    def latest_syncs(self) -> dict[int, SyncRecord]:
        """The last sync of every endpoint, by endpoint id, without those that rebuilt a past day."""
        return logs.latest(self._database)

    def syncs_since(self, moment: datetime, known: Container[str] = ()) -> list[SyncRecord]:
        """Logs of syncs of any endpoint that ended at a moment or later, oldest first.

        Without those whose ids are `known`, and those that rebuilt a past day.
        """
        return logs.ended_since(self._database, moment, known)

    def snapshot_at(self, endpoint_id: int, at: datetime) -> SyncRecord | None:
        """The committed sync with the greatest as_of up to `at`; None when there is none or its snapshot was let go."""
        return logs.snapshot_at(self._database, endpoint_id, at)

    def files(self, endpoint_id: int, *, gone: bool = False, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """Live files, with `gone` the others too, in FILES_SCHEMA by path and external_id (byte order).

        The stream is one consistent state; it keeps a transaction open until it is read or closed.
        """
        return row_streams.inventory(self._database, endpoint_id, gone=gone, rows=rows)

    def entries(self, endpoint_id: int, *, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """Live and trashed entries as a connector gave them, in ENTRY_SCHEMA by external_id: a lost snapshot.

        A date outside of the years 1 to 9999 is null.
        """
        return row_streams.entries(self._database, endpoint_id, rows=rows)

    def entries_of(self, endpoint_id: int, ids: Iterable[str], *, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """Those of these ids that the last snapshot has, in ENTRY_SCHEMA, in any order."""
        return row_streams.entries_of(self._database, endpoint_id, ids, rows)

    def children(self, endpoint_id: int, folders: Iterable[str], *, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """What the last snapshot has right in these folders, in ENTRY_SCHEMA, in any order."""
        return row_streams.children(self._database, endpoint_id, folders, rows)

    def tops(self, endpoint_id: int, *, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """What the last snapshot has in no folder, in ENTRY_SCHEMA, in any order."""
        return row_streams.tops(self._database, endpoint_id, rows)

    def has_more_files(self, endpoint_id: int, scope: str, than: int) -> bool:
        """Whether a scope has more than so many live files, folders left out."""
        return row_streams.has_more_files(self._database, endpoint_id, scope, than)

    def last_full(self, endpoint_id: int | None = None) -> dict[int, SyncRecord]:
        """The last committed sync that listed everything, by endpoint id; of one endpoint or of all."""
        return logs.last_full(self._database, endpoint_id)

    def removed_since_listing(self, endpoint_id: int) -> int:
        """How many files incremental syncs removed since the last committed sync that listed everything."""
        return logs.removed_since_listing(self._database, endpoint_id)

    def changes_since(self, endpoint_id: int, snapshot_uri: str, until: datetime | None = None) -> list[SyncRecord]:
        """Incremental syncs that committed changes on top of a stored snapshot, oldest first, up to a moment."""
        return logs.changes_since(self._database, endpoint_id, snapshot_uri, until)

    def rebase(self, lease: Lease, sync_id: str, snapshot_uri: str) -> None:
        """Let the state, and the logs from this sync on, point to a whole snapshot that says what they said."""
        logs.rebase(self._database, lease, sync_id, snapshot_uri)

    def now(self) -> datetime:
        """The time of the database, which all its users share."""
        return alerts.now(self._database)

    def expectations(self) -> dict[str, ExpectedRecord]:
        """How often each endpoint is expected to be synced, by name."""
        return alerts.read_expectations(self._database)

    def expect(self, found: Mapping[str, ExpectedRecord]) -> None:
        """Note how often endpoints, given by their names, are expected to be synced, and since when."""
        alerts.expect(self._database, found)

    def synced_in(self, run_id: str, since: datetime) -> set[str]:
        """The endpoints of which a sync in this run ended, at `since` or later; of a run, when it began."""
        return alerts.synced_in(self._database, run_id, since)

    def queue_troubles(self) -> list[QueueTrouble]:
        """Queues with messages that could not be used, or that cannot be looked at."""
        return alerts.queue_troubles(self._database)

    def alerts(self, *, standing: bool = False) -> list[AlertRecord]:
        """What is wrong and, unless only what stands is asked for, what was wrong; oldest first."""
        return alerts.read(self._database, standing=standing)

    def raise_alerts(self, found: Iterable[AlertRecord], seen_at: datetime) -> None:
        """Let these stand, untold. One that stands already stays as it is, told or not.

        `seen_at`: when it was looked, by `now`. One that was cleared since then stays cleared.
        """
        alerts.raise_(self._database, found, seen_at)

    def clear_alerts(
        self, keys: Iterable[tuple[Key, str | None]], seen_at: datetime, *, silently: bool = False
    ) -> None:
        """Let these be over, untold unless `silently`; each with the run that cleared it, where there is one.

        One that was raised after `seen_at` stands.
        """
        alerts.clear(self._database, keys, seen_at, silently=silently)

    def claim_alerts(self, seconds: float) -> list[AlertRecord]:
        """Every transition that is to be told now. Nobody else gets it before so many seconds have passed."""
        return alerts.claim(self._database, seconds)

    def note_told(
        self,
        told: Collection[AlertRecord],
        channels: Collection[str],
        *,
        error: str | None = None,
        wait: float | None = None,
    ) -> None:
        """Note which channels know of claimed transitions by now.

        `wait`: seconds until the others are tried again; None: there are no others. What has changed since it was
        claimed is left alone: the later transition is still to be told.
        """
        alerts.note(self._database, told, channels, error=error, wait=wait)

    def prune_alerts(self, before: datetime, *, dry_run: bool = False) -> int:
        """Delete alerts that were over, and told, before a moment; return how many (with `dry_run`, would be)."""
        return alerts.prune(self._database, before, dry_run=dry_run)

    def breaker(self, endpoint_id: int) -> BreakerRecord:
        """Whether the store of an endpoint is left alone; closed when nothing was ever noted."""
        return state.read_breakers(self._database, endpoint_id).get(endpoint_id) or BreakerRecord(endpoint_id)

    def breakers(self) -> dict[int, BreakerRecord]:
        """Every breaker that was ever noted, by endpoint id."""
        return state.read_breakers(self._database)

    def save_breaker(self, record: BreakerRecord) -> None:
        """Replace the breaker of an endpoint. Needs no lease."""
        state.save_breaker(self._database, record)

    def ask(self, endpoint: str, source: str, *, full: bool = False) -> bool:
        """Ask for a sync of an endpoint, by its name; False when the same, or more, is already asked for.

        A request that no run has taken says all that a later one could: whoever takes it syncs what is there then.
        """
        return requests.ask(self._database, endpoint, source, full=full)

    def waiting_requests(self) -> list[RequestRecord]:
        """Syncs that were asked for and are not done, oldest first."""
        return requests.waiting_requests(self._database)

    def take_requests(self, names: Iterable[str]) -> list[RequestRecord]:
        """Note that a run sets about what waits for these endpoints, and return it. It waits until it is settled."""
        return requests.take(self._database, names)

    def settle_requests(self, ids: Collection[int]) -> None:
        """Note that syncs which were asked for are done."""
        requests.settle(self._database, ids)

    def queues(self) -> list[QueueRecord]:
        """How every queue is doing that was ever looked at, by name."""
        return queues.read_queues(self._database)

    def note_queue(self, name: str, depth: int | None, error: str | None = None) -> None:
        """Note how many messages wait in a queue, or why nobody can tell."""
        queues.note_look(self._database, name, depth, error)

    def note_received(self, name: str, count: int, unrouted: int = 0) -> None:
        """Count messages that were received and acknowledged, and keys that concerned no endpoint."""
        queues.note_received(self._database, name, count, unrouted)

    def dead_letter(self, name: str, messages: Sequence[DeadMessage]) -> int:
        """Set messages of a queue aside; return how many. One that is there already stays as it is.

        Of one queue the last thousand are kept.
        """
        return queues.dead_letter(self._database, name, messages)

    def dead_messages(self, ids: Collection[int]) -> list[DeadMessage]:
        """Messages of these ids that were set aside, oldest first."""
        return queues.dead(self._database, ids)

    def each_dead_message(
        self, names: Collection[str] | None = None, *, characters: int | None = None
    ) -> Iterator[DeadMessage]:
        """Messages of some queues that were set aside, oldest first; `characters`: of their bodies, so much."""
        return queues.each_dead(self._database, names, characters)

    def drop_dead_messages(self, ids: Collection[int]) -> int:
        """Forget messages that were set aside; return how many."""
        return queues.drop(self._database, ids)

    def drop_all_dead_messages(self, names: Collection[str]) -> int:
        """Forget all messages of some queues that were set aside; return how many."""
        return queues.drop_all(self._database, names)

    def prune_requests(self, before: datetime, *, dry_run: bool = False) -> int:
        """Forget what was asked for before a moment, done or of nobody's interest; return how many."""
        return requests.prune(self._database, before, dry_run=dry_run)

    def journal(
        self,
        endpoint_id: int,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        after_seq: int | None = None,
        rows: int = ROWS,
    ) -> Iterator[pa.RecordBatch]:
        """Changes observed in [since, until) and journalled after `after_seq`, oldest first, in JOURNAL_SCHEMA."""
        return row_streams.journal(
            self._database, endpoint_id, since=since, until=until, after_seq=after_seq, rows=rows
        )

    def last_seq(self, endpoint_id: int) -> int:
        """The seq of the last change of an endpoint that is journalled; 0 when there is none.

        Syncs of one endpoint come one after the other, so a later change has a higher one.
        """
        return row_streams.last_seq(self._database, endpoint_id)

    def activity(
        self, endpoint_ids: Iterable[int], since: datetime, until: datetime
    ) -> Iterator[tuple[datetime, str, int]]:
        """How many changes of each kind the journal has of each quarter of an hour in [since, until)."""
        return row_streams.activity(self._database, endpoint_ids, since, until)

    def prunable(
        self, endpoint_id: int, before: datetime, *, days_before: datetime | None = None, zone: tzinfo = UTC
    ) -> list[str]:
        """Snapshots and changes of syncs before a moment that may go.

        Kept: what the current state or a held sync points to, and the last committed sync of each day in `zone`,
        back to `days_before`.
        """
        return logs.prunable(self._database, endpoint_id, before, days_before, zone)

    def stored_files(self, endpoint_id: int) -> set[str]:
        """Snapshots and changes that a log of the endpoint points to."""
        return logs.stored_files(self._database, endpoint_id)

    def forget_files(self, uris: Iterable[str]) -> None:
        """Let no log point to these any more. Call it before deleting them."""
        logs.forget_files(self._database, uris)

    def prune_journal(self, endpoint_id: int, before: datetime, *, dry_run: bool = False) -> int:
        """Delete changes observed before a moment; return how many (with `dry_run`, would be)."""
        return logs.prune_journal(self._database, endpoint_id, before, dry_run=dry_run)

    def prune_sync_logs(self, endpoint_id: int, before: datetime, *, dry_run: bool = False) -> int:
        """Delete logs of syncs that ended before a moment; return how many (with `dry_run`, would be).

        Kept: logs that point to files (a sync that found nothing new points to an earlier one's, and may go), and
        the log of a held sync.
        """
        return logs.prune_sync_logs(self._database, endpoint_id, before, dry_run=dry_run)
