"""Google Drive: whatever people do and whatever goes wrong, the inventory is what the drive has."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.sync.model.drive_machine import machine
from filesync_dagster_tests.sync.model.drive_world import Place
from filesync_dagster_tests.sync.model.stage import staged

PLACES = (
    Place("my_drive"),
    Place("my_drive", filtered=True),
    Place("folder"),
    Place("folder", filtered=True, guarded=True),
    Place("folder_in_drive"),
    Place("drive", filtered=True),
    Place("drive", guarded=True),
    Place("everything"),
    Place("everything", filtered=True, guarded=True),
)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("place", PLACES, ids=str)
@pytest.mark.parametrize("examples", [4, pytest.param(size(40, 112), marks=pytest.mark.slow)])
def test_the_inventory_is_what_the_drive_has(place, examples):
    """After any history, a clean sync says what is there; no sync says that something is gone that is not."""
    with staged("google_drive") as stage:
        run_state_machine_as_test(
            machine(stage, place),
            settings=settings(
                max_examples=examples,
                stateful_step_count=8,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
