"""Jobs: few, whatever the number of endpoints (a job for each would make definitions slow to load)."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

SYNC_EVERYTHING = "sync_everything"
SYNC_ENDPOINTS = "sync_endpoints"
REPORTS = "reports"


def sync_jobs(assets: dg.AssetsDefinition) -> "list[UnresolvedAssetJobDefinition]":
    """Return the job that syncs everything, and the one that the schedules and people use to sync some."""
    selection = dg.AssetSelection.assets(assets)
    return [
        dg.define_asset_job(
            SYNC_EVERYTHING, selection, description="Sync every active endpoint: today, or one day of the past."
        ),
        dg.define_asset_job(
            SYNC_ENDPOINTS, selection, description="Sync the selected endpoints. The schedules use it for what is due."
        ),
    ]


def report_job(*reports: dg.AssetsDefinition) -> "UnresolvedAssetJobDefinition":
    """Return the job that writes every report of a day."""
    return dg.define_asset_job(
        REPORTS, dg.AssetSelection.assets(*reports), description="Write the reports of one day from what is stored."
    )
