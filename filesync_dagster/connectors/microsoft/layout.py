"""The drives of an endpoint as Graph has them now, and which item lies where in them."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from filesync_dagster.connectors.microsoft.api import GraphApi, has_id
from filesync_dagster.connectors.microsoft.details import GraphDetails, OneDriveDetails, SharePointDetails
from filesync_dagster.connectors.microsoft.errors import CHECK_PLACE
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import AS_KNOWN, OUTSIDE

Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class DriveScope:
    """A drive of an endpoint. `library` is the drive as Graph tells it, where an endpoint has several."""

    name: str
    drive_id: str
    folder: str | None = None  # only what is below this one
    library: Entry | None = None


@dataclass(frozen=True)
class GraphLayout:
    """The scopes of an endpoint."""

    scopes: tuple[DriveScope, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scopes."""
        return tuple(scope.name for scope in self.scopes)

    def scope(self, name: str) -> DriveScope:
        """Return a scope by its name. Raises NotFound when it went away."""
        found = next((scope for scope in self.scopes if scope.name == name), None)
        if found is None:
            raise NotFound(f"{name} is no library of this site (any more).", hint="Sync again.")
        return found

    def former(self, name: str) -> DriveScope:
        """Return a scope that may have gone away."""
        known = next((scope for scope in self.scopes if scope.name == name), None)
        return known or DriveScope(name, name.removeprefix("drive:"), library={})


@dataclass
class Roots:
    """The id of the folder that each drive begins with: told by deltas, else asked for. Thread-safe.

    `without_ctags` are drives whose deltas tell no cTag: then one that is told elsewhere is no version either.
    """

    api: GraphApi
    without_ctags: set[str] = field(default_factory=set)
    _known: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, drive_id: str) -> str:
        """Return the id of the root of a drive. Raises SourceError."""
        with self._lock:
            known = self._known.get(drive_id)
        if known is None:
            known = str(self.api.root(drive_id)["id"])
            with self._lock:
                self._known[drive_id] = known
        return known

    def learn(self, drive_id: str, entries: Iterable[Entry]) -> None:
        """Note what a page of a delta says of its drive: the root if it is among these items, and about cTags."""
        for entry in entries:
            if entry.get("file") is not None and entry.get("deleted") is None and entry.get("cTag") is None:
                self.without_ctags.add(drive_id)
            if is_root(entry) and has_id(entry):
                with self._lock:
                    self._known[drive_id] = entry["id"]

    def top(self, scope: DriveScope) -> str:
        """Return the id of the folder that a scope lists. Raises SourceError."""
        return scope.folder or self.of(scope.drive_id)

    def parent(self, entry: Entry, scope: DriveScope, *, told: bool = False) -> str | None:
        """Return the parent_id of an item of a drive; `told`: in a delta."""
        if is_root(entry):
            return None if scope.library is not None else OUTSIDE
        found = parent_of(entry)
        if found is None:
            return AS_KNOWN if told else OUTSIDE
        return None if scope.library is None and found == self.top(scope) else found


def is_root(entry: Entry) -> bool:
    """Whether an item is the one that its drive begins with."""
    return entry.get("root") is not None


def parent_of(entry: Entry) -> str | None:
    """Return the folder that an item says it lies in."""
    reference = entry.get("parentReference")
    found = reference.get("id") if isinstance(reference, Mapping) else None
    return found if isinstance(found, str) and found else None


def only_scope(details: GraphDetails) -> str | None:
    """Return the name of the scope of an endpoint that has one, which needs no question; else None."""
    if details.drive_id is not None:
        return f"drive:{details.drive_id}"
    if isinstance(details, OneDriveDetails):
        return f"user:{details.user}"
    assert isinstance(details, SharePointDetails)
    return None if details.drive is None else f"library:{details.drive}"


def name_of(details: GraphDetails) -> str:
    """Return what messages call an endpoint."""
    if isinstance(details, OneDriveDetails):
        return f"The OneDrive {details.user or details.drive_id}"
    assert isinstance(details, SharePointDetails)
    library = f", library {details.drive}" if details.drive else ""
    return f"SharePoint {details.site_url or details.site_id}{library}"


def layout_of(api: GraphApi, details: GraphDetails) -> GraphLayout:
    """Return the scopes of an endpoint. Raises NotFound when site, library, user or folder is not there."""
    name = only_scope(details)
    if name is None:
        assert isinstance(details, SharePointDetails)
        drives = {drive["id"]: drive for drive in api.drives(details.site)}
        for drive_id, drive in drives.items():
            api.name(drive_id, _title(drive))
        return GraphLayout(tuple(DriveScope(f"drive:{one}", one, library=drives[one]) for one in sorted(drives)))
    drive_id = details.drive_id or _drive_id(api, details)
    return GraphLayout((DriveScope(name, drive_id, _folder(api, drive_id, details.folder_path)),))


def _drive_id(api: GraphApi, details: GraphDetails) -> str:
    if isinstance(details, OneDriveDetails):
        return str(api.drive_of(str(details.user))["id"])
    assert isinstance(details, SharePointDetails)
    wanted, drives = str(details.drive), api.drives(details.site)
    for spell in (str, str.casefold):
        for names in (_title, _last_of_address):
            found = [drive["id"] for drive in drives if spell(names(drive)) == spell(wanted)]
            if found:
                return str(found[0])
    known = ", ".join(sorted(map(_title, drives))) or "none"
    raise NotFound(f"{api.where} is not there: the site has the libraries {known}.", hint=CHECK_PLACE)


def _title(drive: Entry) -> str:
    return str(drive.get("name") or "")


def _last_of_address(drive: Entry) -> str:
    return unquote(str(drive.get("webUrl") or "").rpartition("/")[2])


def _folder(api: GraphApi, drive_id: str, path: str | None) -> str | None:
    if path is None:
        return None
    try:
        found = api.item_at(drive_id, path)
    except NotFound as error:
        raise NotFound(f"{api.where} has no folder {path}.", hint=CHECK_PLACE) from error
    if found.get("folder") is None:
        raise NotFound(f"{path} of {api.where} is no folder.", hint=CHECK_PLACE)
    return str(found["id"])
