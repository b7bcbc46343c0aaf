"""`on_file_changes` under Dagster's daemon, which is killed in the middle of its ticks."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SENSOR = "new_tables"
PROJECT = f"""\
import dagster as dg

from filesync_dagster.components import on_file_changes
from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.definitions import definitions_for


@dg.op(config_schema={{"files": list}})
def load_tables(context):
    pass


@dg.job
def load():
    load_tables()


def config(batch):
    return {{"ops": {{"load_tables": {{"config": batch.as_config()}}}}}}


{SENSOR} = on_file_changes(
    "{SENSOR}", endpoint="share", target=load, run_config=config, include=["*.csv"], initial=True, max_files_per_run=2,
    max_runs_per_tick=3, minimum_interval_seconds=1,
)
defs = dg.Definitions.merge(definitions_for(read_environment()), dg.Definitions(jobs=[load], sensors=[{SENSOR}]))
"""
INSTANCE = """\
telemetry: {enabled: false}
concurrency: {runs: {max_concurrent_runs: 0}}  # the runs stay in the queue: who is handed what is seen there
"""
KILLS = ("a run was launched", "a tick began", "a run was launched", "two runs were launched")


class Project:
    """A project with a folder, a sensor, and the database of its Dagster."""

    def __init__(self, folder):
        self.folder, self.share, self.home = folder, folder / "share", folder / "dagster"
        self.share.mkdir()
        self.home.mkdir()
        (self.home / "dagster.yaml").write_text(INSTANCE)
        (folder / "project.py").write_text(PROJECT)
        endpoint = {"name": "share", "type": "local", "schedule": "manual", "endpoint_details": {"path": "share"}}
        (folder / "endpoints.yaml").write_text(json.dumps({"endpoints": [endpoint]}))
        self.variables = {
            **os.environ,
            "DAGSTER_HOME": str(self.home),
            "FILESYNC_HOME": str(folder / "home"),
            "FILESYNC_CONFIG": str(folder / "endpoints.yaml"),
        }
        self.filesync = Filesync(load_config(read_environment(None, self.variables)))
        self.dagster = DagsterInstance.from_config(str(self.home))

    def write(self, *names):
        """Write files, and sync."""
        for name in names:
            (self.share / name).write_text(f"{time.monotonic_ns()}")
        assert self.filesync.sync("share").error is None

    def handed(self):
        """Return how often each change was handed to a run."""
        files = [
            file for run in self.dagster.get_runs() for file in run.run_config["ops"]["load_tables"]["config"]["files"]
        ]
        return Counter((file["path"], file["seq"]) for file in files)

    def changes(self):
        """Return what the sensor must hand to runs, after what was there when it began."""
        return {
            (row["path"], row["seq"])
            for batch in self.filesync.changes("share")
            for row in batch.to_pylist()
            if row["path"].endswith(".csv")
        }

    @contextmanager
    def daemon(self):
        """Run the daemon. It is killed in the end, as `kill -9` does it; its code server ends by itself."""
        log = (self.folder / "daemon.log").open("ab")
        process = subprocess.Popen(
            [str(Path(sys.executable).with_name("dagster-daemon")), "run", "-f", "project.py"],
            cwd=self.folder, env=self.variables, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            log.close()

    def until(self, look, process):
        """Wait for something that the daemon does."""
        deadline = time.monotonic() + 120
        while not look():
            assert process.poll() is None, (self.folder / "daemon.log").read_text()[-3000:]
            assert time.monotonic() < deadline, (self.folder / "daemon.log").read_text()[-3000:]
            time.sleep(0.01)

    def ticks(self):
        """Return the identities of the ticks there were."""
        [state] = [state for state in self.dagster.all_instigator_state() if state.name == SENSOR] or [None]
        if state is None:
            return set()
        ticks = self.dagster.get_ticks(state.instigator_origin_id, state.selector_id, limit=50)
        return {tick.tick_id for tick in ticks}


def test_each_change_is_handed_to_one_run_however_often_the_daemon_is_killed(tmp_path):
    """At the beginning of a tick, after it launched one run of several, after it launched two."""
    project = Project(tmp_path)
    project.write("a.csv", "b.csv", "c.csv", "no table.txt")
    with project.daemon() as process:
        project.until(lambda: len(project.handed()) == 3, process)
    for number, moment in enumerate(KILLS):
        runs, ticks = project.dagster.get_runs_count(), project.ticks()
        wanted = {"a run was launched": 1, "two runs were launched": 2}.get(moment, 0)
        with project.daemon() as process:
            project.until(lambda: project.ticks() != ticks, process)  # noqa: B023 - called before the next round
            project.write(f"{number}.csv", "a.csv", "b.csv", f"other {number}.csv", "no table.txt")
            ticks = project.ticks()
            if wanted:
                project.until(lambda: project.dagster.get_runs_count() >= runs + wanted, process)  # noqa: B023
            else:
                project.until(lambda: project.ticks() != ticks, process)  # noqa: B023
    with project.daemon() as process:
        initial = {("a.csv", 0), ("b.csv", 0), ("c.csv", 0)}
        project.until(lambda: project.handed().keys() >= project.changes() | initial, process)
        ticks = project.ticks()
        project.until(lambda: project.ticks() != ticks, process)
    assert project.handed() == Counter(project.changes() | initial)
    keys = [run.tags["dagster/run_key"] for run in project.dagster.get_runs(dg.RunsFilter(job_name="load"))]
    assert len(keys) == len(set(keys)) >= 1 + 2 * len(KILLS)
