"""Reports: assets downstream of every endpoint, one partition a day, computed from what is stored about that day.

They read sync logs and stored files and never a store, so any day that is stored can be written again, in any order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.core.model import COMMITTED, SyncMode, SyncStatus
from filesync_dagster.monitoring.reports.charts import amount, as_markdown, stacked_bars
from filesync_dagster.orchestration.assets.results import CHANGE_COLUMNS, changed_rows
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.instance.heartbeat import run_heartbeat
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.tags import REPORTS_PREFIX

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.monitoring.reports.counted_endpoints import CountedEndpoint
    from filesync_dagster.storage.database import SyncRecord
    from filesync_dagster.sync.replay import Day

TABLE_ROWS = 50
CHART_ENDPOINTS = 7
"""Endpoints that a chart shows by name; the others are summed up."""
CHART_DAYS = 30
CHART_LOOKUPS = 6000
"""With many endpoints the chart reaches back fewer days, so that a report stays a matter of seconds."""

UNKNOWN_HOUR = 24
KINDS_OF_CHANGE = ("added", "updated", "moved", "removed", "restored")


def report_key(name: str) -> dg.AssetKey:
    """Return the asset of a report."""
    return dg.AssetKey([REPORTS_PREFIX, name])


REPORT_KEYS = [report_key("daily_changes"), report_key("storage_growth")]


def report_assets(config: Config) -> tuple[dg.AssetsDefinition, dg.AssetsDefinition]:
    """Return the reports `daily_changes` and `storage_growth`."""

    def report(name: str, description: str) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
        return dg.asset(
            key=report_key(name),
            partitions_def=daily(config.settings.partitions),
            group_name="reports",
            kinds={"filesync"},
            description=description,
        )

    @report("daily_changes", "What changed in every store on a day: counts, by the hour, and by endpoint.")
    def daily_changes(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> dg.MaterializeResult[Any]:
        with filesync.open() as opened, run_heartbeat(context):
            return changes_of_day(opened, day_of(context.partition_key))

    @report("storage_growth", "How much every store held at the end of a day, and how much more than the day before.")
    def storage_growth(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> dg.MaterializeResult[Any]:
        with filesync.open() as opened, run_heartbeat(context):
            return growth_of_day(opened, day_of(context.partition_key))

    # Lineage only, for the sake of the load time. In a run with syncs the reports come last by their priority, and
    # come even when an endpoint failed: they tell what is stored.
    endpoints = [dg.AssetDep(asset_key(endpoint.name)) for endpoint in config.active]
    linked = [
        report.map_asset_specs(lambda spec: spec.replace_attributes(deps=endpoints))
        for report in (daily_changes, storage_growth)
    ]
    return linked[0], linked[1]


@dataclass
class EndpointDay:
    """What the syncs of one endpoint say about one day."""

    endpoint: str
    counts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    by_hour: dict[int, Counter[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)  # URIs of the stored changes, newest first

    @property
    def changes(self) -> int:
        """Changes of single files; an import is none."""
        return sum(self.counts[kind] for kind in (*KINDS_OF_CHANGE, "left_scope"))


def endpoint_day(filesync: "Filesync", endpoint: "CountedEndpoint", day: date) -> EndpointDay:
    """Sum up the syncs that describe a day.

    A day that was rebuilt from the store's own history has one record that says it all: what live syncs saw of the
    same day is in it already.
    """
    zone = filesync.config.settings.partitions.zone
    since, until = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    known = endpoint.endpoint_id
    logs = [] if known is None else filesync.runtime.metadata.syncs.between(known, since=since, until=until)
    found = EndpointDay(endpoint.name, statuses=Counter(log.sync_status.value for log in logs))
    committed = [log for log in logs if log.sync_status in COMMITTED]
    rebuilt = [log for log in committed if log.mode is SyncMode.REPLAY]
    for log in rebuilt[:1] or committed:
        counts = _counts(log)
        found.counts += counts
        # A day that was rebuilt from history is known by its two ends.
        hour = log.as_of.astimezone(zone).hour if log.as_of and not rebuilt else UNKNOWN_HOUR
        found.by_hour[hour] = found.by_hour.get(hour, Counter()) + counts
        if log.changes_uri:
            found.files.append(log.changes_uri)
    return found


def _counts(log: "SyncRecord") -> Counter[str]:
    """Return the changes of a sync. The first one of an endpoint imports: nothing was added to the store by that."""
    # Retention may have let the changes of a later sync go, too; but only an import adds all that there is.
    first = log.changes_uri is None and log.files_added == log.files_total
    return Counter(
        imported=log.files_added if first else 0,
        added=0 if first else log.files_added,
        restored=log.files_restored,
        updated=log.files_updated,
        moved=log.files_moved,
        removed=log.files_removed,
        left_scope=log.files_left_scope,
        repathed=log.files_repathed,
    )


def changes_of_day(filesync: "Filesync", day: date) -> dg.MaterializeResult[Any]:
    """Return the report of what changed on a day."""
    days = [endpoint_day(filesync, endpoint, day) for endpoint in _counted(filesync, day)]
    total = sum((found.counts for found in days), Counter[str]())
    statuses = sum((found.statuses for found in days), Counter[str]())
    busiest = sorted(days, key=lambda found: (-found.changes, found.endpoint))
    chart = _by_hour(days, f"Changes on {day} by hour")
    sample = list(islice(_sample_changes(filesync, busiest), TABLE_ROWS))
    return dg.MaterializeResult(
        metadata={
            "changes_total": sum(found.changes for found in days),
            **{f"files_{kind}": total[kind] for kind in (*KINDS_OF_CHANGE, "left_scope", "repathed", "imported")},
            "endpoints_changed": sum(1 for found in days if found.changes),
            "endpoints_total": len(days),
            **{
                f"syncs_{status.value}": statuses[status.value]
                for status in SyncStatus
                if status is not SyncStatus.SKIPPED
            },
            "chart": dg.MetadataValue.md(as_markdown(chart, f"Changes on {day} by hour")),
            "chart_file": dg.MetadataValue.path(keep_chart(filesync, "daily_changes", day, chart)),
            "endpoints": dg.MetadataValue.table(
                [
                    dg.TableRecord(
                        {
                            "endpoint": found.endpoint,
                            **{kind: found.counts[kind] for kind in (*KINDS_OF_CHANGE, "imported")},
                            "syncs": sum(found.statuses.values()),
                            "failed": found.statuses["failed"],
                        }
                    )
                    for found in busiest[:TABLE_ROWS]
                ],
                _table("endpoint", *KINDS_OF_CHANGE, "imported", "syncs", "failed"),
            ),
            **(
                {
                    "changed_files": dg.MetadataValue.table(
                        [dg.TableRecord(row) for row in sample],
                        dg.TableSchema(columns=[dg.TableColumn("endpoint", "string"), *CHANGE_COLUMNS.columns]),
                    )
                }
                if sample
                else {}
            ),
        }
    )


def _by_hour(days: Sequence[EndpointDay], title: str) -> str:
    """Return the chart of a day; changes whose hour is not known stand beside it."""
    hours: list[int] = list(range(24))
    if any(found.by_hour.get(UNKNOWN_HOUR) for found in days):
        hours.append(UNKNOWN_HOUR)
    series = {
        kind: [sum(found.by_hour.get(hour, Counter())[kind] for found in days) for hour in hours]
        for kind in KINDS_OF_CHANGE
    }
    return stacked_bars(title, ["all day" if hour == UNKNOWN_HOUR else f"{hour:02}" for hour in hours], series)


def _sample_changes(filesync: "Filesync", busiest: Sequence[EndpointDay]) -> Iterator[dict[str, Any]]:
    for found in busiest:
        for uri in found.files:
            for row in changed_rows(filesync, uri):
                yield {"endpoint": found.endpoint, **row}


def _counted(filesync: "Filesync", day: date) -> list["CountedEndpoint"]:
    """Return the endpoints that count on a day: as the reports about files have it."""
    from filesync_dagster.monitoring.reports.counted_endpoints import endpoints_of_day

    return endpoints_of_day(filesync.runtime, _day(filesync, day))


def _day(filesync: "Filesync", day: date) -> "Day":
    from filesync_dagster.sync.replay import Day  # it loads DuckDB

    return Day.of(day, filesync.config.settings.partitions.zone)


def growth_of_day(filesync: "Filesync", day: date) -> dg.MaterializeResult[Any]:
    """Return the report of what the stores held at the end of a day."""
    endpoints = _counted(filesync, day)
    reach = max(2, min(CHART_DAYS, CHART_LOOKUPS // max(1, len(endpoints))))
    days = [day - timedelta(days=back) for back in reversed(range(reach))]
    history = {endpoint.name: [_at_the_end(filesync, endpoint, on) for on in days] for endpoint in endpoints}
    now = {name: records[-1] for name, records in history.items()}
    before = {name: records[-2] for name, records in history.items()}
    files, size = _sums(now.values())
    largest = sorted(now, key=lambda name: (-_bytes(now[name]), name))
    growth = [_growth(name, now[name], before[name]) for name in largest]
    title = f"Stored until {day}"
    # The chart begins where something is known: an unknown day is not an empty one.
    known = next((i for i, column in enumerate(zip(*history.values(), strict=True)) if any(column)), len(days) - 1)
    drawn = {name: records[known:] for name, records in history.items()}
    chart = stacked_bars(title, [f"{on:%m-%d}" for on in days[known:]], _by_endpoint(drawn, largest), "B")
    return dg.MaterializeResult(
        metadata={
            "files_total": files,
            "bytes_total": size,
            "files_growth": sum(row["files_growth"] for row in growth),
            "bytes_growth": sum(row["bytes_growth"] for row in growth),
            "endpoints_known": sum(1 for record in now.values() if record),
            "endpoints_outdated": _outdated(filesync, day, now.values()),
            "endpoints_total": len(now),
            "chart": dg.MetadataValue.md(as_markdown(chart, title)),
            "chart_file": dg.MetadataValue.path(keep_chart(filesync, "storage_growth", day, chart)),
            "endpoints": dg.MetadataValue.table(
                [dg.TableRecord(row) for row in growth[:TABLE_ROWS]],
                _table("endpoint", "files", "files_growth", "bytes", "bytes_growth", "size"),
            ),
        }
    )


def _at_the_end(filesync: "Filesync", endpoint: "CountedEndpoint", day: date) -> "SyncRecord | None":
    """Return the sync whose snapshot describes an endpoint at the end of a day, or now."""
    from filesync_dagster.monitoring.reports.snapshot_set import snapshot_of

    return snapshot_of(filesync.runtime, endpoint, min(_day(filesync, day).last_moment, datetime.now(UTC)))


def _outdated(filesync: "Filesync", day: date, now: Iterable["SyncRecord | None"]) -> int:
    from filesync_dagster.monitoring.reports.snapshot_set import is_outdated

    on = _day(filesync, day)
    moment = min(on.last_moment, datetime.now(UTC))
    return sum(1 for record in now if record and is_outdated(record, on, moment))


def _growth(name: str, now: "SyncRecord | None", before: "SyncRecord | None") -> dict[str, Any]:
    files, size = _sums([now])
    files_before, size_before = _sums([before]) if before else (files, size)  # first known is not grown
    return {
        "endpoint": name,
        "files": files,
        "files_growth": files - files_before,
        "bytes": size,
        "bytes_growth": size - size_before,
        "size": amount(size, "B") if now else "unknown on that day",
    }


def _by_endpoint(history: dict[str, list["SyncRecord | None"]], largest: Sequence[str]) -> dict[str, list[float]]:
    """Return bytes by day: the largest endpoints by name, the rest as one."""
    series = {name: [float(_bytes(record)) for record in history[name]] for name in largest[:CHART_ENDPOINTS]}
    rest = [history[name] for name in largest[CHART_ENDPOINTS:]]
    if rest:
        series[f"{len(rest)} others"] = [float(sum(map(_bytes, column))) for column in zip(*rest, strict=True)]
    return series


def _sums(records: Any) -> tuple[int, int]:
    known = [record for record in records if record]
    return sum(record.files_total for record in known), sum(record.bytes_total for record in known)


def _bytes(record: "SyncRecord | None") -> int:
    return record.bytes_total if record else 0


def keep_chart(filesync: "Filesync", report: str, day: date, chart: str) -> Path:
    """Keep a chart where a person, or a mail, can pick it up. Raises StorageError."""
    from filesync_dagster.storage.snapshots import disk_errors
    from filesync_dagster.sync.retention import CHARTS  # it loads DuckDB

    path = filesync.runtime.folder(CHARTS, report) / f"{day}.svg"
    with disk_errors(f"writing the picture {path}"):
        path.write_text(chart, encoding="utf-8")
    return path


def _table(*columns: str) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[dg.TableColumn(name, "string" if name in ("endpoint", "size") else "int") for name in columns]
    )


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)
