"""A code server whose inner process died is started anew, and told of; one that is busy is left in peace."""

import json
import os
import signal
import threading
import time

import psutil
import pytest

from filesync_dagster.core.errors import DagsterUnreachable
from filesync_dagster.orchestration.instance.ping import works
from filesync_dagster.orchestration.processes import watchdog
from filesync_dagster.orchestration.processes.watchdog import CodeServerWatch
from filesync_dagster_tests.orchestration.dagster_processes import running_dagster


class CodeServer:
    """What a proxy looks like whose process may die."""

    def __init__(self):
        self.lives, self.restarts, self.broken, self.told = True, 0, False, []
        self.watch = CodeServerWatch(lambda: self.lives, self.restart, self.told.append)

    def restart(self):
        """Start anew, and complain about the one that died, as Dagster does."""
        self.restarts += 1
        self.lives = not self.broken
        raise DagsterUnreachable("The one before did not answer.")


def test_it_is_started_anew_after_two_questions_without_an_answer():
    """And not again: it works."""
    server = CodeServer()
    server.watch.look()
    server.lives = False
    server.watch.look()
    assert server.restarts == 0
    server.watch.look()
    assert server.restarts == 1
    assert "started anew" in server.told[0]
    for _ in range(3):
        server.watch.look()
    assert (server.restarts, len(server.told)) == (1, 1)


def test_one_that_was_busy_for_a_moment_is_left_in_peace():
    """Two questions that are not in a row are none."""
    server = CodeServer()
    for server.lives in (False, True, False, True):
        server.watch.look()
    assert server.restarts == 0


def test_one_that_does_not_start_is_tried_again_and_told_once():
    """Until it works, which is told, too."""
    server = CodeServer()
    server.lives, server.broken = False, True
    for _ in range(4):
        server.watch.look()
    assert server.restarts == 3
    server.broken = False
    server.watch.look()
    assert ["does not answer" in sentence for sentence in server.told] == [True, False]


def test_nobody_there_does_not_work(tmp_path):
    """Nor raises."""
    assert not works(f"unix:{tmp_path / 'code.sock'}")


def test_an_address_that_is_none_does_not_work():
    """Nor raises."""
    assert not works("here:there")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.xdist_group("dagster")
def test_dagster_goes_on_after_its_code_was_killed(tmp_path, monkeypatch):
    """SIGKILL behind the proxy, as the kernel sends it when memory is short: runs that wait, and the next, succeed."""
    monkeypatch.setattr(watchdog, "PING_INTERVAL_SECONDS", 2.0)
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.txt").write_text("a")
    entry = {"name": "photos", "type": "local", "schedule": "manual", "endpoint_details": {"path": "store"}}
    config, told = tmp_path / "endpoints.yaml", threading.Event()
    config.write_text(json.dumps({"endpoints": [entry], "settings": {"partitions": {"timezone": "UTC"}}}))
    variables = {"FILESYNC_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}

    def tell(sentence):
        if "started anew" in sentence:
            told.set()

    with running_dagster(config, variables, tell=tell) as dagster:
        [inner] = _processes("grpc", "api")
        [daemon] = _processes("dagster._daemon")
        today = time.strftime("%Y-%m-%d", time.gmtime())
        daemon.suspend()
        waiting = dagster.launch(today, ["filesync", "photos"])
        inner.send_signal(signal.SIGKILL)
        inner.wait(60)
        daemon.resume()
        assert told.wait(120)
        assert dagster.run_ended(waiting) == "SUCCESS"
        deadline = time.monotonic() + 120
        while not dagster.graphql("{ assetNodes { assetKey { path } } }")["assetNodes"]:
            assert time.monotonic() < deadline
            time.sleep(1)
        assert dagster.run_ended(dagster.launch(today, ["filesync", "photos"])) == "SUCCESS"


def _processes(*words):
    """Return the processes below this one with these words in their command line."""
    return [child for child in psutil.Process().children(recursive=True) if {*words} <= {*child.cmdline()}]
