"""Some keys of a bucket as a listing would show them now. A key that does not come is not there.

One request finds one key: the first of all keys that begin with it is the key itself. Keys next to each other, as when
a folder was uploaded, come with the pages that a listing of that stretch has: these are tried now and then, and more
rarely where they did not help.

Where a page begins is not believed: it proves a key absent only between two keys that it has. And that a store lists
nothing at a key is not enough to call it gone: it is asked for the object itself, or for a page of what is around it.
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

from filesync_dagster.connectors.object_store.chain import follow_chain
from filesync_dagster.connectors.object_store.store import KeyedStore, ObjectPage, bytes_of, text_of
from filesync_dagster.connectors.rest.crawl import side_by_side
from filesync_dagster.core.errors import CursorLost
from filesync_dagster.core.model import LIKE_ESCAPED

PAGE_WORTH_KEYS = 8  # keys that a page must find to be better than asking for each of them
PAGES_AROUND = 10  # that are read to prove that a key is not there, where a store does not tell of single objects
PIECE_KEYS = 16  # keys that a worker looks up, at least


def lookup_keys(store: KeyedStore, ids: Sequence[str], workers: int) -> Iterator[ObjectPage]:
    """Yield those of these keys that are there, each once. `ids` are external_ids.

    Raises CursorLost when only a listing can tell.
    """
    for external_id in ids:
        if LIKE_ESCAPED.search(external_id):  # it may stand for another key in what is stored already
            raise CursorLost(f"Which key {external_id!r} stands for only a listing can tell.")
    below = bytes_of(store.prefix)
    wanted = sorted({key for external_id in ids if (key := external_id.encode()).startswith(below)})
    pieces = max(1, min(workers, len(wanted) // PIECE_KEYS))
    cuts = [wanted[len(wanted) * n // pieces : len(wanted) * (n + 1) // pieces] for n in range(pieces)]
    stop = threading.Event()
    if pieces == 1:
        yield from _found(store, wanted, stop)
        return
    with closing(side_by_side([_found(store, piece, stop) for piece in cuts], workers, stop, "keys")) as found:
        yield from found


@dataclass(slots=True)
class _Stretches:
    """Whether to ask for a page of what follows, judged by what the last ones brought."""

    rest: int = 0  # keys to be asked for alone before the next page
    failed: int = 0

    def note(self, covered: int) -> None:
        self.failed = 0 if covered >= PAGE_WORTH_KEYS else self.failed + 1
        self.rest = PAGE_WORTH_KEYS << min(self.failed, 6) if self.failed else 0


def _found(store: KeyedStore, keys: Sequence[bytes], stop: threading.Event) -> Generator[ObjectPage]:
    stretches, at = _Stretches(), 0
    while at < len(keys) and not stop.is_set():
        covered = 0
        stretches.rest -= 1
        if store.starts_anywhere and at and stretches.rest < 0 and len(keys) - at >= PAGE_WORTH_KEYS:
            page = store.page(after=keys[at - 1], stopped=stop.is_set).distinct()
            covered = _covered(page, keys, at)
            yield from _in_stretch(store, page, keys[at : at + covered], stop)
            stretches.note(covered)
        if not covered:
            covered = 1
            if listing := _one(store, keys[at], stop):
                yield listing
        at += covered


def _covered(page: ObjectPage, keys: Sequence[bytes], at: int) -> int:
    """Return of how many of the keys from `at` on a page tells."""
    if page.falls:
        return 0
    if not page.truncated:
        return len(keys) - at
    return bisect_right(keys, page.keys[-1], lo=at) - at if page.keys else 0


def _in_stretch(
    store: KeyedStore, page: ObjectPage, keys: Sequence[bytes], stop: threading.Event
) -> Generator[ObjectPage]:
    """Yield those of the keys that a page tells of; before its first key it proves nothing."""
    begun = bisect_left(keys, page.keys[0]) if page.keys else len(keys)
    for key in keys[:begun]:
        if store.exists(key, stop.is_set) is not False and (listing := _one(store, key, stop)):
            yield listing
    if listing := _rows(page, set(keys[begun:])):
        yield listing


def _one(store: KeyedStore, key: bytes, stop: threading.Event) -> ObjectPage | None:
    alone = store.below(text_of(key))
    page = alone.page(limit=1, stopped=stop.is_set)
    if page.truncated and key not in page.keys:
        page = alone.page(stopped=stop.is_set)  # nobody vouches for the order of this store: the key may come later
    found = _rows(page.distinct(), {key})  # a store may ignore the limit
    if found is None:
        _prove_absent(store, key, stop)
    return found


def _prove_absent(store: KeyedStore, key: bytes, stop: threading.Event) -> None:
    """Prove that a key which a listing did not show is not there. Raises CursorLost when only a full listing can."""
    exists = store.exists(key, stop.is_set)
    if exists or (exists is None and not _is_passed_over(store, key, stop)):
        raise CursorLost(f"{store.where} does not list {text_of(key)!r}, and does not say that it is gone.")


def _is_passed_over(store: KeyedStore, key: bytes, stop: threading.Event) -> bool:
    """Whether pages from the folder of a key on have keys on both sides of it, or both ends there, and not this one."""
    folder = key[: key.rstrip(b"/").rfind(b"/") + 1]
    after = folder if folder > bytes_of(store.prefix) else None
    begun = after is None
    first = store.page(after=after, stopped=stop.is_set)
    for page in islice(follow_chain(store, first, stop.is_set, after), PAGES_AROUND):
        begun = begun or (bool(page.keys) and page.keys[0] < key)
        if not page.truncated or (page.keys and page.keys[-1] >= key):
            return begun and key not in page.keys
    return False


def _rows(page: ObjectPage, wanted: set[bytes]) -> ObjectPage | None:
    """Return the rows of these keys."""
    rows = [row for row, key in enumerate(page.keys) if key in wanted]
    return page.rows(rows) if rows else None
