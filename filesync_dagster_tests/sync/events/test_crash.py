"""kill -9 between the commit and the acknowledgement; and thousands of messages as badly sent as can be."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.sync.events.conftest import Place
from filesync_dagster_tests.sync.events.queues import Rabbit, Sqs, event_bridge, minio_event, s3_event, sns
from filesync_dagster_tests.sync.projects import rows_of

KILLED = """
import os, signal, sys
from filesync_dagster.api import Filesync
from filesync_dagster.sync.events.{module} import {inbox}
from filesync_dagster.sync.events.receive import receive_queue

def die(*arguments):
    os.kill(os.getpid(), signal.SIGKILL)

setattr({inbox}, sys.argv[2], die)
with Filesync.open(sys.argv[1]) as filesync:
    list(receive_queue(filesync.runtime, "events"))
"""


@pytest.mark.parametrize("kind", [pytest.param("sqs", marks=pytest.mark.slow), "rabbitmq"])
def test_a_kill_before_the_acknowledgement_loses_and_doubles_nothing(moto_s3, tmp_path, kind):
    """The message comes again and finds its work done: one row, one line of the journal, one dead message."""
    place = Place(tmp_path, moto_s3, Sqs(moto_s3, visibility_seconds=3) if kind == "sqs" else Rabbit())
    place.put("a.txt")
    place.list()
    place.put("b.txt", b"22")
    place.delete("a.txt")
    place.queue.send(s3_event(place.bucket, "b.txt"), s3_event(place.bucket, "a.txt"), b"nonsense")
    inbox = {"sqs": "SqsInbox", "rabbitmq": "RabbitInbox"}[kind]

    script = KILLED.format(module=kind, inbox=inbox)
    died = subprocess.run(
        [sys.executable, "-c", script, str(place.project.config), "acknowledge"],
        env={**os.environ, **place.project.variables},
        check=False,
    )

    assert died.returncode == -signal.SIGKILL
    assert place.files() == place.there == {"b.txt": 2}
    journal = rows_of(place.filesync.changes("eng"))
    until = time.monotonic() + 90
    while place.queue.left() and time.monotonic() < until:  # nobody has them any more, sooner or later
        place.receive()
        time.sleep(0.2)
    assert place.queue.left() == 0
    assert place.files() == place.there
    assert rows_of(place.filesync.changes("eng")) == journal
    assert sorted(row["change"] for row in journal) == ["added", "removed"]
    assert len(place.dead) == 1
    place.close()


@pytest.mark.parametrize(
    ("kind", "count"),
    # moto has a queue in a Python list
    [
        pytest.param("sqs", 400, marks=pytest.mark.slow),
        pytest.param("rabbitmq", size(4_000, 10_000), marks=pytest.mark.slow),
    ],
)
def test_thousands_of_events_end_in_exactly_the_right_state(moto_s3, tmp_path, kind, count):
    """One in ten comes twice, all in any order, some are no events at all, and the bucket changes meanwhile."""
    chance = random.Random(5)
    place = Place(tmp_path, moto_s3, Sqs(moto_s3) if kind == "sqs" else Rabbit())
    place.queue_entry = {**place.queue_entry, "batch": count * 2 // 5}
    place.reopen()
    keys = [f"{folder}/{number:03} é+.txt" for folder in "abc" for number in range(min(count // 20, 100))]
    for key in keys[::2]:
        place.put(key)
    place.list()
    for number in range(min(count // 4, 600)):
        key = chance.choice(keys)
        place.delete(key) if chance.random() < 0.3 else place.put(key, b"x" * (number % 17))
    changed = sorted(place.there.keys() | set(keys))
    some = count * 9 // 10 - len(changed)
    messages = [_event(place.bucket, chance.choice(changed), chance) for _ in range(some)]
    messages += [_event(place.bucket, key, chance) for key in changed]
    messages += chance.sample(messages, count * 9 // 100)
    messages += [chance.choice([b"", "{", {"Records": [{}]}, {"Event": "s3:TestEvent"}]) for _ in range(count // 100)]
    messages = [message or "nothing" for message in messages]
    chance.shuffle(messages)
    assert len(messages) == count
    place.queue.send(*messages)

    batches = place.receive()
    assert sum(batch.messages for batch in batches) >= count  # SQS delivers at least once
    assert place.files() == place.there
    state = place.filesync.runtime.metadata.endpoints.states()["eng"]
    version = state.data_version
    place.list()
    assert place.filesync.runtime.metadata.endpoints.states()["eng"].data_version == version
    assert len({(row["external_id"]) for row in rows_of(place.filesync.files("eng"))}) == len(place.there)
    assert place.queue.left() == 0
    place.close()


def _event(bucket, key, chance):
    name = chance.choice(["ObjectCreated:Put", "ObjectRemoved:Delete", "LifecycleExpiration:Delete"])
    event = s3_event(bucket, key, name=name, sequencer=f"{chance.randrange(16**10):X}")
    return chance.choice([event, event, sns(event), minio_event(bucket, key), event_bridge(bucket, key)])
