"""When sources of tables are read, and generations made: a schedule for each cadence, and what follows changes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config, DataSource, GenerationConfig, GenerationSchedule, Schedule, SourceSchedule
from filesync_dagster.orchestration.cadences import Cadence, generation_cadence, source_cadence
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
from filesync_dagster.orchestration.tables.generations import generation_key
from filesync_dagster.orchestration.tables.specs import source_key
from filesync_dagster.orchestration.tags import CADENCE_TAG, INSTALLATION_TAG, LIVE_TAG, SYNC

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

AFTER_CHANGES = "tables_after_changes"
"""The sensor that evaluates the conditions of what follows changes."""


@dataclass(frozen=True)
class TimedAsset:
    """A source or a generation that a clock starts."""

    key: dg.AssetKey
    plan: Schedule


@dataclass(frozen=True)
class LastMade:
    """When an asset was begun last, and when that ended, whatever came of it."""

    begun: datetime
    ended: datetime


def table_schedules(config: Config, clock: Clock = utc_now) -> list[dg.ScheduleDefinition]:
    """Return the schedules of all cadences of sources and of generations, running from the start."""
    zone = config.settings.partitions.timezone
    groups: dict[Cadence, list[TimedAsset]] = {}
    timed: list[tuple[Cadence | None, dg.AssetKey, DataSource | GenerationConfig]] = [
        *((source_cadence(one, zone), source_key(one.name), one) for one in config.active_sources),
        *((generation_cadence(one, zone), generation_key(one.name), one) for one in config.active_generations),
    ]
    for cadence, key, one in timed:
        if cadence:
            groups.setdefault(cadence, []).append(TimedAsset(key, one.schedule_config))
    return [_schedule(cadence, tuple(group), config, clock) for cadence, group in groups.items()]


def _schedule(cadence: Cadence, group: tuple[TimedAsset, ...], config: Config, clock: Clock) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"tables_{cadence.name}",
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        job_name=SYNC,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Reads or makes {len(group)} asset{'s' if len(group) != 1 else ''} of tables {cadence.spoken}.",
    )
    def tick(
        context: dg.ScheduleEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        scheduled = context.scheduled_execution_time
        if cadence.next_tick_after(scheduled) <= clock():
            yield dg.SkipReason(f"This tick of {scheduled:%Y-%m-%d %H:%M %Z} is stale: a later one has come.")
            return
        is_late = clock() - scheduled > LATE_AFTER
        due = [one for one in group if one.plan.catch_up or not is_late]
        with filesync.open() as opened:
            last = _last_made(opened)
        keys = [one.key for one in due] if cadence.exact else _overdue(due, last, scheduled)
        busy = in_work(context.instance, keys, last, config, scheduled)
        idle = [key for key in keys if key not in busy]
        if not idle:
            yield dg.SkipReason(f"Nothing is due at {scheduled:%Y-%m-%d %H:%M %Z} that no run does already.")
        yield from _requests(idle, config, scheduled, cadence.name)

    return tick


def _last_made(filesync: "Filesync") -> dict[dg.AssetKey, LastMade]:
    from filesync_dagster.tables.daily.status import generation_statuses

    reads = [(source_key(one.name), one.last) for one in filesync.tables.status()]
    found = {key: LastMade(last.started_at, last.finished_at) for key, last in reads if last}
    for one in generation_statuses(filesync.runtime):
        if one.last is not None and one.last.finished_at is not None:
            found[generation_key(one.name)] = LastMade(one.last.created_at, one.last.finished_at)
    return found


def _overdue(due: Iterable[TimedAsset], last: Mapping[dg.AssetKey, LastMade], scheduled: datetime) -> list[dg.AssetKey]:
    """Return the assets that were begun an interval ago for the last time, or never."""
    end_of_minute = scheduled + timedelta(minutes=1)
    since = {one.key: end_of_minute - timedelta(minutes=one.plan.interval_minutes) for one in due}
    return [key for key, moment in since.items() if key not in last or last[key].begun < moment]


def in_work(
    instance: dg.DagsterInstance,
    keys: Sequence[dg.AssetKey],
    last: Mapping[dg.AssetKey, LastMade],
    config: Config,
    moment: datetime,
) -> set[dg.AssetKey]:
    """Return which of some assets an unfinished run has still to make."""
    named = {key: key.to_user_string() for key in keys}
    ended = {named[key]: last[key].ended.timestamp() for key in keys if key in last}
    busy = unfinished_in_runs(instance, named, ended, key_of(moment, config.settings.partitions), which(config))
    return {key for key, name in named.items() if name in busy}


def _requests(keys: Sequence[dg.AssetKey], config: Config, moment: datetime, cadence: str) -> Iterator[dg.RunRequest]:
    for start in range(0, len(keys), ENDPOINTS_PER_RUN):
        yield dg.RunRequest(
            run_key=f"{moment:%Y-%m-%dT%H:%M:%S%z}/{start}",
            asset_selection=list(keys[start : start + ENDPOINTS_PER_RUN]),
            asset_check_keys=[],  # the run tells them all the same
            partition_key=key_of(moment, config.settings.partitions),
            tags={CADENCE_TAG: cadence, LIVE_TAG: "true"},
        )


def after_changes_sensor(config: Config, installation: str) -> dg.AutomationConditionSensorDefinition | None:
    """Return the sensor that evaluates what follows changes; None where nothing does."""
    after_endpoint, after_sources = SourceSchedule.AFTER_ENDPOINT, GenerationSchedule.AFTER_SOURCES
    keys = [source_key(one.name) for one in config.active_sources if one.begins is after_endpoint]
    keys += [generation_key(one.name) for one in config.active_generations if one.schedule is after_sources]
    if not keys:
        return None
    return dg.AutomationConditionSensorDefinition(
        AFTER_CHANGES,
        target=dg.AssetSelection.assets(*keys),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        run_tags={CADENCE_TAG: AFTER_CHANGES, INSTALLATION_TAG: installation},
        description="Reads sources whose endpoint has changed, and makes generations whose sources have.",
    )
