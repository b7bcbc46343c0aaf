"""Folders written down for several threads at once: a thousand small files cost a few dozen waits for the disk."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class _Folder:
    """One folder that threads wait for."""

    turn: threading.Lock = field(default_factory=threading.Lock)
    threads: int = 0
    begun: int = 0  # how often it was begun to be written down
    done: int = 0  # the last of these that ended


class FolderSync:
    """Writes folders down. Whoever comes while one is written down shares the next time with all who wait by then."""

    def __init__(self, sync: Callable[[int], None]) -> None:
        self._sync = sync
        self._lock = threading.Lock()
        self._folders: dict[tuple[int, int], _Folder] = {}

    def __call__(self, descriptor: int) -> None:
        """Return once a writing down that began from now on has ended. Raises OSError."""
        found = os.fstat(descriptor)
        key = (found.st_dev, found.st_ino)
        with self._lock:
            folder = self._folders.setdefault(key, _Folder())
            folder.threads += 1
            wanted = folder.begun + 1
        try:
            with folder.turn:
                if folder.done < wanted:
                    with self._lock:
                        folder.begun += 1
                    self._sync(descriptor)
                    folder.done = folder.begun
        finally:
            with self._lock:
                folder.threads -= 1
                if not folder.threads:
                    del self._folders[key]
