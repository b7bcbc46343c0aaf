"""The change feed: changes.getStartPageToken and changes.list, which refuses a page token that is not of its log."""

from typing import Any

from filesync_dagster.simulators.google_drive.call import DriveCall, document
from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.listing import check_drives
from filesync_dagster.simulators.google_drive.masks import EVERYTHING, Mask, apply_mask, below, selects
from filesync_dagster.simulators.google_drive.problems import DriveRefusal, invalid
from filesync_dagster.simulators.google_drive.resources import DEFAULT_DRIVE, DEFAULT_FILE, file, shared_drive
from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.journal import ChangeLog, FeedPage, FeedPosition, LogEntry, feed_page

DEFAULT_CHANGE: Mask = {
    **dict.fromkeys(("kind", "changeType", "type", "removed", "time", "fileId", "driveId", "teamDriveId")),
    "file": DEFAULT_FILE,
    "drive": DEFAULT_DRIVE,
}
DEFAULT: Mask = {"kind": None, "nextPageToken": None, "newStartPageToken": None, "changes": DEFAULT_CHANGE}


def get_start_page_token(call: DriveCall) -> dict[str, Any]:
    """Answer changes.getStartPageToken."""
    if call["driveId"] and not call["supportsAllDrives"]:
        raise DriveRefusal(403, "supportsTeamDrivesRequired", "The supportsAllDrives parameter was not set to true.")
    return document(call.mask(EVERYTHING), kind="drive#startPageToken", startPageToken=str(_log(call).end))


def list_changes(call: DriveCall) -> dict[str, Any]:
    """Answer changes.list: the present state of what changed, one entry for each file and drive."""
    mask = call.mask(DEFAULT)
    check_drives(call)
    try:
        page = feed_page(_log(call), FeedPosition.parse(call["pageToken"]), call["pageSize"], call.faults)
    except ValueError:
        raise invalid("pageToken") from None
    answer: dict[str, Any] = document(
        _without_changes(mask), kind="drive#changeList", **{_token_name(page): str(page.after)}
    )
    if selects(mask, "changes"):
        changes = [_change(call, entry, below(mask, "changes")) for entry in page.entries]
        answer["changes"] = [change for change in changes if change is not None]
    return answer


def _token_name(page: FeedPage) -> str:
    return "nextPageToken" if page.more else "newStartPageToken"


def _without_changes(mask: Mask) -> Mask:
    return mask if mask is None else {name: inner for name, inner in mask.items() if name != "changes"}


def _log(call: DriveCall) -> ChangeLog:
    drive = call.drive_id()
    return call.store.drive_logs[drive] if drive else call.store.log


def _change(call: DriveCall, entry: LogEntry, mask: Mask) -> dict[str, Any] | None:
    """Return a change as it is now, or None if the caller does not want to hear of it."""
    described = _drive_change(call, entry) if entry.kind == "drive" else _file_change(call, entry, mask)
    if described["removed"] and not call["includeRemoved"]:
        return None
    described |= {"kind": "drive#change", "time": utc_text(entry.time)}
    selected: dict[str, Any] = apply_mask(described, mask)
    return selected


def _drive_change(call: DriveCall, entry: LogEntry) -> dict[str, Any]:
    drive = call.store.drives.get(entry.id)
    member = drive is not None and drive.member
    described = {
        "changeType": "drive",
        "type": "teamDrive",
        "removed": not member,
        "driveId": entry.id,
        "teamDriveId": entry.id,
    }
    if drive is not None and member:
        described["drive"] = shared_drive(drive)
    return described


def _file_change(call: DriveCall, entry: LogEntry, mask: Mask) -> dict[str, Any]:
    item = call.store.items.get(entry.id)
    seen = item is not None and item.seen
    removed = not (item is not None and seen and _belongs(call, item))
    described: dict[str, Any] = {"changeType": "file", "type": "file", "removed": removed, "fileId": entry.id}
    if item is not None and (not removed or (seen and call["includeCorpusRemovals"])) and selects(mask, "file"):
        described["file"] = file(call.store, item, EVERYTHING if mask is None else mask["file"])
    return described


def _belongs(call: DriveCall, item: DriveItem) -> bool:
    """Tell whether an item that the account sees is in the corpus of the log that is read."""
    if call["driveId"]:
        return bool(item.drive == call["driveId"])
    if item.drive is None:
        return True
    drive = call.store.drives.get(item.drive)
    return bool(call["includeItemsFromAllDrives"]) and not (drive is not None and drive.member)
