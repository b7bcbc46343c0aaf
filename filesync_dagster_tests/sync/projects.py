"""A filesync project in a temporary folder: its configuration, opened, and what its inventory says."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.model import SyncStatus

Row = dict[str, Any]


class Project:
    """A folder with endpoints.yaml, and the environment that filesync sees in it."""

    def __init__(self, folder: Path, *endpoints: Mapping[str, Any], database: str | None = None, **settings: Any):
        self.folder = folder
        self.home = folder / "home"
        self.config = folder / "endpoints.yaml"
        folder.mkdir(parents=True, exist_ok=True)
        self.variables = {"FILESYNC_HOME": str(self.home)}
        if database:
            self.variables["FILESYNC_DATABASE_URL"] = database
        self.settings = settings
        self.replications: list[Mapping[str, Any]] = []
        self.sources: list[Mapping[str, Any]] = []
        self.generations: list[Mapping[str, Any]] = []
        self.write(*endpoints)

    def write(self, *endpoints: Mapping[str, Any]) -> None:
        """Replace the endpoints of the configuration."""
        # JSON is YAML.
        text = {"settings": self.settings, "endpoints": endpoints, "replications": self.replications}
        tables = {"sources": self.sources, "generations": self.generations}
        self.config.write_text(json.dumps(text | {name: some for name, some in tables.items() if some}))

    def open(self) -> Filesync:
        """Open the configuration as it is now."""
        filesync = Filesync(load_config(read_environment(self.config, self.variables)))
        assert not filesync.config.problems, filesync.config.problems
        return filesync

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command line in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "filesync_dagster.cli", "--config", str(self.config), *arguments],
            env={**os.environ, **self.variables},
            capture_output=True,
            text=True,
            check=False,
        )


def rows_of(batches: Iterable[pa.RecordBatch]) -> list[Row]:
    """Return the rows of some batches."""
    return [row for batch in batches for row in batch.to_pylist()]


def live(filesync: Filesync, name: str) -> list[Row]:
    """Return the live rows of an endpoint, as `filesync files` has them."""
    return rows_of(filesync.files(name))


def stored(filesync: Filesync, uri: str) -> list[Row]:
    """Return the rows of a stored Parquet file."""
    return pq.read_table(filesync.local_snapshot(uri)).to_pylist()


def everything(filesync: Filesync, name: str) -> dict[str, Any]:
    """Return all that a user can see of an endpoint's inventory: rows (gone ones too), journal, snapshot pointer."""
    metadata = filesync.runtime.metadata
    state = metadata.endpoints.states()[name]
    return {
        "files": rows_of(metadata.files.inventory(state.endpoint_id, gone=True)),
        "journal": rows_of(metadata.files.journal(state.endpoint_id)),
        "pointer": (state.snapshot_uri, state.snapshot_sync_id, state.data_version, state.files_total),
    }


def assert_adds_up(filesync: Filesync, name: str) -> None:
    """What every log of an endpoint counts leads from the files before its sync to those after it."""
    for log in filesync.syncs(name):
        if log.sync_status is not SyncStatus.FAILED:
            assert log.files_before is not None
            assert log.files_before + log.counts.balance == log.files_total, log


def parquet_files(home: Path) -> set[Path]:
    """Return every snapshot and change file of a home."""
    return set((home / "data").rglob("*.parquet"))
