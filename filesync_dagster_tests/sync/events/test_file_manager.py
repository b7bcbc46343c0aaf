"""Events of a file manager: hints about keys, in a list that repeats itself."""

import json
from contextlib import ExitStack
from datetime import timedelta

import pytest
import requests

from filesync_dagster.core import clock
from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster.sync.events.envelopes import ANY_BUCKET, parse_message
from filesync_dagster.sync.events.file_manager import digest_of, in_order
from filesync_dagster_tests.sync.events.conftest import Place


class ListedEvents:
    """A file manager as a queue."""

    def __init__(self, root):
        self._stack = ExitStack()
        self.simulator = FileManagerSimulator(root, plan=FaultPlan())
        self._stack.callback(self.simulator.close)
        self.address = self._stack.enter_context(serve_simulator(self.simulator))
        self.entry = {"name": "events", "type": "file_manager", "base_url": self.address}

    def happen(self, operation, path, **fields):
        """Let something be done there."""
        data = {"operation": operation, "file_path": path, **fields}
        files = {"file": (path, b"x")} if operation in {"create", "update"} else None
        assert requests.post(f"{self.address}/saveToDisk", data=data, files=files, timeout=20).ok

    def close(self):
        self._stack.close()


@pytest.fixture
def place(tmp_path, moto_s3):
    """Return a bucket that is listed, and a file manager that tells of it."""
    opened = Place(tmp_path / "project", moto_s3, ListedEvents(tmp_path / "root"))
    opened.put("kept")
    opened.list()
    yield opened
    opened.close()


def test_an_event_names_keys_to_look_at(place):
    """Once: the list repeats itself."""
    place.put("new/file", b"12")
    place.queue.happen("create", "/new/file")
    [batch] = place.receive()
    assert (batch.messages, batch.keys, batch.dead) == (1, 1, 0)
    assert place.files() == place.there == {"kept": 1, "new/file": 2}
    assert place.receive() == []
    place.reopen()
    assert place.receive() == []


def test_an_event_never_deletes(place):
    """The store has the file: whatever is told, it stays."""
    place.queue.happen("create", "kept")
    place.queue.happen("delete", "kept")
    place.receive()
    assert place.files() == place.there == {"kept": 1}
    place.delete("kept")
    place.queue.happen("create", "other")
    place.queue.happen("rename", "other", new_path="kept")
    place.receive()
    assert place.files() == {}


def test_bad_events_are_set_aside_with_a_reason(place):
    """What can be used of them is."""
    place.put("a")
    place.put("b")
    for name in "abcd":
        place.queue.happen("create", name)
    patches = [
        [{"op": "replace", "path": "/event_type", "value": "explode"}],
        [{"op": "replace", "path": "/event_type", "value": "move"}],
        [{"op": "remove", "path": "/file_path"}],
        [{"op": "replace", "path": "/metadata", "value": [1]}, {"op": "remove", "path": "/timestamp"}],
    ]
    for name, patch in zip("abcd", patches, strict=True):
        place.queue.simulator.plan.add(Fault.PATCH_ENTRY, "pubSubFullList", entry=f"/{name}", patch=patch, times=-1)
    place.receive()
    assert place.files() == place.there
    assert [one.reason for one in place.dead] == [
        "It is an event of the type 'explode', which is none.",
        "It is a move that names no `new_path`.",
        "It names no `file_path`.",
        "Its `metadata` is no object. It has no `timestamp`.",
    ]
    assert place.receive() == []


def test_a_list_of_new_ones_only_may_have_missed_some(place, caplog):
    """That is told."""
    place.queue.happen("create", "a")
    place.queue_entry["count"] = 1
    place.reopen()
    with caplog.at_level("WARNING"):
        place.receive()
    assert "events.perhaps_missed" in caplog.text
    caplog.clear()
    place.receive()
    assert "events.perhaps_missed" not in caplog.text


def test_they_are_known_for_90_days(place, monkeypatch):
    """Then the list has others."""
    place.queue.happen("create", "a")
    place.receive()
    queues = place.filesync.runtime.metadata.queues
    assert queues.forget_events(clock.utc_now() - timedelta(days=1)) == 0
    assert queues.forget_events(clock.utc_now() + timedelta(days=1), dry_run=True) == 1
    assert queues.forget_events(clock.utc_now() + timedelta(days=1)) == 1
    [batch] = place.receive()
    assert batch.messages == 1


def test_order_and_identity():
    """By time, with a zone or without one, then as listed; the same is the same whatever else is in it."""

    def one(timestamp, **more):
        return {"event_type": "create", "file_path": "/a", "new_path": None, "timestamp": timestamp, **more}

    listed = [
        one("2026-01-05T10:00:00"),
        one("x"),
        one("2026-01-05T09:00:00+00:00"),
        one("2026-01-05T10:00:00", n=2),
        5,
    ]
    assert in_order(listed) == [listed[2], listed[0], listed[3], listed[1], listed[4]]
    assert digest_of(listed[0]) == digest_of(listed[3])
    assert digest_of(listed[0]) != digest_of(one("2026-01-05T10:00:00", metadata={}))


@pytest.mark.parametrize("path", ["/a b+c%20", "a b+c%20"])
def test_paths_are_keys_as_they_are(path):
    """But for one leading slash."""
    said = parse_message(json.dumps({"event_type": "delete", "file_path": path, "timestamp": "2026-01-05"}).encode())
    assert (said.keys, said.problems) == ({(ANY_BUCKET, "a b+c%20")}, [])
