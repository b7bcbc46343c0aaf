"""Many random histories: `python -m filesync_dagster_tests.sync.model.soak [EXAMPLES] [SEED]`, or `make soak`.

Shares the places that tests know among processes, one for each core, and prints what came of it. What fails is printed
as Hypothesis does, as a history that can be played again, and belongs into `test_regressions.py`.
"""

import gc
import os
import random
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from filesync_dagster_tests.sync.model.machine import machine
from filesync_dagster_tests.sync.model.stage import staged
from filesync_dagster_tests.sync.model.worlds import PLACES

ROUND = 100  # examples of one run


def run(task: tuple[int, int, int]) -> tuple[str, int, float, str]:
    """Run examples of one place; return the place, how many ran, how long it took, and what failed."""
    number, examples, chance = task
    place = PLACES[number % len(PLACES)]
    began = time.monotonic()
    ran = 0

    with staged(place.endpoint_type) as stage:
        made = machine(place.syncs, stage, place.place)

        class Counted(made):  # type: ignore[valid-type, misc]  # made as it runs
            def teardown(self) -> None:
                nonlocal ran
                ran += 1
                super().teardown()

        chosen: Any = settings(
            max_examples=examples,
            stateful_step_count=12,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
        )
        try:
            run_state_machine_as_test(seed(chance)(Counted), settings=chosen)
        except Exception as error:  # noqa: BLE001 - whatever failed is reported, and the next run begins
            notes = "\n".join(getattr(error, "__notes__", ()))
            return str(place), ran, time.monotonic() - began, f"{notes}\n{traceback.format_exc(limit=-4)}"
    return str(place), ran, time.monotonic() - began, ""


def main(examples: int = 20_000, first: int | None = None) -> int:
    """Run so many examples; return how many runs failed."""
    first = random.randrange(10**9) if first is None else first
    workers = max(1, (os.cpu_count() or 1))
    tasks = [(n, min(ROUND, examples), first + n) for n in range(max(1, examples // ROUND))]
    ran, failed, began = 0, 0, time.monotonic()
    gc.freeze()  # what is imported lives until the end: nothing to collect
    print(f"{examples:,} histories with up to 12 steps each, seed {first}", flush=True)
    with ProcessPoolExecutor(workers) as pool:
        for task, (place, count, seconds, problem) in zip(tasks, pool.map(run, tasks), strict=True):
            ran, failed = ran + count, failed + bool(problem)
            outcome = " FAILED" if problem else ""
            print(f"{ran:7,} {place}, seed {task[2]}: {count} in {seconds:.0f} s{outcome}", flush=True)
            if problem:
                print(problem, flush=True)
    print(f"{ran:,} histories in {(time.monotonic() - began) / 60:.1f} minutes, {failed} runs failed")
    return failed


if __name__ == "__main__":
    sys.exit(min(1, main(*map(int, sys.argv[1:]))))
