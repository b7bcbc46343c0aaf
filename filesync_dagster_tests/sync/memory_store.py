"""A store in memory behind the Source protocol: scopes, pages, checkpoints, ids, and faults on demand."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from filesync_dagster.connectors import CONNECTORS, Connector
from filesync_dagster.core.errors import TemporarilyDown
from filesync_dagster.core.model import (
    UNNAMED,
    Capabilities,
    ChangeKind,
    ConnectionReport,
    ListingGap,
    Meter,
    Page,
)
from filesync_dagster.core.schemas import build_batch

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Entry:
    """One file or folder. `scope` counts for entries at the top only; below, the top one's counts."""

    id: str
    name: str
    parent: str | None = None
    scope: str = "one"
    kind: str = "file"
    size: int = 1
    version: int = 1
    trashed: bool = False


@dataclass
class Faults:
    """What goes wrong during the next listings. `first` faults are over when a scope is listed a second time."""

    breaks: dict[str, int] = field(default_factory=dict)  # scope → pages before the connection breaks
    unread: dict[str, str] = field(default_factory=dict)  # scope → a path that cannot be read
    hidden: set[str] = field(default_factory=set)  # ids that the first listing misses and a second one sees
    twice: bool = False  # every page comes twice
    unnamed: str = ""  # why the store cannot name all of its scopes
    remark: str = ""  # what cannot be told about entries, though all are listed
    on_page: Callable[[str, int], None] = lambda scope, number: None


class MemoryStore:
    """What is there, and a count of the pages that were asked for."""

    def __init__(self, *, stable_ids: bool = True, scopes: Sequence[str] = ("one",), page_size: int = 3) -> None:
        self.stable_ids = stable_ids
        self.scopes = tuple(scopes)
        self.page_size = page_size
        self.entries: dict[str, Entry] = {}
        self.faults = Faults()
        self.listings: dict[str, int] = {}
        self.pages: list[tuple[str, int]] = []

    def put(self, external_id: str, **fields: Any) -> Entry:
        """Add or replace an entry; its name is its id unless given."""
        entry = Entry(**{"id": external_id, "name": external_id, **fields})
        self.entries[external_id] = entry
        return entry

    def delete(self, external_id: str) -> None:
        """Remove an entry and everything below it."""
        for child in [e.id for e in self.entries.values() if e.parent == external_id]:
            self.delete(child)
        del self.entries[external_id]

    def path(self, entry: Entry) -> str:
        """Return the path that follows from the parents."""
        return f"{self.path(self.entries[entry.parent])}/{entry.name}" if entry.parent else entry.name

    def scope_of(self, entry: Entry) -> str:
        """Return the scope of the top folder above an entry."""
        while entry.parent:
            entry = self.entries[entry.parent]
        return entry.scope

    def row(self, entry: Entry) -> dict[str, Any]:
        """Return an entry as a connector lists it. Without stable ids the path is the identity."""
        path = self.path(entry)
        folder = entry.kind == "folder"
        return {
            "external_id": entry.id if self.stable_ids else path,
            "scope": self.scope_of(entry),
            "parent_id": entry.parent if self.stable_ids else None,
            "name": entry.name,
            "path": path,
            "kind": entry.kind,
            "size": None if folder else entry.size,
            "modified_at": None if folder else LONG_AGO + timedelta(seconds=entry.version),
            "version": None if folder else f"v{entry.version}",
            "content_hash": None if folder or self.stable_ids else f"md5:{entry.id}-{entry.version}",
            "trashed": entry.trashed,
        }

    def listed(self, scope: str) -> list[dict[str, Any]]:
        """Return the rows of a scope in the order in which they are listed."""
        rows = [self.row(e) for e in self.entries.values()]
        chosen = [r for r in rows if r["scope"] == scope and (self.stable_ids or r["kind"] != "folder")]
        return sorted(chosen, key=lambda row: row["external_id"])


class MemorySource:
    """One opened MemoryStore. A checkpoint is the last id that was listed."""

    def __init__(self, store: MemoryStore, prefix: str, meter: Meter) -> None:
        self.store = store
        self.prefix = prefix
        self.meter = meter

    @property
    def capabilities(self) -> Capabilities:
        """Facts of the store."""
        if self.store.stable_ids:
            return Capabilities(stable_ids=True)
        return Capabilities(stable_ids=False, pair_by=("content_hash", "size"), pair_as=ChangeKind.MOVED)

    def check(self) -> ConnectionReport:
        """Report; a store in memory is always there."""
        return ConnectionReport(0.0, "a store in memory")

    def scopes(self) -> tuple[str, ...]:
        """The store's scopes."""
        return self.store.scopes

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Yield the scope in the order of its ids."""
        faults = self.store.faults
        nth = self.store.listings[scope] = self.store.listings.get(scope, 0) + 1
        rows = [r for r in self.store.listed(scope) if checkpoint is None or r["external_id"] > checkpoint]
        rows = [r for r in rows if r["path"].startswith(self.prefix)]
        if nth == 1:
            rows = [r for r in rows if r["external_id"] not in faults.hidden]
        if scope in faults.unread:
            rows = [r for r in rows if not r["path"].startswith(faults.unread[scope] + "/")]
        size = self.store.page_size
        if faults.remark:
            self.meter.remarks["memory"] = faults.remark
        gaps = (ListingGap(scope, faults.unread[scope], "no"),) if scope in faults.unread else ()
        gaps += (ListingGap(UNNAMED, "", faults.unnamed),) if faults.unnamed else ()
        for number, start in enumerate(range(0, max(len(rows), 1), size)):
            faults.on_page(scope, number)
            if number == faults.breaks.get(scope):
                raise TemporarilyDown(f"The store broke off in {scope!r} at page {number}.")
            part = rows[start : start + size]
            self.meter.api_calls += 1
            self.store.pages.append((scope, number))
            for _ in range(2 if faults.twice else 1):
                yield Page(_batch(part), part[-1]["external_id"] if part else None, gaps if start == 0 else ())

    def close(self) -> None:
        """Nothing is open."""


def _batch(rows: Sequence[dict[str, Any]]) -> Any:
    return build_batch({name: [row[name] for row in rows] for name in (rows[0] if rows else ())}, len(rows))


class MemoryDetails(BaseModel):
    """`endpoint_details` of a store in memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str
    prefix: str = ""


STORES: dict[str, MemoryStore] = {}
"""The stores that endpoints of type `memory` name."""


def _open(details: MemoryDetails, meter: Meter, *, prune: Callable[[str], bool] | None = None) -> MemorySource:
    store = STORES[details.store]
    store.listings.clear()
    return MemorySource(store, details.prefix, meter)


def register() -> None:
    """Make endpoints of type `memory` possible, as a connector in the table would."""
    CONNECTORS["memory"] = Connector("Store in memory", MemoryDetails, ("store", "prefix"), _open)


def unregister() -> None:
    """Take the type `memory` out of the table."""
    CONNECTORS.pop("memory", None)
