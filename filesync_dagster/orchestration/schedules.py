"""One schedule for each cadence, two for the reports, and a sensor for endpoints that were just configured.

A tick asks for one run of all that is due and not being synced already. Correctness does not rest on that: the lease
in the metadata database keeps two syncs of one endpoint apart.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterRunStatus

from filesync_dagster.config import Config, Endpoint, ScheduleKind, Settings
from filesync_dagster.orchestration.cadences import CADENCE_TAG, Cadence, cadence_of, grouped
from filesync_dagster.orchestration.inventory_reports import KEYS as INVENTORY_REPORT_KEYS
from filesync_dagster.orchestration.jobs import SYNC
from filesync_dagster.orchestration.partitions import key_of
from filesync_dagster.orchestration.reports import REPORT_KEYS
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.specs import asset_key

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

ENDPOINTS_PER_RUN = 1000
"""Past this many, the due endpoints are cut into several runs: a launcher can spread those over machines."""

ACTIVE = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
LATE = timedelta(minutes=5)
"""What is later than this was missed: only endpoints that catch up are still synced for it."""

BACKFILL_TAG, PARTITION_TAG = "dagster/backfill", "dagster/partition"

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the current moment."""
    return datetime.now(UTC)


def sync_schedules(config: Config, clock: Clock = utc_now) -> list[dg.ScheduleDefinition]:
    """Return the schedules of all cadences, running from the start."""
    groups = grouped(config.endpoints, config.settings.partitions.timezone)
    return [_schedule(cadence, tuple(group), config.settings, clock) for cadence, group in groups.items()]


def _schedule(cadence: Cadence, group: tuple[Endpoint, ...], settings: Settings, clock: Clock) -> dg.ScheduleDefinition:
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
        scheduled = context.scheduled_execution_time
        if cadence.following(scheduled) <= clock():
            yield dg.SkipReason(f"This tick of {scheduled:%Y-%m-%d %H:%M %Z} is stale: a later one has come.")
            return
        names = _due_names(cadence, group, settings, scheduled, late=clock() - scheduled > LATE)
        if not names:
            yield dg.SkipReason(f"Nothing is due at {scheduled:%Y-%m-%d %H:%M %Z} that is still to be done.")
            return
        with filesync.open() as opened:
            due = names if cadence.exact else _overdue(opened, names, scheduled)
            alone = opened.resting(clock())
        if due and alone.keys() >= set(due):
            yield dg.SkipReason(f"All {len(due)} due endpoints are left alone: their stores failed too often.")
            return
        asked = [name for name in due if name not in alone]
        yield from requests(context.instance, asked, settings, scheduled, cadence.name)

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


def _overdue(filesync: "Filesync", names: Sequence[str], scheduled: datetime) -> list[str]:
    """Return the endpoints whose next sync falls into the minute of this tick, or fell into an earlier one."""
    end_of_minute = scheduled + timedelta(minutes=1)
    due = {status.name: status.next_due for status in filesync.status()}
    return [name for name in names if (moment := due.get(name)) is not None and moment < end_of_minute]


def requests(
    instance: dg.DagsterInstance, due: Sequence[str], settings: Settings, moment: datetime, cadence: str
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Yield the runs that sync what is due and not in a run already; the day is that of the moment."""
    day = key_of(moment, settings.partitions)
    busy = in_active_runs(instance, due, day)
    idle = [asset_key(name) for name in due if name not in busy]
    if not idle:
        yield dg.SkipReason("Nothing is due." if not due else f"All {len(due)} due endpoints are in active runs.")
    for start in range(0, len(idle), ENDPOINTS_PER_RUN):
        yield dg.RunRequest(
            run_key=f"{moment:%Y-%m-%dT%H:%M:%S%z}/{start}",  # Dagster wants one where a tick has several runs
            asset_selection=idle[start : start + ENDPOINTS_PER_RUN],
            partition_key=day,
            tags={CADENCE_TAG: cadence},
        )


def in_active_runs(instance: dg.DagsterInstance, names: Iterable[str], today: str) -> set[str]:
    """Return which of the endpoints unfinished runs sync. A backfill of past days is in nobody's way."""
    runs = [
        run
        for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE))
        if BACKFILL_TAG not in run.tags or run.tags.get(PARTITION_TAG) == today
    ]
    if any(run.asset_selection is None and run.job_name == SYNC for run in runs):
        return set(names)
    keys = {key for run in runs for key in run.asset_selection or ()}
    return {name for name in names if asset_key(name) in keys}


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


def first_sync_sensor(config: Config, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor that syncs a new endpoint at once, instead of at its first tick. It only looks."""
    names = [endpoint.name for endpoint in config.active if endpoint.schedule is ScheduleKind.INTERVAL]
    everything_seen = ",".join(sorted(names))

    @dg.sensor(
        name="first_syncs",
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
            known = {status.name for status in opened.status() if status.last_sync is not None}
        new = [name for name in names if name not in known]
        if not new:
            context.update_cursor(everything_seen)
        yield from requests(context.instance, new, config.settings, clock(), "first_syncs")

    return look
