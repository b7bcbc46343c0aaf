"""When files change: the journal by weekday and hour, in the time zone of the partitions.

A change counts in the hour in which a sync saw it. An import is no change, and neither is what filters did.
"""

from datetime import timedelta

import pyarrow as pa

from filesync_dagster.core.model import JOURNALED, ChangeKind
from filesync_dagster.monitoring.reports.counted_endpoints import endpoints_of_day
from filesync_dagster.monitoring.reports.pictures import Grid
from filesync_dagster.monitoring.reports.plan import Connection, Plan, Terms
from filesync_dagster.sync.replay import Day
from filesync_dagster.sync.runtime import Runtime

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = 24
DAYS = 28
"""Whole weeks, so that no weekday counts more often than another."""
KINDS = frozenset(kind.value for kind in JOURNALED if kind is not ChangeKind.LEFT_SCOPE)


def relate_activity(con: Connection, runtime: Runtime, day: Day) -> None:
    """Create the table `activity`: changes for each weekday (from Monday, 0) and hour, zeros too."""
    zone = runtime.config.settings.partitions.zone
    first = Day.of(day.date - timedelta(days=DAYS - 1), zone)
    ids = [one.endpoint_id for one in endpoints_of_day(runtime, day) if one.endpoint_id is not None]
    counts = dict.fromkeys(((weekday, hour) for weekday in range(len(WEEKDAYS)) for hour in range(HOURS)), 0)
    for quarter, kind, changes in runtime.metadata.files.activity(ids, first.start, day.end):
        if kind in KINDS:
            local = quarter.astimezone(zone)
            counts[local.weekday(), local.hour] += changes
    weekdays, hours = zip(*counts, strict=True)
    con.register("counted", pa.table({"day": weekdays, "hour": hours, "changes": list(counts.values())}))
    con.execute("CREATE TABLE activity AS FROM counted")
    con.unregister("counted")


def _picture(con: Connection, terms: Terms) -> Grid:
    found = con.execute("SELECT changes FROM activity ORDER BY day, hour").fetchall()
    values = [float(changes) for (changes,) in found]
    rows = tuple(tuple(values[start : start + HOURS]) for start in range(0, len(values), HOURS))
    return Grid(WEEKDAYS, tuple(f"{hour:02}" for hour in range(HOURS)), rows)


NAMED = f"[{', '.join(repr(name) for name in WEEKDAYS)}][day + 1]"

ACTIVITY = Plan(
    rows=lambda _: f"SELECT {NAMED} AS weekday, hour, changes FROM activity ORDER BY activity.day, hour",
    numbers=lambda _: (
        "SELECT total(changes) AS changes_total, max(changes) AS changes_busiest_hour, "
        "total(CASE WHEN day >= 5 THEN changes END) AS changes_at_weekends, "
        "count(*) FILTER (changes = 0) AS hours_without_change FROM activity"
    ),
    picture=_picture,
)
