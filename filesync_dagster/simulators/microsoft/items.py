"""What a drive holds (files, folders, notebooks, shortcuts to other drives), and sites and drives themselves."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Final, Self

from filesync_dagster.simulators.kit.journal import ChangeLog
from filesync_dagster.simulators.kit.tree import TreeEntry

HASH_BITS: Final = 160
SHIFT_BITS: Final = 11
FOLD_BYTES: Final = HASH_BITS * 4096
"""So many bytes are combined at once: a multiple of the period of the hash."""


@dataclass(slots=True, eq=False)
class GraphItem(TreeEntry):
    """One driveItem. A package is a folder whose content is an application's own business."""

    drive: str = ""
    kind: str = ""  # "package" or "shortcut"; empty: a file or a folder
    guid: str = ""  # of the list item behind it
    target: "Self | None" = None  # of a shortcut
    hashed: tuple[int, str] = (0, "")  # the revision that a hash was computed for, and the hash

    @property
    def has_content(self) -> bool:
        """Whether it is a file."""
        return not self.is_folder and not self.kind

    def quick_xor_hash(self) -> str:
        """Return the hash of the content; of a file that was made in bulk it is made up."""
        if self.hashed[0] != self.revision:
            made_up = self.size is not None and len(self.content) != self.size
            content = f"{self.id}:{self.revision}".encode() if made_up else self.content
            self.hashed = self.revision, quick_xor_hash(content)
        return self.hashed[1]


@dataclass(slots=True)
class GraphDrive:
    """A document library of a site, or the OneDrive of a user."""

    id: str
    name: str
    root: GraphItem
    log: ChangeLog
    url: str
    site: str = ""  # id; of a OneDrive there is none that anybody asks for
    owner: str = ""  # e-mail address; of a library there is none
    locked: bool = False  # an administrator locked it: 423
    items: list[GraphItem] = field(default_factory=list)  # in the order of creation, the root left out


@dataclass(slots=True)
class GraphSite:
    """A site of SharePoint."""

    id: str
    host: str
    path: str  # "sites/engineering"
    name: str
    drives: list[str] = field(default_factory=list)


def quick_xor_hash(content: bytes) -> str:
    """Return the hash that Microsoft's stores tell: each byte is put in 11 bits further, round a circle of 160 bits.

    >>> quick_xor_hash(b""), quick_xor_hash(b"a")
    ('AAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'YQAAAAAAAAAAAAAAAQAAAAAAAAA=')
    """
    folded = 0
    for start in range(0, len(content), FOLD_BYTES):
        folded ^= int.from_bytes(content[start : start + FOLD_BYTES], "little")
    period = bytearray(HASH_BITS)
    whole = folded.to_bytes(FOLD_BYTES, "little")
    for start in range(0, min(len(content), FOLD_BYTES), HASH_BITS):
        block = int.from_bytes(whole[start : start + HASH_BITS], "little") ^ int.from_bytes(period, "little")
        period = bytearray(block.to_bytes(HASH_BITS, "little"))
    circle = 0
    for index, byte in enumerate(period):
        circle ^= byte << (index * SHIFT_BITS) % HASH_BITS
    circle = (circle & ((1 << HASH_BITS) - 1)) ^ (circle >> HASH_BITS)
    return base64.b64encode((circle ^ len(content) << 96).to_bytes(HASH_BITS // 8, "little")).decode()


def guid_of(seed: str) -> str:
    """Return a GUID that is always the same for the same text."""
    digits = hashlib.sha256(seed.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
