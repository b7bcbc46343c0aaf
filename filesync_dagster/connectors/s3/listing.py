"""Every object of a bucket, in pages: ranges of keys side by side where the store allows it, else one after another.

The first page is always asked alone: most buckets are no larger. What follows is cut into ranges, at the landmarks
of the last snapshot or, without any and after some more pages, at common prefixes. Stores without order, or that
ignore where a listing shall begin, are followed by their continuation tokens.
"""

import json
import threading
from bisect import bisect_right
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from itertools import islice

from filesync_dagster.connectors.rest.crawl import side_by_side
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.connectors.s3.answers import S3Listing
from filesync_dagster.connectors.s3.errors import TRY_PROVIDER
from filesync_dagster.connectors.s3.ranges import (
    Range,
    RangeProgress,
    cuts_at,
    landmark_bytes,
    pieces_for,
    progress_from,
)
from filesync_dagster.connectors.s3.requests import S3Bucket, bytes_of, is_rising, text_of
from filesync_dagster.core.errors import ProtocolViolation

PIECES_PER_WORKER = 2  # so that a worker whose range was short finds another
PAGES_BEFORE_CUTTING = 8  # listed one after another before folders are looked for
FOLDER_CALLS = 16  # requests that looking for common prefixes may cost


@dataclass(frozen=True, slots=True)
class ListedPage:
    """Objects, and the checkpoint that covers them and all before."""

    listing: S3Listing
    checkpoint: str


@dataclass(frozen=True, slots=True)
class RangeStep:
    """A page of one range."""

    index: int
    listing: S3Listing
    last: bytes | None
    done: bool


def list_bucket(
    bucket: S3Bucket, checkpoint: str | None, landmarks: Sequence[str], workers: int
) -> Generator[ListedPage]:
    """Yield every object of the bucket once, or raise SourceError. Resumes after `checkpoint` if it can."""
    progress = progress_from(checkpoint, bucket.prefix) if bucket.quirks.ordered else None
    token = _token_from(checkpoint, bucket.prefix)
    if progress is None and token is not None:
        yield from _resume_by_tokens(bucket, token)
        return
    if progress is None:
        first = bucket.page()
        if not bucket.quirks.ordered or not _can_start_anywhere(bucket, first):
            yield from _by_tokens(bucket, first)
            return
        progress = RangeProgress(bucket.prefix, ())
        progress.note_page(0, first.keys[-1] if first.keys else None, done=not first.truncated)
        if first.keys:
            yield ListedPage(first, progress.as_text())
    if workers > 1 and progress.uncut:
        progress = yield from _cut(bucket, progress, landmarks, workers)
    yield from _by_ranges(bucket, progress, workers)


def _cut(
    bucket: S3Bucket, progress: RangeProgress, landmarks: Sequence[str], workers: int
) -> Generator[ListedPage, None, RangeProgress]:
    """Return the progress with what is left of its only range cut into several; yield what was listed meanwhile."""
    most = workers * PIECES_PER_WORKER
    marks = landmark_bytes(landmarks, bytes_of(bucket.prefix))
    if marks and progress.last[0] is not None:
        return progress.cut(cuts_at(marks, pieces_for(marks, progress.last[0], most), progress.last[0]))
    # Nothing is known of the bucket. Looking for folders only pays when it is not about to end.
    for step in islice(_steps(bucket, next(progress.ranges_left()), never), PAGES_BEFORE_CUTTING):
        progress.note_page(0, step.last, done=step.done)
        if step.listing.keys:
            yield ListedPage(step.listing, progress.as_text())
    last = progress.last[0]
    if last is None or progress.done[0]:
        return progress
    return progress.cut(cuts_at(_folders(bucket, last, most), most, last))


def _folders(bucket: S3Bucket, after: bytes, wanted: int) -> list[bytes]:
    """Return common prefixes above a key, about as many as wanted, evenly over the tree as far as calls allow."""
    level, calls = [bytes_of(bucket.prefix)], FOLDER_CALLS
    found: list[bytes] = []
    while level and len(found) < wanted and len(level) <= calls:
        calls -= len(level)
        share = -(-wanted // len(level))
        below = [_spread(bucket.folders(text_of(folder), after), share) for folder in level]
        level = [folder for folders in below for folder in folders]
        found += level
    return found


def _spread(items: list[bytes], count: int) -> list[bytes]:
    items = sorted(items)
    return items if len(items) <= count else [items[len(items) * i // count] for i in range(count)]


def _by_ranges(bucket: S3Bucket, progress: RangeProgress, workers: int) -> Generator[ListedPage]:
    ranges = list(progress.ranges_left())
    if workers == 1:
        steps = (step for part in ranges for step in _steps(bucket, part, never))
    else:
        stop = threading.Event()
        steps = side_by_side([_steps(bucket, part, stop.is_set) for part in ranges], workers, stop, "s3-range")
    try:
        for step in steps:
            progress.note_page(step.index, step.last, done=step.done)
            if step.listing.keys:
                yield ListedPage(step.listing, progress.as_text())
    finally:
        steps.close()


def _steps(bucket: S3Bucket, part: Range, stopped: Callable[[], bool]) -> Generator[RangeStep]:
    """Yield the pages of one range; every key is proved to be in it and above the one before."""
    last, token = part.after, None
    chain = _chain(bucket)
    while True:
        listing = bucket.page(after=last, token=token, stopped=stopped)
        keys = listing.keys
        if keys and ((last is not None and keys[0] <= last) or not is_rising(keys)):
            raise ProtocolViolation(
                f"{bucket.transport.where} listed keys out of order or outside the range that was asked for.",
                hint="Set `provider: unordered` if this store promises no order.",
            )
        end = len(keys) if part.upto is None else bisect_right(keys, part.upto)
        done = end < len(keys) or not listing.truncated
        last = keys[end - 1] if end else last
        yield RangeStep(
            part.index, listing if end == len(keys) else listing.between(0, end), last if end else None, done
        )
        if done:
            return
        token = _next_token(bucket, listing, chain)


def _chain(bucket: S3Bucket) -> PageChain[str]:
    # Any number of pages may be empty: of what lifecycle rules or versions hide, for instance.
    return PageChain(bucket.transport.where, hint=TRY_PROVIDER, empty_pages_max=None)


def _next_token(bucket: S3Bucket, listing: S3Listing, chain: PageChain[str]) -> str | None:
    """Return the token to go on with (None in version 1, where the last key is), never one that was used before."""
    token = chain.advance(listing.token)
    return token if bucket.quirks.list_version != 1 else None


def _can_start_anywhere(bucket: S3Bucket, first: S3Listing) -> bool:
    """Whether the store's order and start-after can be relied on; found out where its row does not say."""
    quirks = bucket.quirks
    if not is_rising(first.keys):
        if quirks.start_after:
            raise ProtocolViolation(f"{bucket.transport.where} listed keys out of order.", hint=TRY_PROVIDER)
        return False
    if quirks.start_after is not None or quirks.list_version == 1 or not first.truncated:
        return quirks.start_after is not False
    if not first.keys:
        return False
    middle = first.keys[(len(first.keys) - 1) // 2]
    keys = bucket.page(after=middle, limit=1).keys
    return bool(keys) and keys[0] > middle


def _by_tokens(bucket: S3Bucket, listing: S3Listing) -> Generator[ListedPage]:
    """Yield a page and all that follow it by their tokens."""
    chain = _chain(bucket)
    while True:
        token = _next_token(bucket, listing, chain) if listing.truncated else None
        if listing.keys:
            yield ListedPage(listing, json.dumps({"prefix": bucket.prefix, "token": token}))
        if token is None:
            return
        listing = bucket.page(token=token)


def _resume_by_tokens(bucket: S3Bucket, token: str) -> Generator[ListedPage]:
    if not token:
        return
    try:
        following = bucket.page(token=token)
    except ProtocolViolation:  # tokens expire: begin again
        following = bucket.page()
    yield from _by_tokens(bucket, following)


def _token_from(checkpoint: str | None, prefix: str) -> str | None:
    """Return the token of a checkpoint, "" when it is the end, None when there is none."""
    try:
        state = json.loads(checkpoint or "{}")
        return (state["token"] or "") if state["prefix"] == prefix else None
    except (ValueError, KeyError, TypeError):
        return None
