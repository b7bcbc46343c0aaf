"""Doing what a plan says: operation by operation, many files at once, each looked at again before it is done.

What is done is written in batches; a crash in between costs nothing, for what was sent is found at the destination.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

from filesync_dagster.core.errors import FilesyncError, SourceError
from filesync_dagster.replication.context import ApplyContext, OperationBatch
from filesync_dagster.replication.model import OperationKind
from filesync_dagster.replication.outcomes import FATAL, ApplyCounts, Ledger, failure_of
from filesync_dagster.replication.placement import Placement
from filesync_dagster.replication.removal import Removal
from filesync_dagster.replication.transfer import Transfer
from filesync_dagster.storage.database.plans import OperationOutcome, OperationRow

Act = Callable[[OperationRow, OperationBatch], OperationOutcome | None]


def apply_plan(context: ApplyContext) -> ApplyCounts:
    """Do what is left to do of a plan. Raises FilesyncError when the run has to end; what was done is written."""
    ledger = Ledger(context)
    placement = Placement(context, ledger)
    try:
        placed = (OperationKind.MOVE, OperationKind.FOLDER, OperationKind.ADOPT)
        _each(context, ledger, placed, "moving", placement.place)
        Transfer(context, ledger).run()
        _each(context, ledger, (OperationKind.PERMISSIONS,), "sending", placement.set_permissions)
        Removal(context, ledger).run()
    finally:
        with suppress(FilesyncError):
            ledger.flush()
            ledger.write_problems()
    return ledger.counts


def _each(context: ApplyContext, ledger: Ledger, kinds: Sequence[OperationKind], phase: str, act: Act) -> None:
    """Do operations one after the other."""
    context.tally.phase = phase
    for batch in context.batches(kinds):
        for row in batch.rows:
            context.check_stop()
            try:
                outcome = act(row, batch)
            except FATAL:
                raise
            except SourceError as error:
                outcome = failure_of(row, error)
            ledger.note(row, outcome, batch.replaced_by(row))
        ledger.flush()
