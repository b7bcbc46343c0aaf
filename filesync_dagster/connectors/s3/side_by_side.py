"""Several iterators advanced by threads, their items yielded in the caller's thread."""

import queue
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")

POLL_SECONDS = 0.05  # how soon a thread with nowhere to put its item notices that it must stop


@dataclass(frozen=True, slots=True)
class _End:
    """A thread is done: it found nothing more to advance, or failed."""

    error: BaseException | None = None


def side_by_side(streams: Sequence[Iterator[Item]], workers: int, stop: threading.Event) -> Generator[Item]:
    """Yield the items of all streams, each stream's in its own order; at most `workers` advance at once.

    An error in one stream stops all and is raised. Ending, failing and closing set `stop` and wait for the threads;
    a stream that may take long should look at `stop` too. At most two items a worker wait to be taken.
    """
    race = _Race(deque(streams), queue.Queue(maxsize=2 * workers), stop)
    count = min(workers, len(streams))
    threads = [
        threading.Thread(target=copy_context().run, args=(race.advance,), name=f"s3-range-{n}", daemon=True)
        for n in range(count)
    ]
    for thread in threads:
        thread.start()
    try:
        running = count
        while running:
            item = race.ready.get()
            if not isinstance(item, _End):
                yield item
            elif item.error is not None:
                raise item.error
            else:
                running -= 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@dataclass(frozen=True, slots=True)
class _Race(Generic[Item]):
    """What the threads share. Each stream is taken by exactly one of them."""

    pending: deque[Iterator[Item]]
    ready: queue.Queue[Item | _End]
    stop: threading.Event

    def advance(self) -> None:
        """Take streams and advance each to its end, until none is left or `stop` is set."""
        try:
            while self.pending and not self.stop.is_set():
                try:
                    stream = self.pending.popleft()
                except IndexError:  # another thread took the last one
                    break
                for item in stream:
                    if not self.offer(item):
                        return
            self.offer(_End())
        except BaseException as exc:  # noqa: BLE001 - raised again in the caller's thread
            self.offer(_End(exc))

    def offer(self, item: Item | _End) -> bool:
        """Wait for room for an item; False when it is no longer wanted."""
        while not self.stop.is_set():
            try:
                self.ready.put(item, timeout=POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False
