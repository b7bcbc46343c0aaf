"""The stores of the demo, with their sample files, each without the others."""

import random
from contextlib import closing, contextmanager

import pytest

from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stage import SAMPLES, SIMULATED_STORES, fill
from filesync_dagster.cli.demo.stores import Folder
from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.kit.wire import serve_simulator


@contextmanager
def simulated(name, folder):
    """Yield a store behind a simulator of its own, as it was after what is written down in the folder."""
    vendor, _, use = SIMULATED_STORES[name]
    with serve_simulator(SIMULATORS[vendor]()) as url, closing(Control(url)) as control:
        record = Record(folder / f"{name}.jsonl")
        store = use(control, record)
        record.rebuild()
        yield store


@pytest.fixture
def store(request, tmp_path):
    """Return a filled store, by the name of its endpoint."""
    if request.param in SIMULATED_STORES:
        with simulated(request.param, tmp_path) as store:
            fill(store, SAMPLES[request.param], random.Random(3))
            yield store
        return
    store = Folder(tmp_path)
    fill(store, SAMPLES[request.param], random.Random(3))
    yield store
