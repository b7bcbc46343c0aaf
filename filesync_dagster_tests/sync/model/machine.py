"""People act on a store, syncs of it go well or badly, and what filesync then says is compared with the store.

In the spirit of "Mysteries of Dropbox" (Hughes, Pierce, Arts, Norell, 2016). Every rule takes plain numbers, so that a
failure can be played again as it was printed.
"""

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.simulators.kit.faults import Fault, Rule
from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster_tests.sync.model.inventory import Inventory
from filesync_dagster_tests.sync.model.stage import Stage
from filesync_dagster_tests.sync.model.world import BOB, NAMES, Place, Trouble, World, plan_troubles

if TYPE_CHECKING:
    from filesync_dagster_tests.sync.projects import Row

numbers = st.integers(0, 40)
names = st.sampled_from(NAMES)


def possible(action: str) -> Any:
    """Let a rule be played where people can do that."""
    return precondition(lambda machine: action in machine.world_type.actions)


class StoreSyncs(RuleBasedStateMachine):
    """What is the same in every store. Each derives a machine with its world, and the rules of what only it has."""

    world_type: ClassVar[type[World]]
    stage: ClassVar[Stage]
    place: ClassVar[Place]

    def __init_subclass__(cls, **more: Any) -> None:
        """Make rules of what depends on the world: which entries there are, and what goes wrong."""
        super().__init_subclass__(**more)
        world = cls.world_type
        name_and_delay = st.tuples(st.sampled_from(sorted(world.troubles)), st.integers(0, 7))
        troubles = st.lists(name_and_delay, max_size=2)
        usual = st.sampled_from([False, False, False, True])
        cls.play_create = rule(parent=numbers, name=names, kind=st.sampled_from(world.kinds))(StoreSyncs.create)
        cls.play_sync = rule(full=usual, troubles=troubles, again=st.booleans())(StoreSyncs.sync)
        cls.play_die = rule(full=st.booleans(), troubles=troubles, at=st.integers(0, 25))(StoreSyncs.die)

    @initialize(known=st.sampled_from([True, True, True, False]), many=st.sampled_from([False, False, False, True]))
    def begin(self, known, many=False):
        """A store has files, and most often filesync knows them. Sometimes it treats them as if they were many."""
        self.stage.as_if_many(many=many)
        self.world = self.world_type()
        self.store = self.world.store
        entry = self.world.entry(self.place)
        if known and self.place not in self.stage.saved:
            self.stage.begin(self.world.simulator, entry)
            assert self.stage.sync().status is SyncStatus.COMPLETED
            self.stage.save(self.place, Inventory(self.stage).known)
        saved = self.place if known else None
        self.stage.begin(self.world.simulator, entry, saved)
        self.inventory = Inventory(self.stage, self.stage.known[saved])
        self.sure = known  # the feed will tell whatever the inventory does not know
        self.expired = False  # was the access token in the last sync, which did not get to use a new one
        self.holding = False
        self.proposed: dict[str, Row] | None = None  # what a held sync would make, if that is known
        self.sure_if_approved = False
        self.settle()

    def settle(self) -> None:
        """Forget what people did since a sync was right: the machine begins, or a sync has committed."""

    def teardown(self):
        """In the end everything is right, and the feed had told it all if it lost nothing."""
        if not hasattr(self, "inventory"):
            return
        self.sync(full=False, troubles=[], again=False)
        sure = self.sure and not self.holding
        result = self.synced(full=True)
        if self.world.truth(self.place) is None:
            assert result.status is SyncStatus.FAILED
        elif result.status is not SyncStatus.HELD:
            self.right(result)
            assert not (sure and result.feed_drift), "a lossless feed does not drift"
        else:
            assert self.place.guarded
            self.stage.filesync.approve("docs")
            self.inventory.is_(self.world.truth(self.place))

    # People act.

    def create(self, parent, name, kind):
        """Something new appears in some folder."""
        with suppress(Refusal):
            self.store.create(name, self.world.a_folder(parent), kind=kind, content=name.encode())

    @rule(which=numbers, content=st.binary(max_size=2))
    def edit(self, which, content):
        """An entry gets new content."""
        with suppress(Refusal):
            self.store.edit(self.world.anything(which), content)

    @rule(which=numbers, name=names)
    def rename(self, which, name):
        """An entry gets another name."""
        with suppress(Refusal):
            self.store.rename(self.world.anything(which), name)

    @rule(which=numbers, parent=numbers)
    def move(self, which, parent):
        """An entry goes elsewhere with what is below it, perhaps out of sight."""
        with suppress(Refusal, ValueError):  # into itself
            self.store.move(self.world.anything(which), self.world.a_folder(parent))

    @rule(which=numbers)
    @possible("trash")
    def trash(self, which):
        """An entry goes to the trash with what is below it."""
        with suppress(Refusal):
            self.store.trash(self.world.anything(which))

    @rule(which=numbers)
    @possible("restore")
    def restore(self, which):
        """An entry comes back from the trash, if it was there."""
        with suppress(Refusal):
            self.store.restore(self.world.anything(which))

    @rule(which=numbers)
    def delete(self, which):
        """An entry is gone for good, with what is below it."""
        with suppress(Refusal):
            self.store.delete(self.world.anything(which))

    @rule(which=numbers)
    @possible("share")
    def share(self, which):
        """Somebody else may see an entry."""
        with suppress(Refusal):
            self.store.share(self.world.anything(which), BOB)

    @rule(which=numbers)
    @possible("revoke")
    def revoke(self, which):
        """The account loses its access to an entry and what is below it."""
        with suppress(Refusal):
            self.store.revoke(self.world.anything(which))

    @rule(which=numbers)
    @possible("unshare")
    def unshare(self, which):
        """Somebody else's access ends."""
        with suppress(Refusal):
            self.store.unshare(self.world.anything(which), BOB)

    # Filesync acts.

    def sync(self, full, troubles, again):
        """A sync does what it may do under its troubles, and never says what is not true."""
        result = self.synced(full=full, troubles=troubles)
        there = self.world.truth(self.place) is not None  # somebody may have trashed the folder during the sync
        if again and there and not self.holding and result.status is SyncStatus.COMPLETED:
            self.nothing_new(full=full)

    def die(self, full, troubles, at):
        """The process dies during a sync; the next one finds the old state, or the new one."""
        before = self.inventory.everything()
        resumed = not full and self.inventory.has_checkpoints()
        faults = self._plan(troubles)
        result = self.stage.sync(full=full, dies_after=at)
        struck = self._struck(faults)
        if result is not None:
            self._judge(result, struck, before, full=full, resumed=resumed)
            return
        self.expired = _expirations(struck) > 0
        after = self.inventory.everything()
        if after["pointer"] == before["pointer"]:
            assert after["files"] == before["files"]
            assert after["journal"] == before["journal"]
            self.sure = self.sure and not _lossy(struck)
            if after["held"] != before["held"]:
                self.holding = False
                self.stage.filesync.reject("docs")
        else:
            self.inventory.catch_up()
            self.holding = False
            self.sure = self.sure and not struck and not full

    @rule()
    @precondition(lambda self: self.holding)
    def approve(self):
        """What was held becomes the inventory, exactly."""
        self.stage.filesync.approve("docs")
        self.inventory.is_(self.proposed)
        self.sure, self.holding = self.sure_if_approved, False

    @rule()
    @precondition(lambda self: self.holding)
    def reject(self):
        """What was held is forgotten, and nothing else happens."""
        before = self.inventory.everything()
        self.stage.filesync.reject("docs")
        self.inventory.unchanged_since(before)
        self.holding = False

    # What is always true.

    def synced(self, *, full: bool, troubles: Any = ()) -> SyncResult:
        before = self.inventory.everything()
        resumed = not full and self.inventory.has_checkpoints()
        faults = self._plan(troubles)
        result = self.stage.sync(full=full)
        assert result is not None
        self._judge(result, self._struck(faults), before, full=full, resumed=resumed)
        return result

    def _judge(
        self, result: SyncResult, struck: list[Trouble], before: dict[str, Any], *, full: bool, resumed: bool
    ) -> None:
        truth = self.world.truth(self.place)
        mutated = any(trouble.fault is Fault.MUTATE for trouble in struck)
        harmless = all(trouble.harmless for trouble in struck) and not (mutated and truth is None)
        # Credentials that are refused as soon as they were minted are wrong, for all that filesync can know.
        harmless = harmless and self.expired + _expirations(struck) < 2
        self.expired = result.status is SyncStatus.FAILED and _expirations(struck) > 0
        told = result.mode is SyncMode.INCREMENTAL
        if truth is not None and harmless and not mutated:
            fine = {SyncStatus.COMPLETED, SyncStatus.HELD} if self.place.guarded else {SyncStatus.COMPLETED}
            if told and before["unread"]:
                fine.add(SyncStatus.PARTIAL)  # until a full sync has read it
            assert result.status in fine, result
        if truth is None and not mutated and not resumed:  # it may have been listed to its end before it went
            assert result.status is SyncStatus.FAILED, result
        lossy = _lossy(struck)
        if result.status in {SyncStatus.FAILED, SyncStatus.HELD}:
            self.inventory.unchanged_since(before)
        if result.status is SyncStatus.FAILED:
            self.sure = self.sure and not lossy
            return
        right = not mutated and not lossy and not resumed and result.status is not SyncStatus.PARTIAL
        right = right and (self.sure or not told)
        proved = self.sure if told else result.status is not SyncStatus.PARTIAL
        sure = proved and not lossy
        if result.status is SyncStatus.HELD:
            self.holding, self.proposed = True, truth if right else None
            self.sure_if_approved = sure
            self.sure = self.sure and not (lossy and told)
            return
        self.holding = False
        self.inventory.committed(result, self.world.is_there)
        self.sure = sure
        self.settle()
        if right:
            self.inventory.is_(truth)

    def right(self, result: SyncResult) -> None:
        """Everything is as the provider has it."""
        assert result.status is SyncStatus.COMPLETED, result
        self.inventory.is_(self.world.truth(self.place))

    def nothing_new(self, *, full: bool) -> None:
        """The same sync again writes a log, and nothing else."""
        if not self.sure:
            return
        self.synced(full=False)  # what happened during the last one is new
        if self.holding:
            return
        settled = self.inventory.everything()
        again = self.stage.sync(full=full)
        assert again.status is SyncStatus.COMPLETED, again
        assert (again.changes_uri, again.counts.added, again.counts.removed) == (None, 0, 0)
        self.inventory.unchanged_since(settled)

    def _plan(self, troubles: Any) -> list[tuple[Trouble, Rule]]:
        return plan_troubles(self.world.simulator.plan, self.world, troubles)

    def _struck(self, planned: list[tuple[Trouble, Rule]]) -> list[Trouble]:
        self.world.simulator.plan.clear()
        return [trouble for trouble, rule_ in planned if rule_.done]


def _lossy(struck: list[Trouble]) -> bool:
    return any(trouble.lossy for trouble in struck)


def machine(syncs: type[StoreSyncs], stage: Stage, place: Place) -> type[StoreSyncs]:
    """Return the state machine of an endpoint that watches a place."""
    return type(syncs.__name__, (syncs,), {"stage": stage, "place": place})


def _expirations(struck: list[Trouble]) -> int:
    return sum(trouble.fault is Fault.EXPIRE_TOKEN for trouble in struck)
