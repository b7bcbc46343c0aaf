"""What is installed is what is in the repository."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


def built(source, target, kind):
    """Build a wheel or an sdist of a source tree and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(target)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (found,) = target.iterdir()
    return found


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The names in the wheel that the repository gives."""
    with zipfile.ZipFile(built(ROOT, tmp_path_factory.mktemp("wheel"), "wheel")) as archive:
        return set(archive.namelist())


def test_the_wheel_has_the_code_and_what_it_reads(wheel):
    """Every module is in the wheel, and so are the files that the code opens at run time."""
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "filesync_dagster").rglob("*.py")}

    assert modules <= wheel
    assert {f"filesync_dagster/{name}" for name in ("py.typed", "dagster.yaml", "cli/starter.yaml")} <= wheel
    assert not [name for name in wheel if name.startswith("filesync_dagster_tests")]


def test_the_wheel_of_the_sdist_is_the_same(wheel, tmp_path):
    """Somebody who packages filesync from its sdist gets the same wheel."""
    with tarfile.open(built(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()

    with zipfile.ZipFile(built(source, tmp_path / "wheel", "wheel")) as archive:
        assert set(archive.namelist()) == wheel


def declared():
    """Every dependency that pyproject.toml declares, for users and for developers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    found = [Requirement(line) for lines in (project["project"]["dependencies"], *extras, *groups) for line in lines]
    return [one for one in found if one.name != project["project"]["name"]]  # `all` names the other extras


def pinned():
    """The versions in constraints.txt that hold for this Python, by name."""
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = [Requirement(line) for line in lines]
    return {pin.name: pin.specifier for pin in pins if pin.marker is None or pin.marker.evaluate()}


def test_every_dependency_is_pinned():
    """constraints.txt pins what pyproject.toml asks for, within what it allows: `make constraints` was run."""
    pins = pinned()
    for requirement in declared():
        (pin,) = pins[requirement.name.lower()]
        assert pin.operator == "=="
        assert requirement.specifier.contains(pin.version), requirement


def test_the_constraints_name_no_host():
    """constraints.txt has names and versions alone: it works with whatever index is configured."""
    assert [line for line in (ROOT / "constraints.txt").read_text().splitlines() if "//" in line or "@" in line] == []
