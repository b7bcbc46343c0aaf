"""Alerts as those receive them who are told: by e-mail and by webhook, for real."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.storage.database.queues import DeadMessage
from filesync_dagster.sync.circuit_breaker import FAILURES
from filesync_dagster_tests.sync.memory_store import STORES

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def test_a_failure_is_told_once_and_its_end_once(watched, mailbox, hook):
    """However often it is looked, and however often it fails again."""
    made = watched(mailbox, hook)
    made.sync()
    assert made.alert().told == 0
    for _ in range(2):
        made.sync(fails=True, run_id="run-1")
        made.alert()
        made.alert()
    made.sync(run_id="run-2")
    made.alert()
    made.alert()
    expected = ["filesync: photos: failed", "filesync: photos: recovered (failed)"]
    assert mailbox.subjects == expected
    assert hook.titles == expected
    failure, end = (mail.get_body().get_content() for mail in mailbox.mails)
    assert "The store broke off in 'one' at page 0." in failure
    assert "What to do: `filesync sync photos` tries again at once." in failure
    assert "https://dagster.company.com/runs/run-1" in failure
    assert "https://dagster.company.com/runs/run-2" in end
    assert "The store broke off" in end
    assert [post["type"] for post in hook.posts] == ["failure", "success"]
    assert made.standing() == {}


def test_a_held_sync_is_told_until_it_is_decided(watched, hook):
    """With how to decide."""
    made = watched(hook)
    made.sync()
    for i in range(11):
        STORES["photos"].delete(f"photos-{i}")
    made.sync()
    made.alert()
    assert hook.titles == ["filesync: photos: held"]
    assert hook.posts[0]["type"] == "warning"
    message = hook.posts[0]["message"]
    assert "filesync approve photos" in message
    assert "filesync changes photos --held" in message
    assert "Where: / 11 removed. For example photos-0 (removed)" in message
    with made.open() as filesync:
        filesync.approve("photos")
    made.alert()
    assert hook.titles[1:] == ["filesync: photos: recovered (held)"]


def test_the_kinds_that_are_wanted_are_told(watched, hook):
    """What is not wanted any more is dropped without a word."""
    made = watched(hook)
    made.sync(fails=True)
    made.alert()
    made.alerts = {"kinds": ["held"]}
    made.write(made.endpoint("photos"))
    made.alert()
    assert made.standing() == {}
    assert len(hook.posts) == 1


def test_an_endpoint_that_leaves_is_not_recovered(watched, hook):
    """Nobody mended it."""
    made = watched(hook, names=("photos", "other"))
    made.sync(fails=True)
    made.alert()
    made.write(made.endpoint("photos", is_active=False), made.endpoint("other"))
    made.alert()
    assert made.standing() == {}
    assert hook.titles == ["filesync: photos: failed"]


def test_many_at_once_are_one_message(watched, hook):
    """A network that is down is one event, with a line for each endpoint."""
    names = [f"e{i:02}" for i in range(12)]
    made = watched(hook, names=names)
    for name in names:
        made.sync(name, fails=True)
    made.alert()
    assert hook.titles == ["filesync: 12 new alerts"]
    assert all(f"- {name}: failed" in hook.posts[0]["message"] for name in names)
    made.alert()
    assert len(hook.posts) == 1


def test_a_channel_that_fails_does_not_make_others_hear_twice(watched, mailbox, hook):
    """Who was told is remembered for each channel; the other channels are told of the one that fails."""
    made = watched(mailbox, hook)
    hook.refuses = True
    made.sync(fails=True)
    first = made.alert()
    assert list(first.failures) == ["2 json"]
    assert mailbox.subjects == ["filesync: photos: failed", "filesync: 2 json: channel fails"]
    assert hook.posts == []
    failed = made.standing()["photos", "failed"]
    assert (failed.told, failed.told_at, failed.attempts) == (("1 mailto",), None, 1)
    assert "503" in failed.error or "JSON" in failed.error
    assert "hunter2secret" not in failed.error
    assert made.alert().failures == {}, "it is given a rest"
    hook.refuses = False
    due_at_once(made)
    made.alert()
    assert hook.titles == ["filesync: photos: failed"]
    assert mailbox.subjects[2:] == ["filesync: 2 json: recovered (channel fails)"]
    assert set(made.standing()) == {("photos", "failed")}
    assert made.standing()["photos", "failed"].told_at is not None


def test_the_only_channel_that_fails_is_seen(watched, hook):
    """Nobody can be told, but whoever looks sees it; what was missed is told when it works again."""
    made = watched(hook)
    hook.refuses = True
    made.sync(fails=True)
    made.alert()
    assert ("1 json", "channel") in made.standing()
    hook.refuses = False
    due_at_once(made)
    made.alert()
    assert hook.titles == ["filesync: photos: failed"]
    assert set(made.standing()) == {("photos", "failed")}


def test_what_was_over_before_it_could_be_told_is_told_as_over(watched, hook):
    """It happened, and the message says what it was."""
    made = watched(hook)
    hook.refuses = True
    made.sync(fails=True)
    made.alert()
    hook.refuses = False
    made.sync()
    due_at_once(made)
    made.alert()
    assert hook.titles == ["filesync: photos: recovered (failed)"]
    assert "The store broke off" in hook.posts[0]["message"]


def test_a_transition_while_one_is_told_is_told_too(watched, hook):
    """The second one is not taken for the one that was just sent."""
    made = watched(hook)

    def recover():
        hook.meanwhile = lambda: None
        made.sync()
        with made.open() as filesync:
            from filesync_dagster.monitoring.alerts import update

            update(filesync.runtime)

    hook.meanwhile = recover
    made.sync(fails=True)
    made.alert()
    made.alert()
    assert hook.titles == ["filesync: photos: failed", "filesync: photos: recovered (failed)"]


def test_without_a_channel_alerts_are_kept_for_the_first_one(watched, hook):
    """What is over by then is no news."""
    made = watched(names=("photos", "other"))
    made.sync(fails=True)
    made.sync("other", fails=True)
    made.alert()
    made.sync("other")
    made.alert()
    assert set(made.standing()) == {("photos", "failed")}
    made.channels = [hook.url]
    made.write(made.endpoint("photos"), made.endpoint("other"))
    made.alert()
    assert hook.titles == ["filesync: photos: failed"]


@pytest.mark.parametrize("url", ["nothing://x", "slack://short", "secret:nowhere"])
def test_a_url_that_cannot_be_used_is_a_channel_that_fails(watched, hook, url):
    """The others are told, and nobody sees a traceback."""
    made = watched(url, hook)
    made.sync(fails=True)
    failures = made.alert().failures
    assert len(failures) == 1
    assert hook.titles[0] == "filesync: photos: failed"
    assert len(hook.titles) == 2
    assert hook.titles[1].endswith(": channel fails")


def due_at_once(made):
    """Let what waits for another try wait no longer."""
    with made.open() as filesync:
        for alert in filesync.alerts(standing=False):
            if alert.told_at is None:
                filesync.runtime.metadata.alerts.note_told([alert], alert.told, error=alert.error, wait=-1)


def test_an_endpoint_that_nobody_syncs_is_stale(watched, hook):
    """Half an hour after it was due, when it is due every hour; and never one that only people sync."""
    made = watched(hook, names=())
    made.write(made.endpoint("photos"), made.endpoint("by_hand", schedule="manual"))
    made.sync("photos")
    made.sync("by_hand")
    assert made.alert().told == 0
    long_ago(made, minutes=91)
    made.alert()
    assert hook.titles == ["filesync: photos: stale"]
    assert "https://dagster.company.com/assets/filesync/photos" in hook.posts[0]["message"]
    made.sync("photos")
    made.alert()
    assert hook.titles[1:] == ["filesync: photos: recovered (stale)"]


def test_an_endpoint_that_was_never_synced_is_waited_for(watched, hook):
    """From when it was first seen."""
    made = watched(hook)
    assert made.alert().told == 0
    long_ago(made, minutes=91)
    made.alert()
    assert hook.titles == ["filesync: photos: stale"]
    assert "never synced" in hook.posts[0]["message"]


def test_a_store_that_fails_and_fails_is_told_of_twice(watched, hook):
    """When it begins, when it is left alone, and that both are over."""
    made = watched(hook)
    for _ in range(FAILURES + 1):
        made.sync(fails=True)
        made.alert()
    made.sync()
    made.alert()
    assert hook.titles == [
        "filesync: photos: failed",
        "filesync: photos: breaker open",
        "filesync: photos: recovered (failed, breaker open)",
    ]


def test_nobody_else_tells_what_is_being_told(watched, hook):
    """Whoever looks in the meantime finds it claimed."""
    made = watched(hook)

    def observe():
        hook.meanwhile = lambda: None
        assert made.alert().told == 0

    hook.meanwhile = observe
    made.sync(fails=True)
    made.alert()
    assert hook.titles == ["filesync: photos: failed"]


def test_a_queue_is_told_of(watched, hook):
    """Messages that nobody could use, until none is left; and that it cannot be looked at, until it can, or is gone."""
    made = watched(hook)
    made.queues = [{"name": "events", "type": "rabbitmq", "url": "amqp://127.0.0.1", "queue": "q"}]
    made.write(made.endpoint("photos"))
    with made.open() as filesync:
        filesync.runtime.metadata.queues.dead_letter(
            "events", [DeadMessage("events", "m1", "This is not JSON.", "{", NOON)]
        )
    made.alert()
    assert hook.titles == ["filesync: events: dead messages"]
    assert (
        "1 message of the queue events could not be used. The last reason: This is not JSON."
        in (hook.posts[0]["message"])
    )
    with made.open() as filesync:
        metadata = filesync.runtime.metadata
        metadata.queues.drop_dead_messages([message.id for message in list(metadata.queues.each_dead_message())])
        metadata.queues.note_look("events", None, "No route to host.")
    made.alert()
    assert sorted(hook.titles[1:]) == [
        "filesync: events: queue unreachable",
        "filesync: events: recovered (dead messages)",
    ]
    made.queues = []
    made.write(made.endpoint("photos"))
    made.alert()
    assert made.standing() == {}


def as_dagster(made, **others):
    """Open the configuration as a run of Dagster does."""
    return Filesync.open(made.config, home=made.home, **{"last_good": True, **others})


def standing(filesync):
    """Return what stands."""
    return {(alert.subject, alert.kind) for alert in filesync.alerts()}


def test_who_began_before_an_edit_goes_by_what_it_says_now(watched, hook):
    """A sync that takes long takes nothing back that others have seen since, and tells nothing of what is gone."""
    made = watched(hook, names=("photos", "other", "gone"))
    expected = {("other", "configuration"), ("added", "failed")}
    with as_dagster(made) as run:
        made.write(made.endpoint("photos"), made.endpoint("other", schedul="x"), made.endpoint("added"))
        with as_dagster(made) as sensor:
            STORES["added"].faults.breaks = {"one": 0}
            sensor.sync("added")
            sensor.alert()
        assert standing(run) == expected
        run.alert()
        assert standing(run) == expected
    assert sorted(hook.titles) == ["filesync: added: failed", "filesync: other: wrong configuration"]


def test_a_shell_takes_no_alert_from_an_endpoint_that_goes_on_as_it_was(watched, hook):
    """Its entry is broken, and it still fails: nobody mended it, so nobody is told twice."""
    made = watched(hook, names=("photos", "other"))
    STORES["other"].faults.breaks = {"one": 0}
    with as_dagster(made) as run:
        run.sync("other")
    made.write(made.endpoint("photos"), made.endpoint("other", schedul="x"))
    for last_good in (True, False, True):
        with as_dagster(made, last_good=last_good) as one:
            one.alert()
            assert standing(one) == {("other", "failed"), ("other", "configuration")}
    assert hook.titles == ["filesync: other: wrong configuration, failed"]


def test_maintenance_of_an_endpoint_is_no_sync_of_it(watched, hook):
    """One that is disabled stays so while its old snapshots are deleted, and what was wrong with it is no news."""
    made = watched(hook)
    made.sync(fails=True)
    made.write(made.endpoint("photos", is_active=False))
    with made.open() as filesync:
        metadata = filesync.runtime.metadata
        for purpose, active in (("maintenance", False), ("sync", False), ("maintenance", True)):
            made.write(made.endpoint("photos", is_active=active))
            with metadata.leases.hold(metadata.endpoints.ids()["photos"], purpose=purpose), made.open() as another:
                [status] = another.status()
                assert (status.state, status.running_since is None) == (
                    "failed" if active else "disabled",
                    purpose == "maintenance",
                )
                assert [alert.kind.value for alert in another.alert().raised] == (["failed"] if active else [])


def long_ago(made, **ago):
    """Let the last sync of everything be so long ago, and that it is expected."""
    moment = f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%d %H:%M:%S.%f}"
    with closing(sqlite3.connect(made.home / "filesync.db")) as connection, connection:
        connection.execute("UPDATE endpoint_state SET as_of = ?", [moment])
        connection.execute("UPDATE endpoints SET created_at = ?", [moment])
        connection.execute("UPDATE endpoints SET expected_since = ? WHERE expected_since IS NOT NULL", [moment])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"is_active": False}, {}),
        ({"schedule": "manual"}, {}),
        (None, {}),
        ({"schedule": "cron", "schedule_config": {"cron": "0 0 1 * *"}}, {}),
    ],
)
def test_who_is_watched_again_or_more_closely_is_given_its_time(watched, hook, before, after):
    """Enabled again, back in the file, or due more often than it was: not stale at once, but when it is late."""
    made = watched(hook)
    made.sync()
    made.alert()
    made.write(*([] if before is None else [made.endpoint("photos", **before)]))
    made.alert()
    long_ago(made, days=7)
    assert not made.alert().raised
    made.write(made.endpoint("photos", **after))
    for _ in range(2):
        assert not made.alert().raised
    long_ago(made, days=1)
    assert [alert.kind for alert in made.alert().raised] == ["stale"]


def test_who_is_watched_less_closely_or_was_never_noted_is_late_as_before(watched, hook):
    """A longer interval begins with the last sync; so does what a database says that an earlier version wrote."""
    made = watched(hook)
    made.sync()
    long_ago(made, days=7)
    assert [alert.kind for alert in made.alert().raised] == ["stale"]
    made.write(made.endpoint("photos", schedule_config={"interval_minutes": 120}))
    assert not made.alert().cleared


def test_secrets_are_fetched_only_when_something_is_to_be_told(watched, hook):
    """Most looks find nothing; who keeps the secrets is not asked every minute, and may be away."""
    made = watched("secret:hook")
    made.sync()
    asked = []

    def resolve(name):
        asked.append(name)
        return hook.url

    def observe():
        with Filesync.open(made.config, home=made.home, secrets=resolve) as filesync:
            return filesync.alert().told

    assert (observe(), asked) == (0, [])
    made.sync(fails=True)
    assert (observe(), asked) == (1, ["hook"])
    assert (observe(), asked) == (0, ["hook"])
    assert hook.titles == ["filesync: photos: failed"]
