"""When sources of tables are read: a schedule for each cadence, and what follows changes of an endpoint."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config, DataSource, SourceSchedule
from filesync_dagster.orchestration.cadences import Cadence, source_cadence
from filesync_dagster.orchestration.jobs.sync import which
from filesync_dagster.orchestration.partitions import key_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import (
    ENDPOINTS_PER_RUN,
    LATE_AFTER,
    Clock,
    unfinished_in_runs,
    utc_now,
)
from filesync_dagster.orchestration.tables.specs import source_key
from filesync_dagster.orchestration.tags import CADENCE_TAG, INSTALLATION_TAG, LIVE_TAG, SYNC

if TYPE_CHECKING:
    from filesync_dagster.tables.daily.status import SourceStatus

AFTER_CHANGES = "tables_after_changes"
"""The sensor that evaluates the conditions of what follows changes."""


def source_schedules(config: Config, clock: Clock = utc_now) -> list[dg.ScheduleDefinition]:
    """Return the schedules of all cadences of sources, running from the start."""
    groups: dict[Cadence, list[DataSource]] = {}
    for source in config.active_sources:
        cadence = source_cadence(source, config.settings.partitions.timezone)
        if cadence:
            groups.setdefault(cadence, []).append(source)
    return [_schedule(cadence, tuple(group), config, clock) for cadence, group in groups.items()]


def _schedule(cadence: Cadence, group: tuple[DataSource, ...], config: Config, clock: Clock) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"tables_{cadence.name}",
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        job_name=SYNC,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reads {len(group)} source{'s' if len(group) != 1 else ''} of tables {cadence.spoken}.",
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
            statuses = opened.tables.status()
        names = [one.name for one in due]
        if not cadence.exact:
            names = _overdue(statuses, due, scheduled)
        busy = in_work(context.instance, statuses, names, config, scheduled)
        idle = [name for name in names if name not in busy]
        if not idle:
            yield dg.SkipReason(f"Nothing is due at {scheduled:%Y-%m-%d %H:%M %Z} that no run does already.")
        yield from _requests(idle, config, scheduled, cadence.name)

    return tick


def _overdue(statuses: "Sequence[SourceStatus]", due: Sequence[DataSource], scheduled: datetime) -> list[str]:
    """Return the sources whose last read began an interval ago, or that were never read."""
    end_of_minute = scheduled + timedelta(minutes=1)
    since = {one.name: end_of_minute - timedelta(minutes=one.schedule_config.interval_minutes) for one in due}
    return [
        one.name for one in statuses if one.name in since and (not one.last or one.last.started_at < since[one.name])
    ]


def in_work(
    instance: dg.DagsterInstance,
    statuses: "Sequence[SourceStatus]",
    names: Sequence[str],
    config: Config,
    moment: datetime,
) -> set[str]:
    """Return which sources an unfinished run has still to read."""
    ended = {one.name: one.last.finished_at.timestamp() for one in statuses if one.name in names and one.last}
    keys = {source_key(name): name for name in names}
    return unfinished_in_runs(instance, keys, ended, key_of(moment, config.settings.partitions), which(config))


def _requests(names: Sequence[str], config: Config, moment: datetime, cadence: str) -> Iterator[dg.RunRequest]:
    for start in range(0, len(names), ENDPOINTS_PER_RUN):
        yield dg.RunRequest(
            run_key=f"{moment:%Y-%m-%dT%H:%M:%S%z}/{start}",
            asset_selection=[source_key(name) for name in names[start : start + ENDPOINTS_PER_RUN]],
            asset_check_keys=[],  # the run tells them all the same
            partition_key=key_of(moment, config.settings.partitions),
            tags={CADENCE_TAG: cadence, LIVE_TAG: "true"},
        )


def after_changes_sensor(config: Config, installation: str) -> dg.AutomationConditionSensorDefinition | None:
    """Return the sensor that evaluates what follows changes; None where nothing does."""
    keys = [source_key(one.name) for one in config.active_sources if one.begins is SourceSchedule.AFTER_ENDPOINT]
    if not keys:
        return None
    return dg.AutomationConditionSensorDefinition(
        AFTER_CHANGES,
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        run_tags={CADENCE_TAG: AFTER_CHANGES, LIVE_TAG: "true", INSTALLATION_TAG: installation},
        description="Reads the sources of tables whose endpoint has changed.",
    )
