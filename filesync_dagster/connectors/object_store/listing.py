"""Every object of a bucket, in pages: ranges of keys side by side where the store allows it, else one after another.

The first page is always asked alone: most buckets are no larger. What follows is cut into ranges, at the landmarks
of the last snapshot or, without any and after some more pages, at common prefixes. Stores without order, or that
cannot begin a listing at a key, are followed by their tokens.
"""

import json
import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from filesync_dagster.connectors.object_store.chain import OtherOrder, Unprovable, follow_chain, follow_tokens
from filesync_dagster.connectors.object_store.ranges import (
    RangeProgress,
    RangeStep,
    cuts_at,
    landmark_bytes,
    pieces_for,
    progress_from,
)
from filesync_dagster.connectors.object_store.reader import RangeReader
from filesync_dagster.connectors.object_store.store import ObjectPage, ObjectStore, TokenStore, bytes_of, text_of
from filesync_dagster.connectors.rest.crawl import side_by_side
from filesync_dagster.core.errors import ProtocolViolation

PIECES_PER_WORKER = 2  # so that a worker whose range was short finds another
PAGES_BEFORE_CUTTING = 8  # listed one after another before folders are looked for
FOLDER_CALLS = 16  # requests that looking for common prefixes may cost
RESTARTS_MAX = 3


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Objects, and the checkpoint that covers them and all before."""

    page: ObjectPage
    checkpoint: str


def list_objects(
    store: ObjectStore, checkpoint: str | None, landmarks: Sequence[str], workers: int
) -> Generator[ListedPage]:
    """Yield every object of the store once, or raise SourceError. Resumes after `checkpoint` if it can."""
    for _ in range(RESTARTS_MAX):
        try:
            yield from _list(store, checkpoint, landmarks, workers)
        except Unprovable:
            checkpoint = None
        else:
            return
    raise ProtocolViolation(f"{store.where} has other keys each time that it is listed.", hint=store.hint)


def list_in_any_order(
    store: TokenStore, checkpoint: str | None, landmarks: Sequence[str], workers: int
) -> Generator[ListedPage]:
    """Do as `list_objects`; a store that shows keys out of order is followed by its tokens from the beginning on."""
    try:
        yield from list_objects(store, checkpoint, landmarks, workers)
    except OtherOrder:
        yield from list_objects(store.without_order(), None, (), workers)


def _list(store: ObjectStore, checkpoint: str | None, landmarks: Sequence[str], workers: int) -> Generator[ListedPage]:
    progress, token = progress_from(checkpoint, store.prefix), _token_from(checkpoint, store.prefix)
    stop = threading.Event()
    if progress is not None and store.ordered and store.starts_anywhere:
        yield from _by_ranges(RangeReader(store, progress, stop.is_set), progress, workers, stop)
        return
    if token is not None:
        yield from _resume_by_tokens(store, token)
        return
    first = store.page()  # which may show that the store cannot begin at a key
    if first.falls or not (store.ordered and store.starts_anywhere):
        yield from _by_tokens(store, first)
        return
    progress = RangeProgress(store.prefix, ())
    opened = follow_chain(store, first, stop.is_set)
    if workers > 1 and first.truncated:
        progress, opened = yield from _cut(store, progress, opened, landmarks, workers)
    yield from _by_ranges(RangeReader(store, progress, stop.is_set, opened), progress, workers, stop)


def _cut(
    store: ObjectStore,
    progress: RangeProgress,
    opened: Generator[ObjectPage],
    landmarks: Sequence[str],
    workers: int,
) -> Generator[ListedPage, None, tuple[RangeProgress, Generator[ObjectPage]]]:
    """Return the progress with what is left of its only range cut into several; yield what was listed meanwhile."""
    most = workers * PIECES_PER_WORKER
    marks = landmark_bytes(landmarks, bytes_of(store.prefix))
    pages = PAGES_BEFORE_CUTTING
    if marks:
        pages = 1
    for page in islice(opened, pages):
        step = RangeStep(0, page, progress.last[0], page.keys[0] if page.keys else None, done=not page.truncated)
        progress.note(step)
        yield ListedPage(page, progress.as_text())
    last = progress.last[0]
    if last is None or progress.done[0]:
        return progress, opened
    if marks:
        return progress.cut(cuts_at(marks, pieces_for(marks, last, most), last)), opened
    # Nothing is known of the bucket. Looking for folders only pays when it is not about to end.
    return progress.cut(cuts_at(_folders(store, last, most), most, last)), opened


def _folders(store: ObjectStore, after: bytes, wanted: int) -> list[bytes]:
    """Return common prefixes above a key, about as many as wanted, evenly over the tree as far as calls allow."""
    level, calls = [bytes_of(store.prefix)], FOLDER_CALLS
    found: list[bytes] = []
    while level and len(found) < wanted and len(level) <= calls:
        calls -= len(level)
        share = -(-wanted // len(level))
        below = [_spread(store.folders(text_of(folder), after), share) for folder in level]
        level = [folder for folders in below for folder in folders]
        found += level
    return found


def _spread(items: list[bytes], count: int) -> list[bytes]:
    items = sorted(items)
    return items if len(items) <= count else [items[len(items) * i // count] for i in range(count)]


def _by_ranges(
    reader: RangeReader, progress: RangeProgress, workers: int, stop: threading.Event
) -> Generator[ListedPage]:
    streams = reader.streams
    if workers == 1 or len(streams) == 1:
        steps: Generator[RangeStep] = (step for step in chain.from_iterable(streams))
    else:
        steps = side_by_side(streams, workers, stop, "ranges")
    try:
        for step in steps:
            progress.note(step)
            yield ListedPage(step.page, progress.as_text())
    finally:
        steps.close()


def _by_tokens(store: ObjectStore, first: ObjectPage) -> Generator[ListedPage]:
    """Yield a page and all that follow it by their tokens."""
    for page in follow_tokens(store, first):
        token = page.token if page.truncated else None
        yield ListedPage(page, json.dumps({"prefix": store.prefix, "token": token}))


def _resume_by_tokens(store: ObjectStore, token: str) -> Generator[ListedPage]:
    if not token:
        return
    try:
        following = store.page(token=token)
    except ProtocolViolation:  # tokens expire: begin again
        following = store.page()
    yield from _by_tokens(store, following)


def _token_from(checkpoint: str | None, prefix: str) -> str | None:
    """Return the token of a checkpoint, "" when it is the end, None when there is none."""
    try:
        state = json.loads(checkpoint or "{}")
        return (state["token"] or "") if state["prefix"] == prefix else None
    except (ValueError, KeyError, TypeError):
        return None
