"""The key space cut into ranges that are listed side by side. Pure: no I/O.

A range is (after, upto]: `after` exclusive, `upto` inclusive, None is the end of the key space. The ranges of a
listing are the gaps between its cuts, so each ends where the next begins: no key is outside all or inside two.
Keys are compared as bytes, the order in which object stores list them.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from filesync_dagster.connectors.object_store.store import ObjectPage, bytes_of, text_of

MAX_KEY_BYTES = 1024
PAGES_PER_PIECE = 10  # at least: each piece ends in a page that is partly the neighbour's


@dataclass(frozen=True, slots=True)
class Range:
    """Keys that are > after and <= upto, and how far they were read: see RangeProgress."""

    index: int
    after: bytes | None
    upto: bytes | None
    first: bytes | None = None
    back: bytes | None = None
    last: bytes | None = None

    def holds(self, key: bytes) -> bool:
        """Whether the key is in the range."""
        return (self.after is None or key > self.after) and (self.upto is None or key <= self.upto)


@dataclass(frozen=True, slots=True)
class RangeStep:
    """A page of one range. None: nothing new."""

    index: int
    page: ObjectPage
    back: bytes | None  # where the page began
    first: bytes | None  # of the range
    following: bytes | None = None  # the first key of the next range, when this one is done
    done: bool = False


@dataclass(slots=True)
class RangeProgress:
    """How far each range has been yielded. The ranges never change.

    By range: `first` is the first key that was read at or after its beginning (NOTHING: none is), so that its neighbour
    can tell that it missed none; `last` the last key that was yielded, and `back` where that page began, so that who
    resumes can tell that it goes on where this one ended.
    """

    prefix: str
    cuts: tuple[bytes, ...]
    first: list[bytes | None] = field(default_factory=list)
    back: list[bytes | None] = field(default_factory=list)
    last: list[bytes | None] = field(default_factory=list)
    done: list[bool] = field(default_factory=list)

    def __post_init__(self) -> None:
        assert all(a < b for a, b in pairwise(self.cuts)), "cuts must rise, or ranges overlap"
        ranges = len(self.cuts) + 1
        self.first = self.first or [None] * ranges
        self.back = self.back or [None] * ranges
        self.last = self.last or [None] * ranges
        self.done = self.done or [False] * ranges
        assert len(self.first) == len(self.back) == len(self.last) == len(self.done) == ranges

    def ranges(self) -> list[Range]:
        """All ranges, in order."""
        edges = (None, *self.cuts, None)
        return [
            Range(i, after, upto, self.first[i], self.back[i], self.last[i])
            for i, (after, upto) in enumerate(pairwise(edges))
        ]

    def ranges_left(self) -> Iterator[Range]:
        """What is still to list."""
        return (part for part in self.ranges() if not self.done[part.index])

    def note(self, step: RangeStep) -> None:
        """Note that a page was yielded."""
        index = step.index
        if step.first is not None:
            self.first[index] = step.first
        if step.page.keys:
            self.back[index], self.last[index] = step.back, step.page.keys[-1]
        if step.following is not None:
            self.first[index + 1] = step.following
        self.done[index] = step.done

    @property
    def uncut(self) -> bool:
        """Whether the key space is still one range, and not done."""
        return self.done == [False]

    def cut(self, cuts: tuple[bytes, ...]) -> "RangeProgress":
        """Return the progress of an uncut listing with what is above its last key cut."""
        assert self.uncut
        assert self.last[0] is None or not cuts or cuts[0] > self.last[0]
        several = RangeProgress(self.prefix, cuts)
        several.first[0], several.back[0], several.last[0] = self.first[0], self.back[0], self.last[0]
        return several

    def as_text(self) -> str:
        """Return a checkpoint."""
        left = [not done for done in self.done]
        return json.dumps(
            {
                "prefix": self.prefix,
                "cuts": _texts(self.cuts),
                "first": _texts(self.first),
                "back": _texts(key if more else None for key, more in zip(self.back, left, strict=True)),
                "last": _texts(key if more else None for key, more in zip(self.last, left, strict=True)),
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
        [cuts, first, back, last] = [_keys(state[name]) for name in ("cuts", "first", "back", "last")]
        risen = tuple(cut for cut in cuts if cut is not None)
        return RangeProgress(prefix, risen, first, back, last, [bool(done) for done in state["done"]])
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError):
        return None


def cuts_at(candidates: Sequence[bytes], pieces: int, after: bytes) -> tuple[bytes, ...]:
    """Return at most `pieces - 1` evenly chosen candidates above `after`, rising, as cuts.

    Any candidate is right: it only decides how even the pieces are.
    """
    above = sorted({c for c in candidates if c > after and len(c) <= MAX_KEY_BYTES})
    wanted = min(pieces - 1, len(above))
    return tuple(above[len(above) * i // (wanted + 1)] for i in range(1, wanted + 1))


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


def _texts(keys: Iterable[bytes | None]) -> list[str | None]:
    return [None if key is None else text_of(key) for key in keys]


def _keys(texts: Iterable[str | None]) -> list[bytes | None]:
    return [None if text is None else bytes_of(text) for text in texts]
