"""Something changes while somebody lists: one random action of a person."""

import random

from filesync_dagster.simulators.autodesk.entries import AutodeskFolder, AutodeskItem
from filesync_dagster.simulators.autodesk.refusals import ApsRefusal
from filesync_dagster.simulators.autodesk.store import HubStore

ACTIONS = ("upload", "new_version", "rename", "move", "hide", "unhide", "folder")


def mutate(store: HubStore, chance: random.Random) -> str:
    """Do one thing, and return which. What Autodesk refuses is not done."""
    action = chance.choice(ACTIONS)
    with store.lock:
        folders = [folder for folder in store.folders.values() if folder.parent is not None and not folder.hidden]
        items = [item for item in store.items.values() if item.hidden == (action == "unhide")]
        if not folders:
            return "nothing"
        try:
            _act(store, action, chance.choice(folders), chance.choice(items) if items else None, chance)
        except ApsRefusal:
            return "nothing"
    return action


def _act(
    store: HubStore, action: str, folder: AutodeskFolder, item: AutodeskItem | None, chance: random.Random
) -> None:
    name = f"{action} {store.clock.now}"
    if action == "folder":
        store.folder(folder.id, name)
    elif action == "upload" or item is None:
        store.upload(folder.id, f"{name}.txt", chance.randrange(1 << 20))
    elif action == "new_version":
        store.new_version(item.id, chance.randrange(1 << 20))
    elif action == "rename":
        store.rename(item.id, f"{name}.txt")
    elif action == "move":
        store.move(item.id, folder.id)
    elif action == "hide":
        store.hide(item.id)
    else:
        store.unhide(item.id)
