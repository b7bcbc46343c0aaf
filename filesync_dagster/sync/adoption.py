"""What lies in the snapshot root and the database does not know, taken in: after a restore, a loss, a move.

Logs and digests come back as the files tell them. Syncs that came after the state of the database are committed once
more, in their order: its files, its journal and its state are then theirs, and the next sync goes on from there. Files
of the root are not changed; what is damaged is named.
"""

from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import duckdb

from filesync_dagster.config import Endpoint, location_of
from filesync_dagster.core.errors import FilesyncError, SnapshotError
from filesync_dagster.core.guard import Proposal, objections
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import COMMITTED, Capabilities, ChangeCounts, Meter, SyncMode, SyncStatus
from filesync_dagster.storage.database import (
    MAINTENANCE,
    EndpointState,
    Lease,
    NewState,
    StoredFileRecord,
    SyncRecord,
)
from filesync_dagster.storage.snapshots import StoredFile, parquet
from filesync_dagster.sync import diff
from filesync_dagster.sync.provenance import tail_of
from filesync_dagster.sync.relations import DetectedChanges, Relation
from filesync_dagster.sync.root_contents import RootContents, StoredSync, commits_of, name_of, read_root
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.snapshot_chain import materialize_state, rebuild_from_database

UNDECIDED = "The guard held it, or would have, and no file tells that it was approved: the next sync decides anew."


@dataclass
class Adoption:
    """What was found of one endpoint, and what became, or would become, of it."""

    endpoint: str
    files: int = 0  # in the root
    known: int = 0  # of them, to the database
    syncs: int = 0  # logs that were rebuilt
    committed: int = 0  # of them, those that brought the inventory up to date
    moved: int = 0  # files that the database looked for elsewhere
    damaged: list[str] = field(default_factory=list)  # URIs
    missing: list[str] = field(default_factory=list)  # URIs that logs point to
    error: str | None = None  # why nothing was done

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def adopt(runtime: Runtime, *, dry_run: bool = False) -> list[Adoption]:
    """Take over the snapshot root, and take in what the database does not know; return what was found, by endpoint.

    `dry_run`: only look. Raises StorageError.
    """
    if not dry_run:
        runtime.snapshots.claim(take_over=True)
    configured = {endpoint.name: endpoint for endpoint in runtime.config.endpoints}
    known = runtime.metadata.endpoints.ids()
    found = []
    for name in sorted({*runtime.snapshots.endpoints(), *known}):
        adoption = Adoption(name)
        found.append(adoption)
        try:
            if name not in known and name not in configured:
                adoption.files = len(runtime.snapshots.files(name))
                adoption.error = "endpoints.yaml has no such endpoint."
            elif dry_run:
                _Adopter(runtime, configured.get(name), known.get(name, 0), adoption).look()
            else:
                _adopt_one(runtime, configured.get(name), known.get(name), adoption)
        except FilesyncError as error:  # one endpoint's trouble is not another's
            adoption.error = str(error)
        event("root.adopted", dry_run=dry_run, **adoption.as_dict())
    return found


def _adopt_one(runtime: Runtime, endpoint: Endpoint | None, known: int | None, adoption: Adoption) -> None:
    if known is None:
        assert endpoint is not None
        known = runtime.register(endpoint)
    seconds = runtime.config.settings.lease_seconds
    with runtime.metadata.leases.hold(known, purpose=MAINTENANCE, seconds=seconds) as lease:
        _Adopter(runtime, endpoint, known, adoption).run(lease)


class _Adopter:
    """One endpoint whose part of the root is looked at."""

    def __init__(self, runtime: Runtime, endpoint: Endpoint | None, endpoint_id: int, adoption: Adoption) -> None:
        self._runtime = runtime
        self._metadata = runtime.metadata
        self._endpoint = endpoint
        self._endpoint_id = endpoint_id
        self._adoption = adoption
        self._moved: dict[str, str] = {}
        self._digests: list[StoredFile] = []

    def look(self) -> tuple[list[StoredSync], list[StoredSync]]:
        """Return the syncs that the database does not know: those before its state, and those after it."""
        adoption, metadata = self._adoption, self._metadata
        here = self._runtime.snapshots.files(adoption.endpoint)
        by_tail = {tail_of(uri): uri for uri in here}
        logged = metadata.syncs.stored_files(self._endpoint_id)
        written = metadata.stored_files.of(self._endpoint_id)
        elsewhere = {uri: by_tail[tail_of(uri)] for uri in logged | written if tail_of(uri) in by_tail}
        self._moved = {old: new for old, new in elsewhere.items() if old != new}
        logged = {self._moved.get(uri, uri) for uri in logged}
        adoption.files, adoption.moved = len(here), len(self._moved)
        adoption.known = len(logged.intersection(here))
        adoption.missing = sorted(uri for uri in logged.difference(here) if not self._runtime.snapshots.exists(uri))
        digested = metadata.stored_files.with_digest(self._endpoint_id)
        digested = {self._moved.get(uri, uri) for uri in digested}
        begun = {self._moved.get(uri, uri) for uri in written} - logged
        contents = read_root(self._runtime, self._endpoint_id, [uri for uri in here if uri not in logged & digested])
        return self._sort(contents, logged, begun)

    def _sort(
        self, contents: RootContents, logged: set[str], begun: set[str]
    ) -> tuple[list[StoredSync], list[StoredSync]]:
        adoption = self._adoption
        adoption.damaged = contents.damaged
        ended = {log.id for log in self._metadata.syncs.between(self._endpoint_id)}
        unknown = commits_of([sync for sync in contents.syncs if sync.record.id not in ended])
        state = self._metadata.endpoints.state(self._endpoint_id)
        live = [sync for sync in unknown if sync.record.mode is not SyncMode.REPLAY]
        ahead = live if live and self._is_ahead(live[0], state) else []
        # What this database began and never committed, before what it did commit, was no commit.
        later = {sync.record.id for sync in ahead}
        past = [
            sync for sync in unknown if sync.record.id not in later and not begun & {f.uri for f in sync.files.values()}
        ]
        adopted = later | {sync.record.id for sync in past}
        files = [
            file
            for sync in contents.syncs
            for file in sync.files.values()
            if sync.record.id in adopted or (sync.record.id in ended and file.uri in logged)
        ]
        names = {file.uri.rpartition(".")[0] for file in files}
        self._digests = [*files, *(file for file in contents.tables if file.uri.rpartition(".")[0] in names)]
        adoption.syncs, adoption.committed = len(adopted), len(ahead)
        return past, ahead

    def _is_ahead(self, first: StoredSync, state: EndpointState) -> bool:
        """Tell whether the first unknown sync was committed after the state of this database.

        Numbers of commits tell, where both are of one history; and names, where there is nothing else.
        """
        if state.seq is None:
            return True
        told = first.provenance
        if told.installation == self._runtime.installation and told.after_seq is not None:
            if told.after_seq == state.seq:
                return told.before_version == state.data_version
            if told.after_seq < state.seq:
                return False
        logs = self._metadata.syncs.between(self._endpoint_id, live=True)
        last = next((log for log in logs if log.sync_status in COMMITTED), None)
        return last is None or first.record.id > last.id

    def run(self, lease: Lease) -> None:
        """Take in what there is."""
        past, ahead = self.look()
        if self._moved:
            cut = {old.removesuffix(tail_of(old)): new.removesuffix(tail_of(new)) for old, new in self._moved.items()}
            self._metadata.adoption.move_files(lease, cut)
        if past:  # before the digests: what is known as written and has no log is taken for begun
            self._insert(lease, past)
        if self._digests:
            self._metadata.stored_files.begin(self._endpoint_id, [file.uri for file in self._digests])
            self._metadata.stored_files.finish(
                StoredFileRecord(file.uri, file.rows, file.bytes, file.digest) for file in self._digests
            )
        for number, sync in enumerate(ahead):
            lease.check()
            is_open = sync.provenance.held and not _is_approved(sync, ahead[number + 1 :])
            self._commit(lease, sync, is_commit=sync.record.sync_status in COMMITTED and not is_open)

    def _insert(self, lease: Lease, past: list[StoredSync]) -> None:
        """Write the logs of what was before the state."""
        state, records, base = self._metadata.endpoints.state(self._endpoint_id), list[SyncRecord](), None
        files = 0
        for number, sync in enumerate(past):
            record = self._based(sync, base)
            if sync.record.mode is not SyncMode.REPLAY:
                base = record.snapshot_uri or base
            if not sync.is_told:
                with self._runtime.engine() as con:
                    record = self._count(con, sync, record, files)
            if sync.provenance.held and not _is_approved(sync, past[number + 1 :]):
                record = _refuse(record)
            files = record.files_total
            records.append(record)
        self._metadata.adoption.insert_logs(lease, records, self._place(past, state))

    def _place(self, past: list[StoredSync], state: EndpointState) -> int:
        """Return the `seq` after which these belong: always before the state."""
        if state.seq is None:
            return 0
        earliest = next((sync for sync in past if sync.record.mode is not SyncMode.REPLAY), past[0])
        first = earliest.provenance
        if first.installation == self._runtime.installation and first.after_seq is not None:
            return min(first.after_seq, state.seq - 1)
        logs = self._metadata.syncs.between(self._endpoint_id)
        before = (log.seq for log in logs if log.id < earliest.record.id)
        return min(max(before, default=0), state.seq - 1)

    def _based(self, sync: StoredSync, base: str | None) -> SyncRecord:
        """Return the log of a sync with the snapshot that its changes lie on; None when that is not there."""
        record = sync.record
        if record.snapshot_uri or record.mode is not SyncMode.INCREMENTAL:
            return record
        if sync.is_told:
            base = self._find(sync.provenance.base, sync)
        elif base and self._is_torn(sync, base):
            base = None
        return replace(record, snapshot_uri=base)

    def _is_torn(self, sync: StoredSync, base: str) -> bool:
        """Tell whether changes of an older version between a snapshot and a sync are damaged: it lies on them, too."""
        begin = name_of(base)
        names = (name_of(uri) for uri in self._adoption.damaged if tail_of(uri).startswith("changes/"))
        return any(begin < name < sync.record.id for name in names)

    def _find(self, tail: str | None, sync: StoredSync) -> str | None:
        if tail is None:
            return None
        uri = next(iter(sync.files.values())).uri
        found = uri.removesuffix(tail_of(uri)) + tail
        return found if self._runtime.snapshots.exists(found) else None

    def _count(
        self, con: duckdb.DuckDBPyConnection, sync: StoredSync, record: SyncRecord, files_before: int
    ) -> SyncRecord:
        """Count what the files of an older version hold."""
        counts, files, size = ChangeCounts(), 0, 0
        if changes := sync.files.get("changes"):
            counts = diff.count(con, self._view(con, "changes", changes).name)
            files = files_before + counts.balance
        if sync.snapshot:
            files, size, version = diff.totals(con, self._view(con, "snapshot", sync.snapshot).name)
            record = replace(record, data_version=version)
        numbers: dict[str, Any] = {**counts.as_numbers(), "files_total": files, "bytes_total": size}
        return replace(record, **numbers, files_before=files - counts.balance, files_processed=files)

    def _commit(self, lease: Lease, sync: StoredSync, *, is_commit: bool) -> None:
        """Commit a sync once more, or write its log only: it was no commit, or what it lies on is not there."""
        state, record = self._metadata.endpoints.state(self._endpoint_id), sync.record
        if not is_commit:
            self._metadata.commit(lease, _refuse(record), None)
            return
        with self._runtime.engine() as con:
            found = self._detect(con, sync, state)
            if found is None:
                self._metadata.commit(lease, record, None)
                return
            if not sync.is_told:
                numbers: dict[str, Any] = {
                    **found.counts.as_numbers(),
                    "files_before": state.files_total,
                    "files_total": found.files_after,
                    "bytes_total": found.bytes_after,
                    "files_processed": found.processed,
                }
                record = replace(record, **numbers, data_version=found.data_version)
                if self._objections(state, found):
                    self._metadata.commit(lease, _refuse(record), None)
                    return
            new = self._new_state(sync, state, found)
            self._metadata.commit(
                lease,
                replace(record, snapshot_uri=new.snapshot_uri),
                new,
                imported=found.after.stream() if not found.changes else (),
                changes=found.changes.stream() if found.changes else (),
                repathed=found.repathed.stream() if found.repathed else (),
            )

    def _new_state(self, sync: StoredSync, state: EndpointState, found: DetectedChanges) -> NewState:
        """Return the state that a sync left. It has no cursor and no proof: the next sync lists everything."""
        told, record, whole = sync.provenance, sync.record, sync.snapshot
        return NewState(
            snapshot_uri=whole.uri if whole else str(state.snapshot_uri),
            snapshot_sync_id=record.id if whole else str(state.snapshot_sync_id),
            data_version=found.data_version,
            as_of=record.as_of or record.sync_completed,
            files_total=found.files_after,
            bytes_total=found.bytes_after,
            selection=told.selection,
            location=told.location or (location_of(self._endpoint) if self._endpoint else ""),
        )

    def _detect(self, con: duckdb.DuckDBPyConnection, sync: StoredSync, state: EndpointState) -> DetectedChanges | None:
        """Return what a sync changed, as against this state. None when it lies on something else."""
        before = self._load_before(con, state)
        after = self._load_after(con, sync, before, state)
        if after is None:
            return None
        files, size, version = diff.totals(con, after.name)
        changes = repathed = None
        counts = ChangeCounts(added=files)
        if before:
            changes, counts = self._load_changes(con, sync, before, after, state)
            diff.find_repathed(con, before.name, after.name, changes.name, "repathed")
            repathed = Relation(con, "repathed")
        return DetectedChanges(
            after=after,
            changes=changes,
            repathed=repathed,
            counts=counts,
            changed=True,
            files_before=state.files_total,
            files_after=files,
            bytes_after=size,
            data_version=version,
            processed=files,
        )

    def _load_before(self, con: duckdb.DuckDBPyConnection, state: EndpointState) -> Relation | None:
        if state.snapshot_uri is None:
            return None
        name = self._adoption.endpoint
        try:
            path = materialize_state(self._runtime, name, state)
        except SnapshotError as error:
            path = rebuild_from_database(self._runtime, name, state, error)
        con.execute(f"CREATE VIEW before AS FROM {parquet([path])}")
        return Relation(con, "before")

    def _load_after(
        self, con: duckdb.DuckDBPyConnection, sync: StoredSync, before: Relation | None, state: EndpointState
    ) -> Relation | None:
        """Make `after`: what a sync left. None when that cannot be told."""
        if sync.snapshot:
            return self._view(con, "after", sync.snapshot)
        if before is None or "changes" not in sync.files:
            return None
        if not sync.is_told and self._is_torn(sync, str(state.snapshot_uri)):
            return None
        diff.apply(con, before.name, self._view(con, "changes_on_top", sync.files["changes"]).name, "after")
        wanted = sync.record.data_version
        is_right = wanted is None or diff.totals(con, "after")[2] == wanted
        return Relation(con, "after") if is_right else None

    def _load_changes(  # both sides, and what is known of them
        self,
        con: duckdb.DuckDBPyConnection,
        sync: StoredSync,
        before: Relation,
        after: Relation,
        state: EndpointState,
    ) -> tuple[Relation, ChangeCounts]:
        """Return what the sync changed: as it is stored, where it was compared with this state; else compared anew."""
        stored = sync.files.get("changes")
        if stored and sync.is_told and sync.provenance.before_version == state.data_version:
            return self._view(con, "changes", stored), sync.record.counts
        known = self._capabilities()
        pairing: dict[str, Any] = {"pair_by": known.pair_by, "pair_as": known.pair_as} if known else {}
        counts = diff.compare(con, before.name, after.name, "changes", **pairing)
        return Relation(con, "changes"), counts

    def _view(self, con: duckdb.DuckDBPyConnection, name: str, file: StoredFile) -> Relation:
        con.execute(f"CREATE VIEW {name} AS FROM {parquet([self._runtime.snapshots.local(file.uri)])}")
        return Relation(con, name)

    def _capabilities(self) -> Capabilities | None:
        """Return what the kind of store can do; it is not asked anything."""
        if self._endpoint:
            with (
                suppress(FilesyncError),
                closing(self._runtime.open_source(self._endpoint, Meter())) as source,
            ):
                return source.capabilities
        return None

    def _objections(self, state: EndpointState, found: DetectedChanges) -> list[str]:
        """Return why the guard would hold what an older version may have held: its files do not tell."""
        if state.snapshot_uri is None or self._endpoint is None:
            return []
        return objections(self._endpoint.guard, Proposal(state.files_total, found.files_after, found.counts))


def _refuse(record: SyncRecord) -> SyncRecord:
    return replace(record, sync_status=SyncStatus.REJECTED, error_message=UNDECIDED)


def _is_approved(held: StoredSync, later: list[StoredSync]) -> bool:
    """Tell whether a later sync went on from what was held."""
    return any(sync.provenance.before_version == held.record.data_version for sync in later if sync.is_told)
