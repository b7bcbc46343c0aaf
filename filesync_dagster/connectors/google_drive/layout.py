"""The scopes of an endpoint as Drive has them now, and which entry lies where.

Drive tells parents; where they do not tell it plainly, folders are looked up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.details import GoogleDriveDetails
from filesync_dagster.connectors.google_drive.errors import CHECK_ID
from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import AS_KNOWN, OUTSIDE

FOLDER = "application/vnd.google-apps.folder"
MY_DRIVE = "my_drive"


@dataclass(frozen=True, slots=True)
class Scope:
    """An independently listed part of an endpoint.

    `corpus` is the row that stands for the whole scope, as an entry of Drive, where an endpoint has several scopes.
    """

    name: str
    drive_id: str | None  # the shared drive; None: My Drive
    top: str  # the folder that it lists: the root of My Drive, a shared drive, the watched folder
    corpus: Mapping[str, Any] | None = None
    keeps_own: bool = False  # an entry of the account that has no parent lies at the top
    keeps_shared: bool = False  # and so does one of somebody else
    keeps_foreign: bool = False  # what was shared out of shared drives that the account is no member of lies here

    @property
    def is_folder(self) -> bool:
        """Whether it is what lies below a folder that the user named."""
        return self.top != self.drive_id and self.name != MY_DRIVE

    @property
    def parent(self) -> str | None:
        """The parent_id of what lies at the top."""
        return None if self.corpus is None else self.top

    @property
    def corpora(self) -> dict[str, Any]:
        """The parameters of files.list that name what is listed."""
        if self.drive_id is None:
            return {"corpora": "user", **(ALL_DRIVES | SUPPORTED if self.keeps_foreign else {})}
        return {"corpora": "drive", "driveId": self.drive_id, **ALL_DRIVES, **SUPPORTED}

    @property
    def log(self) -> dict[str, Any]:
        """The parameters of changes.list that name the log which tells of this scope."""
        if self.drive_id:
            return {"driveId": self.drive_id, **ALL_DRIVES}
        return {**ALL_DRIVES} if self.keeps_foreign else {}


ALL_DRIVES = {"includeItemsFromAllDrives": True}
SUPPORTED = {"supportsAllDrives": True}


@dataclass(frozen=True)
class Layout:
    """The scopes of an endpoint."""

    scopes: tuple[Scope, ...]
    tops: Mapping[str, Scope] = field(init=False, repr=False)
    drives: Mapping[str | None, Scope] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "tops", {scope.top: scope for scope in self.scopes})
        object.__setattr__(self, "drives", {scope.drive_id: scope for scope in self.scopes})

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scopes."""
        return tuple(scope.name for scope in self.scopes)

    def scope(self, name: str) -> Scope:
        """Return a scope by its name. Raises NotFound when it went away."""
        for scope in self.scopes:
            if scope.name == name:
                return scope
        raise NotFound(f"{name} is no scope of this endpoint (any more).", hint="Sync again.")

    def former(self, name: str) -> Scope:
        """Return a scope that may have gone away: then it has its name, and nothing lies in it."""
        return next((scope for scope in self.scopes if scope.name == name), Scope(name, None, OUTSIDE))

    def foreign(self, entry: Mapping[str, Any]) -> Scope | None:
        """Return the scope of an entry in a shared drive that the account is no member of; None if it is in none."""
        if drive_of(entry) in self.drives:
            return None
        return next((scope for scope in self.scopes if scope.keeps_foreign), None)

    def place(
        self, entry: Mapping[str, Any], asked: Scope, folder: str | None = None, *, told: bool = False
    ) -> tuple[str, str | None]:
        """Return the scope and the parent_id of an entry that `asked`, or `folder` in it, was asked for.

        `told`: a log told of it, which does not always tell its folder.
        """
        scope = self.drives.get(drive_of(entry)) or self.foreign(entry)
        if scope is None:
            return asked.name, OUTSIDE
        if entry["id"] == scope.top:
            return scope.name, None
        parents = parents_of(entry)
        if folder is not None and (not parents or folder in parents):
            parent = folder
        elif parents:
            parent = parents[0]
        elif scope.keeps_own if entry.get("ownedByMe") else scope.keeps_shared:
            parent = scope.top
        else:
            # Of what is shared with the account Drive may not tell the folder; of its own it does, where it is visible.
            untold = told and scope.is_folder and not entry.get("ownedByMe")
            return scope.name, AS_KNOWN if untold else OUTSIDE
        return scope.name, scope.parent if parent == scope.top else parent


def drive_of(entry: Mapping[str, Any]) -> str | None:
    """Return the shared drive that an entry lies in."""
    found = entry.get("driveId")
    return found if isinstance(found, str) else None


def parents_of(entry: Mapping[str, Any]) -> list[str]:
    """Return the folders that an entry says it lies in."""
    found = entry.get("parents")
    return [one for one in found if isinstance(one, str) and one] if isinstance(found, list) else []


def only_scope(details: GoogleDriveDetails) -> str:
    """Return the name of the scope of an endpoint that has one, which needs no question."""
    if details.folder_id:
        return f"folder:{details.folder_id}"
    return f"drive:{details.drive_id}" if details.drive_id else MY_DRIVE


def name_of(details: GoogleDriveDetails) -> str:
    """Return what messages call an endpoint."""
    if details.folder_id:
        return f"Google Drive folder {details.folder_id}"
    return f"Shared drive {details.drive_id}" if details.drive_id else "Google Drive"


def layout_of(drive: DriveApi, details: GoogleDriveDetails) -> Layout:
    """Return the scopes of an endpoint. Raises NotFound when the folder is not there, or in the trash."""
    if details.folder_id:
        return Layout((_folder(drive, details.folder_id, details.drive_id),))
    if details.drive_id:
        return Layout((_shared(details.drive_id, None),))
    root = drive.file("root", "id,createdTime,webViewLink")
    if not details.include_shared:
        return Layout((Scope(MY_DRIVE, None, root["id"], keeps_own=True),))
    corpus = {**root, "name": "My Drive", "mimeType": FOLDER}  # its name in Drive depends on the user's language
    mine = Scope(MY_DRIVE, None, root["id"], corpus, keeps_own=True, keeps_shared=True, keeps_foreign=True)
    shared = {found["id"]: _shared(found["id"], corpus_of(found)) for found in drive.drives()}
    return Layout((mine, *(shared[drive_id] for drive_id in sorted(shared))))


def corpus_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shared drive as the entry that stands for it."""
    link = f"https://drive.google.com/drive/folders/{found['id']}"
    return {**found, "mimeType": FOLDER, "driveId": found["id"], "webViewLink": link}


def _shared(drive_id: str, corpus: Mapping[str, Any] | None) -> Scope:
    # A drive's own listing names nothing else, so what has no visible parent lies at its top.
    return Scope(f"drive:{drive_id}", drive_id, drive_id, corpus, keeps_own=True, keeps_shared=True)


def _folder(drive: DriveApi, folder_id: str, drive_id: str | None) -> Scope:
    found = drive.file(folder_id, "id,mimeType,driveId,trashed")
    wrong = (
        ("is no folder" if found.get("mimeType") != FOLDER else "")
        or ("lies in the trash" if found.get("trashed") else "")
        or ("does not lie in that shared drive" if drive_id and found.get("driveId") != drive_id else "")
    )
    if wrong:
        raise NotFound(f"{drive.where} {wrong}.", hint=CHECK_ID)
    return Scope(f"folder:{folder_id}", found.get("driveId"), found["id"])


Entry = Mapping[str, Any]


class Parents:
    """Looks up folders of one listing, each once.

    Below a folder that the user named, an entry with several parents lies in the first of them that is inside: a crawl
    and a log would else place it differently. What was shared out of a shared drive that the account is no member of
    lies in its folder if the account sees that too, and else at the top.
    """

    def __init__(self, drive: DriveApi, layout: Layout) -> None:
        self._drive = drive
        self._layout = layout
        self._folders: dict[str, Entry | None] = {}
        self._inside: dict[str, bool] = {}
        self._listed: set[str] = set()

    def settle(self, entries: Sequence[Entry], asked: Scope) -> list[Entry]:
        """Return entries with the parents that count."""
        return [self._settled(entry, asked) for entry in entries]

    def complete(self, entries: Sequence[Entry], asked: Scope) -> list[Entry]:
        """Return the same, and behind them the folders that lead to them and that nothing else lists."""
        found = self.settle(entries, asked)
        for entry in found:  # grows while it is looked at
            if self._layout.foreign(entry) is not None:
                self._listed.add(entry["id"])
                found += self._unlisted(entry)
        return found

    def _settled(self, entry: Entry, asked: Scope) -> Entry:
        parents = parents_of(entry)
        if self._layout.foreign(entry) is not None:
            return {**entry, "parents": [one for one in parents if self._folder(one) is not None][:1]}
        if asked.is_folder and len(parents) > 1:
            inside = next((one for one in parents if self._is_inside(one, asked.top)), None)
            return entry if inside is None else {**entry, "parents": [inside]}
        return entry

    def _unlisted(self, entry: Entry) -> list[Entry]:
        """Return the folder of an entry unless it was listed: Drive lists what was shared, not all that is above."""
        folders = [self._folder(one) for one in parents_of(entry) if one not in self._listed]
        return [self._settled(folder, self._layout.scopes[0]) for folder in folders if folder is not None]

    def _is_inside(self, folder: str, top: str) -> bool:
        """Whether a folder lies below another one, or is it."""
        if folder == top:
            return True
        if folder not in self._inside:
            self._inside[folder] = False  # parents may go round in a circle
            found = self._folder(folder)
            self._inside[folder] = any(self._is_inside(one, top) for one in parents_of(found or {}))
        return self._inside[folder]

    def _folder(self, folder: str) -> Entry | None:
        """Return a folder, None where the account does not see it."""
        if folder not in self._folders:
            try:
                self._folders[folder] = self._drive.file(folder)
            except (NotFound, Forbidden):
                self._folders[folder] = None
        return self._folders[folder]
