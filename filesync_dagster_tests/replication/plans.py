"""Plans made of a few rows, and a destination that is a dictionary: what a plan does to it, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa

from filesync_dagster.config import Replication
from filesync_dagster.connectors.destination import DestinationFacts
from filesync_dagster.core.schemas import ENTRY_SCHEMA
from filesync_dagster.replication.comparison import Comparison
from filesync_dagster.replication.target_state import DesiredState, build_desired
from filesync_dagster.storage.database.replicas import REPLICA_SCHEMA

BUCKET = DestinationFacts(
    atomic_replace=True, rename=False, server_copy=False, resumable=False, folders=False, conditional=True,
    permissions=False, trash=False, lists=True, keeps_dots=True,
)  # fmt: skip
FOLDER = DestinationFacts(
    atomic_replace=True, rename=True, server_copy=False, resumable=False, folders=True, conditional=True,
    permissions=True, trash=True, lists=True, max_name_bytes=255,
)  # fmt: skip


def replication(**values: Any) -> Replication:
    """Return a replication of the endpoint `files` to a folder."""
    given = {"name": "copy", "source": "files", "destination": {"endpoint": "elsewhere"}} | values
    return Replication.model_validate(given)


def row(external_id: str, path: str, version: str | None = "1", **values: Any) -> dict[str, Any]:
    """Return a row of the inventory."""
    plain = {"external_id": external_id, "scope": "", "name": path.rpartition("/")[2], "path": path, "kind": "file",
             "size": 1, "version": version, "trashed": False}  # fmt: skip
    return dict.fromkeys(ENTRY_SCHEMA.names) | plain | values


def replica_row(external_id: str, path: str, version: str | None = "1", **values: Any) -> dict[str, Any]:
    """Return a row of `replica_files`, as a plan reads it."""
    plain = {"external_id": external_id, "dest_path": path, "kind": "file", "source_version": version, "size": 1,
             "dest_version": f"at-{path}"}  # fmt: skip
    return dict.fromkeys(REPLICA_SCHEMA.names) | plain | values


@dataclass
class SmallPlan:
    """A plan of a few rows."""

    con: duckdb.DuckDBPyConnection
    rows: list[dict[str, Any]]
    replica: list[dict[str, Any]]
    gone: Mapping[str, str] = field(default_factory=dict)
    facts: DestinationFacts = BUCKET
    replication: Replication = field(default_factory=replication)

    def run(self) -> list[dict[str, Any]]:
        """Return its operations, in their order."""
        self._fill("source_rows", pa.Table.from_pylist(self.rows, ENTRY_SCHEMA))
        self._fill("replica", pa.Table.from_pylist(self.replica, REPLICA_SCHEMA))
        reasons = pa.schema([pa.field("external_id", pa.string()), pa.field("reason", pa.string())])
        gone = [{"external_id": one, "reason": why} for one, why in self.gone.items()]
        self._fill("gone", pa.Table.from_pylist(gone, reasons))
        self.state: DesiredState = build_desired(self.con, "source_rows", self.replication, self.facts)
        self.comparison = Comparison(self.con, self.replication, self.facts)
        self.comparison.run()
        return [operation for batch in self.comparison.operations() for operation in batch.to_pylist()]

    def _fill(self, name: str, table: pa.Table) -> None:
        self.con.register("given", table)
        self.con.execute(f"CREATE OR REPLACE TABLE {name} AS FROM given")
        self.con.unregister("given")


class ModelDestination:
    """What a destination has: (external_id, version) by path. It refuses what no destination may do."""

    def __init__(self, replica: list[dict[str, Any]]) -> None:
        self.files = {one["dest_path"]: (one["external_id"], one["source_version"]) for one in replica}

    def do(self, operation: dict[str, Any], *, undesired: frozenset[str]) -> None:
        """Do one operation of a plan."""
        op, external_id, path = operation["op"], operation["external_id"], operation["path"]
        match op:
            case "move":
                moved = self.files.pop(path)
                assert moved[0] == external_id
                there = self.files.get(operation["new_path"])
                assert there is None or there[0] in undesired, "it lands on a file that is wanted"
                self.files[operation["new_path"]] = moved
            case "create":
                assert path not in self.files, "something is there"
                self.files[path] = (external_id, operation["source_version"])
            case "update":
                assert self.files[path][0] == external_id or self.files[path][0] in undesired
                self.files[path] = (external_id, operation["source_version"])
            case "adopt":
                assert path in self.files
                self.files[path] = (external_id, operation["source_version"])
            case "delete":
                assert self.files.pop(path)[0] == external_id
