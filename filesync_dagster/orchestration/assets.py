"""All endpoints in one multi-asset: a thousand of them cost one process, each keeps its own node and history.

Partition D is what was observed during day D. Today's is a live sync; a past day comes from the store's own history,
or is replayed from what was stored; a day of which nothing is known fails with a sentence that says so.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.config import Config, Endpoint
from filesync_dagster.model import SyncResult, SyncStatus
from filesync_dagster.orchestration.alerting import alert_after_run
from filesync_dagster.orchestration.cadences import CADENCE_TAG, REQUESTS
from filesync_dagster.orchestration.heartbeats import GRACE, beating
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.results import check_results, drift_result, materialization, misfortune
from filesync_dagster.orchestration.specs import asset_key, check_specs, endpoint_spec
from filesync_dagster.serving.dagster_client import FULL_TAG

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync, Watch

Event = dg.MaterializeResult[Any] | dg.AssetCheckResult

NAMED = 20
"""Endpoints that a failed run explains in its message; the others are in its metadata and log."""


@dataclass(frozen=True)
class Overrides:
    """What a project does in its own way: how an endpoint looks as an asset, and what a run of some of them does."""

    spec: Callable[[Endpoint, dg.AssetSpec], dg.AssetSpec]
    execute: Callable[[dg.AssetExecutionContext, "Filesync"], Iterator[Event]]


def endpoint_assets(config: Config, overrides: Overrides | None = None) -> dg.AssetsDefinition:
    """Return the assets of the active endpoints, all of them made by one op that can do any of them.

    This is what `@multi_asset(can_subset=True)` makes, put together by hand: the decorator would turn every store
    upstream into an input of the op, which a thousand endpoints take seconds to load for nothing.
    """
    endpoints, days = config.active, daily(config.settings.partitions)
    execute = overrides.execute if overrides else sync_selected
    specs = [endpoint_spec(endpoint, config.settings, days) for endpoint in endpoints]
    if overrides:
        specs = [_overridden(overrides, endpoint, spec) for endpoint, spec in zip(endpoints, specs, strict=True)]
    # Capitals, which no endpoint has: an endpoint may be called like the check of another.
    checks = {f"CHECK_{e.name}_{check.name}": check for e in endpoints for check in check_specs(e)}

    @dg.op(
        name="inventory",
        out={name: dg.Out(dg.Nothing, is_required=False) for name in (*(e.name for e in endpoints), *checks)},
        tags={"dagster/priority": "1"},  # reports in the same run come after
    )
    def inventory(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> Iterator[Event]:
        with filesync.open() as opened:
            yield from execute(context, opened)

    # No backfill policy is one day a run: the days of a backfill fail and succeed one by one.
    return dg.AssetsDefinition(
        node_def=inventory,
        keys_by_output_name={endpoint.name: asset_key(endpoint.name) for endpoint in endpoints},
        specs=specs,
        check_specs_by_output_name=checks,
        can_subset=True,
    )


def _overridden(overrides: Overrides, endpoint: Endpoint, spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return the asset as a project wants it. Schedules, checks and reports find it by its key, and by its days."""
    changed = overrides.spec(endpoint, spec)
    for name in ("key", "partitions_def", "skippable"):
        if getattr(changed, name) != getattr(spec, name):
            raise dg.DagsterInvalidDefinitionError(
                f"get_asset_spec changed the {name} of the endpoint {endpoint.name!r}. It may change anything else."
            )
    return changed


def sync_selected(context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[Event]:
    """Sync the selected endpoints, yield each as it is there, and fail in the end when one of them did.

    One that is left alone because its store failed too often is skipped, unless a person started the run.
    """
    with beating(context) as watch:
        yield from _sync_selected(context, filesync, watch)


def _sync_selected(
    context: dg.AssetExecutionContext, filesync: "Filesync", on_progress: "Watch | None"
) -> Iterator[Event]:
    checks = context.selected_asset_check_keys
    # Somebody may run a check alone: the endpoint is synced for it all the same.
    keys = context.selected_asset_keys | {check.asset_key for check in checks}
    names = [endpoint.name for endpoint in filesync.config.active if asset_key(endpoint.name) in keys]
    day, run_id = day_of(context.partition_key), context.run.run_id
    # Only today's partition is synced live: today's state is never written under another day.
    live = day == datetime.now(filesync.config.settings.partitions.zone).date()
    if context.run.parent_run_id:
        _let_the_last_attempt_go(filesync, names)
    if live:
        filesync.note_inactive()
        results = _live(context, filesync, names, on_progress)
    else:
        results = filesync.sync_day_many(names, day, run_id=run_id, on_progress=on_progress)
    unlucky: dict[str, str] = {}
    for result in results:
        key, why = asset_key(result.endpoint), misfortune(result)
        if result.status is SyncStatus.SKIPPED:
            # Nothing new is known, and nothing new went wrong: that was told by the runs that failed.
            context.log.warning("%s: %s", result.endpoint, why)
        elif why:
            unlucky[result.endpoint] = why
            context.log.error("%s: %s", result.endpoint, why)
        elif key in context.selected_asset_keys:
            yield materialization(filesync, result, day)
    yield from _checked(filesync, checks)
    alert_after_run(context, filesync)
    if unlucky:
        raise _failure(unlucky, len(names))


def _live(
    context: dg.AssetExecutionContext, filesync: "Filesync", names: Sequence[str], on_progress: "Watch | None"
) -> Iterator[SyncResult]:
    tags, run_id = context.run.tags, context.run.run_id
    full = set(names) if tags.get(FULL_TAG) == "true" else set()
    if full and context.run.parent_run_id:
        full -= filesync.unfinished().keys()  # goes on where the run before stopped, instead of beginning anew
    # Whatever was asked for until now, this run does.
    full |= {name for name, whole in filesync.workspace.metadata.take_requests(names).items() if whole}
    cadence = tags.get(CADENCE_TAG)
    spread = cadence not in (None, REQUESTS)
    options: Any = {"insist": cadence is None, "spread": spread, "run_id": run_id, "on_progress": on_progress}
    for some, anew in (([n for n in names if n not in full], False), ([n for n in names if n in full], True)):
        if some:
            yield from filesync.sync_many(some, full=anew, **options)


def _let_the_last_attempt_go(filesync: "Filesync", names: Sequence[str]) -> None:
    """Wait until no endpoint of a run that is run again is held by what is left of the run before.

    A process that was told to stop may take a while; a machine that went away holds its leases until they expire.
    """
    settings, asked = filesync.config.settings, set(names)
    deadline = time.monotonic() + settings.lease_seconds + GRACE
    while time.monotonic() < deadline:
        if not any(status.running_since for status in filesync.status() if status.name in asked):
            return
        time.sleep(1)


def _checked(filesync: "Filesync", asked: AbstractSet[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
    """Yield the checks as they stand after the syncs.

    They tell how an endpoint is now, whatever day was asked for: the backfill of a day of which nothing is known does
    not turn a healthy endpoint red, and a failed listing does not hide that a sync is held.
    """
    wanted = {(key.asset_key, key.name) for key in asked}
    for status in filesync.status():
        if status.state != "broken":
            results = (*check_results(status), drift_result(status))
            yield from (check for check in results if (check.asset_key, check.check_name) in wanted)


def _failure(unlucky: dict[str, str], of: int) -> dg.Failure:
    """Return what ends the run: each endpoint that did not commit, and why."""
    sentences = [f"{name}: {why}" for name, why in sorted(unlucky.items())]
    more = f" And {len(sentences) - NAMED} more." if len(sentences) > NAMED else ""
    return dg.Failure(
        f"{len(unlucky)} of {of} endpoints did not commit. {' '.join(sentences[:NAMED])}{more}",
        metadata={"endpoints": sorted(unlucky)},
        allow_retries=False,
    )
