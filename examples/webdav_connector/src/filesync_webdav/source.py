"""One folder of a server as a source."""

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

import httpx

from filesync_dagster.connectors import Prune
from filesync_dagster.connectors.rest.crawl import Branch, FolderPage, FolderTree, Stopped, crawl_tree
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import NotFound, ProtocolViolation
from filesync_dagster.core.model import Capabilities, ConnectionReport, Meter, Page
from filesync_webdav.answers import NO_WEBDAV, SCOPE, DavEntry
from filesync_webdav.api import CHECK_PATH, WebdavApi
from filesync_webdav.content import open_file
from filesync_webdav.details import WebdavDetails
from filesync_webdav.rows import batch_of, path_of

TOP: Final = ""
FOLDERS_MAX: Final = 256
"""Folders in each other; a server that follows a link to a folder above it has more, for ever."""

NO_TLS: Final = "The address is plain http: whoever is on the way can read the password."
NO_ETAGS: Final = "The server tells no ETags: a change within a second that leaves a file as long is not noticed."


class WebdavSource:
    """Lists a folder of a server. external_id is the path: WebDAV has no id that survives a rename."""

    def __init__(
        self,
        details: WebdavDetails,
        meter: Meter,
        *,
        prune: Prune | None = None,
        wire: httpx.BaseTransport | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._prune = prune
        self._api = WebdavApi(details, meter, wire, policy)

    @property
    def capabilities(self) -> Capabilities:
        """A renamed file is one that went and one that came, unless the server tells checksums."""
        return Capabilities(stable_ids=False, pair_by=("content_hash", "size"))

    def check(self) -> ConnectionReport:
        """Read the top folder."""
        started = time.monotonic()
        children = self._api.look(TOP, 1).children
        latency = (time.monotonic() - started) * 1000
        files = [child for child in children if not child.is_folder]
        has_etags = not files or any(file.etag for file in files)
        secret = self._details.password is not None or self._details.token is not None
        warnings = [NO_TLS] if secret and self._details.url.startswith("http:") else []
        return ConnectionReport(
            latency_ms=latency,
            sees=f"{len(files)} files and {len(children) - len(files)} folders at the top of {self._api.where(TOP)}",
            permissions=("list folders",),
            warnings=(*warnings, *(() if has_etags else (NO_ETAGS,))),
        )

    def scopes(self) -> tuple[str, ...]:
        """One."""
        return (SCOPE,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Crawl the tree, a request for each folder. A checkpoint names the folders that are left."""
        tree = FolderTree(self._api.where(TOP), scope, TOP, self._read, self._exists)
        size = self._details.page_size
        crawl = crawl_tree(tree, TOP, checkpoint, workers=self._details.list_workers, page_size=size, name="webdav")
        with closing(crawl) as pages:
            for page in pages:
                # A folder comes whole, however large: the listing can resume only after all of it.
                starts = range(0, len(page.entries), size) or range(1)
                for start in starts:
                    batch = batch_of(page.entries[start : start + size], page.folders[start : start + size])
                    is_last = start == starts[-1]
                    yield Page(batch, page.checkpoint if is_last else None, page.gaps if is_last else ())

    def open(
        self, entry: FileEntry, *, offset: int = 0, length: int | None = None, export: str | None = None
    ) -> ContentStream:
        """Return the content of a file, or a part of it."""
        return open_file(self._api, entry, offset, length)

    def close(self) -> None:
        """Release the connections."""
        self._api.close()

    def _read(self, branch: Branch, stopped: Stopped) -> FolderPage[DavEntry]:
        """Return a folder; it comes in one answer."""
        if branch.folder.count("/") >= FOLDERS_MAX:
            raise ProtocolViolation(
                f"{self._api.where('')} has folders in each other without an end.", hint="Does a link lead upwards?"
            )
        found = self._api.look(branch.folder, 1, stopped=stopped)
        if not found.itself.is_folder:
            # A file has replaced it; at the top, the path may name one.
            hint = CHECK_PATH if branch.folder == TOP else NO_WEBDAV
            raise NotFound(f"{self._api.where(branch.folder)} is no folder.", hint=hint)
        folders = [
            (path, path.rpartition("/")[2])
            for child in found.children
            if child.is_folder and self._is_wanted(path := path_of(branch.folder, child))
        ]
        return FolderPage(found.children, folders, None, tuple(found.gaps))

    def _is_wanted(self, path: str) -> bool:
        return self._prune is None or not self._prune(path)

    def _exists(self, folder: str) -> bool:
        """Whether the folder above still has it; the server's word about the folder itself is what is in doubt."""
        above = folder.rpartition("/")[0]
        try:
            children = self._api.look(above, 1).children
        except NotFound:
            if above == TOP:
                raise
            return self._exists(above)
        return any(child.is_folder and path_of(above, child) == folder for child in children)
