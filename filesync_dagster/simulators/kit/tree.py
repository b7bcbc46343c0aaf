"""A store of files and folders: who lies where, what is in the trash, who may see it, and logs that tell of changes.

A vendor derives an entry with what only it has, and a store that says how ids look (`new_id`), which logs tell of an
entry (`logs_of`) and what follows from the entries above (`derive`). What people do, and bulk creation, are here.
"""

import mimetypes
import random
import threading
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from filesync_dagster.simulators.kit.clock import Clock
from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.people import AccessGrant, grant_to

P = ParamSpec("P")
R = TypeVar("R")
Store = TypeVar("Store", bound="TreeStore[Any]")

_TYPES = mimetypes.MimeTypes(filenames=())  # what this machine has in /etc/mime.types must not matter


@dataclass(slots=True, eq=False)
class TreeEntry:
    """A file or a folder. `seen`, `barred` and `trashed` follow from what is above it; the store keeps them right."""

    id: str
    order: int  # of creation
    name: str
    is_folder: bool
    created: int
    modified: int
    parents: "tuple[Self, ...]" = ()
    children: "list[Self] | None" = None  # of a folder, in the order of creation
    size: int | None = None
    content: bytes = b""
    revision: int = 1  # of the content
    version: int = 1  # of anything
    owner: str | None = None
    trashed_at: int = 0  # when somebody trashed this very entry
    lost: bool = False  # the account lost access to it
    grants: dict[str, AccessGrant] | None = None  # by id
    seen: bool = True  # by the account
    barred: bool = False  # lost, or below what is lost
    trashed: bool = False  # it, or what is above it
    gone: bool = False  # deleted for good

    @property
    def parent(self) -> "Self | None":
        """The folder that it lies in, the first of several; None at the top."""
        return self.parents[0] if self.parents else None

    def above(self) -> "Iterator[Self]":
        """Yield this entry and everything that it lies in, the nearest first."""
        waiting, known = [self], {self}
        for entry in waiting:
            yield entry
            for parent in entry.parents:
                if parent not in known:
                    known.add(parent)
                    waiting.append(parent)

    def below(self) -> "Iterator[Self]":
        """Yield this entry and everything in it, a folder before what it holds."""
        waiting, known = [self], {self}
        while waiting:
            entry = waiting.pop()
            yield entry
            fresh = [child for child in entry.children or () if child not in known]
            known.update(fresh)
            waiting.extend(fresh)

    def path(self) -> str:
        """Return the names from below the top down to this entry, with slashes between."""
        names: list[str] = []
        entry, known = self, set()
        while entry.parents and entry not in known:
            known.add(entry)
            names.append(entry.name)
            entry = entry.parents[0]
        return "/".join(reversed(names))


E = TypeVar("E", bound=TreeEntry)


def alone(method: Callable[Concatenate[Store, P], R]) -> Callable[Concatenate[Store, P], R]:
    """Let nobody else into a store while a method runs."""

    @wraps(method)
    def run_alone(self: Store, *args: P.args, **kwargs: P.kwargs) -> R:
        with self.lock:
            return method(self, *args, **kwargs)

    return run_alone  # type: ignore[return-value]  # `self` is never passed by name


def mime_type_of(name: str) -> str:
    """Return the media type of a file by its name."""
    return _mime_type_of_suffixes(name.partition(".")[2])


@lru_cache(maxsize=1024)
def _mime_type_of_suffixes(suffixes: str) -> str:
    return _TYPES.guess_type(f"x.{suffixes}")[0] or "application/octet-stream"


class TreeStore(Generic[E]):
    """Entries, as one account sees them, and what people do with them. Thread-safe.

    Whoever reads more than one thing, or writes, holds `lock`. Ids that do not exist raise KeyError, what makes no
    sense ValueError. The same seed and actions give the same ids and times.
    """

    entry_type: Callable[..., E]

    def __init__(self, seed: int = 0, account: str = "ada@example.com", log: ChangeLog | None = None) -> None:
        self.account = account
        self.clock = Clock()
        self.lock = threading.RLock()
        self.random = random.Random(seed)  # noqa: S311 - ids, not secrets
        self.entries: dict[str, E] = {}  # what was deleted for good is not here
        self.log = log or ChangeLog()  # of the account
        self._order = 0

    def new_id(self, *, is_folder: bool) -> str:
        """Return an id as the vendor's look."""
        return self.random.randbytes(8).hex()

    def logs_of(self, entry: E) -> Sequence[ChangeLog]:
        """Return the logs that tell of an entry as it is now."""
        return (self.log,) if entry.seen else ()

    def derive(self, entry: E) -> None:
        """Set what follows from the entries above."""
        above = entry.parents
        entry.barred = entry.lost or (bool(above) and all(one.barred for one in above))
        entry.seen = not (entry.barred or entry.gone) and (any(one.seen for one in above) or self.is_invited(entry))
        entry.trashed = bool(entry.trashed_at) or (bool(above) and all(one.trashed for one in above))

    def is_invited(self, entry: E) -> bool:
        """Tell whether the account may see an entry by itself, and not only through what is above it."""
        grants = (entry.grants or {}).values()
        return entry.owner == self.account or any(grant.email == self.account for grant in grants)

    def adopt(self, entry: E, folder: E) -> None:
        """Give a new entry what it has from the folder that it is made in."""
        entry.owner = entry.owner or folder.owner

    # What the state is made of.

    def next_order(self) -> int:
        """Return the next place in the order of creation."""
        self._order += 1
        return self._order

    def new_entry(self, name: str, *, is_folder: bool, entry_id: str = "", **fields: Any) -> E:
        """Return a new entry of now, that lies nowhere yet."""
        entry_id = entry_id or self.new_id(is_folder=is_folder)
        now = self.clock.now
        return self.entry_type(entry_id, self.next_order(), name, is_folder, now, now, **fields)

    def top(self, name: str, entry_id: str = "", **fields: Any) -> E:
        """Add a folder that lies in nothing, and return it."""
        self.clock.tick()
        entry = self.new_entry(name, is_folder=True, entry_id=entry_id, **fields)
        self.entries[entry.id] = entry
        return entry

    def entry(self, item_id: str) -> E:
        """Return an entry."""
        return self.entries[item_id]

    def enroll(self, entry: E) -> None:
        """Make a new entry known."""
        self.entries[entry.id] = entry

    def attach(self, entry: E, folder: E) -> None:
        """Put an entry into a folder, too, among its siblings in the order of creation."""
        entry.parents = (*entry.parents, folder)
        if folder.children is None:
            folder.children = []
        insert_in_order(folder.children, entry)

    def detach(self, entry: E) -> None:
        """Take an entry out of all folders."""
        for folder in entry.parents:
            take_in_order(folder.children or [], entry)
        entry.parents = ()

    def forget(self, entry: E) -> set[E]:
        """Delete an entry, and what is below it and lies in nothing else, for good; return what was deleted."""
        self.detach(entry)
        waiting = [entry]
        for each in waiting:
            each.gone, each.seen = True, False
            self.entries.pop(each.id, None)
            for child in each.children or ():
                child.parents = tuple(parent for parent in child.parents if parent is not each)
                if not child.parents:
                    waiting.append(child)
        return set(waiting)

    @contextmanager
    def record_change(self, entry: E) -> Iterator[int]:
        """Change something about an entry; yield the time. Whoever could or can see it is told by a log."""
        now = self.clock.tick()
        told = self.logs_of(entry)
        yield now
        entry.version += 1
        self.refresh(entry)
        for log in dict.fromkeys((*told, *self.logs_of(entry))):
            log.add(entry.id, now)

    def refresh(self, entry: E) -> None:
        """Derive again what follows from the folders above, for an entry and everything below it."""
        for each in entry.below():
            self.derive(each)

    # What people do.

    def add(self, name: str, folder: E, *, is_folder: bool = False, content: bytes = b"", **fields: Any) -> E:
        """Add a file or a folder, and return it."""
        if not folder.is_folder:
            raise ValueError(f"{folder.name} is not a folder.")
        self.clock.tick()
        entry = self.new_entry(name, is_folder=is_folder, version=0, seen=False, **fields)
        self.adopt(entry, folder)
        with self.record_change(entry) as now:
            self.fill(entry, content)
            self.enroll(entry)
            self.attach(entry, folder)
            entry.created = entry.modified = now
        return entry

    def make(self, name: str, folder: E, *, is_folder: bool = False, **fields: Any) -> E:
        """Put a new entry into a folder, and return it: of now, and no log tells of it."""
        entry = self.new_entry(name, is_folder=is_folder, **fields)
        entry.seen, entry.barred, entry.trashed = folder.seen, folder.barred, folder.trashed
        self.adopt(entry, folder)
        self.enroll(entry)
        self.attach(entry, folder)
        return entry

    def fill(self, entry: E, content: bytes) -> None:
        """Give a file its content."""
        if not entry.is_folder:
            entry.content, entry.size = content, len(content)

    @alone
    def edit(self, item_id: str, content: bytes = b"") -> None:
        """Save new content."""
        entry = self.entry(item_id)
        with self.record_change(entry) as now:
            entry.modified = now
            entry.revision += 1
            self.fill(entry, content)

    @alone
    def rename(self, item_id: str, name: str) -> None:
        """Give an entry another name."""
        entry = self.entry(item_id)
        with self.record_change(entry):
            entry.name = name

    @alone
    def move(self, item_id: str, folder_id: str) -> None:
        """Put an entry into another folder, out of all that it was in; what is below it comes along."""
        entry, folder = self.entry(item_id), self.entry(folder_id)
        if entry in folder.above() or not entry.parents or not folder.is_folder:
            raise ValueError(f"{entry.name} cannot be moved into {folder.name}.")
        with self.record_change(entry):
            self.detach(entry)
            self.attach(entry, folder)

    @alone
    def add_parent(self, item_id: str, folder_id: str) -> None:
        """Let an entry lie in one more folder, even one below it: then they contain each other."""
        entry, folder = self.entry(item_id), self.entry(folder_id)
        if folder in entry.parents or not folder.is_folder:
            raise ValueError(f"{entry.name} cannot be added to {folder.name}.")
        with self.record_change(entry):
            self.attach(entry, folder)

    @alone
    def remove_parent(self, item_id: str, folder_id: str) -> None:
        """Take an entry out of one folder; in none it lies nowhere, and is still there."""
        entry, folder = self.entry(item_id), self.entry(folder_id)
        with self.record_change(entry):
            take_in_order(folder.children or [], entry)
            entry.parents = tuple(parent for parent in entry.parents if parent is not folder)

    @alone
    def trash(self, item_id: str) -> None:
        """Move an entry to the trash; what is below it is in the trash too, but nobody is told so."""
        entry = self.entry(item_id)
        with self.record_change(entry) as now:
            entry.trashed_at = now

    @alone
    def restore(self, item_id: str) -> None:
        """Take an entry out of the trash."""
        entry = self.entry(item_id)
        with self.record_change(entry):
            entry.trashed_at = 0

    @alone
    def delete(self, item_id: str) -> None:
        """Delete an entry and what is below it permanently; only its own removal is told."""
        entry = self.entry(item_id)
        if not entry.parents:
            raise ValueError("What lies at the top cannot be deleted.")
        with self.record_change(entry):
            self.forget(entry)

    @alone
    def share(self, item_id: str, email: str, role: str = "reader") -> str:
        """Give somebody access (an address, a domain, or "anyone") and return the id of the grant."""
        entry = self.entry(item_id)
        grant = grant_to(email, role, self.clock.now)
        with self.record_change(entry):
            entry.grants = {**(entry.grants or {}), grant.id: grant}
            if email == self.account:
                entry.lost = False
        return grant.id

    @alone
    def unshare(self, item_id: str, email: str) -> None:
        """Take access that `share` gave."""
        entry = self.entry(item_id)
        gone = grant_to(email, "", 0).id
        with self.record_change(entry):
            entry.grants = {one: grant for one, grant in (entry.grants or {}).items() if one != gone} or None

    @alone
    def revoke(self, item_id: str) -> None:
        """Take the account's access to an entry and what is below it, whoever gave it."""
        entry = self.entry(item_id)
        if not entry.parents:
            raise ValueError("What lies at the top cannot be revoked.")
        with self.record_change(entry):
            entry.lost = True

    @alone
    def advance(self, seconds: float) -> None:
        """Let time pass in which nothing happens."""
        self.clock.advance(seconds)

    @alone
    def path_of(self, item_id: str) -> str:
        """Return the names from below the top down to an entry, with slashes between."""
        return self.entry(item_id).path()

    @alone
    def listing(self, top: str) -> dict[str, int | None]:
        """Return what a person sees in a folder: the size of each path; no trash, no folders."""
        top_entry = self.entry(top)
        inside = [entry for entry in top_entry.below() if entry.seen and not entry.trashed and not entry.is_folder]
        start = len(top_entry.path()) + 1 if top_entry.parents else 0
        return {entry.path()[start:]: entry.size for entry in inside}


def _order(entry: TreeEntry) -> int:
    return entry.order


def insert_in_order(entries: list[E], entry: E) -> None:
    """Put an entry into a list in the order of creation."""
    if not entries or entries[-1].order < entry.order:
        entries.append(entry)
    else:
        insort(entries, entry, key=_order)


def take_in_order(entries: list[E], entry: E) -> None:
    """Take an entry out of a list in the order of creation, if it is there."""
    index = bisect_left(entries, entry.order, key=_order)
    if index < len(entries) and entries[index] is entry:
        del entries[index]
