"""Google Drive v3, as Google describes it: the discovery document and the public documentation, never our connector."""

from filesync_dagster.simulators.google_drive.simulator import DriveSimulator
from filesync_dagster.simulators.google_drive.store import DriveStore

__all__ = ["DriveSimulator", "DriveStore"]
