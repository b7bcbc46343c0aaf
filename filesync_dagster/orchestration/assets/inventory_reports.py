"""The reports about files as assets: one op writes those that were selected, so what is stored is looked up once."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.monitoring.reports import CATALOGUE
from filesync_dagster.monitoring.reports.charts import (
    ALARMING,
    COLOURS,
    as_markdown,
    heat_map,
    ranked_bars,
    stacked_bars,
)
from filesync_dagster.orchestration.assets.reports import TABLE_ROWS, keep_chart, report_key
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.instance.heartbeat import run_heartbeat
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.monitoring.reports.pictures import Picture
    from filesync_dagster.monitoring.reports.writer import Report

KEYS = {name: report_key(name) for name in CATALOGUE}
SHOWN_ITEMS = 3
"""Of a list in a table, how many are named."""
COLUMN_TYPES = {"BIGINT": "int", "DOUBLE": "float"}


STORED = report_key("stored_snapshots")
"""Between the endpoints and these reports: eight edges to each of a thousand endpoints would be no picture."""


def stored_snapshots(config: Config) -> dg.AssetSpec:
    """Return the external asset that stands for what is stored about all endpoints."""
    return dg.AssetSpec(
        STORED,
        deps=[asset_key(endpoint.name) for endpoint in config.active],
        description="The last snapshots of all endpoints, and the journal: what the reports about files are made of.",
        group_name="reports",
        kinds={"filesync"},
    )


def inventory_reports(config: Config) -> dg.AssetsDefinition:
    """Return the reports of the catalogue."""
    days = daily(config.settings.partitions)
    specs = [
        dg.AssetSpec(
            KEYS[name],
            deps=[STORED],
            description=title.about,
            group_name="reports",
            kinds={"filesync"},
            partitions_def=days,
            skippable=True,
        )
        for name, title in CATALOGUE.items()
    ]

    @dg.multi_asset(name="inventory_reports", specs=specs, can_subset=True)
    def write(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> Iterator[dg.MaterializeResult[Any]]:
        with filesync.open() as opened, run_heartbeat(context):
            yield from write_selected(context, opened)

    return write


def write_selected(context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[dg.MaterializeResult[Any]]:
    """Write the selected reports of a day, and fail in the end when one could not be written."""
    from filesync_dagster.monitoring.reports.writer import ReportSession  # it loads the database's drivers

    desk = ReportSession(filesync.runtime, day_of(context.partition_key))
    failures: dict[str, str] = {}
    names = [name for name in CATALOGUE if KEYS[name] in context.selected_asset_keys]
    for name in names:
        try:
            yield as_materialization(filesync, desk.report(name, TABLE_ROWS))
        except FilesyncError as error:
            failures[name] = str(error)
    if failures:
        sentences = " ".join(f"{name}: {why}" for name, why in failures.items())
        raise dg.Failure(
            f"{len(failures)} of {len(names)} reports could not be written. {sentences}", allow_retries=False
        )


def as_materialization(filesync: "Filesync", report: "Report") -> dg.MaterializeResult[Any]:
    """Return a report as Dagster shows it."""
    title = f"{report.title} on {report.day}"
    chart = draw(report.picture, title)
    shown: dict[str, Any] = {
        **report.numbers,
        "chart": dg.MetadataValue.md(as_markdown(chart, title)),
        "chart_file": dg.MetadataValue.path(keep_chart(filesync, report.name, report.day, chart)),
    }
    if report.rows:
        schema = dg.TableSchema(
            columns=[dg.TableColumn(name, COLUMN_TYPES.get(kind, "string")) for name, kind in report.columns.items()]
        )
        rows = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in report.rows]
        shown["rows"] = dg.MetadataValue.table(rows, schema)
    if report.notes:
        shown["notes"] = dg.MetadataValue.md("\n".join(f"- {note}" for note in report.notes))
    return dg.MaterializeResult(asset_key=KEYS[report.name], metadata=shown)


def draw(picture: "Picture", title: str) -> str:
    """Return a picture as SVG."""
    from filesync_dagster.monitoring.reports.pictures import Grid, Ranking

    if isinstance(picture, Grid):
        return heat_map(title, picture.rows, picture.columns, picture.values, picture.unit)
    if isinstance(picture, Ranking):
        colours = ALARMING if picture.alarming else COLOURS
        return ranked_bars(title, picture.names, picture.series, picture.unit, colours)
    return stacked_bars(title, picture.labels, picture.series, picture.unit)


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        more = f" and {len(value) - SHOWN_ITEMS} more" if len(value) > SHOWN_ITEMS else ""
        return ", ".join(map(str, value[:SHOWN_ITEMS])) + more
    return value.isoformat() if isinstance(value, datetime) else value
