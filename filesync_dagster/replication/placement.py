"""Steps of a plan that send nothing: moves, folders, files that are there already, permissions."""

from dataclasses import dataclass, field

from filesync_dagster.connectors.destination import ASIDE_SUFFIX, Precondition, Proof, Receipt
from filesync_dagster.core.errors import Foreign, NotFound
from filesync_dagster.replication.context import ApplyContext, OperationBatch
from filesync_dagster.replication.copy import precondition_for
from filesync_dagster.replication.model import OperationKind, OperationState
from filesync_dagster.replication.outcomes import (
    NOT_OURS,
    Ledger,
    adopted_record,
    done_by,
    elsewhere,
    folder_record,
    moved_record,
    skip,
    skip_outdated,
)
from filesync_dagster.replication.permissions import permissions_for
from filesync_dagster.storage.database.plans import OperationOutcome, OperationRow


@dataclass
class Placement:
    """See the module's docstring."""

    context: ApplyContext
    ledger: Ledger
    _made: set[str] = field(default_factory=set)  # folders that are ours: moves made them, or earlier runs

    def place(self, row: OperationRow, batch: OperationBatch) -> OperationOutcome | None:
        """Do what sends nothing."""
        if row.op == OperationKind.MOVE:
            return self._move(row, batch)
        return self._make_folder(row, batch) if row.op == OperationKind.FOLDER else self._adopt(row, batch)

    def _move(self, row: OperationRow, batch: OperationBatch) -> OperationOutcome | None:
        assert row.new_path is not None
        self._note_new_parents(row.new_path)
        known = batch.replica.get(row.external_id)
        if known is None or known["dest_path"] not in {row.path, row.new_path}:
            return elsewhere(row)
        if known["kind"] == "folder":
            return self._move_folder(row, batch)
        occupant = batch.at.get(row.new_path)
        onto = None if occupant is None or occupant["external_id"] == row.external_id else occupant
        if onto is not None and batch.replica.get(onto["external_id"], onto)["dest_path"] != row.new_path:
            onto = None  # it went its way just before
        foreign = self.context.replication.foreign
        expected, there = precondition_for(known, foreign), precondition_for(onto, foreign)
        if row.path.endswith(ASIDE_SUFFIX):
            self.ledger.flush()  # after a crash nothing else would tell that it went aside before
        try:
            receipt = self._rename(row, expected, there)
        except NotFound as error:
            why = f"{error} The next run sends it again."
            return OperationOutcome(id=row.id, state=OperationState.STALE, error=why, gone=row.external_id)
        stored = moved_record(known, row.new_path, receipt)
        known |= {"dest_path": row.new_path, "dest_version": receipt.version}
        batch.at.pop(row.path, None)
        batch.at[row.new_path] = known
        return OperationOutcome(id=row.id, state=OperationState.DONE, stored=stored)

    def _rename(self, row: OperationRow, expected: Precondition | None, onto: Precondition | None) -> Receipt:
        assert row.new_path is not None
        try:
            return self.context.destination.move(row.path, row.new_path, expected, onto=onto)
        except Foreign:
            # A run that was ended moved it, and another file to where it had been.
            there = self.context.destination.stat(row.new_path) if row.attempts and expected is not None else None
            if there is None or there.kind != "file" or expected is None or there.version != expected.version:
                raise
            return Receipt(
                version=there.version,
                size=there.size or 0,
                content_hash=there.content_hash,
                proof=Proof.SIZE,
                internal_id=there.internal_id,
            )

    def _move_folder(self, row: OperationRow, batch: OperationBatch) -> OperationOutcome:
        assert row.new_path is not None
        self.ledger.flush()
        try:
            self.context.destination.move(row.path, row.new_path, None)
        except NotFound:
            if self.context.destination.stat(row.new_path) is None:
                raise
        self.context.runtime.metadata.replicas.move_folder(self.context.lease, row.external_id, row.path, row.new_path)
        batch.move_folder(row.path, row.new_path)
        return OperationOutcome(id=row.id, state=OperationState.DONE)

    def _adopt(self, row: OperationRow, batch: OperationBatch) -> OperationOutcome | None:
        entry = batch.entries.get(row.external_id)
        if entry is None or entry.version != row.source_version:
            return skip_outdated(row)
        version = row.expected_dest_version
        known = batch.replica.get(row.external_id) or batch.at.get(row.path)
        if known is not None:
            stored = adopted_record(known, entry, row.path, version)
            return OperationOutcome(id=row.id, state=OperationState.DONE, stored=stored)
        # A listing told a hash of what is there.
        receipt = Receipt(version=version, size=entry.size or 0, content_hash=entry.content_hash, proof=Proof.HASH)
        return done_by(row, entry, receipt, batch)

    def _note_new_parents(self, path: str) -> None:
        """Note the folders that a move is about to make on its way: they are ours."""
        if not self.context.destination.facts.folders:
            return
        while (path := path.rpartition("/")[0]) and path not in self._made:
            if self.context.destination.stat(path) is not None:
                return
            self._made.add(path)

    def _make_folder(self, row: OperationRow, batch: OperationBatch) -> OperationOutcome:
        # One that is ours under another id stays ours.
        for known in (batch.replica.get(row.external_id), batch.at.get(row.path)):
            if known is not None and known["kind"] == "folder" and known["source_version"] != NOT_OURS:
                self._made.add(known["dest_path"])
        # What a run that was ended had begun is taken for ours; it goes only when it is empty.
        is_ours = row.path in self._made or row.attempts > 0
        was_there = not is_ours and self.context.destination.stat(row.path) is not None
        self.context.destination.make_folder(row.path)
        # Only a folder that we made is ours to remove.
        record = folder_record(row, is_ours=not was_there)
        return OperationOutcome(id=row.id, state=OperationState.DONE, stored=record)

    def set_permissions(self, row: OperationRow, batch: OperationBatch) -> OperationOutcome | None:
        """Let a file have the permissions that it has at the source."""
        entry, known = batch.entries.get(row.external_id), batch.replica.get(row.external_id)
        if entry is None or known is None:
            return skip_outdated(row)
        wanted = permissions_for(entry)
        if wanted is None:
            return skip(row, "Its permissions are of a kind that the destination does not have.")
        self.context.destination.set_permissions(row.path, wanted)
        found = self.context.destination.stat(row.path)
        version = found.version if found is not None else known["dest_version"]
        columns = {"owner": wanted.owner, "group_name": wanted.group, "dest_version": version}
        self.context.runtime.metadata.replicas.note_permissions(
            self.context.lease, row.external_id, entry.permissions, **columns
        )
        return OperationOutcome(id=row.id, state=OperationState.DONE)
