"""A sensor for endpoints that were just configured."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
from dagster import DagsterRunStatus

from filesync_dagster.config import Config, ScheduleKind
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import Clock, run_requests, utc_now
from filesync_dagster.orchestration.tags import CADENCE_TAG, SYNC

FIRST_SYNCS = "first_syncs"
"""The sensor, and the cadence of its runs."""

FIRST_SYNC_RETRY_INTERVAL = timedelta(hours=1)
"""After a run that died over the first sync of an endpoint, the next one: each may cost the machine its memory."""


def first_sync_sensor(config: Config, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor that syncs a new endpoint at once, instead of at its first tick. It only looks."""
    names = [endpoint.name for endpoint in config.active if endpoint.schedule is ScheduleKind.INTERVAL]
    everything_seen = ",".join(sorted(names))

    @dg.sensor(
        name=FIRST_SYNCS,
        job_name=SYNC,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the first sync of endpoints that were just configured.",
    )
    def look(
        context: dg.SensorEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        if context.cursor == everything_seen:
            yield dg.SkipReason("Every endpoint was synced before.")
            return
        with filesync.open() as opened:
            statuses = opened.status()
        known = {status.name for status in statuses if status.last_sync is not None}
        new = [name for name in names if name not in known]
        if not new:
            context.update_cursor(everything_seen)
        failed = _failed_lately(context.instance, clock())
        asked = [name for name in new if asset_key(name) not in failed]
        yield from run_requests(context.instance, statuses, asked, config, clock(), FIRST_SYNCS)

    return look


def _failed_lately(instance: dg.DagsterInstance, now: datetime) -> set[dg.AssetKey]:
    """Return what first syncs died over: a sync that ends by itself, however badly, is not asked for again."""
    wanted = dg.RunsFilter(
        statuses=[DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED],
        tags={CADENCE_TAG: FIRST_SYNCS},
        updated_after=now - FIRST_SYNC_RETRY_INTERVAL,
    )
    return {key for run in instance.get_runs(wanted) for key in run.asset_selection or ()}
