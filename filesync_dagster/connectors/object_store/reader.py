"""The reader of ranges of keys, which proves that neighbouring ranges leave no key out."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Generator

from filesync_dagster.connectors.object_store.chain import Unprovable, first_keys, follow_chain
from filesync_dagster.connectors.object_store.junctions import NOTHING, Junctions
from filesync_dagster.connectors.object_store.ranges import Range, RangeProgress, RangeStep
from filesync_dagster.connectors.object_store.store import ObjectPage, ObjectStore


class RangeReader:
    """Reads the ranges that a progress leaves. `opened` is a chain that has got to where the first of them goes on."""

    def __init__(
        self,
        store: ObjectStore,
        progress: RangeProgress,
        stopped: Callable[[], bool],
        opened: Generator[ObjectPage] | None = None,
    ) -> None:
        self._store = store
        self._stopped = stopped
        self._opened = opened
        self._ranges = progress.ranges()
        self._junctions = Junctions(progress.first)
        self.streams = [self._steps(part) for part in progress.ranges_left()]
        """For each range the steps of its reader; who goes on into the next ranges yields theirs, too."""

    def _steps(self, part: Range) -> Generator[RangeStep]:
        if not self._junctions.take(part.index):
            return  # the reader before has gone on into it
        opened, self._opened = self._opened, None
        if opened is not None:
            yield from self._read(part, opened, part.last)
        elif (pages := self._begin(part)) is not None:
            yield from self._read(part, pages, _beginning(part))

    def _begin(self, part: Range) -> Generator[ObjectPage] | None:
        """Return the pages from where a range begins, or was left; None where the store does not begin there.

        Raises Unprovable when what was read of the range before cannot be found any more.
        """
        after = _beginning(part)
        known = part.first if part.last is None else part.last
        begun = self._store.page(after=after, stopped=self._stopped)
        page, pages = first_keys(follow_chain(self._store, begun, self._stopped, after))
        if known:
            if after is not None and not (page.keys and page.keys[0] <= known):
                raise Unprovable(f"{self._store.where} has lost the keys at which an earlier listing had got to.")
        elif part.after is not None and page.truncated and page.keys[-1] <= part.after:
            self._junctions.release(part.index)
            return None
        return pages

    def _read(self, part: Range, pages: Generator[ObjectPage], back: bytes | None) -> Generator[RangeStep]:
        """Yield the steps of a range, and of those after it that nobody has begun. `back`: where the pages begin."""
        floor = part.after if part.last is None else part.last  # what is not above it was yielded, or is not ours
        first, met = part.first, None
        for whole in pages:
            page = _above(whole, floor)
            while True:
                keys = page.keys
                if first is None and (keys or not page.truncated):
                    first = keys[0] if keys else NOTHING
                    self._junctions.note_first(part.index, first)
                passed = bool(keys) and part.upto is not None and keys[-1] > part.upto
                if met is None and part.upto is not None and (passed or not page.truncated):
                    met = self._junctions.meet(part.index + 1, self._stopped)
                    if met is None:  # the next range is ours
                        end = bisect_right(keys, part.upto)
                        following = keys[end] if end < len(keys) else NOTHING
                        yield RangeStep(part.index, page.between(0, end), back, first, following, done=True)
                        part, first, page = self._ranges[part.index + 1], None, page.between(end, len(keys))
                        continue
                end = bisect_left(keys, met) if met else len(keys)
                done = end < len(keys) or not page.truncated
                yield RangeStep(part.index, page.between(0, end), back, first, met, done=done)
                break
            if done:
                return
            if keys:
                floor = back = keys[-1]


def _beginning(part: Range) -> bytes | None:
    """Return after which key a range is asked for: where the last page began, so that its keys show again."""
    return part.after if part.last is None else part.back


def _above(page: ObjectPage, floor: bytes | None) -> ObjectPage:
    """Return what a page has above a key."""
    if floor is None or not page.keys or page.keys[0] > floor:
        return page
    return page.between(bisect_right(page.keys, floor), len(page.keys))
