"""Some keys of a bucket as a listing would show them now. A key that does not come is not there.

One request finds one key: the first of all keys that begin with it is the key itself. Keys next to each other, as when
a folder was uploaded, come with the pages that a listing of that stretch has: these are tried now and then, and more
rarely where they did not help; not in stores that are not known to begin a page where they are told to.
"""

import re
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from filesync_dagster.connectors.rest.crawl import side_by_side
from filesync_dagster.connectors.s3.answers import S3Listing
from filesync_dagster.connectors.s3.errors import TRY_PROVIDER
from filesync_dagster.connectors.s3.requests import S3Bucket, bytes_of, is_rising, text_of
from filesync_dagster.core.errors import CursorLost, ProtocolViolation

PAGE_WORTH_KEYS = 8  # keys that a page must find to be better than asking for each of them
PIECE_KEYS = 16  # keys that a worker looks up, at least
ESCAPED = re.compile(r"\\x(?:00|[89a-f][0-9a-f])")
"""In an external_id: it may stand for a byte that is no text, or for itself."""


def lookup_keys(bucket: S3Bucket, ids: Sequence[str], workers: int) -> Iterator[S3Listing]:
    """Yield those of these keys that are there, each once. `ids` are external_ids.

    Raises CursorLost when only a listing can tell.
    """
    for external_id in ids:
        if ESCAPED.search(external_id):
            raise CursorLost(f"Which key {external_id!r} stands for only a listing can tell.")
    below = bytes_of(bucket.prefix)
    wanted = sorted({key for external_id in ids if (key := external_id.encode()).startswith(below)})
    pieces = max(1, min(workers, len(wanted) // PIECE_KEYS))
    cuts = [wanted[len(wanted) * n // pieces : len(wanted) * (n + 1) // pieces] for n in range(pieces)]
    stop = threading.Event()
    if pieces == 1:
        yield from _found(bucket, wanted, stop)
        return
    with closing(side_by_side([_found(bucket, piece, stop) for piece in cuts], workers, stop, "s3-keys")) as found:
        yield from found


@dataclass(slots=True)
class _Stretches:
    """Whether to ask for a page of what follows, judged by what the last ones brought."""

    rest: int = 0  # keys to be asked for alone before the next page
    failed: int = 0

    def note(self, covered: int) -> None:
        self.failed = 0 if covered >= PAGE_WORTH_KEYS else self.failed + 1
        self.rest = PAGE_WORTH_KEYS << min(self.failed, 6) if self.failed else 0


def _found(bucket: S3Bucket, keys: Sequence[bytes], stop: threading.Event) -> Generator[S3Listing]:
    stretches, at = _Stretches(), 0
    # Elsewhere a page may begin anywhere, which nobody would see in one that has none of the keys.
    can_begin_anywhere = bucket.quirks.start_after or bucket.quirks.list_version == 1
    while at < len(keys) and not stop.is_set():
        if can_begin_anywhere and at and stretches.rest <= 0 and len(keys) - at >= PAGE_WORTH_KEYS:
            page = _page_after(bucket, keys[at - 1], stop)
            upto = None if not page.truncated else page.keys[-1]
            covered = sum(upto is None or key <= upto for key in keys[at:])
            if listing := _rows(page, set(keys[at : at + covered])):
                yield listing
            stretches.note(covered)
            at += covered
            continue
        if listing := _one(bucket, keys[at], stop):
            yield listing
        stretches.rest -= 1
        at += 1


def _one(bucket: S3Bucket, key: bytes, stop: threading.Event) -> S3Listing | None:
    alone = replace(bucket, prefix=text_of(key))
    page = alone.page(limit=1, stopped=stop.is_set)
    if page.keys[:1] == [key]:
        return _rows(page, {key})  # a store may ignore the limit
    if page.truncated and not (page.keys and bucket.quirks.start_after):
        # Nobody vouches for the order of this store: the key may come later.
        page = alone.page(stopped=stop.is_set)
        if page.truncated and key not in page.keys:
            raise CursorLost(f"{bucket.transport.where} has too many keys that begin with {text_of(key)!r}.")
    return _rows(page, {key})


def _page_after(bucket: S3Bucket, key: bytes, stop: threading.Event) -> S3Listing:
    page = bucket.page(after=key, stopped=stop.is_set)
    if page.keys and (page.keys[0] <= key or not is_rising(page.keys)):
        raise ProtocolViolation(
            f"{bucket.transport.where} listed keys out of order or outside the range that was asked for.",
            hint=TRY_PROVIDER,
        )
    if page.truncated and not page.keys:
        raise ProtocolViolation(f"{bucket.transport.where} sent an empty page that is not the last one.")
    return page


def _rows(page: S3Listing, wanted: set[bytes]) -> S3Listing | None:
    """Return the rows of these keys."""
    rows = [row for row, key in enumerate(page.keys) if key in wanted]
    return page.rows(rows) if rows else None
