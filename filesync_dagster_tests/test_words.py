"""The words of the code: nouns and verbs of the field, a unit where a number has one, one meaning for each name.

What is looked at is the source itself, so a name that breaks a rule is found wherever it is.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "filesync_dagster"


@cache
def sources():
    """Return the syntax trees of the package by path: parsed when a test asks, not by every worker."""
    return {path.relative_to(PACKAGE): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}


NOUNS = {
    "feed",
    "held",
    "listing",
    "logging",
    "monitoring",
    "need",
    "paging",
    "ranking",
    "reading",
    "seed",
    "setting",
    "speed",
    "staging",
    "string",
    "testing",
}
"""Words of the field that only look like participles; `held` is the state of a sync that waits for a decision."""

VERBS = {"embed", "exceed", "feed", "need", "open", "proceed", "seed", "shed", "succeed"}

IRREGULAR = {
    "begun", "brought", "built", "caught", "chosen", "done", "drawn", "found", "frozen", "given", "gone", "heard",
    "hidden", "kept", "known", "left", "lent", "lost", "made", "meant", "met", "paid", "said", "seen", "sent", "shown",
    "sold", "spent", "taken", "taught", "thrown", "told", "torn", "understood", "woken", "won", "written",
}  # fmt: skip

TIME_WORDS = re.compile(
    r"AGAIN|AGE|AGO|BEAT|COOL_?DOWN|DEADLINE|DELAY|EVERY|EXPIRY|GRACE|INTERVAL|LATE|LIFETIME|PATIENCE|PAUSE|PERIOD"
    r"|SKEW|SOON|TERM|TIMEOUT|TTL|WAIT"
)
UNITS = re.compile(
    r"(^|_)(MICROSECONDS?|MILLISECONDS?|MS|SECONDS?|MINUTES?|HOURS?|DAYS?|WEEKS?|YEARS?|BYTES|PAGES?|ROWS|FILES|COUNT"
    r"|TIMES|ATTEMPTS|CALLS|RUNS|PERCENT|RATIO|FACTOR|SHARE|KEYS|NAMES|LETTERS|LINES)(_|$)"
)


def test_no_module_is_named_for_doing():
    """A module is a noun for what is in it: `watchdog`, not `reviving`."""
    names = {path.stem for path in sources()} | {part for path in sources() for part in path.parts[:-1]}

    assert sorted(name for name in names if is_participle(name)) == []


def is_participle(name):
    """Tell whether a name is a participle with nothing to go with it."""
    word = name.strip("_")
    if word in NOUNS | VERBS or "_" in word:
        return False
    return word in IRREGULAR or (len(word) > 4 and word.endswith(("ed", "ing")))


@pytest.mark.parametrize("name", ["told", "seen", "listed", "refused", "grouped", "announcing", "lent", "written"])
def test_a_bare_participle_is_noticed(name):
    """These were names of functions once."""
    assert is_participle(name)


@pytest.mark.parametrize("name", ["listing", "parse_listing", "group_by_cadence", "open", "sync", "as_listed", "feed"])
def test_nouns_and_verbs_are_no_participles(name):
    """Nor is a participle that says of what."""
    assert not is_participle(name)


def classes(tree):
    """Yield the public classes of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node


def is_participle_class(name):
    """Tell whether the name of a class is a participle and nothing else: not `PatchedEntry`, which says of what."""
    return len(re.findall(r"[A-Z][a-z0-9]*", name)) == 1 and is_participle(name.lower())


def test_a_class_is_a_noun():
    """No public class is a bare participle, except errors that say what state the store is in: `Throttled`."""
    found = [
        f"{path}:{node.lineno} {node.name}"
        for path, tree in sources().items()
        for node in classes(tree)
        if path != Path("core/errors.py") and is_participle_class(node.name)
    ]

    assert found == []


@pytest.mark.parametrize("name", ["Refused", "Said", "Shown", "Counted", "Found", "Launched"])
def test_a_participle_class_is_noticed(name):
    """These were names of classes once."""
    assert is_participle_class(name)


@pytest.mark.parametrize("name", ["Refusal", "CountedEndpoint", "Reading", "Feed", "SyncRecord"])
def test_nouns_are_no_participle_classes(name):
    """Nor is a participle that goes with a noun."""
    assert not is_participle_class(name)


def functions(tree):
    """Yield the functions and methods of a module that are not properties of something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not any(
            "property" in ast.unparse(decorator) for decorator in node.decorator_list
        ):
            yield node


def test_a_function_says_what_it_does():
    """No public function is a bare participle; a property may be one, for it is what something is."""
    found = [
        f"{path}:{function.lineno} {function.name}"
        for path, tree in sources().items()
        for function in functions(tree)
        if not function.name.startswith("_") and is_participle(function.name)
    ]

    assert found == []


def constants(tree):
    """Yield the name, the value and the line of each of a module's constants."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, node.value, node.lineno
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value, node.lineno


def literals(value):
    """Return what is written down in an expression."""
    return [part.value for part in ast.walk(value) if isinstance(part, ast.Constant)]


def is_number(value):
    """Tell whether an expression is a number that somebody wrote down."""
    simple = ast.Constant | ast.BinOp | ast.operator | ast.UnaryOp | ast.unaryop
    written_down = all(isinstance(part, simple) for part in ast.walk(value))
    return written_down and any(type(number) in {int, float} for number in literals(value))


def test_a_number_of_time_carries_its_unit():
    """Its name is `SHUTDOWN_GRACE_SECONDS`, or a timedelta, which knows its own."""
    found = [
        f"{path}:{line} {name}"
        for path, tree in sources().items()
        for name, value, line in constants(tree)
        if name.isupper() and is_number(value) and not UNITS.search(name)
        if TIME_WORDS.search(name) or any(type(number) is float for number in literals(value))
    ]

    assert found == []


def test_riddles_are_gone():
    """What these bounded is said by the names that they have now."""
    riddles = {"AGAIN", "FEW", "GRACE", "LATE", "LONG", "MANY", "MOST", "PATIENCE", "SOON"}
    found = [
        f"{path}:{line} {name}"
        for path, tree in sources().items()
        for name, _, line in constants(tree)
        if name in riddles
    ]

    assert found == []


def test_a_class_name_has_one_meaning():
    """No class name is defined in two files."""
    homes = defaultdict(set)
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].add(str(path))

    assert {name: sorted(paths) for name, paths in homes.items() if len(paths) > 1} == {}
