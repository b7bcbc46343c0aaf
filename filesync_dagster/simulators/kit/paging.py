"""Pages of listings: under opaque tokens, which mean a position in an order, or under numbers.

What changes meanwhile shifts nothing behind a token; it shifts what lies behind a number.
"""

import base64
import binascii
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic, TypeVar

from filesync_dagster.simulators.kit.clock import Clock
from filesync_dagster.simulators.kit.fault_injection import CallFaults
from filesync_dagster.simulators.kit.faults import Fault

T = TypeVar("T")


@dataclass(frozen=True)
class PageTokens:
    """Writes and reads tokens. With a `lifetime_seconds` they expire, by the clock of the simulated world."""

    clock: Clock
    prefix: str = ""
    lifetime_seconds: float | None = None

    def write(self, question: str, position: int, turn: int = 0) -> str:
        """Return the token of a position in the listing that a question was put to; `turn` makes it a fresh one."""
        text = f"{zlib.crc32(question.encode())}.{position}.{turn}.{int(self.clock.seconds())}"
        return self.prefix + base64.urlsafe_b64encode(text.encode()).decode()

    def read(self, token: str, question: str) -> tuple[int, int]:
        """Return the position and the turn of a token; the first without one. Raises ValueError for one that is bad."""
        if not token:
            return 0, 0
        try:
            text = base64.urlsafe_b64decode(token.removeprefix(self.prefix)).decode()
            known, position, turn, written = map(int, text.split("."))
        except binascii.Error as error:
            raise ValueError("this is no token") from error
        if known != zlib.crc32(question.encode()):
            raise ValueError("the token is of another question")
        if self.lifetime_seconds is not None and self.clock.seconds() - written > self.lifetime_seconds:
            raise ValueError("the token has expired")
        return position, turn


@dataclass(frozen=True)
class EntryPage(Generic[T]):
    """The entries of a page, and the token of the next one; None at the end."""

    entries: list[T]
    next_token: str | None


@dataclass(frozen=True)
class OrderedListing(Generic[T]):
    """What is listed: `after` yields the entries behind a position in their order, `position` is that of an entry."""

    question: str
    after: Callable[[int], Iterable[T]]
    position: Callable[[T], int]

    def page(
        self,
        token: str,
        size: int,
        tokens: PageTokens,
        faults: CallFaults,
        able: frozenset[Fault] = frozenset(),
    ) -> EntryPage[T]:
        """Return a page, as bent as the plan wants it; `able` are faults that the caller sees to. Raises ValueError."""
        start, turn = tokens.read(token, self.question)
        found = list(islice(self.after(start), size + 1))
        more, entries = len(found) > size, found[:size]
        able |= {Fault.EMPTY_PAGE, Fault.REPEAT_PAGE, Fault.SHORT_ANSWER} if entries else set()
        able |= {Fault.SHORT_PAGE} if len(entries) > 1 else set()
        able |= {Fault.REPEAT_TOKEN} if token and more else set()
        struck = faults.strike(able)
        if struck & {Fault.EMPTY_PAGE, Fault.REPEAT_PAGE}:
            again = tokens.write(self.question, start, turn + 1)
            return EntryPage([] if Fault.EMPTY_PAGE in struck else entries, again)
        if Fault.SHORT_PAGE in struck:
            entries, more = entries[: len(entries) // 2], True
        following = tokens.write(self.question, self.position(entries[-1])) if more else None
        if Fault.REPEAT_TOKEN in struck:
            following = token
        rule = faults.rule(Fault.SHORT_ANSWER, Fault.INCOMPLETE)
        return EntryPage(faults.lose(entries, rule) if rule and entries else entries, following)


@dataclass
class NumberedPages:
    """Pages under numbers. What a fault left out of one comes first on the page after it.

    That is forgotten when the first page of the listing is asked for again.
    """

    _cuts: dict[str, dict[int, int]] = field(default_factory=dict)

    def page(
        self, question: str, entries: Sequence[T], number: int, limit: int, faults: CallFaults
    ) -> tuple[Sequence[T], bool]:
        """Return a page by the positions of now, as bent as the plan wants it, and whether more follow."""
        if number == 0:
            self._cuts.pop(question, None)
        cuts = self._cuts.get(question, {})
        start = number * limit - sum(cut for earlier, cut in cuts.items() if earlier < number)
        end = start + limit - cuts.get(number, 0)
        page, more = entries[start:end], len(entries) > end
        served = _entries_to_serve(len(page), faults)
        if faults.rule(Fault.REPEAT_PAGE):
            self._cuts.setdefault(question, {})[number] = limit
            return page, True
        if served < len(page):
            self._cuts.setdefault(question, {})[number] = limit - served
            return page[:served], True
        return page, more


def _entries_to_serve(entries: int, faults: CallFaults) -> int:
    if faults.rule(Fault.EMPTY_PAGE):
        return 0
    rule = faults.rule(Fault.SHORT_PAGE)
    return max(1, min(entries - 1, round(entries * (1 - rule.share)))) if rule and entries else entries
