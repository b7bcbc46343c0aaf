"""What a plan compares: the files of the inventory, and those that we put at the destination, as tables of DuckDB."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.config import Endpoint, Replication
from filesync_dagster.connectors.destination import DestinationFacts
from filesync_dagster.core.model import Kind
from filesync_dagster.core.schemas import ENTRY_SCHEMA
from filesync_dagster.replication.target_state import IMPLICIT, DesiredState, build_desired
from filesync_dagster.storage.database.replicas import REPLICA_SCHEMA
from filesync_dagster.storage.database.replications import ReplicationRecord
from filesync_dagster.storage.snapshots import stream
from filesync_dagster.sync.inventory import current_snapshot, live
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True)
class PlanInputs:
    """The tables that a comparison reads."""

    runtime: Runtime
    endpoint: Endpoint
    replication: Replication
    record: ReplicationRecord
    facts: DestinationFacts
    con: duckdb.DuckDBPyConnection

    @property
    def _endpoint_id(self) -> int:
        return self.record.source_endpoint_id

    def load_all(self, renamed: Sequence[tuple[str, str]]) -> DesiredState:
        """Make `desired` of the whole inventory, and `replica` of all that we put there."""
        path = current_snapshot(self.runtime, self.endpoint)
        assert path is not None
        if self.replication.filters.is_default:
            self.con.execute(f"CREATE OR REPLACE VIEW source_rows AS {live(path)}")
        else:
            self._fill("source_rows", ENTRY_SCHEMA, self._filtered(_batches(self.con, live(path))))
        self._fill("replica", REPLICA_SCHEMA, self.runtime.metadata.replicas.files(self.record.id))
        self._rename(renamed)
        return build_desired(self.con, "source_rows", self.replication, self.facts)

    def load_some(self, named: set[str], renamed: Sequence[tuple[str, str]]) -> tuple[DesiredState, frozenset[str]]:
        """Make both of the files that are named, those below folders that moved, and those in whose place they come."""
        replica = self.runtime.metadata.replicas
        ids = named | {row for folder in self._moved_folders(named) for row in self._below(folder)}
        old_ids = {old for old, _ in renamed}
        for _ in range(2):
            self._load_rows(ids)
            desired = build_desired(self.con, "source_rows", self.replication, self.facts)
            self._fill("replica", REPLICA_SCHEMA, replica.files_of(self.record.id, sorted(ids | old_ids)))
            self._rename(renamed)
            self._add_folders(replica)
            others = {
                str(external_id)
                for batch in replica.files_at(self.record.id, self._paths_of_interest())
                for external_id in batch.column("external_id").to_pylist()
                if external_id not in ids | old_ids and not str(external_id).startswith(IMPLICIT)
            }
            if not others:
                break
            ids |= others
        return desired, frozenset(ids)

    def _paths_of_interest(self) -> list[str]:
        """Return where what is compared comes to, and the folders that it is in: these may be left empty by now."""
        paths = set(self._column("SELECT dest_path FROM desired"))
        if self.facts.folders:
            paths |= {folder for path in self._column("SELECT dest_path FROM replica") for folder in _parents(path)}
        return sorted(paths)

    def _load_rows(self, ids: set[str]) -> None:
        """Make `source_rows` of the live ones of these, with the folders that they are in, which are added to `ids`."""
        self._fill("source_rows", ENTRY_SCHEMA, self._rows_of(ids))
        while above := set(self._column("SELECT DISTINCT parent_id FROM source_rows WHERE parent_id <> ''")) - ids:
            ids |= above
            self._append("source_rows", self._rows_of(above))

    def _rows_of(self, ids: set[str]) -> Iterator[pa.RecordBatch]:
        rows = self.runtime.metadata.files.entries_of(self._endpoint_id, sorted(ids))
        return self._filtered(_live_rows(rows))

    def _add_folders(self, replica: Any) -> None:
        """Add to `replica` the folders above what is compared, that stand for no row of the source."""
        if not self.facts.folders:
            return
        above = {
            f"{IMPLICIT}{folder}"
            for path in self._column("SELECT dest_path FROM desired UNION SELECT dest_path FROM replica")
            for folder in _parents(path)
        }
        known = set(self._column("SELECT external_id FROM replica"))
        self._append("replica", replica.files_of(self.record.id, sorted(above - known)))
        # What is below them is not all compared here: the destination itself says whether one is empty.

    def _moved_folders(self, named: set[str]) -> list[str]:
        """Return the paths of folders among the files that are named: what is below them moved along, untold."""
        batches = self.runtime.metadata.files.entries_of(self._endpoint_id, sorted(named))
        return [
            str(path)
            for batch in batches
            for path, kind in zip(batch.column("path").to_pylist(), batch.column("kind").to_pylist(), strict=True)
            if kind == Kind.FOLDER.value
        ]

    def _below(self, folder: str) -> Iterator[str]:
        for batch in self.runtime.metadata.files.inventory(self._endpoint_id, folder=folder):
            yield from map(str, batch.column("external_id").to_pylist())

    def load_gone(self, old_ids: set[str]) -> None:
        """Make `gone`: why files of the replica are not desired any more. `old_ids`: of files that have others now."""
        query = """
            SELECT external_id FROM replica WHERE external_id NOT IN (SELECT external_id FROM desired)
                AND external_id NOT IN (SELECT external_id FROM excluded)
        """
        reasons = list(self.runtime.metadata.files.gone_reasons(self._endpoint_id, self._column(query)))
        known = {external_id for external_id, _ in reasons}
        others = [one for one in self._column(query) if one not in known]
        renamed = self._renamed_of([one for one in others if not one.startswith(IMPLICIT)], old_ids)
        # Another one that is live, and not desired, left what this replication selects.
        rows = [*reasons, *((one, "removed" if one in renamed else "left_scope") for one in others)]
        table = pa.table({"external_id": [one for one, _ in rows], "reason": [why for _, why in rows]})
        schema = pa.schema([pa.field("external_id", pa.string()), pa.field("reason", pa.string())])
        self._fill("gone", schema, table.cast(schema).to_batches())

    def _renamed_of(self, ids: Sequence[str], old_ids: set[str]) -> set[str]:
        """Return those ids that no file has any more, because it has another one: only the journal tells."""
        files = self.runtime.metadata.files
        live = {
            str(one) for rows in files.entries_of(self._endpoint_id, ids) for one in rows["external_id"].to_pylist()
        }
        unknown = set(ids) - live - old_ids
        found = (old_ids & set(ids)) - live
        if unknown:
            journal = files.journal_ids(self._endpoint_id, 0, files.last_seq(self._endpoint_id), renamed_only=True)
            found |= {earlier for external_id, earlier in journal if earlier in unknown and earlier != external_id}
        return found

    def _rename(self, renamed: Sequence[tuple[str, str]]) -> None:
        """Let files of `replica` go on under the ids that the source knows them by now."""
        if not renamed:
            return
        table = pa.table({"old_id": [old for old, _ in renamed], "new_id": [new for _, new in renamed]})
        self.con.register("renamed_ids", table)
        self.con.execute("""
            CREATE OR REPLACE TABLE replica AS
            SELECT r.* REPLACE (coalesce(n.new_id, r.external_id) AS external_id)
            FROM replica r LEFT JOIN renamed_ids n
                ON n.old_id = r.external_id AND n.new_id NOT IN (SELECT external_id FROM replica)
        """)
        self.con.unregister("renamed_ids")

    def _filtered(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        filters = self.replication.filters
        for batch in batches:
            yield batch if filters.is_default else batch.filter(filters.select(batch))

    def _column(self, query: str) -> list[str]:
        return [value for (value,) in self.con.execute(query).fetchall()]

    def _fill(self, table: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
        self.con.register("empty_rows", schema.empty_table())
        self.con.execute(f"CREATE OR REPLACE TABLE {table} AS FROM empty_rows")
        self.con.unregister("empty_rows")
        self._append(table, batches)

    def _append(self, table: str, batches: Iterable[pa.RecordBatch]) -> None:
        for batch in batches:
            self.con.register("incoming_rows", pa.Table.from_batches([batch]))
            self.con.execute(f"INSERT INTO {table} BY NAME FROM incoming_rows")
            self.con.unregister("incoming_rows")


def _batches(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[pa.RecordBatch]:
    columns = ", ".join(ENTRY_SCHEMA.names)
    yield from stream(con, f"SELECT {columns} FROM ({query})")


def _live_rows(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.filter(pc.invert(batch.column("trashed")))


def _parents(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path
