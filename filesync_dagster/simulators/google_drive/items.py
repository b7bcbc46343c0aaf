"""What a drive holds: files, folders, documents, shortcuts, and the shared drives themselves."""

import hashlib
from dataclasses import dataclass, field
from typing import Self

from filesync_dagster.simulators.kit.tree import TreeEntry

FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
DOCUMENT = "application/vnd.google-apps.document"
EDITORS = "application/vnd.google-apps."
ROLES = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
"""From the least to the most that a grantee may do."""

_ALGORITHMS = (hashlib.md5, hashlib.sha1, hashlib.sha256)


@dataclass(slots=True, eq=False)
class DriveItem(TreeEntry):
    """One entry of a drive. `owner` is None in a shared drive."""

    mime_type: str = ""
    drive: str | None = None  # the shared drive that it lies in
    digests: tuple[str, str, str] | None = None  # None: made up from the id and the revision
    target: "Self | None" = None  # of a shortcut
    starred: bool = False
    description: str | None = None
    encoded: tuple[object, bytes] | None = field(default=None, repr=False)  # as the last answer had it, and its mask

    @property
    def is_binary(self) -> bool:
        """Whether it has content of its own: bytes, a size, checksums."""
        return not self.mime_type.startswith(EDITORS)

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
        parent = next((parent.id for parent in item.parents if parent.seen), None)
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
