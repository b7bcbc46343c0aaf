"""Change logs: one for each user and one for each shared drive.

A log says that something changed, never what: a reader gets the state of the moment when he asks, and an older
entry of a file is replaced by a newer one.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """Something changed: a file, or a whole shared drive."""

    position: int
    time: int
    id: str
    is_drive: bool = False


class ChangeLog:
    """The entries of one log. Positions of different logs never meet, so a token tells of which log it is."""

    def __init__(self, first: int) -> None:
        self.first = first
        self.end = first  # the position of the next entry
        self._entries: list[Entry] = []
        self._latest: dict[tuple[str, bool], int] = {}

    def add(self, item_id: str, time: int, *, is_drive: bool = False) -> None:
        """Say that something changed now."""
        self._entries.append(Entry(self.end, time, item_id, is_drive))
        self._latest[item_id, is_drive] = self.end
        self.end += 1

    def since(self, position: int) -> Iterator[Entry]:
        """Yield the entries at or after a position that no newer one replaces."""
        start = bisect_left(self._entries, position, key=lambda entry: entry.position)
        for index in range(start, len(self._entries)):
            entry = self._entries[index]
            if self._latest.get((entry.id, entry.is_drive)) == entry.position:
                yield entry

    def lose(self, entry: Entry) -> None:
        """Forget an entry for good."""
        if self._latest.get((entry.id, entry.is_drive)) == entry.position:
            del self._latest[entry.id, entry.is_drive]
