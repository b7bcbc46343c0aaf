"""`python -m benchmarks [NAME…]`: run, compare with the targets, write results.json and docs/performance.md.

Exits 1 when a target was missed. Results of benchmarks that were not run this time are kept.
"""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.machine import facts
from benchmarks.targets import CASES, Case

RESULTS = Path(__file__).with_name("results.json")
PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
MARK = "PERFORMANCE-RESULT "

CHILD = """
import importlib, json, sys
name, arguments = sys.argv[1], json.loads(sys.argv[2])
print({mark!r} + json.dumps(importlib.import_module("benchmarks." + name).run(**arguments)))
"""


def main(names: list[str]) -> int:
    """Run the named cases, or all that do not take long whose module exists."""
    known = {name for case in CASES for name in (case.name, case.module)}
    if set(names) - known:
        print(f"There is no benchmark {', '.join(sorted(set(names) - known))}; there are {', '.join(sorted(known))}.")
        return 2
    results: dict[str, Any] = json.loads(RESULTS.read_text())["results"] if RESULTS.exists() else {}
    for case in CASES:
        is_asked = {case.name, case.module} & set(names) if names else not case.takes_long
        if is_asked and available(case):
            results[case.name] = measured(case)
    done = [case for case in CASES if case.name in results]
    document = {"machine": facts(), "results": {case.name: results[case.name] for case in done}}
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")
    PAGE.write_text(page(document))
    missed = [claim for case in done for claim, met in verdicts(case, results[case.name]) if not met]
    print("\n".join(f"missed: {claim}" for claim in missed) or "Every target was met.")
    return 1 if missed else 0


def available(case: Case) -> bool:
    """Tell whether the module of a case exists."""
    return importlib.util.find_spec(f"benchmarks.{case.module}") is not None


def measured(case: Case) -> dict[str, Any]:
    """Run one case in a fresh process: nobody's imports or memory count for another."""
    print(f"{case.name} …", flush=True)
    started = time.perf_counter()
    child = subprocess.run(
        [sys.executable, "-c", CHILD.format(mark=MARK), case.module, json.dumps(case.arguments)],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    )
    line = next(line for line in reversed(child.stdout.splitlines()) if line.startswith(MARK))
    result: dict[str, Any] = json.loads(line.removeprefix(MARK))
    print(f"{case.name}: {json.dumps(result)} ({time.perf_counter() - started:.0f} s)", flush=True)
    return result


def verdicts(case: Case, result: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return each target of a case with what was measured, and whether it was met."""
    return [
        (f"{case.name}: {target.claim}: {value:g} (target {target.sense} {target.limit:g})", target.met(value))
        for target in case.targets
        if target.has_value(result)
        for value in [target.value(result)]
    ]


def page(document: dict[str, Any]) -> str:
    """Return docs/performance.md."""
    rows = []
    numbers = []
    for case in CASES:
        if case.name not in document["results"]:
            continue
        result = document["results"][case.name]
        for target in filter(lambda one: one.has_value(result), case.targets):
            value = target.value(result)
            rows.append(
                f"| {target.claim} | {target.sense} {target.limit:g} {target.unit} | **{value:.3g} {target.unit}** "
                f"| {'yes' if target.met(value) else 'no'} |"
            )
        numbers.append(f"### {case.name}\n\n{case.about}\n\n```json\n{json.dumps(result, indent=2)}\n```\n")
    machine = "\n".join(f"| {name} | {value} |" for name, value in document["machine"].items())
    return "\n".join(
        [
            "# Performance",
            "",
            "Written by `make bench`. Each number is a ratio to a yardstick measured in the same run, because seconds",
            "of one machine say little about another.",
            "",
            "| claim | target | measured | met |",
            "|---|---|---|---|",
            *rows,
            "",
            "## The machine",
            "",
            "| | |",
            "|---|---|",
            machine,
            "",
            "## The numbers behind",
            "",
            "\n".join(numbers),
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
