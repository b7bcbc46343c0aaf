"""What people can do to a OneDrive or a site of SharePoint and to no other store."""

from contextlib import suppress
from typing import Any, ClassVar

from hypothesis.stateful import rule

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster_tests.sync.model.machine import StoreSyncs, names, numbers
from filesync_dagster_tests.sync.model.microsoft_world import OneDriveWorld, SharePointWorld


class OneDriveSyncs(StoreSyncs):
    """Syncs of a OneDrive."""

    world_type: ClassVar[type[Any]] = OneDriveWorld


class SharePointSyncs(StoreSyncs):
    """Syncs of a site, whose libraries come and go."""

    world_type: ClassVar[type[Any]] = SharePointWorld

    @rule(name=names)
    def create_library(self, name):
        """There is a new library."""
        with suppress(Refusal):
            self.store.library(name)

    @rule(which=numbers, name=names)
    def rename_library(self, which, name):
        """A library gets another title."""
        with suppress(Refusal):
            self.store.rename_library(self.world.a_library(which), name)

    @rule(which=numbers)
    def remove_library(self, which):
        """A library is gone with all that is in it."""
        self.store.remove_library(self.world.a_library(which))
