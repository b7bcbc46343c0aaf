"""The nouns: entries, pages, capabilities, changes, results. Imports nothing of ours but errors.

Free of Arrow, which takes as long to load as all the rest: rows and their schemas are in `schemas`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    SHORTCUT = "shortcut"
    DOCUMENT = "document"


class ChangeKind(StrEnum):
    """What happened to an entry between two snapshots. One row has one kind; the first that fits, in this order."""

    ADDED = "added"
    REMOVED = "removed"  # gone, or moved to the store's trash
    LEFT_SCOPE = "left_scope"  # still there for all we know, but no longer selected
    RESTORED = "restored"  # back from the trash
    MOVED = "moved"  # renamed or re-parented (its content may have changed too)
    MODIFIED = "modified"
    PERMISSIONS_CHANGED = "permissions_changed"
    REFRESHED = "refreshed"  # the same file: its id or bookkeeping differ. In no journal, and no count


JOURNALED = frozenset(ChangeKind) - {ChangeKind.REFRESHED}
"""The changes that the journal has."""


class SyncStatus(StrEnum):
    """How a sync ended."""

    COMPLETED = "completed"
    PARTIAL = "partial"  # committed, but something was not read, so nothing was removed there
    HELD = "held"
    REJECTED = "rejected"  # held, and thrown away by a person
    FAILED = "failed"
    SKIPPED = "skipped"  # the store failed so often that it was not asked; there is no log of it


COUNTED = f"kind <> '{Kind.FOLDER}'"
"""Of a live row, in SQL: it counts as a file. Shortcuts and documents do, folders do not; so it is in every number."""

COMMITTED = frozenset({SyncStatus.COMPLETED, SyncStatus.PARTIAL})
"""How a sync ended whose changes are in the inventory."""


class SyncMode(StrEnum):
    """How a sync came to its snapshot."""

    FULL = "full"
    INCREMENTAL = "incremental"
    REPLAY = "replay"


UNNAMED = "*"
"""As the scope of a gap: the scopes that the store could not name this time, though they may be there."""


@dataclass(frozen=True, slots=True)
class ListingGap:
    """A part of a scope that could not be listed. It poisons the scope: nothing there may be removed."""

    scope: str
    path: str  # "" is the whole scope
    reason: str


@dataclass(frozen=True, slots=True)
class Page:
    """One batch of entries and where the listing can resume after it.

    `batch` is in FILE_SCHEMA (use `build_batch`); it may be empty. `checkpoint` is the connector's own text and
    covers this page and all before it; None means that the listing cannot resume here.
    """

    batch: "pa.RecordBatch"
    checkpoint: str | None = None
    gaps: tuple[ListingGap, ...] = ()


NAME_MARK = "#"
"""In an external_id, before what tells the names of one file apart (`Capabilities.shared_ids`)."""

MOUNT_POINT, TARGET = "mount_point", "target"
"""In metadata (`Capabilities.boundaries`): another file system begins here (true); where a link leads."""

OUTSIDE = ""
"""As a parent_id: in no folder of this endpoint, though it still exists. No entry has this id."""


AS_KNOWN = "?"
"""As a parent_id in a Delta: the store does not tell, so the entry is where it was known to be, else OUTSIDE."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A part of what changed since a cursor.

    `batch` (FILE_SCHEMA) holds entries as they are now, wherever they are now: one whose parent is not in the endpoint
    has left it. `order` has one number for each row and `removed` one for each tombstone: of several things said of one
    id, that with the highest number is true, the later one if they are equal. A tombstone speaks for its `scope` only.
    `read` names folders whose children are all among the rows of these deltas: who was there and is not, may be gone.
    `spots` are for stores that tell paths: folders, each with a name in it, whatever the case of its letters. Who was
    known there and is not among the rows may be gone.
    `cursor` is where the next sync goes on when this is the last delta.
    """

    scope: str
    batch: "pa.RecordBatch"
    cursor: str
    order: tuple[int, ...] = ()
    removed: Mapping[str, int] = field(default_factory=dict)
    read: tuple[str, ...] = ()
    gaps: tuple[ListingGap, ...] = ()
    spots: tuple[tuple[str, str], ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is told."""
        return not (self.batch.num_rows or self.removed or self.read or self.gaps or self.spots)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Facts about a store that the sync must know."""

    stable_ids: bool  # external_id survives a rename: an absence is confirmed before it counts
    derives_paths: bool = False  # rows come in any order, with the name in place of the path: see `Source.list`
    lookups: bool = False  # implements LookupSource, and a row depends on no other: keys that events name suffice
    pair_by: tuple[str, ...] = ()  # columns that make one removed and one added row the same file (all non-null)
    pair_as: ChangeKind = ChangeKind.MOVED
    bookkeeping: tuple[str, ...] = ()
    """Keys of metadata that say nothing of content: a time of change, and then what explains that it moved."""
    shared_ids: bool = False  # a file with several names has one id for each, alike up to NAME_MARK: see hard_links
    boundaries: bool = False  # parts are there only while mounted, or a link leads to them: see boundaries
    hashes: bool = False
    permissions: bool = False
    history: bool = False  # implements HistoricalSource
    landmarks: bool = False  # lists faster when told where the keys are
    case_sensitive: bool = True
    duplicate_names: bool = False


@dataclass(slots=True)
class Meter:
    """What talking to a store has cost so far. One per sync; a connector and its wrappers add to it.

    `remarks` are sentences, one for each subject, about what could not be told though every entry is listed.
    """

    api_calls: int = 0
    retries: int = 0
    throttled_seconds: float = 0.0
    remarks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """What `filesync test` shows. `problems` is empty when everything an inventory needs is allowed."""

    latency_ms: float
    sees: str  # "bucket eng in eu-central-1, versioned"
    permissions: tuple[str, ...] = ()  # "list objects", "read ACLs"
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()  # what an inventory can do without, though hardly anybody means it


@dataclass(frozen=True, slots=True)
class ChangeCounts:
    """Changes of one sync. Folders count in `moved` alone: one moved row stands for everything below it.

    Files before + added + restored - removed - left_scope = files after, always.
    """

    added: int = 0
    updated: int = 0  # modified, permissions_changed
    moved: int = 0
    removed: int = 0
    left_scope: int = 0
    repathed: int = 0  # below a moved folder: a new path and no journal row
    restored: int = 0  # from the store's trash

    @property
    def balance(self) -> int:
        """How many files more there are after these changes than before them."""
        return self.added + self.restored - self.removed - self.left_scope

    @property
    def rows(self) -> int:
        """How many files were changed, one way or another."""
        return self.added + self.restored + self.updated + self.moved + self.removed + self.left_scope

    def as_numbers(self) -> dict[str, int]:
        """Return these counts under their names in SyncNumbers."""
        return {f"files_{one.name}": getattr(self, one.name) for one in fields(self)}

    def __add__(self, other: "ChangeCounts") -> "ChangeCounts":
        return ChangeCounts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Number:
    """What is known of one number of a sync, wherever it is shown."""

    name: str
    default: float | None  # None: not every sync has it
    about: str  # what it counts, as the API describes it
    total: str | None  # what it sums up to over all syncs of an endpoint, as Prometheus shows it; None: it does not
    last: str | None  # what it says of the last sync of an endpoint, as Prometheus shows it; None: it does not
    change: str | None  # how a line of text says it, of a change: it only happened when the sync was committed

    @property
    def is_change(self) -> bool:
        """Whether it only happened when the sync was committed."""
        return self.change is not None


def _number(
    about: str,
    default: float | None = 0,
    *,
    total: str | None = None,
    last: str | None = None,
    change: str | None = None,
) -> Any:
    return field(default=default, metadata={"number": Number("", default, about, total, last, change)})


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncNumbers:
    """The numbers of a sync: the one table of them.

    A SyncResult has them, so has its row in sync_logs (each a column of the same name), `--json`, the metrics, the REST
    API, the log, and the asset's metadata. A new one needs a line here, a migration and a test.

    A file, wherever files are counted, is a live entry that is no folder: `COUNTED`.
    """

    files_processed: int = _number("Entries listed, folders left out.", total="Files that syncs looked at.")
    files_before: int | None = _number(
        "Live files before this sync; null when it failed.", None, last="Files in the inventory before it."
    )
    files_added: int = _number(
        "Files that were new.", total="Files that were new.", last="Files that its last sync added.", change="added"
    )
    files_restored: int = _number(
        "Files that came back from the store's trash.",
        total="Files that came back from a trash.",
        last="Files that it found restored from a trash.",
        change="restored",
    )
    files_updated: int = _number(
        "Files whose content, facts or permissions changed.",
        total="Files that had changed.",
        last="Files that it updated.",
        change="updated",
    )
    files_moved: int = _number(
        "Files and folders that were renamed or moved.",
        total="Files that were renamed or moved.",
        last="Files that it moved.",
        change="moved",
    )
    files_removed: int = _number(
        "Files that were removed, or moved to the store's trash.",
        total="Files that were removed.",
        last="Files that it removed.",
        change="removed",
    )
    files_left_scope: int = _number(
        "Files that filters or scope let go.",
        total="Files that filters or scope let go.",
        last="Files that filters or scope let go in it.",
        change="left the scope",
    )
    files_repathed: int = _number("Entries below a moved folder, whose path is another now.", change="")
    files_total: int = _number("Live files after this sync.")
    bytes_total: int = _number("Bytes of these.")
    api_calls: int = _number("Calls of the store's API.", total="Calls of the store's API.")
    retries: int = _number("Calls that had to be repeated.", total="Calls that had to be repeated.")
    throttled_seconds: float = _number(
        "Time that the store made us wait.", 0.0, total="Time that the store made us wait."
    )
    feed_drift: int | None = _number(
        "Changes that a reconcile found and the feed had not told; null: not a reconcile.", None
    )

    @property
    def counts(self) -> ChangeCounts:
        """The changes among them."""
        return ChangeCounts(*(getattr(self, f"files_{one.name}") for one in fields(ChangeCounts)))

    def numbers(self) -> dict[str, Any]:
        """Return them all by name."""
        return {number.name: getattr(self, number.name) for number in NUMBERS}


NUMBERS = tuple(replace(one.metadata["number"], name=one.name) for one in fields(SyncNumbers))


@dataclass(frozen=True, slots=True)
class SyncResult(SyncNumbers):
    """One sync, as `filesync sync --json` prints it."""

    endpoint: str
    status: SyncStatus
    mode: SyncMode
    sync_id: str | None
    started_at: datetime
    duration_seconds: float
    snapshot_uri: str | None = None
    changes_uri: str | None = None
    data_version: str | None = None  # of the inventory as a live sync left it
    error: str | None = None
    warnings: tuple[str, ...] = ()
    busy: bool = False  # it failed only because another sync of the endpoint was running
    resumed: bool = False  # part of what it lists was read before it began: who hinted at something since asks again

    def as_dict(self) -> dict[str, Any]:
        """The result under the names that `--json`, sync_logs and the asset metadata share."""
        return {
            "endpoint": self.endpoint,
            "status": self.status.value,
            "mode": self.mode.value,
            **self.numbers(),
            "duration_seconds": round(self.duration_seconds, 3),
            "throttled_seconds": round(self.throttled_seconds, 3),
            "sync_id": self.sync_id,
            "snapshot_uri": self.snapshot_uri,
            "changes_uri": self.changes_uri,
            "error": self.error,
            "warnings": list(self.warnings),
        }


def data_version(rows: int, fingerprints: int) -> str:
    """Return the version of a snapshot's content: its number of rows, and the sum of their fingerprints mod 2^64.

    The order of rows does not matter, and a changed, missing or added row does.

    >>> data_version(2, 2**64 + 255)
    '2-00000000000000ff'
    """
    return f"{rows}-{fingerprints % 2**64:016x}"


def adjust_data_version(version: str, minus: str, plus: str) -> str:
    """Return the version of a snapshot from which the rows of `minus` went and to which those of `plus` came.

    >>> adjust_data_version("3-0000000000000009", "1-0000000000000004", "2-0000000000000005")
    '4-000000000000000a'
    """
    (rows, total), (fewer, less), (more, extra) = (
        (int(count), int(digits, 16)) for count, _, digits in (v.partition("-") for v in (version, minus, plus))
    )
    return data_version(rows - fewer + more, total - less + extra)


LIKE_ESCAPED = re.compile(r"\\(?=x(?:00|5c|[89a-f][0-9a-f]))")
"""The backslash of what stands for a byte in a storable text, or looks so."""


def to_storable_text(raw: bytes) -> str:
    r"""Return a provider's raw name as text that every database can store. Different names have different texts.

    UTF-8 stays as it is; a byte that is not UTF-8, and NUL, become `\xNN`, and so does the backslash of a name in which
    that is written out. The caller keeps the raw bytes in `metadata` when the answer differs from them.

    >>> to_storable_text(b"\xff"), to_storable_text(rb"\xff"), to_storable_text(rb"C:\x")
    ('\\xff', '\\x5cxff', 'C:\\x')
    """
    if b"\\x" in raw:
        raw = _LIKE_ESCAPED_BYTES.sub(rb"\\x5c", raw)
    return raw.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


_LIKE_ESCAPED_BYTES = re.compile(LIKE_ESCAPED.pattern.encode())


def from_storable_text(text: str) -> bytes:
    r"""Return the raw name of a storable text."""
    raw = text.encode()
    if b"\\x" not in raw:
        return raw
    return re.sub(rb"\\x(00|5c|[89a-f][0-9a-f])", lambda found: bytes([int(found[1], 16)]), raw)


def respell_key(external_id: str, metadata: str | None) -> str:
    r"""Return how a key is written now that was written before `to_storable_text` told all names apart.

    What looked escaped in it was, when `metadata` has the raw key; else it was written out in the key itself.
    """
    raw = json.loads(metadata or "{}").get("key_hex")
    return LIKE_ESCAPED.sub(r"\\x5c", external_id) if raw is None else to_storable_text(bytes.fromhex(raw))


def canonical_json(value: object) -> str:
    """JSON that is equal when the value is equal."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
