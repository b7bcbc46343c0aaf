"""The demo, whole; and what it must never do."""

import os
import random
import subprocess
import sys

import pytest

from filesync_dagster.config import read_environment
from filesync_dagster.demo import run_demo
from filesync_dagster.demo.mutations import a_minute, busy_morning
from filesync_dagster.demo.sample import bucket_files, folder_files
from filesync_dagster.demo.stores import Folder
from filesync_dagster.errors import NotWritable


def test_the_demo_proves_the_inventory_and_exits_with_0(tmp_path):
    """`filesync demo --once`: two stores, two syncs, assets in Dagster, equal in the end."""
    done = subprocess.run(
        [sys.executable, "-m", "filesync_dagster.cli", "demo", "--once", "--home", str(tmp_path / "demo")],
        env={**os.environ, "FILESYNC_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/mine"},  # must not be touched
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("the store: equal") == 2
    assert "Every asset is materialized" in done.stdout
    assert "\x1b" not in done.stdout
    assert [entry.name for entry in tmp_path.iterdir()] == ["demo"]


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    """Only what a demo made is emptied by a demo."""
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(NotWritable, match="not a demo's folder"):
        run_demo(read_environment(variables={}), tmp_path, "127.0.0.1", 3000, once=True, keep=False)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("sample", [bucket_files, folder_files])
def test_people_work_with_what_is_there(sample, tmp_path):
    """Every kind of change happens, whatever the order, and some contents are there twice."""
    rng = random.Random(3)
    store = Folder(tmp_path)
    contents = dict(sample(rng))
    for path, content in contents.items():
        store.put(path, content)
    assert len(set(contents.values())) < len(contents)

    done = busy_morning(store, rng)
    folder = done[-1].split(" ", 1)[1].strip().split("/ -> ")[0]
    assert not any(f"{folder}/" in sentence for sentence in done[:-1]), "counts and words do not agree"
    done += [a_minute(store, rng) for _ in range(50)]

    assert {sentence.split()[0] for sentence in done} == {"added", "edited", "renamed", "moved", "deleted"}
