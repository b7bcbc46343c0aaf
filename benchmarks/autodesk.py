"""A simulated Autodesk project: what a full crawl costs in calls, and what an idle and a little changed project do."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.connectors.autodesk import open_autodesk
from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.kit.wire import InProcess

CHANGES = 10
BASE = "https://developer.api.example"


def run(files: int = 20_000, per_folder: int = 10) -> dict[str, Any]:
    """Sync a project in full, idle, and after ten changes."""
    simulator = AutodeskSimulator()
    store = simulator.store
    hub = store.hub("Builders")
    project = store.project(hub, "Tower")
    store.bulk(files, per_folder=per_folder, project=project)
    details = {**simulator.credentials(BASE), "hub_id": hub, "project_ids": [project]}
    with tempfile.TemporaryDirectory() as folder, in_process(simulator), project_of(Path(folder), details) as filesync:
        full = facts(filesync.sync("tower"))
        idle = facts(filesync.sync("tower"))
        items = [
            i for batch in filesync.files("tower") for i in batch.column("external_id").to_pylist() if "lineage" in i
        ]
        for item in items[:: len(items) // CHANGES][:CHANGES]:
            simulator.store.new_version(item, 7)
        busy = facts(filesync.sync("tower"))
    assert (full["mode"], idle["mode"], busy["files_updated"]) == ("full", "incremental", CHANGES), (full, idle, busy)
    share = round(idle["api_calls"] / full["api_calls"], 4)
    return {"files": files, "full": full, "idle": idle, "busy": busy, "idle_share": share}


def facts(result: Any) -> dict[str, Any]:
    """Return what of a result is of interest."""
    assert result.status.value == "completed", result
    found = result.as_dict()
    return {name: found[name] for name in ("mode", "files_total", "files_updated", "api_calls", "duration_seconds")}


@contextmanager
def in_process(simulator: AutodeskSimulator) -> Iterator[None]:
    """Let endpoints of type autodesk talk to a simulator of this process."""
    plain = CONNECTORS["autodesk"]

    def opened(details: Any, meter: Any, *, prune: Any = None) -> Any:
        return open_autodesk(details, meter, prune=prune, wire=InProcess(simulator))

    CONNECTORS["autodesk"] = replace(plain, open=opened)
    try:
        yield
    finally:
        CONNECTORS["autodesk"] = plain


@contextmanager
def project_of(folder: Path, details: dict[str, Any]) -> Iterator[Filesync]:
    """Open a configuration with one endpoint, tower."""
    endpoint = {"name": "tower", "type": "autodesk", "endpoint_details": details}
    (folder / "endpoints.yaml").write_text(json.dumps({"endpoints": [endpoint]}))
    config = load_config(read_environment(folder / "endpoints.yaml", {"FILESYNC_HOME": str(folder / "home")}))
    with Filesync(config) as filesync:
        yield filesync


if __name__ == "__main__":
    print(json.dumps(run(*map(int, sys.argv[1:])), indent=2))
