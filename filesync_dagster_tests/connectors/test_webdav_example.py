"""The store of examples/webdav_connector: built, installed where a fresh environment has its packages, and used."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from filesync_dagster_tests.servers import rclone_webdav

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "webdav_connector"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the package's wheel and unpack it as an installer would; return where."""
    project, site = tmp_path_factory.mktemp("build") / "webdav_connector", tmp_path_factory.mktemp("site")
    shutil.copytree(EXAMPLE, project, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=project, check=True, capture_output=True
    )
    [wheel] = (project / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    return site


def run(site, folder, *command):
    """Run a module of Python with the package in sight."""
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}", "DAV_PASSWORD": "not-so-secret"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_its_one_file_proves_it(installed, tmp_path):
    """The whole suite passes for the package as it was installed; what it does not claim is skipped."""
    shutil.copy(EXAMPLE / "tests" / "test_webdav.py", tmp_path)

    proof = run(installed, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_webdav.py")

    assert proof.returncode == 0, proof.stdout
    [passed] = re.findall(r"(\d+) passed", proof.stdout)
    assert int(passed) > 110


def test_it_is_synced(installed, tmp_path):
    """Through the command line, from the first look to what changed; the password is nowhere."""
    files, folder = tmp_path / "files", tmp_path / "project"
    (files / "drawings").mkdir(parents=True)
    folder.mkdir()
    for name in ("tower.dwg", "bridge.dwg"):
        (files / "drawings" / name).write_text(name)
    with rclone_webdav(files, "--user", "ann", "--pass", "not-so-secret") as address:
        (folder / "endpoints.yaml").write_text(
            "endpoints:\n  - name: cloud\n    type: webdav\n    endpoint_details:\n"
            f"      {{url: '{address}', username: ann, password: '${{DAV_PASSWORD}}'}}\n"
        )
        tested = run(installed, folder, "filesync_dagster.cli", "test", "cloud")
        synced = run(installed, folder, "filesync_dagster.cli", "sync", "cloud")
        (files / "drawings" / "tower.dwg").write_text("another")
        (files / "drawings" / "bridge.dwg").unlink()
        again = run(installed, folder, "filesync_dagster.cli", "sync", "cloud", "--json")
    found = run(installed, folder, "filesync_dagster.cli", "files", "cloud", "--format", "json")

    assert (tested.returncode, synced.returncode, again.returncode) == (0, 0, 0), tested.stdout + synced.stderr
    assert "0 files and 1 folders at the top of http://127.0.0.1" in tested.stdout
    assert "plain http" in tested.stderr
    rows = [json.loads(line) for line in found.stdout.splitlines()]
    assert [(row["path"], row["size"]) for row in rows] == [("drawings", None), ("drawings/tower.dwg", 7)]
    [numbers] = [json.loads(line) for line in again.stdout.splitlines()]
    assert (numbers["files_updated"], numbers["files_removed"]) == (1, 1), again.stdout
    outputs = [one.stdout + one.stderr for one in (tested, synced, again, found)]
    assert not [output for output in outputs if "not-so-secret" in output]
