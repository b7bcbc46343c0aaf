"""The job that bounds what is stored, every night: filesync's own, and Dagster's."""

import json

import dagster as dg

from filesync_dagster.config import Settings
from filesync_dagster.orchestration.instance.heartbeat import run_heartbeat
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.tags import INSTALLATION_TAG, MAINTENANCE, OUR_TAG


def maintenance_job(settings: Settings, installation: str) -> dg.Definitions:
    """Return the job and its daily schedule."""

    @dg.op(description="Deletes what retention does not keep: snapshots, journal, logs, and our runs in Dagster.")
    def let_go(context: dg.OpExecutionContext, filesync: FilesyncResource) -> None:
        from filesync_dagster.orchestration.instance.run_retention import (
            maintain_instance,  # it loads the database's drivers
        )

        with filesync.open() as opened, run_heartbeat(context):
            gone = opened.maintain()
            gone.update(maintain_instance(context.instance, opened.config.settings.retention, installation))
        context.log.info("Gone: %s", json.dumps(gone))
        context.add_output_metadata(dict(gone))

    description = "Bounds what is stored. Runs daily; `filesync maintain` does the same."

    @dg.job(name=MAINTENANCE, description=description, tags={OUR_TAG: MAINTENANCE, INSTALLATION_TAG: installation})
    def maintenance() -> None:
        let_go()

    schedule = dg.ScheduleDefinition(
        name=MAINTENANCE,
        job=maintenance,
        cron_schedule="40 3 * * *",
        execution_timezone=settings.partitions.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Bounds what is stored, at night.",
    )
    return dg.Definitions(jobs=[maintenance], schedules=[schedule])
