"""Large drives, fast: a million files in well under a minute."""

import random
from typing import TYPE_CHECKING

from filesync_dagster.simulators.google_drive.items import FOLDER, DriveItem

if TYPE_CHECKING:
    from filesync_dagster.simulators.google_drive.state import State

KINDS = (
    ("drawing", "dwg", "image/vnd.dwg"),
    ("report", "pdf", "application/pdf"),
    ("site photo", "jpg", "image/jpeg"),
    ("model", "ifc", "application/octet-stream"),
    ("schedule", "csv", "text/csv"),
)
FOLDERS_IN_FOLDER = 20
MINUTE = 60_000


def fill(state: "State", top: DriveItem, count: int, per_folder: int, seed: int) -> None:
    """Put `count` files below a folder, `per_folder` in each, the folders up to twenty in each other."""
    dice = random.Random(seed)  # noqa: S311 - sizes, not secrets
    folders = [top]
    now = state.clock.now
    for number in range(count):
        if number % per_folder == 0:
            made = len(folders) - 1
            above = folders[made // FOLDERS_IN_FOLDER]
            folder = _add(state, above, f"Folder {made + 1:05}", FOLDER, now)
            folders.append(folder)
        word, extension, mime = KINDS[number % len(KINDS)]
        now += dice.randrange(1, MINUTE)
        item = _add(state, folders[-1], f"{word} {number + 1:07}.{extension}", mime, now)
        item.size = int(dice.paretovariate(0.6) * 1000) % 2_000_000_000
    state.clock.now = max(state.clock.now, now)


def _add(state: "State", parent: DriveItem, name: str, mime: str, now: int) -> DriveItem:
    item = DriveItem(state.new_id(), state.next_order(), name, mime, parent.owner, parent.drive, None, now, now)
    item.seen, item.trashed = parent.seen, parent.trashed
    state.enroll(item)
    state.attach(item, parent)
    return item
