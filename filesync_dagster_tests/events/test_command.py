"""`filesync events`."""

import json

import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync
from filesync_dagster_tests.events.conftest import Place
from filesync_dagster_tests.events.queues import Sqs, s3_event


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


def test_a_queue_that_does_not_answer_is_said(place):
    """And what can be done is done."""
    place.queue_entry = {**place.queue_entry, "queue_url": f"{place.server.endpoint_url}/123456789012/nothing"}
    place.reopen()

    assert "is not there" in run(place, "--receive", code=1)
    assert "is not there" in json.loads(run(place, "--json"))["error"]
