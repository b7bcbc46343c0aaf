"""One schedule for each cadence of replications that have one of their own."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from filesync_dagster.config import Config, Replication
from filesync_dagster.orchestration.cadences import Cadence, replication_cadence
from filesync_dagster.orchestration.replication_runs import in_work, late_names, replication_requests
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import LATE_AFTER, Clock, utc_now
from filesync_dagster.orchestration.tags import SYNC


def replication_schedules(config: Config, clock: Clock = utc_now) -> list[dg.ScheduleDefinition]:
    """Return the schedules of all cadences of replications, running from the start."""
    groups: dict[Cadence, list[Replication]] = {}
    for replication in config.active_replications:
        cadence = replication_cadence(replication, config.settings.partitions.timezone)
        if cadence:
            groups.setdefault(cadence, []).append(replication)
    return [_schedule(cadence, tuple(group), config, clock) for cadence, group in groups.items()]


def _schedule(cadence: Cadence, group: tuple[Replication, ...], config: Config, clock: Clock) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"replicate_{cadence.name}",
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        job_name=SYNC,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Runs {len(group)} replication{'s' if len(group) != 1 else ''} {cadence.spoken}.",
    )
    def tick(
        context: dg.ScheduleEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        scheduled = context.scheduled_execution_time
        if cadence.next_tick_after(scheduled) <= clock():
            yield dg.SkipReason(f"This tick of {scheduled:%Y-%m-%d %H:%M %Z} is stale: a later one has come.")
            return
        is_late = clock() - scheduled > LATE_AFTER
        due = [one for one in group if one.schedule_config.catch_up or not is_late]
        with filesync.open() as opened:
            statuses = opened.replications.status()
        names = [one.name for one in due]
        if not cadence.exact:
            end_of_minute = scheduled + timedelta(minutes=1)
            names = late_names(
                statuses,
                {one.name: end_of_minute - timedelta(minutes=one.schedule_config.interval_minutes) for one in due},
            )
        busy = in_work(context.instance, statuses, names, config, scheduled)
        idle = [name for name in names if name not in busy]
        if not idle:
            yield dg.SkipReason(f"Nothing is due at {scheduled:%Y-%m-%d %H:%M %Z} that no run does already.")
        yield from replication_requests(idle, config, scheduled, cadence.name, f"{scheduled:%Y-%m-%dT%H:%M:%S%z}")

    return tick
