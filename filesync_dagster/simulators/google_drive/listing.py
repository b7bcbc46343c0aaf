"""files.list: which items a caller asks for, and a page of them."""

import heapq
import random
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from filesync_dagster.simulators.google_drive.call import DriveCall, document, next_batch
from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.masks import Mask, below, selects
from filesync_dagster.simulators.google_drive.problems import DriveRefusal, file_not_found, invalid
from filesync_dagster.simulators.google_drive.query import Query, parse_query
from filesync_dagster.simulators.google_drive.resources import DEFAULT_FILE, encode_item
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.paging import OrderedListing

DEFAULT: Mask = {"kind": None, "incompleteSearch": None, "nextPageToken": None, "files": DEFAULT_FILE}
CORPORA = ("user", "domain", "drive", "allDrives")
ORDERS: dict[str, Callable[[DriveItem], Any]] = {
    "createdTime": lambda item: item.created,
    "folder": lambda item: not item.is_folder,
    "modifiedByMeTime": lambda item: item.modified,
    "modifiedTime": lambda item: item.modified,
    "name": lambda item: item.name.casefold(),
    "name_natural": lambda item: item.name.casefold(),
    "quotaBytesUsed": lambda item: item.size or 0,
    "recency": lambda item: item.modified,
    "sharedWithMeTime": lambda item: item.created,
    "starred": lambda item: not item.starred,
    "viewedByMeTime": lambda item: item.modified,
}


def check_drives(call: DriveCall) -> None:
    """Refuse what contradicts itself about shared drives, in the words of Drive."""
    corpora = call["corpora"] or "user"
    if (call["includeItemsFromAllDrives"] or call["driveId"]) and not call["supportsAllDrives"]:
        raise DriveRefusal(403, "supportsTeamDrivesRequired", "The supportsAllDrives parameter was not set to true.")
    if (call["driveId"] or corpora in {"drive", "allDrives"}) and not call["includeItemsFromAllDrives"]:
        message = (
            "The includeItemsFromAllDrives parameter must be set to true when driveId is specified or corpora "
            "contains drive or allDrives."
        )
        raise DriveRefusal(403, "includeTeamDriveItemsRequired", message)


def list_files(call: DriveCall) -> bytes:
    """Answer files.list."""
    mask = call.mask(DEFAULT)
    selection = _Selection.of(call)
    asked = [call[name] for name in ("corpora", "driveId", "q", "orderBy", "includeItemsFromAllDrives")]
    if call["orderBy"]:
        ranking = sorted(selection.after(0), key=_sort_key(call["orderBy"]))
        place = {item: index for index, item in enumerate(ranking, 1)}
        listing = OrderedListing(f"files {asked}", lambda at: islice(ranking, at, None), place.__getitem__)
    else:
        listing = OrderedListing(f"files {asked}", selection.after, lambda item: item.order)
    batch = next_batch(call, call["pageSize"], listing, frozenset({Fault.INCOMPLETE}))
    incomplete = call.faults.rule(Fault.INCOMPLETE) is not None
    head = document(mask, kind="drive#fileList", incompleteSearch=incomplete, nextPageToken=batch.next_token)
    text = orjson.dumps(head)
    if not selects(mask, "files"):
        return text
    wanted = below(mask, "files")
    files = b",".join([encode_item(call.store, item, wanted) for item in batch.entries])
    return text[:-1] + (b"," if head else b"") + b'"files":[' + files + b"]}"


@dataclass(frozen=True)
class _Selection:
    """What a call asks for: the lists to look through, each in the order of creation, and what to take from them."""

    sources: Sequence[Sequence[DriveItem]]
    takes: Callable[[DriveItem], bool]

    @classmethod
    def of(cls, call: DriveCall) -> "_Selection":
        corpora = call["corpora"] or "user"
        if corpora not in CORPORA:
            raise invalid("corpora")
        check_drives(call)
        if bool(call["driveId"]) != (corpora == "drive"):
            message = "The driveId parameter must be specified if and only if corpora is set to drive."
            raise DriveRefusal(403, "teamDriveIdRequiresTeamDriveCorpora", message)
        drive = call.drive_id()
        if call["spaces"] not in {"drive", "drive,appDataFolder", "appDataFolder,drive", "appDataFolder"}:
            raise invalid("spaces")
        query = parse_query(call["q"], call.store) if call["q"] else Query(lambda item: True)
        searched = {drive} if drive else _searched_corpora(call, corpora, query)
        if call["spaces"] == "appDataFolder":
            searched = set()
        if query.parents is None:
            sources: Sequence[Sequence[DriveItem]] = [call.store.corpora[corpus] for corpus in searched]
        else:
            sources = [_children(call, folder) for folder in _searched_folders(call, query.parents)]
        test = query.test if call["q"] else None
        if test is None:
            return cls(sources, lambda item: item.seen)
        return cls(sources, lambda item: item.seen and item.drive in searched and test(item))

    def after(self, position: int) -> Iterator[DriveItem]:
        """Yield what is selected behind a position in the order of creation."""
        parts = [_behind(source, position) for source in self.sources]
        merged = parts[0] if len(parts) == 1 else heapq.merge(*parts, key=lambda item: item.order)
        return filter(self.takes, merged)


def _searched_corpora(call: DriveCall, corpora: str, query: Query) -> set[str | None]:
    """Return the corpora that a call looks through. A folder is seen whole, wherever it lies.

    Of shared drives, a user's corpus has what was shared with them and what they opened: here, all that they see in
    drives that they are no member of, and nothing of those that they are.
    """
    store = call.store
    if not call["includeItemsFromAllDrives"]:
        return {None}
    if corpora == "allDrives" or query.parents is not None:
        return set(store.corpora)
    foreign = [drive for drive in store.corpora if drive in store.drives and not store.drives[drive].member]
    return {None, *foreign}


def _behind(items: Sequence[DriveItem], position: int) -> Iterator[DriveItem]:
    start = bisect_right(items, position, key=lambda item: item.order)
    return (items[index] for index in range(start, len(items)))


def _children(call: DriveCall, folder: str) -> Sequence[DriveItem]:
    item = call.store.items.get(folder)
    if item is None or not item.seen:
        raise file_not_found("")
    return item.children or ()


def _searched_folders(call: DriveCall, parents: Sequence[str]) -> Sequence[str]:
    """Return the folders that Drive really looks into: it silently forgets some when `or` joins several."""
    if len(parents) == 1 or not call.or_loses_parents:
        return parents
    dice = random.Random(" ".join(parents))  # noqa: S311 - the same question forgets the same folders
    forgotten = set(dice.sample(list(parents), max(1, len(parents) // 4)))
    return [folder for folder in parents if folder not in forgotten]


def _sort_key(text: str) -> Callable[[DriveItem], Any]:
    keys = []
    for part in text.split(","):
        name, _, direction = part.strip().partition(" ")
        if name not in ORDERS or direction.strip() not in {"", "desc"}:
            raise invalid("orderBy")
        keys.append((ORDERS[name], bool(direction)))
    return lambda item: tuple(_Descending(key(item)) if down else key(item) for key, down in keys)


@dataclass(frozen=True)
class _Descending:
    value: Any

    def __lt__(self, other: "_Descending") -> bool:
        return bool(other.value < self.value)
