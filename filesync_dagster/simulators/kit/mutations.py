"""Histories: somebody does something to the files of a store, at random; the same seed does the same things."""

import random
from typing import Any, TypeVar

from filesync_dagster.simulators.kit.tree import TreeEntry, TreeStore

ATTEMPTS = 20
ACTIONS = ("create", "edit", "rename", "move", "trash", "restore", "delete")

E = TypeVar("E", bound=TreeEntry)


def mutate(store: TreeStore[E], dice: random.Random, tops: list[E], entries: list[E]) -> str:
    """Do one thing to one of `entries` that the account sees, or add a file below one of `tops`; return what."""
    with store.lock:
        top = dice.choice(tops)
        entry, folder = _any(entries, dice), _any_folder(entries, dice) or top
        action = dice.choice(ACTIONS)
        if entry is None or action == "create" or (action == "move" and entry in folder.above()):
            store.add(f"new {dice.randrange(10**9)}.txt", folder, content=dice.randbytes(8))
            return "create"
        arguments: tuple[Any, ...] = {
            "edit": (dice.randbytes(9),),
            "rename": (f"renamed {dice.randrange(10**9)}",),
            "move": (folder.id,),
        }.get(action, ())
        getattr(store, action)(entry.id, *arguments)
    return action


def _any(entries: list[E], dice: random.Random) -> E | None:
    for _ in range(min(ATTEMPTS, len(entries))):
        entry = dice.choice(entries)
        if entry.seen and entry.parents:
            return entry
    return None


def _any_folder(entries: list[E], dice: random.Random) -> E | None:
    for _ in range(ATTEMPTS):
        entry = _any(entries, dice)
        if entry is not None and entry.is_folder and not entry.trashed:
            return entry
    return None
