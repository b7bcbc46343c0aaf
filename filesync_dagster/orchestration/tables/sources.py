"""All sources of tables in one multi-asset, as the endpoints are: each source and each of its tables a node of its own.

Partition D is what was read during day D. Today's is read now; a past day up to its end where the source declares a
cursor, else it is what was stored on that day, else the run fails with a sentence that says so. The tables are those
that the source was last discovered to have; one that is new is materialized all the same, and has its node after the
next reload. A run is given names: what a source needs to get in never is in a run.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.orchestration.assets.endpoints import INVENTORY, SHOWN_FAILURES
from filesync_dagster.orchestration.instance.heartbeat import open_heartbeat
from filesync_dagster.orchestration.instance.materialization_log import (
    Event,
    Result,
    as_event,
    log_results,
    unreported_results,
)
from filesync_dagster.orchestration.instance.step_order import wait_for_step
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.sensors.alerts import alert_after_run
from filesync_dagster.orchestration.tables.results import (
    read_failure,
    source_checks,
    source_materialization,
    table_materialization,
)
from filesync_dagster.orchestration.tables.specs import (
    source_check_specs,
    source_key,
    source_spec,
    table_key,
    table_specs,
)
from filesync_dagster.orchestration.tags import LIVE_TAG

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.tables.daily.model import SourceResult

TABLES = "tables"
"""The op, and the step of a run, that reads sources."""


def source_assets(config: Config) -> dg.AssetsDefinition:
    """Return the assets of the active sources and their tables, all of them made by one op that can do any of them."""
    from filesync_dagster.tables.daily.discovery import discovered_tables

    days, zone = daily(config.settings.partitions), config.settings.partitions.timezone
    outputs: dict[str, dg.AssetKey] = {}
    specs: list[dg.AssetSpec] = []
    for source in config.active_sources:
        found = table_specs(source, discovered_tables(config.environment.home, source.name), days)
        named = {f"SOURCE_{source.name}": source_spec(source, days, zone)}
        named |= {f"TABLE_{source.name}_{number}": spec for number, spec in enumerate(found)}
        specs += named.values()
        outputs |= {name: spec.key for name, spec in named.items()}
    checks = {
        f"CHECK_{one.name}_{check.name}": check for one in config.active_sources for check in source_check_specs(one)
    }

    @dg.op(
        name=TABLES,
        out={name: dg.Out(dg.Nothing, is_required=False) for name in (*outputs, *checks)},
        tags={"dagster/priority": "-1"},  # after the syncs of the same run
    )
    def tables(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> Iterator[Event]:
        with filesync.open() as opened:
            yield from log_results(context, read_selected(context, opened))

    # What they depend on is lineage only: as an input, an endpoint that failed would keep all sources from being read.
    return dg.AssetsDefinition(
        node_def=tables,
        keys_by_output_name=outputs,
        specs=specs,
        check_specs_by_output_name=checks,
        can_subset=True,
    )


def read_selected(context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[Result]:
    """Read the selected sources, yield each as it is there, and fail in the end when one of them did."""
    wanted = _wanted(context, filesync)
    with open_heartbeat(context) as heartbeat:
        stop = heartbeat.stop_requested if heartbeat else threading.Event()
        if any(filesync.config.source(name).endpoint for name in wanted):
            wait_for_step(context, INVENTORY, stop)
        yield from _read(context, filesync, wanted, stop)


def _wanted(context: dg.AssetExecutionContext, filesync: "Filesync") -> dict[str, Sequence[str] | None]:
    """Return the sources that are selected, and which of their tables: None where the source itself is, for all."""
    from filesync_dagster.tables.daily.discovery import discovered_tables

    selected = set(context.selected_asset_keys)
    checked = {check.asset_key for check in context.selected_asset_check_keys}
    wanted: dict[str, Sequence[str] | None] = {}
    for source in filesync.config.active_sources:
        known = discovered_tables(filesync.config.environment.home, source.name)
        tables = [table for table in known if table_key(source.name, table) in selected]
        if source_key(source.name) in selected | checked:
            wanted[source.name] = None
        elif tables:
            wanted[source.name] = tables
    return wanted


def _read(
    context: dg.AssetExecutionContext,
    filesync: "Filesync",
    wanted: Mapping[str, Sequence[str] | None],
    stop: threading.Event,
) -> Iterator[Result]:
    day, today = day_of(context.partition_key), filesync.config.settings.partitions.today()
    live = day == today or LIVE_TAG in context.run.tags
    if live:
        context.instance.add_run_tags(context.run.run_id, {LIVE_TAG: "true"})
    shown = today if live else day
    failures: dict[str, str] = {}
    reads = filesync.tables.read_many(
        wanted, day=None if live else day, run_id=context.run.run_id, cancelled=stop.is_set
    )
    with closing(reads) as results:
        for result in results:
            if stop.is_set():
                raise KeyboardInterrupt  # as a sync does whose run was ended
            why = read_failure(result)
            if why is None:
                yield from _materialize(context, filesync, result, shown)
            elif result.error_code == "no_past" and not (
                context.run.asset_selection or context.run.asset_check_selection
            ):
                context.log.warning("%s", why)  # everything there is, on a day that other assets may well have
            else:
                failures[result.source] = why
                context.log.error("%s: %s", result.source, why)
    yield from _check(context, filesync, wanted)
    alert_after_run(context, filesync)
    if failures:
        raise _failure(failures, len(wanted))


def _materialize(
    context: dg.AssetExecutionContext, filesync: "Filesync", result: "SourceResult", day: date
) -> Iterator[Result]:
    """Materialize what is current by now, under its day, which need not be that of the run."""
    found = [table_materialization(filesync, result, table) for table in result.tables]
    if result.is_whole:
        found = [source_materialization(result), *found]
    is_of_the_run = day == day_of(context.partition_key)
    for one in found:
        if is_of_the_run and one.asset_key in context.selected_asset_keys:
            yield one
        else:
            yield as_event(one, f"{day:%Y-%m-%d}")


def _check(
    context: dg.AssetExecutionContext, filesync: "Filesync", wanted: Mapping[str, Sequence[str] | None]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the selected checks; of a run that selects none, those that say something else than before."""
    selected = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
    found = (check for status in filesync.tables.status() if status.name in wanted for check in source_checks(status))
    if selected:
        yield from (check for check in found if (check.asset_key, check.check_name) in selected)
    else:
        yield from unreported_results(context.instance, found)


def _failure(failures: Mapping[str, str], of: int) -> dg.Failure:
    """Return what ends the run: each source that has no new tables, and why."""
    sentences = [f"{name}: {why}" for name, why in sorted(failures.items())]
    more = f" And {len(sentences) - SHOWN_FAILURES} more." if len(sentences) > SHOWN_FAILURES else ""
    return dg.Failure(
        f"{len(failures)} of {of} sources were not read. {' '.join(sentences[:SHOWN_FAILURES])}{more}",
        metadata={"sources": sorted(failures)},
        allow_retries=False,
    )
