"""What filesync says of an endpoint, held against the provider, its own journal and its own files."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.model import SyncResult, SyncStatus, data_version
from filesync_dagster.core.schemas import sum_fingerprints
from filesync_dagster.storage.database import EndpointState, Metadata
from filesync_dagster.storage.database.row_streams import FILES_SCHEMA, JOURNAL_SCHEMA
from filesync_dagster.sync.paths import with_fingerprints
from filesync_dagster.sync.snapshot_chain import materialize
from filesync_dagster_tests.sync.model.stage import Stage
from filesync_dagster_tests.sync.projects import Row, rows_of

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.sync.runtime import Runtime

T = TypeVar("T")


class Inventory:
    """The inventory of the endpoint on a stage, and the fold of everything that its syncs ever wrote."""

    def __init__(self, stage: Stage, known: dict[str, Row] | None = None) -> None:
        """`known`: what the last snapshot was when this very home was looked at before."""
        self.stage = stage
        self.known = known or {}  # the last snapshot, by id
        self._version: Any = None
        self._read: dict[str, Any] = {}
        self._endpoint_id = self._workspace.register(self._filesync.config.endpoint("docs"))
        if known is None:
            self.catch_up()

    @property
    def _filesync(self) -> "Filesync":
        assert self.stage.filesync is not None
        return self.stage.filesync

    @property
    def _workspace(self) -> "Runtime":
        return self._filesync.runtime

    @property
    def _metadata(self) -> Metadata:
        return self._workspace.metadata

    def _once(self, what: str, read: Callable[[int], T]) -> T:
        """Read something of the endpoint; what was read since anybody wrote to the database is still true."""
        version = self.stage.version()
        if version != self._version:
            self._version, self._read = version, {}
        if what not in self._read:
            self._read[what] = read(self._endpoint_id)
        found: T = self._read[what]
        return found

    @property
    def _state(self) -> EndpointState:
        return self._once("state", self._metadata.endpoints.state)

    def has_checkpoints(self) -> bool:
        """Whether a full listing was begun and not finished."""
        return bool(self._metadata.checkpoints.of(self._endpoint_id))

    def is_listed(self) -> bool:
        """Whether a full listing has read everything, and nothing of it is committed."""
        found = self._metadata.checkpoints.of(self._endpoint_id)
        return bool(found) and all(one.complete for one in found)

    def everything(self) -> dict[str, Any]:
        """Return all that a user can see: rows (gone ones too), journal, what is current, held, not read."""
        metadata, state = self._metadata, self._state
        full = self._once("full", metadata.syncs.last_full).get(self._endpoint_id)
        return {
            "files": self._once("files", lambda one: _table(metadata.files.inventory(one, gone=True), FILES_SCHEMA)),
            "journal": self._once("journal", lambda one: _table(metadata.files.journal(one), JOURNAL_SCHEMA)),
            "pointer": (state.snapshot_uri, state.data_version, state.files_total, state.bytes_total),
            "held": state.held_sync_id,
            "unread": full is not None and full.sync_status is SyncStatus.PARTIAL,
        }

    def unchanged_since(self, before: Mapping[str, Any]) -> None:
        """Rows, journal and pointer are what they were."""
        now = self.everything()
        for name in ("files", "journal"):
            assert now[name] == before[name], f"a sync that commits nothing changed {name}"
        assert now["pointer"][1:] == before["pointer"][1:]

    def snapshot(self) -> dict[str, Row]:
        """Return the last snapshot as it is stored, with all changes since, by id."""
        return self._once("snapshot", self._stored)

    def _stored(self, endpoint_id: int) -> dict[str, Row]:
        state = self._state
        if state.snapshot_uri is None:
            return {}
        table = pq.read_table(materialize(self._workspace, "docs", endpoint_id, state.snapshot_uri))
        rows = table.to_pylist()
        self._count(table, rows, state)
        return _by_id(rows)

    def _count(self, table: pa.Table, rows: list[Row], state: EndpointState) -> None:
        """What is kept up to date from sync to sync is what counting anew gives."""
        table = table.combine_chunks()
        [batch] = table.to_batches() or [None]
        if batch is None:
            assert (state.files_total, state.bytes_total) == (0, 0)
            return
        anew = with_fingerprints(batch)
        assert anew.column("fingerprint").equals(batch.column("fingerprint")), "a row has the fingerprint of another"
        assert state.data_version == data_version(anew.num_rows, sum_fingerprints(anew.column("fingerprint")))
        files = [row for row in rows if row["kind"] != "folder" and not row["trashed"]]
        assert state.files_total == len(files)
        assert state.bytes_total == sum(row["size"] or 0 for row in files)

    def catch_up(self) -> None:
        """Take over what a sync committed that died before it could say so."""
        self.known = self.snapshot()
        self._agree()

    def _agree(self) -> None:
        """`files` has the live rows of the last snapshot, and no others."""
        live = self._once("live", lambda one: _by_id(rows_of(self._metadata.files.inventory(one))))
        shown = {one: row for one, row in self.known.items() if not row["trashed"]}
        assert set(live) == set(shown)
        for one, row in live.items():
            for column in ("path", "kind", "size", "version", "content_hash", "parent_id", "modified_at"):
                if column in row:
                    assert row[column] == shown[one][column], (column, row)

    def committed(self, result: SyncResult, is_there: Callable[[str], bool]) -> None:
        """Check what a sync committed: its changes make the new snapshot of the old one, and none of them is a lie."""
        folded, first = dict(self.known), not self.known
        changes = self._changes(result)
        for change in changes:
            self._honest(change, folded, is_there)
        for change in changes:
            if change["before"]:
                del folded[change["before"]["external_id"]]
        for change in changes:
            if change["after"]:
                assert change["after"]["external_id"] not in folded, "added twice"
                folded[change["after"]["external_id"]] = change["after"]
        self.known = self.snapshot()
        if not first or changes:
            assert _rebased(folded) == self.known, "the changes do not make the snapshot"
        self._agree()
        assert result.files_before is not None
        assert result.files_before + result.counts.balance == result.files_total
        assert (result.files_total, result.bytes_total) == (self._state.files_total, self._state.bytes_total)

    def _changes(self, result: SyncResult) -> list[dict[str, Any]]:
        if not result.changes_uri:
            return []
        rows: list[dict[str, Any]] = pq.read_table(self._filesync.local_snapshot(result.changes_uri)).to_pylist()
        ids = [(row["after"] or row["before"])["external_id"] for row in rows]
        assert len(set(ids)) == len(ids), "two changes of one entry in one sync"
        return rows

    def _honest(self, change: dict[str, Any], known: Mapping[str, Row], is_there: Callable[[str], bool]) -> None:
        """Judge a change by itself."""
        before, after = change["before"], change["after"]
        one = (after or before)["external_id"]
        assert before == known.get(one), "a change of something that was not so"
        if before and after:
            assert before["fingerprint"] != after["fingerprint"], "a change of nothing"
        if change["change"] == "added":
            assert before is None
        if change["change"] == "removed" and after is None:
            assert not is_there(one), f"removed, but it exists: {before}"

    def is_(self, truth: Mapping[str, Row] | None) -> None:
        """The inventory is the truth, trashed entries included."""
        if truth is None:
            self.catch_up()
            return
        self.known = self.snapshot()
        columns = next(iter(truth.values()), {}).keys()
        said = {one: {column: row[column] for column in columns} for one, row in self.known.items()}
        both = {one: (said.get(one), truth.get(one)) for one in said.keys() | truth.keys()}
        wrong = {one: sides for one, sides in both.items() if sides[0] != sides[1]}
        assert not wrong, f"said, and true: {wrong}"
        self._agree()


def _table(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches(batches, schema)


def _by_id(rows: list[Row]) -> dict[str, Row]:
    found = {row["external_id"]: row for row in rows}
    assert len(found) == len(rows), "an external_id comes twice"
    return found


def _rebased(rows: Mapping[str, Row]) -> dict[str, Row]:
    """Return rows with the paths that follow from their parents, where the parents are known."""

    def path(row: Row) -> str:
        parent = rows.get(row["parent_id"]) if row["parent_id"] else None
        return f"{path(parent)}/{row['name']}" if parent else str(row["path"])

    return {one: {**row, "path": path(row)} for one, row in rows.items()}
