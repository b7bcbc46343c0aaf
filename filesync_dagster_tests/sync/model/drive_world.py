"""A Google Drive in which people act, and what an endpoint must know of it: the truth, without the connector's help."""

from collections.abc import Mapping
from typing import Any

from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.sync.model.world import BOB, COMMON_TROUBLES, Place, Trouble, left_out
from filesync_dagster_tests.sync.projects import Row

ADDRESS = "http://drive.simulated"
FOLDER = "application/vnd.google-apps.folder"
SHORTCUT = "application/vnd.google-apps.shortcut"
GOOGLES_OWN = "application/vnd.google-apps."


TROUBLES: Mapping[str, Trouble] = {
    **COMMON_TROUBLES,
    "403 rate limit": Trouble(Fault.THROTTLE, how={"status": 403, "reason": "rateLimitExceeded"}, times=3),
    "403 user rate limit": Trouble(Fault.THROTTLE, how={"status": 403, "reason": "userRateLimitExceeded"}),
    "expired page token": Trouble(Fault.EXPIRE_PAGE, "files.list"),
    "lost cursor 400": Trouble(Fault.LOSE_CURSOR, "changes.list", how={"status": 400}),
    "lost cursor 403": Trouble(Fault.LOSE_CURSOR, "changes.list", how={"status": 403}),
    "lost cursor 404": Trouble(Fault.LOSE_CURSOR, "changes.list", how={"status": 404}),
    "short pages": Trouble(Fault.SHORT_PAGE, "files.list", times=3),
    "short pages of changes": Trouble(Fault.SHORT_PAGE, "changes.list", times=3),
    "empty page": Trouble(Fault.EMPTY_PAGE, "files.list"),
    "empty page of changes": Trouble(Fault.EMPTY_PAGE, "changes.list"),
    "duplicated changes": Trouble(Fault.DUPLICATE_CHANGE, "changes.list", times=-1),
    "reordered changes": Trouble(Fault.REORDER_CHANGES, "changes.list", times=-1),
    "short answer": Trouble(Fault.SHORT_ANSWER, "files.list", lossy=True),
    "short answer of changes": Trouble(Fault.SHORT_ANSWER, "changes.list", lossy=True),
    "lost changes": Trouble(Fault.LOSE_CHANGE, "changes.list", lossy=True),
    "incomplete search": Trouble(Fault.INCOMPLETE, "files.list", harmless=False),
    "repeated token": Trouble(Fault.REPEAT_TOKEN, "files.list", harmless=False),
    "repeated token of changes": Trouble(Fault.REPEAT_TOKEN, "changes.list", harmless=False),
    "denied listing": Trouble(Fault.DENY, "files.list", harmless=False),
    "denied look-up": Trouble(Fault.DENY, "files.get", harmless=False),
}


class DriveWorld:
    """A small drive to begin with: folders in folders, a shared drive, and what Bob shared."""

    endpoint_type = "google_drive"
    kinds = ("file", "file", "folder", "document")
    actions = frozenset({"trash", "restore", "share", "revoke"})
    troubles = TROUBLES

    def __init__(self) -> None:
        self.simulator = DriveSimulator()
        self.store = store = self.simulator.store
        self.folder = store.create("projects", kind="folder")
        inner = store.create("a", self.folder, kind="folder")
        deep = store.create("b", inner, kind="folder")
        for name, parent, content in (("a", None, b"1"), ("b", self.folder, b"22"), ("xy.txt", inner, b"333")):
            store.create(name, parent, content=content)
        store.create("a", deep, content=b"4444")
        store.create("b", inner, kind="document")
        self.team = store.shared_drive("Team")
        self.team_folder = store.create("plans", self.team, kind="folder")
        teams = store.create("a", self.team_folder, kind="folder")
        for name, parent, content in (("a", self.team, b"5"), ("b", self.team_folder, b"66"), ("b", teams, b"777")):
            store.create(name, parent, content=content)
        self.bobs = store.create("bobs", kind="folder", owner=BOB)
        store.create("a", self.bobs, content=b"8", owner=BOB)
        store.share(self.bobs, store.account)

    def entry(self, place: Place) -> dict[str, Any]:
        """Return an endpoint that watches a place, as endpoints.yaml has it."""
        keys = self.simulator.user_credentials(ADDRESS)
        details = {name: keys[name] for name in ("client_id", "client_secret", "refresh_token", "token_uri")}
        where = {
            "my_drive": {},
            "folder": {"folder_id": self.folder},
            "folder_in_drive": {"folder_id": self.team_folder},
            "drive": {"drive_id": self.team},
            "everything": {"include_shared": True},
        }[place.kind]
        return place.entry(
            self.endpoint_type, {"base_url": ADDRESS, "page_size": 2, "list_workers": 2, **details, **where}
        )

    # Which of them, by a number that a test draws.

    def anything(self, number: int) -> str:
        """Return the id of some entry."""
        entries = [item.id for item in self.store.items.values() if item.parent is not None]
        return entries[number % len(entries)] if entries else self.store.create("a")

    def a_folder(self, number: int) -> str:
        """Return the id of some folder; roots of drives are folders too."""
        folders = [item.id for item in self.store.items.values() if item.is_folder]
        return folders[number % len(folders)]

    def a_drive(self, number: int) -> str:
        """Return the id of some shared drive."""
        drives = list(self.store.drives)
        return drives[number % len(drives)] if drives else self.store.shared_drive("New")

    def at(self, path: str, drive: str | None = None) -> str:
        """Return the id of the first entry at a path of somebody's My Drive, or of a shared drive."""
        store = self.store
        return next(i.id for i in store.items.values() if i.drive == drive and i.parent and store.path_of(i.id) == path)

    def is_there(self, external_id: str) -> bool:
        """Whether an entry exists and the account may see it."""
        there = self.store.items.get(external_id)
        return there is not None and there.seen

    def in_sight(self) -> dict[str, list[tuple[object, ...]]]:
        """Return the folders that the account sees, with everything in them, whoever sees that."""
        folders = [item for item in self.store.items.values() if item.is_folder and item.seen]
        return {folder.id: [_state(item) for item in folder.below()][1:] for folder in folders}

    # What must be known of it.

    def truth(self, place: Place) -> dict[str, Row] | None:
        """Return what an endpoint must list, trashed entries too, by id; None when it is not there (any more)."""
        tops = self._tops(place)
        if tops is None:
            return None
        known: dict[str, Row] = {top: row for top, row in tops.items() if row is not None}
        scopes = {top: self._scope(place, top) for top in tops}
        waiting = [self._row(place, seen, scopes) for seen in self.store.visible()]
        while True:
            placed = [
                row for row in waiting
                if row["external_id"] not in known and (row["parent_id"] is None or row["parent_id"] in known)
            ]  # fmt: skip
            if not placed:
                break
            for row in placed:
                above = known[row["parent_id"]]["path"] + "/" if row["parent_id"] else ""
                known[row["external_id"]] = {**row, "path": above + row["name"]}
        return {one: row for one, row in known.items() if not (place.filtered and left_out(row["path"]))}

    def _tops(self, place: Place) -> dict[str, Row | None] | None:
        """Return the folders at whose top an endpoint begins, with the row that stands for each, if one does."""
        store = self.store
        if place.kind == "my_drive":
            return {store.root_id: None}
        if place.kind == "drive":
            return {self.team: None} if self.team in store.drives and store.drives[self.team].member else None
        if place.kind == "everything":
            drives = {drive.id: drive.name for drive in store.drives.values() if drive.member}
            return {top: _corpus(self, top, name) for top, name in {store.root_id: "My Drive", **drives}.items()}
        top = self.folder if place.kind == "folder" else self.team_folder
        item = store.items.get(top)
        if item is None or not item.seen or item.trashed:
            return None
        # A drive is listed for its members alone, whoever else may see a folder in it.
        return {top: None} if item.drive is None or store.drives[item.drive].member else None

    def _scope(self, place: Place, top: str) -> str:
        if top == self.store.root_id:
            return "my_drive"
        return f"{'drive' if place.kind in {'drive', 'everything'} else 'folder'}:{top}"

    def _row(self, place: Place, seen: Any, scopes: Mapping[str, str]) -> Row:
        """Return an entry; its parent is "" where it lies in nothing of the endpoint, None at the endpoint's top."""
        item = self.store.item(seen.id)
        corpus = seen.drive or self.store.root_id
        parent = seen.parent
        if place.kind in {"folder", "folder_in_drive"}:
            [(corpus, scope)] = scopes.items()
        else:
            if place.kind == "everything" and corpus not in scopes:
                corpus = self.store.root_id  # shared out of a drive that the account is no member of
            scope = scopes.get(corpus, "")
            own = seen.drive is not None or item.owner == self.store.account or place.kind == "everything"
            parent = "" if not scope else parent if parent is not None else corpus if own else ""
        if parent == corpus and place.kind != "everything":
            parent = None
        elif parent is None:
            parent = ""
        binary = not item.mime_type.startswith(GOOGLES_OWN)
        return {
            "external_id": seen.id,
            "scope": scope,
            "parent_id": parent,
            "name": seen.name,
            "path": "",
            "kind": {FOLDER: "folder", SHORTCUT: "shortcut"}.get(item.mime_type, "file" if binary else "document"),
            "size": seen.size if binary else None,
            "content_hash": f"sha256:{item.checksum(2)}" if binary else None,
            "trashed": seen.trashed,
        }


def _corpus(world: DriveWorld, top: str, name: str) -> Row:
    scope = "my_drive" if top == world.store.root_id else f"drive:{top}"
    nothing = dict.fromkeys(("parent_id", "size", "content_hash"))
    row = {"external_id": top, "scope": scope, "name": name, "path": name, "kind": "folder", "trashed": False}
    return {**row, **nothing}


COLUMNS = ("external_id", "scope", "parent_id", "name", "path", "kind", "size", "content_hash", "trashed")
"""What the truth tells of each entry."""


def _state(item: Any) -> tuple[object, ...]:
    return item.id, item.parent and item.parent.id, item.name, item.modified, item.trashed
