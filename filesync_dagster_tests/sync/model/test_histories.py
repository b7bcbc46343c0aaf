"""Whatever people do and whatever goes wrong, the inventory is what the store has."""

import math

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.sync.model.machine import machine
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.model.worlds import PLACES

WATCHED = [pytest.param(one, marks=pytest.mark.slow if one.place.slow else (), id=str(one)) for one in PLACES]
GRAPH = {"onedrive", "sharepoint"}
"""Both are of one connector."""


def histories_of(watched):
    """Return how many histories a place has: those of a connector are 300, in the soak 900."""
    types = GRAPH if watched.endpoint_type in GRAPH else {watched.endpoint_type}
    return math.ceil(size(300, 900) / sum(one.endpoint_type in types for one in PLACES))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("watched", WATCHED)
@pytest.mark.parametrize("is_long", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["short", "long"])
def test_the_inventory_is_what_the_store_has(watched, is_long):
    """After any history, a clean sync says what is there; no sync says that something is gone that is not."""
    with staged(watched.endpoint_type) as stage:
        run_state_machine_as_test(
            machine(watched.syncs, stage, watched.place),
            settings=settings(
                max_examples=histories_of(watched) if is_long else 2,
                stateful_step_count=8,
                deadline=None,
                derandomize=True,
                database=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
