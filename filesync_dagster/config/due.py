"""When an endpoint is next due: for a sync, for a full one, and how much later it begins."""

import zlib
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from filesync_dagster.config.models import Endpoint, ScheduleKind


def next_due(endpoint: Endpoint, last: datetime | None, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the moment from which the endpoint should be synced again; None when nothing but a person starts it.

    `last` is when its last sync started, whatever came of it. An endpoint that was never synced is due at once;
    for cron, at the first tick.
    """
    if not endpoint.is_active:
        return None
    if last is not None and last > now:
        last = None  # its clock was wrong: nobody knows how long ago it was
    plan, reconcile = endpoint.schedule_config, endpoint.reconcile
    moments = []
    if reconcile.cron:
        moments.append(next_tick(reconcile.cron, reconcile.timezone, last or now, zone))
    if endpoint.schedule is ScheduleKind.INTERVAL:
        moments.append(now if last is None else last + timedelta(minutes=plan.interval_minutes))
    elif endpoint.schedule is ScheduleKind.CRON:
        moments.append(next_tick(str(plan.cron), plan.timezone, last or now, zone))
    return min(moments, default=None)


def reconcile_due(endpoint: Endpoint, proved: datetime, zone: tzinfo) -> datetime:
    """Return from when a sync lists everything again that was last listed as a whole at `proved`."""
    plan = endpoint.reconcile
    if plan.cron:
        return next_tick(plan.cron, plan.timezone, proved, zone)
    return proved + timedelta(hours=plan.interval_hours)


def next_tick(cron: str, timezone: str | None, moment: datetime, zone: tzinfo) -> datetime:
    """Return the first tick of a cron expression after a moment, in its own time zone or else in `zone`."""
    from croniter import croniter

    tick: datetime = croniter(cron, moment.astimezone(ZoneInfo(timezone) if timezone else zone)).get_next(datetime)
    return tick


def delay(endpoint: Endpoint) -> float:
    """Return how many seconds late a scheduled sync of the endpoint begins: always the same, within its jitter."""
    return zlib.crc32(endpoint.name.encode()) % (endpoint.schedule_config.jitter_seconds + 1)
