"""What projects of one's own take: the component that `dg` finds, the I/O manager, the sensor of file changes."""

from filesync_dagster.orchestration.component import FileEndpointsComponent
from filesync_dagster.orchestration.instance.materialization_log import Result
from filesync_dagster.orchestration.io_managers import FilesyncIOManager, filesync_io_manager
from filesync_dagster.orchestration.sensors.file_changes import FileBatch, FileChange, on_file_changes

__all__ = [
    "FileBatch",
    "FileChange",
    "FileEndpointsComponent",
    "FilesyncIOManager",
    "Result",
    "filesync_io_manager",
    "on_file_changes",
]
