"""Syncs that are asked for from outside."""

from filesync_dagster.storage.database import Metadata


def waiting(metadata):
    """What waits, without ids and moments."""
    return [(r.endpoint, r.full, r.source) for r in metadata.requests.read()]


def test_a_request_waits_until_it_is_done(metadata):
    """Whoever takes it may die: another one takes it again."""
    assert metadata.requests.ask("drawings", "webhook")
    assert metadata.requests.ask("models", "rest", full=True)

    [taken] = metadata.requests.take(["drawings"])
    [again] = metadata.requests.take(["drawings", "nothing"])
    assert (taken.id, taken.full, taken.taken_at is not None) == (again.id, False, True)
    assert waiting(metadata) == [("drawings", False, "webhook"), ("models", True, "rest")]

    metadata.requests.settle([taken.id])
    assert waiting(metadata) == [("models", True, "rest")]
    assert metadata.requests.take(["drawings"]) == []


def test_hints_that_come_in_bursts_are_one_request(metadata):
    """A waiting request says all that the next one could; a full one says more."""
    assert [metadata.requests.ask("drawings", "webhook") for _ in range(3)] == [True, False, False]
    assert metadata.requests.ask("drawings", "rest", full=True)
    assert not metadata.requests.ask("drawings", "webhook")

    assert waiting(metadata) == [("drawings", False, "webhook"), ("drawings", True, "rest")]
    assert [request.full for request in metadata.requests.take(["drawings", "models"])] == [False, True]


def test_a_hint_after_a_run_began_is_another_request(metadata):
    """What changes while a run lists may not be in its listing."""
    metadata.requests.ask("drawings", "webhook")
    taken = metadata.requests.take(["drawings"])
    assert metadata.requests.ask("drawings", "webhook")

    metadata.requests.settle([request.id for request in taken])
    assert waiting(metadata) == [("drawings", False, "webhook")]


def test_requests_are_there_for_other_processes(metadata, url):
    """Who asks and who takes are not one process."""
    metadata.requests.ask("drawings", "webhook")
    with Metadata.open(url) as other:
        assert waiting(other) == [("drawings", False, "webhook")]
