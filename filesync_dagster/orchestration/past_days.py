"""Days materialized one after the other in one process: what a backfill does with a process for each.

`python -m filesync_dagster.orchestration.past_days FIRST LAST` materializes assets for each of these days in the
instance of DAGSTER_HOME, and prints a line a day: every asset but those of endpoints that were first synced later. It
exits with 1 when one of them failed.
"""

import sys
from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg

from filesync_dagster.api import Filesync
from filesync_dagster.config import Environment, load_config, read_environment
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.definitions import definitions_for
from filesync_dagster.orchestration.partitions import key_of
from filesync_dagster.orchestration.tags import REPLICA_PREFIX


def materialize_days(first: date, last: date) -> Iterator[tuple[date, bool]]:
    """Materialize what is known of each day; yield whether all of it went well. What fails does not stop the others."""
    environment = read_environment()
    job = definitions_for(environment).resolve_implicit_global_asset_job_def()
    every, begun = set(job.asset_layer.executable_asset_keys), _first_days(environment)
    with dg.DagsterInstance.get() as instance:
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            known = {key for key in every if begun.get(key, "") <= day.isoformat()}
            if known != every:
                known = {
                    key for key in known if key.path[0] != REPLICA_PREFIX
                }  # who asks for a past of them, is refused
            result = job.execute_in_process(
                instance=instance,
                partition_key=day.isoformat(),
                raise_on_error=False,
                asset_selection=None if known == every else sorted(known),
            )
            yield day, result.success


def _first_days(environment: Environment) -> dict[dg.AssetKey, str]:
    """Return the first day of which something is known of each endpoint; those that were never synced have none."""
    with Filesync(load_config(environment)) as filesync:
        zone = filesync.config.settings.partitions
        days = {
            asset_key(endpoint.name): [key_of(log.as_of, zone) for log in filesync.syncs(endpoint.name) if log.as_of]
            for endpoint in filesync.config.active
        }
    return {key: min(known) for key, known in days.items() if known}


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
