"""A configuration as Dagster definitions. No network, no database: everything here comes from the file alone."""

import dagster as dg

from filesync_dagster.config import Config, Environment, running_config
from filesync_dagster.errors import ConfigError
from filesync_dagster.orchestration.alerting import alert_sensor
from filesync_dagster.orchestration.assets import endpoint_assets
from filesync_dagster.orchestration.inventory_reports import (
    inventory_report_schedule,
    inventory_reports,
    stored_snapshots,
)
from filesync_dagster.orchestration.jobs import sync_job
from filesync_dagster.orchestration.problems import configuration_problems, unusable
from filesync_dagster.orchestration.reports import report_assets
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.schedules import first_sync_sensor, report_schedule, sync_schedules
from filesync_dagster.orchestration.specs import store_spec


def definitions_for(environment: Environment) -> dg.Definitions:
    """Return everything Dagster shows of the configuration that the environment names.

    A broken entry becomes a node that says what is wrong. A file of which nothing can be used does not take the code
    location down: what it said when it last could be used goes on, beside one such node.
    """
    try:
        config = running_config(environment)
    except ConfigError as error:
        return unusable(error)
    resource = FilesyncResource(config_path=str(environment.config_path.absolute()))
    return dg.Definitions.merge(definitions_of(config, resource), configuration_problems(config))


def definitions_of(config: Config, resource: FilesyncResource) -> dg.Definitions:
    """Return the definitions of what is usable in a configuration."""
    # One process for each run, and one step in it: a process for the step as well would only cost its start.
    common = dg.Definitions(resources={"filesync": resource}, executor=dg.in_process_executor, sensors=[alert_sensor()])
    if not config.active:
        return common
    endpoints = endpoint_assets(config)
    stores = dg.AssetsDefinition(specs=[store_spec(endpoint) for endpoint in config.active])
    reports = (*report_assets(config), inventory_reports(config))
    return dg.Definitions.merge(
        common,
        dg.Definitions(
            assets=[endpoints, stores, stored_snapshots(config), *reports],
            jobs=[sync_job(endpoints, *reports)],
            schedules=[
                *sync_schedules(config),
                report_schedule(config.settings),
                inventory_report_schedule(config.settings),
            ],
            sensors=[first_sync_sensor(config)],
        ),
    )
