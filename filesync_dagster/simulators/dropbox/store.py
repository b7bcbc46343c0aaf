"""The world that a simulated Dropbox is about: one tree with shared folders mounted in it, and a feed of paths.

Dropbox tells what changed by path: for each path what is there now, or that nothing is any more. What a folder holds is
told again when the folder moves, and not when it is deleted. Names that differ in case only are the same name.
"""

import base64
import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filesync_dagster.simulators.dropbox.refusals import CONFLICT, DropboxRefusal
from filesync_dagster.simulators.kit.bulk import fill
from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.mutations import mutate
from filesync_dagster.simulators.kit.people import person_id
from filesync_dagster.simulators.kit.tree import TreeEntry, TreeStore, alone, insert_in_order, take_in_order

ACCOUNT = "ada@example.com"
HASH_BLOCK_BYTES = 4 << 20
TREE_ACTIONS = ("edit", "rename", "move", "delete", "share", "unshare", "revoke", "path_of")
ACTIONS = frozenset((*TREE_ACTIONS, "create", "share_folder", "mount", "bulk"))
"""What may be asked for of a Dropbox that is served over HTTP."""

MUTATIONS = ("create", "edit", "rename", "move", "delete")


@dataclass(slots=True, eq=False)
class DropboxEntry(TreeEntry):
    """One entry. `kind`: file, folder, paper, web (a shortcut to a page) or symlink."""

    kind: str = "file"
    namespace: str | None = None  # of a shared folder that is mounted here
    target: str | None = None  # of a symlink
    made_up: bool = False  # its content: it was made in bulk

    @property
    def rev(self) -> str:
        """The revision of the content."""
        return f"{self.order:08x}{self.revision:06x}"

    @property
    def path_lower(self) -> str:
        """The path by which Dropbox knows it, empty for the root."""
        return "".join(f"/{entry.name.lower()}" for entry in reversed([*self.above()][:-1]))

    @property
    def content_hash(self) -> str:
        """The hash that Dropbox has of the content."""
        content = f"{self.id}:{self.revision}".encode() if self.made_up else self.content
        return content_hash(content)


class DropboxStore(TreeStore[DropboxEntry]):
    """Entries, shared folders and one change log, with a method for each thing that people do."""

    entry_type = DropboxEntry

    def __init__(self, seed: int = 0, account: str = ACCOUNT) -> None:
        super().__init__(seed, account, ChangeLog())
        self.ordered: list[DropboxEntry] = []  # in the order of creation, without the root
        self.root = self.top("", "root", owner=account, kind="folder")
        self.root_namespace = "1000001"
        self.members: set[str] = set()  # of the team that the app is linked to; empty: it is linked to an account
        self.is_app_folder = False  # the app sees a folder of its own only
        self.omits_namespaces = False  # recursive lists leave out what lies in mounted folders, as some roots do

    def new_id(self, *, is_folder: bool) -> str:
        """Return an id that looks like Dropbox's."""
        return f"id:{base64.urlsafe_b64encode(self.random.randbytes(16)).decode().rstrip('=')}"

    def derive(self, entry: DropboxEntry) -> None:
        """Set what follows from the entries above: what the account left, it does not see."""
        super().derive(entry)
        entry.seen = not (entry.barred or entry.gone)

    def enroll(self, entry: DropboxEntry) -> None:
        """Make a new entry known."""
        super().enroll(entry)
        insert_in_order(self.ordered, entry)

    def forget(self, entry: DropboxEntry) -> set[DropboxEntry]:
        """Delete an entry for good, with what is below it."""
        lost = super().forget(entry)
        if len(lost) == 1:
            take_in_order(self.ordered, entry)
        else:
            self.ordered = [one for one in self.ordered if one not in lost]
        return lost

    @contextmanager
    def record_change(self, entry: DropboxEntry) -> Iterator[int]:
        """Change something about an entry; yield the time. The log has the paths at which something is another now."""
        now = self.clock.tick()
        before = entry.path_lower if entry.parents and entry.seen else None
        yield now
        entry.version += 1
        self.refresh(entry)
        after = entry.path_lower if entry.parents and entry.seen else None
        if before is not None and before != after:
            self.log.add(before, now)
        if after is not None:
            for each in entry.below() if before != after else (entry,):
                self.log.add(each.path_lower, now)

    def at(self, path: str, top: DropboxEntry | None = None) -> DropboxEntry | None:
        """Return what the account sees at a path below a folder, the root if none is named."""
        found: DropboxEntry | None = top or self.root
        for name in path.lower().split("/")[1:]:
            children = (found.children if found else None) or ()
            found = next((child for child in children if child.seen and child.name.lower() == name), None)
        return found

    # What people do.

    @alone
    def create(
        self,
        name: str,
        parent: str | None = None,
        *,
        kind: str = "file",
        content: bytes = b"",
        target: str | None = None,
    ) -> str:
        """Create a file, folder, paper document, web shortcut or symlink (`kind`) and return its id."""
        folder = self.entry(parent) if parent else self.root
        self._require_free(name, folder)
        return self.add(name, folder, is_folder=kind == "folder", content=content, kind=kind, target=target).id

    @alone
    def edit(self, item_id: str, content: bytes = b"") -> None:
        """Save new content."""
        if self.entry(item_id).is_folder:
            raise DropboxRefusal(CONFLICT, "path/conflict/folder", "A folder has no content.")
        super().edit(item_id, content)

    @alone
    def rename(self, item_id: str, name: str) -> None:
        """Give an entry another name. Of one that differs in case only, no log tells."""
        entry = self.entry(item_id)
        if name.lower() == entry.name.lower():
            self.clock.tick()
            entry.name = name
            return
        self._require_free(name, entry.parents[0])
        super().rename(item_id, name)

    @alone
    def move(self, item_id: str, folder_id: str | None = None) -> None:
        """Put an entry into another folder (None: the root); what is below it comes along."""
        entry, folder = self.entry(item_id), self.entry(folder_id) if folder_id else self.root
        if folder not in entry.parents:
            self._require_free(entry.name, folder)
        super().move(item_id, folder.id)

    def _require_free(self, name: str, folder: DropboxEntry) -> None:
        taken = any(child.name.lower() == name.lower() for child in folder.children or ())
        if taken or not name or "/" in name:
            raise DropboxRefusal(CONFLICT, "path/conflict/file", f"There is a {name} already, or it is no name.")

    @alone
    def share_folder(self, item_id: str) -> str:
        """Make a folder a shared one, which is a namespace of its own, and return the id of that."""
        entry = self.entry(item_id)
        if not entry.is_folder or not entry.parents:
            raise DropboxRefusal(CONFLICT, "bad_path/not_folder", "Only a folder below the root can be shared.")
        with self.record_change(entry):
            entry.namespace = entry.namespace or str(2_000_000 + entry.order)
        return entry.namespace

    @alone
    def mount(self, item_id: str) -> None:
        """Let the account see again what it left."""
        entry = self.entry(item_id)
        with self.record_change(entry):
            entry.lost = False

    @alone
    def bulk(self, count: int, per_folder: int = 100, seed: int = 0, parent: str | None = None) -> None:
        """Add many files in nested folders, fast; no change log tells of them."""
        first = self._order
        fill(self, self.entry(parent) if parent else self.root, count, per_folder=per_folder, seed=seed)
        for entry in self.ordered:
            if entry.order > first:
                entry.kind, entry.made_up = "folder" if entry.is_folder else "file", True

    def mutate(self, dice: random.Random) -> None:
        """Do one thing to a file that the account sees, at random."""
        mutate(self, dice, [self.root], self.ordered, MUTATIONS)

    @alone
    def listing(self, top: str = "root") -> dict[str, int | None]:
        """Return what a person sees in a folder: the size of each path; no folders."""
        return super().listing(top)

    def namespaces(self) -> list[DropboxEntry]:
        """Return the shared folders that the account sees."""
        return [entry for entry in self.ordered if entry.namespace and entry.seen]


def content_hash(content: bytes) -> str:
    """Return Dropbox's hash of a content: SHA-256 of the SHA-256 of each 4 MiB."""
    blocks = (content[at : at + HASH_BLOCK_BYTES] for at in range(0, len(content), HASH_BLOCK_BYTES))
    return hashlib.sha256(b"".join(hashlib.sha256(block).digest() for block in blocks)).hexdigest()


def account_id(email: str) -> str:
    """Return the id of a person."""
    return f"dbid:{base64.urlsafe_b64encode(person_id(email).encode())[:35].decode():A<35}"
