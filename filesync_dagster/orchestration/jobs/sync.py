"""The job. One, whatever the number of endpoints: every further job costs a thousand endpoints a sixth of a second."""

import dagster as dg

from filesync_dagster.config import Config
from filesync_dagster.orchestration.instance.asset_job import AssetJob
from filesync_dagster.orchestration.tags import CONFIG_TAG, INSTALLATION_TAG, OUR_TAG, SYNC


def sync_job(config: Config, installation: str, *assets: dg.AssetsDefinition) -> AssetJob:
    """Return the job that people launch, and parts of which the schedules do."""
    return dg.define_asset_job(
        SYNC,
        dg.AssetSelection.assets(*assets),
        description="Launched as it is: sync every active endpoint, then write the reports; today, or a day of the "
        "past. The schedules, and anybody who selects assets, run a part of it.",
        tags={OUR_TAG: SYNC, CONFIG_TAG: which(config), INSTALLATION_TAG: installation},
        # One process for each run, and one step in it: a process for the step as well would only cost its start.
        executor_def=dg.in_process_executor,
    )


def which(config: Config) -> str:
    """Return which endpoints.yaml a configuration is."""
    return str(config.environment.config_path.absolute())
