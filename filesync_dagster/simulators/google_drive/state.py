"""The world that a simulated Drive is about, and the laws that hold in it whoever acts.

One account looks at this world; other people exist as owners and grantees. An item belongs to one corpus: a shared
drive (by its id), or None, which is everybody's My Drive.
"""

import base64
import random
import threading
from bisect import bisect_left, insort
from collections.abc import Iterator
from contextlib import contextmanager

from filesync_dagster.simulators.google_drive.changelog import ChangeLog
from filesync_dagster.simulators.google_drive.items import FOLDER, Clock, DriveItem, SharedDrive

ACCOUNT = "ada@example.com"
LOG_DISTANCE = 1_000_000_000


class State:
    """Items, drives and change logs. `lock` is held by whoever reads more than one thing, or writes."""

    def __init__(self, seed: int = 0, account: str = ACCOUNT) -> None:
        self.account = account
        self.clock = Clock()
        self.lock = threading.RLock()
        self.random = random.Random(seed)  # noqa: S311 - ids, not secrets
        self.items: dict[str, DriveItem] = {}  # roots too; what was deleted is not here
        self.corpora: dict[str | None, list[DriveItem]] = {None: []}  # in the order of creation, roots left out
        self.drives: dict[str, SharedDrive] = {}
        self.roots: dict[str, DriveItem] = {}  # of each person's My Drive
        self.user_log = ChangeLog(LOG_DISTANCE)
        self.drive_logs: dict[str, ChangeLog] = {}
        self.requests: set[str] = set()  # ids of those that created a shared drive
        self._order = 0
        self.root_id = self.my_drive(account).id

    def my_drive(self, person: str) -> DriveItem:
        """Return the root folder of a person's My Drive."""
        if person not in self.roots:
            root = self.root(self.new_id(), "My Drive", owner=person, drive=None)
            root.seen = person == self.account
            self.roots[person] = root
        return self.roots[person]

    def root(self, root_id: str, name: str, *, owner: str | None, drive: str | None) -> DriveItem:
        """Return a new root folder."""
        now = self.clock.tick()
        root = DriveItem(root_id, self.next_order(), name, FOLDER, owner, drive, None, now, now)
        self.items[root_id] = root
        return root

    def next_order(self) -> int:
        """Return the next place in the order of creation."""
        self._order += 1
        return self._order

    def new_id(self) -> str:
        """Return an id that looks like Drive's."""
        return "1" + base64.urlsafe_b64encode(self.random.randbytes(24)).decode()

    def new_drive_id(self) -> str:
        """Return an id that looks like that of a shared drive."""
        return f"0A{base64.urlsafe_b64encode(self.random.randbytes(9)).decode()[:11]}Uk9PVA"

    def new_log(self) -> ChangeLog:
        """Return an empty log whose positions are its own."""
        return ChangeLog(LOG_DISTANCE * (2 + len(self.drive_logs)))

    def attach(self, item: DriveItem, parent: DriveItem | None) -> None:
        """Put an item into a folder (None: no folder), among its siblings in the order of creation."""
        item.parent = parent
        if parent is None:
            return
        if parent.children is None:
            parent.children = []
        _insert(parent.children, item)

    def detach(self, item: DriveItem) -> None:
        """Take an item out of its folder."""
        if item.parent is not None and item.parent.children is not None:
            _take(item.parent.children, item)
        item.parent = None

    def enroll(self, item: DriveItem) -> None:
        """Make a new item known."""
        self.items[item.id] = item
        _insert(self.corpora[item.drive], item)

    def forget(self, item: DriveItem) -> None:
        """Delete an item and what is below it, for good."""
        self.detach(item)
        lost = set()
        for each in item.below():
            each.gone = True
            each.seen = False
            self.items.pop(each.id, None)
            lost.add(each)
        self._leave_corpora(lost)

    def emigrate(self, item: DriveItem, drive: str | None, owner: str | None) -> None:
        """Take an item and what is below it over into another corpus."""
        movers = set(item.below())
        self._leave_corpora(movers)
        for each in movers:
            each.drive = drive
            each.owner = owner
        if len(movers) == 1:
            _insert(self.corpora[drive], item)
        else:
            self.corpora[drive] = sorted((*self.corpora[drive], *movers), key=_order)

    def _leave_corpora(self, items: set[DriveItem]) -> None:
        for drive in {item.drive for item in items}:
            if len(items) == 1:
                _take(self.corpora[drive], next(iter(items)))
            else:
                self.corpora[drive] = [item for item in self.corpora[drive] if item not in items]

    @contextmanager
    def record_change(self, item: DriveItem) -> Iterator[int]:
        """Change something about an item; yield the time. Whoever could or can see it is told by a log."""
        now = self.clock.tick()
        told = self._logs(item)
        yield now
        item.version += 1
        self.refresh(item)
        for log in {*told, *self._logs(item)}:
            log.add(item.id, now)

    def _logs(self, item: DriveItem) -> tuple[ChangeLog, ...]:
        """Return the logs that tell of an item as it is now."""
        if item.drive is None:
            return (self.user_log,) if item.seen else ()
        drive = self.drives.get(item.drive)
        own = (self.drive_logs[item.drive],) if item.drive in self.drive_logs else ()
        given = (self.user_log,) if item.seen and not (drive and drive.member) else ()
        return (*own, *given)

    def refresh(self, item: DriveItem) -> None:
        """Recompute what follows from the folders above, for an item and everything below it."""
        for each in item.below():
            above = each.parent
            each.barred = each.lost or bool(above and above.barred)
            each.seen = not (each.barred or each.gone) and (bool(above and above.seen) or self._invited(each))
            each.trashed = bool(each.trashed_at) or bool(above and above.trashed)
            each.encoded = None

    def _invited(self, item: DriveItem) -> bool:
        if item.parent is None and item.drive is not None and item.id in self.drives:
            return self.drives[item.id].member
        granted = item.grants and any(grant.email == self.account for grant in item.grants.values())
        return item.owner == self.account or bool(granted)


def _order(item: DriveItem) -> int:
    return item.order


def _insert(items: list[DriveItem], item: DriveItem) -> None:
    if not items or items[-1].order < item.order:
        items.append(item)
    else:
        insort(items, item, key=_order)


def _take(items: list[DriveItem], item: DriveItem) -> None:
    index = bisect_left(items, item.order, key=_order)
    if index < len(items) and items[index] is item:
        del items[index]
