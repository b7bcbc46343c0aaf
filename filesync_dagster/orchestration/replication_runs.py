"""Runs that replicate: which replications one still has to do, and what is asked for, by schedules and the sensor."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.orchestration.assets.replication_specs import replica_key
from filesync_dagster.orchestration.jobs.sync import which
from filesync_dagster.orchestration.partitions import key_of
from filesync_dagster.orchestration.schedules import ENDPOINTS_PER_RUN, unfinished_in_runs
from filesync_dagster.orchestration.tags import CADENCE_TAG, LIVE_TAG

if TYPE_CHECKING:
    from filesync_dagster.replication.status import ReplicationStatus


def in_work(
    instance: dg.DagsterInstance,
    statuses: "Iterable[ReplicationStatus]",
    names: Sequence[str],
    config: Config,
    moment: datetime,
) -> set[str]:
    """Return which replications an unfinished run has still to do, or somebody is at."""
    known = [status for status in statuses if status.name in names]
    ended = {one.name: one.last_run.timestamp() for one in known if one.last_run and not one.running_since}
    keys = {replica_key(name): name for name in names}
    today = key_of(moment, config.settings.partitions)
    busy = unfinished_in_runs(instance, keys, ended, today, which(config))
    return busy | {one.name for one in known if one.running_since}


def replication_requests(
    names: Sequence[str], config: Config, moment: datetime, cadence: str, run_key: str
) -> Iterator[dg.RunRequest]:
    """Yield the runs of some replications: one, unless they are more than a thousand."""
    for start in range(0, len(names), ENDPOINTS_PER_RUN):
        yield dg.RunRequest(
            run_key=f"{run_key}/{start}",
            asset_selection=[replica_key(name) for name in names[start : start + ENDPOINTS_PER_RUN]],
            asset_check_keys=[],  # the run tells them all the same
            partition_key=key_of(moment, config.settings.partitions),
            tags={CADENCE_TAG: cadence, LIVE_TAG: "true"},
        )


def late_names(statuses: "Iterable[ReplicationStatus]", since: Mapping[str, datetime]) -> list[str]:
    """Return the replications whose last run ended before a moment of theirs, or that never ran."""
    return [
        one.name for one in statuses if one.name in since and (one.last_run is None or one.last_run < since[one.name])
    ]
