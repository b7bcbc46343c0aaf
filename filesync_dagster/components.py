"""What `dg` finds of filesync: the type `filesync_dagster.components.FileEndpointsComponent`."""

from filesync_dagster.orchestration.component import FileEndpointsComponent

__all__ = ["FileEndpointsComponent"]
