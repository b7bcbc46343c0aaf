"""What a drive holds: files, folders, documents, shortcuts, and who was given access to them."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
DOCUMENT = "application/vnd.google-apps.document"
EDITORS = "application/vnd.google-apps."
ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
"""From the least to the most that a grantee may do."""

_ALGORITHMS = (hashlib.md5, hashlib.sha1, hashlib.sha256)

START = int(datetime(2026, 1, 5, 8, tzinfo=UTC).timestamp() * 1000)


class Clock:
    """Time of the simulated world, in milliseconds since 1970. It stands still until something happens."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def tick(self, milliseconds: int = 1) -> int:
        """Let time pass and return the new time."""
        self.now += milliseconds
        return self.now


@dataclass(slots=True)
class DriveGrant:
    """Access of somebody to an item and what is below it."""

    id: str
    role: str
    type: str = "user"
    email: str | None = None
    domain: str | None = None
    since: int = 0


@dataclass(slots=True, eq=False)
class DriveItem:
    """One entry of a drive. `barred`, `seen` and `trashed` follow from what is above it; `Store` keeps them right."""

    id: str
    order: int  # of creation
    name: str
    mime_type: str
    owner: str | None  # None in a shared drive
    drive: str | None  # the shared drive that it lies in
    parent: "DriveItem | None"
    created: int
    modified: int
    size: int | None = None
    digests: tuple[str, str, str] | None = None  # None: made up from the id and the revision
    revision: int = 1
    version: int = 1
    target: "DriveItem | None" = None  # of a shortcut
    trashed_at: int = 0  # when somebody trashed this very item
    lost: bool = False  # the account lost access to it
    barred: bool = False  # to it or to what is above it
    starred: bool = False
    description: str | None = None
    seen: bool = True
    trashed: bool = False
    gone: bool = False
    grants: dict[str, DriveGrant] | None = None  # by id
    children: "list[DriveItem] | None" = None  # of a folder, in the order of creation
    encoded: tuple[object, bytes] | None = field(default=None, repr=False)  # as the last answer had it, and its mask

    @property
    def is_folder(self) -> bool:
        """Whether other items can lie in it."""
        return self.mime_type == FOLDER

    @property
    def is_binary(self) -> bool:
        """Whether it has content of its own: bytes, a size, checksums."""
        return not self.mime_type.startswith(EDITORS)

    def above(self) -> "Iterator[DriveItem]":
        """Yield this item, its folder, and so on up to the root."""
        item: DriveItem | None = self
        while item is not None:
            yield item
            item = item.parent

    def below(self) -> "Iterator[DriveItem]":
        """Yield this item and everything in it, a folder before what it holds."""
        waiting = [self]
        while waiting:
            item = waiting.pop()
            yield item
            if item.children:
                waiting.extend(item.children)

    def checksum(self, which: int) -> str:
        """Return MD5 (0), SHA-1 (1) or SHA-256 (2) of the content."""
        if self.digests is not None:
            return self.digests[which]
        return _ALGORITHMS[which](f"{self.id}:{self.revision}".encode(), usedforsecurity=False).hexdigest()


@dataclass(slots=True)
class SharedDrive:
    """A shared drive. Its root folder has the same id."""

    id: str
    name: str
    created: int
    root: DriveItem
    member: bool = True  # whether the account is
    role: str = "organizer"  # of the account
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as the account sees it."""

    id: str
    name: str
    mime_type: str
    parent: str | None  # None: at the top of a drive it is the root; else not visible
    drive: str | None
    trashed: bool
    size: int | None
    version: int
    modified: int

    @classmethod
    def of(cls, item: DriveItem) -> "ItemView":
        """Return an item as it is now."""
        parent = item.parent.id if item.parent is not None and item.parent.seen else None
        return cls(
            item.id,
            item.name,
            item.mime_type,
            parent,
            item.drive,
            item.trashed,
            item.size,
            item.version,
            item.modified,
        )


def digests(content: bytes) -> tuple[str, str, str]:
    """Return MD5, SHA-1 and SHA-256 of content."""
    md5, sha1, sha256 = [algorithm(content, usedforsecurity=False).hexdigest() for algorithm in _ALGORITHMS]
    return md5, sha1, sha256


def permission_id(email: str) -> str:
    """Return the id of a person as a grantee."""
    return str(int.from_bytes(hashlib.sha256(email.encode()).digest()[:8], "big")).rjust(20, "1")


def grant_to(who: str, role: str, now: int) -> DriveGrant:
    """Return access for somebody: an address, a domain, or "anyone"."""
    number = permission_id(who)
    if who == "anyone":
        return DriveGrant("anyoneWithLink", role, "anyone", since=now)
    if "@" not in who:
        return DriveGrant(f"{number}k", role, "domain", domain=who, since=now)
    return DriveGrant(number, role, "user", who, since=now)
