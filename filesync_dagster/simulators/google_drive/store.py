"""The world that a simulated Drive is about: what people do in it, and what the account sees of it.

One account looks at this world; other people exist as owners and grantees. An item belongs to one corpus: a shared
drive (by its id), or None, which is everybody's My Drive.
"""

import base64
import random
from collections.abc import Iterator, Sequence

from filesync_dagster.simulators.google_drive.items import (
    DOCUMENT,
    FOLDER,
    SHORTCUT,
    DriveItem,
    ItemView,
    SharedDrive,
    digests,
)
from filesync_dagster.simulators.kit.bulk import fill
from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.mutations import mutate
from filesync_dagster.simulators.kit.people import grant_to
from filesync_dagster.simulators.kit.tree import TreeStore, alone, insert_in_order, mime_type_of, take_in_order

ACCOUNT = "ada@example.com"
LOG_DISTANCE = 1_000_000_000
MIME_TYPES = {"folder": FOLDER, "document": DOCUMENT, "shortcut": SHORTCUT}
TREE_ACTIONS = ("edit", "rename", "move", "trash", "restore", "delete", "share", "unshare", "revoke", "path_of")
OWN_ACTIONS = ("create", "empty_trash", "shared_drive", "rename_drive", "remove_drive", "bulk")
PARENT_ACTIONS = ("add_parent", "remove_parent")
ACTIONS = frozenset((*TREE_ACTIONS, *OWN_ACTIONS, *PARENT_ACTIONS))
"""What may be asked for of a Drive that is served over HTTP."""


class DriveStore(TreeStore[DriveItem]):
    """Items, drives and change logs, with a method for each thing that people do."""

    entry_type = DriveItem

    def __init__(self, seed: int = 0, account: str = ACCOUNT) -> None:
        super().__init__(seed, account, ChangeLog(LOG_DISTANCE))
        self.items = self.entries  # roots too
        self.corpora: dict[str | None, list[DriveItem]] = {None: []}  # in the order of creation, roots left out
        self.drives: dict[str, SharedDrive] = {}
        self.roots: dict[str, DriveItem] = {}  # of each person's My Drive
        self.drive_logs: dict[str, ChangeLog] = {}
        self.undownloadable: set[str] = set()  # files whose owner lets nobody download, copy or print them
        self.requests: set[str] = set()  # ids of those that created a shared drive
        self.root_id = self.my_drive(account).id

    def my_drive(self, person: str) -> DriveItem:
        """Return the root folder of a person's My Drive."""
        if person not in self.roots:
            root = self.top("My Drive", mime_type=FOLDER, owner=person, seen=person == self.account)
            self.roots[person] = root
        return self.roots[person]

    def item(self, item_id: str) -> DriveItem:
        """Return an item; `root` is the top of the account's My Drive."""
        return self.entries[self.root_id if item_id == "root" else item_id]

    entry = item

    def new_id(self, *, is_folder: bool) -> str:
        """Return an id that looks like Drive's."""
        return "1" + base64.urlsafe_b64encode(self.random.randbytes(24)).decode()

    def logs_of(self, entry: DriveItem) -> Sequence[ChangeLog]:
        """Return the logs that tell of an item: its drive's, and the user's if they see it as no member."""
        if entry.drive is None:
            return (self.log,) if entry.seen else ()
        drive = self.drives.get(entry.drive)
        own = (self.drive_logs[entry.drive],) if entry.drive in self.drive_logs else ()
        given = (self.log,) if entry.seen and not (drive and drive.member) else ()
        return (*own, *given)

    def is_invited(self, entry: DriveItem) -> bool:
        """Tell whether the account may see an item by itself: as an owner, a grantee or a member of its drive."""
        if not entry.parents and entry.id in self.drives:
            return self.drives[entry.id].member
        return super().is_invited(entry)

    def derive(self, entry: DriveItem) -> None:
        """Set what follows from the entries above."""
        super().derive(entry)
        entry.encoded = None

    def adopt(self, entry: DriveItem, folder: DriveItem) -> None:
        """Give a new item its drive, owner and type."""
        entry.drive = folder.drive
        entry.owner = None if folder.drive else entry.owner or folder.owner
        entry.mime_type = entry.mime_type or (FOLDER if entry.is_folder else mime_type_of(entry.name))

    def enroll(self, entry: DriveItem) -> None:
        """Make a new item known."""
        super().enroll(entry)
        insert_in_order(self.corpora[entry.drive], entry)

    def forget(self, entry: DriveItem) -> set[DriveItem]:
        """Delete an item for good, with what is below it."""
        lost = super().forget(entry)
        self._leave_corpora(lost)
        return lost

    def fill(self, entry: DriveItem, content: bytes) -> None:
        """Give a file its content, its size and its checksums."""
        if entry.is_binary:
            entry.content, entry.size, entry.digests = content, len(content), digests(content)

    def _leave_corpora(self, items: set[DriveItem]) -> None:
        for drive in {item.drive for item in items}:
            if len(items) == 1:
                take_in_order(self.corpora[drive], next(iter(items)))
            else:
                self.corpora[drive] = [item for item in self.corpora[drive] if item not in items]

    @alone
    def create(
        self,
        name: str,
        parent: str | None = None,
        *,
        kind: str = "file",
        content: bytes = b"",
        mime_type: str | None = None,
        target: str | None = None,
        owner: str | None = None,
    ) -> str:
        """Create a file, folder, document or shortcut (`kind`) and return its id.

        Without `parent` it lies at the top of the My Drive of `owner`, who is the account if nobody is named.
        """
        folder = self.item(parent) if parent else self.my_drive(owner or self.account)
        mime = mime_type or MIME_TYPES.get(kind, "")
        pointed = {"target": self.item(target)} if target else {}
        return self.add(
            name, folder, is_folder=mime == FOLDER, content=content, mime_type=mime, owner=owner, **pointed
        ).id

    @alone
    def move(self, item_id: str, parent: str | None = None) -> None:
        """Put an item into another folder (None: My Drive), perhaps of another drive; what is below it comes along."""
        item, folder = self.item(item_id), self.item(parent or self.root_id)
        super().move(item.id, folder.id)

    def attach(self, entry: DriveItem, folder: DriveItem) -> None:
        """Put an item into a folder; into one of another corpus with what is below it."""
        if entry.drive != folder.drive:
            movers = set(entry.below())
            self._leave_corpora(movers)
            for each in movers:
                each.drive, each.owner = folder.drive, None if folder.drive else folder.owner
            self.corpora[folder.drive] = sorted((*self.corpora[folder.drive], *movers), key=lambda item: item.order)
        super().attach(entry, folder)

    @alone
    def empty_trash(self, drive: str | None = None) -> None:
        """Delete permanently what somebody moved to the trash of a drive."""
        for item in [item for item in self.corpora[drive] if item.trashed_at]:
            if not item.gone:
                self.delete(item.id)

    @alone
    def share(self, item_id: str, email: str, role: str = "reader") -> str:
        """Give somebody access (an address, a domain, or "anyone") and return the id of the permission."""
        if item_id in self.drives and email == self.account:
            drive = self.drives[item_id]
            drive.member, drive.role = True, role
            self._membership_changed(drive)
            return grant_to(email, role, 0).id
        return super().share(item_id, email, role)

    @alone
    def revoke(self, item_id: str) -> None:
        """Take the account's access to an item and what is below it, or to a shared drive, whoever gave it."""
        if item_id in self.drives:
            self.drives[item_id].member = False
            self._membership_changed(self.drives[item_id])
        else:
            super().revoke(item_id)

    def _membership_changed(self, drive: SharedDrive) -> None:
        self.refresh(drive.root)
        self.log.add(drive.id, self.clock.tick(), "drive")

    @alone
    def shared_drive(self, name: str) -> str:
        """Create a shared drive that the account is a member of, and return its id."""
        drive_id = f"0A{base64.urlsafe_b64encode(self.random.randbytes(9)).decode()[:11]}Uk9PVA"
        root = self.top("Drive", drive_id, mime_type=FOLDER, drive=drive_id)
        self.drives[drive_id] = SharedDrive(drive_id, name, root.created, root)
        self.drive_logs[drive_id] = ChangeLog(LOG_DISTANCE * (2 + len(self.drive_logs)))
        self.corpora[drive_id] = []
        self.log.add(drive_id, root.created, "drive")
        return drive_id

    @alone
    def rename_drive(self, drive_id: str, name: str) -> None:
        """Give a shared drive another name."""
        self.drives[drive_id].name = name
        now = self.clock.tick()
        for log in (self.log, self.drive_logs[drive_id]):
            log.add(drive_id, now, "drive")

    @alone
    def remove_drive(self, drive_id: str) -> None:
        """Delete a shared drive with all that is in it."""
        self.forget(self.drives.pop(drive_id).root)
        del self.corpora[drive_id]  # its log stays: another drive must not get its positions
        self.log.add(drive_id, self.clock.tick(), "drive")

    @alone
    def bulk(self, count: int, per_folder: int = 100, seed: int = 0, parent: str | None = None) -> None:
        """Add many files in nested folders, fast; no change log tells of them."""
        fill(self, self.item(parent or self.root_id), count, per_folder=per_folder, seed=seed)

    def mutate(self, dice: random.Random) -> None:
        """Do one thing to a file that the account sees, at random."""
        tops = [self.item("root"), *(drive.root for drive in self.drives.values() if drive.member)]
        top = tops[0] if len(tops) == 1 else dice.choice(tops)
        mutate(self, dice, [top], self.corpora[top.drive])

    @alone
    def visible(self) -> Iterator[ItemView]:
        """Return what the account sees now, in the trash or not, root folders left out."""
        return iter([ItemView.of(item) for items in self.corpora.values() for item in items if item.seen])

    @alone
    def listing(self, top: str = "root") -> dict[str, int | None]:
        """Return what a person sees in a folder or a shared drive: the size of each path; no trash, no folders."""
        return super().listing(top)
