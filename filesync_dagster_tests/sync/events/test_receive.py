"""From a message in a real queue to a row, and what becomes of messages that nobody can use."""

import json
import traceback
from datetime import timedelta

import pika
import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster.core.errors import ConfigError, SourceError, TemporarilyDown
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.sync import feed_drift, listing
from filesync_dagster.sync.events.inbox import open_inbox
from filesync_dagster.sync.events.receive import queue_depth, receive_queue, requeue
from filesync_dagster.sync.requests import sync_requested
from filesync_dagster_tests.sync.events.conftest import Place
from filesync_dagster_tests.sync.events.queues import (
    TEST_EVENT,
    Cuttable,
    Rabbit,
    Sqs,
    connected,
    event_bridge,
    minio_event,
    s3_event,
    sns,
)
from filesync_dagster_tests.sync.projects import rows_of


@pytest.mark.slow
def test_an_event_becomes_a_row(place):
    """And its message is gone; an event that comes twice, or late, changes nothing."""
    place.put("folder/c d+é.txt", b"333")
    place.delete("a.txt")
    created = s3_event(place.bucket, "folder/c d+é.txt")
    place.queue.send(created, s3_event(place.bucket, "a.txt", name="ObjectRemoved:Delete"))

    [batch] = place.receive()

    assert place.files() == place.there
    [result] = batch.results
    assert (batch.messages, batch.keys, batch.left, batch.dead) == (2, 2, 0, 0)
    assert (result.mode, result.counts.added, result.counts.removed) == (SyncMode.INCREMENTAL, 1, 1)
    assert place.queue.left() == 0

    place.queue.send(created, s3_event(place.bucket, "a.txt"))  # said to be created, which was long ago
    [again] = place.receive()
    assert again.results[0].changes_uri is None
    assert place.files() == place.there
    assert place.receive() == []


@pytest.mark.slow
def test_one_queue_serves_many_endpoints(place):
    """By bucket and prefix; one key may concern several, and some concern none."""
    other = place.server.bucket()
    place.endpoints += [place.endpoint("drawings", prefix="drawings/"), place.endpoint("other", other)]
    place.reopen()
    place.put("drawings/x.dwg")
    place.client.put_object(Bucket=other, Key="y", Body=b"22")
    place.queue.send(
        sns(event_bridge(place.bucket, "drawings/x.dwg")), minio_event(other, "y"), s3_event("bucket-of-others", "z")
    )

    [batch] = place.receive()

    assert place.files() == place.there
    assert place.files("drawings") == {"drawings/x.dwg": 1}
    assert place.files("other") == {"y": 2}
    assert {result.endpoint for result in batch.results} == {"eng", "drawings", "other"}
    assert (batch.keys, batch.unrouted, batch.left) == (3, 1, 0)


def test_a_queue_may_be_for_some_endpoints_only(place):
    """Where two stores have buckets of one name."""
    place.endpoints.append(place.endpoint("drawings", prefix="drawings/"))
    place.queue_entry = {**place.queue_entry, "endpoints": ["drawings"]}
    place.reopen()
    place.put("drawings/x.dwg")
    place.queue.send(s3_event(place.bucket, "drawings/x.dwg"))

    [batch] = place.receive()

    assert [result.endpoint for result in batch.results] == ["drawings"]


def test_poison_is_set_aside_with_its_reason(place):
    """And can be put back, or dropped. What is good in the same batch, and the same message, is done."""
    place.put("c.txt")
    half = s3_event(place.bucket, "c.txt", "nothing")
    del half["Records"][1]["s3"]
    place.queue.send(b"not JSON \x01", half, {"type": "initial", "endpoint": "nobody"}, TEST_EVENT)

    [batch] = place.receive()

    assert (batch.messages, batch.dead, batch.left) == (4, 3, 0)
    assert place.files() == place.there
    assert place.queue.left() == 0
    reasons = " ".join(sorted(message.reason for message in place.dead))
    assert "not JSON" in reasons
    assert "Record 2 names no bucket" in reasons
    assert "no active endpoint 'nobody'" in reasons
    queue = place.filesync.runtime.metadata.queues.records()[0]
    assert (queue.name, queue.received, queue.dead, queue.depth, queue.error) == ("events", 4, 3, 0, None)

    place.endpoints.append(place.endpoint("nobody"))
    place.reopen()
    wanted = next(message for message in place.dead if "nobody" in message.reason)
    assert requeue(place.filesync.runtime, [wanted.id]) == 1
    assert len(place.dead) == 2
    place.receive()
    assert place.requests == [("nobody", True, "events")]


def test_the_id_that_a_publisher_gives_is_not_used(moto_s3, tmp_path):
    """It may be that of another message, or no text."""
    place = Place(tmp_path, moto_s3, Rabbit())
    for body, given in ((b"one", "7"), (b"two", "7"), (b"three", "a\0b")):
        place.queue.channel.basic_publish("", place.queue.queue, body, pika.BasicProperties(message_id=given))
    place.queue.connection.process_data_events(0)

    place.receive()

    assert {message.body for message in place.dead} == {"one", "two", "three"}
    assert all(len(message.message_id) == 64 for message in place.dead)
    place.close()


def test_a_request_waits_for_a_run(place):
    """One for each endpoint, full if anybody wants it full; and a run does it."""
    place.put("c.txt")
    for kind in ("incremental", "initial", "incremental"):
        place.queue.send({"type": kind, "endpoint": "eng"})

    [batch] = place.receive()

    assert (batch.results, batch.requests, place.queue.left()) == ((), 2, 0)
    assert ("eng", True, "events") in place.requests
    [result] = sync_requested(place.filesync.runtime)
    assert (result.endpoint, result.mode, result.counts.added) == ("eng", SyncMode.FULL, 1)
    assert place.requests == []


@pytest.mark.slow
def test_an_endpoint_that_fails_stops_no_queue(place):
    """It is listed once it answers; the messages of others are done, and its own are gone."""
    gone = place.server.bucket()
    place.endpoints.append(place.endpoint("gone", gone))
    place.queue_entry = {**place.queue_entry, "batch": 2}
    place.reopen()
    place.list("eng", "gone")
    place.client.delete_bucket(Bucket=gone)
    place.put("c.txt")
    place.queue.send(*(s3_event(gone, f"{number}") for number in range(5)), s3_event(place.bucket, "c.txt"))

    batches = place.receive()

    assert [r.endpoint for batch in batches for r in batch.results if r.status is SyncStatus.FAILED] == ["gone"]
    assert (sum(batch.left for batch in batches), place.queue.left()) == (0, 0)
    assert place.files() == place.there
    assert place.requests == [("gone", False, "events")]

    place.client.create_bucket(Bucket=gone)
    for key in ("0", "later"):
        place.client.put_object(Bucket=gone, Key=key, Body=b"1")
    place.queue.send(s3_event(gone, "later"))
    place.receive()
    assert place.files("gone") == {"0": 1, "later": 1}


def test_while_another_sync_runs_messages_come_again(place):
    """What it has read already nobody knows."""
    place.queue.send(s3_event(place.bucket, "a.txt"))
    metadata = place.filesync.runtime.metadata

    with metadata.leases.hold(metadata.endpoints.ids()["eng"]):
        [batch] = place.receive()

    assert (batch.left, batch.results[0].busy, place.queue.left()) == (1, True, 1)
    assert place.requests == []


def test_a_listing_that_went_on_is_older_than_the_events(place, monkeypatch):
    """They come again: it had read the place that they tell of before."""
    monkeypatch.setattr(listing, "CHECKPOINT_SECONDS", -1)
    place.endpoints[0]["endpoint_details"] |= {"page_size": 2, "list_workers": 1}
    place.reopen()
    for number in range(6):
        place.put(f"{number}")
    assert place.filesync.sync("eng", on_progress=_fails).status is SyncStatus.FAILED
    place.delete("a.txt")
    place.queue.send(s3_event(place.bucket, "0"))

    [batch] = place.receive()

    assert (batch.results[0].status, batch.left) == (SyncStatus.COMPLETED, 1)
    assert place.queue.left() == 1


def _fails(progress):
    if progress.files >= 4:
        raise TemporarilyDown("The store went away.")


@pytest.mark.parametrize("entry", [{"is_active": False}, pytest.param({"colour": "red"}, marks=pytest.mark.slow)])
def test_who_cannot_hear_is_listed_afterwards(place, entry):
    """An endpoint that is switched off, or broken, finds what events told meanwhile."""
    place.endpoints.append(place.endpoint("drawings", prefix="drawings/"))
    place.reopen()
    place.list("drawings")
    written = {"queues": [place.queue_entry], "endpoints": [place.endpoints[0], place.endpoints[1] | entry]}
    place.project.config.write_text(json.dumps(written))
    place.put("drawings/x")
    place.queue.send(s3_event(place.bucket, "drawings/x"))
    with Filesync(load_config(read_environment(place.project.config, place.project.variables))) as deaf:
        assert sum(batch.left for batch in receive_queue(deaf.runtime, "events")) == 0
    place.endpoints[1] = place.endpoint("drawings", prefix="drawings/")
    place.reopen()
    place.put("drawings/y")
    place.queue.send(s3_event(place.bucket, "drawings/y"))
    place.receive()

    assert place.files("drawings") == {"drawings/x": 1, "drawings/y": 1}


def test_a_batch_is_as_large_as_it_may_be(place):
    """And a run ends after as many messages as it may take."""
    place.queue_entry = {**place.queue_entry, "batch": 20, "run_messages": 45}
    place.reopen()
    for number in range(60):
        place.queue.send(s3_event(place.bucket, f"{number}"))

    batches = place.receive()

    assert max(batch.messages for batch in batches) <= 20
    assert sum(batch.messages for batch in batches) == 45
    place.filesync.close()
    assert place.queue.left() == 15


def test_a_listing_shows_what_events_did_not_tell(place, monkeypatch):
    """The drift of a queue that lost something."""
    place.queue.send(s3_event(place.bucket, "a.txt"))
    place.receive()
    place.delete("b.txt")
    place.list()
    monkeypatch.setattr(feed_drift, "EVENT_DELAY_MAX", timedelta())
    result = place.filesync.sync("eng")

    assert result.feed_drift == 1


def test_a_lost_connection_costs_nothing(moto_s3, tmp_path):
    """What was not acknowledged comes again over the next one; tags of the last one acknowledge nothing there."""
    place = Place(tmp_path, moto_s3, Rabbit())
    proxy = Cuttable()
    place.queue_entry = {**place.queue_entry, "url": proxy.url}
    place.reopen()
    place.queue.send(*(s3_event(place.bucket, f"{number}") for number in range(5)))
    inbox = open_inbox(
        place.filesync.config.queue("events"), place.filesync.runtime.secrets, place.filesync.runtime.metadata.queues
    )
    first = inbox.receive(3)

    proxy.cut()
    inbox.hold(first)
    inbox.acknowledge(first)
    again = inbox.receive(10)

    assert sorted(message.body for message in again) == sorted({message.body for message in again})
    assert len(again) == 5
    assert inbox.acknowledge(first) == 0
    assert inbox.acknowledge(again) == 5
    inbox.close()
    assert place.queue.left() == 0
    place.close()
    proxy.close()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"queue": "not-there-at-all"}, "no such queue"),
        ({"url": "amqp://guest:hunter2@127.0.0.1:5672/"}, "does not know this user"),
        ({"url": "amqp://guest:hunter2@127.0.0.1:1/"}, "cannot be reached"),
        ({"url": "amqp://guest:hunter2@127.0.0.1:port/"}, "cannot be reached"),
        ({"url": "amqp://guest:hunter2#secret@127.0.0.1/"}, "%23"),
        ({"url": "amqp://guest:guest@127.0.0.1:5672/nowhere"}, "virtual host"),
    ],
)
def test_why_a_rabbitmq_does_not_answer(moto_s3, tmp_path, changed, said):
    """In a sentence without the password, and noted for those who look at the queues."""
    connected().close()
    place = Place(tmp_path, moto_s3, Sqs(moto_s3))
    place.queue_entry = {
        "name": "events",
        "type": "rabbitmq",
        "url": "amqp://guest:guest@127.0.0.1:5672/",
        "queue": "q",
    }
    place.queue_entry |= changed
    place.reopen()

    with pytest.raises(SourceError, match=said) as raised:
        queue_depth(place.filesync.runtime, place.filesync.config.queue("events"))

    assert "hunter2" not in "".join(traceback.format_exception(raised.value))
    assert "hunter2" not in repr(place.filesync.config)
    assert said in place.filesync.runtime.metadata.queues.records()[0].error
    place.close()


def test_a_queue_is_made_where_that_is_wanted(moto_s3, tmp_path):
    """And bound to the exchange that a store publishes to."""
    connection = connected()
    channel = connection.channel()
    place = Place(tmp_path, moto_s3, Sqs(moto_s3))
    name = f"filesync-tests-{place.bucket}"
    channel.exchange_declare(name, "fanout")
    place.queue_entry = {
        "name": "events",
        "type": "rabbitmq",
        "url": "amqp://guest:guest@127.0.0.1:5672/",
        "queue": name,
        "declare_queue": True,
        "exchange": name,
    }
    place.reopen()
    assert queue_depth(place.filesync.runtime, place.filesync.config.queue("events")) == 0
    place.put("a.txt")
    channel.basic_publish(name, "bucketlogs", str(minio_event(place.bucket, "a.txt")).replace("'", '"').encode())
    place.receive()

    assert place.files() == place.there
    channel.queue_delete(name)
    channel.exchange_delete(name)
    connection.close()
    place.close()


def test_why_an_sqs_does_not_answer(moto_s3, tmp_path):
    """A queue that is not there, and one of another configuration."""
    place = Place(tmp_path, moto_s3, Sqs(moto_s3))
    place.queue_entry = {**place.queue_entry, "queue_url": f"{moto_s3.endpoint_url}/123456789012/nothing"}
    place.reopen()

    with pytest.raises(SourceError, match="is not there"):
        place.receive()
    with pytest.raises(ConfigError, match="no queue 'others'"):
        queue_depth(place.filesync.runtime, place.filesync.config.queue("others"))
    place.close()


def test_s3_itself_tells_a_queue(moto_s3, tmp_path):
    """The notifications of a bucket, its test event among them, as the service sends them."""
    place = Place(tmp_path, moto_s3, Sqs(moto_s3))
    place.list()
    configuration = {
        "QueueConfigurations": [{"QueueArn": place.queue.arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]}]
    }
    place.client.put_bucket_notification_configuration(Bucket=place.bucket, NotificationConfiguration=configuration)
    place.put("folder/a b+c é.txt", b"22")
    place.put("gone.txt")
    place.delete("gone.txt")

    assert place.queue.left() >= 2
    place.receive()

    assert place.dead == []
    assert place.files() == place.there == {"folder/a b+c é.txt": 2}
    journal = rows_of(place.filesync.changes("eng"))
    assert [row["change"] for row in journal] == ["added"]
    place.close()


def test_a_run_may_wait_for_more(place):
    """What comes while it waits costs no run of its own."""
    place.queue.send(s3_event(place.bucket, "a.txt"))
    batches = receive_queue(place.filesync.runtime, "events", linger=10)

    next(batches)
    place.put("c.txt")
    place.queue.send(s3_event(place.bucket, "c.txt"))
    next(batches)
    batches.close()

    assert place.files() == place.there
