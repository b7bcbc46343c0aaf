"""A bug that is planted on purpose."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bug:
    """What is wrong, the one place in a file of the package that is made so, and the tests that see it."""

    what: str
    file: str
    right: str
    wrong: str
    tests: str  # a file of tests
    names: str = ""  # as pytest's -k has them
