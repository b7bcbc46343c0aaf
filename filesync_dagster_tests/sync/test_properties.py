"""What holds after any history of a store, its faults, filters and decisions: a state machine against a model."""

from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from filesync_dagster.core.model import SyncResult, SyncStatus
from filesync_dagster.sync import relations
from filesync_dagster_tests.sync import memory_store
from filesync_dagster_tests.sync.memory_store import Faults, MemoryStore
from filesync_dagster_tests.sync.projects import Project, Row, assert_adds_up, everything, live, parquet_files, stored

SHOWN = ("external_id", "path", "kind", "size", "modified_at", "version", "content_hash")
TRACKED = (*SHOWN, "scope", "parent_id", "name", "trashed")
SCOPES = ("one", "two", "three")
numbers = count()
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(autouse=True)
def _memory_stores():
    memory_store.register()
    yield
    memory_store.unregister()
    memory_store.STORES.clear()


def by_id(rows: list[Row], columns: tuple[str, ...]) -> dict[str, Row]:
    """Return rows by external_id; an id that comes twice is an error."""
    found = {row["external_id"]: {name: row[name] for name in columns} for row in rows}
    assert len(found) == len(rows), "an external_id comes twice"
    return found


def rebased(rows: dict[str, Row]) -> dict[str, Row]:
    """Return rows with the paths that follow from their parents, where the parents are known."""

    def path(row: Row) -> str:
        parent = rows.get(row["parent_id"]) if row["parent_id"] else None
        return f"{path(parent)}/{row['name']}" if parent else row["path"]

    return {external_id: {**row, "path": path(row)} for external_id, row in rows.items()}


class Syncs(RuleBasedStateMachine):
    """A store that changes, syncs of it, and a model of what the inventory must be."""

    stable_ids = True
    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.name = f"e{next(numbers)}"
        self.store = memory_store.STORES[self.name] = MemoryStore(stable_ids=self.stable_ids, scopes=SCOPES)
        self.project = Project(self.folder)
        self.known: dict[str, Row] = {}  # what the inventory must be, trashed rows too
        self.folded: dict[str, Row] = {}  # the first snapshot and every change file since, folded
        self.proposal: dict[str, Row] | None = None  # of a held sync
        self.incomplete_scopes = False  # what that sync could not read it could not prove
        self.excluding = False
        self.began = False
        self.fresh = False
        self.born = count()
        self.open()

    def open(self) -> None:
        details = {"store": self.name}
        entry = {"name": self.name, "type": "memory", "endpoint_details": details}
        self.project.write({**entry, "filters": {"exclude": ["**/x*"]} if self.excluding else {}})
        self.filesync = self.project.open()

    def teardown(self) -> None:
        self.filesync.close()

    # The store changes.

    @rule(data=st.data(), kind=st.sampled_from(["file", "file", "folder"]), scope=st.sampled_from(SCOPES))
    def add(self, data, kind, scope):
        """Something new appears, at the top or in a folder."""
        number = next(self.born)
        self.store.put(
            f"id{number}",
            name=self.a_name(data, number),
            parent=data.draw(st.sampled_from([None, *self.folders()])),
            scope=scope,
            kind=kind,
        )

    @rule(data=st.data())
    @precondition(lambda self: self.store.entries)
    def rename(self, data):
        """An entry gets another name."""
        entry = self.any_entry(data)
        entry.name = self.a_name(data, next(self.born))

    @rule(data=st.data(), scope=st.sampled_from(SCOPES))
    @precondition(lambda self: self.store.entries)
    def move(self, data, scope):
        """An entry goes elsewhere, with everything below it."""
        entry = self.any_entry(data)
        targets = [f for f in self.folders() if entry.id not in self.line_of(f)]
        entry.parent = data.draw(st.sampled_from([None, *targets]))
        entry.scope = scope

    @rule(data=st.data())
    @precondition(lambda self: len(self.store.entries) > 1)
    def swap(self, data):
        """Two entries trade their names."""
        one, other = self.any_entry(data), self.any_entry(data)
        one.name, other.name = other.name, one.name

    @rule(data=st.data())
    @precondition(lambda self: self.store.entries)
    def delete(self, data):
        """An entry goes, with everything below it."""
        self.store.delete(self.any_entry(data).id)

    @rule(data=st.data())
    @precondition(lambda self: self.store.entries)
    def modify(self, data):
        """An entry has new content, of the same size or another."""
        entry = self.any_entry(data)
        entry.version += 1
        entry.size = data.draw(st.integers(0, 3))

    @rule(data=st.data())
    @precondition(lambda self: self.stable_ids and self.store.entries)
    def trash(self, data):
        """An entry goes to the store's trash, or comes back from there."""
        entry = self.any_entry(data)
        entry.trashed = not entry.trashed

    # Somebody syncs.

    @rule(again=st.booleans())
    def sync(self, again):
        """A clean listing makes the inventory equal to the store."""
        result = self.checked(Faults())
        if result.status is not SyncStatus.HELD:
            assert result.status is SyncStatus.COMPLETED
            there = [row for scope in SCOPES for row in self.store.listed(scope)]
            assert set(self.known) == {row["external_id"] for row in there if self.selects(row)}
        if again:
            self.assert_nothing_new(Faults())

    @rule(
        breaks=st.dictionaries(st.sampled_from(SCOPES), st.integers(0, 2), max_size=3),
        unread=st.sets(st.sampled_from(SCOPES), max_size=1),
        twice=st.booleans(),
        data=st.data(),
        again=st.booleans(),
    )
    def sync_with_faults(self, breaks, unread, twice, data, again):
        """A listing that is incomplete adds and updates, and removes only what a complete scope proves."""
        paths = {}
        for scope in unread:
            folders = [self.store.path(self.store.entries[f]) for f in self.folders()]
            paths[scope] = data.draw(st.sampled_from(["nowhere", *folders]))
        hidden = set()
        if self.stable_ids and self.known:
            hidden = data.draw(st.sets(st.sampled_from(sorted(self.known)), max_size=3))
        faults = Faults(breaks=breaks, unread=paths, hidden=hidden, twice=twice)
        result = self.checked(faults)
        if again and not hidden and result.status in {SyncStatus.COMPLETED, SyncStatus.PARTIAL}:
            self.assert_nothing_new(faults)

    @rule()
    def change_filter(self):
        """The filters become narrower, or wider again."""
        self.filesync.close()
        self.excluding = not self.excluding
        self.open()

    @rule()
    @precondition(lambda self: self.proposal is not None)
    def approve(self):
        """What was held becomes the inventory, exactly."""
        assert self.proposal is not None
        result = self.filesync.approve(self.name)
        assert result.status is SyncStatus.COMPLETED or (result.status is SyncStatus.PARTIAL and self.incomplete_scopes)
        self.committed(result, self.proposal)

    @rule()
    @precondition(lambda self: self.proposal is not None)
    def reject(self):
        """What was held is forgotten, and nothing else happens."""
        before = everything(self.filesync, self.name)
        self.filesync.reject(self.name)
        self.proposal = None
        assert everything(self.filesync, self.name) == before

    # The model.

    def checked(self, faults: Faults) -> SyncResult:
        """Sync under faults, and compare with the model."""
        before = everything(self.filesync, self.name) if self.began else None
        expected = self.expected(faults)
        self.store.faults = faults
        result = self.filesync.sync(self.name, full=self.fresh)
        self.fresh = result.status is SyncStatus.FAILED
        if result.status is SyncStatus.FAILED:
            assert len(faults.breaks) == len(SCOPES), result.error
        elif result.status is SyncStatus.HELD:
            was, will_be = live_files(self.known), live_files(expected)
            gone = {row["external_id"] for row in was} - {row["external_id"] for row in will_be}
            assert self.proposal is not None or gone, result.error
            self.proposal, self.incomplete_scopes = expected, bool(faults.breaks or faults.unread)
        else:
            incomplete_scopes = bool(faults.breaks or faults.unread)
            assert (result.status is SyncStatus.PARTIAL) <= incomplete_scopes, result.warnings
            self.committed(result, expected)
        if result.status in {SyncStatus.HELD, SyncStatus.FAILED} and before:
            assert everything(self.filesync, self.name) == before, "a sync that did not commit changed something"
        return result

    def committed(self, result: SyncResult, expected: dict[str, Row]) -> None:
        """Files, snapshot and the fold of all change files are what the model says."""
        self.proposal = None
        filesync, first = self.filesync, not self.began
        self.began = True
        uri = filesync.runtime.metadata.endpoints.states()[self.name].snapshot_uri
        assert uri
        snapshot = by_id(stored(filesync, uri), TRACKED)
        assert snapshot == expected
        shown = {i: {c: r[c] for c in SHOWN} for i, r in expected.items() if not r["trashed"]}
        assert by_id(live(filesync, self.name), SHOWN) == shown
        files = live_files(expected)
        assert result.files_total == len(files)
        assert_adds_up(filesync, self.name)
        assert result.bytes_total == sum(row["size"] or 0 for row in files)
        if first:
            self.folded = snapshot
        elif result.changes_uri:
            self.fold(stored(filesync, result.changes_uri))
        assert self.folded == expected
        self.known = expected

    def fold(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            if change["before"]:
                del self.folded[change["before"]["external_id"]]
        for change in changes:
            if change["after"]:
                assert change["after"]["external_id"] not in self.folded
                self.folded[change["after"]["external_id"]] = {c: change["after"][c] for c in TRACKED}
        self.folded = rebased(self.folded)

    def expected(self, faults: Faults) -> dict[str, Row]:
        """Return what must be known after a sync under these faults."""
        first, incomplete_scopes = self.listing(faults, faults.hidden)
        second, poisoned_too = self.listing(faults, set())
        # What was known and is seen only by the second listing is still there; a poisoned scope proves nothing anyway,
        # and nobody looks for what the filters prune: should it have a name by now that they do not, it is new.
        known = {i: row for i, row in self.known.items() if self.selects(row)}
        absent = [i for i, row in known.items() if i not in first and row["scope"] not in incomplete_scopes]
        seen = first | {i: second[i] for i in absent if i in second}
        incomplete_scopes |= poisoned_too if absent else set()
        carried = {i: row for i, row in known.items() if i not in seen and row["scope"] in incomplete_scopes}
        return rebased({i: r for i, r in seen.items() if self.selects(r)} | carried)

    def listing(self, faults: Faults, hidden: set[str]) -> tuple[dict[str, Row], set[str]]:
        """Return what one listing sees, and the scopes whose absences prove nothing."""
        seen: dict[str, Row] = {}
        incomplete_scopes = set()
        for scope in SCOPES:
            rows = [row for row in self.store.listed(scope) if row["external_id"] not in hidden]
            if scope in faults.unread:
                rows = [row for row in rows if not row["path"].startswith(faults.unread[scope] + "/")]
            end = faults.breaks.get(scope, len(rows) + 1) * self.store.page_size
            if end < max(1, len(rows)):
                incomplete_scopes.add(scope)
            if scope in faults.unread and not (self.excluding and _has_x(faults.unread[scope])) and end:
                incomplete_scopes.add(scope)
            seen |= by_id(rows[:end], TRACKED)
        return seen, incomplete_scopes

    def assert_nothing_new(self, faults: Faults) -> None:
        """The same sync again writes a log, and not a byte else."""
        if self.proposal is not None or not self.began:
            return
        before, written = everything(self.filesync, self.name), parquet_files(self.project.home)
        self.store.faults = faults
        again = self.filesync.sync(self.name)
        assert again.status in {SyncStatus.COMPLETED, SyncStatus.PARTIAL}
        assert (again.counts.added, again.counts.updated, again.counts.removed) == (0, 0, 0)
        assert everything(self.filesync, self.name) == before
        assert parquet_files(self.project.home) == written

    def selects(self, row: Row) -> bool:
        return not (self.excluding and _has_x(row["path"]))

    def folders(self) -> list[str]:
        return [e.id for e in self.store.entries.values() if e.kind == "folder"]

    def line_of(self, external_id: str) -> list[str]:
        line = [external_id]
        while parent := self.store.entries[line[-1]].parent:
            line.append(parent)
        return line

    def any_entry(self, data):
        return self.store.entries[data.draw(st.sampled_from(sorted(self.store.entries)))]

    def a_name(self, data, number: int) -> str:
        letter = data.draw(st.sampled_from("abx"))
        return letter if self.stable_ids else f"{letter}{number}"  # two files of one name are legal only with ids


def live_files(rows: dict[str, Row]) -> list[Row]:
    """Return the rows that count as files."""
    return [row for row in rows.values() if not row["trashed"] and row["kind"] != "folder"]


def _has_x(path: str) -> bool:
    return any(segment.startswith("x") for segment in path.split("/"))


@pytest.mark.parametrize(
    ("stable_ids", "at_hand"),
    [
        pytest.param(True, -1, id="store with ids, in files"),
        pytest.param(False, relations.IN_MEMORY_ROWS, id="store without ids, at hand"),
        pytest.param(True, relations.IN_MEMORY_ROWS, id="store with ids, at hand", marks=pytest.mark.slow),
        pytest.param(False, -1, id="store without ids, in files", marks=pytest.mark.slow),
    ],
)
def test_any_history_keeps_files_snapshot_and_journal_in_agreement(tmp_path, monkeypatch, stable_ids, at_hand):
    """Files == the last snapshot == the fold of all change files == the model, whatever happens in any order."""
    monkeypatch.setattr(relations, "IN_MEMORY_ROWS", at_hand)  # what is large is compared in files
    machine = type("Machine", (Syncs,), {"stable_ids": stable_ids, "folder": tmp_path})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
