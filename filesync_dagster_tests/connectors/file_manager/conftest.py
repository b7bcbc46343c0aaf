"""File managers to write to."""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from filesync_dagster.connectors.destination import NOTHING, Upload
from filesync_dagster.connectors.file_manager import FileManagerDetails, open_file_manager
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import BLOCK_BYTES, ContentStream
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.kit.faults import FaultPlan
from filesync_dagster.simulators.kit.wire import serve_simulator

IMPATIENT = RetryPolicy(wait_initial=0.001, wait_max=0.01, pause_initial=0.01, retry_after_min=0.0)
TAGS = {"source": "eng", "source_id": "id-1", "source_version": "v1"}
LARGE = bytes(range(256)) * (BLOCK_BYTES // 100)
"""More than two blocks: it is sent as it comes."""


def content(data, *, size=None, error=None):
    """Return a content; `error` is raised after it."""

    def blocks():
        yield from (data[start : start + BLOCK_BYTES] for start in range(0, len(data), BLOCK_BYTES))
        if error is not None:
            raise error

    return ContentStream(blocks(), what="a test", size=len(data) if size is None else size)


def upload(path, data=b"", **more):
    """Return what goes with a content."""
    return Upload(**{"path": path, "size": len(data), "expected": NOTHING, "tags": TAGS, **more})


def put(destination, path, data=b"hello", **more):
    """Write a file."""
    return destination.write(upload(path, data, **more), content(data))


def sha256(data):
    """Return a hash as versions have it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@dataclass
class Manager:
    """A server, and destinations that write to it."""

    address: str
    simulator: FileManagerSimulator
    root: Path
    stack: ExitStack

    @property
    def plan(self):
        """What goes wrong."""
        return self.simulator.plan

    @property
    def counts(self):
        """How often each operation was called."""
        return self.simulator.counts

    def files(self):
        """Return what lies below the root: no part of the server is asked."""
        found = (path for path in self.root.rglob("*") if path.is_file())
        known = {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found}
        return {path: data for path, data in known.items() if not path.startswith(".file_manager/")}

    def unfinished(self):
        """Return what is left of broken uploads."""
        return list((self.root / ".file_manager" / "incoming").iterdir())

    def open(self, **details):
        """Open it to write to."""
        found = FileManagerDetails(base_url=self.address, **details)
        destination = open_file_manager(found, Meter(), policy=IMPATIENT)
        self.stack.callback(destination.close)
        return destination


@pytest.fixture
def serve(tmp_path):
    """Return what starts servers."""
    with ExitStack() as stack:

        def start(root="root", **options):
            simulator = FileManagerSimulator(tmp_path / root, plan=FaultPlan(), **options)
            stack.callback(simulator.close)
            address = stack.enter_context(serve_simulator(simulator))
            return Manager(address, simulator, tmp_path / root, stack)

        yield start


@pytest.fixture
def manager(serve):
    """Return a server."""
    return serve()


@pytest.fixture
def destination(manager):
    """Return it to write to."""
    return manager.open()
