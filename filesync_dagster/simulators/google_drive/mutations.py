"""Somebody does something to the files of the account, at random."""

from random import Random
from typing import Any

from filesync_dagster.simulators.google_drive.items import DriveItem
from filesync_dagster.simulators.google_drive.store import DriveStore

ATTEMPTS = 20


def mutate(store: DriveStore, dice: Random) -> None:
    """Do one thing to a file that the account sees: create, edit, rename, move, trash, restore or delete one."""
    tops = [store.item("root"), *(drive.root for drive in store.drives.values() if drive.member)]
    top = dice.choice(tops)
    item, folder = _any(store, top, dice), _any_folder(store, top, dice)
    action = dice.choice(("create", "edit", "rename", "move", "trash", "restore", "delete"))
    if item is None or action == "create" or (action == "move" and item in folder.above()):
        store.create(f"new {dice.randrange(10**9)}.txt", folder.id, content=dice.randbytes(8))
        return
    arguments: tuple[Any, ...] = {
        "edit": (dice.randbytes(9),),
        "rename": (f"renamed {dice.randrange(10**9)}",),
        "move": (folder.id,),
    }.get(action, ())
    getattr(store, action)(item.id, *arguments)


def _any(store: DriveStore, top: DriveItem, dice: Random) -> DriveItem | None:
    items = store.corpora[top.drive]
    for _ in range(min(ATTEMPTS, len(items))):
        item = dice.choice(items)
        if item.seen:
            return item
    return None


def _any_folder(store: DriveStore, top: DriveItem, dice: Random) -> DriveItem:
    for _ in range(ATTEMPTS):
        item = _any(store, top, dice)
        if item is not None and item.is_folder and not item.trashed:
            return item
    return top
