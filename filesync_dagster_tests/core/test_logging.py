"""Events carry the ids of what they belong to, also in the threads that work for it."""

import json
import logging
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from filesync_dagster.core.logging import LOGGER, _events, event, inherit_log_context, log_context


@pytest.fixture
def told(caplog, monkeypatch):
    """What was logged, as lines, whatever a command of an earlier test made of the logger."""
    logger = logging.getLogger(LOGGER)
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "propagate", True)
    _events.cache_clear()
    caplog.set_level(logging.INFO, LOGGER)
    yield lambda: [record.getMessage() for record in caplog.records]
    _events.cache_clear()


def test_events_of_a_block_carry_its_ids(told):
    """Blocks inside add theirs; what is not known is left out; afterwards they are gone."""
    with log_context(endpoint="docs", run_id=None):
        event("one")
        with log_context(sync_id="s1"):
            event("two", endpoint="other")
    event("three")

    assert told() == ["one endpoint='docs'", "two endpoint='other' sync_id='s1'", "three"]


def test_threads_of_a_pool_carry_the_ids_of_who_made_it(told):
    """Without `inherit_log_context` they would carry none."""
    with log_context(endpoint="docs"), ThreadPoolExecutor(1, initializer=inherit_log_context()) as pool:
        pool.submit(event, "worked").result()

    assert told() == ["worked endpoint='docs'"]


def test_dagsters_processes_write_json_when_they_are_told_to(tmp_path):
    """FILESYNC_LOG_FORMAT=json holds for whatever loads the definitions: code server, runs."""
    script = "import filesync_dagster.definitions; from filesync_dagster.core.logging import event; event('one', a=1)"
    variables = os.environ | {"FILESYNC_LOG_FORMAT": "json", "FILESYNC_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-W", "ignore", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, env=variables, check=True, capture_output=True, text=True)

    told = [json.loads(line) for line in done.stderr.splitlines() if line.startswith("{")]
    assert [(one["event"], one["a"]) for one in told if one["event"] == "one"] == [("one", 1)]
