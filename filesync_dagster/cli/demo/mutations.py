"""What people do to files."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from posixpath import basename, dirname, splitext

from filesync_dagster.cli.demo.drive import Drive
from filesync_dagster.cli.demo.sample import ARCHIVE, INCOMING, MY_DRIVE, SHARED_DRIVE, text
from filesync_dagster.cli.demo.simulated_stores import SimulatedStore
from filesync_dagster.cli.demo.stores import Store
from filesync_dagster.core.errors import ServiceError

KEPT = ("", ARCHIVE, INCOMING)
"""Folders whose files nobody touches."""


@dataclass
class People:
    """People at work in a store. Nobody touches a file that one of them has touched: each does one thing to it."""

    store: Store
    rng: random.Random
    touched: set[str] = field(default_factory=set)
    spared: str = "/"  # a folder in which nobody does anything

    def play_morning(self) -> list[str]:
        """Do everything that people do in such a store; return what was done, in words.

        The folder that is renamed is one in which nothing else was done, so that the words can be checked against
        the counts of the sync.
        """
        actions: Sequence[Callable[[], str]] = (self._add, self._edit, self._edit, self._rename, self._move)
        folder = self._folder()
        done = [action() for action in actions]
        if isinstance(self.store, Drive):
            done += [self._write(self.store), self._point(self.store), self._hand_over(), self._restore(self.store)]
        return [*done, self._delete(), self._rename_folder(folder)]

    def a_minute(self) -> str:
        """Do one thing."""
        return self.rng.choice([self._add, self._edit, self._edit, self._rename, self._move, self._delete])()

    def _add(self) -> str:
        path = self._new(f"{dirname(self._pick())}/new {self.rng.randrange(1000):03d}.pdf")
        self.store.put(path, text(self.rng, 8_000))
        return f"added    {path}"

    def _edit(self) -> str:
        path = self._pick()
        self.store.put(path, text(self.rng, 15_000))
        return f"edited   {path}"

    def _rename(self) -> str:
        old = self._pick()
        stem, suffix = splitext(old)
        return self._moved("renamed ", old, f"{stem} rev{self.rng.randrange(2, 9)}{suffix}")

    def _move(self) -> str:
        old = self._pick()
        top, _, rest = old.partition("/")
        return self._moved("moved   ", old, f"{top}/{ARCHIVE}/{basename(rest)}")

    def _hand_over(self) -> str:
        old = self._pick(f"{MY_DRIVE}/")
        return self._moved("moved   ", old, f"{SHARED_DRIVE}/{INCOMING}/{basename(old)}")

    def _write(self, drive: Drive) -> str:
        path = self._new(f"{MY_DRIVE}/Minutes/Meeting {self.rng.randrange(20, 99)}")
        drive.write(path)
        return f"wrote    {path} (a Google Doc)"

    def _point(self, drive: Drive) -> str:
        target = self._pick(f"{SHARED_DRIVE}/")
        path = self._new(f"{MY_DRIVE}/{basename(target)}")
        drive.point(path, target)
        return f"added    {path} (a shortcut to {target})"

    def _restore(self, drive: Drive) -> str:
        path = self.rng.choice(sorted(drive.bin))
        drive.restore(path)
        self.touched.add(path)
        return f"restored {path} from the trash"

    def _delete(self) -> str:
        path = self._pick()
        self.store.delete(path)
        return f"{self.store.removal:<8} {path}"

    def _moved(self, word: str, old: str, wanted: str) -> str:
        new = self._new(wanted)
        self.store.move(old, new)
        return f"{word} {old} -> {basename(new) if dirname(new) == dirname(old) else new}"

    def _folder(self) -> str:
        """Return a folder, one in which nobody does anything from now on."""
        inside = Counter(f for path in self._paths() for f in _folders(path) if basename(f) not in KEPT)
        # Where a folder is more than a part of names, renaming it is one change however much is in it.
        largest_first = -1 if isinstance(self.store, SimulatedStore) else 1
        self.spared = min(inside, key=lambda folder: (inside[folder] * largest_first, folder))
        return self.spared

    def _rename_folder(self, old: str) -> str:
        new = old.removesuffix(" (old)") if old.endswith(" (old)") else f"{old} (old)"
        inside = sum(path.startswith(f"{old}/") for path, _ in self.store.listing())
        self.store.move_folder(old, new)
        return f"renamed  {old}/ -> {basename(new)}/ ({inside} files in it)"

    def _paths(self) -> list[str]:
        """Return the paths of files that stand for one file each, and are nobody's lock."""
        counts = Counter(path for path, _ in self.store.listing())
        return sorted(path for path, times in counts.items() if times == 1 and "~$" not in path)

    def _pick(self, below: str = "") -> str:
        free = [path for path in self._paths() if path.startswith(below) and basename(dirname(path)) not in KEPT]
        quiet = [path for path in free if path not in self.touched and not path.startswith(f"{self.spared}/")]
        if not free:
            raise ServiceError("There is no file left to work on.")
        path = self.rng.choice(quiet or free)
        self.touched.add(path)
        return path

    def _new(self, path: str) -> str:
        taken = {path for path, _ in self.store.listing()}
        if isinstance(self.store, SimulatedStore):
            taken |= set(self.store.bin)  # may come back
        stem, suffix = splitext(path)
        candidates = (path if number == 0 else f"{stem} {number}{suffix}" for number in count())
        new = next(candidate for candidate in candidates if candidate not in taken)
        self.touched.add(new)
        return new


def _folders(path: str) -> Iterable[str]:
    """Yield the folders that a path lies in, but the topmost: some stores have no say in its name."""
    parts = path.split("/")[:-1]
    return ("/".join(parts[:depth]) for depth in range(2, len(parts) + 1))
