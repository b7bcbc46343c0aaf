"""The tests of the console's sources, and its bundle built in a copy of the project: with Node and its packages."""

import json
import shutil
import subprocess
from pathlib import Path

MODULES = "node_modules"
STATIC = Path("filesync_dagster", "web", "static")


def is_buildable(copy: Path) -> bool:
    """Tell whether this machine has what the console is built with."""
    return shutil.which("node") is not None and (copy / "console" / MODULES / "vite").is_dir()


def link_modules(root: Path, copy: Path) -> None:
    """Let a copy of the project have the packages of the original, if it has them."""
    modules = root / "console" / MODULES
    if modules.is_dir():
        (copy / "console" / MODULES).symlink_to(modules.resolve())


def run_vitest(copy: Path, tests: str) -> bool | None:
    """Run a file of tests; return whether they pass, None where there is no Node. Raises RuntimeError when none ran."""
    if not is_buildable(copy):
        return None
    command = ["node", f"{MODULES}/vitest/vitest.mjs", "run", "--reporter=json", tests]
    ended = subprocess.run(command, cwd=copy / "console", capture_output=True, text=True, check=False)
    try:
        report = json.loads(ended.stdout[ended.stdout.index("{") :])
    except ValueError:
        report = {}
    if not report.get("numTotalTests"):
        raise RuntimeError(f"These tests did not run: {tests}\n{ended.stdout[-1500:]}{ended.stderr[-1500:]}")
    return not report["numFailedTests"]


def build(copy: Path) -> None:
    """Build the bundle of a copy, without the check of types. Raises CalledProcessError."""
    command = ["node", f"{MODULES}/vite/bin/vite.js", "build", "--logLevel", "error"]
    subprocess.run(command, cwd=copy / "console", capture_output=True, check=True)


def restore_bundle(root: Path, copy: Path) -> None:
    """Let a copy have the bundle of the original again."""
    shutil.rmtree(copy / STATIC)
    shutil.copytree(root / STATIC, copy / STATIC)
