"""All endpoints in one multi-asset: a thousand of them cost one process, each keeps its own node and history.

Partition D is what was observed during day D. Today's is a live sync; a past day comes from the store's own history,
or is replayed from what was stored; a day of which nothing is known fails with a sentence that says so. What was meant
to be live, and begins after midnight, is: under the day on which it begins.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.config import Config, Endpoint
from filesync_dagster.core.model import SyncResult, SyncStatus
from filesync_dagster.orchestration.assets.results import (
    check_results,
    drift_result,
    failure_reason,
    load_held,
    materialization,
    materialization_event,
)
from filesync_dagster.orchestration.assets.specs import asset_key, check_specs, endpoint_spec
from filesync_dagster.orchestration.cadences import REQUESTS
from filesync_dagster.orchestration.instance.heartbeat import STOP_GRACE_SECONDS, run_heartbeat
from filesync_dagster.orchestration.instance.materialization_log import Event, Result, log_results, unreported_results
from filesync_dagster.orchestration.io_managers import INVENTORY_IO_MANAGER
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.sensors.alerts import alert_after_run
from filesync_dagster.orchestration.tags import CADENCE_TAG, FULL_TAG, LIVE_TAG

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync, Watch
    from filesync_dagster.replication.status import ReplicationStatus
    from filesync_dagster.sync.status import EndpointStatus

INVENTORY = "inventory"
"""The op, and the step of a run, that syncs endpoints."""

SHOWN_FAILURES = 20
"""Endpoints that a failed run explains in its message; the others are in its metadata and log."""


@dataclass(frozen=True)
class Overrides:
    """What a project does in its own way: how an endpoint looks as an asset, and what a run of some of them does."""

    spec: Callable[[Endpoint, dg.AssetSpec], dg.AssetSpec]
    execute: Callable[[dg.AssetExecutionContext, "Filesync"], Iterator[Result]]


def endpoint_assets(config: Config, overrides: Overrides | None = None) -> dg.AssetsDefinition:
    """Return the assets of the active endpoints, all of them made by one op that can do any of them.

    This is what `@multi_asset(can_subset=True)` makes, put together by hand: the decorator would turn every store
    upstream into an input of the op, which a thousand endpoints take seconds to load for nothing.
    """
    endpoints, days = config.active, daily(config.settings.partitions)
    execute = overrides.execute if overrides else sync_selected
    specs = [endpoint_spec(endpoint, config.settings, days) for endpoint in endpoints]
    if overrides:
        specs = [_override(overrides, endpoint, spec) for endpoint, spec in zip(endpoints, specs, strict=True)]
    # Capitals, which no endpoint has: one may be called like the check of another, or as Dagster lets no output be.
    outputs = {f"ENDPOINT_{endpoint.name}": asset_key(endpoint.name) for endpoint in endpoints}
    checks = {f"CHECK_{e.name}_{check.name}": check for e in endpoints for check in check_specs(e)}

    @dg.op(
        name=INVENTORY,
        out={
            **{name: dg.Out(dg.Nothing, is_required=False, io_manager_key=INVENTORY_IO_MANAGER) for name in outputs},
            **{name: dg.Out(dg.Nothing, is_required=False) for name in checks},
        },
        tags={"dagster/priority": "1"},  # reports in the same run come after
    )
    def inventory(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> Iterator[Event]:
        with filesync.open() as opened:
            yield from log_results(context, execute(context, opened))

    # No backfill policy is one day a run: the days of a backfill fail and succeed one by one.
    return dg.AssetsDefinition(
        node_def=inventory,
        keys_by_output_name=outputs,
        specs=specs,
        check_specs_by_output_name=checks,
        can_subset=True,
    )


def _override(overrides: Overrides, endpoint: Endpoint, spec: dg.AssetSpec) -> dg.AssetSpec:
    """Return the asset as a project wants it. Schedules, checks and reports find it by its key, and by its days."""
    changed = overrides.spec(endpoint, spec)
    for name in ("key", "partitions_def", "skippable"):
        if getattr(changed, name) != getattr(spec, name):
            raise dg.DagsterInvalidDefinitionError(
                f"get_asset_spec changed the {name} of the endpoint {endpoint.name!r}. It may change anything else."
            )
    return changed


def sync_selected(context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[Result]:
    """Sync the selected endpoints, yield each as it is there, and fail in the end when one of them did.

    One that is left alone because its store failed too often is skipped, unless a person started the run.
    """
    with run_heartbeat(context) as watch:
        yield from _sync_selected(context, filesync, watch)


def _sync_selected(
    context: dg.AssetExecutionContext, filesync: "Filesync", on_progress: "Watch | None"
) -> Iterator[Result]:
    from filesync_dagster.sync.pool import note_inactive  # it loads the database's drivers

    checks = context.selected_asset_check_keys
    # Somebody may run a check alone: the endpoint is synced for it all the same.
    keys = context.selected_asset_keys | {check.asset_key for check in checks}
    names = [endpoint.name for endpoint in filesync.config.active if asset_key(endpoint.name) in keys]
    day, today = day_of(context.partition_key), filesync.config.settings.partitions.today()
    live = day == today or LIVE_TAG in context.run.tags
    if context.run.parent_run_id:
        wait_for_last_attempt(filesync, filesync.status, names)
    if live:
        # A retry of it after midnight is no wish to rebuild the day before.
        context.instance.add_run_tags(context.run.run_id, {LIVE_TAG: "true"})
        note_inactive(filesync.runtime)
        results = _live(context, filesync, names, on_progress)
    else:
        results = filesync.sync_day_many(names, day, run_id=context.run.run_id, on_progress=on_progress)
    failures: dict[str, str] = {}
    for result in results:
        why = failure_reason(result)
        if result.status is SyncStatus.SKIPPED or (result.busy and is_automatic(context.run)):
            # Nothing new is known, and nothing new went wrong: that is told by the runs that failed, or sync it now.
            context.log.warning("%s: %s", result.endpoint, why)
        elif why:
            failures[result.endpoint] = why
            context.log.error("%s: %s", result.endpoint, why)
        elif asset_key(result.endpoint) in context.selected_asset_keys:
            yield _materialize(context, filesync, result, today if live else day)
    yield from _check(filesync, checks) if checks else _check_all(context, filesync, names)
    alert_after_run(context, filesync)
    if failures:
        raise _failure(failures, len(names))


def _materialize(context: dg.AssetExecutionContext, filesync: "Filesync", result: SyncResult, day: date) -> Result:
    """Materialize what was committed. Today's state is never written under another day, should midnight have passed."""
    is_of_the_run = day == day_of(context.partition_key)
    return (materialization if is_of_the_run else materialization_event)(filesync, result, day)


def is_automatic(run: dg.DagsterRun) -> bool:
    """Tell whether nobody waits for what a run does: a schedule or sensor began it, or it repeats another one."""
    return CADENCE_TAG in run.tags or run.parent_run_id is not None


def _live(
    context: dg.AssetExecutionContext, filesync: "Filesync", names: Sequence[str], on_progress: "Watch | None"
) -> Iterator[SyncResult]:
    from filesync_dagster.sync.requests import ClaimedRequests  # it loads the database's drivers

    tags, run_id = context.run.tags, context.run.run_id
    full = set(names) if tags.get(FULL_TAG) == "true" else set()
    if full and context.run.parent_run_id:
        full -= (
            filesync.runtime.metadata.checkpoints.unfinished_listings().keys()
        )  # goes on where the run before stopped, instead of beginning anew
    taken = ClaimedRequests(filesync.runtime, names)  # whatever was asked for until now, this run does
    full |= taken.full
    cadence = tags.get(CADENCE_TAG)
    spread = cadence not in (None, REQUESTS)
    options: Any = {"ignore_breaker": cadence is None, "spread": spread, "run_id": run_id, "on_progress": on_progress}
    for some, anew in (([n for n in names if n not in full], False), ([n for n in names if n in full], True)):
        if some:
            for result in filesync.sync_many(some, full=anew, **options):
                taken.note(result)
                yield result


def wait_for_last_attempt(
    filesync: "Filesync",
    look: "Callable[[], Iterable[EndpointStatus | ReplicationStatus]]",
    names: Sequence[str],
) -> None:
    """Wait until nothing of a run that is run again is held by what is left of the run before.

    A process that was told to stop may take a while; a machine that went away holds its leases until they expire.
    """
    settings, retried = filesync.config.settings, set(names)
    deadline = time.monotonic() + settings.lease_seconds + STOP_GRACE_SECONDS
    while time.monotonic() < deadline:
        if not any(status.running_since for status in look() if status.name in retried):
            return
        time.sleep(1)


def _check(filesync: "Filesync", selected: AbstractSet[dg.AssetCheckKey]) -> Iterator[dg.AssetCheckResult]:
    """Yield the checks as they stand after the syncs.

    They tell how an endpoint is now, whatever day was asked for: the backfill of a day of which nothing is known does
    not turn a healthy endpoint red, and a failed listing does not hide that a sync is held.
    """
    wanted = {(key.asset_key, key.name) for key in selected}
    for status in filesync.status():
        if status.state != "broken":
            results = (*check_results(status, load_held(filesync, status)), drift_result(status))
            yield from (check for check in results if (check.asset_key, check.check_name) in wanted)


def _check_all(
    context: dg.AssetExecutionContext, filesync: "Filesync", names: Sequence[str]
) -> Iterator[dg.AssetCheckResult]:
    """Yield the checks that say something else than before."""
    endpoints = filesync.config.by_name
    defined = {check.key for name in names for check in check_specs(endpoints[name])}
    yield from unreported_results(context.instance, _check(filesync, defined))


def _failure(failures: dict[str, str], of: int) -> dg.Failure:
    """Return what ends the run: each endpoint that did not commit, and why."""
    sentences = [f"{name}: {why}" for name, why in sorted(failures.items())]
    more = f" And {len(sentences) - SHOWN_FAILURES} more." if len(sentences) > SHOWN_FAILURES else ""
    return dg.Failure(
        f"{len(failures)} of {of} endpoints did not commit. {' '.join(sentences[:SHOWN_FAILURES])}{more}",
        metadata={"endpoints": sorted(failures)},
        allow_retries=False,
    )
