"""The demo, whole; and what it must never do."""

import os
import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.cli.demo.drive import Drive
from filesync_dagster.cli.demo.endpoints import LONG_THERE
from filesync_dagster.cli.demo.history import LATER_DAYS, work
from filesync_dagster.cli.demo.questions import COPIES
from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stage import SAMPLES, SIMULATED_STORES, Stage, fill
from filesync_dagster.cli.demo.stores import Bucket, Folder
from filesync_dagster.cli.demo.story import run_demo
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.errors import NotWritable
from filesync_dagster.orchestration.processes.children import start_service
from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.kit.wire import serve_simulator


@pytest.mark.slow
@pytest.mark.timeout(900)  # two minutes of an idle machine
def test_the_demo_proves_the_inventory_and_exits_with_0(tmp_path):
    """`filesync demo --once`: all stores, two syncs, a Drive that throttles, assets in Dagster, equal in the end."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "filesync_dagster.cli",
            "demo",
            "--once",
            "--days",
            "3",
            "--home",
            str(tmp_path / "demo"),
        ],
        env={**os.environ, "FILESYNC_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/mine"},  # must not be touched
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("the store: equal") == len(SAMPLES)
    assert "Every asset is materialized for each day" in done.stdout
    days = [f"{datetime.now(UTC).date() - timedelta(days=back)}" for back in range(3, -1, -1)]
    assert [day for day in days if f"{day}  materialized" in done.stdout] == days
    assert "\x1b" not in done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo"]
    costs = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.endswith(" s")}
    incremental = {name for name in SAMPLES if costs[name][1] == "incremental"}
    assert incremental == set(SIMULATED_STORES) - {"scans_gcs", "models_azure"}
    *_, retries, waited, _ = costs["company_drive"]
    assert int(retries) >= 1
    assert float(waited) >= 1
    with closing(sqlite3.connect(tmp_path / "demo" / ".filesync" / "filesync.db")) as database:
        document, stores, *_ = database.execute(COPIES).fetchone()
    assert (document, stores) == ("Safety plan.pdf", len(SAMPLES))
    variables = {"FILESYNC_HOME": str(tmp_path / "demo" / ".filesync")}
    with Filesync(load_config(read_environment(tmp_path / "demo" / "endpoints.yaml", variables))) as filesync:
        for name in SAMPLES:
            known = days if name in LONG_THERE else days[-1 - LATER_DAYS :]
            assert {f"{log.as_of:%Y-%m-%d}" for log in filesync.syncs(name)} == set(known)
        let_in = {row["who"] for row in filesync.report("exposure").rows if row["endpoint"] == "company_drive"}
    assert let_in == {"anyone with the link", "weber@statics.example"}


def test_the_question_to_all_stores_is_in_the_readme():
    """What the demo asks, and what the run above is asked, is what README shows."""
    assert COPIES in (Path(__file__).parents[3] / "README.md").read_text()


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    """Only what a demo made is emptied by a demo."""
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(NotWritable, match="not a demo's folder"):
        run_demo(read_environment(variables={}), tmp_path, "127.0.0.1", 3000, days=1, once=True, keep=False)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_store_that_dies_is_told_and_ends_nothing(tmp_path, capfd):
    """A simulator that ended, a bucket without a server, a folder that is gone: a sentence each, no traceback."""
    with serve_simulator(SIMULATORS["google_drive"]()) as url:
        control = Control(url)
        drive = Drive(control, Record(tmp_path / "drive.jsonl"))
        fill(drive, SAMPLES["company_drive"], random.Random(3))
        assert len(work("company_drive", drive, random.Random(3), 2)) == 2
    folder = Folder(tmp_path / "office")
    (tmp_path / "office").rmdir()
    stores = {"company_drive": drive, "engineering_files": Bucket("http://127.0.0.1:9", "secret"), "office": folder}

    with closing(control):
        done = [work(name, store, random.Random(3), 2) for name, store in stores.items()]

    assert done == [[], [], []]
    told = capfd.readouterr().err.splitlines()
    assert [line.split(":")[0].strip() for line in told] == list(stores)
    assert all(line.endswith("The demo goes on without it.") for line in told)


def test_a_server_that_ended_is_told_once(tmp_path):
    """With its last words."""
    command = [sys.executable, "-c", "print('no more memory')"]
    service = start_service("S3 server", command, os.environ, tmp_path / "log")
    service.process.wait(60)
    stage = Stage({}, [service])

    [sentence] = stage.find_ended()

    assert "The S3 server ended with exit code 0. Its last words: no more memory" in sentence
    assert stage.find_ended() == []
