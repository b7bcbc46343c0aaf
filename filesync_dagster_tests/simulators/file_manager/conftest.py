"""Servers, and a client of them that is written like the public one: plain forms of `requests`."""

import json
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import requests

from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.kit.faults import FaultPlan
from filesync_dagster.simulators.kit.wire import serve_simulator


@dataclass
class PlainClient:
    """Sends a file as multipart/form-data, and everything else encoded like a query."""

    address: str
    simulator: FileManagerSimulator

    def save(self, operation, path, data=None, *, filename=None, **fields):
        """Call `saveToDisk`."""
        if isinstance(fields.get("metadata"), dict):
            fields["metadata"] = json.dumps(fields["metadata"])
        files = None if data is None else {"file": (filename or path, data, "text/plain")}
        form = {"operation": operation, "file_path": path, **fields}
        return requests.post(f"{self.address}/saveToDisk", data=form, files=files, timeout=20)

    def permissions(self, path, **fields):
        """Call `updatePermissions`."""
        form = {"file_path": path, **fields}
        return requests.post(f"{self.address}/updatePermissions", data=form, timeout=20)

    def events(self, count=None):
        """Call `pubSubFullList`."""
        return self.get("/pubSubFullList", params={} if count is None else {"count": count})

    def report(self, body):
        """Call `reportResults`."""
        return requests.post(f"{self.address}/reportResults", json=body, timeout=20)

    def get(self, path, **more):
        """Get something."""
        return requests.get(f"{self.address}{path}", timeout=20, **more)


@pytest.fixture
def serve(tmp_path):
    """Return what starts servers below one folder, and stops the one before."""
    stacks = []

    def start(**options):
        while stacks:
            stacks.pop().close()
        stacks.append(ExitStack())
        simulator = FileManagerSimulator(tmp_path / "root", **{"plan": FaultPlan(), **options})
        stacks[0].callback(simulator.close)
        return PlainClient(stacks[0].enter_context(serve_simulator(simulator)), simulator)

    yield start
    while stacks:
        stacks.pop().close()


@pytest.fixture
def client(serve):
    """Return a client of a server that stores."""
    return serve()


@pytest.fixture
def mock(serve):
    """Return a client of one that answers like the public mock."""
    return serve(mock=True)
