"""What each source of tables looks like in Dagster: the place, the source, its tables, and what is checked."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import dagster as dg

from filesync_dagster.config import DataSource, SourceSchedule, source_freshness
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.cadences import source_cadence
from filesync_dagster.orchestration.tags import TABLES_PREFIX

READABLE, SCHEMA_DRIFT = "readable", "schema_drift"
KEYS_HOLD, REFERENCES_HOLD = "keys_hold", "references_hold"
ROW_COUNT_GUARD, FRESHNESS = "row_count_guard", "freshness"
CHECKS = {
    READABLE: "The source could be read, all of it: no line was put aside.",
    SCHEMA_DRIFT: "No column is gone, or holds less than before. What was added is remarked.",
    KEYS_HOLD: "Every key tells the rows apart, and a primary key has no NULL.",
    REFERENCES_HOLD: "Foreign keys name rows that are there: at most one row in a hundred less than before.",
    ROW_COUNT_GUARD: "No table lost so many rows that somebody should look first.",
    FRESHNESS: "The source was read when it was to be.",
}
PARTITIONS = (
    "A partition is a day: what the source had when it was read during it. Materialize today to read it now. A past "
    "day is read up to its end where the source declares a cursor; else what was stored on it is what it has."
)
KINDS = {"upload": "file", "local": "file", "inventory": "table", "api": "api", "azure": "azure", "atlas": "table"}
"""Types of sources for which Dagster has an icon under another name."""
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
GROUP = "tables"


def source_key(name: str) -> dg.AssetKey:
    """Return the asset of a source of tables."""
    return dg.AssetKey([TABLES_PREFIX, name])


def table_key(source: str, table: str) -> dg.AssetKey:
    """Return the asset of one table. What Dagster could not show as it is gets another name, the same each time."""
    if PLAIN.fullmatch(table):
        return dg.AssetKey([TABLES_PREFIX, source, table])
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", table).strip("_")[:50]
    return dg.AssetKey([TABLES_PREFIX, source, f"{plain}_{hashlib.sha256(table.encode()).hexdigest()[:8]}"])


def place_key(source: DataSource) -> dg.AssetKey:
    """Return what a source is read from: the inventory of an endpoint, or an external asset."""
    if source.endpoint is not None:
        return asset_key(source.endpoint)
    return dg.AssetKey([source.type, f"{source.name}_source"])


def place_spec(source: DataSource) -> dg.AssetSpec:
    """Return the external asset that stands for the place that a source reads."""
    return dg.AssetSpec(
        place_key(source),
        description=f"The place itself ({source.type}), as its users see it. filesync reads it.",
        group_name=GROUP,
        kinds={KINDS.get(source.type, source.type)},
    )


def source_spec(source: DataSource, days: dg.PartitionsDefinition[str], zone: str) -> dg.AssetSpec:
    """Return the asset of a source: all that it has, of one moment."""
    windows = source_freshness(source)
    return dg.AssetSpec(
        source_key(source.name),
        deps=[place_key(source)],
        description=_description(source, zone),
        group_name=GROUP,
        kinds={KINDS.get(source.type, source.type), "filesync"},
        tags={"filesync/type": source.type, "filesync/schedule": source.begins.value},
        metadata={"title": source.label, "type": source.type},
        freshness_policy=windows and dg.FreshnessPolicy.time_window(warn_window=windows[0], fail_window=windows[1]),
        automation_condition=after_changes() if source.begins is SourceSchedule.AFTER_ENDPOINT else None,
        partitions_def=days,
        skippable=True,
    )


def table_specs(source: DataSource, tables: Sequence[str], days: dg.PartitionsDefinition[str]) -> list[dg.AssetSpec]:
    """Return the assets of the tables that a source was last discovered to have."""
    return [
        dg.AssetSpec(
            table_key(source.name, table),
            deps=[source_key(source.name)],
            description=f"The table `{table}` of the source {source.label}.\n\n{PARTITIONS}",
            group_name=GROUP,
            kinds={"table", "parquet"},
            tags={"filesync/source": source.name},
            metadata={"dagster/table_name": f"{source.name}.{table}"},
            partitions_def=days,
            skippable=True,
        )
        for table in tables
    ]


def after_changes() -> dg.AutomationCondition[Any]:
    """Return what asks for an asset when one that it depends on has changed, today, and no run is at it already."""
    changed = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.data_version_changed())
    # What changed while the last request was on its way is wanted all the same.
    wanted = changed | changed.since(dg.AutomationCondition.newly_requested())
    idle = ~dg.AutomationCondition.in_progress() & ~dg.AutomationCondition.any_deps_in_progress()
    return (dg.AutomationCondition.in_latest_time_window() & wanted & idle).with_label("after_changes")


def source_check_specs(source: DataSource) -> list[dg.AssetCheckSpec]:
    """Return what every read of a source checks."""
    key = source_key(source.name)
    return [dg.AssetCheckSpec(name, asset=key, description=text) for name, text in CHECKS.items()]


def _description(source: DataSource, zone: str) -> str:
    cadence = source_cadence(source, zone)
    when = {
        SourceSchedule.AFTER_ENDPOINT: f"after each sync of `{source.endpoint}` that changed something",
        SourceSchedule.MANUAL: "when somebody asks for it",
    }.get(source.begins, cadence.spoken if cadence else "")
    parts = [source.description, f"The tables of {source.label} ({source.type}), read {when}.", PARTITIONS]
    return "\n\n".join(part for part in parts if part)
