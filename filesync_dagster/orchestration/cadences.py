"""Which endpoints are synced together, and when: one cadence for each distinct interval, or cron and time zone.

Those with a cron expression of their own for the reconcile have a second one, if the first would leave it waiting.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from filesync_dagster.config import (
    DataSource,
    Endpoint,
    GenerationConfig,
    Replication,
    Schedule,
    ScheduleKind,
    next_tick,
)
from filesync_dagster.config.freshness import longest_gap

EVERY_MINUTE = "* * * * *"
HOUR, DAY, WEEK = 60, 24 * 60, 7 * 24 * 60
UNITS = ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (1, "minute"))

REQUESTS = "requests"
"""As the value of CADENCE_TAG: somebody asked for these syncs."""

SPOKEN = {"*": "any", "/": "per", "-": "to", ",": "and", "#": "no", "?": "all", " ": "_"}


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
    reconcile: bool = False  # for the sake of a full sync

    def next_tick_after(self, moment: datetime) -> datetime:
        """Return the first tick after a moment."""
        return next_tick(self.cron, None, moment, ZoneInfo(self.timezone))

    def is_tick(self, moment: datetime) -> bool:
        """Tell whether a moment is one of its ticks."""
        return self.next_tick_after(moment - timedelta(seconds=1)) == moment


def cadence_of(endpoint: Endpoint, zone: str) -> Cadence | None:
    """Return the cadence of an endpoint; None when only a person starts its syncs."""
    plan = endpoint.schedule_config
    if not endpoint.is_active or endpoint.schedule is ScheduleKind.MANUAL:
        return None
    if endpoint.schedule is ScheduleKind.CRON and plan.cron:
        return _cron(plan.cron, plan.timezone or zone, zone)
    return _interval(plan.interval_minutes, zone)


def group_by_cadence(endpoints: Iterable[Endpoint], zone: str) -> dict[Cadence, list[Endpoint]]:
    """Return the endpoints of every cadence."""
    groups: dict[Cadence, list[Endpoint]] = {}
    for endpoint in endpoints:
        for cadence in (cadence_of(endpoint, zone), reconcile_of(endpoint, zone)):
            if cadence:
                groups.setdefault(cadence, []).append(endpoint)
    return groups


def reconcile_of(endpoint: Endpoint, zone: str) -> Cadence | None:
    """Return the cadence of the reconciles; None where they have none, or a sync comes within the hour anyway."""
    plan, own = endpoint.reconcile, cadence_of(endpoint, zone)
    if plan.cron is None or not endpoint.is_active:
        return None
    if own and (not own.exact or longest_gap(own.cron) <= timedelta(hours=1)):
        return None
    cadence = _cron(plan.cron, plan.timezone or zone, zone)
    return replace(cadence, name=f"reconcile_{cadence.name.removeprefix('cron_')}", reconcile=True)


def source_cadence(source: DataSource, zone: str) -> Cadence | None:
    """Return the cadence of a source of tables; None where no clock starts its reads."""
    return _plain_cadence(source.begins.value, source.schedule_config, zone) if source.is_active else None


def generation_cadence(generation: GenerationConfig, zone: str) -> Cadence | None:
    """Return the cadence of a generation; None where no clock starts its runs."""
    is_active = generation.is_active
    return _plain_cadence(generation.schedule.value, generation.schedule_config, zone) if is_active else None


def _plain_cadence(kind: str, plan: Schedule, zone: str) -> Cadence | None:
    if kind == ScheduleKind.INTERVAL:
        return _interval(plan.interval_minutes, zone)
    return _cron(plan.cron, plan.timezone or zone, zone) if kind == ScheduleKind.CRON and plan.cron else None


def replication_cadence(replication: Replication, zone: str) -> Cadence | None:
    """Return the cadence of a replication; None where no clock starts its runs."""
    is_active = replication.is_active
    return _plain_cadence(replication.schedule.value, replication.schedule_config, zone) if is_active else None


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
    where = "" if timezone == zone else f"_{timezone.replace('+', 'plus')}"  # Etc/GMT+5 is not Etc/GMT-5
    slug = re.sub(r"[^a-z0-9]+", "_", f"cron_{spoken}{where}".lower()).strip("_")
    return Cadence(slug, fields, timezone, f"at `{fields}` ({timezone})")
