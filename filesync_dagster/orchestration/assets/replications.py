"""All replications in one multi-asset, as the endpoints are: each a replica with its own node and history.

A replica is what it is now. Materializing today is a run of the replication; a past day fails with a sentence, for a
replica has no past. In a run that syncs sources as well it begins when these are done, well or not: what is replicated
is what is known, so nothing is lost when a store did not answer.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.orchestration.assets.endpoints import (
    INVENTORY,
    SHOWN_FAILURES,
    is_automatic,
    wait_for_last_attempt,
)
from filesync_dagster.orchestration.assets.replication_results import (
    replica_checks,
    replica_event,
    replica_materialization,
    replication_failure,
)
from filesync_dagster.orchestration.assets.replication_specs import replica_check_specs, replica_key, replica_spec
from filesync_dagster.orchestration.instance.heartbeat import open_heartbeat
from filesync_dagster.orchestration.instance.materialization_log import Event, Result, log_results, unreported_results
from filesync_dagster.orchestration.instance.step_order import wait_for_step
from filesync_dagster.orchestration.partitions import daily, day_of
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.sensors.alerts import alert_after_run
from filesync_dagster.orchestration.tags import FULL_TAG, LIVE_TAG, PLAN_TAG

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.replication.model import ReplicationResult

POOL = "filesync_replication"
"""The pool of Dagster whose limit is how many runs may replicate at once."""


def replication_assets(config: Config) -> dg.AssetsDefinition:
    """Return the assets of the active replications, all of them made by one op that can do any of them."""
    replications, days = config.active_replications, daily(config.settings.partitions)
    outputs = {f"REPLICA_{one.name}": replica_key(one.name) for one in replications}
    checks = {f"CHECK_{one.name}_{check.name}": check for one in replications for check in replica_check_specs(one)}

    @dg.op(
        name="replicas",
        out={name: dg.Out(dg.Nothing, is_required=False) for name in (*outputs, *checks)},
        tags={"dagster/priority": "-1"},  # after the syncs of the same run, and after its reports, which take moments
        pool=POOL,
    )
    def replicas(context: dg.AssetExecutionContext, filesync: FilesyncResource) -> Iterator[Event]:
        with filesync.open() as opened:
            yield from log_results(context, replicate_selected(context, opened))

    # The endpoints are lineage only: as an input, one that failed would keep all replicas from being made.
    return dg.AssetsDefinition(
        node_def=replicas,
        keys_by_output_name=outputs,
        specs=[replica_spec(config, one, days) for one in replications],
        check_specs_by_output_name=checks,
        can_subset=True,
    )


def replicate_selected(context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[Result]:
    """Run the selected replications, yield each as it is there, and fail in the end when one of them did."""
    keys = context.selected_asset_keys | {check.asset_key for check in context.selected_asset_check_keys}
    names = [one.name for one in filesync.config.active_replications if replica_key(one.name) in keys]
    with open_heartbeat(context) as heartbeat:
        stop = heartbeat.stop_requested if heartbeat else threading.Event()
        wait_for_step(context, INVENTORY, stop)
        if _is_today(context, filesync, names):
            if context.run.parent_run_id:
                wait_for_last_attempt(filesync, filesync.replications.status, names)
            yield from _replicate(context, filesync, names, stop)


def _is_today(context: dg.AssetExecutionContext, filesync: "Filesync", names: Sequence[str]) -> bool:
    """Tell whether a run is about now. Raises a Failure for a past day, unless nobody asked for these replicas."""
    day = day_of(context.partition_key)
    run = context.instance.get_run_by_id(context.run.run_id) or context.run  # its syncs may have given it the tag
    if day == filesync.config.settings.partitions.today() or LIVE_TAG in run.tags:
        context.instance.add_run_tags(run.run_id, {LIVE_TAG: "true"})
        return True
    sentence = f"A replica has no past: what is at a destination now is not what it was on {day}."
    if not (
        run.asset_selection or run.asset_check_selection
    ):  # everything there is, on a day that the other assets may well have
        context.log.warning("%s The replicas are left alone.", sentence)
        return False
    raise dg.Failure(
        f"{sentence} Materialize {', '.join(names)} for today.",
        metadata={"replications": list(names)},
        allow_retries=False,
    )


def _replicate(
    context: dg.AssetExecutionContext, filesync: "Filesync", names: Sequence[str], stop: threading.Event
) -> Iterator[Result]:
    failures: dict[str, str] = {}
    results: dict[str, ReplicationResult] = {}
    for result in _results(context, filesync, names, stop):
        name, why = result.replication, replication_failure(result)
        results[name] = result
        if result.status == "skipped" and is_automatic(context.run):
            context.log.warning("%s: %s", name, why)  # another run is at it
        elif why:
            failures[name] = why
            context.log.error("%s: %s", name, why)
        elif result.dry_run:
            context.log.info("%s: a dry run, nothing was done.", name)
        elif replica_key(name) in context.selected_asset_keys:
            yield _materialize(context, filesync, result)
    yield from _check(context, filesync, names, results)
    alert_after_run(context, filesync)
    if failures:
        raise _failure(failures, len(names))


def _materialize(context: dg.AssetExecutionContext, filesync: "Filesync", result: "ReplicationResult") -> Result:
    """Materialize what was done, under the day on which it was."""
    today = filesync.config.settings.partitions.today()
    if today == day_of(context.partition_key):
        return replica_materialization(filesync, result)
    return replica_event(filesync, result, today)


def _results(
    context: dg.AssetExecutionContext, filesync: "Filesync", names: Sequence[str], stop: threading.Event
) -> Iterator["ReplicationResult"]:
    """Yield what came of each replication, as it is there; `settings.concurrency` of them run at once."""
    from filesync_dagster.replication.model import PlanScope  # it loads the database's drivers

    approved = context.run.tags.get(PLAN_TAG)
    scope = PlanScope.INITIAL if context.run.tags.get(FULL_TAG) == "true" else None
    replications = filesync.replications

    def one(name: str) -> "ReplicationResult":
        if approved and not context.run.parent_run_id:  # a repeated run finds it begun, and goes on with it
            return replications.approve(name, plan_id=int(approved), stop=stop)
        return replications.replicate(name, scope=scope, run_id=context.run.run_id, stop=stop)

    with closing(replications.replicate_many(names, one)) as results:
        try:
            for result in results:
                if stop.is_set():
                    raise KeyboardInterrupt  # as a sync does whose run was ended
                yield result
        finally:
            stop.set()  # those that still run end, should nobody want to know any more


def _check(
    context: dg.AssetExecutionContext,
    filesync: "Filesync",
    names: Sequence[str],
    results: dict[str, "ReplicationResult"],
) -> Iterator[dg.AssetCheckResult]:
    """Yield the selected checks; of a run that selects none, those that say something else than before."""
    wanted = {(key.asset_key, key.name) for key in context.selected_asset_check_keys}
    found = (
        check
        for status in filesync.replications.status()
        if status.name in names
        for check in replica_checks(filesync, status, results.get(status.name))
    )
    if wanted:
        yield from (check for check in found if (check.asset_key, check.check_name) in wanted)
    else:
        yield from unreported_results(context.instance, found)


def _failure(failures: dict[str, str], of: int) -> dg.Failure:
    """Return what ends the run: each replication that was not done, and why."""
    sentences = [f"{name}: {why}" for name, why in sorted(failures.items())]
    more = f" And {len(sentences) - SHOWN_FAILURES} more." if len(sentences) > SHOWN_FAILURES else ""
    return dg.Failure(
        f"{len(failures)} of {of} replications did not succeed. {' '.join(sentences[:SHOWN_FAILURES])}{more}",
        metadata={"replications": sorted(failures)},
        allow_retries=False,
    )
