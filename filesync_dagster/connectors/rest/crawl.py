"""Many calls at once, and what they find yielded in the caller's thread.

`run_bounded` makes calls that follow from each other's answers; `side_by_side` advances iterators that do not;
`crawl_tree` is the first over the folders of a tree whose pages have tokens that last, with checkpoints.
"""

import json
import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

from filesync_dagster.connectors.rest.errors import PART_FAILURES, BadRequest, Forbidden
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.connectors.rest.retry import never
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation, SourceError
from filesync_dagster.core.logging import inherit_log_context
from filesync_dagster.core.model import ListingGap, canonical_json

POLL_SECONDS = 0.05  # how soon a thread with nowhere to put its item notices that it must stop
RESTARTS_MAX = 3  # of one folder whose page tokens are refused

Task = TypeVar("Task")
Answer = TypeVar("Answer")
Item = TypeVar("Item")
Entry = TypeVar("Entry")
Stopped: TypeAlias = Callable[[], bool]


def thread_pool(workers: int, name: str) -> Executor:
    """Return a pool of so many threads; with 1 the work is done in the thread that asks for it."""
    return ThreadPoolExecutor(workers, name, initializer=inherit_log_context()) if workers > 1 else _InlineExecutor()


class _InlineExecutor(Executor):
    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as exc:  # noqa: BLE001 - raised again where the result is wanted
            future.set_exception(exc)
        return future


def run_bounded(
    take: Callable[[], Task | None], call: Callable[[Task, Stopped], Answer], workers: int, name: str
) -> Generator[tuple[Task, Future[Answer]]]:
    """Yield each task that `take` hands out with its answer, at most `workers` calls at once.

    `take` is asked in the caller's thread, after each answer as well; None is nothing at the moment. Ends when nothing
    runs and nothing is handed out. Ending, failing and closing wait for the threads; `call` should heed `stopped`.
    """
    stop = threading.Event()
    pool = thread_pool(workers, name)
    running: dict[Future[Answer], Task] = {}
    try:
        while True:
            while len(running) < workers and (task := take()) is not None:
                running[pool.submit(call, task, stop.is_set)] = task
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Branch:
    """A folder whose children are still to be asked for, from a page on."""

    folder: str
    path: str = ""  # for messages
    token: str | None = None
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class FolderPage(Generic[Entry]):
    """A page of the children of one folder, those that are folders by id and name, and the token of the next page."""

    entries: Sequence[Entry]
    folders: Sequence[tuple[str, str]]
    following: str | None
    gaps: tuple[ListingGap, ...] = ()


@dataclass(frozen=True, slots=True)
class CrawledPage(Generic[Entry]):
    """Entries with the folder of each, and the checkpoint that covers them and all before."""

    entries: Sequence[Entry]
    folders: Sequence[str]
    checkpoint: str
    gaps: tuple[ListingGap, ...]


@dataclass(frozen=True, slots=True)
class FolderTree(Generic[Entry]):
    """A tree of folders, as its store tells of it. `read` is one call, `exists` another."""

    where: str  # for messages
    scope: str
    top: str
    read: Callable[[Branch, Stopped], FolderPage[Entry]]
    """Raises NotFound or Forbidden for a folder, BadRequest for a token that is not good any more."""
    exists: Callable[[str], bool]
    identify: Callable[[Entry], Hashable] = repr  # tells an entry from others


def crawl_tree(
    tree: FolderTree[Entry], begin: str, checkpoint: str | None = None, *, workers: int, page_size: int, name: str
) -> Generator[CrawledPage[Entry]]:
    """Yield every entry below the folder `begin`, or raise SourceError. Resumes after `checkpoint` if it can.

    A folder that is refused, or fails while the top of the tree still answers, is a gap; the top itself is none: that
    raises. A folder that is gone is nothing.
    """
    branches = _branches_from(checkpoint, tree.scope)
    crawl = _TreeCrawl(tree, [Branch(begin)] if branches is None else branches)
    with closing(run_bounded(crawl.take, tree.read, workers, name)) as answers:
        for branch, answer in answers:
            page = crawl.page_of(branch, answer)
            if page is not None and page.entries and len(crawl.entries) + len(page.entries) > page_size:
                yield crawl.flush()
            crawl.close(branch, page)
    yield crawl.flush()


@dataclass(slots=True)
class _TreeCrawl(Generic[Entry]):
    """What was found and is not yielded yet, and what is still to be asked for."""

    tree: FolderTree[Entry]
    pending: list[Branch]
    running: dict[int, Branch] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    gaps: list[ListingGap] = field(default_factory=list)
    entered: set[str] = field(default_factory=set)  # folders may move while they are read
    chains: dict[tuple[str, int], PageChain[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.entered.update(branch.folder for branch in self.pending)

    def take(self) -> Branch | None:
        """Return what to ask for next: the last, so that a deep tree is followed down before a wide one is kept."""
        if not self.pending:
            return None
        branch = self.pending.pop()
        self.running[id(branch)] = branch
        return branch

    def page_of(self, branch: Branch, answer: Future[FolderPage[Entry]]) -> FolderPage[Entry] | None:
        """Return the page of an answer; None where it is a refusal, and what follows from that is noted."""
        try:
            return answer.result()
        except PART_FAILURES as error:
            if isinstance(error, BadRequest) and branch.token is not None and branch.restarts < RESTARTS_MAX:
                # Tokens are good for some hours only: this folder begins again.
                self.pending.append(replace(branch, token=None, restarts=branch.restarts + 1))
            else:
                self._note_failure(branch, error)
        return None

    def close(self, branch: Branch, page: FolderPage[Entry] | None) -> None:
        """Keep the children of a folder until they are yielded, and what is to be asked for because of them."""
        del self.running[id(branch)]
        if page is None:
            return
        if page.following is not None:
            self._follow(branch, page)
        self.gaps += page.gaps
        self.entries += page.entries
        self.folders += [branch.folder] * len(page.entries)
        for folder, name in page.folders:
            if folder not in self.entered:
                self.entered.add(folder)
                self.pending.append(Branch(folder, f"{branch.path}/{name}".lstrip("/")))

    def flush(self) -> CrawledPage[Entry]:
        """Hand over what was kept, with a checkpoint of what is still to be asked for."""
        left = [*self.pending, *self.running.values()]
        state = {"scope": self.tree.scope, "left": [[b.folder, b.path, b.token, b.restarts] for b in left]}
        page = CrawledPage(self.entries, self.folders, canonical_json(state), tuple(self.gaps))
        self.entries, self.folders, self.gaps = [], [], []
        return page

    def _follow(self, branch: Branch, page: FolderPage[Entry]) -> None:
        """Note that there are more pages of a folder, unless they lead nowhere."""
        chain = self.chains.setdefault((branch.folder, branch.restarts), PageChain(self.tree.where))
        try:
            token = chain.advance(page.following, [self.tree.identify(entry) for entry in page.entries])
        except ProtocolViolation as error:
            self._note_failure(branch, error)
        else:
            self.pending.append(replace(branch, token=token))

    def _note_failure(self, branch: Branch, error: SourceError) -> None:
        """Note a folder that cannot be read as a gap. Raises where it is no folder that failed, but the store."""
        concerns_all = isinstance(error, AccessDenied) and not isinstance(error, Forbidden)
        if branch.folder == self.tree.top or concerns_all:
            raise error
        reason = error.message
        if isinstance(error, NotFound):
            if not self.tree.exists(branch.folder):
                return  # its children are gone with it, and nothing was missed
            reason = f"{self.tree.where} did not find it, and then it did."
        elif not isinstance(error, Forbidden):
            self.tree.read(Branch(self.tree.top), never)
        self.gaps.append(ListingGap(self.tree.scope, branch.path, reason))


def _branches_from(checkpoint: str | None, scope: str) -> list[Branch] | None:
    """Return what an earlier crawl left to do, None if this is no checkpoint of this scope."""
    try:
        state = json.loads(checkpoint or "{}")
        if state["scope"] != scope:
            return None
        return [Branch(str(folder), str(path), token, int(n)) for folder, path, token, n in state["left"]]
    except (ValueError, KeyError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class _End:
    """A thread is done: it found nothing more to advance, or failed."""

    error: BaseException | None = None


def side_by_side(streams: Sequence[Iterator[Item]], workers: int, stop: threading.Event, name: str) -> Generator[Item]:
    """Yield the items of all streams, each stream's in its own order; at most `workers` advance at once.

    An error in one stream stops all and is raised. Ending, failing and closing set `stop` and wait for the threads;
    a stream that may take long should look at `stop` too. At most two items a worker wait to be taken.
    """
    race = _StreamRace(deque(streams), queue.Queue(maxsize=2 * workers), stop)
    count = min(workers, len(streams))
    threads = [
        threading.Thread(target=copy_context().run, args=(race.advance,), name=f"{name}-{n}", daemon=True)
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
class _StreamRace(Generic[Item]):
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
