"""One schedule for each cadence, whose ticks choose the endpoints that are due; two for the reports.

A tick asks for one run of all that is due and not being synced already. Correctness does not rest on that: the lease
in the metadata database keeps two syncs of one endpoint apart.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterRunStatus

from filesync_dagster.config import Config, Endpoint, Settings
from filesync_dagster.orchestration.assets.inventory_reports import KEYS as INVENTORY_REPORT_KEYS
from filesync_dagster.orchestration.assets.reports import REPORT_KEYS
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.cadences import Cadence, cadence_of, group_by_cadence
from filesync_dagster.orchestration.jobs.sync import which
from filesync_dagster.orchestration.partitions import key_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.tags import CADENCE_TAG, CONFIG_TAG, LIVE_TAG, PARTITION_TAG, SYNC

if TYPE_CHECKING:
    from filesync_dagster.sync.status import EndpointStatus

ENDPOINTS_PER_RUN = 1000
"""Past this many, the due endpoints are cut into several runs: a launcher can spread those over machines."""

ACTIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
LATE_AFTER = timedelta(minutes=5)
"""What is later than this was missed: only endpoints that catch up are still synced for it."""

LONG_SYNC = timedelta(minutes=1)
"""A sync that has taken this long already is not over in the seconds that a run needs to begin."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current moment."""
    return datetime.now(UTC)


def sync_schedules(config: Config, clock: Clock = utc_now) -> list[dg.ScheduleDefinition]:
    """Return the schedules of all cadences, running from the start."""
    groups = group_by_cadence(config.endpoints, config.settings.partitions.timezone)
    return [_schedule(cadence, tuple(group), config, clock) for cadence, group in groups.items()]


def _schedule(cadence: Cadence, group: tuple[Endpoint, ...], config: Config, clock: Clock) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=cadence.name,
        cron_schedule=cadence.cron,
        execution_timezone=cadence.timezone,
        job_name=SYNC,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"{'Reconciles' if cadence.reconcile else 'Syncs'} {len(group)} "
        f"endpoint{'s' if len(group) != 1 else ''} {cadence.spoken}.",
    )
    def tick(
        context: dg.ScheduleEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from filesync_dagster.sync.status import resting_endpoints  # it loads the database's drivers

        scheduled = context.scheduled_execution_time
        if cadence.next_tick_after(scheduled) <= clock():
            yield dg.SkipReason(f"This tick of {scheduled:%Y-%m-%d %H:%M %Z} is stale: a later one has come.")
            return
        names = _due_names(cadence, group, config.settings, scheduled, late=clock() - scheduled > LATE_AFTER)
        if not names:
            yield dg.SkipReason(f"Nothing is due at {scheduled:%Y-%m-%d %H:%M %Z} that is still to be done.")
            return
        with filesync.open() as opened:
            statuses, alone = opened.status(), resting_endpoints(opened.runtime, clock())
        due = names if cadence.exact else _overdue(statuses, names, scheduled)
        if due and alone.keys() >= set(due):
            yield dg.SkipReason(f"All {len(due)} due endpoints are left alone: their stores failed too often.")
            return
        asked = [name for name in due if name not in alone]
        yield from run_requests(context.instance, statuses, asked, config, scheduled, cadence.name)

    return tick


def _due_names(
    cadence: Cadence, group: Sequence[Endpoint], settings: Settings, scheduled: datetime, *, late: bool
) -> list[str]:
    """Return the endpoints of a tick without those that do not catch up, and those whose own tick this is, too."""
    zone, names = settings.partitions.timezone, []
    for endpoint in group:
        own = cadence_of(endpoint, zone) if cadence.reconcile else None
        if not (late and not endpoint.schedule_config.catch_up) and not (own and own.is_tick(scheduled)):
            names.append(endpoint.name)
    return names


def _overdue(statuses: "Iterable[EndpointStatus]", names: Sequence[str], scheduled: datetime) -> list[str]:
    """Return the endpoints whose next sync falls into the minute of this tick, or fell into an earlier one."""
    end_of_minute = scheduled + timedelta(minutes=1)
    due = {status.name: status.next_due for status in statuses}
    return [name for name in names if (moment := due.get(name)) is not None and moment < end_of_minute]


def run_requests(  # noqa: PLR0917  # what every tick knows
    instance: dg.DagsterInstance,
    statuses: "Sequence[EndpointStatus]",
    due: Sequence[str],
    config: Config,
    moment: datetime,
    cadence: str,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Yield the runs that sync what is due and not about to be synced already; the day is that of the moment."""
    if not due:
        yield dg.SkipReason("Nothing is due.")
        return
    day = key_of(moment, config.settings.partitions)
    busy = in_active_runs(instance, statuses, due, day, which(config)) | _long_in_work(statuses)
    idle = [asset_key(name) for name in due if name not in busy]
    if not idle:
        yield dg.SkipReason(f"All {len(due)} due endpoints are in active runs, or being synced.")
    for start in range(0, len(idle), ENDPOINTS_PER_RUN):
        yield dg.RunRequest(
            run_key=f"{moment:%Y-%m-%dT%H:%M:%S%z}/{start}",  # Dagster wants one where a tick has several runs
            asset_selection=idle[start : start + ENDPOINTS_PER_RUN],
            asset_check_keys=[],  # an event less for each: the run tells them all the same
            partition_key=day,
            tags={CADENCE_TAG: cadence, LIVE_TAG: "true"},
        )


def _long_in_work(statuses: "Iterable[EndpointStatus]") -> set[str]:
    """Return the endpoints that somebody syncs, a shell or a run of a queue, and will do still when a run begins."""
    before = utc_now() - LONG_SYNC
    return {one.name for one in statuses if one.running_since and one.running_since < before}


def in_active_runs(
    instance: dg.DagsterInstance, statuses: "Iterable[EndpointStatus]", names: Sequence[str], today: str, config: str
) -> set[str]:
    """Return which of the endpoints an unfinished run has still to sync. One of a past day is in nobody's way.

    A run lasts as long as its slowest endpoint. The others are done with, whatever came of it, as soon as a sync of
    theirs has ended since the run began: they do not wait for the slow one.
    """
    done = {
        status.name: status.last_sync.sync_completed.timestamp()
        for status in statuses
        if status.last_sync and not status.running_since
    }
    return unfinished_in_runs(instance, {asset_key(name): name for name in names}, done, today, config)


def unfinished_in_runs(
    instance: dg.DagsterInstance,
    keys: Mapping[dg.AssetKey, str],
    done: Mapping[str, float],
    today: str,
    config: str,
) -> set[str]:
    """Return which assets, by their names, an unfinished run has still to make. `done`: when each was last made."""
    records = instance.get_run_records(dg.RunsFilter(statuses=ACTIVE))
    asked = [(record, some) for record in records if (some := _selected(record.dagster_run, keys, today, config))]
    return {
        name
        for record, some in asked
        for name in some
        if record.start_time is None or done.get(name, 0.0) < record.start_time
    }


def _selected(run: dg.DagsterRun, keys: Mapping[dg.AssetKey, str], today: str, config: str) -> set[str]:
    """Return which of the endpoints a run was launched to sync as they are now."""
    if LIVE_TAG not in run.tags and run.tags.get(PARTITION_TAG, today) != today:
        return set()
    if run.asset_selection is None:
        return set(keys.values()) if run.job_name == SYNC and run.tags.get(CONFIG_TAG) == config else set()
    selected = run.asset_selection | {check.asset_key for check in run.asset_check_selection or ()}
    return {keys[key] for key in selected if key in keys}


def report_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Return the schedules of the reports: today's now and then, and yesterday's once more when it is over."""
    hourly = _reports(
        "reports",
        "5 * * * *",
        timedelta(hours=1),
        REPORT_KEYS,
        settings=settings,
        description="Writes the reports of today every hour, and those of yesterday when the day is over.",
    )
    six_hourly = _reports(
        "inventory_reports",
        "35 */6 * * *",
        timedelta(hours=6),
        list(INVENTORY_REPORT_KEYS.values()),
        settings=settings,
        description="Writes the reports about files of today every six hours, and those of yesterday when it is over.",
    )
    return [hourly, six_hourly]


def _reports(
    name: str, cron: str, every: timedelta, keys: Sequence[dg.AssetKey], *, settings: Settings, description: str
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        cron_schedule=cron,
        execution_timezone=settings.partitions.timezone,
        job_name=SYNC,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=description,
    )
    def tick(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        scheduled = context.scheduled_execution_time
        first_day = f"{settings.partitions.start_date:%Y-%m-%d}"
        for day in sorted({key_of(moment, settings.partitions) for moment in (scheduled - every, scheduled)}):
            if day >= first_day:
                yield dg.RunRequest(
                    run_key=f"{scheduled:%Y-%m-%dT%H:%M%z}/{day}", asset_selection=list(keys), partition_key=day
                )

    return tick
