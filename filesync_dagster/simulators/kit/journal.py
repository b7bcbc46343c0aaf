"""Change logs: what happened, in order, for a reader who comes back with a position.

A vendor has one log for each user, drive or account, and words a position as its token: a delta link, a cursor, a
stream position.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.faults import Fault

FEED_FAULTS = frozenset({Fault.LOSE_CHANGE, Fault.DUPLICATE_CHANGE, Fault.REORDER_CHANGES})


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Something changed: an entry of the tree, or another thing (`kind`), such as a whole drive."""

    position: int
    time: int
    id: str
    kind: str = ""


class ChangeLog:
    """The entries of one log. Logs that begin far apart share no positions, so a token tells of which log it is.

    Unless it keeps `every` entry, as an event stream does, an older entry of a thing is replaced by a newer one: such a
    log says that something changed, never what, and its reader gets the state of the moment when he asks.
    """

    def __init__(self, first: int = 1, *, every: bool = False) -> None:
        self.first = first
        self.end = first  # the position of the next entry
        self._every = every
        self._entries: list[LogEntry] = []
        self._latest: dict[tuple[str, str], int] = {}
        self._lost: set[int] = set()
        self._grown = threading.Condition()

    def add(self, entry_id: str, time: int, kind: str = "") -> None:
        """Say that something changed now."""
        with self._grown:
            self._entries.append(LogEntry(self.end, time, entry_id, kind))
            self._latest[entry_id, kind] = self.end
            self.end += 1
            self._grown.notify_all()

    def since(self, position: int) -> Iterator[LogEntry]:
        """Yield the entries at or after a position, without those that a newer one replaces."""
        start = bisect_left(self._entries, position, key=lambda entry: entry.position)
        for index in range(start, len(self._entries)):
            entry = self._entries[index]
            latest = self._every or self._latest.get((entry.id, entry.kind)) == entry.position
            if latest and entry.position not in self._lost:
                yield entry

    def lose(self, entry: LogEntry) -> None:
        """Forget an entry for good."""
        self._lost.add(entry.position)

    def wait(self, position: int, seconds: float) -> bool:
        """Wait until there is an entry at or after a position, for so long at most, and return whether there is."""
        with self._grown:
            return self._grown.wait_for(lambda: self.end > position, seconds)


@dataclass(frozen=True, slots=True)
class FeedPosition:
    """Where a reader is in a log; `turn` sets tokens of one position apart.

    >>> str(FeedPosition(7)), str(FeedPosition(7, 2)), FeedPosition.parse("7!2")
    ('7', '7!2', FeedPosition(position=7, turn=2))
    """

    position: int
    turn: int = 0

    def __str__(self) -> str:
        return f"{self.position}!{self.turn}" if self.turn else str(self.position)

    @classmethod
    def parse(cls, text: str) -> "FeedPosition":
        """Return the position of a token. Raises ValueError."""
        position, _, turn = text.partition("!")
        if not position.isascii() or not position.isdigit() or len(position) > 18:  # noqa: PLR2004 - int64
            raise ValueError(f"{text!r} is no position")
        return cls(int(position), int(turn or 0))


@dataclass(frozen=True, slots=True)
class FeedPage:
    """A page of a log. `more`: whether another follows at `after`; if not, that is where to come back to."""

    entries: list[LogEntry]
    after: FeedPosition
    more: bool


def feed_page(log: ChangeLog, at: FeedPosition, size: int, faults: CallFaults) -> FeedPage:
    """Return a page of a log, as bent as the plan wants it. Raises ValueError if the log was never at that position."""
    if not log.first <= at.position <= log.end:
        raise ValueError(f"{at} is no position of this log")
    found = list(islice(log.since(at.position), size + 1))
    more, entries = len(found) > size, found[:size]
    able = FEED_FAULTS | {Fault.EMPTY_PAGE, Fault.REPEAT_PAGE, Fault.SHORT_ANSWER} if entries else frozenset()
    able |= {Fault.SHORT_PAGE} if len(entries) > 1 else set()
    able |= {Fault.REPEAT_TOKEN} if more else set()
    struck = faults.strike(able)
    if Fault.SHORT_PAGE in struck:
        entries, more = entries[: len(entries) // 2], True
    after = FeedPosition(entries[-1].position + 1 if more else log.end)
    if struck & {Fault.EMPTY_PAGE, Fault.REPEAT_PAGE}:
        after, more = FeedPosition(at.position, at.turn + 1), True
    if Fault.REPEAT_TOKEN in struck:
        after = at
    return FeedPage([] if Fault.EMPTY_PAGE in struck else _bend(log, entries, faults), after, more)


def _bend(log: ChangeLog, entries: list[LogEntry], faults: CallFaults) -> list[LogEntry]:
    rule = faults.rule(Fault.LOSE_CHANGE, Fault.SHORT_ANSWER)
    if rule:
        kept = faults.lose(entries, rule)
        if rule.fault is Fault.LOSE_CHANGE:
            for entry in set(entries) - set(kept):
                log.lose(entry)
        entries = kept
    if faults.rule(Fault.DUPLICATE_CHANGE):
        entries = [*entries, *entries]
    if faults.rule(Fault.REORDER_CHANGES):
        entries = faults.plan.random.sample(entries, len(entries))
    return entries
