"""Times as people type them: `2026-11-21`, `2026-11-21T09:30`, `2h`, `3d`."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from filesync_dagster.core.clock import FIRST_MOMENT, LAST_MOMENT

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
AGO = re.compile(r"(\d{1,6}(?:\.\d+)?)\s*([smhdw])")

When = date | datetime | timedelta
"""A day, a moment, or how long ago."""


class Moment(click.ParamType["When"]):
    """The type of --as-of and --since. What a day or a naive time means is decided when the time zone is known."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> When:
        """Read one time."""
        text = str(value).strip()
        if ago := AGO.fullmatch(text):
            return timedelta(**{UNITS[ago[2]]: float(ago[1])})
        for kind in (date, datetime):
            try:
                return kind.fromisoformat(text)
            except ValueError:
                continue
        return self.fail(
            f"{text!r} is not a time. Write a day (2026-11-21), a moment (2026-11-21T09:30) or how long ago (2h, 3d).",
            param,
            ctx,
        )


def start_of(when: When, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the moment in UTC; of a day, its first.

    >>> start_of(date(2026, 11, 21), ZoneInfo("Europe/Berlin"), datetime(2026, 11, 30, tzinfo=UTC)).isoformat()
    '2026-11-20T23:00:00+00:00'
    """
    try:
        if isinstance(when, timedelta):
            return now - when
        if not isinstance(when, datetime):
            when = datetime.combine(when, time())
        return (when if when.tzinfo else when.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError:  # beyond the calendar: the nearest moment that it has
        early = isinstance(when, timedelta) or when.year < now.year
        return FIRST_MOMENT if early else LAST_MOMENT


def end_of(when: When, zone: ZoneInfo, now: datetime) -> datetime:
    """Return the moment in UTC; of a day, its last."""
    if isinstance(when, date) and not isinstance(when, datetime) and when < date.max:
        return start_of(when + timedelta(days=1), zone, now) - timedelta(microseconds=1)
    return start_of(when, zone, now)
