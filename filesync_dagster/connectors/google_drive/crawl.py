"""Every entry below a folder, folder by folder, several at once.

Each request asks for the children of one folder. Drive can be asked for those of many (`'A' in parents or 'B' in
parents`), but then silently leaves out some of them.
"""

import json
import threading
from collections.abc import Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace

from filesync_dagster.connectors.google_drive.api import Answer, Chain, Drive
from filesync_dagster.connectors.google_drive.errors import BadRequest, Forbidden
from filesync_dagster.connectors.google_drive.layout import ALL_DRIVES, FOLDER, SUPPORTED, Scope
from filesync_dagster.connectors.google_drive.listing import RESTARTS, Listed, children_in, incomplete
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.logging import inherit_log_context
from filesync_dagster.core.model import ListingGap, canonical_json


@dataclass(frozen=True, slots=True)
class Branch:
    """A folder whose children are still to be asked for, from a page on."""

    folder: str
    path: str = ""  # for messages
    token: str | None = None
    restarts: int = 0


def crawled(
    drive: Drive, scope: Scope, top: str, checkpoint: str | None = None, *, workers: int, page_size: int
) -> Generator[Listed]:
    """Yield every entry below the folder `top`, or raise SourceError. Resumes after `checkpoint` if it can."""
    branches = _branches_from(checkpoint, scope)
    crawl = _Crawl(drive, scope, [Branch(top)] if branches is None else branches)
    stop = threading.Event()
    pool = ThreadPoolExecutor(workers, "drive-folder", initializer=inherit_log_context())
    running: dict[Future[Answer], Branch] = {}
    try:
        while crawl.pending or running:
            while crawl.pending and len(running) < workers:
                branch = crawl.pending.pop()  # the last: a deep tree is followed down before a wide one is kept in mind
                running[pool.submit(crawl.asked, branch, stop)] = branch
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                children = crawl.answered(running[future], future)
                if children and len(crawl.entries) + len(children) > page_size:
                    yield crawl.taken([*crawl.pending, *running.values()])
                crawl.take(running.pop(future), future, children)
        yield crawl.taken([])
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)


class _Crawl:
    """What was found and is not yielded yet, and what is still to be asked for."""

    def __init__(self, drive: Drive, scope: Scope, pending: list[Branch]) -> None:
        self.drive = drive
        self.scope = scope
        self.pending = pending
        self.entries: list[Answer] = []
        self.folders: list[str | None] = []
        self.unread: list[ListingGap] = []
        self.entered = {branch.folder for branch in pending}  # folders may move while they are read
        self.chains: dict[tuple[str, int], Chain] = {}

    def asked(self, branch: Branch, stop: threading.Event) -> Answer:
        """Return a page of the children of one folder."""
        shared = {} if self.scope.drive_id is None else {"corpora": "drive", "driveId": self.scope.drive_id}
        quoted = branch.folder.replace("\\", "\\\\").replace("'", "\\'")
        which = {"q": f"'{quoted}' in parents", **SUPPORTED, **ALL_DRIVES, **shared}
        return self.drive.files(branch.token, stopped=stop.is_set, **which)

    def answered(self, branch: Branch, future: Future[Answer]) -> list[Answer]:
        """Return the children that an answer has; none where it is a refusal, and what follows from that is noted."""
        try:
            return children_in(future.result(), self.drive.where, self.scope)
        except BadRequest:
            if branch.token is None or branch.restarts >= RESTARTS:
                raise
            # Tokens are good for some hours only: this folder begins again.
            self.pending.append(replace(branch, token=None, restarts=branch.restarts + 1))
        except NotFound:
            if branch.folder == self.scope.top:
                raise
            self._vanished(branch)
        except Forbidden as error:
            if branch.folder == self.scope.top:
                raise
            self.unread.append(ListingGap(self.scope.name, branch.path, error.message))
        return []

    def take(self, branch: Branch, future: Future[Answer], children: list[Answer]) -> None:
        """Keep children of a folder until they are yielded, and what is to be asked for because of them."""
        if future.exception() is not None:
            return
        answer = future.result()
        if answer.get("nextPageToken") is not None:
            chain = self.chains.setdefault((branch.folder, branch.restarts), Chain(self.drive.where))
            self.pending.append(replace(branch, token=chain.following(answer, children)))
        self.unread += incomplete(answer, self.scope, branch.path)
        self.entries += children
        self.folders += [branch.folder] * len(children)
        for child in children:
            folder = str(child.get("id"))  # that every entry can be read is seen when rows are made of them
            if child.get("mimeType") == FOLDER and folder not in self.entered:
                self.entered.add(folder)
                self.pending.append(Branch(folder, f"{branch.path}/{child.get('name')}".lstrip("/")))

    def taken(self, left: Iterable[Branch]) -> Listed:
        """Hand over what was kept; `left` is what is still to be asked for."""
        state = {"scope": self.scope.name, "left": [[b.folder, b.path, b.token, b.restarts] for b in left]}
        kept = Listed(self.entries, canonical_json(state), self.folders, tuple(self.unread))
        self.entries, self.folders, self.unread = [], [], []
        return kept

    def _vanished(self, branch: Branch) -> None:
        """Find out whether a folder is gone: then its children are, and nothing was missed."""
        try:
            self.drive.file(branch.folder, "id")
        except NotFound:
            return
        self.unread.append(ListingGap(self.scope.name, branch.path, "Google Drive did not find it, and then it did."))


def _branches_from(checkpoint: str | None, scope: Scope) -> list[Branch] | None:
    """Return what an earlier crawl left to do, None if this is no checkpoint of this scope."""
    try:
        state = json.loads(checkpoint or "{}")
        if state["scope"] != scope.name:
            return None
        return [Branch(str(folder), str(path), token, int(n)) for folder, path, token, n in state["left"]]
    except (ValueError, KeyError, TypeError):
        return None
