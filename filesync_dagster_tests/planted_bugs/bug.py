"""A bug that is planted on purpose."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Bug:
    """What is wrong, the one place in a file of the package that is made so, and the tests that see it."""

    folder: ClassVar[str] = "filesync_dagster"

    what: str
    file: str
    right: str
    wrong: str
    tests: str  # a file of tests
    names: str = ""  # as pytest's -k has them


@dataclass(frozen=True)
class ConsoleBug(Bug):
    """One in the sources of the console. Its tests are vitest's, or pytest's on a bundle that is built with it."""

    folder: ClassVar[str] = "console"

    @property
    def has_own_tests(self) -> bool:
        """Tell whether they are vitest's."""
        return self.tests.endswith(".test.ts")
