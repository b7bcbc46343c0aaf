"""Every entry below a folder, folder by folder, several at once.

Each request asks for the children of one folder. Drive can be asked for those of many (`'A' in parents or 'B' in
parents`), but then silently leaves out some of them.
"""

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.layout import ALL_DRIVES, FOLDER, SUPPORTED, Scope
from filesync_dagster.connectors.google_drive.listing import children_in, gaps_of
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.crawl import Branch, FolderPage, FolderTree, Stopped
from filesync_dagster.core.errors import NotFound


def tree_of(drive: DriveApi, scope: Scope) -> FolderTree[Answer]:
    """Return the folders of a scope as a tree to crawl."""

    def read(branch: Branch, stopped: Stopped) -> FolderPage[Answer]:
        shared = {} if scope.drive_id is None else {"corpora": "drive", "driveId": scope.drive_id}
        quoted = branch.folder.replace("\\", "\\\\").replace("'", "\\'")
        which = {"q": f"'{quoted}' in parents", **SUPPORTED, **ALL_DRIVES, **shared}
        answer = drive.files(branch.token, stopped=stopped, **which)
        children = children_in(answer, drive, scope)
        # That every entry can be read is seen when rows are made of them.
        folders = [(str(child.get("id")), str(child.get("name"))) for child in children if is_folder(child)]
        return FolderPage(children, folders, drive.next_token(answer), gaps_of(answer, scope, branch.path))

    def exists(folder: str) -> bool:
        try:
            drive.file(folder, "id")
        except NotFound:
            return False
        return True

    return FolderTree(drive.where, scope.name, scope.top, read, exists)


def is_folder(entry: Answer) -> bool:
    """Whether an entry has children."""
    return entry.get("mimeType") == FOLDER
