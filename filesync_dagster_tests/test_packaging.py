"""What is installed is what is in the repository."""

import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import version
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


def test_the_wheel_has_the_console(wheel):
    """All of what was built, and none of what it was built from."""
    static = ROOT / "filesync_dagster" / "web" / "static"
    built_files = {
        f"filesync_dagster/web/static/{path.relative_to(static)}" for path in static.rglob("*") if path.is_file()
    }

    assert "filesync_dagster/web/static/index.html" in built_files
    assert built_files <= wheel
    assert not [name for name in wheel if "node_modules" in name or name.endswith((".tsx", ".map"))]


def test_the_wheel_of_the_sdist_is_the_same(wheel, tmp_path):
    """Somebody who packages filesync from its sdist gets the same wheel."""
    with tarfile.open(built(ROOT, tmp_path / "sdist", "sdist")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()

    with zipfile.ZipFile(built(source, tmp_path / "wheel", "wheel")) as archive:
        assert set(archive.namelist()) == wheel


@pytest.fixture
def environment(tmp_path):
    """A new virtual environment in which the dependencies of this one can be imported, and filesync cannot."""
    venv.create(tmp_path / "venv", with_pip=True)
    [site] = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return tmp_path / "venv" / "bin"


OFFLINE = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--disable-pip-version-check")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist", "clone"])
def test_what_is_built_is_installed_and_runs(environment, tmp_path, kind):
    """A wheel, an sdist, and a clone by the line that the docs have: the command starts, from there."""
    if kind == "clone":
        line = re.search(
            r"^pip (install /path/to/the/clone -c .*)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE
        )
        arguments = shlex.split(line[1].replace("/path/to/the/clone", str(ROOT)))
    else:
        arguments = ["install", str(built(ROOT, tmp_path / "dist", kind))]
    subprocess.run([environment / "pip", *arguments, *OFFLINE], check=True, cwd=tmp_path)

    def run(*command, **variables):
        env = {"PATH": f"{environment}:/usr/bin:/bin", "HOME": str(tmp_path), **variables}
        return subprocess.run(command, env=env, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    where = run("python", "-c", "import filesync_dagster; print(filesync_dagster.__file__)")
    assert Path(where).is_relative_to(environment.parent)
    assert run("filesync", "--version").split() == ["filesync", version("filesync-dagster")]
    run("filesync", "init")
    assert "endpoint" in run("filesync", "validate")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a").write_text("a")
    one = "endpoints: [{name: docs, type: local, endpoint_details: {path: store}}]"
    (tmp_path / "endpoints.yaml").write_text(one)
    assert "1 added" in run("filesync", "sync")


@pytest.mark.parametrize(("shell", "says"), [("bash", "complete -o"), ("zsh", "compdef"), ("fish", "complete --")])
def test_the_shell_completes(shell, says):
    """What the docs have people put into their profile is a script, and the script gets commands and options."""
    command = [sys.executable, "-c", "from filesync_dagster.cli import main; main()"]

    def run(**variables):
        return subprocess.run(
            command, env={**os.environ, **variables}, check=True, capture_output=True, text=True
        ).stdout

    assert says in run(_FILESYNC_COMPLETE=f"{shell}_source")
    if shell == "bash":
        assert "search" in run(_FILESYNC_COMPLETE="bash_complete", COMP_WORDS="filesync se", COMP_CWORD="1")
        assert "--min-size" in run(_FILESYNC_COMPLETE="bash_complete", COMP_WORDS="filesync search --m", COMP_CWORD="2")


def test_no_page_has_an_index_that_is_none():
    """While no index has filesync, nobody is told to install it from one."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
    assert [page.name for page in pages if re.search(r"(pip|uv) (install|add) ['\"]?filesync", page.read_text())] == []


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
