"""From an object to its row under the real daemon: notifications of a bucket through SQS, messages through RabbitMQ."""

import json
import os
import time

import pytest

from filesync_dagster_tests.orchestration.dagster_processes import running_dagster
from filesync_dagster_tests.sync.events.conftest import Place
from filesync_dagster_tests.sync.events.queues import Rabbit, Sqs, minio_event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("dagster")]

PATIENCE = 180


class TwoQueues(Place):
    """A place with a second queue."""

    def __init__(self, folder, server, queue, second):
        self.second = second
        super().__init__(folder, server, queue)

    def reopen(self):
        """Write the configuration with both queues."""
        super().reopen()
        text = self.project.config.read_text()
        self.filesync.close()
        whole = json.loads(text)
        whole["queues"].append({**self.second.entry, "name": "minio", "poll_seconds": 2, "linger_seconds": 5})
        self.project.config.write_text(json.dumps(whole))
        self.filesync = self.project.open()


def test_an_object_becomes_a_row_under_the_real_daemon(moto_s3, tmp_path):
    """Put, told by the store, seen by the sensor, received by a run; deleted, and told by the other queue."""
    place = TwoQueues(tmp_path, moto_s3, Sqs(moto_s3), Rabbit())
    place.queue_entry = {**place.queue_entry, "poll_seconds": 2}
    place.endpoints = [place.endpoint("eng", schedule="manual", guard={"enabled": False})]
    place.reopen()
    place.put("first.txt")
    place.list()
    told = {"QueueConfigurations": [{"QueueArn": place.queue.arn, "Events": ["s3:ObjectCreated:*"]}]}
    place.client.put_bucket_notification_configuration(Bucket=place.bucket, NotificationConfiguration=told)
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

    with running_dagster(place.project.config, {**inherited, **place.project.variables}) as dagster:
        place.put("folder/second.txt", b"22")
        assert _until(lambda: place.files() == place.there)
        place.delete("first.txt")
        place.second.send(
            minio_event(place.bucket, "first.txt", "s3:ObjectRemoved:Delete"), {"type": "initial", "endpoint": "eng"}
        )
        assert _until(lambda: place.files() == place.there)
        assert _until(lambda: place.filesync.syncs("eng", limit=1)[0].mode == "full")  # it was asked for
        assert _until(lambda: place.queue.left() == 0 and place.second.left() == 0)
        assert dagster.partitions("filesync", "eng")["numMaterialized"] == 1

    place.second.close()
    place.close()


def _until(true):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.5)
    return False
