"""A Dropbox in which people act, and what an endpoint must know of it: the truth, without the connector's help."""

from collections.abc import Mapping
from typing import Any

from filesync_dagster.simulators.dropbox import DropboxSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.sync.model.world import COMMON_TROUBLES, Place, Trouble, left_out
from filesync_dagster_tests.sync.projects import Row

ADDRESS = "http://dropbox.simulated"
KINDS = {"folder": "folder", "paper": "document", "web": "shortcut", "symlink": "shortcut"}
LIST, FEED = "files/list_folder", "files/list_folder/continue"

TROUBLES: Mapping[str, Trouble] = {
    **COMMON_TROUBLES,
    "reset listing": Trouble(Fault.EXPIRE_PAGE, FEED),
    "reset": Trouble(Fault.LOSE_CURSOR, FEED),
    "short pages": Trouble(Fault.SHORT_PAGE, FEED, times=3),
    "short first page": Trouble(Fault.SHORT_PAGE, LIST),
    "empty page": Trouble(Fault.EMPTY_PAGE, FEED),
    "empty first page": Trouble(Fault.EMPTY_PAGE, LIST),
    "duplicated changes": Trouble(Fault.DUPLICATE_CHANGE, FEED, times=-1),
    "short answer": Trouble(Fault.SHORT_ANSWER, LIST, lossy=True),
    "short answer of changes": Trouble(Fault.SHORT_ANSWER, FEED, lossy=True),
    "lost changes": Trouble(Fault.LOSE_CHANGE, FEED, lossy=True),
    "repeated token": Trouble(Fault.REPEAT_TOKEN, FEED, harmless=False),
    "denied listing": Trouble(Fault.DENY, LIST, harmless=False),
    "denied feed": Trouble(Fault.DENY, FEED, harmless=False),
    "denied look-up": Trouble(Fault.DENY, "files/get_metadata", harmless=False),
}


class DropboxWorld:
    """A small Dropbox to begin with: folders in folders, a shared folder, and another one mounted in that."""

    endpoint_type = "dropbox"
    kinds = ("file", "file", "folder", "paper")
    actions = frozenset({"share", "unshare", "revoke"})
    troubles = TROUBLES

    def __init__(self) -> None:
        self.simulator = DropboxSimulator()
        self.store = store = self.simulator.store
        self.folder = store.create("Projects", kind="folder")
        inner = store.create("a", self.folder, kind="folder")
        deep = store.create("b", inner, kind="folder")
        for name, parent, content in (("a", None, b"1"), ("b", self.folder, b"22"), ("xy.txt", inner, b"333")):
            store.create(name, parent, content=content)
        store.create("a", deep, content=b"4444")
        store.create("c.paper", inner, kind="paper")
        self.team = store.create("Team", kind="folder")
        self.namespace = store.share_folder(self.team)
        plans = store.create("Plans", self.team, kind="folder")
        store.share_folder(plans)
        for name, parent, content in (("a", self.team, b"5"), ("b", plans, b"66"), ("b", self.team, b"777")):
            store.create(name, parent, content=content)
        self.watched = Place("everything")

    def entry(self, place: Place) -> dict[str, Any]:
        """Return an endpoint that watches a place, as endpoints.yaml has it."""
        self.watched = place
        where = {"everything": {}, "folder": {"path": "/projects"}, "namespace": {"namespace_id": self.namespace}}
        keys = self.simulator.credentials(ADDRESS)
        return place.entry(self.endpoint_type, {**keys, "page_size": 2, "list_workers": 2, **where[place.kind]})

    def anything(self, number: int) -> str:
        """Return the id of some entry."""
        entries = [entry.id for entry in self.store.ordered]
        return entries[number % len(entries)] if entries else self.store.create("a")

    def a_folder(self, number: int) -> str:
        """Return the id of some folder; the root is one too."""
        folders = [self.store.root.id, *(entry.id for entry in self.store.ordered if entry.is_folder)]
        return folders[number % len(folders)]

    def at(self, path: str) -> str:
        """Return the id of the entry at a path."""
        found = self.store.at(path)
        assert found is not None, path
        return found.id

    def is_there(self, external_id: str) -> bool:
        """Whether an entry exists, and an app that begins where the endpoint does may see it."""
        there, root = self.store.entries.get(external_id), self._root()
        return there is not None and there.seen and root is not None and root in there.above()

    def truth(self, place: Place) -> dict[str, Row] | None:
        """Return what an endpoint must list, by id; None when it is not there (any more)."""
        root = self._root()
        top = self.store.at("/projects") if place.kind == "folder" else root
        if top is None or not top.is_folder:
            return None
        scope = {"everything": "dropbox", "folder": "dropbox/projects", "namespace": f"namespace:{self.namespace}"}
        known: dict[str, Row] = {}
        for entry in top.below():
            if entry is top or not entry.seen:
                continue
            parent = entry.parents[0]
            above = "" if parent is top else f"{known[parent.id]['path']}/"
            is_file = entry.kind == "file"
            known[entry.id] = {
                "external_id": entry.id,
                "scope": scope[place.kind],
                "parent_id": None if parent is top else parent.id,
                "name": entry.name,
                "path": above + entry.name,
                "kind": KINDS.get(entry.kind, "file"),
                "size": entry.size if is_file else None,
                "content_hash": f"dropbox:{entry.content_hash}" if is_file else None,
                "trashed": False,
            }
        return {one: row for one, row in known.items() if not (place.filtered and left_out(row["path"]))}

    def _root(self) -> Any:
        if self.watched.kind != "namespace":
            return self.store.root
        return next((one for one in self.store.namespaces() if one.namespace == self.namespace), None)
