"""One sync and one replication in a process that has imported nothing else: what its memory tells is ours."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment


def child(home: Path) -> dict[str, Any]:
    """Sync and replicate in this process; return what it took."""
    config = load_config(read_environment(home / "endpoints.yaml", {"FILESYNC_HOME": str(home / "home")}))
    with Filesync(config) as filesync:
        filesync.sync("warm")
        filesync.replications.replicate("warm_copy")  # imports what is imported when it is needed
        began, cpu = time.perf_counter(), time.process_time()
        synced = filesync.sync("files")
        assert synced.error is None, synced
        between = time.perf_counter()
        result = filesync.replications.replicate("copy")
        ended = time.perf_counter()
    assert result.error is None, result
    return {
        "status": result.status,
        "seconds": round(ended - began, 2),
        "replicate_seconds": round(ended - between, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "created": result.created,
        "by_hash": result.verified_by_hash,
    }


if __name__ == "__main__":
    print(json.dumps(child(Path(sys.argv[1]))))
