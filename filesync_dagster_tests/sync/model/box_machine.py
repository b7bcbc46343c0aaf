"""What people can do to a Box and to no other store, and what a user's events do not tell of that."""

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from filesync_dagster_tests.sync.model.box_world import BoxWorld
from filesync_dagster_tests.sync.model.machine import StoreSyncs, numbers


class BoxSyncs(StoreSyncs):
    """Syncs of a Box, with shared links, and collaborations that come and go."""

    world_type: ClassVar[type[Any]] = BoxWorld

    def settle(self) -> None:
        """A sync was right: what a user's events do not tell was found."""
        self.hidden: dict[str, Any] = {}  # what was in folders that the account lost sight of since then
        self.in_sight = self.world.in_sight()

    @rule(which=numbers)
    def share_with_account(self, which):
        """The account is invited to an entry."""
        self.store.share(self.world.anything(which), self.store.account)

    @rule(which=numbers)
    def unshare_from_account(self, which):
        """The account's collaboration ends."""
        self.store.unshare(self.world.anything(which), self.store.account)

    @rule(which=numbers, access=st.sampled_from(["open", "company", None]))
    def link(self, which, access):
        """An entry gets a shared link, or loses it."""
        one = self.world.anything(which)
        if access is None:
            self.store.unlink(one)
        else:
            self.store.link(one, access)

    @rule(which=numbers)
    def preview(self, which):
        """Somebody looks at an entry: an event, and nothing is different."""
        self.store.preview(self.world.anything(which))

    @invariant()
    def look_away(self):
        """A user is not told of what people did in a folder while it was out of sight. The enterprise is."""
        if not hasattr(self, "world") or self.place.kind != "user":
            return
        now = self.world.in_sight()
        self.hidden |= {one: what for one, what in self.in_sight.items() if one not in now}
        self.sure = self.sure and not any(self.hidden.pop(one) != now[one] for one in self.hidden.keys() & now.keys())
        self.in_sight = now
