"""The world that a simulated Box is about: items of three kinds, whose numbers overlap, and two streams of events."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from filesync_dagster.simulators.kit.bulk import fill
from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.mutations import mutate
from filesync_dagster.simulators.kit.people import grant_to
from filesync_dagster.simulators.kit.tree import TreeEntry, TreeStore, alone

ACCOUNT = "ada@example.com"
ENTERPRISE = "987654"
ROOT = "folder_0"
KINDS = ("file", "folder", "web_link")
FIRST_NUMBER = 400_000_000_000
USER_POSITIONS, ENTERPRISE_POSITIONS = 1_000_000_000, 5_000_000_000
TREE_ACTIONS = ("edit", "rename", "move", "trash", "restore", "delete", "share", "unshare", "revoke", "path_of")
ACTIONS = frozenset((*TREE_ACTIONS, "create", "link", "unlink", "preview", "bulk", "advance"))
"""What may be asked for of a Box that is served over HTTP."""

EVENT_TYPES = {
    # what happened: (in the enterprise's stream, in a user's)
    "create": ("UPLOAD", "ITEM_UPLOAD"),
    "edit": ("EDIT", "ITEM_UPLOAD"),
    "rename": ("RENAME", "ITEM_RENAME"),
    "move": ("MOVE", "ITEM_MOVE"),
    "trash": ("DELETE", "ITEM_TRASH"),
    "restore": ("UNDELETE", "ITEM_UNDELETE_VIA_TRASH"),
    "invite": ("COLLABORATION_INVITE", "COLLAB_ADD_COLLABORATOR"),
    "remove": ("COLLABORATION_REMOVE", "COLLAB_REMOVE_COLLABORATOR"),
    "link": ("SHARE", "ITEM_SHARED_CREATE"),
    "unlink": ("UNSHARE", "ITEM_SHARED_UNSHARE"),
    "preview": ("PREVIEW", "ITEM_PREVIEW"),
}


@dataclass(slots=True, eq=False)
class BoxItem(TreeEntry):
    """A file, a folder or a web link. Its id here is its kind and Box's number."""

    kind: str = ""
    url: str | None = None  # of a web link
    link: str | None = None  # how open its shared link is, if it has one
    contents: dict[int, bytes] = field(default_factory=dict)  # by revision

    @property
    def number(self) -> str:
        """Return the id as Box has it: another item of another kind may have the same."""
        return self.id.rpartition("_")[2]

    @property
    def sha1(self) -> str:
        """Return the SHA-1 of the content; of a file that was made in bulk, one that is made up."""
        content = self.contents.get(self.revision, f"{self.id}:{self.revision}".encode())
        return hashlib.sha1(content, usedforsecurity=False).hexdigest()

    @property
    def version_id(self) -> str:
        """Return the id of the current version of a file."""
        return f"{self.number}{self.revision:04}"

    def state(self) -> dict[str, Any]:
        """Return what tells what somebody did, by the name of the deed."""
        return {
            "trash": self.trashed_at or self.gone,
            "move": self.parents,
            "rename": self.name,
            "edit": (self.revision, self.url),
            "invite": (self.grants, self.lost),
            "link": self.link,
        }


@dataclass(frozen=True, slots=True)
class BoxEvent:
    """What an event says of an item: as it was then."""

    deed: str
    item: str
    name: str
    version: int
    parent: str | None
    owner: str


class BoxStore(TreeStore[BoxItem]):
    """Items and streams, with a method for each thing that people do."""

    entry_type = BoxItem

    def __init__(self, seed: int = 0, account: str = ACCOUNT) -> None:
        super().__init__(seed, account, ChangeLog(USER_POSITIONS, every=True))
        self.enterprise_log = ChangeLog(ENTERPRISE_POSITIONS, every=True)
        self.events: dict[int, BoxEvent] = {}  # by position: those of the streams differ
        self.numbers: Counter[str] = Counter()
        self.entering: dict[str, BoxItem] = {}  # what the account sees, and not the folder that it lies in
        self.links: dict[str, tuple[str, int]] = {}  # addresses of contents: the item and its revision
        self.root = self.top("All Files", ROOT, kind="folder", owner=account)
        self.derive(self.root)

    def new_id(self, *, is_folder: bool, kind: str = "") -> str:
        """Return the next number of a kind."""
        kind = kind or ("folder" if is_folder else "file")
        self.numbers[kind] += 1
        return f"{kind}_{FIRST_NUMBER + self.numbers[kind]}"

    def home(self, person: str) -> BoxItem:
        """Return the folder in which everything of a person lies."""
        if person == self.account:
            return self.root
        home = f"folder_home of {person}"
        known = self.entries.get(home)
        return known or self.top("All Files", home, kind="folder", owner=person, seen=False)

    def logs_of(self, entry: BoxItem) -> Sequence[ChangeLog]:
        """The enterprise is told of everything, a user of what they see."""
        return (self.enterprise_log, self.log) if entry.seen else (self.enterprise_log,)

    def derive(self, entry: BoxItem) -> None:
        """Set what follows from the entries above."""
        super().derive(entry)
        parent = entry.parent
        if entry.seen and parent is not None and not parent.seen:
            self.entering[entry.id] = entry
        else:
            self.entering.pop(entry.id, None)

    def forget(self, entry: BoxItem) -> set[BoxItem]:
        """Delete an item for good, with what is below it."""
        lost = super().forget(entry)
        for each in lost:
            self.entering.pop(each.id, None)
        return lost

    def adopt(self, entry: BoxItem, folder: BoxItem) -> None:
        """Give a new item its owner and its kind."""
        super().adopt(entry, folder)
        entry.kind = entry.kind or ("folder" if entry.is_folder else "file")

    def attach(self, entry: BoxItem, folder: BoxItem) -> None:
        """Put an item into a folder: with what is below it, it is of whom the folder is of."""
        super().attach(entry, folder)
        if entry.owner != folder.owner:
            for each in entry.below():
                each.owner = folder.owner

    def fill(self, entry: BoxItem, content: bytes) -> None:
        """Give a file its content; older versions stay."""
        if entry.kind == "file":
            super().fill(entry, content)
            entry.contents[entry.revision] = content

    @contextmanager
    def record_change(self, entry: BoxItem, deed: str = "") -> Iterator[int]:
        """Change something about an item; yield the time. Each stream gets an event."""
        before, known = entry.state(), entry.id in self.entries
        logs = (self.enterprise_log, self.log)
        starts = [log.end for log in logs]
        with super().record_change(entry) as now:
            yield now
        deed = deed or _deed(before, entry.state() if known else {"create": True})
        said = BoxEvent(deed, entry.id, entry.name, entry.version, _parent_id(entry, before), entry.owner or "")
        for log, start in zip(logs, starts, strict=True):
            self.events.update(dict.fromkeys(range(start, log.end), said))

    @alone
    def create(
        self,
        name: str,
        parent: str | None = None,
        *,
        kind: str = "file",
        content: bytes = b"",
        url: str = "https://example.com",
        owner: str | None = None,
    ) -> str:
        """Create a file, a folder or a web link and return its id; without `parent` at the top of `owner`'s files."""
        if kind not in KINDS:
            raise ValueError(f"There is no {kind}.")
        folder = self.entry(parent) if parent else self.home(owner or self.account)
        fields: dict[str, Any] = {"kind": kind, "entry_id": self.new_id(is_folder=kind == "folder", kind=kind)}
        if kind == "web_link":
            fields["url"] = url
        return self.add(name, folder, is_folder=kind == "folder", content=content, **fields).id

    @alone
    def restore(self, item_id: str) -> None:
        """Take an item out of the trash."""
        entry = self.entry(item_id)
        with self.record_change(entry, "restore"):
            entry.trashed_at = 0

    @alone
    def unshare(self, item_id: str, email: str) -> None:
        """Take access that `share` gave."""
        entry = self.entry(item_id)
        gone = grant_to(email, "", 0).id
        with self.record_change(entry, "remove"):
            entry.grants = {one: grant for one, grant in (entry.grants or {}).items() if one != gone} or None

    @alone
    def revoke(self, item_id: str) -> None:
        """Take the account's access to an item and what is below it, whoever gave it."""
        entry = self.entry(item_id)
        if not entry.parents:
            raise ValueError("What lies at the top cannot be revoked.")
        with self.record_change(entry, "remove"):
            entry.lost = True

    @alone
    def link(self, item_id: str, access: str = "open") -> None:
        """Give an item a shared link that is open to anyone ("open"), the "company" or "collaborators"."""
        entry = self.entry(item_id)
        with self.record_change(entry):
            entry.link = access

    @alone
    def unlink(self, item_id: str) -> None:
        """Take the shared link of an item."""
        entry = self.entry(item_id)
        with self.record_change(entry, "unlink"):
            entry.link = None

    @alone
    def preview(self, item_id: str) -> None:
        """Look at an item: an event, and nothing changes."""
        entry = self.entry(item_id)
        with self.record_change(entry, "preview"):
            entry.version -= 1

    @alone
    def bulk(self, count: int, *, per_folder: int = 100, seed: int = 0) -> None:
        """Put many files below the top, which no event tells of."""
        fill(self, self.root, count, per_folder=per_folder, seed=seed)

    @alone
    def listing(self, top: str = ROOT) -> dict[str, int | None]:
        """Return what a person sees in a folder, or in all: the size of each path; no trash, no folders."""
        return super().listing(top)

    def mutate(self, dice: random.Random) -> str:
        """Do one thing to an item, at random."""
        return mutate(self, dice, [self.root], [entry for entry in self.entries.values() if entry.parents])

    def seen_parent(self, entry: BoxItem) -> BoxItem | None:
        """Return the folder in which the account sees an item: at the top what lies in a folder that it does not."""
        if entry.parent is None or entry.parent.seen:
            return entry.parent
        return self.root

    def children(self, folder: BoxItem) -> list[BoxItem]:
        """Return what the account sees in a folder, in the order of creation."""
        found = [*(folder.children or ()), *(self.entering.values() if folder is self.root else ())]
        return sorted((one for one in found if one.seen and not one.trashed), key=lambda one: one.order)


def _deed(before: dict[str, Any], after: dict[str, Any]) -> str:
    return next((deed for deed, state in after.items() if before.get(deed) != state), "edit")


def _parent_id(entry: BoxItem, before: dict[str, Any]) -> str | None:
    parents = entry.parents or before["move"]  # what was deleted lies nowhere any more
    return parents[0].id if parents else None
