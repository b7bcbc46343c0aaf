"""How long the inventory of an endpoint may go without a sync: what its cadence promises, and some grace."""

from datetime import UTC, datetime, timedelta
from functools import cache

from filesync_dagster.config.models import Endpoint, ScheduleKind

GRACE = (timedelta(minutes=15), timedelta(hours=4))
"""An endpoint is stale when half a period has passed after it was due, but not sooner, nor later, than this."""


def freshness(endpoint: Endpoint) -> tuple[timedelta, timedelta] | None:
    """Return after how long without a sync to warn, and to call the endpoint stale; None: only a person syncs it."""
    gap = _gap(endpoint) if endpoint.is_active else None
    if gap is None:
        return None
    grace = min(max(gap / 2, GRACE[0]), GRACE[1])
    return gap + grace / 2, gap + grace


def _gap(endpoint: Endpoint) -> timedelta | None:
    """Return the longest time between two syncs that start by themselves."""
    plan = endpoint.schedule_config
    if endpoint.schedule is ScheduleKind.INTERVAL:
        return timedelta(minutes=plan.interval_minutes)
    cron = plan.cron if endpoint.schedule is ScheduleKind.CRON else endpoint.reconcile.cron
    return longest_gap(cron) if cron else None


@cache
def longest_gap(cron: str) -> timedelta:
    """Return the longest time between two ticks of a cron expression.

    >>> longest_gap("0 6 * * 1-5")
    datetime.timedelta(days=3)
    """
    from croniter import croniter

    ticks = croniter(cron, datetime(2026, 1, 1, tzinfo=UTC))
    longest, last = timedelta(), datetime(2026, 1, 1, tzinfo=UTC)
    for _ in range(400):  # a year of daily ticks; what ticks more often shows its pattern sooner
        following = ticks.get_next(datetime)
        longest, last = max(longest, following - last), following
        if last.year > 2027:  # noqa: PLR2004 - two years hold every gap but that of a 29 February
            break
    return longest
