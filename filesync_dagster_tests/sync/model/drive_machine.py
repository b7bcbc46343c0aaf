"""People act on a drive, syncs of it go well or badly, and what filesync then says is compared with the drive.

In the spirit of "Mysteries of Dropbox" (Hughes, Pierce, Arts, Norell, 2016). Every rule takes plain numbers, so that a
failure can be played again as it was printed.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from filesync_dagster.core.model import SyncMode, SyncResult, SyncStatus
from filesync_dagster.simulators.kit.faults import Fault, Rule
from filesync_dagster_tests.sync.model.drive_world import BOB, NAMES, DriveWorld, Place
from filesync_dagster_tests.sync.model.inventory import Inventory
from filesync_dagster_tests.sync.model.stage import Stage

if TYPE_CHECKING:
    from filesync_dagster_tests.sync.projects import Row


@dataclass(frozen=True)
class Trouble:
    """One way in which things go wrong. `does` is what a sync may do then."""

    fault: Fault
    operation: str = "*"
    times: int = 1
    how: dict[str, Any] = field(default_factory=dict)
    harmless: bool = True  # the sync copes: it completes and is right
    lossy: bool = False  # something was kept from the sync that only a reconcile can find


TROUBLES = {
    "429": Trouble(Fault.THROTTLE, how={"status": 429, "seconds": 2}),
    "403 rate limit": Trouble(Fault.THROTTLE, how={"status": 403, "reason": "rateLimitExceeded"}, times=3),
    "403 user rate limit": Trouble(Fault.THROTTLE, how={"status": 403, "reason": "userRateLimitExceeded"}),
    "500": Trouble(Fault.SERVER_ERROR, how={"status": 500}),
    "503 twice": Trouble(Fault.SERVER_ERROR, how={"status": 503}, times=2),
    "timeout": Trouble(Fault.TIMEOUT),
    "disconnect": Trouble(Fault.DISCONNECT),
    "garbage": Trouble(Fault.GARBAGE),
    "expired access token": Trouble(Fault.EXPIRE_TOKEN),
    "expired page token": Trouble(Fault.EXPIRE_PAGE, "files.list"),
    "lost cursor 400": Trouble(Fault.LOSE_CURSOR, "changes.list", how={"status": 400}),
    "lost cursor 403": Trouble(Fault.LOSE_CURSOR, "changes.list", how={"status": 403}),
    "lost cursor 404": Trouble(Fault.LOSE_CURSOR, "changes.list", how={"status": 404}),
    "short pages": Trouble(Fault.SHORT_PAGE, "files.list", times=3),
    "short pages of changes": Trouble(Fault.SHORT_PAGE, "changes.list", times=3),
    "empty page": Trouble(Fault.EMPTY_PAGE, "files.list"),
    "empty page of changes": Trouble(Fault.EMPTY_PAGE, "changes.list"),
    "duplicated changes": Trouble(Fault.DUPLICATE_CHANGE, "changes.list", times=-1),
    "reordered changes": Trouble(Fault.REORDER_CHANGES, "changes.list", times=-1),
    "mutation": Trouble(Fault.MUTATE),
    "mutations": Trouble(Fault.MUTATE, times=4),
    "short answer": Trouble(Fault.SHORT_ANSWER, "files.list", lossy=True),
    "short answer of changes": Trouble(Fault.SHORT_ANSWER, "changes.list", lossy=True),
    "lost changes": Trouble(Fault.LOSE_CHANGE, "changes.list", lossy=True),
    "incomplete search": Trouble(Fault.INCOMPLETE, "files.list", harmless=False),
    "repeated token": Trouble(Fault.REPEAT_TOKEN, "files.list", harmless=False),
    "repeated token of changes": Trouble(Fault.REPEAT_TOKEN, "changes.list", harmless=False),
    "denied listing": Trouble(Fault.DENY, "files.list", harmless=False),
    "denied look-up": Trouble(Fault.DENY, "files.get", harmless=False),
    "denied credentials": Trouble(Fault.DENY, "token", harmless=False),
    "down": Trouble(Fault.SERVER_ERROR, times=-1, harmless=False),
}

numbers = st.integers(0, 40)
names = st.sampled_from(NAMES)
troubles = st.lists(st.tuples(st.sampled_from(sorted(TROUBLES)), st.integers(0, 7)), max_size=2)


class DriveSyncs(RuleBasedStateMachine):
    """See the module's docstring."""

    stage: ClassVar[Stage]
    place: ClassVar[Place]

    @initialize(known=st.sampled_from([True, True, True, False]), many=st.sampled_from([False, False, False, True]))
    def begin(self, known, many=False):
        """A drive has files, and most often filesync knows them. Sometimes it treats them as if they were many."""
        self.stage.as_if_many(many=many)
        self.world = DriveWorld()
        self.store = self.world.store
        entry = self.place.entry(self.world)
        if known and self.place not in self.stage.saved:
            self.stage.begin(self.world.simulator, entry)
            assert self.stage.sync().status is SyncStatus.COMPLETED
            self.stage.save(self.place, Inventory(self.stage).known)
        saved = self.place if known else None
        self.stage.begin(self.world.simulator, entry, saved)
        self.inventory = Inventory(self.stage, self.stage.known[saved])
        self.sure = known  # the feed will tell whatever the inventory does not know
        self.crossings = 0  # of folders into other drives, since a sync was right
        self.hidden: dict[str, Any] = {}  # what was in folders that the account lost sight of since then
        self.in_sight = self.world.in_sight()
        self.expired = False  # was the access token in the last sync, which did not get to use a new one
        self.holding = False
        self.proposed: dict[str, Row] | None = None  # what a held sync would make, if that is known
        self.sure_if_approved = False

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

    @rule(parent=numbers, name=names, kind=st.sampled_from(["file", "file", "folder", "document"]))
    def create(self, parent, name, kind):
        """Something new appears in some folder."""
        self.store.create(name, self.world.a_folder(parent), kind=kind, content=name.encode())

    @rule(target_of=numbers, parent=numbers)
    def create_shortcut(self, target_of, parent):
        """Somebody points to an entry from elsewhere."""
        self.store.create("a", self.world.a_folder(parent), kind="shortcut", target=self.world.anything(target_of))

    @rule(which=numbers, content=st.binary(max_size=2))
    def edit(self, which, content):
        """An entry gets new content."""
        self.store.edit(self.world.anything(which), content)

    @rule(which=numbers, name=names)
    def rename(self, which, name):
        """An entry gets another name."""
        self.store.rename(self.world.anything(which), name)

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
    def trash(self, which):
        """An entry goes to the trash with what is below it."""
        self.store.trash(self.world.anything(which))

    @rule(which=numbers)
    def restore(self, which):
        """An entry comes back from the trash, if it was there."""
        self.store.restore(self.world.anything(which))

    @rule(which=numbers)
    def delete(self, which):
        """An entry is gone for good, with what is below it."""
        self.store.delete(self.world.anything(which))

    @rule(which=numbers)
    def share(self, which):
        """Somebody else may see an entry."""
        self.store.share(self.world.anything(which), BOB)

    @rule(which=numbers)
    def share_with_account(self, which):
        """The account is given access to an entry."""
        self.store.share(self.world.anything(which), self.store.account)

    @rule(which=numbers, who=st.sampled_from(["bob", "account"]))
    def unshare(self, which, who):
        """Somebody's access ends."""
        self.store.unshare(self.world.anything(which), BOB if who == "bob" else self.store.account)

    @rule(which=numbers)
    def revoke(self, which):
        """The account loses its access to an entry and what is below it."""
        self.store.revoke(self.world.anything(which))

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

    # Filesync acts.

    @rule(full=st.sampled_from([False, False, False, True]), troubles=troubles, again=st.booleans())
    def sync(self, full, troubles, again):
        """A sync does what it may do under its troubles, and never says what is not true."""
        result = self.synced(full=full, troubles=troubles)
        there = self.world.truth(self.place) is not None  # somebody may have trashed the folder during the sync
        if again and there and not self.holding and result.status is SyncStatus.COMPLETED:
            self.nothing_new(full=full)

    @rule(full=st.booleans(), troubles=troubles, at=st.integers(0, 25))
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
        self.inventory.committed(result, self.store)
        self.sure, self.crossings, self.hidden = sure, 0, {}
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
        planned = []
        for name, after in troubles:
            trouble = TROUBLES[name]
            rule_ = self.world.simulator.plan.add(
                trouble.fault, trouble.operation, after=after, times=trouble.times, **trouble.how
            )
            planned.append((trouble, rule_))
        return planned

    def _struck(self, planned: list[tuple[Trouble, Rule]]) -> list[Trouble]:
        self.world.simulator.plan.clear()
        return [trouble for trouble, rule_ in planned if rule_.done]


def _lossy(struck: list[Trouble]) -> bool:
    return any(trouble.lossy for trouble in struck)


def machine(stage: Stage, place: Place) -> type[DriveSyncs]:
    """Return the state machine of an endpoint that watches a place."""
    return type("DriveSyncs", (DriveSyncs,), {"stage": stage, "place": place})


def _expirations(struck: list[Trouble]) -> int:
    return sum(trouble.fault is Fault.EXPIRE_TOKEN for trouble in struck)
