"""The simulated vendors of the demo, all of them in one process: an interpreter for each would cost more than they do.

`python -m filesync_dagster.cli.demo.vendors '{"ports": {"box": 8339}, "root": "files"}'` serves them until it is told
to end. `root` is the folder of the file manager.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from filesync_dagster.cli.demo.servers import HOST
from filesync_dagster.orchestration.processes import stop_on_signal
from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.kit.wire import serve_simulator


def serve_vendors(ports: Mapping[str, int], root: str) -> None:
    """Serve each vendor at its port, until a signal comes."""
    with ExitStack() as cleanup:
        told = cleanup.enter_context(stop_on_signal())
        for vendor, port in ports.items():
            simulator = FileManagerSimulator(Path(root)) if vendor == "file_manager" else SIMULATORS[vendor]()
            cleanup.enter_context(serve_simulator(simulator, HOST, port))
        told.wait()


if __name__ == "__main__":
    serve_vendors(**json.loads(sys.argv[1]))
