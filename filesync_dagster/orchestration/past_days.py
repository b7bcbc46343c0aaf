"""Days materialized one after the other in one process: what a backfill does with a process for each.

`python -m filesync_dagster.orchestration.past_days FIRST LAST` materializes every asset for each of these days in the
instance of DAGSTER_HOME, and prints a line a day. It exits with 1 when one of them failed.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.definitions import definitions_for


def materialize_days(first: date, last: date) -> Iterator[tuple[date, bool]]:
    """Materialize every asset for each day; yield whether all of it went well. What fails does not stop the others."""
    job = definitions_for(read_environment()).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.get() as instance:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            result = job.execute_in_process(instance=instance, partition_key=day.isoformat(), raise_on_error=False)
            yield day, result.success


def main(first: str, last: str) -> int:
    """Do what the command line says, and print what came of it; return the exit code."""
    code = 0
    for day, succeeded in materialize_days(date.fromisoformat(first), date.fromisoformat(last)):
        sys.stdout.write(f"{day}  {'materialized' if succeeded else 'FAILED'}\n")
        sys.stdout.flush()
        code |= not succeeded
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
