"""Sensors that look whether messages wait, or somebody asked for a sync. They take nothing: the runs do.

So a tick that is evaluated once more, as the preview in the UI does, costs a look.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from filesync_dagster.config import Config, Queue
from filesync_dagster.core.errors import ConfigError, SourceError
from filesync_dagster.orchestration.cadences import REQUESTS
from filesync_dagster.orchestration.jobs.receive import MESSAGES
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import ACTIVE, Clock, run_requests, utc_now
from filesync_dagster.orchestration.tags import QUEUE_TAG, RECEIVE, SYNC

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

RETRY_PAUSE = timedelta(minutes=2)
"""After a run that could acknowledge nothing, the next one."""


def queue_sensor(queue: Queue, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor that starts a run when messages wait and none is running."""

    @dg.sensor(
        name=f"queue_{queue.name}",
        job_name=RECEIVE,
        minimum_interval_seconds=queue.poll_seconds,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Starts a run when messages wait in the queue {queue.name}. It takes none.",
    )
    def look(
        context: dg.SensorEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from filesync_dagster.sync.events.receive import is_busy, queue_depth  # it loads the database's drivers

        tags = {QUEUE_TAG: queue.name}
        if context.instance.get_runs(dg.RunsFilter(job_name=RECEIVE, statuses=ACTIVE, tags=tags), limit=1):
            yield dg.SkipReason("A run takes its messages already.")
            return
        with filesync.open() as opened:
            try:
                depth = queue_depth(opened.runtime, queue)
            except (SourceError, ConfigError) as error:
                yield dg.SkipReason(f"It cannot be looked at. {error}")
                return
            received, busy = _received(opened, queue), depth > 0 and is_busy(opened.runtime, queue)
        if not depth:
            yield dg.SkipReason("No message waits.")
        elif busy:
            yield dg.SkipReason("All its endpoints are being synced. Its messages wait.")
        elif _in_vain(context.cursor, received, clock()):
            yield dg.SkipReason("The last run could acknowledge nothing: other syncs ran. The next one waits.")
        else:
            context.update_cursor(json.dumps({"at": clock().isoformat(), "received": received}))
            config = {"ops": {MESSAGES: {"config": {"queue": queue.name}}}}
            yield dg.RunRequest(run_config=config, tags=tags)

    return look


def _received(filesync: "Filesync", queue: Queue) -> int:
    return next(record.received for record in filesync.runtime.metadata.queues.records() if record.name == queue.name)


def _in_vain(cursor: str | None, received: int, now: datetime) -> bool:
    """Tell whether the last run was a moment ago and brought nothing."""
    if not cursor:
        return False
    last = json.loads(cursor)
    return bool(last["received"] == received and now - datetime.fromisoformat(last["at"]) < RETRY_PAUSE)


def request_sensor(config: Config, clock: Clock = utc_now) -> dg.SensorDefinition:
    """Return the sensor that turns what was asked for (webhooks, REST, messages) into runs, which take it."""

    @dg.sensor(
        name="requests",
        job_name=SYNC,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Starts the syncs that webhooks, messages and programs ask for.",
    )
    def look(
        context: dg.SensorEvaluationContext, filesync: FilesyncResource
    ) -> Iterator[dg.RunRequest | dg.SkipReason]:
        from filesync_dagster.sync.requests import due  # it loads the database's drivers

        with filesync.open() as opened:
            wanted = due(opened.runtime, clock())
            statuses = opened.status() if any(wanted.values()) else []
        names = [endpoint.name for endpoint in config.active if endpoint.name in wanted]
        if not names:
            yield dg.SkipReason("Nobody asked for a sync.")
            return
        names = [name for name in names if wanted[name]]
        if not names:
            yield dg.SkipReason("What is asked for waits: it is being synced, its store is left alone, or it failed.")
            return
        yield from run_requests(context.instance, statuses, names, config, clock(), REQUESTS)

    return look
