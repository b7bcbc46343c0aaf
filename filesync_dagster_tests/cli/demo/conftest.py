"""The stores of the demo, with their sample files, each without the others."""

import random
from contextlib import closing, contextmanager

import pytest

from filesync_dagster.cli.demo.autodesk import Project
from filesync_dagster.cli.demo.drive import Drive
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stage import SAMPLES, fill
from filesync_dagster.cli.demo.stores import Folder
from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.kit.wire import serve_simulator

SIMULATED = {"company_drive": ("google_drive", Drive), "clinic_acc": ("autodesk", Project)}


@contextmanager
def simulated(name, folder):
    """Yield a store behind a simulator of its own, as it was after what is written down in the folder."""
    provider, kind = SIMULATED[name]
    with serve_simulator(SIMULATORS[provider]()) as url, closing(Control(url)) as control:
        store = kind(control, folder / f"{name}.jsonl")
        store.rebuild()
        yield store


@pytest.fixture
def store(request, tmp_path):
    """Return a filled store, by the name of its endpoint."""
    if request.param in SIMULATED:
        with simulated(request.param, tmp_path) as store:
            fill(store, SAMPLES[request.param], random.Random(3))
            yield store
        return
    store = Folder(tmp_path)
    fill(store, SAMPLES[request.param], random.Random(3))
    yield store
