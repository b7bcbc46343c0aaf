"""Random trees with mounts, links and renames, against a lister of their own: nothing lost, nothing invented."""

import os
import random
from contextlib import suppress

import pytest

from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.connectors.local.mounts import mounted, run

POINTS = ("m1", "a/m2", "a/b/m3")
STEPS = 12


class MountedTree:
    """A folder with places where something may be mounted, and what must be in its inventory whatever is."""

    def __init__(self, root, beside, seed, *, cross_mounts):
        self.root, self.beside, self.cross_mounts = root, beside, cross_mounts
        self.random = random.Random(seed)
        self.mounted = set()
        self.lasting = set()  # paths that were seen, and that nobody removed or renamed
        self.number = 0
        for point in POINTS:
            for top in (root / point, beside / point.replace("/", "-")):
                top.mkdir(parents=True, exist_ok=True)
                for name in "xyz":
                    (top / f"{name}{self.random.random()}").write_text(name)
        for _ in range(20):
            self.add()

    def toggle(self, point=None):
        """Mount or unmount something at one of the places."""
        point = point or self.random.choice(POINTS)
        if point in self.mounted:
            run("umount", self.root / point)
        else:
            run("mount", "--bind", self.beside / point.replace("/", "-"), self.root / point)
        self.mounted ^= {point}

    def visible(self):
        """Return what is there, as the system's own calls tell, without what lies on a mount that is not entered."""
        found, folders = set(), [self.root]
        while folders:
            for entry in os.scandir(folders.pop()):
                path = os.path.relpath(entry.path, self.root)
                found.add(path)
                if entry.is_dir(follow_symlinks=False) and (self.cross_mounts or path not in self.mounted):
                    folders.append(entry.path)
        return found

    def is_free(self, path):
        """Tell whether a path has nothing to do with the places of mounts."""
        return not any(path == p or path.startswith(f"{p}/") or p.startswith(f"{path}/") for p in POINTS)

    def pick(self, *, folders):
        """Return a random free entry, or None."""
        free = [p for p in sorted(self.visible()) if self.is_free(p) and (self.root / p).is_dir() == folders]
        return self.random.choice(free) if free else None

    def new_path(self):
        """Return a path that nothing had, in a random free folder."""
        self.number += 1
        folder = self.pick(folders=True) if self.random.random() < 0.6 else None
        return self.root / (folder or ".") / f"n{self.number}"

    def add(self):
        """Add a file, or a folder with one."""
        path = self.new_path()
        if self.random.random() < 0.4:
            path.mkdir()
            path /= "inside"
        path.write_text(str(self.number))

    def link(self):
        """Give a file another name."""
        if found := self.pick(folders=False):
            os.link(self.root / found, self.new_path(), follow_symlinks=False)

    def remove(self):
        """Remove a file or an empty folder."""
        if found := self.pick(folders=self.random.random() < 0.3):
            self.lasting = {path for path in self.lasting if path != found and not path.startswith(f"{found}/")}
            run("rm", "-rf", self.root / found)

    def rename(self):
        """Give a file or a folder another name or place."""
        if found := self.pick(folders=self.random.random() < 0.5):
            with suppress(OSError):  # into itself
                (self.root / found).rename(self.new_path())
                self.lasting = {path for path in self.lasting if path != found and not path.startswith(f"{found}/")}

    def change(self):
        """Change something; return what."""
        what = self.random.choice([self.toggle, self.toggle, self.add, self.link, self.remove, self.rename])
        what()
        return what.__name__


@pytest.mark.parametrize("cross_mounts", [False, True])
@pytest.mark.parametrize("seed", [20261129, pytest.param(20261130, marks=pytest.mark.slow)])
def test_nothing_is_lost_and_nothing_invented(inventory, seed, cross_mounts):
    """What is there is in the inventory, what was hidden stays; once nothing is hidden any more, both are equal."""
    place = inventory(cross_mounts=cross_mounts, page_size=7)
    place.configure(guard={"enabled": False})
    with mounted(place.docs / "probe"):  # skips where nothing can be mounted
        pass
    (place.docs / "probe").rmdir()
    tree = MountedTree(place.docs, place.beside, seed, cross_mounts=cross_mounts)
    history = []
    try:
        for point in ("m1", "a/b/m3"):
            tree.toggle(point)
        first = set(tree.mounted) if cross_mounts else set()
        for step in range(STEPS):
            result = place.sync()
            where = f"seed {seed}, step {step}, after {history}"
            known, visible = place.paths(), tree.visible()
            assert len(known) == len(set(known)), where
            assert tree.lasting <= set(known), where
            assert {path for path in visible if tree.is_free(path)} <= set(known), where
            if result.status is SyncStatus.COMPLETED:
                assert set(known) == visible, where
                assert place.sync().counts == type(result.counts)(), where
            tree.lasting |= set(known) & visible
            history.append(tree.change())
        for point in tree.mounted ^ first:
            tree.toggle(point)
        assert place.sync().status is SyncStatus.COMPLETED, history
        assert set(place.paths()) == tree.visible(), history
    finally:
        for point in [*tree.mounted]:
            tree.toggle(point)
