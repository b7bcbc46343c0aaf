"""Runs that die under the real daemon: noticed, started again, resumed, with nobody's help."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files

import psutil
import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.config import installation_id, load_config, read_environment
from filesync_dagster.orchestration.client import DagsterClient
from filesync_dagster_tests.servers import rclone_s3, recorded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("dagster")]

FILES, PAGE = 1500, 10
PAGES = FILES / PAGE


class Machine:
    """`filesync up` in a process of its own, which can be switched off like a machine."""

    def __init__(self, folder, variables):
        self.folder, self.variables = folder, variables
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "filesync_dagster.cli", "up", "--port", str(self.port)],
            cwd=self.folder, env=self.variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        with self.process.stdout as lines:
            assert any("Dagster is at" in line for line in lines)

    def switch_off(self):
        """End every process at once, without a word."""
        family = [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.suspend()  # so that nobody notices the death of another
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, 30)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a running machine, a bucket with a slow server, and the client that asks Dagster."""
    folder = tmp_path_factory.mktemp("recovery")
    (folder / "buckets" / "drawings").mkdir(parents=True)
    for i in range(FILES):
        (folder / "buckets" / "drawings" / f"{i:05}.dwg").write_bytes(b"x" * (i % 7))
    with rclone_s3(folder / "buckets") as server, recorded(server.endpoint_url) as proxy:
        details = {**server.details("drawings"), "endpoint_url": proxy.endpoint_url, "page_size": PAGE}
        details["list_workers"] = 1
        endpoint = {"name": "drawings", "type": "s3", "schedule": "manual", "endpoint_details": details}
        settings = {"batch_size": 100, "lease_seconds": 5}
        config = folder / "endpoints.yaml"
        config.write_text(json.dumps({"settings": settings, "endpoints": [endpoint]}))
        variables = {**os.environ, "FILESYNC_HOME": str(folder / "home"), "FILESYNC_CONFIG": str(config)}
        impatient(folder / "home" / "dagster")
        machine = Machine(folder, variables)
        machine.start()
        try:
            with (
                Filesync(load_config(read_environment(config, variables))) as filesync,
                DagsterClient(
                    f"http://127.0.0.1:{machine.port}", installation_id(read_environment(config, variables))
                ) as dagster,
            ):
                yield machine, proxy, filesync, dagster
        finally:
            machine.stop()


def impatient(home):
    """Write the dagster.yaml that is shipped, with shorter times."""
    text = files("filesync_dagster").joinpath("dagster.yaml").read_text()
    for name, value in {"poll_interval_seconds": 2, "dead_after_seconds": 12, "cancel_timeout_seconds": 20}.items():
        text, found = re.subn(rf"{name}: \d+", f"{name}: {value}", text)
        assert found == 1, name
    home.mkdir(parents=True)
    (home / "dagster.yaml").write_text(text)


@contextmanager
def slow_sync(place, **tags):
    """Launch a sync that takes long, and yield its run in the middle of the listing."""
    _, proxy, filesync, dagster = place
    forget(filesync)
    proxy.delay = 0.1
    proxy.requests.clear()
    [run_id] = dagster.launch(["drawings"], day=datetime.now(UTC).date(), tags=tags)
    until(lambda: len(listings(proxy)) > PAGES / 2)
    yield run_id
    proxy.delay = 0.0


def forget(filesync):
    """Make the next listing begin anew."""
    if filesync.runtime.metadata.checkpoints.unfinished_listings():
        assert filesync.sync("drawings", full=True).status.value == "completed"


def listings(proxy):
    """Return the pages that were asked for."""
    return [request for request in proxy.requests if "list-type=2" in request]


def pid_of(filesync):
    """Return the process that syncs."""
    [lease] = filesync.runtime.metadata.leases.current()
    return lease.pid


def until(look, patience=240):
    """Wait until something is true; return it."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def second_attempt(dagster, run_id):
    """Wait for the run that Dagster launches in place of another; return how it ended."""
    [again] = until(lambda: [run for run in dagster.runs(50) if run.parent == run_id])
    until(lambda: dagster.run(again.id).is_finished)
    return dagster.run(again.id).status


def complete(filesync):
    """Whether the inventory is what is there, and the last sync says so."""
    [status] = filesync.status()
    return status.state == "ok" and sum(batch.num_rows for batch in filesync.files("drawings")) == FILES


def test_a_run_whose_process_is_killed_is_started_again_and_resumes(place):
    """Nothing is asked for twice but the pages since the last checkpoint."""
    _, proxy, filesync, dagster = place
    with slow_sync(place) as run_id:
        os.kill(pid_of(filesync), signal.SIGKILL)

    assert second_attempt(dagster, run_id) == "SUCCESS"
    assert complete(filesync)
    assert len(listings(proxy)) < PAGES * 1.5


def test_a_run_whose_machine_goes_away_is_started_again_when_it_is_back(place):
    """Nobody is left to tell: the monitoring of the next daemon misses its heartbeat."""
    machine, proxy, filesync, dagster = place
    with slow_sync(place) as run_id:
        machine.switch_off()
    machine.start()

    assert dagster.run(run_id).status == "STARTED"
    assert second_attempt(dagster, run_id) == "SUCCESS"
    assert complete(filesync)
    assert len(listings(proxy)) < PAGES * 1.5


def test_a_run_that_takes_too_long_is_ended_and_goes_on_in_another(place):
    """Its process ends as well; the other waits for that."""
    _, proxy, filesync, dagster = place
    with slow_sync(place, **{"dagster/max_runtime": "15"}) as run_id:
        pid = pid_of(filesync)
        proxy.delay = 1.0
        until(lambda: dagster.run(run_id).is_finished)

    assert dagster.run(run_id).status == "FAILURE"
    assert second_attempt(dagster, run_id) == "SUCCESS"
    assert complete(filesync)
    assert not psutil.pid_exists(pid)


def test_a_run_that_somebody_cancels_stops_at_the_next_page(place):
    """It is not started again."""
    _, _, filesync, dagster = place
    with slow_sync(place) as run_id:
        pid = pid_of(filesync)
        dagster.terminate(run_id)
        until(lambda: not psutil.pid_exists(pid))
        until(lambda: dagster.run(run_id).is_finished)

    assert dagster.run(run_id).status == "CANCELED"
    assert filesync.runtime.metadata.checkpoints.unfinished_listings().keys() == {"drawings"}
    assert not [run for run in dagster.runs(50) if run.parent == run_id]
