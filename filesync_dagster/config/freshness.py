"""How long the inventory of an endpoint may go without a sync: what its cadence promises, and some grace."""

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise

from filesync_dagster.config.models import Endpoint, ScheduleKind

STALE_AFTER_DUE = (timedelta(minutes=15), timedelta(hours=4))
"""An endpoint is stale when half a period has passed after it was due, but not sooner, nor later, than this."""

TWO_YEARS = timedelta(days=2 * 365)
"""How far is looked for the days of a cron expression: a pattern of weekdays and days of the month shows in that."""


def freshness(endpoint: Endpoint) -> tuple[timedelta, timedelta] | None:
    """Return after how long without a sync to warn, and to call the endpoint stale; None: only a person syncs it."""
    gap = _gap(endpoint) if endpoint.is_active else None
    if gap is None:
        return None
    grace = min(max(gap / 2, STALE_AFTER_DUE[0]), STALE_AFTER_DUE[1])
    return gap + grace / 2, gap + grace


def _gap(endpoint: Endpoint) -> timedelta | None:
    """Return the longest time between two syncs that start by themselves."""
    plan = endpoint.schedule_config
    if endpoint.schedule is ScheduleKind.INTERVAL:
        return timedelta(minutes=plan.interval_minutes)
    cron = plan.cron if endpoint.schedule is ScheduleKind.CRON else endpoint.reconcile.cron
    return longest_gap(cron) if cron else None


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
