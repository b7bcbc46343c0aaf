"""The demo, whole; and what it must never do."""

import os
import subprocess
import sys

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.cli.demo.story import run_demo
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.errors import NotWritable


def test_the_demo_proves_the_inventory_and_exits_with_0(tmp_path):
    """`filesync demo --once`: four stores, two syncs, a Drive that throttles, assets in Dagster, equal in the end."""
    done = subprocess.run(
        [sys.executable, "-m", "filesync_dagster.cli", "demo", "--once", "--home", str(tmp_path / "demo")],
        env={**os.environ, "FILESYNC_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/mine"},  # must not be touched
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("the store: equal") == 4
    assert "Every asset is materialized" in done.stdout
    assert "\x1b" not in done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo"]
    costs = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line.endswith(" s")}
    assert costs["company_drive"][1] == costs["clinic_acc"][1] == "incremental"
    *_, retries, waited, _ = costs["company_drive"]
    assert int(retries) >= 1
    assert float(waited) >= 1
    variables = {"FILESYNC_HOME": str(tmp_path / "demo" / ".filesync")}
    with Filesync(load_config(read_environment(tmp_path / "demo" / "endpoints.yaml", variables))) as filesync:
        let_in = {row["who"] for row in filesync.report("exposure").rows if row["endpoint"] == "company_drive"}
    assert let_in == {"anyone with the link", "weber@statics.example"}


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    """Only what a demo made is emptied by a demo."""
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(NotWritable, match="not a demo's folder"):
        run_demo(read_environment(variables={}), tmp_path, "127.0.0.1", 3000, once=True, keep=False)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"
