"""What of a tree is still to be read: bounded by the depth of the tree, whatever its size. Pure: no I/O.

Folders are read depth first, the subfolders of one folder in the order of their ids. So what is left is told by a few
folders: those being read, with the number of their pages that were yielded, and those that were read, with the last
of their subfolders that was taken up. To resume, these folders are read again, silently, and the rest of their
subfolders follows.
"""

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from filesync_dagster.connectors.autodesk.rows import Child

TOP = ""
"""The id under which the top folders of a project are read."""

ALL = -1
"""As a number of pages: every one of them was yielded."""

Enter = Callable[[Child, str], bool]
"""Says whether a folder, at a path, is to be read."""


@dataclass(slots=True)
class Open:
    """A folder that is being read, or about to be."""

    id: str
    path: str  # "" is the top of the endpoint
    silent: int = 0  # pages that are not yielded again (ALL of them)
    after: str = ""  # subfolders up to this id are not taken up again
    pages: int = 0  # read so far
    children: list[Child] = field(default_factory=list)
    sound: bool = True  # all that was read of it could be understood

    @property
    def yielding(self) -> bool:
        """Whether the next page is a new one."""
        return self.silent != ALL and self.pages >= self.silent

    def as_entry(self) -> list[str | int]:
        """Return the part of a checkpoint that stands for this folder."""
        return [self.id, self.path, ALL if self.silent == ALL else max(self.silent, self.pages), self.after]


@dataclass(slots=True)
class _Family:
    """A folder that was read, and those of its subfolders that were not taken up yet."""

    of: str
    path: str
    left: deque[Child]
    taken: str

    def as_entry(self) -> list[str | int]:
        return [self.of, self.path, ALL, self.taken]


class Frontier:
    """Hands out folders. Used by one thread."""

    def __init__(self, begin: Iterable[Open], enter: Enter) -> None:
        self._enter = enter
        self._waiting = deque(begin)
        self._open: dict[int, Open] = {}
        self._families: list[_Family] = []
        self._seen: set[str] = set()

    def take(self) -> Open | None:
        """Return the next folder to read, None when there is none at the moment."""
        found = self._waiting.popleft() if self._waiting else self._next_child()
        if found is not None:
            self._seen.add(found.id)
            self._open[id(found)] = found
        return found

    def close(self, folder: Open) -> None:
        """Note that a folder was read, or cannot be; its subfolders follow."""
        del self._open[id(folder)]
        below = [
            child
            for child in sorted({child.id: child for child in folder.children}.values(), key=lambda child: child.id)
            if child.id > folder.after and self._enter(child, join_path(folder.path, child.name))
        ]
        if below:
            self._families.append(_Family(folder.id, folder.path, deque(below), folder.after))

    def as_text(self) -> str:
        """Return a checkpoint."""
        parts: list[Open | _Family] = [
            *self._open.values(),
            *self._waiting,
            *(family for family in self._families if family.left),
        ]
        return json.dumps({"folders": [part.as_entry() for part in parts]}, ensure_ascii=False, separators=(",", ":"))

    def _next_child(self) -> Open | None:
        while self._families:
            family = self._families[-1]
            while family.left:
                child = family.left.popleft()
                family.taken = child.id
                if child.id not in self._seen:  # it moved while the tree was read: what it holds was told already
                    return Open(child.id, join_path(family.path, child.name))
            self._families.pop()
        return None


def folders_from(checkpoint: str | None) -> list[Open] | None:
    """Return the folders that a checkpoint tells to read (none after the last page); None if it is no checkpoint."""
    try:
        folders = json.loads(checkpoint or "")["folders"]
        found = [Open(str(id_), str(path), int(silent), str(after)) for id_, path, silent, after in folders]
    except (ValueError, KeyError, TypeError):
        return None
    return found


def join_path(path: str, name: str) -> str:
    """Return the path of something in a folder."""
    return f"{path}/{name}" if path else name
