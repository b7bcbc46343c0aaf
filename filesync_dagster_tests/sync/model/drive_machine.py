"""What people can do to a Google Drive and to no other store, and what its feed does not tell of that."""

from contextlib import suppress
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from filesync_dagster_tests.sync.model.drive_world import DriveWorld
from filesync_dagster_tests.sync.model.machine import StoreSyncs, names, numbers
from filesync_dagster_tests.sync.model.world import BOB


class DriveSyncs(StoreSyncs):
    """Syncs of a drive, with shortcuts, shared drives, and access that comes and goes."""

    world_type: ClassVar[type[Any]] = DriveWorld

    def settle(self) -> None:
        """A sync was right: what the feed does not tell was found."""
        self.crossings = 0  # of folders into other drives, since then
        self.hidden: dict[str, Any] = {}  # what was in folders that the account lost sight of since then
        self.in_sight = self.world.in_sight()

    @rule(target_of=numbers, parent=numbers)
    def create_shortcut(self, target_of, parent):
        """Somebody points to an entry from elsewhere."""
        self.store.create("a", self.world.a_folder(parent), kind="shortcut", target=self.world.anything(target_of))

    @rule(which=numbers, parent=numbers)
    def move(self, which, parent):
        """An entry goes elsewhere with what is below it, perhaps to another drive or out of sight."""
        one = self.store.item(self.world.anything(which))
        before = one.drive
        with suppress(ValueError):  # into itself
            self.store.move(one.id, self.world.a_folder(parent))
        if one.is_folder and one.drive != before:
            self.crossings += 1
            # Of a folder that is back before anybody asks, no more is told than that it is where it was: what became
            # of the entries below it in the other drive (whose they are, what was left there) only a listing finds.
            self.sure = self.sure and self.crossings == 1

    @rule(which=numbers)
    def share_with_account(self, which):
        """The account is given access to an entry."""
        self.store.share(self.world.anything(which), self.store.account)

    @rule(which=numbers, who=st.sampled_from(["bob", "account"]))
    def unshare(self, which, who):
        """Somebody's access ends."""
        self.store.unshare(self.world.anything(which), BOB if who == "bob" else self.store.account)

    @rule(name=names)
    def create_drive(self, name):
        """There is a new shared drive."""
        self.store.shared_drive(name)

    @rule(which=numbers, name=names)
    def rename_drive(self, which, name):
        """A shared drive gets another name."""
        self.store.rename_drive(self.world.a_drive(which), name)

    @rule(which=numbers)
    def remove_drive(self, which):
        """A shared drive is gone with all that is in it."""
        self.store.remove_drive(self.world.a_drive(which))

    @rule(which=numbers)
    def leave_drive(self, which):
        """The account is no longer a member of a shared drive."""
        self.store.revoke(self.world.a_drive(which))

    @rule(which=numbers)
    def join_drive(self, which):
        """The account is a member of a shared drive (again)."""
        self.store.share(self.world.a_drive(which), self.store.account)

    @invariant()
    def look_away(self):
        """Of a folder that is in sight again before anybody asks, no more is told than that it is where it was.

        What people did in it meanwhile only a listing finds.
        """
        if not hasattr(self, "world"):
            return
        now = self.world.in_sight()
        self.hidden |= {one: what for one, what in self.in_sight.items() if one not in now}
        self.sure = self.sure and not any(self.hidden.pop(one) != now[one] for one in self.hidden.keys() & now.keys())
        self.in_sight = now
