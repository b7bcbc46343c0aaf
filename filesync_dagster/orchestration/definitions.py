"""A configuration as Dagster definitions. No network, no database: everything here comes from the file alone."""

import dagster as dg

from filesync_dagster.config import Config, Environment, ReplicationSchedule, ensure_installation_id, running_config
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.orchestration.assets.endpoints import Overrides, endpoint_assets
from filesync_dagster.orchestration.assets.inventory_reports import (
    inventory_reports,
    stored_snapshots,
)
from filesync_dagster.orchestration.assets.replication_specs import (
    destination_specs,
    writers_by_endpoint,
    written_store_spec,
)
from filesync_dagster.orchestration.assets.replications import replication_assets
from filesync_dagster.orchestration.assets.reports import report_assets
from filesync_dagster.orchestration.assets.specs import store_spec
from filesync_dagster.orchestration.checks.configuration import configuration_problems, unusable
from filesync_dagster.orchestration.io_managers import INVENTORY_IO_MANAGER, filesync_io_manager
from filesync_dagster.orchestration.jobs.maintenance import maintenance_job
from filesync_dagster.orchestration.jobs.receive import receive_job
from filesync_dagster.orchestration.jobs.sync import sync_job
from filesync_dagster.orchestration.replication_schedules import replication_schedules
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import report_schedules, sync_schedules
from filesync_dagster.orchestration.sensors.alerts import alert_sensor
from filesync_dagster.orchestration.sensors.events import queue_sensor, request_sensor
from filesync_dagster.orchestration.sensors.first_syncs import first_sync_sensor
from filesync_dagster.orchestration.sensors.replications import replication_sensor
from filesync_dagster.orchestration.tables.definitions import TableAssets, table_definitions


def definitions_for(environment: Environment, overrides: Overrides | None = None) -> dg.Definitions:
    """Return everything Dagster shows of the configuration that the environment names; `overrides`: in a project.

    A broken entry becomes a node that says what is wrong. A file of which nothing can be used does not take the code
    location down: what it said when it last could be used goes on, beside one such node.
    """
    resource = FilesyncResource(
        config_path=str(environment.config_path.absolute()),
        home=str(environment.home),
        installation=ensure_installation_id(environment),
    )
    try:
        config = running_config(environment)
    except ConfigError as error:
        # What a project builds on filesync loads all the same.
        return dg.Definitions.merge(dg.Definitions(resources=_resources(resource)), unusable(error))
    return dg.Definitions.merge(definitions_of(config, resource, overrides), configuration_problems(config))


def definitions_of(config: Config, resource: FilesyncResource, overrides: Overrides | None = None) -> dg.Definitions:
    """Return the definitions of what is usable in a configuration."""
    # A project has an executor of its own; by itself, what people select runs as the job does.
    executor = None if overrides else dg.in_process_executor
    common = dg.Definitions(resources=_resources(resource), executor=executor, sensors=[alert_sensor()])
    common = dg.Definitions.merge(common, maintenance_job(config.settings, resource.installation))
    tables = table_definitions(config, resource.installation)
    if not config.active:
        return dg.Definitions.merge(common, tables.definitions(), *_jobs_of_tables(config, resource, tables))
    endpoints = endpoint_assets(config, overrides)
    writers = writers_by_endpoint(config)
    stores = dg.AssetsDefinition(
        specs=[
            *(written_store_spec(one, store_spec(one), writers.get(one.name, ())) for one in config.active),
            *destination_specs(config, writers),
        ]
    )
    reports = (*report_assets(config), inventory_reports(config))
    replicas = [replication_assets(config)] if config.active_replications else []
    return dg.Definitions.merge(
        common,
        tables.definitions(),
        dg.Definitions(
            assets=[endpoints, stores, stored_snapshots(config), *reports, *replicas],
            jobs=[
                sync_job(config, resource.installation, endpoints, *reports, *replicas, *tables.made),
                *([receive_job(resource.installation)] if config.queues else []),
            ],
            schedules=[
                *sync_schedules(config),
                *replication_schedules(config),
                *report_schedules(config.settings),
            ],
            sensors=[
                first_sync_sensor(config),
                request_sensor(config),
                *map(queue_sensor, config.queues),
                *_replication_sensors(config),
            ],
        ),
    )


def _jobs_of_tables(config: Config, resource: FilesyncResource, tables: TableAssets) -> list[dg.Definitions]:
    """Return the job of a configuration that has sources of tables and no endpoint."""
    jobs = [sync_job(config, resource.installation, *tables.made)] if tables.made else []
    return [dg.Definitions(jobs=jobs)]


def _replication_sensors(config: Config) -> list[dg.SensorDefinition]:
    after = ReplicationSchedule.AFTER_SOURCE
    return [replication_sensor(config)] if any(one.schedule is after for one in config.active_replications) else []


def _resources(resource: FilesyncResource) -> dict[str, object]:
    return {"filesync": resource, INVENTORY_IO_MANAGER: filesync_io_manager}
