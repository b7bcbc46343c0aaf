"""Histories: somebody does something to the files of a store, at random; the same seed does the same things."""

import random
from collections.abc import Sequence
from typing import Any, TypeVar

from filesync_dagster.simulators.kit.refusals import Refusal
from filesync_dagster.simulators.kit.tree import TreeEntry, TreeStore

ATTEMPTS = 20
ACTIONS = ("create", "edit", "rename", "move", "trash", "restore", "delete")

E = TypeVar("E", bound=TreeEntry)


def mutate(
    store: TreeStore[E], dice: random.Random, tops: list[E], entries: list[E], actions: Sequence[str] = ACTIONS
) -> str:
    """Do one thing to one of `entries` that the account sees, or add something below one of `tops`; return what.

    What the vendor refuses is not done, and that is nothing. "create_folder" may be one of the `actions`, too.
    """
    with store.lock:
        top = dice.choice(tops)
        entry, folder = _any(entries, dice), _any_folder(entries, dice) or top
        action = dice.choice(actions)
        if entry is None or (action == "move" and entry in folder.above()):
            action = "create"
        try:
            _act(store, action, entry, folder, dice)
        except Refusal:
            return "nothing"
    return action


def _act(store: TreeStore[E], action: str, entry: E | None, folder: E, dice: random.Random) -> None:
    if action == "create_folder":
        store.add(f"new {dice.randrange(10**9)}", folder, is_folder=True)
    elif action == "create" or entry is None:
        store.add(f"new {dice.randrange(10**9)}.txt", folder, content=dice.randbytes(8))
    else:
        arguments: tuple[Any, ...] = {
            "edit": (dice.randbytes(9),),
            "rename": (f"renamed {dice.randrange(10**9)}",),
            "move": (folder.id,),
        }.get(action, ())
        getattr(store, action)(entry.id, *arguments)


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
