"""Dropbox API v2, as Dropbox describes it: the Stone description and the public documentation, never our connector."""

from filesync_dagster.simulators.dropbox.simulator import DropboxSimulator
from filesync_dagster.simulators.dropbox.store import DropboxStore

__all__ = ["DropboxSimulator", "DropboxStore"]
