"""A bucket and a queue that tells of it."""

import json

import pytest

from filesync_dagster.core.model import SyncStatus
from filesync_dagster.sync.events.receive import receive_queue
from filesync_dagster_tests.sync.events.queues import AzureStorageQueue, PubSub, Rabbit, Sqs
from filesync_dagster_tests.sync.projects import Project, live

SLOW_KINDS = ("rabbitmq", "pubsub", "azure_queue")


class Place:
    """Buckets of moto, endpoints on them, and a queue. `there` is what the first bucket has."""

    def __init__(self, folder, server, queue, **entry):
        self.server, self.queue = server, queue
        self.client, self.bucket = server.client(), server.bucket()
        self.there = {}
        self.endpoints = [self.endpoint("eng", guard={"enabled": False}, **entry)]
        self.queue_entry = {**queue.entry, "linger_seconds": 0}
        self.project = Project(folder, *self.endpoints)
        self.filesync = None
        self.reopen()

    def endpoint(self, name, bucket=None, prefix="", **entry):
        """Return the entry of an endpoint."""
        details = self.server.details(bucket or self.bucket, **({"prefix": prefix} if prefix else {}))
        return {"name": name, "type": "s3", "endpoint_details": details, **entry}

    def reopen(self):
        """Write the configuration and open it."""
        if self.filesync:
            self.filesync.close()
        whole = {"settings": {}, "queues": [self.queue_entry], "endpoints": self.endpoints}
        self.project.config.write_text(json.dumps(whole))
        self.filesync = self.project.open()

    def put(self, key, content=b"1"):
        self.client.put_object(Bucket=self.bucket, Key=key, Body=content)
        self.there[key] = len(content)

    def delete(self, key):
        self.client.delete_object(Bucket=self.bucket, Key=key)
        self.there.pop(key, None)

    def list(self, *names):
        """Sync by listing."""
        for name in names or ("eng",):
            result = self.filesync.sync(name)
            assert result.status is SyncStatus.COMPLETED, result.error

    def receive(self):
        """Return the batches of one run."""
        return list(receive_queue(self.filesync.runtime, "events"))

    def files(self, name="eng"):
        """Return the sizes of the live files by key."""
        return {row["external_id"]: row["size"] for row in live(self.filesync, name)}

    @property
    def dead(self):
        """Return the messages that were set aside."""
        return list(self.filesync.runtime.metadata.queues.each_dead_message())

    @property
    def requests(self):
        """Return what was asked for and not taken."""
        waiting = self.filesync.runtime.metadata.requests.read()
        return [(request.endpoint, request.full, request.source) for request in waiting]

    def close(self):
        self.filesync.close()
        self.queue.close()


@pytest.fixture(params=["sqs", *(pytest.param(kind, marks=pytest.mark.slow) for kind in SLOW_KINDS)])
def queue(request):
    """Return an empty queue of each kind; closed by its place."""
    if request.param == "sqs":
        return Sqs(request.getfixturevalue("moto_s3"))
    if request.param == "azure_queue":
        return AzureStorageQueue(request.getfixturevalue("azure_queues"))
    return PubSub() if request.param == "pubsub" else Rabbit()


@pytest.fixture
def place(moto_s3, queue, tmp_path):
    """Return a bucket with two files that was listed once, and a queue of each kind."""
    made = Place(tmp_path, moto_s3, queue)
    made.put("a.txt")
    made.put("b.txt")
    made.list()
    yield made
    made.close()
