"""One call of the API on its way: its arguments, its answer's mask, its page (or bad page token), its faults."""

from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from filesync_dagster.simulators.google_drive.discovery import Method
from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.masks import Mask, apply_mask, parse_mask, selects
from filesync_dagster.simulators.google_drive.people import may_edit
from filesync_dagster.simulators.google_drive.problems import (
    DriveRefusal,
    bad_request,
    drive_not_found,
    file_not_found,
    forbidden,
    invalid,
)
from filesync_dagster.simulators.google_drive.store import DriveStore
from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.paging import EntryPage, OrderedListing, PageTokens
from filesync_dagster.simulators.kit.wire import Request

T = TypeVar("T")

ALIASES = {
    "supportsTeamDrives": "supportsAllDrives",
    "includeTeamDriveItems": "includeItemsFromAllDrives",
    "teamDriveId": "driveId",
}


@dataclass
class DriveCall:
    """A call that was understood."""

    method: Method
    arguments: dict[str, Any]
    request: Request
    store: DriveStore
    faults: CallFaults
    or_loses_parents: bool = True

    def __post_init__(self) -> None:
        for old, new in ALIASES.items():
            if self.arguments.get(old):
                self.arguments[new] = self.arguments[old]

    def __getitem__(self, name: str) -> Any:
        return self.arguments.get(name)

    def mask(self, default: Mask) -> Mask:
        """Return the mask of the answer; `default` if the caller names no fields."""
        text = self["fields"]
        if text is None or self.method.answer is None:
            return default
        return parse_mask(text, self.method.answer) if text else {}

    def body(self) -> dict[str, Any]:
        """Return the resource that came with the call."""
        if not self.request.body:
            return {}
        try:
            parsed = orjson.loads(self.request.body)
        except orjson.JSONDecodeError:
            raise DriveRefusal(400, "parseError", "Parse Error") from None
        if not isinstance(parsed, dict):
            raise bad_request("Bad Request")
        return parsed

    def file(self, file_id: str | None = None) -> DriveItem:
        """Return a file that the account may know of; refuse otherwise."""
        file_id = file_id or self["fileId"]
        assert file_id is not None
        item = self.store.items.get(self.store.root_id if file_id == "root" else file_id)
        if item is None or not item.seen or (item.drive and not self["supportsAllDrives"]):
            raise file_not_found(file_id)
        return item

    def editable(self, file_id: str | None = None) -> DriveItem:
        """Return a file that the account may change; refuse otherwise."""
        item = self.file(file_id)
        if not may_edit(self.store, item):
            raise forbidden(item.id)
        return item

    def drive_id(self) -> str | None:
        """Return the shared drive that is asked about; refuse one that the account is no member of."""
        drive_id: str | None = self["driveId"]
        if drive_id and not (drive_id in self.store.drives and self.store.drives[drive_id].member):
            raise drive_not_found(drive_id)
        return drive_id or None


def next_batch(
    call: DriveCall, size: int, listing: OrderedListing[T], able: frozenset[Fault] = frozenset()
) -> EntryPage[T]:
    """Return a page of a listing; refuse a token that is not of it."""
    try:
        return listing.page(call["pageToken"] or "", size, PageTokens(call.store.clock, "~!!~"), call.faults, able)
    except ValueError:
        raise invalid("pageToken") from None


def document(mask: Mask, **values: Any) -> dict[str, Any]:
    """Return an answer with what its mask selects; None is absent."""
    present = {name: value for name, value in values.items() if value is not None}
    if mask is None:
        return present
    return {name: apply_mask(value, mask[name]) for name, value in present.items() if selects(mask, name)}
