"""`filesync events`."""

import json

import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync
from filesync_dagster_tests.sync.events.conftest import Place
from filesync_dagster_tests.sync.events.queues import Sqs, s3_event


@pytest.fixture
def place(moto_s3, tmp_path):
    """Return a bucket that was listed, and a queue that tells of it."""
    made = Place(tmp_path, moto_s3, Sqs(moto_s3))
    made.put("a.txt")
    made.list()
    yield made
    made.close()


def run(place, *arguments, code=0):
    """Run the command and return what it prints."""
    shell = CliRunner().invoke(
        filesync, ["--config", str(place.project.config), "events", *arguments], env=place.project.variables
    )
    assert shell.exit_code == code, shell.output
    return shell.output


def test_the_queues_are_shown(place):
    """With what waits now; looking takes nothing."""
    place.queue.send(s3_event(place.bucket, "a.txt"))

    [shown] = [json.loads(line) for line in run(place, "--json").splitlines()]

    assert (shown["queue"], shown["type"], shown["depth"], shown["received"]) == ("events", "sqs", 1, 0)
    assert "events  sqs " in run(place, "events")
    assert "no queue 'nope'" in run(place, "nope", code=1)


def test_messages_are_received_without_dagster(place):
    """What is named is synced, and what was asked for, and poison is told."""
    place.put("b.txt")
    place.endpoints.append(place.endpoint("second"))
    place.reopen()
    place.queue.send(s3_event(place.bucket, "b.txt"), {"type": "initial", "endpoint": "second"}, "nonsense")

    said = run(place, "--receive")

    assert "eng: completed, 1 added" in said
    assert "second: completed, 2 added" in said
    assert "1 message could not be used" in said
    assert place.files() == place.there
    assert place.requests == []


@pytest.mark.slow
def test_dead_messages_are_listed_and_decided(place):
    """By their numbers."""
    place.queue.send("nonsense", "more nonsense")
    run(place, "--receive")
    dead = [json.loads(line) for line in run(place, "--dead", "--json").splitlines()]

    assert [(m["queue"], m["body"]) for m in dead] == [("events", "nonsense"), ("events", "more nonsense")]
    assert "It is not JSON" in run(place, "--dead")
    assert "1 message put back" in run(place, "--requeue", str(dead[0]["id"]))
    assert place.queue.left() == 1
    assert "1 message dropped" in run(place, "--drop", str(dead[1]["id"]))
    assert "no dead message 4711" in run(place, "--drop", "4711", code=1)
    assert place.dead == []
    assert "do not go together" in run(place, "--dead", "--receive", code=2)


def test_all_dead_messages_are_dropped_at_once(place):
    """Then nothing is red any more; a number that no database has is a mistake in the command."""
    place.queue.send(*(f"nonsense {number}" for number in range(3)))
    run(place, "--receive")
    assert json.loads(run(place, "--json"))["dead"] == 3

    assert "not in the range" in run(place, "--drop", "100000000000000000000", code=2)
    assert "not in the range" in run(place, "--requeue", "100000000000000000000", code=2)
    assert "3 messages dropped" in run(place, "--drop", "all")
    assert (place.dead, json.loads(run(place, "--json"))["dead"]) == ([], 0)


def test_what_a_queue_left_behind_is_seen_after_it_is_gone(place):
    """With its name or without; it can be dropped, and a name that nobody knows is still a mistake."""
    place.queue.send("nonsense")
    run(place, "--receive")
    place.project.config.write_text(json.dumps({"endpoints": place.endpoints}))

    for names in ((), ("events",)):
        [dead] = [json.loads(line) for line in run(place, *names, "--dead", "--json").splitlines()]
        assert dead["body"] == "nonsense"
        assert "not in the configuration" in json.loads(run(place, *names, "--json"))["error"]
    assert "no queue 'nope'" in run(place, "nope", "--dead", code=1)
    assert "1 message dropped" in run(place, "events", "--drop", "all")
    assert run(place, "--json") == ""


def test_keys_that_no_endpoint_is_for_are_said_and_counted(place):
    """A prefix that was written wrong swallows events: that is to be seen."""
    place.endpoints[0] = place.endpoint("eng", prefix="drawing/")
    place.reopen()
    place.queue.send(s3_event(place.bucket, "drawings/a.txt"), s3_event(place.bucket, "drawings/b.txt"))

    assert "2 keys that no endpoint is for" in run(place, "--receive")
    assert json.loads(run(place, "--json"))["unrouted"] == 2


def test_a_queue_that_does_not_answer_is_said(place):
    """And what can be done is done."""
    place.queue_entry = {**place.queue_entry, "queue_url": f"{place.server.endpoint_url}/123456789012/nothing"}
    place.reopen()

    assert "is not there" in run(place, "--receive", code=1)
    assert "is not there" in json.loads(run(place, "--json"))["error"]


def test_an_edit_that_breaks_something_loses_no_event(place):
    """What an entry said before goes on; a queue that never could be used is told, and the others are done."""
    run(place)
    place.put("b.txt")
    place.queue.send(s3_event(place.bucket, "b.txt"))
    place.endpoints[0]["colour"] = "red"
    never = {**place.queue_entry, "name": "never", "visibility_seconds": 0}
    place.project.config.write_text(json.dumps({"queues": [place.queue_entry, never], "endpoints": place.endpoints}))

    said = run(place, "--receive", code=1)

    assert "eng: completed, 1 added" in said
    assert "visibility_seconds" in said


def test_a_secret_that_is_not_there_is_no_reason_to_leave_the_other_queues(place):
    """The queue says so itself."""
    place.put("b.txt")
    place.queue.send(s3_event(place.bucket, "b.txt"))
    locked = {"name": "locked", "type": "rabbitmq", "url": "secret:nowhere", "queue": "q"}
    queues = [locked, place.queue_entry]
    place.project.config.write_text(json.dumps({"queues": queues, "endpoints": place.endpoints}))

    said = run(place, "--receive", code=1)

    assert "could not be read" in said
    assert "eng: completed, 1 added" in said
    assert "could not be read" in run(place)
    assert "could not be read" in place.filesync.runtime.metadata.queues.records()[1].error
