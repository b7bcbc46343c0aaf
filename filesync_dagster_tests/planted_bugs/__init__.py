"""Bugs that are planted on purpose, and the tests that must find them: `python -m filesync_dagster_tests.planted_bugs`.

Each file of `bugs/` holds those of one room of the package.
"""

from importlib import import_module
from pkgutil import iter_modules

from filesync_dagster_tests.planted_bugs import bugs
from filesync_dagster_tests.planted_bugs.bug import Bug

BUGS: tuple[Bug, ...] = tuple(
    bug for module in iter_modules(bugs.__path__, f"{bugs.__name__}.") for bug in import_module(module.name).BUGS
)
