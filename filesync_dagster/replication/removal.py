"""Steps of a plan that delete: last, only what is ours and as we left it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from filesync_dagster.connectors.destination import Deletion, Precondition
from filesync_dagster.core.errors import SourceError
from filesync_dagster.replication.context import ApplyContext, OperationBatch
from filesync_dagster.replication.model import OperationKind, OperationState
from filesync_dagster.replication.outcomes import NOT_OURS, Ledger, elsewhere, failure_of, is_folder, skip
from filesync_dagster.storage.database.plans import OperationOutcome, OperationRow


@dataclass
class Removal:
    """See the module's docstring."""

    context: ApplyContext
    ledger: Ledger

    def run(self) -> None:
        """Delete what is ours and not desired any more: files many at once, then empty folders, innermost first."""
        self.context.tally.phase = "deleting"
        trash = date.today().isoformat() if self._uses_trash else None  # noqa: DTZ011 - the name of a folder, no order
        failed = [one.path for one in self.ledger.problems.values()]
        for batch in self.context.batches((OperationKind.DELETE,)):
            self.context.check_stop()
            folders = [row for row in batch.rows if is_folder(batch, row)]
            self._delete_files([row for row in batch.rows if not is_folder(batch, row)], batch, trash)
            for row in folders:
                removed = self._remove_folder(row, failed)
                self.ledger.note(row, replace(removed, counted_as=OperationKind.FOLDER.value))
            self.ledger.flush()

    @property
    def _uses_trash(self) -> bool:
        chosen = self.context.replication.deletes
        return self.context.destination.facts.trash if chosen is None else chosen == "trash"

    def _delete_files(self, rows: Sequence[OperationRow], batch: OperationBatch, trash: str | None) -> None:
        """Delete files that are as we left them, and are still not wanted."""
        due = []
        for row in rows:
            known = batch.replica.get(row.external_id)
            if known is None:
                self.ledger.note(row, OperationOutcome(id=row.id, state=OperationState.DONE))
            elif known["dest_path"] != row.path:
                self.ledger.note(row, elsewhere(row))
            elif self._is_wanted_again(row, batch):
                self.ledger.note(row, skip(row, "The source has this file again."))
            else:
                due.append((row, known["dest_version"]))
        deletions = [
            Deletion(row.path, Precondition(version) if version is not None else None, trash) for row, version in due
        ]
        errors = self.context.destination.delete(deletions) if deletions else []
        for (row, _), error in zip(due, errors, strict=True):
            if error is None:
                self.ledger.note(row, OperationOutcome(id=row.id, state=OperationState.DONE, gone=row.external_id))
            else:
                self.ledger.note(row, failure_of(row, error))

    def _is_wanted_again(self, row: OperationRow, batch: OperationBatch) -> bool:
        """Whether the source has the file again. With `always`, what only left the scope goes although it has it."""
        entry = batch.entries.get(row.external_id)
        return entry is not None and self.context.replication.delete != "always"

    def _remove_folder(self, row: OperationRow, failed: Sequence[str]) -> OperationOutcome:
        gone = OperationOutcome(id=row.id, state=OperationState.DONE, gone=row.external_id)
        if row.source_version == NOT_OURS:
            return gone
        if any(path.startswith(f"{row.path}/") for path in failed):
            return skip(row, "Something below it could not be copied.")
        try:
            is_gone = self.context.destination.remove_folder(row.path)
        except SourceError as error:
            return failure_of(row, error)
        return gone if is_gone else skip(row, "It is not empty.")
