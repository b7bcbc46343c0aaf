"""Which endpoints are synced together, and when: one cadence for each distinct interval, or cron and time zone."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from croniter import croniter

from filesync_dagster.config import Endpoint, ScheduleKind

EVERY_MINUTE = "* * * * *"
HOUR, DAY, WEEK = 60, 24 * 60, 7 * 24 * 60
UNITS = ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (1, "minute"))

CADENCE_TAG = "filesync/cadence"
"""On a run: the schedule or sensor that started it. A run without it was started by a person."""

SPOKEN = {"*": "any", "/": "per", "-": "to", ",": "and", " ": "_"}


@dataclass(frozen=True)
class Cadence:
    """When a group of endpoints is looked at.

    `exact`: all of the group are due at every tick. Otherwise the tick asks when each was last synced.
    """

    name: str
    cron: str
    timezone: str
    spoken: str  # "every 5 minutes"
    exact: bool = True

    def following(self, moment: datetime) -> datetime:
        """Return the first tick after a moment."""
        following: datetime = croniter(self.cron, moment.astimezone(ZoneInfo(self.timezone))).get_next(datetime)
        return following


def cadence_of(endpoint: Endpoint, zone: str) -> Cadence | None:
    """Return the cadence of an endpoint; None when only a person starts its syncs."""
    plan = endpoint.schedule_config
    if not endpoint.is_active or endpoint.schedule is ScheduleKind.MANUAL:
        return None
    if endpoint.schedule is ScheduleKind.CRON and plan.cron:
        return _cron(plan.cron, plan.timezone or zone, zone)
    return _interval(plan.interval_minutes, zone)


def grouped(endpoints: Iterable[Endpoint], zone: str) -> dict[Cadence, list[Endpoint]]:
    """Return the endpoints of every cadence."""
    groups: dict[Cadence, list[Endpoint]] = {}
    for endpoint in endpoints:
        cadence = cadence_of(endpoint, zone)
        if cadence:
            groups.setdefault(cadence, []).append(endpoint)
    return groups


@cache
def _interval(minutes: int, zone: str) -> Cadence:
    unit, name = next((unit, name) for unit, name in UNITS if minutes % unit == 0)
    count = minutes // unit
    slug = f"every_{name}" if count == 1 else f"every_{count}_{name}s"
    cron = _as_cron(minutes)
    return Cadence(slug, cron or EVERY_MINUTE, zone, slug.replace("_", " "), exact=cron is not None)


def _as_cron(minutes: int) -> str | None:
    """Return the cron expression of an interval, or None where none has equal steps: 7 does not divide an hour."""
    if minutes < HOUR and HOUR % minutes == 0:
        return f"*/{minutes} * * * *" if minutes > 1 else EVERY_MINUTE
    if minutes % HOUR == 0 and DAY % minutes == 0:
        hours = minutes // HOUR
        return {1: "0 * * * *", 24: "0 0 * * *"}.get(hours, f"0 */{hours} * * *")
    return "0 0 * * 1" if minutes == WEEK else None


@cache
def _cron(expression: str, timezone: str, zone: str) -> Cadence:
    fields = " ".join(expression.split())
    spoken = "".join(SPOKEN.get(letter, letter) for letter in fields)
    where = "" if timezone == zone else f"_{timezone}"
    slug = re.sub(r"[^a-z0-9]+", "_", f"cron_{spoken}{where}".lower()).strip("_")
    return Cadence(slug, fields, timezone, f"at `{fields}` ({timezone})")
