"""Pages that follow each other without a hole: every key between the first and the last one that a chain has read.

What a chain rests on is only that the page after another one follows it. Where a listing may begin is never believed:
it shows in what was read.
"""

from bisect import bisect_right
from collections.abc import Callable, Generator
from itertools import chain as joined

from filesync_dagster.connectors.object_store.store import ObjectPage, ObjectStore
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import ProtocolViolation, SourceError

EMPTY_PAGES_MAX = 1_000
"""So many in a row are believed: of what lifecycle rules, or markers of deletion, hide."""


class Unprovable(SourceError):
    """Whether a key was missed cannot be told: the keys that were to show it are gone. The listing begins anew."""


class OtherOrder(ProtocolViolation):
    """Keys came in another order than that of their bytes, which ranges rest on."""


def follow_chain(
    store: ObjectStore, page: ObjectPage, stopped: Callable[[], bool], after: bytes | None = None
) -> Generator[ObjectPage]:
    """Yield a page, asked for with `after`, and all that follow it: rising keys, each page's above those before."""
    tokens = PageChain[str](store.where, hint=store.hint, empty_pages_max=EMPTY_PAGES_MAX)
    last: bytes | None = None
    trail = _Trail(after)
    while True:
        trail.note(page)
        page = _above(store, page, last)
        yield page
        last = page.keys[-1] if page.keys else last
        if not page.truncated:
            return
        if store.follows_tokens:
            page = store.page(token=tokens.advance(page.token, page.keys[-1:]), stopped=stopped)
        else:
            page = trail.next_page(store, stopped)


def follow_tokens(store: ObjectStore, page: ObjectPage) -> Generator[ObjectPage]:
    """Yield a page and all that its tokens lead to, in whatever order their keys come."""
    tokens = PageChain[str](store.where, hint=store.hint, empty_pages_max=EMPTY_PAGES_MAX)
    while True:
        yield page
        if not page.truncated:
            return
        if page.token is None:
            raise ProtocolViolation(
                f"{store.where} cut a listing short without saying where it goes on.", hint=store.hint
            )
        page = store.page(token=tokens.advance(page.token, page.keys))


def first_keys(pages: Generator[ObjectPage]) -> tuple[ObjectPage, Generator[ObjectPage]]:
    """Return the first page that has keys, or the last one, and all pages from it on."""
    for page in pages:
        if page.keys or not page.truncated:
            return page, _with(page, pages)
    raise AssertionError("a chain ends with a page that is not truncated")


def _with(page: ObjectPage, pages: Generator[ObjectPage]) -> Generator[ObjectPage]:
    yield from joined([page], pages)


def _above(store: ObjectStore, page: ObjectPage, last: bytes | None) -> ObjectPage:
    """Return what a page has above the last key. Raises OtherOrder when its keys do not rise."""
    page = page.distinct()
    begins_before = bool(page.keys) and last is not None and page.keys[0] < last
    if page.keys and last is not None and page.keys[0] <= last:
        if begins_before and store.follows_tokens and page.keys[-1] <= last:
            raise OtherOrder(f"{store.where} repeats itself: a page has keys of one before.", hint=store.hint)
        page = page.between(bisect_right(page.keys, last), len(page.keys))
    if page.falls or (begins_before and store.follows_tokens):
        raise OtherOrder(
            f"{store.where} listed keys out of order.",
            hint="Set `provider: unordered` if this store promises no order.",
        )
    return page


class _Trail:
    """The keys of the last page, in a store that is asked for the page after a key.

    A key that was deleted in the meantime is none any more, and there are stores that then leave out the next one. So
    the next page is asked for with a key before the last one: that nothing is missed shows where it has a key again.
    """

    def __init__(self, after: bytes | None) -> None:
        self._before = after  # the last key before the page
        self._keys: list[bytes] = []

    def note(self, page: ObjectPage) -> None:
        """Note a page as it came."""
        if page.keys:
            self._before = self._keys[-1] if self._keys else self._before
            self._keys = page.keys

    def next_page(self, store: ObjectStore, stopped: Callable[[], bool]) -> ObjectPage:
        """Return the page after the last one; it may have keys of that again. Raises Unprovable."""
        last = self._keys[-1]
        for before in dict.fromkeys((*self._keys[-2:-1], self._before)):
            page = store.page(after=before, stopped=stopped)
            if page.keys and page.keys[0] <= last:
                stuck = page.keys[-1] <= last and page.truncated  # it shows one key at a time: nothing can be proved
                return store.page(after=last, stopped=stopped) if stuck else page
        raise Unprovable(f"{store.where} changed while it was listed.")
