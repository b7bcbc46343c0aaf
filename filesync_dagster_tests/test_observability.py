"""Events carry the ids of what they belong to, also in the threads that work for it."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from filesync_dagster.observability import LOGGER, correlated, event, inherited


@pytest.fixture
def told(caplog):
    """What was logged, as lines."""
    caplog.set_level(logging.INFO, LOGGER)
    return lambda: [record.getMessage() for record in caplog.records]


def test_events_of_a_block_carry_its_ids(told):
    """Blocks inside add theirs; what is not known is left out; afterwards they are gone."""
    with correlated(endpoint="docs", run_id=None):
        event("one")
        with correlated(sync_id="s1"):
            event("two", endpoint="other")
    event("three")

    assert told() == ["one endpoint='docs'", "two endpoint='other' sync_id='s1'", "three"]


def test_threads_of_a_pool_carry_the_ids_of_who_made_it(told):
    """Without `inherited` they would carry none."""
    with correlated(endpoint="docs"), ThreadPoolExecutor(1, initializer=inherited()) as pool:
        pool.submit(event, "worked").result()

    assert told() == ["worked endpoint='docs'"]
