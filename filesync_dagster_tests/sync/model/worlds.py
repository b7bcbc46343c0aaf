"""The stores that model tests play with, and the places in them that endpoints watch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from filesync_dagster_tests.sync.model.box_machine import BoxSyncs
from filesync_dagster_tests.sync.model.drive_machine import DriveSyncs
from filesync_dagster_tests.sync.model.dropbox_machine import DropboxSyncs
from filesync_dagster_tests.sync.model.machine import StoreSyncs
from filesync_dagster_tests.sync.model.microsoft_machine import OneDriveSyncs, SharePointSyncs
from filesync_dagster_tests.sync.model.world import Place

WORLDS: Mapping[type[StoreSyncs], Sequence[Place]] = {
    DriveSyncs: (
        Place("my_drive"),
        Place("my_drive", filtered=True),
        Place("folder"),
        Place("folder", filtered=True, guarded=True),
        Place("folder_in_drive"),
        Place("drive", filtered=True),
        Place("drive", guarded=True),
        Place("everything"),
        Place("everything", filtered=True, guarded=True),
    ),
    BoxSyncs: (
        Place("all"),
        Place("all", filtered=True, slow=True),
        Place("all", guarded=True, slow=True),
        Place("folder", slow=True),
        Place("folder", filtered=True, guarded=True),
        Place("user", filtered=True),
        Place("user", guarded=True, slow=True),
    ),
    OneDriveSyncs: (
        Place("one_drive", slow=True),
        Place("one_drive", filtered=True, guarded=True, slow=True),
        Place("folder"),
        Place("folder", filtered=True, slow=True),
    ),
    SharePointSyncs: (
        Place("site", guarded=True),
        Place("site", filtered=True, slow=True),
        Place("library", filtered=True, slow=True),
        Place("library", guarded=True, slow=True),
    ),
    DropboxSyncs: (
        Place("everything"),
        Place("everything", filtered=True, guarded=True, slow=True),
        Place("folder", slow=True),
        Place("folder", filtered=True),
        Place("folder", guarded=True, slow=True),
        Place("namespace"),
        Place("namespace", filtered=True, slow=True),
        Place("namespace", guarded=True, slow=True),
    ),
}


class Watched(NamedTuple):
    """A place in a world that an endpoint watches."""

    syncs: type[StoreSyncs]
    place: Place

    def __str__(self) -> str:
        return f"{self.endpoint_type} {self.place}"

    @property
    def endpoint_type(self) -> str:
        """The type of the endpoint."""
        return self.syncs.world_type.endpoint_type


PLACES = tuple(Watched(syncs, place) for syncs, places in WORLDS.items() for place in places)
