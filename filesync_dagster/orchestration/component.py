"""filesync in a Dagster project of one's own, as a component: `dg scaffold`, `dg check yaml`, `dg dev`.

The attributes say where endpoints.yaml is. It stays a file of its own, so that the command line, an edit while Dagster
runs and whoever has no say in the project's code all work on the same one.
"""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import dagster as dg
from dagster.components.component_scaffolding import scaffold_component

from filesync_dagster.config import Endpoint, Environment, read_environment
from filesync_dagster.orchestration.assets.endpoints import Overrides, sync_selected
from filesync_dagster.orchestration.definitions import definitions_for
from filesync_dagster.orchestration.instance.materialization_log import Result

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

ENDPOINTS = "endpoints.yaml"


class FileEndpointsScaffolder(dg.Scaffolder[dg.Model]):
    """Writes the component and a commented endpoints.yaml beside it."""

    def scaffold(self, request: dg.ScaffoldRequest[dg.Model]) -> None:
        """See the class."""
        scaffold_component(request, {"endpoints_file": ENDPOINTS})
        target = request.target_path / ENDPOINTS
        if not target.exists():
            text = files("filesync_dagster.cli").joinpath("starter.yaml").read_text(encoding="utf-8")
            target.write_text(text, encoding="utf-8")


@dg.scaffold_with(FileEndpointsScaffolder)
class FileEndpointsComponent(dg.Component, dg.Model, dg.Resolvable):
    """An inventory of every file in every store that endpoints.yaml names.

    Each endpoint is an asset with daily partitions and checks; schedules, sensors and reports come along. One such
    component in a code location. In a subclass, `get_asset_spec` and `execute` change how endpoints look and what a
    run does.
    """

    endpoints_file: Annotated[
        str,
        dg.Resolver.default(
            description="endpoints.yaml, relative to this file. An entry that cannot be used is shown and skipped.",
            examples=["endpoints.yaml", "/etc/filesync/endpoints.yaml"],
        ),
    ] = ENDPOINTS
    home: Annotated[
        str | None,
        dg.Resolver.default(
            description="Where state is kept, relative to the project. Left out: FILESYNC_HOME, or .filesync there.",
            examples=["{{ env.FILESYNC_HOME }}", ".filesync"],
        ),
    ] = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Return what the file says, as definitions. It reads that file and nothing else."""
        return definitions_for(self.environment(context), Overrides(self.get_asset_spec, self.execute))

    def get_asset_spec(self, endpoint: Endpoint, spec: dg.AssetSpec) -> dg.AssetSpec:
        """Return the asset of an endpoint. Override it to change `spec`: owners, group, tags, metadata and more.

        Its key, its partitions and that it may be skipped have to stay.
        """
        return spec

    def execute(self, context: dg.AssetExecutionContext, filesync: "Filesync") -> Iterator[Result]:
        """Sync the endpoints that a run selects. Override it to do something before, after, or with each result."""
        yield from sync_selected(context, filesync)

    def environment(self, context: dg.ComponentLoadContext) -> Environment:
        """Return where the file and the state are."""
        project, surroundings = context.project_root, read_environment()
        home = self.home or surroundings.variables.get("FILESYNC_HOME") or ".filesync"
        return read_environment(_absolute(context.path, self.endpoints_file), home=_absolute(project, home))


def _absolute(base: Path, path: str) -> Path:
    return (base / Path(path).expanduser()).absolute()
