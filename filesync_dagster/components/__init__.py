"""What `dg` finds of filesync: the type `filesync_dagster.components.FileEndpointsComponent`."""

from filesync_dagster.orchestration.component import FileEndpointsComponent
from filesync_dagster.orchestration.instance.materialization_log import Result

__all__ = ["FileEndpointsComponent", "Result"]
