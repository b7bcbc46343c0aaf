"""Steps of a plan that send files: so many at once, the next as soon as one is there."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Final

from filesync_dagster.connectors.destination import Proof
from filesync_dagster.core.errors import SourceError
from filesync_dagster.replication.context import ApplyContext, OperationBatch
from filesync_dagster.replication.copy import Copier, CopyJob, precondition_for
from filesync_dagster.replication.model import OperationKind
from filesync_dagster.replication.outcomes import FATAL, Ledger, done_by, failure_of, skip_outdated
from filesync_dagster.replication.progress import Bandwidth
from filesync_dagster.storage.database.plans import OperationOutcome, OperationRow

SENT = (OperationKind.CREATE, OperationKind.UPDATE)

QUEUED_OPERATIONS: Final = 200
"""Files that wait for a thread, so that none is idle while what was done is written."""

RunningCopies = dict[Future[OperationOutcome], tuple[OperationRow, str | None]]
"""With each operation the file in whose place another one comes."""

LOOK_SECONDS: Final = 0.2
"""The longest that a run goes without a look at its lease, and whether to stop."""


@dataclass
class Transfer:
    """See the module's docstring."""

    context: ApplyContext
    ledger: Ledger
    _ended: "SimpleQueue[Future[OperationOutcome]]" = field(default_factory=SimpleQueue)

    def run(self) -> None:
        """Send files, so many at once, the next as soon as one is there."""
        self.context.tally.phase = "sending"
        width = self.context.replication.concurrency
        with ThreadPoolExecutor(width, "copy") as files, ThreadPoolExecutor(max(4, width), "part") as parts:
            copier = Copier(
                self.context.replication,
                self.context.source,
                self.context.destination,
                self.context.tally,
                Bandwidth(self.context.replication.bandwidth),
                self.context.stop,
                parts,
            )
            running: RunningCopies = {}
            try:
                for batch in self.context.batches(SENT):
                    for row in batch.rows:
                        while len(running) >= width + QUEUED_OPERATIONS:
                            self._collect(running)
                        job = self._job(row, batch)
                        if job is None:
                            self.ledger.note(row, skip_outdated(row), batch.replaced_by(row))
                        else:
                            future = files.submit(self._copy, copier, row, job, batch)
                            running[future] = row, batch.replaced_by(row)
                            future.add_done_callback(self._ended.put)
                    self.ledger.flush_if_many()
                while running:
                    self._collect(running)
            except BaseException:
                self.context.stop.set()
                for future in running:
                    future.cancel()
                raise

    def _collect(self, running: RunningCopies) -> None:
        """Take what has ended."""
        done: list[Future[OperationOutcome]] = []
        try:
            done.append(self._ended.get(timeout=LOOK_SECONDS))
            while True:
                done.append(self._ended.get_nowait())
        except Empty:
            pass
        self.context.tally.tell()
        self.context.check_stop()
        self.context.lease.check()
        for future in sorted(done, key=_has_raised):  # what was sent is noted before the run ends
            row, replaced = running.pop(future)
            self.ledger.note(row, future.result(), replaced)
        self.ledger.flush_if_many()

    def _job(self, row: OperationRow, batch: OperationBatch) -> CopyJob | None:
        """Return what is to be copied, as the inventory has it now; None when the plan is outdated there."""
        entry = batch.entries.get(row.external_id)
        if entry is None or entry.version != row.source_version:
            return None
        known = batch.replica.get(row.external_id)
        if known is None or known["dest_path"] != row.path:
            known = batch.at.get(row.path)  # the same file under an earlier id
        expected = precondition_for(known, self.context.replication.foreign)

        def note_resume(resume: Mapping[str, object], count: int) -> None:
            self.context.runtime.metadata.plans.note_resume(self.context.lease, row.id, resume, count)

        # Where a listing showed something that is not known to be ours, it may be what is to be there; and what an
        # earlier run had begun may be there, though that run was ended before it was written down.
        is_listed = row.op == OperationKind.CREATE and row.expected_dest_version is not None
        look_first = is_listed or row.attempts > 0
        return CopyJob(entry, row.path, expected, row.resume or {}, note_resume, look_first)

    def _copy(self, copier: Copier, row: OperationRow, job: CopyJob, batch: OperationBatch) -> OperationOutcome:
        """Copy one file, in a thread of the pool."""
        try:
            copied = copier.copy(job)
        except FATAL:
            raise
        except SourceError as error:
            return failure_of(row, error)
        finally:
            self.context.tally.add(files=1)
        receipt = copied.receipt
        if self.context.replication.verify == "none":
            receipt = replace(receipt, proof=Proof.ACKNOWLEDGED)
        done = done_by(row, job.entry, receipt, batch)
        return replace(done, bytes_done=0, counted_as=OperationKind.ADOPT.value) if copied.was_there else done


def _has_raised(future: Future[OperationOutcome]) -> bool:
    return future.exception() is not None
