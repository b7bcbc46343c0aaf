"""Which entry lies in which scope, and where: Drive tells parents, an endpoint has a top. Pure: no I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import OUTSIDE

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
            return {"corpora": "user"}
        return {"corpora": "drive", "driveId": self.drive_id, **ALL_DRIVES, **SUPPORTED}

    @property
    def log(self) -> dict[str, Any]:
        """The parameters of changes.list that name the log which tells of this scope."""
        return {"driveId": self.drive_id, **ALL_DRIVES} if self.drive_id else {}


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

    def place(self, entry: Mapping[str, Any], asked: Scope, folder: str | None = None) -> tuple[str, str | None]:
        """Return the scope and the parent_id of an entry that `asked`, or `folder` in it, was asked for."""
        scope = self.drives.get(entry.get("driveId"))
        if scope is None:
            return asked.name, OUTSIDE
        if entry["id"] == scope.top:
            return scope.name, None
        parents = entry.get("parents") or ()
        if folder is not None and (not parents or folder in parents):
            parent = folder
        elif parents:
            parent = parents[0]
        elif scope.keeps_own if entry.get("ownedByMe") else scope.keeps_shared:
            parent = scope.top
        else:
            return scope.name, OUTSIDE
        return scope.name, scope.parent if parent == scope.top else parent
