"""Many files at once, without the checks of single actions."""

import random

from filesync_dagster.simulators.autodesk.entries import AutodeskFolder, AutodeskItem, Version, VersionKind
from filesync_dagster.simulators.autodesk.ids import Mint
from filesync_dagster.simulators.autodesk.tree import PEOPLE, Tree

SUBFOLDERS = 10
SUFFIXES = ("pdf", "dwg", "rvt", "ifc", "docx", "xlsx", "jpg")


def fill(tree: Tree, top: AutodeskFolder, count: int, per_folder: int, seed: int) -> None:
    """Add `count` files below a folder, so many in each, in folders of ten subfolders each."""
    chance, mint, region = random.Random(seed), Mint(f"bulk {seed}"), tree.region_of(top.project)  # noqa: S311 - sizes
    now, by = tree.clock.tick(), PEOPLE[0]
    folders = [top]
    for number in range(count):
        if number % per_folder == 0 and number:
            above = folders[(len(folders) - 1) // SUBFOLDERS]
            name = f"Folder {len(folders):05}"
            folder = AutodeskFolder(mint.folder(region), top.project, above.id, name, now, now, now, by, by)
            tree.folders[folder.id] = folder
            above.children[folder.id] = None
            folders.append(folder)
        suffix = SUFFIXES[number % len(SUFFIXES)]
        name, size = f"File {number:07}.{suffix}", chance.randrange(1 << 24)
        item = AutodeskItem(mint.item(region), top.project, folders[-1].id, name, now, now, by, by, VersionKind.FILE)
        item.versions.append(Version(1, name, VersionKind.FILE, size, now, now, by, by, mint.storage(region, name)))
        tree.items[item.id] = item
        folders[-1].children[item.id] = None
