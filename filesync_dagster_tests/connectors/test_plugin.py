"""A connector in a package of its own, as docs/adding-a-connector.md has it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "adding-a-connector.md"


def examples():
    """Return the files that the page shows, by their names."""
    fence = re.compile(r"^```\w+\n# ([\w.]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return dict(fence.findall(PAGE.read_text()))


def install(site, name, entry_point, files):
    """Put a package where an installer would put it."""
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[filesync_dagster.connectors]\n{entry_point}\n")
    for file, text in files.items():
        (site / file).write_text(text)


@pytest.fixture
def installed(tmp_path):
    """Return where packages are, with the page's one among them."""
    shown, site = examples(), tmp_path / "site"
    assert 'manifest = "filesync_manifest:CONNECTOR"' in shown["pyproject.toml"]
    install(site, "filesync-manifest", "manifest = filesync_manifest:CONNECTOR", {
        "filesync_manifest.py": shown["filesync_manifest.py"]
    })  # fmt: skip
    return site


@pytest.fixture
def project(tmp_path):
    """Return a folder with the page's endpoint, one of a local folder, and what they list."""
    folder = tmp_path / "project"
    (folder / "files").mkdir(parents=True)
    (folder / "files" / "a.txt").write_text("a")
    line = (
        '{"id": "1", "path": "drawings/a.dwg", "size": 10, "revision": "r1", "modified_at": "2026-01-01T00:00:00Z"}\n'
    )
    (folder / "manifest.jsonl").write_text(line)
    local = "  - {name: here, type: local, endpoint_details: {path: files}}\n"
    (folder / "endpoints.yaml").write_text(examples()["endpoints.yaml"] + local)
    return folder


def run(site, folder, *command):
    """Run a module of Python with the packages in sight."""
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_its_type_is_one_like_the_others(installed, project):
    """It is validated, synced and asked for by name."""
    valid = run(installed, project, "filesync_dagster.cli", "validate")
    synced = run(installed, project, "filesync_dagster.cli", "sync", "drawings")
    found = run(installed, project, "filesync_dagster.cli", "files", "drawings", "--format", "json")

    assert (valid.returncode, synced.returncode, found.returncode) == (0, 0, 0), valid.stderr + synced.stderr
    assert "2 endpoints (1 local, 1 manifest)" in valid.stdout
    assert "drawings/a.dwg" in found.stdout


def test_its_details_are_checked(installed, project):
    """A wrong key is a problem with its line."""
    config = project / "endpoints.yaml"
    config.write_text(config.read_text().replace("manifest.jsonl}", "manifest.jsonl, pagesize: 3}"))

    answer = run(installed, project, "filesync_dagster.cli", "validate")

    assert answer.returncode != 0
    assert "unknown key 'endpoint_details.pagesize'" in answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("module", "why"),
    [
        ("import no_such_library\nCONNECTOR = None\n", "ModuleNotFoundError: No module named 'no_such_library'"),
        pytest.param("raise SystemError('in pieces')\n", "SystemError: in pieces", marks=pytest.mark.slow),
        pytest.param("CONNECTOR = 7\n", "is no Connector: filesync_manifest:CONNECTOR", marks=pytest.mark.slow),
    ],
)
def test_a_package_that_is_broken_breaks_its_own_endpoints_only(tmp_path, project, module, why):
    """Its type is one problem, which names the package; the other endpoint is synced."""
    site = tmp_path / "site"
    install(site, "filesync-manifest", "manifest = filesync_manifest:CONNECTOR", {"filesync_manifest.py": module})

    validated = run(site, project, "filesync_dagster.cli", "validate")
    synced = run(site, project, "filesync_dagster.cli", "sync", "here")

    assert validated.returncode != 0
    assert "The type manifest of the package filesync-manifest" in validated.stdout + validated.stderr
    assert why in validated.stdout + validated.stderr
    assert synced.returncode == 0, synced.stderr


def test_a_type_that_nobody_has(tmp_path, project):
    """Installed packages count among what there is."""
    answer = run(tmp_path / "site", project, "filesync_dagster.cli", "validate")

    assert "unknown type 'manifest'" in answer.stdout + answer.stderr


@pytest.mark.slow
def test_one_file_proves_it(installed, tmp_path):
    """The page's test is the whole suite: what the store does passes, what it does not claim is skipped."""
    (tmp_path / "test_manifest.py").write_text(examples()["test_manifest.py"])

    proof = run(installed, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_manifest.py")

    assert proof.returncode == 0, proof.stdout
    [passed, skipped] = [int(n) for n in re.search(r"(\d+) passed, (\d+) skipped", proof.stdout).groups()]
    assert passed > 25
    assert skipped > 25


@pytest.mark.slow
def test_one_file_finds_what_is_wrong(installed, tmp_path):
    """A source that ends early does not pass."""
    module = installed / "filesync_manifest.py"
    wrong = module.read_text().replace(
        "yield Page(self._rows(page), str(done))", "yield Page(self._rows(page[1:]), str(done))"
    )
    module.write_text(wrong)
    (tmp_path / "test_manifest.py").write_text(examples()["test_manifest.py"])

    proof = run(installed, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", "test_manifest.py", "-k", "test_a_tree")

    assert proof.returncode == 1
    assert "1 failed" in proof.stdout
