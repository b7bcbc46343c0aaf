"""How long an inventory may go without a sync, a replica without a run: what the cadence promises, and some grace."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from filesync_dagster.config.data_sources import DataSource, SourceSchedule
from filesync_dagster.config.models import Endpoint, Schedule, ScheduleKind
from filesync_dagster.config.replications import Replication, ReplicationSchedule

STALE_AFTER_DUE = (timedelta(minutes=15), timedelta(hours=4))
"""An endpoint is stale when half a period has passed after it was due, but not sooner, nor later, than this."""

TWO_YEARS = timedelta(days=2 * 365)
"""How far is looked for the days of a cron expression: a pattern of weekdays and days of the month shows in that."""


def freshness(endpoint: Endpoint) -> tuple[timedelta, timedelta] | None:
    """Return after how long without a sync to warn, and to call the endpoint stale; None: only a person syncs it."""
    gap = _gap(endpoint) if endpoint.is_active else None
    return None if gap is None else (gap + _grace(gap) / 2, gap + _grace(gap))


def replica_freshness(replication: Replication) -> tuple[timedelta, timedelta] | None:
    """Return the same for the runs of a replication; None where no clock starts them."""
    gap = _scheduled_gap(replication.schedule, replication.schedule_config) if replication.is_active else None
    return None if gap is None else (gap + _grace(gap) / 2, gap + _grace(gap))


def source_freshness(source: DataSource) -> tuple[timedelta, timedelta] | None:
    """Return the same for the reads of a source of tables; None where no clock starts them."""
    gap = _scheduled_gap(source.begins, source.schedule_config) if source.is_active else None
    return None if gap is None else (gap + _grace(gap) / 2, gap + _grace(gap))


def lag_limit(replication: Replication, source: Endpoint) -> timedelta | None:
    """Return how long a source may have what its replica has not; None: only a person starts the runs."""
    if not replication.is_active or replication.schedule is ReplicationSchedule.MANUAL:
        return None
    if replication.schedule is ReplicationSchedule.AFTER_SOURCE:
        gap = _gap(source)
        return STALE_AFTER_DUE[1] if gap is None else _grace(gap)
    windows = replica_freshness(replication)
    return windows and windows[1]


def _grace(gap: timedelta) -> timedelta:
    return min(max(gap / 2, STALE_AFTER_DUE[0]), STALE_AFTER_DUE[1])


def _gap(endpoint: Endpoint) -> timedelta | None:
    """Return the longest time between two syncs that start by themselves."""
    gap = _scheduled_gap(endpoint.schedule, endpoint.schedule_config)
    return longest_gap(endpoint.reconcile.cron) if gap is None and endpoint.reconcile.cron else gap


def _scheduled_gap(kind: ScheduleKind | ReplicationSchedule | SourceSchedule, plan: Schedule) -> timedelta | None:
    if kind in {ScheduleKind.INTERVAL, ReplicationSchedule.INTERVAL, SourceSchedule.INTERVAL}:
        return timedelta(minutes=plan.interval_minutes)
    is_cron = kind in {ScheduleKind.CRON, ReplicationSchedule.CRON, SourceSchedule.CRON}
    return longest_gap(plan.cron) if is_cron and plan.cron else None


def longest_gap(cron: str) -> timedelta:
    """Return the longest time between two ticks of a cron expression.

    Every day with a tick has the same ones, so it lies within a day or from the last of one day to the first of the
    next: what ticks every minute of a working day is not stepped through minute by minute.

    >>> longest_gap("0 6 * * 1-5"), longest_gap("*/20 8-17 * * *")
    (datetime.timedelta(days=3), datetime.timedelta(seconds=51600))
    """
    from croniter import croniter

    minutes, hours = croniter.expand(cron)[0][:2]
    ticks = [
        timedelta(hours=hour, minutes=minute)
        for hour in (range(24) if hours == ["*"] else sorted(map(int, hours)))
        for minute in (range(60) if minutes == ["*"] else sorted(map(int, minutes)))
    ]
    within = max((later - earlier for earlier, later in pairwise(ticks)), default=timedelta())
    return max(within, _longest_between_days(" ".join(cron.split()[2:])) - ticks[-1] + ticks[0])


@cache
def _longest_between_days(days: str) -> timedelta:
    """Return the longest time between two days that the last three fields of a cron expression name."""
    from croniter import croniter

    if days == "* * *":
        return timedelta(days=1)
    midnights = croniter(f"0 0 {days}", datetime(2026, 1, 1, tzinfo=UTC))
    first = last = midnights.get_next(datetime)
    longest = timedelta()
    while last < first + TWO_YEARS:
        following = midnights.get_next(datetime)
        longest, last = max(longest, following - last), following
    return longest
