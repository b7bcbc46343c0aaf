"""The job that takes messages of a queue and syncs what they name.

It belongs to no asset: only the messages tell which endpoints it concerns. Each that changed is materialized.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.core.errors import ConfigError, SourceError
from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.orchestration.assets.results import (
    check_results,
    drift_result,
    failure_reason,
    has_files,
    materialization_event,
)
from filesync_dagster.orchestration.instance.heartbeat import run_heartbeat
from filesync_dagster.orchestration.instance.materialization_log import evaluation, unreported_results
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.sensors.alerts import alert_after_run
from filesync_dagster.orchestration.tags import INSTALLATION_TAG, OUR_TAG, RECEIVE

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.sync.events.receive import Batch

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation

MESSAGES = "messages"
"""The only op of the job. Dagster refuses a repository where an op and a graph have one name."""


@dg.op(
    name=MESSAGES,
    config_schema={"queue": dg.Field(str, description="Name of the queue in endpoints.yaml.")},
    out=dg.Out(dg.Nothing),
)
def receive(context: dg.OpExecutionContext, filesync: FilesyncResource) -> Iterator[Event]:
    """Take what waits in the queue, until nothing does or the limits of the queue are reached.

    Yields what came of it at once: what `log_event` is given would be lost with a run that fails in the end.
    """
    from filesync_dagster.sync.events.receive import receive_queue  # it loads the database's drivers

    queue = context.op_config["queue"]
    failures: dict[str, str] = {}
    with filesync.open() as opened, run_heartbeat(context) as watch:
        try:
            linger = opened.config.queue(queue).linger_seconds
            for batch in receive_queue(opened.runtime, queue, linger=linger, run_id=context.run_id, on_progress=watch):
                context.log.info(describe_batch(batch))
                for result in batch.results:
                    yield from _events_of(context, opened, result, failures)
        except (SourceError, ConfigError) as error:
            raise dg.Failure(f"The queue {queue} does not answer. {error}", allow_retries=False) from None
        finally:
            alert_after_run(context, opened)
    if failures:
        sentences = " ".join(f"{name}: {why}" for name, why in sorted(failures.items()))
        raise dg.Failure(
            f"{len(failures)} endpoint{'s' if len(failures) > 1 else ''} did not commit. {sentences}",
            metadata={"endpoints": sorted(failures)},
            allow_retries=False,
        )


def receive_job(installation: str) -> dg.JobDefinition:
    """Return the job of an installation."""

    @dg.job(
        name=RECEIVE,
        description="Takes the messages of a queue, syncs what they name and acknowledges them. A sensor starts it.",
        tags={OUR_TAG: RECEIVE, INSTALLATION_TAG: installation},
        executor_def=dg.in_process_executor,
    )
    def receive_messages() -> None:
        receive()

    return receive_messages


def describe_batch(batch: "Batch") -> str:
    """Return a batch in a line.

    >>> from filesync_dagster.sync.events.receive import Batch
    >>> describe_batch(Batch("events", 7, keys=3, unrouted=2, dead=1))
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


def _events_of(
    context: dg.OpExecutionContext, filesync: "Filesync", result: SyncResult, failures: dict[str, str]
) -> Iterator[Event]:
    why = failure_reason(result)
    if result.busy or result.status is SyncStatus.SKIPPED:
        context.log.warning("%s: %s", result.endpoint, why)
    elif why:
        failures[result.endpoint] = why
        context.log.error("%s: %s", result.endpoint, why)
    elif has_files(result):  # an event that told nothing new leaves no trace in Dagster's history
        today = filesync.config.settings.partitions.today()
        yield materialization_event(filesync, result, today)
    if result.status is SyncStatus.HELD or (not why and result.mode is SyncMode.FULL):
        yield from _checks(context, filesync, result.endpoint)


def _checks(context: dg.OpExecutionContext, filesync: "Filesync", name: str) -> Iterator[Event]:
    """Yield that a sync is held, and that none is any more: after one that was, a listing follows."""
    [status] = [status for status in filesync.status() if status.name == name]
    yield from map(evaluation, unreported_results(context.instance, (*check_results(status), drift_result(status))))
