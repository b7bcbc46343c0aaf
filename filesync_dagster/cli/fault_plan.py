"""The fault plan file of `filesync simulate`: a YAML list of what goes wrong, checked line by line."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from filesync_dagster.config.yaml_tree import YamlTree, parse
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FAULTS = tuple(fault.value for fault in Fault)
MAX_NUMBER = 10**9


def read_fault_plan(path: Path, seed: int = 0) -> FaultPlan:
    """Return the plan of a file. Raises ConfigError with every problem, each as `file:line: sentence`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ConfigError([f"{path}: the fault plan cannot be read: {reason}."]) from error
    tree = parse(text, {})
    problems = [(line, sentence) for line, _, sentence in tree.problems] or list(_problems(tree))
    if problems:
        raise ConfigError([f"{path}:{line}: {sentence}." for line, sentence in problems])
    return FaultPlan([Rule(**{**rule, "fault": Fault(rule["fault"])}) for rule in tree.value or ()], seed)


def _problems(tree: YamlTree) -> Iterator[tuple[int, str]]:
    if not isinstance(tree.value, list | None):
        yield 1, "a fault plan is a list of rules, such as `- {fault: throttle, operation: files.list, times: 3}`"
        return
    for number, rule in enumerate(tree.value or ()):
        if not isinstance(rule, dict):
            yield tree.line((number,)), "a rule is a block with at least `fault`"
            continue
        if "fault" not in rule:
            yield tree.line((number,)), f"a rule needs `fault`, one of {', '.join(FAULTS)}"
        yield from ((tree.line((number, key)), wrong) for key in rule if (wrong := _wrong(key, rule[key])))


def _wrong(key: str, value: Any) -> str:
    """Return what is wrong with a key of a rule, or nothing."""
    if key not in KEYS:
        return f"{key!r} is not a key of a rule{_meant(key, KEYS)}"
    fits, expected = KEYS[key]
    if not fits(value):
        return f"{key} must be {expected}, not {value!r}"
    if key == "fault" and value not in FAULTS:
        return f"{value!r} is no fault{_meant(value, FAULTS)}; there are {', '.join(FAULTS)}"
    return ""


def _meant(given: object, known: Any) -> str:
    close = get_close_matches(str(given), list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _whole(low: int, high: int) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _between(low: float, high: float) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _patch(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(operation, dict)
        and operation.get("op") in {"add", "replace", "remove"}
        and str(operation.get("path")).startswith("/")
        and operation.keys() <= {"op", "path", "value"}
        for operation in value
    )


KEYS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "fault": (_text, "text"),
    "operation": (_text, "the provider's name of a call, or '*'"),
    "after": (_whole(0, MAX_NUMBER), "a number of calls, 0 or more"),
    "times": (lambda value: value == -1 or _whole(1, MAX_NUMBER)(value), "1 or more, or -1 for ever"),
    "chance": (_between(0, 1), "between 0 and 1"),
    "seconds": (_between(0, MAX_NUMBER), "a number of seconds"),
    "status": (_whole(400, 599), "an HTTP status between 400 and 599"),
    "reason": (_text, "text"),
    "share": (_between(0, 1), "between 0 and 1"),
    "dated": (lambda value: isinstance(value, bool), "true or false"),
    "part": (_text, "the id of a folder, a drive or a project"),
    "entry": (_text, "what an entry has as its id or name"),
    "patch": (_patch, "a list of operations such as {op: replace, path: /size, value: null}"),
    "size": (_whole(1, MAX_NUMBER * 10), "a number of bytes, 1 or more"),
}
