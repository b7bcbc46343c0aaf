"""What became of operations: as it is kept until it is written, and in numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from filesync_dagster.connectors.destination import Proof, Receipt
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import (
    AccessDenied,
    DestinationFull,
    Foreign,
    NoContent,
    SourceError,
    StaleSource,
    Stalled,
)
from filesync_dagster.replication.context import ApplyContext, OperationBatch
from filesync_dagster.replication.model import OperationState
from filesync_dagster.replication.target_state import IMPLICIT
from filesync_dagster.storage.database.plans import OperationOutcome, OperationRow
from filesync_dagster.storage.database.replica_rows import ReplicaFileRecord
from filesync_dagster.storage.database.replications import ProblemRecord

FLUSH_OPERATIONS: Final = 200
"""Operations that are done and not yet written."""

DENIED_IN_A_ROW: Final = 20
"""So many files that may not be written, one after the other: then none of them may."""

STATE_OF: Final = {
    StaleSource: OperationState.STALE,
    Foreign: OperationState.FOREIGN,
    NoContent: OperationState.SKIPPED,
}
"""What an operation is whose file cannot be copied, by the kind of error; it is failed otherwise."""

FATAL = (DestinationFull, Stalled)
"""What ends a run: no other file would fare better."""

NOT_OURS: Final = "not ours"
"""As the source_version of a folder in a replica: it was there before us."""


@dataclass(slots=True)
class ApplyCounts:
    """What was done, in numbers."""

    done: dict[str, int] = field(default_factory=dict)  # by operation
    failed: int = 0
    stale: int = 0
    foreign: int = 0
    skipped: int = 0
    bytes_sent: int = 0
    first_error: str | None = None

    def add(self, op: str, state: OperationState, error: str | None) -> None:
        """Note how an operation ended."""
        if state is OperationState.DONE:
            self.done[op] = self.done.get(op, 0) + 1
        elif state is OperationState.FAILED:
            self.failed += 1
            self.first_error = self.first_error or error
        elif state is OperationState.STALE:
            self.stale += 1
        elif state is OperationState.FOREIGN:
            self.foreign += 1
        else:
            self.skipped += 1

    def absorb(self, earlier: "ApplyCounts") -> None:
        """Add what was done just before."""
        for op, number in earlier.done.items():
            self.done[op] = self.done.get(op, 0) + number
        self.failed += earlier.failed
        self.stale += earlier.stale
        self.foreign += earlier.foreign
        self.skipped += earlier.skipped
        self.bytes_sent += earlier.bytes_sent

    @property
    def is_clean(self) -> bool:
        """Whether everything was done."""
        return not (self.failed or self.stale or self.foreign)


@dataclass
class Ledger:
    """What became of operations, until it is written: in batches, under the token of the run."""

    context: ApplyContext
    counts: ApplyCounts = field(default_factory=ApplyCounts)
    problems: dict[str, ProblemRecord] = field(default_factory=dict)
    _unwritten: dict[str, ProblemRecord] = field(default_factory=dict)  # of them
    _outcomes: list[OperationOutcome] = field(default_factory=list)
    _settled: set[str] = field(default_factory=set)
    _denied: int = 0

    def note(self, row: OperationRow, outcome: OperationOutcome | None, replaced: str | None = None) -> None:
        """Keep what became of an operation until it is written.

        `replaced`: the file of the replica in whose place another one was to come. Where it did not, nothing but its
        problem says to the next plan that something is to be done about it.
        """
        if outcome is None:
            return
        self._outcomes.append(outcome)
        state = OperationState(outcome.state)
        self.counts.add(outcome.counted_as or row.op, state, outcome.error)
        self.counts.bytes_sent += outcome.bytes_done
        if row.op not in {"create", "update"}:
            self.context.tally.add(files=1)
        if state in {OperationState.FAILED, OperationState.STALE, OperationState.FOREIGN}:
            # "keep" leaves what is foreign alone without a word.
            if not (state is OperationState.FOREIGN and self.context.replication.foreign == "keep"):
                problem = ProblemRecord(row.external_id, state.value, row.path, outcome.error or "")
                self.problems[row.external_id] = self._unwritten[row.external_id] = problem
        elif state is OperationState.DONE:
            self._settled.add(row.external_id)
        if replaced is not None and state is not OperationState.DONE:
            why = f"Another file was to come in its place: {outcome.error}"
            problem = ProblemRecord(replaced, OperationState.STALE.value, row.path, why)
            self.problems[replaced] = self._unwritten[replaced] = problem
        self._denied = self._denied + 1 if outcome.denied else 0
        if self._denied >= DENIED_IN_A_ROW:
            raise AccessDenied(
                f"{DENIED_IN_A_ROW} files in a row were refused: {outcome.error}",
                hint="Check what the credentials of the destination and of the source allow.",
            )
        self.context.tally.tell()

    def flush_if_many(self) -> None:
        """Write what is kept, once that is much."""
        if len(self._outcomes) >= FLUSH_OPERATIONS:
            self.flush()

    def flush(self) -> None:
        """Write what is kept.

        Problems first: an operation that is over is not looked at again, but for the problem that is left of it.
        """
        if self._unwritten:
            self._replace_problems(())
        if self._outcomes:
            self.context.runtime.metadata.plans.finish_operations(self.context.lease, self._outcomes)
            self._outcomes = []

    def write_problems(self) -> None:
        """Write what could not be done, in place of what was known of these files, and forget what is mended."""
        settled = self._settled - self.problems.keys()
        if self._unwritten or settled:
            self._replace_problems(sorted(settled))

    def _replace_problems(self, settled: Sequence[str]) -> None:
        found = list(self._unwritten.values())
        self.context.runtime.metadata.replications.replace_problems(self.context.lease, found, settled=settled)
        self._unwritten = {}


def skip_outdated(row: OperationRow) -> OperationOutcome:
    """Return that an operation is not what is wanted any more."""
    return skip(row, "The source has changed since this was planned.")


def skip(row: OperationRow, why: str) -> OperationOutcome:
    """Return that an operation is left out, and why."""
    return OperationOutcome(id=row.id, state=OperationState.SKIPPED, error=why)


def elsewhere(row: OperationRow) -> OperationOutcome:
    """Return that a file is not where it was when this was planned."""
    error = "The replica has this file elsewhere than when it was planned; the next run looks again."
    return OperationOutcome(id=row.id, state=OperationState.STALE, error=error)


def failure_of(row: OperationRow, error: SourceError) -> OperationOutcome:
    """Return what an error makes of an operation."""
    state = next((state for kind, state in STATE_OF.items() if isinstance(error, kind)), OperationState.FAILED)
    denied = isinstance(error, AccessDenied)
    return OperationOutcome(id=row.id, state=state, error=str(error), denied=denied)


def known_record(known: Mapping[str, Any], **changed: Any) -> ReplicaFileRecord:
    """Return a row of the replica with some columns that are others now."""
    return ReplicaFileRecord(**{name: known[name] for name in ReplicaFileRecord.__dataclass_fields__} | changed)


def moved_record(known: Mapping[str, Any], path: str, receipt: Receipt) -> ReplicaFileRecord:
    """Return the row of a file that has another path. Its content, and what proves it, are those that were there."""
    internal_id = receipt.internal_id or known["internal_id"]
    return known_record(known, dest_path=path, dest_version=receipt.version, internal_id=internal_id)


def adopted_record(known: Mapping[str, Any], entry: FileEntry, path: str, version: str | None) -> ReplicaFileRecord:
    """Return the row of a file that the source knows under another version or id, though its content is the same.

    Nothing was looked at: what proved it goes on to do so.
    """
    source = _source_columns(entry)
    return known_record(known, dest_path=path, dest_version=version, size=entry.size, **source)


def _source_columns(entry: FileEntry) -> dict[str, Any]:
    return {
        "external_id": entry.external_id,
        "source_version": entry.version,
        "content_hash": entry.content_hash,
        "owner": entry.owner,
        "mime_type": entry.mime_type,
        "modified_at": entry.modified_at,
    }


def done_by(row: OperationRow, entry: FileEntry, receipt: Receipt, batch: OperationBatch) -> OperationOutcome:
    """Return that a file is at its place."""
    known = batch.replica.get(row.external_id)
    stored = ReplicaFileRecord(
        dest_path=row.path,
        kind="file",
        size=receipt.size,
        dest_version=receipt.version,
        dest_hash=receipt.content_hash,
        internal_id=receipt.internal_id,
        verified=receipt.proof.value,
        permissions=known["permissions"] if known else None,
        group_name=known["group_name"] if known else None,
        **_source_columns(entry),
    )
    sent = receipt.size if row.op in {"create", "update"} else 0
    done = OperationState.DONE
    return OperationOutcome(id=row.id, state=done, stored=stored, bytes_done=sent, internal_id=receipt.internal_id)


def folder_record(row: OperationRow, *, is_ours: bool) -> ReplicaFileRecord:
    """Return the row of a folder."""
    return ReplicaFileRecord(
        external_id=row.external_id,
        dest_path=row.path,
        kind="folder",
        source_version=None if is_ours else NOT_OURS,
        size=None,
        content_hash=None,
        dest_version=None,
        dest_hash=None,
        internal_id=None,
        verified=Proof.ACKNOWLEDGED.value,
    )


def is_folder(batch: OperationBatch, row: OperationRow) -> bool:
    """Tell whether an operation is about a folder."""
    known = batch.replica.get(row.external_id)
    return row.external_id.startswith(IMPLICIT) or (known is not None and known["kind"] == "folder")
