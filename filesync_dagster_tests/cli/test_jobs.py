"""`filesync jobs` and `filesync daemon` with Dagster for real."""

import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync as command
from filesync_dagster.config import installation_id, read_environment
from filesync_dagster.orchestration.client import DagsterClient
from filesync_dagster_tests.orchestration.dagster_processes import running_dagster


class Jobs:
    """The command for one configuration and the Dagster that runs it."""

    def __init__(self, folder, variables, url):
        self.folder, self.variables, self.url = folder, variables, url

    def __call__(self, *arguments, **options):
        return CliRunner().invoke(
            command, ["jobs", *arguments, "--dagster-url", self.url], env=self.variables, **options
        )

    def status(self, *arguments):
        """Return what `status --json` prints."""
        return [json.loads(line) for line in self("status", "--json", *arguments).stdout.splitlines()]

    def ended(self, run_id):
        """Wait for a run; return how `status` shows it."""
        deadline = time.monotonic() + 120
        while (run := next(one for one in self.status() if one["run_id"] == run_id))["ended_at"] is None:
            assert time.monotonic() < deadline, run
            time.sleep(1)
        return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a project: two folders with files, one that is not there."""
    folder = tmp_path_factory.mktemp("jobs")
    for name in ("letters", "photos"):
        (folder / name).mkdir()
        (folder / name / "one").write_text("1")
    names = ("letters", "photos", "nowhere")
    endpoints = [{"name": n, "type": "local", "schedule": "manual", "endpoint_details": {"path": n}} for n in names]
    (folder / "endpoints.yaml").write_text(json.dumps({"endpoints": endpoints}))
    return folder


@pytest.fixture(scope="module")
def jobs(folder):
    """Return the command, and Dagster running."""
    variables = {"FILESYNC_HOME": str(folder / "home"), "PATH": os.environ["PATH"], "HOME": str(folder)}
    with running_dagster(folder / "endpoints.yaml", variables) as dagster:
        variables = {**variables, "FILESYNC_CONFIG": str(folder / "endpoints.yaml")}
        yield Jobs(folder, variables, dagster.url)


def launched(result):
    """Return the ids of the runs that a command says it launched."""
    assert result.exit_code == 0, result.output
    return [line.split()[2] for line in result.stdout.splitlines() if line.startswith("The run ")]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("dagster")
def test_the_life_of_a_run(jobs, folder):
    """Launched, shown with what became of each endpoint, repeated where it failed, deleted."""
    assert jobs("status").stdout == "There is no run.\n"

    [failed] = launched(jobs("initiate", "letters", "nowhere", "--full"))
    run = jobs.ended(failed)
    assert (run["state"], run["done"], run["of"], run["full"]) == ("failed", 2, 2, True)
    assert run["endpoints"] == {"letters": "committed", "nowhere": "failed"}
    assert run["day"] == f"{datetime.now(UTC).date()}"
    assert "nowhere failed" in jobs("status").stdout

    (folder / "nowhere").mkdir()
    [again] = launched(jobs("reset"))
    run = jobs.ended(again)
    assert (run["state"], run["repeats"]) == ("completed", failed)
    assert run["endpoints"]["nowhere"] == "committed"
    assert "No failed run" in jobs("reset").stdout  # it was overtaken

    assert jobs("delete").exit_code == 2
    assert "this is for pending and failed ones" in jobs("delete", again[:8]).output
    assert jobs("delete", "--failed", input="n\n").exit_code == 1
    assert len(jobs.status()) == 2
    assert "1 run deleted" in jobs("delete", "--failed", "--yes").stdout
    assert [run["run_id"] for run in jobs.status()] == [again]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.xdist_group("dagster")
def test_what_is_being_synced_is_left_out_and_what_waits_can_be_deleted(jobs):
    """Two runs of one endpoint would only be in each other's way."""
    with DagsterClient(jobs.url, installation_id(read_environment(variables=jobs.variables))) as dagster:
        [first] = launched(jobs("initiate"))
        second = jobs("initiate", "photos")
        assert f"photos: left out, for the run {first}" in second.output
        assert not launched(second)
        jobs.ended(first)
        assert "'zebras'" in jobs("initiate", "zebras").output
        # One that waits for its turn: nothing is launched of a run that was canceled before it began.
        [waiting] = launched(jobs("initiate", "photos"))
        if dagster.run(waiting).is_pending:
            told = jobs("delete", waiting, "--yes")
            has_begun = f"{waiting} is left" in told.stderr  # meanwhile
            assert f"{0 if has_begun else 1} run" in told.stdout
            assert (dagster.run(waiting) is None) == (not has_begun)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.xdist_group("dagster")
def test_the_daemon_runs_what_is_due_without_a_web_server(folder, tmp_path):
    """A new endpoint is synced; SIGTERM ends everything."""
    endpoint = {"name": "letters", "type": "local", "endpoint_details": {"path": str(folder / "letters")}}
    (tmp_path / "endpoints.yaml").write_text(json.dumps({"endpoints": [endpoint]}))
    variables = {
        **os.environ,
        "FILESYNC_HOME": str(tmp_path / "home"),
        "FILESYNC_CONFIG": str(tmp_path / "endpoints.yaml"),
    }
    command = [sys.executable, "-m", "filesync_dagster.cli"]
    with subprocess.Popen([*command, "daemon"], env=variables, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = []
            while "daemon runs" not in "".join(said):
                said.append(process.stdout.readline())
                assert said[-1], said
            assert "Starting Dagster's daemon ...\n" in said
            deadline = time.monotonic() + 200
            while True:
                told = subprocess.run([*command, "status", "--json"], env=variables, capture_output=True, check=True)
                if json.loads(told.stdout)["state"] == "ok":
                    break
                assert time.monotonic() < deadline, told.stdout
                time.sleep(2)
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
    assert process.returncode == 0
