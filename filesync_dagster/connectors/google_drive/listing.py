"""Every entry of My Drive or of a shared drive, page after page; every entry below a folder, folder by folder.

Entries in the trash come too: nothing is searched for, so nothing is left out. A crawl asks for the children of one
folder in each request. Drive can be asked for those of many (`'A' in parents or 'B' in parents`), but then silently
leaves out some of them.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.layout import ALL_DRIVES, FOLDER, SUPPORTED, Scope
from filesync_dagster.connectors.google_drive.rows import has_id
from filesync_dagster.connectors.rest.answers import Answer, ids_in
from filesync_dagster.connectors.rest.crawl import RESTARTS_MAX, Branch, FolderPage, FolderTree, Stopped
from filesync_dagster.connectors.rest.errors import BadRequest
from filesync_dagster.connectors.rest.fields import gap_without
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import ListingGap, canonical_json

END = ""  # as a token: everything was yielded


@dataclass(frozen=True, slots=True)
class DrivePage:
    """Entries, and the checkpoint that covers them and all before. `folders`: whose children they are, if known."""

    entries: Sequence[Mapping[str, Any]]
    checkpoint: str | None
    folders: Sequence[str | None] | None = None
    gaps: tuple[ListingGap, ...] = ()


def list_scope(drive: DriveApi, scope: Scope, checkpoint: str | None) -> Generator[DrivePage]:
    """Yield every entry of a scope, or raise SourceError. Resumes after `checkpoint` if it can."""
    resumed, token = _resume_from(checkpoint, scope)
    if token == END:
        return
    if scope.corpus is not None and not resumed:
        yield DrivePage([scope.corpus], _checkpoint(scope, None))
    for _ in range(RESTARTS_MAX):
        chain = PageChain[str](drive.where)
        try:
            while token != END:
                answer = drive.files(token, **scope.corpora)
                entries, gaps = _children_in(answer, drive, scope, "")
                token = chain.advance(drive.next_token(answer), ids_in(entries)) or END
                yield DrivePage(entries, _checkpoint(scope, token), gaps=gaps)
        except BadRequest:
            if token is None:  # it is not the page token that is refused
                raise
            token = None  # tokens are good for some hours only: begin again, as Google asks
        else:
            return
    raise BadRequest(
        f"{drive.where} refused its own page tokens {RESTARTS_MAX} times.", hint="Sync again; the listing begins anew."
    )


def tree_of(drive: DriveApi, scope: Scope) -> FolderTree[Answer]:
    """Return the folders of a scope as a tree to crawl."""

    def read(branch: Branch, stopped: Stopped) -> FolderPage[Answer]:
        shared = {} if scope.drive_id is None else {"corpora": "drive", "driveId": scope.drive_id}
        quoted = branch.folder.replace("\\", "\\\\").replace("'", "\\'")
        which = {"q": f"'{quoted}' in parents", **SUPPORTED, **ALL_DRIVES, **shared}
        answer = drive.files(branch.token, stopped=stopped, **which)
        children, gaps = _children_in(answer, drive, scope, branch.path)
        folders = [(child["id"], str(child.get("name"))) for child in children if child.get("mimeType") == FOLDER]
        return FolderPage(children, folders, drive.next_token(answer), gaps)

    def exists(folder: str) -> bool:
        try:
            drive.file(folder, "id")
        except NotFound:
            return False
        return True

    return FolderTree(drive.where, scope.name, scope.top, read, exists, itemgetter("id"))


def _children_in(
    answer: Answer, drive: DriveApi, scope: Scope, path: str
) -> tuple[list[Answer], tuple[ListingGap, ...]]:
    """Return the entries of an answer, and what it left out. The top of a scope is none of what lies in it."""
    entries = drive.entries(answer, "files")
    gaps = [gap_without("an id", entry, scope=scope.name, path=path) for entry in entries if not has_id(entry)]
    if answer.get("incompleteSearch"):
        reason = "Google Drive says that it did not search everything (incompleteSearch)."
        gaps.append(ListingGap(scope.name, path, reason))
    return [entry for entry in entries if has_id(entry) and entry["id"] != scope.top], tuple(gaps)


def _checkpoint(scope: Scope, token: str | None) -> str:
    return canonical_json({"scope": scope.name, "token": token})


def _resume_from(checkpoint: str | None, scope: Scope) -> tuple[bool, str | None]:
    """Return whether this is a checkpoint of this scope, and where to go on: None is the first page."""
    try:
        state = json.loads(checkpoint or "{}")
        token = state["token"]
        ours = state["scope"] == scope.name and isinstance(token, str | None)
    except (ValueError, KeyError, TypeError):
        ours = False
    return (True, token) if ours else (False, None)
