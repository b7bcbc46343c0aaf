"""Syncs of the keys that events name: whatever the events say, what is committed is what a listing would say."""

import json
import random
import time
from datetime import timedelta

import pytest

from filesync_dagster.core.errors import TemporarilyDown
from filesync_dagster.core.model import SyncMode, SyncStatus, data_version
from filesync_dagster.sync import feed_drift, listing, snapshot_chain
from filesync_dagster_tests.sync.projects import Project, live, rows_of
from filesync_dagster_tests.sync.projects import stored as stored_rows

KEYS = [f"{folder}{name}" for folder in ("", "a/", "a/b/") for name in ("x.txt", "x.txt.bak", "y é+%41.pdf", "z")]
CONTENTS = [b"", b"1", b"22", b"22 and more than the filters take"]

QUEUE = {"name": "events", "type": "sqs", "queue_url": "https://sqs.us-east-1.amazonaws.com/1/events"}

SMALL = {"max_size": 10, "exclude": ["a/b/*.pdf"]}


class Store:
    """A bucket that filesync follows by its events. `told` are keys that events named since the last sync."""

    def __init__(self, server, folder, **entry):
        self.server, self.bucket = server, server.bucket()
        self.client = server.client()
        self.there, self.told, self.untold = {}, set(), set()
        self.entry = {"name": "eng", "type": "s3", "endpoint_details": server.details(self.bucket), **entry}
        self.project = Project(folder, self.entry)
        self.reopen(self.entry)

    def reopen(self, entry):
        """Open filesync on the same home. Events come from a queue, which nobody asks here."""
        self.project.config.write_text(json.dumps({"queues": [QUEUE], "endpoints": [entry]}))
        self.filesync = self.project.open()

    def change(self, key, content, *, told=True):
        """Write or delete an object."""
        if content is None:
            self.client.delete_object(Bucket=self.bucket, Key=key)
            self.there.pop(key, None)
        else:
            self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
            self.there[key] = content
        (self.told if told else self.untold).add(key)

    def hear(self, keys=None, status=SyncStatus.COMPLETED):
        """Sync what events named."""
        keys = self.told if keys is None else keys
        result = self.filesync.sync("eng", keys=list(keys))
        assert result.status is status, result.error
        if result.mode is SyncMode.FULL:
            self.untold.clear()
            self.told.clear()
        self.untold -= set(keys)
        self.told -= set(keys)
        return result

    def list(self):
        """Sync by listing."""
        result = self.filesync.sync("eng")
        assert result.status is SyncStatus.COMPLETED, result.error
        assert result.mode is SyncMode.FULL
        self.told, self.untold = set(), set()
        return result

    def filter(self, filters):
        """Open filesync on the same home with other filters."""
        self.filesync.close()
        self.reopen({**self.entry, "filters": filters})

    def state(self):
        return self.filesync.runtime.metadata.endpoints.states()["eng"]

    def agree(self, selected=lambda key, content: True):
        """Rows, snapshot and totals are the same, the journal leads to them, and they are what the bucket has."""
        state, metadata = self.state(), self.filesync.runtime.metadata
        snapshot = stored_rows(self.filesync, str(_whole(self.filesync, state)))
        known = rows_of(metadata.files.entries(state.endpoint_id))
        assert sorted(row["external_id"] for row in snapshot) == sorted(row["external_id"] for row in known)
        assert state.data_version == data_version(len(snapshot), sum(row["fingerprint"] for row in snapshot))
        assert state.files_total == len(snapshot)
        assert state.bytes_total == sum(row["size"] for row in snapshot)
        found = {row["external_id"]: row["size"] for row in live(self.filesync, "eng")}
        true = {key: len(content) for key, content in self.there.items() if selected(key, content)}
        for key in self.untold | self.told:
            found.pop(key, None)
            true.pop(key, None)
        assert found == true

    def replayed(self, first):
        """Return the ids that the journal leads to from those of the first sync."""
        ids = set(first)
        for row in rows_of(self.filesync.runtime.metadata.files.journal(self.state().endpoint_id)):
            if row["change"] == "added":
                assert row["external_id"] not in ids
                ids.add(row["external_id"])
            elif row["change"] in ("removed", "left_scope"):
                ids.remove(row["external_id"])
            elif row["change"] == "moved":
                ids.remove(_before(row))
                ids.add(row["external_id"])
        return ids


def _before(row):
    return json.loads(row["before"])["external_id"]


def _whole(filesync, state):
    return snapshot_chain.materialize(filesync.runtime, "eng", state.endpoint_id, state.snapshot_uri)


def _small(key, content):
    return len(content) <= 10 and not (key.startswith("a/b/") and key.endswith(".pdf"))


def _all(key, content):
    return True


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_any_sequence_of_events_ends_in_what_a_listing_says(moto_s3, tmp_path, seed, monkeypatch):
    """Lost, repeated, of nothing, in any order, between listings: what is told is right, and what is not told waits."""
    chance = random.Random(seed)
    store = Store(moto_s3, tmp_path, guard={"enabled": False})
    monkeypatch.setattr(snapshot_chain, "COMPACT_FILE_COUNT", chance.choice([1, 3, 200]))
    selected = _all
    for key in KEYS[:5]:
        store.change(key, b"first")
    store.list()
    first = {row["external_id"] for row in live(store.filesync, "eng")}

    for _ in range(40):
        step = chance.choices(["put", "delete", "hear", "noise", "list", "filters"], [40, 15, 25, 12, 4, 4])[0]
        if step == "put":
            store.change(chance.choice(KEYS), chance.choice(CONTENTS), told=chance.random() < 0.8)
        elif step == "delete":
            store.change(chance.choice(KEYS), None, told=chance.random() < 0.8)
        elif step == "hear":
            store.hear(set(store.told))
        elif step == "noise":  # of what never was, and some things once more
            store.hear([*chance.sample(KEYS, 3), "never/was", "a", "a/"])
        elif step == "list":
            store.list()
        else:
            selected = _small if selected is _all else _all
            store.filter(SMALL if selected is _small else {})
            assert store.hear(["a"]).mode is SyncMode.FULL  # another selection: only a listing can tell
        store.agree(selected)

    store.hear(set(store.told))
    store.agree(selected)
    assert store.replayed(first) == {row["external_id"] for row in live(store.filesync, "eng")}
    before, missed = store.state().data_version, bool(store.untold)
    store.list()
    store.agree(selected)
    assert missed or store.state().data_version == before
    store.filesync.close()


@pytest.fixture
def store(moto_s3, tmp_path):
    """A bucket with two files that was listed once."""
    store = Store(moto_s3, tmp_path)
    store.change("a.txt", b"1")
    store.change("b.txt", b"22")
    store.list()
    yield store
    store.filesync.close()


def test_only_what_is_told_is_looked_at(store):
    """And an event that comes twice changes nothing."""
    store.change("c.txt", b"333")
    result = store.hear(["c.txt"])
    again = store.hear(["c.txt"])

    assert (result.mode, result.api_calls, result.counts.added) == (SyncMode.INCREMENTAL, 1, 1)
    assert (again.changes_uri, again.counts.added, again.files_total) == (None, 0, 3)
    assert store.filesync.sync("eng").mode is SyncMode.FULL  # nobody named a key


def test_what_was_never_listed_is_listed(moto_s3, tmp_path):
    """An event is no inventory."""
    store = Store(moto_s3, tmp_path)
    store.change("a.txt", b"1")
    store.change("b.txt", b"1")

    assert store.hear(["a.txt"]).counts.added == 2
    store.filesync.close()


def test_the_guard_is_asked_and_then_only_a_listing_can_tell(store):
    """Events that empty a bucket are held like a listing that does."""
    store.change("a.txt", None)
    store.change("b.txt", None)
    held = store.hear(["a.txt", "b.txt"], status=SyncStatus.HELD)
    assert held.mode is SyncMode.INCREMENTAL
    assert [row["external_id"] for row in live(store.filesync, "eng")] == ["a.txt", "b.txt"]

    store.change("c.txt", b"333")
    store.hear(["c.txt"], status=SyncStatus.HELD)  # two of three would go: a listing says so too
    store.filesync.approve("eng")
    store.agree()
    store.hear(["c.txt"])  # an approved listing is not known to be of these filters
    assert store.hear(["c.txt"]).mode is SyncMode.INCREMENTAL


def test_what_goes_in_slices_is_held_like_what_goes_at_once(store):
    """Once they come to as much as the guard holds, and whoever tells the rest; then it counts anew."""
    for number in range(20):
        store.change(f"{number}.txt", b"1" * number)
    store.list()
    for number in range(20):
        store.change(f"{number}.txt", None)
    slices = [[f"{number}.txt" for number in range(start, start + 4)] for start in (0, 4, 8)]

    for some in slices[:2]:  # 8 of 22
        assert store.hear(some).mode is SyncMode.INCREMENTAL
    held = store.hear(slices[2], status=SyncStatus.HELD)  # 12 of 22
    assert (held.mode, held.files_removed) == (SyncMode.INCREMENTAL, 4)
    assert "12 of 22" in held.error
    assert store.hear(["12.txt"], status=SyncStatus.HELD).mode is SyncMode.FULL  # all of them
    for number in range(12, 20):
        store.change(f"{number}.txt", b"back")
    assert store.hear(status=SyncStatus.HELD).mode is SyncMode.FULL  # 12 of 22 again
    store.filesync.approve("eng")
    assert store.hear(["a.txt"]).mode is SyncMode.FULL
    store.change("12.txt", None)
    assert store.hear(["12.txt"]).mode is SyncMode.INCREMENTAL  # 1 of 10
    store.agree()


def test_what_was_rejected_is_looked_at_again(store):
    """Its events were acknowledged: nobody tells of it again."""
    store.change("c.txt", b"333")
    store.change("a.txt", None)
    store.change("b.txt", None)
    store.hear(["a.txt", "b.txt", "c.txt"], status=SyncStatus.HELD)
    store.filesync.reject("eng")
    for key in ("a.txt", "b.txt", "d.txt"):
        store.change(key, b"1")

    assert store.hear(["d.txt"]).mode is SyncMode.FULL
    store.agree()


def test_a_renamed_file_that_both_events_tell_of_is_moved(store):
    """As when a listing finds it."""
    store.change("b.txt", None)
    store.change("folder/b.txt", b"22")

    assert store.hear(["b.txt", "folder/b.txt"]).counts.moved == 1
    store.agree()


def test_drift_is_what_no_event_told_although_there_was_time(store, monkeypatch):
    """What was written late, or deleted, may still be told; nothing is drift where no event ever came."""
    store.change("c.txt", b"1", told=False)
    assert store.list().feed_drift is None

    store.change("d.txt", b"1")
    store.hear(["d.txt"])
    time.sleep(1.1)  # a store tells seconds
    store.change("e.txt", b"1", told=False)
    store.change("a.txt", None, told=False)
    store.change("b.txt", None, told=False)
    assert store.list().feed_drift == 0
    store.change("e.txt", b"22", told=False)
    store.hear(["a.txt"])

    monkeypatch.setattr(feed_drift, "EVENT_DELAY_MAX", timedelta(seconds=-5))
    assert store.list().feed_drift == 2  # e.txt, and b.txt that went long ago
    assert store.list().feed_drift == 0


def test_what_events_themselves_told_is_no_drift(store, monkeypatch):
    """They may start the listing that is due, and be older than the time that they have."""
    store.change("c.txt", b"1")
    store.hear(["c.txt"])
    store.filesync.close()
    store.reopen({**store.entry, "reconcile": {"interval_hours": 1e-6}})
    time.sleep(1.1)  # a store tells seconds
    store.change("d.txt", b"4444")
    store.change("a.txt", None)
    monkeypatch.setattr(feed_drift, "EVENT_DELAY_MAX", timedelta(seconds=-5))

    result = store.hear(["a.txt", "d.txt"])
    assert (result.mode, result.counts.added, result.counts.removed, result.feed_drift) == (SyncMode.FULL, 1, 1, 0)
    assert store.list().feed_drift == 0


def test_what_was_held_after_events_is_no_drift(store, monkeypatch):
    """The listing that comes while it is held finds it again, and nobody waits to be told of it."""
    store.change("c.txt", b"1")
    store.hear(["c.txt"])
    for key in ("a.txt", "b.txt"):
        store.change(key, None)
    store.hear(["a.txt", "b.txt"], status=SyncStatus.HELD)
    store.hear(["c.txt"], status=SyncStatus.HELD)
    store.filesync.approve("eng")

    monkeypatch.setattr(feed_drift, "EVENT_DELAY_MAX", timedelta(seconds=-5))
    assert store.list().feed_drift == 0


def test_only_an_endpoint_that_a_queue_serves_can_drift(store, monkeypatch):
    """Another queue may be there, for others."""
    monkeypatch.setattr(feed_drift, "EVENT_DELAY_MAX", timedelta(seconds=-5))
    store.change("c.txt", b"1")
    store.hear(["c.txt"])
    store.filesync.close()
    other = {**store.entry, "name": "other"}
    store.project.config.write_text(
        json.dumps({"queues": [{**QUEUE, "endpoints": ["other"]}], "endpoints": [store.entry, other]})
    )
    store.filesync = store.project.open()
    time.sleep(1.1)  # a store tells seconds
    store.change("d.txt", b"1", told=False)

    assert store.list().feed_drift is None


def test_a_listing_that_was_resumed_says_so(moto_s3, tmp_path, monkeypatch):
    """An event that came since it began may be about a part that was read before: it must be looked up once more."""
    monkeypatch.setattr(listing, "CHECKPOINT_SECONDS", -1)
    store = Store(moto_s3, tmp_path)
    store.entry["endpoint_details"] |= {"page_size": 2, "list_workers": 1}
    store.reopen(store.entry)
    for number in range(8):
        store.change(f"{number}.txt", b"1")
    assert not store.list().resumed
    assert store.filesync.sync("eng", full=True, on_progress=_fails_after(4)).status is SyncStatus.FAILED
    store.change("0.txt", None)

    assert store.filesync.sync("eng", keys=["0.txt"]).resumed
    assert not store.hear(["0.txt"]).resumed
    store.agree()
    store.filesync.close()


def _fails_after(files):
    def watch(progress):
        if progress.files >= files:
            raise TemporarilyDown("The store went away.")

    return watch
