"""The job that takes messages of a queue and syncs what they name.

It belongs to no asset: only the messages tell which endpoints it concerns. Each that changed is materialized.
"""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.errors import SourceError
from filesync_dagster.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.orchestration.alerting import alert_after_run
from filesync_dagster.orchestration.heartbeats import beating
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.results import check_results, drift_result, materialization, misfortune

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.events.receiving import Batch

RECEIVE, MESSAGES = "receive", "messages"
"""The job and its only op. Dagster refuses a repository where an op and a graph have one name."""

QUEUE_TAG = "filesync/queue"
"""On a run: the queue whose messages it takes."""


@dg.op(
    name=MESSAGES,
    config_schema={"queue": dg.Field(str, description="Name of the queue in endpoints.yaml.")},
    out=dg.Out(dg.Nothing),
)
def receive(context: dg.OpExecutionContext, filesync: FilesyncResource) -> None:
    """Take what waits in the queue, until nothing does or the limits of the queue are reached."""
    queue = context.op_config["queue"]
    unlucky: dict[str, str] = {}
    with filesync.open() as opened, beating(context) as watch:
        try:
            linger = opened.config.queue(queue).linger_seconds
            for batch in opened.receive(queue, linger=linger, run_id=context.run_id, on_progress=watch):
                context.log.info(said(batch))
                for result in batch.results:
                    _show(context, opened, result, unlucky)
        except SourceError as error:
            raise dg.Failure(f"The queue {queue} does not answer. {error}", allow_retries=False) from error
        finally:
            alert_after_run(context, opened)
    if unlucky:
        sentences = " ".join(f"{name}: {why}" for name, why in sorted(unlucky.items()))
        raise dg.Failure(
            f"{len(unlucky)} endpoint{'s' if len(unlucky) > 1 else ''} did not commit. {sentences}",
            metadata={"endpoints": sorted(unlucky)},
            allow_retries=False,
        )


@dg.job(
    name=RECEIVE,
    description="Takes the messages of a queue, syncs what they name and acknowledges them. A sensor starts it.",
    executor_def=dg.in_process_executor,
)
def receive_job() -> None:
    """Receive."""
    receive()


def said(batch: "Batch") -> str:
    """Return a batch in a line.

    >>> from filesync_dagster.events.receiving import Batch
    >>> said(Batch("events", 7, keys=3, unrouted=2, dead=1))
    '7 messages: 3 keys to look at, 2 that concern no endpoint, 1 dead message'
    """
    numbers = [
        (batch.unrouted, "that concern no endpoint"),
        (batch.requests, "requests"),
        (batch.dead, "dead message" if batch.dead == 1 else "dead messages"),
        (batch.left, "to come again"),
    ]
    more = "".join(f", {count:,} {what}" for count, what in numbers if count)
    return f"{batch.messages:,} messages: {batch.keys:,} keys to look at{more}"


def _show(context: dg.OpExecutionContext, filesync: "Filesync", result: SyncResult, unlucky: dict[str, str]) -> None:
    why = misfortune(result)
    if result.status is SyncStatus.SKIPPED:
        context.log.warning("%s: %s", result.endpoint, why)
    elif why:
        unlucky[result.endpoint] = why
        context.log.error("%s: %s", result.endpoint, why)
    elif result.changes_uri:  # an event that told nothing new leaves no trace in Dagster's history
        context.log_event(_event(filesync, result, datetime.now(filesync.config.settings.partitions.zone).date()))
    if result.status is SyncStatus.HELD or (not why and result.mode is SyncMode.FULL):
        _show_checks(context, filesync, result.endpoint)


def _show_checks(context: dg.OpExecutionContext, filesync: "Filesync", name: str) -> None:
    """Show that a sync is held, and that none is any more: after one that was, a listing follows."""
    [status] = [status for status in filesync.status() if status.name == name]
    for check in (*check_results(status), drift_result(status)):
        assert check.asset_key is not None
        assert check.check_name is not None
        context.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(
                asset_key=check.asset_key,
                check_name=check.check_name,
                passed=check.passed,
                metadata=dict(check.metadata or {}),
                severity=check.severity,
                description=check.description,
            )
        )


def _event(filesync: "Filesync", result: SyncResult, day: date) -> dg.AssetMaterialization:
    made: dg.MaterializeResult[Any] = materialization(filesync, result, day)
    assert made.asset_key is not None
    version = made.data_version.value if made.data_version else None
    return dg.AssetMaterialization(
        made.asset_key,
        metadata=dict(made.metadata or {}),
        partition=f"{day:%Y-%m-%d}",
        tags={"dagster/data_version": version} if version else None,
    )
