"""Real queues for tests, and messages as stores send them."""

import json
import socket
import threading
import uuid
from base64 import b64encode
from contextlib import ExitStack, suppress
from urllib.parse import quote_plus

import boto3
import pika
import pytest
from azure.storage.queue import QueueClient, TextBase64EncodePolicy
from google.api_core.client_options import ClientOptions
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build

from filesync_dagster.connectors.azure_blob.details import EMULATOR_ACCOUNT, EMULATOR_KEY
from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.servers import AZURITE_VERSION

RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/"


class Sqs:
    """A queue of moto, whose clock is real."""

    kind = "sqs"

    def __init__(self, server, visibility_seconds=120):
        self.client = boto3.client(
            "sqs",
            endpoint_url=server.endpoint_url,
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
            region_name="us-east-1",
        )
        self.url = self.client.create_queue(QueueName=f"events-{uuid.uuid4().hex[:12]}")["QueueUrl"]
        self.arn = self._attribute("QueueArn")
        self.entry = {
            "name": "events",
            "type": "sqs",
            "queue_url": self.url,
            "endpoint_url": server.endpoint_url,
            "access_key_id": server.access_key_id,
            "secret_access_key": server.secret_access_key,
            "visibility_seconds": visibility_seconds,
        }

    def send(self, *bodies):
        """Put messages into the queue."""
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": _text(b)} for n, b in enumerate(bodies[start : start + 10])]
            answer = self.client.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert not answer.get("Failed"), answer

    def left(self):
        """Return how many messages the queue has, those that somebody works on too."""
        return int(self._attribute("ApproximateNumberOfMessages")) + int(
            self._attribute("ApproximateNumberOfMessagesNotVisible")
        )

    def _attribute(self, name):
        return self.client.get_queue_attributes(QueueUrl=self.url, AttributeNames=[name])["Attributes"][name]

    def close(self):
        self.client.delete_queue(QueueUrl=self.url)
        self.client.close()


class Rabbit:
    """A queue of a real RabbitMQ."""

    kind = "rabbitmq"

    def __init__(self):
        self.connection = connected()
        self.channel = self.connection.channel()
        self.queue = f"filesync-tests-{uuid.uuid4().hex[:12]}"
        self.channel.queue_declare(self.queue, durable=True)
        self.entry = {"name": "events", "type": "rabbitmq", "url": RABBITMQ, "queue": self.queue}

    def send(self, *bodies):
        """Publish messages."""
        for body in bodies:
            self.channel.basic_publish("", self.queue, body if isinstance(body, bytes) else _text(body))
        self.connection.process_data_events(0)

    def left(self):
        """Return how many messages are ready."""
        return self.channel.queue_declare(self.queue, passive=True).method.message_count

    def close(self):
        self.channel.queue_delete(self.queue)
        self.connection.close()


class PubSub:
    """A subscription of the simulated Pub/Sub, to whose topic Google's own client publishes."""

    kind = "pubsub"
    topic = "projects/simulated-project/topics/changes"
    subscription = "projects/simulated-project/subscriptions/filesync"

    def __init__(self, **entry):
        self._stack = ExitStack()
        self.simulator = GcsSimulator()
        self.url = self._stack.enter_context(serve_simulator(self.simulator))
        token = self.simulator.issuer.mint("simulated-token", "scope")["access_token"]
        self.projects = self._stack.enter_context(self._client(token)).projects()
        self.projects.topics().create(name=self.topic, body={}).execute()
        self.projects.subscriptions().create(name=self.subscription, body={"topic": self.topic}).execute()
        self.entry = {
            "name": "events",
            "type": "pubsub",
            "subscription": self.subscription,
            "base_url": self.url,
            "service_account_json": self.simulator.key_text(self.url),
            **entry,
        }

    def _client(self, token):
        return build(
            "pubsub",
            "v1",
            credentials=Credentials(token),
            client_options=ClientOptions(api_endpoint=self.url),
            static_discovery=True,
        )

    def send(self, *bodies):
        """Publish messages."""
        messages = [{"data": b64encode(b if isinstance(b, bytes) else _text(b).encode()).decode()} for b in bodies]
        self.projects.topics().publish(topic=self.topic, body={"messages": messages}).execute()

    def left(self):
        """Return how many messages nobody has acknowledged."""
        return len(self.simulator.store.pubsub.subscriptions[self.subscription].waiting)

    def close(self):
        self._stack.close()


class AzureStorageQueue:
    """A queue of Azurite, into which Azure's own client puts messages as Event Grid does."""

    kind = "azure_queue"

    def __init__(self, url, **entry):
        name = f"events-{uuid.uuid4().hex[:12]}"
        key = {"account_name": EMULATOR_ACCOUNT, "account_key": EMULATOR_KEY}
        self.client = QueueClient(
            url, name, credential=key, message_encode_policy=TextBase64EncodePolicy(), api_version=AZURITE_VERSION
        )
        self.client.create_queue()
        given = {"account": EMULATOR_ACCOUNT, "account_key": EMULATOR_KEY, "base_url": url}
        self.entry = {"name": "events", "type": "azure_queue", "queue": name, **given, **entry}

    def send(self, *bodies):
        """Put messages into the queue."""
        for body in bodies:
            self.client.send_message(body.decode() if isinstance(body, bytes) else _text(body))

    def left(self):
        """Return how many messages the queue has, those that somebody works on too."""
        return self.client.get_queue_properties().approximate_message_count

    def close(self):
        self.client.delete_queue()
        self.client.close()


def connected():
    """Return a connection to the RabbitMQ of this machine, or skip the test."""
    try:
        return pika.BlockingConnection(pika.URLParameters(f"{RABBITMQ}?heartbeat=0&socket_timeout=5"))
    except (pika.exceptions.AMQPError, OSError):
        pytest.skip("there is no RabbitMQ with guest/guest on 127.0.0.1:5672")


class Cuttable:
    """A proxy before the broker whose connections can be cut."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"amqp://guest:guest@127.0.0.1:{self.listener.getsockname()[1]}/"
        self.sockets, self.threads = [], []
        self._start(self._accept)

    def _start(self, target, *arguments):
        self.threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self.threads[-1].start()

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                broker = socket.create_connection(("127.0.0.1", 5672))
                self.sockets += [client, broker]
                self._start(self._forward, client, broker)
                self._start(self._forward, broker, client)

    def _forward(self, source, target):
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)

    def cut(self):
        """Break every connection, without a word of the protocol."""
        for end in self.sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self.sockets.clear()

    def close(self):
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        for thread in self.threads:
            thread.join()


def _text(body):
    return body.decode() if isinstance(body, bytes) else body if isinstance(body, str) else json.dumps(body)


def s3_event(bucket, *keys, name="ObjectCreated:Put", source="aws:s3", sequencer="0055AED6DCD90281E5"):
    """Return a notification of S3 about some keys."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": source,
                "awsRegion": "us-east-1",
                "eventTime": "2026-11-01T00:00:00.000Z",
                "eventName": name,
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "all",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {"key": quote_plus(key, safe="/"), "size": 1, "sequencer": sequencer},
                },
            }
            for key in keys
        ]
    }


def minio_event(bucket, key, name="s3:ObjectCreated:Put"):
    """Return what MinIO publishes over AMQP: the event once more at the top, the key with its slashes encoded."""
    inside = s3_event(bucket, key, name=name, source="minio:s3")
    inside["Records"][0]["s3"]["object"]["key"] = quote_plus(key)
    return {"EventName": name, "Key": f"{bucket}/{key}", **inside}


def r2_event(bucket, key, action="PutObject"):
    """Return a notification of Cloudflare R2."""
    event = {
        "account": "3f4b7e3dcab231cbfdaa90a6a28bd548",
        "action": action,
        "bucket": bucket,
        "object": {"key": key},
        "eventTime": "2026-05-24T19:36:44.379Z",
    }
    if action == "CopyObject":
        event["copySource"] = {"bucket": "other", "object": "original"}
    if "Delete" not in action:
        event["object"] |= {"size": 65536, "eTag": "c846ff7a18f28c2e262116d6e8719ef0"}
    return event


def sns(message):
    """Return a message as SNS hands it to SQS."""
    return {"Type": "Notification", "MessageId": str(uuid.uuid4()), "TopicArn": "arn:t", "Message": json.dumps(message)}


def event_bridge(bucket, key, kind="Object Created", **detail):
    """Return an event of EventBridge, whose keys are as they are."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": "aws.s3",
        "detail": {"version": "0", "bucket": {"name": bucket}, "object": {"key": key, "size": 1}, **detail},
    }


def gcs_event(bucket, name):
    """Return the object that a notification of Google Cloud Storage holds."""
    return {"kind": "storage#object", "id": f"{bucket}/{name}/1", "name": name, "bucket": bucket, "generation": "1"}


def event_grid(container, name, kind="BlobCreated", **data):
    """Return an event of Azure's Event Grid, in its own schema."""
    return {
        "topic": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
        "subject": f"/blobServices/default/containers/{container}/blobs/{name}",
        "eventType": f"Microsoft.Storage.{kind}",
        "id": str(uuid.uuid4()),
        "data": {"api": "PutBlob", "blobType": "BlockBlob", **data},
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": "2026-11-01T00:00:00.000Z",
    }


def cloud_event(container, name, kind="BlobCreated", **data):
    """Return the same as a CloudEvent."""
    told = event_grid(container, name, kind, **data)
    return {
        "source": told["topic"],
        "subject": told["subject"],
        "type": told["eventType"],
        "time": told["eventTime"],
        "id": told["id"],
        "specversion": "1.0",
        "data": told["data"],
    }


TEST_EVENT = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-01T00:00:00.000Z", "Bucket": "eng"}
