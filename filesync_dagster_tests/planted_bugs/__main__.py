"""The runner of planted bugs.

Copies the package, plants one bug at a time in the copy and runs a few tests there, which must fail; all of them must
pass before. Exits with 1 when a bug survives, or the code that it alters is not there any more. Arguments pick bugs by
their names; `--sixth` takes a sixth of them, another one each day.
"""

import argparse
import atexit
import compileall
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any

from filesync_dagster_tests.planted_bugs import BUGS, console
from filesync_dagster_tests.planted_bugs.bug import Bug, ConsoleBug

ROOT = Path(__file__).parent.parent.parent
PACKAGE = "filesync_dagster"
TESTS = "filesync_dagster_tests"
COPIED = (PACKAGE, TESTS, "console", "pyproject.toml")
WARM = (
    "alembic.command",
    "asyncssh",
    "boto3",
    "dagster",
    "duckdb",
    "fastapi",
    "google.auth.transport.requests",
    "httpx",
    "hypothesis.stateful",
    "lxml.etree",
    "pandas",
    "prometheus_client",
    "psycopg2",
    "pyarrow.compute",
    "pyarrow.dataset",
    "pyarrow.parquet",
    "pydantic",
    "pytest",
    "pytest_timeout",
    "rich.console",
    "tenacity",
    "uvicorn",
    "xdist.plugin",
    "yaml",
)
"""What most tests import besides the package itself: once, before the processes of the bugs are forked."""


ALL_SKIPPED = 77
"""The exit code of a process all of whose tests were skipped: what they need is not on this machine."""

NOT_TRIED = "its tests are skipped here"


def places(bug: Bug, root: Path = ROOT) -> int:
    """Return how many times the code that a bug alters is there; it must be once."""
    file = root / bug.folder / bug.file
    return file.read_text().count(bug.right) if file.is_file() else 0


@contextmanager
def new_folder() -> Iterator[Path]:
    """Yield a new folder, which goes afterwards; not with a forked process that ends, as a TemporaryDirectory would."""
    folder = Path(tempfile.mkdtemp(prefix="filesync-planted-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@cache
def own_copy(folder: Path) -> Path:
    """Return the copy of this process in a folder: made once, for each bug is taken out of it again."""
    return copy_project(Path(tempfile.mkdtemp(dir=folder)))


def copy_project(target: Path) -> Path:
    """Copy what the tests need. What is compiled there is valid by what the source says, not by when it was written."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
            compileall.compile_dir(target / name, quiet=1, invalidation_mode=PycInvalidationMode.CHECKED_HASH)
        else:
            shutil.copy2(source, target / name)
    console.link_modules(ROOT, target)
    return target


class RunCounter:
    """Counts the tests that ran, as a plugin of pytest."""

    count = 0

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count one that was not skipped."""
        self.count += report.when == "call" and report.outcome != "skipped"


def run_tests(copy: Path, tests: str, names: str) -> bool | None:
    """Run tests in a copy; return whether they pass, None when this machine skips all of them.

    Raises RuntimeError when there are none.
    """
    log = copy / "log"
    process = os.fork()  # it has imported all but the package already
    if process == 0:
        _run_here(copy, ["-qq", "-x", "-p", "no:cacheprovider", "-n0", "--assert=plain", tests, "-k", names], log)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    if code == ALL_SKIPPED:
        return None
    if code not in {0, 1}:
        raise RuntimeError(f"These tests did not run: {tests} -k {names!r}\n{log.read_text()[-3000:]}")
    return code == 0


def _run_here(copy: Path, arguments: list[str], log: Path) -> None:
    """Run pytest in this process, as if it had begun in the copy; never return."""
    code = 3  # pytest's own for an error of its own
    try:
        with log.open("wb") as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
        os.chdir(copy)
        os.environ |= {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.dont_write_bytecode = True
        sys.path.insert(0, str(copy))
        _find_without_shrinking()
        for name in [name for name in sys.modules if name.split(".")[0] in {PACKAGE, TESTS}]:
            del sys.modules[name]
        counter = RunCounter()
        code = int(sys.modules["pytest"].main(arguments, plugins=[counter]))
        code = ALL_SKIPPED if code == 0 and not counter.count else code
        atexit._run_exitfuncs()
        sys.stdout.flush()
    finally:
        os._exit(code)


def _find_without_shrinking() -> None:
    """Make Hypothesis stop at the first example that fails: here nobody reads it."""
    from hypothesis import Phase, settings

    phases = [phase for phase in Phase if phase not in {Phase.shrink, Phase.explain}]
    settings.register_profile("planted", settings.get_profile(settings.get_current_profile_name()), phases=phases)
    settings.load_profile("planted")


def verdict(bug: Bug, copy: Path) -> str:
    """Plant a bug in a copy, run its tests and take it out again; return what came of it."""
    file = copy / bug.folder / bug.file
    if (found := places(bug, copy)) != 1:
        return f"cannot be planted: {bug.right!r} is {found} times in {bug.file}"
    text = file.read_text()
    file.write_text(text.replace(bug.right, bug.wrong))
    try:
        passed = run_tests_of(bug, copy)
        return NOT_TRIED if passed is None else "SURVIVES" if passed else "found"
    finally:
        file.write_text(text)


def run_tests_of(bug: Bug, copy: Path) -> bool | None:
    """Run the tests of a bug that is planted; return whether they pass, None when this machine skips all of them."""
    if not isinstance(bug, ConsoleBug):
        return run_tests(copy, bug.tests, bug.names)
    if bug.has_own_tests:
        return console.run_vitest(copy, bug.tests)
    if not console.is_buildable(copy):
        return None
    try:
        console.build(copy)
        return run_tests(copy, bug.tests, bug.names)
    finally:
        console.restore_bundle(ROOT, copy)


def are_tests_passing(tests: str, bugs: Sequence[Bug], copy: Path) -> bool | None:
    """Run the tests of some bugs without any; return whether they pass, None when this machine skips all of them."""
    if tests.endswith(".test.ts"):
        return console.run_vitest(copy, tests)
    names = " or ".join(f"({bug.names})" for bug in bugs) if all(bug.names for bug in bugs) else ""
    return run_tests(copy, tests, names)


def plant(tests: str, bugs: Sequence[Bug], folder: Path) -> list[tuple[Bug, str, float]]:
    """Return what came of the bugs that one file of tests must find, and how many seconds each took."""
    copy = own_copy(folder)
    if are_tests_passing(tests, bugs, copy) is False:
        return [(bug, "its tests fail without it", 0.0) for bug in bugs]
    told = []
    for bug in bugs:
        began = time.monotonic()
        told.append((bug, verdict(bug, copy), time.monotonic() - began))
    return told


def group_by_tests(bugs: Iterable[Bug]) -> list[tuple[str, list[Bug]]]:
    """Return the bugs by the file of their tests, the largest group first."""
    groups: dict[str, list[Bug]] = {}
    for bug in bugs:
        groups.setdefault(bug.tests, []).append(bug)
    return sorted(groups.items(), key=lambda group: -len(group[1]))


def sixth_of(day: date, bugs: Sequence[Bug]) -> list[Bug]:
    """Return every sixth bug; in six days, all of them."""
    return list(bugs[day.toordinal() % 6 :: 6])


def main(arguments: Sequence[str]) -> int:
    """Plant the bugs; print and return how many were not found."""
    parser = argparse.ArgumentParser(prog="planted_bugs", description="Plants bugs that the tests must find.")
    parser.add_argument("names", nargs="*", help="parts of the names of bugs; all of them otherwise")
    parser.add_argument("--sixth", action="store_true", help="only a sixth of them, another one each day")
    chosen = parser.parse_args(arguments)
    bugs = [bug for bug in BUGS if not chosen.names or any(word in bug.what for word in chosen.names)]
    bugs = sixth_of(datetime.now(UTC).date(), bugs) if chosen.sixth else bugs
    for name in WARM:
        import_module(name)
    missed = untried = 0
    forking = multiprocessing.get_context("fork")
    with (
        new_folder() as folder,
        ProcessPoolExecutor(os.cpu_count() or 1, mp_context=forking) as pool,
    ):
        groups = [pool.submit(plant, tests, group, folder) for tests, group in group_by_tests(bugs)]
        for group in groups:
            for bug, said, seconds in group.result():
                missed += said not in {"found", NOT_TRIED}
                untried += said == NOT_TRIED
                print(f"{seconds:5.1f} s  {said:9} {bug.what} ({bug.file})", flush=True)
    print(f"{len(bugs) - missed - untried} of {len(bugs) - untried} planted bugs are found; {untried} not tried")
    return missed


if __name__ == "__main__":
    sys.exit(min(1, main(sys.argv[1:])))
