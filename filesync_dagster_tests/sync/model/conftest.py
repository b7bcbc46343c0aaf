"""Fixtures of the model tests."""

import pytest

from filesync_dagster_tests.sync.model.drive_machine import DriveSyncs
from filesync_dagster_tests.sync.model.machine import machine
from filesync_dagster_tests.sync.model.stage import staged


@pytest.fixture(scope="module")
def drive_stage():
    """Lend a stage for endpoints that watch a simulated Google Drive."""
    with staged("google_drive") as stage:
        yield stage


@pytest.fixture
def drive(drive_stage):
    """Return what makes a machine whose endpoint watches a place and knows all that is there."""

    def begun(place, *, known=True, many=False):
        state = machine(DriveSyncs, drive_stage, place)()
        state.begin(known=known, many=many)
        return state

    return begun
