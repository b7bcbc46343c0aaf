"""Large stores, fast: a million files in well under a minute, which no log tells of."""

import random
from collections.abc import Sequence
from typing import TypeVar

from filesync_dagster.simulators.kit.tree import TreeEntry, TreeStore

NAMES = ("drawing {}.dwg", "report {}.pdf", "site photo {}.jpg", "model {}.ifc", "schedule {}.csv")
FOLDERS_IN_FOLDER = 20
MINUTE_MILLISECONDS = 60_000
MAX_BYTES = 2_000_000_000

E = TypeVar("E", bound=TreeEntry)


def fill(
    store: TreeStore[E], top: E, count: int, *, per_folder: int = 100, seed: int = 0, names: Sequence[str] = NAMES
) -> None:
    """Put `count` files below a folder, `per_folder` in each, the folders up to twenty in each other."""
    dice = random.Random(seed)  # noqa: S311 - sizes, not secrets
    folders = [top]
    for number in range(count):
        if number % per_folder == 0:
            made = len(folders) - 1
            above = folders[made // FOLDERS_IN_FOLDER]
            folders.append(store.make(f"Folder {made + 1:05}", above, is_folder=True, owner=above.owner))
        store.clock.tick(dice.randrange(1, MINUTE_MILLISECONDS))
        name = names[number % len(names)].format(f"{number + 1:07}")
        entry = store.make(name, folders[-1], owner=folders[-1].owner)
        entry.size = int(dice.paretovariate(0.6) * 1000) % MAX_BYTES
