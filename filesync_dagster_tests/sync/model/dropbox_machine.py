"""What people can do to a Dropbox and to no other store."""

from contextlib import suppress
from typing import Any, ClassVar

from hypothesis.stateful import rule

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster_tests.sync.model.dropbox_world import DropboxWorld
from filesync_dagster_tests.sync.model.machine import StoreSyncs, numbers


class DropboxSyncs(StoreSyncs):
    """Syncs of a Dropbox, with folders that become shared ones, are left, and mounted again."""

    world_type: ClassVar[type[Any]] = DropboxWorld

    @rule(which=numbers)
    def share_folder(self, which):
        """A folder becomes a shared one."""
        with suppress(Refusal):
            self.store.share_folder(self.world.a_folder(which))

    @rule(which=numbers)
    def mount(self, which):
        """The account sees again what it left."""
        self.store.mount(self.world.anything(which))
