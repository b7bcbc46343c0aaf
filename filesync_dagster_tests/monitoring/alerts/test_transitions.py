"""What is wrong, and what a look after another makes of it. No database, no clock, nobody who is told."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from filesync_dagster.config import AlertKind, Broken
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.monitoring.alerts import Condition, conditions, transitions
from filesync_dagster.monitoring.alerts.conditions import Expectation, Observation
from filesync_dagster.storage.database import AlertRecord, BreakerRecord, QueueTrouble, SyncRecord
from filesync_dagster.sync.status import EndpointStatus

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WELL = EndpointStatus("a", "A", "s3", "ok", last_success=NOON)


def ended(status, *, at=NOON, **others):
    """Return the log of a sync."""
    return SyncRecord("s1", 1, at - HOUR, at, status, SyncMode.FULL, run_id="run-1", **others)


def seen(status=WELL, *, at=NOON, within=HOUR, known_since=NOON - HOUR, since=None, **others):
    """Return a look at one endpoint, of which a sync every so often is expected."""
    expected = {} if within is None else {status.name: Expectation(within, known_since, since)}
    return Observation(at, [status], expected, **others)


def found(look):
    """Return the kinds of what is wrong, by subject."""
    return {(condition.subject, condition.kind.value) for condition in conditions(look)}


FAILED = replace(WELL, state="failed", last_sync=ended(SyncStatus.FAILED, error_message="Denied. Ask for access."))
HELD = replace(
    WELL, state="held", held_sync_id="s1", last_sync=ended(SyncStatus.HELD, error_message="11 of 12 would go.")
)
OPEN = replace(WELL, state="breaker open", breaker=BreakerRecord(1, "open", 5, NOON, NOON + HOUR, "Down."))
PROBING = replace(OPEN, breaker=replace(OPEN.breaker, state="half_open"))
DRIFTED = replace(WELL, last_full=ended(SyncStatus.COMPLETED, feed_drift=3))


@pytest.mark.parametrize(
    ("what", "look", "expected"),
    [
        ("well", seen(), set()),
        ("failed", seen(FAILED), {("a", "failed")}),
        ("failed, and tried again just now", seen(replace(FAILED, state="running")), {("a", "failed")}),
        ("partial", seen(replace(WELL, last_sync=ended(SyncStatus.PARTIAL, warnings=("denied",)))), set()),
        ("held", seen(HELD), {("a", "held")}),
        ("held, and failed since", seen(replace(HELD, last_sync=FAILED.last_sync, held_sync_id="s0")),
         {("a", "held"), ("a", "failed")}),
        ("breaker open", seen(OPEN), {("a", "breaker_open")}),
        ("breaker probing", seen(PROBING), {("a", "breaker_open")}),
        ("failed twice", seen(replace(WELL, breaker=BreakerRecord(1, failures=2))), set()),
        ("feed drift", seen(DRIFTED), {("a", "feed_drift")}),
        ("no drift", seen(replace(WELL, last_full=ended(SyncStatus.COMPLETED, feed_drift=0))), set()),
        ("in time", seen(at=NOON + HOUR), set()),
        ("stale", seen(at=NOON + HOUR * 1.01), {("a", "stale")}),
        ("in time since it is expected again", seen(at=NOON + 99 * HOUR, since=NOON + 98 * HOUR), set()),
        ("late since it is expected again", seen(at=NOON + 99 * HOUR, since=NOON + 97 * HOUR), {("a", "stale")}),
        ("manual", seen(at=NOON + 99 * HOUR, within=None), set()),
        ("never synced, just configured", seen(replace(WELL, last_success=None, state="never synced")), set()),
        ("never synced, long configured", seen(replace(WELL, last_success=None), at=NOON + HOUR), {("a", "stale")}),
        ("its first sync goes on", seen(replace(WELL, last_success=None, running_since=NOON), at=NOON + HOUR), set()),
        ("a later sync goes on and on", seen(replace(WELL, running_since=NOON), at=NOON + 2 * HOUR), {("a", "stale")}),
        ("disabled", seen(replace(FAILED, state="disabled"), at=NOON + 99 * HOUR), set()),
        ("broken entry", seen(broken=[Broken("b", ("line 3: no.",))]), {("b", "configuration")}),
        ("broken file", seen(unread=["line 1: this is not YAML."]), {("configuration", "configuration")}),
        ("dead messages", seen(queues=[QueueTrouble("q", 2, "not JSON")]), {("q", "dead_messages")}),
        ("no queue", seen(queues=[QueueTrouble("q", 0, None, "No route.")]), {("q", "queue")}),
    ],
)  # fmt: skip
def test_what_is_wrong(what, look, expected):
    """Each kind is seen, and nothing else."""
    assert found(look) == expected, what


@pytest.mark.parametrize(
    ("look", "sentence", "hint"),
    [
        (seen(FAILED), "Denied. Ask for access.", "filesync sync a"),
        (seen(HELD), "11 of 12 would go.", "filesync approve a"),
        (seen(replace(HELD, last_sync=None)), "A sync is held", "filesync reject a"),
        (seen(OPEN), "failed 5 times in a row", "filesync sync a"),
        (seen(DRIFTED), "3 changes", "reconcile"),
        (seen(at=NOON + 2 * HOUR), "2026-06-01 12:00 UTC, more than 60 minutes ago", "daemon"),
        (seen(replace(WELL, last_success=None), at=NOON + 2 * HOUR), "never synced", "daemon"),
        (seen(queues=[QueueTrouble("q", 1, "not JSON")]), "1 message of the queue q could not be used.",
         "filesync events --dead"),
        (seen(broken=[Broken("b", ("x:3: no.",), kept=True)]), "x:3: no.", "last in order is what runs"),
    ],
)  # fmt: skip
def test_each_says_what_is_wrong_and_what_to_do(look, sentence, hint):
    """A person who is called at night can act on it."""
    [condition] = conditions(look)
    assert sentence in condition.sentence
    assert hint in condition.hint


def alert(kind, subject="a", raised_at=NOON):
    """Return an alert that stands."""
    return AlertRecord(subject, kind, raised_at, "It was so.")


EARLIER = replace(WELL, last_sync=ended(SyncStatus.COMPLETED))
LATER = replace(WELL, last_sync=ended(SyncStatus.COMPLETED, at=NOON + HOUR))


@pytest.mark.parametrize(
    ("what", "standing", "wrong", "status", "raised", "cleared", "dropped"),
    [
        ("nothing", [], [], WELL, [], [], []),
        ("it breaks", [], ["failed"], WELL, ["failed"], [], []),
        ("it stays", ["failed"], ["failed"], WELL, [], [], []),
        ("it heals", ["failed"], [], LATER, [], ["failed"], []),
        ("it gets worse", ["failed"], ["failed", "breaker_open"], WELL, ["breaker_open"], [], []),
        ("one of two heals", ["failed", "held"], ["held"], WELL, [], ["failed"], []),
        ("one for another", ["failed"], ["held"], WELL, ["held"], ["failed"], []),
        ("it is disabled", ["failed", "crashed"], [], replace(WELL, state="disabled"), [], [], ["crashed", "failed"]),
        ("its entry is broken", ["failed"], ["configuration"], replace(WELL, state="broken"), ["configuration"], [],
         ["failed"]),
        ("its entry is mended", ["configuration"], [], WELL, [], ["configuration"], []),
        ("a crash stays until a sync has ended", ["crashed"], [], WELL, [], [], []),
        ("one that had ended before", ["crashed"], [], EARLIER, [], [], []),
        ("one that ended since", ["crashed"], [], LATER, [], ["crashed"], []),
        ("however it ended", ["crashed"], ["failed"], replace(LATER, last_sync=replace(FAILED.last_sync,
         sync_completed=NOON + HOUR)), ["failed"], ["crashed"], []),
        ("a channel speaks for itself", ["channel"], [], WELL, [], [], []),
    ],
)  # fmt: skip
def test_transitions(what, standing, wrong, status, raised, cleared, dropped):
    """What stands and what is wrong make what is told."""
    conditions = [Condition("a", AlertKind(kind), "It is so.") for kind in wrong]
    came = transitions([alert(kind) for kind in standing], conditions, [status])
    assert [condition.kind for condition in came.raised] == raised, what
    assert [alert.kind for alert, _ in came.cleared] == cleared, what
    assert sorted(alert.kind for alert in came.dropped) == dropped, what


def test_a_job_that_crashed_stands_whatever_the_endpoints_do():
    """Only a run of it can clear it."""
    assert transitions([alert("crashed", "job reports")], [], [LATER]) == transitions([], [], [])


def test_what_is_not_wanted_is_neither_raised_nor_kept():
    """The rest is."""
    wrong = [Condition("a", AlertKind.FAILED, "x"), Condition("a", AlertKind.HELD, "x")]
    came = transitions([alert("stale"), alert("failed", "gone")], wrong, [WELL], kinds=(AlertKind.HELD,))
    assert [condition.kind for condition in came.raised] == ["held"]
    assert {alert.kind for alert in came.dropped} == {"stale", "failed"}
    assert came.cleared == []


def test_a_recovery_names_the_run_that_brought_it():
    """The link leads to where it went well."""
    assert [run_id for _, run_id in transitions([alert("failed")], [], [LATER]).cleared] == ["run-1"]
