"""One folder of a server as a source."""

import posixpath
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Final

import asyncssh

from filesync_dagster.connectors.base import Prune
from filesync_dagster.connectors.rest.crawl import Branch, FolderPage, FolderTree, Stopped, crawl_tree
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.retry import RetryPolicy, never
from filesync_dagster.connectors.sftp.content import open_file
from filesync_dagster.connectors.sftp.details import SftpDetails
from filesync_dagster.connectors.sftp.loop import AnswerProgress
from filesync_dagster.connectors.sftp.rows import SCOPE, SftpEntry, batch_of, entry_of, path_of
from filesync_dagster.connectors.sftp.session import SftpSession
from filesync_dagster.core.content import ContentStream, FileEntry
from filesync_dagster.core.errors import NotFound, ProtocolViolation
from filesync_dagster.core.model import Capabilities, ConnectionReport, Kind, ListingGap, Meter, Page

TOP: Final = ""
FOLDERS_MAX: Final = 1_000  # in each other
ENTRIES_MAX: Final = 2_000_000  # of one folder, which is held in memory until it is yielded
REPEATS_MAX: Final = 10_000  # of names in one folder: one that changes while it is read repeats a few


class SftpSource:
    """Lists a folder of a server. external_id is the path: the protocol tells no inode.

    Symbolic links are shortcuts, and are not followed.
    """

    def __init__(
        self,
        details: SftpDetails,
        meter: Meter,
        *,
        prune: Prune | None = None,
        policy: RetryPolicy | None = None,
    ) -> None:
        self._details = details
        self._prune = prune
        self._session = SftpSession(details, meter, policy)

    @property
    def capabilities(self) -> Capabilities:
        """A renamed file is one that went and one that came: nothing tells that they are the same."""
        return Capabilities(stable_ids=False, permissions=True)

    def check(self) -> ConnectionReport:
        """Log in, and read the top folder."""
        started = time.monotonic()
        session = self._session
        top = session.call(lambda client, _: client.realpath(session.path_of(TOP)), session.where(TOP))
        latency = (time.monotonic() - started) * 1000
        entries = self._read(Branch(TOP), never).entries
        folders = sum(entry.kind is Kind.FOLDER for entry in entries)
        shown = top.decode("utf-8", "backslashreplace") if isinstance(top, bytes) else str(top)
        return ConnectionReport(
            latency_ms=latency,
            sees=f"{len(entries) - folders} files and {folders} folders in {shown} at {session.server}",
            permissions=("list folders",),
        )

    def scopes(self) -> tuple[str, ...]:
        """One."""
        return (SCOPE,)

    def list(self, scope: str, checkpoint: str | None = None, landmarks: Sequence[str] = ()) -> Iterator[Page]:
        """Crawl the tree, many folders at once over one connection. A checkpoint names the folders that are left."""
        tree = FolderTree(self._session.where(TOP), scope, TOP, self._read, self._exists)
        size = self._details.page_size
        crawl = crawl_tree(tree, TOP, checkpoint, workers=self._details.list_workers, page_size=size, name="sftp")
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
        return open_file(self._session, entry, offset, length)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _read(self, branch: Branch, stopped: Stopped) -> FolderPage[SftpEntry]:
        """Return a folder, all of it: the protocol has no place to go on from."""
        session, folder = self._session, branch.folder
        if folder.count("/") >= FOLDERS_MAX:
            raise ProtocolViolation(f"{session.where(TOP)} has folders in each other without an end.")

        async def ask(client: asyncssh.SFTPClient, progress: AnswerProgress) -> FolderPage[SftpEntry]:
            return await read_folder(client, session.path_of(folder), folder, progress)

        page = session.call(ask, session.where(folder), stopped=stopped)
        folders = [
            (path, posixpath.basename(path))
            for entry in page.entries
            if entry.kind is Kind.FOLDER and self._is_wanted(path := path_of(folder, entry))
        ]
        return FolderPage(page.entries, folders, None, page.gaps)

    def _is_wanted(self, path: str) -> bool:
        return self._prune is None or not self._prune(path)

    def _exists(self, folder: str) -> bool:
        """Whether the folder above still has it; the server's word about the folder itself is what is in doubt."""
        above = posixpath.dirname(folder)
        try:
            entries = self._read(Branch(above), never).entries
        except NotFound:
            if above == TOP:
                raise
            return self._exists(above)
        return any(entry.kind is Kind.FOLDER and path_of(above, entry) == folder for entry in entries)


async def read_folder(
    client: asyncssh.SFTPClient, path: bytes, folder: str, progress: AnswerProgress
) -> FolderPage[SftpEntry]:
    """Return the entries of a folder, and a gap for each that is none."""
    found: dict[bytes, SftpEntry] = {}
    gaps: dict[bytes, ListingGap] = {}
    async for told in client.scandir(path):
        name = told.filename if isinstance(told.filename, bytes) else told.filename.encode()
        if name in {b".", b".."}:
            continue
        entry = entry_of(name, told.attrs) if name and b"/" not in name else None
        if entry is not None:
            found[name] = entry
        else:
            shown = {"name": name.decode("utf-8", "backslashreplace"), "permissions": told.attrs.permissions}
            gaps[name] = gap_without("a name or a type", shown, scope=SCOPE, path=folder)
        progress.count += 1
        _require_end(progress.count, len(found) + len(gaps))
    return FolderPage([*found.values()], (), None, tuple(gaps.values()))


def _require_end(told: int, different: int) -> None:
    """Raise for a folder that does not end."""
    if different > ENTRIES_MAX or told - different > REPEATS_MAX:
        raise ProtocolViolation(f"A folder has {told:,} entries and no end of them, {different:,} of them different.")
