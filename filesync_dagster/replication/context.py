"""What the steps of applying a plan share: what they work on, and their operations, batch by batch."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from filesync_dagster.config import Replication
from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.destination import Destination
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import Stalled
from filesync_dagster.replication.model import OPEN, OperationKind
from filesync_dagster.replication.moves import moved_below
from filesync_dagster.replication.progress import Tally
from filesync_dagster.storage.database import Lease
from filesync_dagster.storage.database.plans import OperationRow
from filesync_dagster.storage.database.replicas import STATE_SCHEMA
from filesync_dagster.sync.runtime import Runtime

CONTENT_KINDS: Final = frozenset({OperationKind.CREATE, OperationKind.UPDATE, OperationKind.ADOPT})

BATCH_OPERATIONS: Final = 1_000
"""Operations that are looked up, begun and, at most, written together."""


@dataclass(slots=True)
class OperationBatch:
    """Operations, and what is known of their files now."""

    rows: Sequence[OperationRow]
    entries: Mapping[str, FileEntry]  # of the inventory, live ones, by id
    replica: dict[str, dict[str, Any]]  # rows of STATE_SCHEMA by id
    at: dict[str, dict[str, Any]]  # the same by path

    def replaced_by(self, row: OperationRow) -> str | None:
        """Return the file in whose place another one comes."""
        known = self.at.get(row.path) if row.op in CONTENT_KINDS else None
        return known["external_id"] if known is not None and known["external_id"] != row.external_id else None

    def move_folder(self, path: str, new_path: str) -> None:
        """Let a folder, and what is below it, be at another path."""
        for known in self.replica.values():
            known["dest_path"] = moved_below(known["dest_path"], {path: new_path})
        self.at = {known["dest_path"]: known for known in self.replica.values()}


@dataclass(frozen=True)
class ApplyContext:
    """One plan that is being done."""

    runtime: Runtime
    endpoint_id: int  # of the source
    replication: Replication
    lease: Lease
    plan_id: int
    source: ContentSource
    destination: Destination
    tally: Tally
    stop: threading.Event

    def check_stop(self) -> None:
        """Raise Stalled when it is to stop."""
        if self.stop.is_set():
            raise Stalled("It was stopped.", hint="The next run goes on from here.")

    def batches(self, kinds: Sequence[OperationKind]) -> Iterator[OperationBatch]:
        """Yield the operations of some kinds that are left, each batch with what is known of its files now."""
        repository, after = self.runtime.metadata.plans, -1
        while rows := repository.operations(
            self.plan_id, states=sorted(OPEN), after=after, limit=BATCH_OPERATIONS, kinds=[k.value for k in kinds]
        ):
            self.lease.check()
            after = rows[-1].position
            batch = self._look_up(rows)
            repository.begin_operations(self.lease, [row.id for row in rows])
            yield batch

    def _look_up(self, rows: Sequence[OperationRow]) -> OperationBatch:
        ids = list(dict.fromkeys(row.external_id for row in rows))
        entries = {
            row["external_id"]: FileEntry.from_row(row)
            for batch in self.runtime.metadata.files.entries_of(self.endpoint_id, ids)
            for row in batch.to_pylist()
            if not row["trashed"]
        }
        replicas, replication_id = self.runtime.metadata.replicas, self.lease.endpoint_id
        paths = [path for row in rows for path in (row.path, row.new_path) if path is not None]
        found = [
            row
            for batches in (
                replicas.files_of(replication_id, ids, STATE_SCHEMA),
                replicas.files_at(replication_id, paths, STATE_SCHEMA),
            )
            for batch in batches
            for row in batch.to_pylist()
        ]
        by_id = {row["external_id"]: row for row in found}  # those at the paths included
        return OperationBatch(rows, entries, by_id, {row["dest_path"]: row for row in found})
