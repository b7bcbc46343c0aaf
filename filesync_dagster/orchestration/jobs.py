"""The job. One, whatever the number of endpoints: every further job costs a thousand endpoints a sixth of a second."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SYNC = "sync"


def sync_job(*assets: dg.AssetsDefinition) -> "UnresolvedAssetJobDefinition":
    """Return the job that people launch, and parts of which the schedules do."""
    return dg.define_asset_job(
        SYNC,
        dg.AssetSelection.assets(*assets),
        description="Launched as it is: sync every active endpoint, then write the reports; today, or a day of the "
        "past. The schedules, and anybody who selects assets, run a part of it.",
        # One process for each run, and one step in it: a process for the step as well would only cost its start.
        executor_def=dg.in_process_executor,
    )
