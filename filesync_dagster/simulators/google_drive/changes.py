"""changes.getStartPageToken and changes.list."""

import re
from itertools import islice
from typing import Any

from filesync_dagster.simulators.google_drive.call import DriveCall, document
from filesync_dagster.simulators.google_drive.changelog import ChangeLog, Entry
from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.listing import check_drives
from filesync_dagster.simulators.google_drive.masks import EVERYTHING, Mask, apply_mask, below, selects
from filesync_dagster.simulators.google_drive.problems import DriveRefusal, invalid
from filesync_dagster.simulators.google_drive.resources import DEFAULT_DRIVE, DEFAULT_FILE, file, moment, shared_drive
from filesync_dagster.simulators.kit.faults import Fault

_TOKEN = re.compile(r"(\d{1,18})(?:!(\d+))?")  # the second number sets tokens of one position apart
DEFAULT_CHANGE: Mask = {
    **dict.fromkeys(("kind", "changeType", "type", "removed", "time", "fileId", "driveId", "teamDriveId")),
    "file": DEFAULT_FILE,
    "drive": DEFAULT_DRIVE,
}
DEFAULT: Mask = {"kind": None, "nextPageToken": None, "newStartPageToken": None, "changes": DEFAULT_CHANGE}
FEED = frozenset({Fault.LOSE_CHANGE, Fault.DUPLICATE_CHANGE, Fault.REORDER_CHANGES})


def get_start_page_token(call: DriveCall) -> dict[str, Any]:
    """Answer changes.getStartPageToken."""
    if call["driveId"] and not call["supportsAllDrives"]:
        raise DriveRefusal(403, "supportsTeamDrivesRequired", "The supportsAllDrives parameter was not set to true.")
    return document(call.mask(EVERYTHING), kind="drive#startPageToken", startPageToken=str(_log(call).end))


def list_changes(call: DriveCall) -> dict[str, Any]:
    """Answer changes.list: the present state of what changed, one entry for each file and drive."""
    mask = call.mask(DEFAULT)
    check_drives(call)
    log = _log(call)
    position, turn = _position(call, log)
    size = call["pageSize"]
    found = list(islice(log.since(position), size + 1))
    more = len(found) > size
    entries = found[:size]
    faults = call.faults.strike(_able(entries, more=more))
    if Fault.SHORT_PAGE in faults:
        entries, more = entries[: len(entries) // 2], True
    token = str(entries[-1].position + 1) if more else None
    if Fault.EMPTY_PAGE in faults:
        entries = []
    if faults & {Fault.EMPTY_PAGE, Fault.REPEAT_PAGE}:
        token = f"{position}!{turn + 1}"
    if Fault.REPEAT_TOKEN in faults:
        token = call["pageToken"]
    entries = _bent(call, log, entries)
    changes = [_change(call, entry, below(mask, "changes")) for entry in entries] if selects(mask, "changes") else []
    answer: dict[str, Any] = document(
        _without_changes(mask),
        kind="drive#changeList",
        nextPageToken=token,
        newStartPageToken=None if token else str(log.end),
    )
    if selects(mask, "changes"):
        answer["changes"] = [change for change in changes if change is not None]
    return answer


def _without_changes(mask: Mask) -> Mask:
    return mask if mask is None else {name: inner for name, inner in mask.items() if name != "changes"}


def _log(call: DriveCall) -> ChangeLog:
    drive = call.drive_id()
    return call.store.drive_logs[drive] if drive else call.store.user_log


def _position(call: DriveCall, log: ChangeLog) -> tuple[int, int]:
    match = _TOKEN.fullmatch(call["pageToken"])
    if not match or not log.first <= int(match[1]) <= log.end:
        raise invalid("pageToken")
    return int(match[1]), int(match[2] or 0)


def _able(entries: list[Entry], *, more: bool) -> set[Fault]:
    able: set[Fault] = set()
    if entries:
        able |= FEED | {Fault.EMPTY_PAGE, Fault.REPEAT_PAGE, Fault.SHORT_ANSWER}
    if len(entries) > 1:
        able.add(Fault.SHORT_PAGE)
    if more:
        able.add(Fault.REPEAT_TOKEN)
    return able


def _bent(call: DriveCall, log: ChangeLog, entries: list[Entry]) -> list[Entry]:
    lost = call.faults.rule(Fault.LOSE_CHANGE, Fault.SHORT_ANSWER)
    if lost:
        kept = call.faults.lose(entries, lost)
        if lost.fault is Fault.LOSE_CHANGE:
            for entry in set(entries) - set(kept):
                log.lose(entry)
        entries = kept
    if call.faults.rule(Fault.DUPLICATE_CHANGE):
        entries = [*entries, *entries]
    if call.faults.rule(Fault.REORDER_CHANGES):
        entries = call.faults.plan.random.sample(entries, len(entries))
    return entries


def _change(call: DriveCall, entry: Entry, mask: Mask) -> dict[str, Any] | None:
    """Return a change as it is now, or None if the caller does not want to hear of it."""
    described = _drive_change(call, entry) if entry.is_drive else _file_change(call, entry, mask)
    if described["removed"] and not call["includeRemoved"]:
        return None
    described |= {"kind": "drive#change", "time": moment(entry.time)}
    selected: dict[str, Any] = apply_mask(described, mask)
    return selected


def _drive_change(call: DriveCall, entry: Entry) -> dict[str, Any]:
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


def _file_change(call: DriveCall, entry: Entry, mask: Mask) -> dict[str, Any]:
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
