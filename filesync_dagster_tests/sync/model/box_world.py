"""A Box in which people act, and what an endpoint must know of it: the truth, without the connector's help."""

from collections.abc import Iterator, Mapping
from typing import Any

from filesync_dagster.simulators.box import BoxSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.sync.model.world import BOB, COMMON_TROUBLES, Place, Trouble, left_out
from filesync_dagster_tests.sync.projects import Row

ADDRESS = "http://box.simulated"
KINDS = {"file": "file", "folder": "folder", "web_link": "shortcut"}

TROUBLES: Mapping[str, Trouble] = {
    **COMMON_TROUBLES,
    "expired marker": Trouble(Fault.EXPIRE_PAGE, "list_folder"),
    "lost position 400": Trouble(Fault.LOSE_CURSOR, "get_events", how={"status": 400}),
    "lost position 403": Trouble(Fault.LOSE_CURSOR, "get_events", how={"status": 403}),
    "short pages": Trouble(Fault.SHORT_PAGE, "list_folder", times=3),
    "short chunks": Trouble(Fault.SHORT_PAGE, "get_events", times=3),
    "empty page": Trouble(Fault.EMPTY_PAGE, "list_folder"),
    "empty chunk": Trouble(Fault.EMPTY_PAGE, "get_events"),
    "doubled events": Trouble(Fault.DUPLICATE_CHANGE, "get_events", times=-1),
    "disordered events": Trouble(Fault.REORDER_CHANGES, "get_events", times=-1),
    "repeated chunk": Trouble(Fault.REPEAT_PAGE, "get_events"),
    "short answer": Trouble(Fault.SHORT_ANSWER, "list_folder", lossy=True),
    "short answer of events": Trouble(Fault.SHORT_ANSWER, "get_events", lossy=True),
    "lost events": Trouble(Fault.LOSE_CHANGE, "get_events", lossy=True),
    "repeated marker": Trouble(Fault.REPEAT_TOKEN, "list_folder", harmless=False),
    "repeated position": Trouble(Fault.REPEAT_TOKEN, "get_events", harmless=False),
    "denied listing": Trouble(Fault.DENY, "list_folder", harmless=False),
    "denied look-up of a file": Trouble(Fault.DENY, "get_file", harmless=False),
    "denied look-up of a folder": Trouble(Fault.DENY, "get_folder", harmless=False),
}


class BoxWorld:
    """A small Box to begin with: folders in folders, web links, what Bob shared, and what he did not."""

    endpoint_type = "box"
    kinds = ("file", "file", "folder", "web_link")
    actions = frozenset({"trash", "restore", "share", "unshare", "revoke"})
    troubles = TROUBLES

    def __init__(self) -> None:
        self.simulator = BoxSimulator()
        self.store = store = self.simulator.store
        self.folder = store.create("projects", kind="folder")
        inner = store.create("a", self.folder, kind="folder")
        deep = store.create("b", inner, kind="folder")
        for name, parent, content in (("a", None, b"1"), ("b", self.folder, b"22"), ("xy.txt", inner, b"333")):
            store.create(name, parent, content=content)
        store.create("a", deep, content=b"4444")
        store.create("b", inner, kind="web_link")
        bobs = store.create("bobs", kind="folder", owner=BOB)
        store.create("a", bobs, content=b"8")
        store.create("b", store.create("a", bobs, kind="folder"), content=b"99")
        store.create("private", kind="folder", owner=BOB)
        store.share(bobs, store.account)

    def entry(self, place: Place) -> dict[str, Any]:
        """Return an endpoint that watches a place, as endpoints.yaml has it."""
        details = {**self.simulator.credentials(ADDRESS), "page_size": 2, "list_workers": 2}
        if place.kind == "user":
            del details["enterprise_id"]
            details["box_user_id"] = self.simulator.application.user_id
        if place.kind == "folder":
            details["folder_id"] = self.folder.removeprefix("folder_")
        return place.entry(self.endpoint_type, details)

    def anything(self, number: int) -> str:
        """Return the id of some entry."""
        entries = [entry.id for entry in self.store.entries.values() if entry.parent is not None]
        return entries[number % len(entries)] if entries else self.store.create("a")

    def a_folder(self, number: int) -> str:
        """Return the id of some folder; the tops of people's files are folders too."""
        folders = [entry.id for entry in self.store.entries.values() if entry.is_folder]
        return folders[number % len(folders)]

    def is_there(self, external_id: str) -> bool:
        """Whether an entry exists and the account may see it. What is in the trash is not in the inventory."""
        there = self.store.entries.get(external_id)
        return there is not None and there.seen and not there.trashed

    def in_sight(self) -> dict[str, list[tuple[object, ...]]]:
        """Return the folders that the account sees, with everything in them, whoever sees that."""
        folders = [entry for entry in self.store.entries.values() if entry.is_folder and entry.seen]
        return {folder.id: [(one.id, one.version) for one in folder.below()][1:] for folder in folders}

    def truth(self, place: Place) -> dict[str, Row] | None:
        """Return what an endpoint must list by id; None when it is not there (any more)."""
        top = self.store.entries.get(self.folder) if place.kind == "folder" else self.store.root
        if top is None or not top.seen or top.trashed:
            return None
        rows = {row["external_id"]: row for row in self._inside(top, f"folder:{top.number}", "", None)}
        return {one: row for one, row in rows.items() if not (place.filtered and left_out(row["path"]))}

    def _inside(self, folder: Any, scope: str, path: str, parent: str | None) -> Iterator[Row]:
        for item in self.store.children(folder):
            yield {
                "external_id": item.id,
                "scope": scope,
                "parent_id": parent,
                "name": item.name,
                "path": path + item.name,
                "kind": KINDS[item.kind],
                "size": item.size if item.kind == "file" else None,
                "content_hash": f"sha1:{item.sha1}" if item.kind == "file" else None,
                "trashed": False,
            }
            if item.is_folder:
                yield from self._inside(item, scope, f"{path}{item.name}/", item.id)
