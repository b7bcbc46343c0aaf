"""When an endpoint is next due."""

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from filesync_dagster.config.models import Endpoint, ScheduleKind


def next_due(endpoint: Endpoint, last: datetime | None, zone: tzinfo, now: datetime) -> datetime | None:
    """Return the moment from which the endpoint should be synced again; None when nothing but a person starts it.

    `last` is when its last sync started, whatever came of it. An endpoint that was never synced is due at once;
    for cron, at the first tick.
    """
    if not endpoint.is_active or endpoint.schedule is ScheduleKind.MANUAL:
        return None
    plan = endpoint.schedule_config
    if endpoint.schedule is ScheduleKind.INTERVAL:
        return now if last is None else last + timedelta(minutes=plan.interval_minutes)
    from croniter import croniter

    local = (last or now).astimezone(ZoneInfo(plan.timezone) if plan.timezone else zone)
    following: datetime = croniter(str(plan.cron), local).get_next(datetime)
    return following
