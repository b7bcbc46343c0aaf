"""filesync's component, with what is special about this company."""

from collections.abc import Iterator

import dagster as dg

from filesync_dagster import Filesync
from filesync_dagster.components import FileEndpointsComponent, Result
from filesync_dagster.config import Endpoint

TEAMS = {"eng-project-001": "team:engineering"}


class CompanyShares(FileEndpointsComponent):
    """Endpoints that belong to teams."""

    def get_asset_spec(self, endpoint: Endpoint, spec: dg.AssetSpec) -> dg.AssetSpec:
        """Say whose endpoint it is, and who has to look when it fails."""
        team = TEAMS.get(endpoint.project_id or "", "team:it")
        return spec.replace_attributes(owners=[*spec.owners, team]).merge_attributes(tags={"company/tier": "gold"})

    def execute(self, context: dg.AssetExecutionContext, filesync: Filesync) -> Iterator[Result]:
        """Sync, and add something of one's own to what each endpoint shows."""
        for result in super().execute(context, filesync):
            if isinstance(result, dg.MaterializeResult):
                yield result._replace(metadata={**(result.metadata or {}), "site": "Hamburg"})
            else:
                yield result
