"""The key space cut into ranges that are listed side by side. Pure: no I/O.

A range is (after, upto]: `after` exclusive, `upto` inclusive, None is the end of the key space. The ranges of a
listing are the gaps between its cuts, so each ends where the next begins: no key is outside all or inside two.
Keys are compared as bytes, the order in which S3 lists them.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

MAX_KEY_BYTES = 1024
PAGES_PER_PIECE = 10  # at least: each piece ends in a page that is partly the neighbour's


@dataclass(frozen=True, slots=True)
class Range:
    """Keys that are > after and <= upto."""

    index: int
    after: bytes | None
    upto: bytes | None

    def holds(self, key: bytes) -> bool:
        """Whether the key is in the range."""
        return (self.after is None or key > self.after) and (self.upto is None or key <= self.upto)


@dataclass(slots=True)
class RangeProgress:
    """How far each range has been yielded. The ranges never change; `reached` moves them on."""

    prefix: str
    cuts: tuple[bytes, ...]
    last: list[bytes | None] = field(default_factory=list)  # per range, the last key that was yielded
    done: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert all(a < b for a, b in pairwise(self.cuts)), "cuts must rise, or ranges overlap"
        ranges = len(self.cuts) + 1
        self.last = self.last or [None] * ranges
        self.done = self.done or [False] * ranges
        assert len(self.last) == len(self.done) == ranges

    def ranges(self) -> list[Range]:
        """All ranges, in order."""
        edges = (None, *self.cuts, None)
        return [Range(i, after, upto) for i, (after, upto) in enumerate(pairwise(edges))]

    def ranges_left(self) -> Iterator[Range]:
        """What is still to list: each range that is not done, from its last yielded key on."""
        for whole in self.ranges():
            if not self.done[whole.index]:
                last = self.last[whole.index]
                yield Range(whole.index, whole.after if last is None else last, whole.upto)

    def note_page(self, index: int, last: bytes | None, *, done: bool) -> None:
        """Note that a range was yielded up to and including `last` (None: nothing new)."""
        if last is not None:
            self.last[index] = last
        self.done[index] = done

    @property
    def uncut(self) -> bool:
        """Whether the key space is still one range, and not done."""
        return self.done == [False]

    def cut(self, cuts: tuple[bytes, ...]) -> "RangeProgress":
        """Return the progress of an uncut listing with its rest cut: the first of the cuts is where it has got to."""
        assert self.uncut
        assert cuts[0] == self.last[0]
        several = RangeProgress(self.prefix, cuts)
        several.note_page(0, cuts[0], done=True)
        return several

    def as_text(self) -> str:
        """Return a checkpoint."""
        return json.dumps(
            {
                "prefix": self.prefix,
                "cuts": [_text(cut) for cut in self.cuts],
                "last": [None if self.done[i] or last is None else _text(last) for i, last in enumerate(self.last)],
                "done": [int(done) for done in self.done],
            },
            separators=(",", ":"),
        )


def progress_from(checkpoint: str | None, prefix: str) -> RangeProgress | None:
    """Return the progress that a checkpoint describes; None if it is not one of a listing of this prefix."""
    if checkpoint is None:
        return None
    try:
        state = json.loads(checkpoint)
        if state["prefix"] != prefix:
            return None
        return RangeProgress(
            prefix,
            tuple(_bytes(cut) for cut in state["cuts"]),
            [None if last is None else _bytes(last) for last in state["last"]],
            [bool(done) for done in state["done"]],
        )
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        return None


def cuts_at(candidates: Sequence[bytes], pieces: int, after: bytes) -> tuple[bytes, ...]:
    """Return `after` and at most `pieces - 1` evenly chosen candidates above it, rising, as cuts.

    The first range then ends at `after`. Any candidate is right: it only decides how even the pieces are.
    """
    above = sorted({c for c in candidates if c > after and len(c) <= MAX_KEY_BYTES})
    wanted = min(pieces - 1, len(above))
    return (after, *(above[len(above) * i // (wanted + 1)] for i in range(1, wanted + 1)))


def landmark_bytes(landmarks: Sequence[str], prefix: bytes) -> list[bytes]:
    """Return the landmarks that can be used as cuts below a prefix."""
    usable = (mark.encode("utf-8", "ignore") for mark in landmarks)
    return [mark for mark in usable if mark.startswith(prefix) and b"\x00" not in mark]


def pieces_for(landmarks: Sequence[bytes], first_page_end: bytes, most: int) -> int:
    """Return into how many pieces to cut what follows the first page.

    The landmarks are evenly spread, so the share of them that the first page covered tells how many pages there are.
    Short pieces cost more requests than they save time.
    """
    covered = sum(mark <= first_page_end for mark in landmarks)
    pages = len(landmarks) / max(covered, 1)
    return max(1, min(most, int(pages / PAGES_PER_PIECE)))


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogateescape")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
