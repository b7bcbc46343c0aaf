"""All generations of synthetic data in one multi-asset: each is made of the tables that its sources have on a day.

A partition is a day, as of its sources. An asset whose source has nothing for that day fails with a sentence.
"""

import threading
from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.config import Config, GenerationConfig, GenerationSchedule
from filesync_dagster.orchestration.instance.heartbeat import open_heartbeat
from filesync_dagster.orchestration.instance.materialization_log import Event, Result, as_event, log_results
from filesync_dagster.orchestration.instance.step_order import wait_for_step
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.sensors.alerts import alert_after_run
from filesync_dagster.orchestration.tables.sources import TABLES
from filesync_dagster.orchestration.tables.specs import after_changes, source_key
from filesync_dagster.orchestration.tags import LIVE_TAG, SYNTHETIC_PREFIX

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.tables.sessions.daily import DayResult

KEYS_VALID, RULES_HOLD = "foreign_keys_valid", "rules_hold"
QUALITY, EXACT_ROWS, BEATS_NAIVE = "quality_at_least", "exact_rows_at_most", "beats_naive"
CHECKS = {
    KEYS_VALID: "Every key is unique and every foreign key names a row, in what was written.",
    RULES_HOLD: "Every row satisfies every rule.",
    QUALITY: "The headline of the report: the worst of all measures.",
    EXACT_ROWS: "No more rows are equal to a real one than chance gives.",
    BEATS_NAIVE: "The headline is better than that of columns which are drawn each on its own.",
}
PARTITIONS = "A partition is a day: made of the tables that the sources have on it. Synthetic, not anonymous."


def generation_key(name: str) -> dg.AssetKey:
    """Return the asset of a generation."""
    return dg.AssetKey([SYNTHETIC_PREFIX, name])


def generation_assets(config: Config) -> dg.AssetsDefinition:
    """Return the assets of the active generations, all of them made by one op that can do any of them."""
    generations, days = config.active_generations, daily(config.settings.partitions)
    outputs = {f"SYNTHETIC_{one.name}": generation_key(one.name) for one in generations}
    checks = {
        f"CHECK_{one.name}_{name}": dg.AssetCheckSpec(name, asset=generation_key(one.name), description=text)
        for one in generations
        for name, text in CHECKS.items()
    }

    @dg.op(
        name="synthetic",
        out={name: dg.Out(dg.Nothing, is_required=False) for name in (*outputs, *checks)},
        tags={"dagster/priority": "-2"},  # after the sources of the same run
    )
    def synthetic(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> Iterator[Event]:
        with filesync.open() as opened:
            yield from log_results(context, generate_selected(context, opened))

    return dg.AssetsDefinition(
        node_def=synthetic,
        keys_by_output_name=outputs,
        specs=[_spec(one, days) for one in generations],
        check_specs_by_output_name=checks,
        can_subset=True,
    )


def _spec(generation: GenerationConfig, days: dg.PartitionsDefinition[str]) -> dg.AssetSpec:
    parts = [generation.description, f"Synthetic data like the tables of {', '.join(generation.sources)}.", PARTITIONS]
    return dg.AssetSpec(
        generation_key(generation.name),
        deps=[source_key(name) for name in generation.sources],
        description="\n\n".join(part for part in parts if part),
        group_name=SYNTHETIC_PREFIX,
        kinds={"table", "filesync"},
        tags={"filesync/schedule": generation.schedule.value},
        metadata={"title": generation.label, "format": generation.export.format},
        automation_condition=after_changes() if generation.schedule is GenerationSchedule.AFTER_SOURCES else None,
        partitions_def=days,
        skippable=True,
    )


def generate_selected(context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[Result]:
    """Make the selected generations one after the other, and fail in the end when one of them did."""
    from filesync_dagster.tables.sessions.daily import generate_day

    keys = context.selected_asset_keys | {check.asset_key for check in context.selected_asset_check_keys}
    chosen = [one for one in filesync.config.active_generations if generation_key(one.name) in keys]
    failures: dict[str, str] = {}
    with open_heartbeat(context) as heartbeat:
        stop = heartbeat.stop_requested if heartbeat else threading.Event()
        wait_for_step(context, TABLES, stop)
        day = _day(context, filesync)
        for generation in chosen:
            result = generate_day(filesync.runtime, generation, day, run_id=context.run.run_id, cancelled=stop.is_set)
            if stop.is_set():
                raise KeyboardInterrupt  # as a sync does whose run was ended
            if result.error is None:
                yield _materialize(context, result, day)
                yield from generation_checks(generation, result.measures)
            elif result.error_code == "no_past" and not context.run.asset_selection:
                context.log.warning("%s: %s", generation.name, result.error)
            else:
                failures[generation.name] = result.error
                context.log.error("%s: %s", generation.name, result.error)
    alert_after_run(context, filesync)
    if failures:
        sentences = " ".join(f"{name}: {why}" for name, why in sorted(failures.items()))
        raise dg.Failure(
            f"{len(failures)} of {len(chosen)} generations failed. {sentences}",
            metadata={"generations": sorted(failures)},
            allow_retries=False,
        )


def _day(context: dg.AssetExecutionContext, filesync: "Filesync") -> date:
    """Return the day whose tables are taken: that of the run, or today for one that was to be about now."""
    run = context.instance.get_run_by_id(context.run.run_id) or context.run  # its reads may have given it the tag
    return filesync.config.settings.partitions.today() if LIVE_TAG in run.tags else day_of(context.partition_key)


def _materialize(context: dg.AssetExecutionContext, result: "DayResult", day: date) -> Result:
    made = generation_materialization(result)
    return made if day == day_of(context.partition_key) else as_event(made, f"{day:%Y-%m-%d}")


def generation_materialization(result: "DayResult") -> dg.MaterializeResult[Any]:
    """Return how a generation is told to Dagster."""
    rows = [dg.TableRecord({"table": name, "rows": count}) for name, count in result.rows.items()]
    shown = dg.TableSchema(columns=[dg.TableColumn("table", "string"), dg.TableColumn("rows", "int")])
    measures = result.measures
    return dg.MaterializeResult(
        asset_key=generation_key(result.name),
        metadata={
            "dagster/row_count": sum(result.rows.values()),
            "rows_total": sum(result.rows.values()),
            "tables_total": len(result.rows),
            "quality": float(measures["quality"] or 0.0),
            "quality_naive": float(measures["naive"] or 0.0),
            "quality_ceiling": float(measures["ceiling"] or 0.0),
            "exact_rows_most": max(measures["exact_rows"].values(), default=0.0),
            "seed": str(result.seed),
            "filesync/session": result.session_id,
            "tables": dg.MetadataValue.table(rows, shown),
            "measures": dg.MetadataValue.table(*_groups(measures)),
            "privacy": dg.MetadataValue.md("\n".join(f"- {text}" for text in measures["statements"])),
            "files": dg.MetadataValue.md("\n".join(f"- `{path}`" for path in result.files)),
        },
        data_version=dg.DataVersion(str(result.data_version)),
    )


def _groups(measures: Mapping[str, Any]) -> tuple[list[dg.TableRecord], dg.TableSchema]:
    names = ("title", "place", "score", "ceiling", "floor")
    rows = [dg.TableRecord({name: group.get(name) for name in names}) for group in measures["groups"]]
    kinds = ("string", "string", "float", "float", "float")
    return rows, dg.TableSchema(columns=[dg.TableColumn(*one) for one in zip(names, kinds, strict=True)])


def generation_checks(generation: GenerationConfig, measures: Mapping[str, Any]) -> Iterator[dg.AssetCheckResult]:
    """Yield what the checks say of synthetic data that were written."""
    broken_rules = [one for one in measures["rules"] if one["share"] < 1]
    quality, naive = measures["quality"], measures["naive"]
    copied = {name: share for name, share in measures["exact_rows"].items() if share > generation.exact_rows_at_most}
    warn, error = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR
    rules = " ".join(f"{one['rule']}: {one['share']:.2%} of the rows." for one in broken_rules[:20])
    least, most = generation.quality_at_least, generation.exact_rows_at_most
    low = quality is not None and quality < least
    worst = measures["quality_of"] or {}
    told_low = f"{quality:.3f}, below {least}: {worst.get('title')} of {worst.get('place')}." if low else None
    told_copied = " ".join(f"{name}: {share:.2%} of the rows, more than {most:.2%}." for name, share in copied.items())
    is_naive = quality is not None and naive is not None and quality <= naive
    told_naive = f"{quality:.3f}; columns drawn each on its own have {naive:.3f}." if is_naive else None
    found = (
        (KEYS_VALID, measures["keys_broken"] is None, error, measures["keys_broken"]),
        (RULES_HOLD, not broken_rules, error, rules),
        (QUALITY, not low, warn, told_low),
        (EXACT_ROWS, not copied, error, told_copied),
        (BEATS_NAIVE, not is_naive, warn, told_naive),
    )
    for name, passed, severity, sentence in found:
        yield dg.AssetCheckResult(
            asset_key=generation_key(generation.name),
            check_name=name,
            passed=passed,
            severity=severity,
            description=sentence or None,
        )
