"""Pub/Sub and Event Grid: from a change in a bucket or container to a row, and what such queues refuse."""

import json
import time

import pytest

from filesync_dagster.config.queues import AzureQueue, PubSubQueue
from filesync_dagster.core.errors import AccessDenied, AuthenticationFailed, NotFound, ProtocolViolation
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.simulators.gcs.store import BUCKET
from filesync_dagster.simulators.kit.faults import Fault, Rule
from filesync_dagster.sync.events.azure_queue import AzureQueueInbox
from filesync_dagster.sync.events.pubsub import PubSubInbox
from filesync_dagster.sync.events.receive import receive_queue
from filesync_dagster_tests.sync.events.queues import AzureStorageQueue, PubSub, cloud_event, event_grid
from filesync_dagster_tests.sync.projects import Project, live, rows_of


@pytest.fixture
def pubsub():
    """Yield an empty subscription."""
    made = PubSub()
    yield made
    made.close()


@pytest.fixture
def azure_queue(azure_queues):
    """Yield an empty queue of Azure Storage."""
    made = AzureStorageQueue(azure_queues)
    yield made
    made.close()


def opened(folder, queue, endpoint):
    """Return a project with one endpoint, which was listed once, and a queue."""
    project = Project(folder)
    entry = {**queue.entry, "linger_seconds": 0}
    project.config.write_text(json.dumps({"queues": [entry], "endpoints": [{"name": "eng", **endpoint}]}))
    filesync = project.open()
    assert filesync.sync("eng").status is SyncStatus.COMPLETED
    return filesync


def names(filesync):
    """Return the names that are live."""
    return {row["external_id"] for row in live(filesync, "eng")}


def test_a_bucket_of_google_tells_of_its_objects(tmp_path, pubsub):
    """Written, replaced, moved and deleted: each is looked up, and is in the inventory as it is in the bucket."""
    store = pubsub.simulator.store
    for name in ("a.txt", "b.txt", "c.txt"):
        store.write(name)
    store.pubsub.configurations[BUCKET] = [
        {"id": "1", "topic": f"//pubsub.googleapis.com/{pubsub.topic}", "payload_format": "NONE"},
        {"id": "2", "topic": f"//pubsub.googleapis.com/{pubsub.topic}", "payload_format": "JSON_API_V1"},
    ]
    details = {"bucket": BUCKET, "base_url": pubsub.url, "service_account_json": pubsub.simulator.key_text(pubsub.url)}
    with opened(tmp_path, pubsub, {"type": "gcs", "endpoint_details": details, "guard": {"enabled": False}}) as fs:
        calls = pubsub.simulator.counts["objects.list"]
        store.write("folder/é +%41.txt", b"22")
        store.write("a.txt", b"333")
        store.rename("b.txt", "d.txt")
        store.delete("c.txt")

        [batch] = receive_queue(fs.runtime, "events")

        assert (batch.dead, batch.unrouted, batch.left, pubsub.left()) == (0, 0, 0, 0)
        assert [result.mode for result in batch.results] == [SyncMode.INCREMENTAL]
        assert names(fs) == set(store.listing())
        changes = sorted((row["change"], row["external_id"]) for row in rows_of(fs.changes("eng")))
        assert changes == [
            ("added", "d.txt"),
            ("added", "folder/é +%41.txt"),
            ("modified", "a.txt"),
            ("removed", "b.txt"),
            ("removed", "c.txt"),
        ]
        assert pubsub.simulator.counts["objects.list"] - calls < 10  # looked up, not listed


@pytest.mark.parametrize("event", [event_grid, cloud_event])
def test_event_grid_tells_of_the_blobs_of_a_container(tmp_path, azure_server, azure_queue, event):
    """In both schemas, with names that look encoded and that are."""
    container = azure_server.container()
    client = azure_server.client(container)
    for name in ("a.txt", "b.txt"):
        client.upload_blob(name, b"1")
    details = azure_server.details(container)
    endpoint = {"type": "azure_blob", "endpoint_details": details, "guard": {"enabled": False}}
    with opened(tmp_path, azure_queue, endpoint) as fs:
        client.upload_blob("folder/é +%41.txt", b"22")
        client.delete_blob("a.txt")
        client.upload_blob("moved.txt", b"1")
        client.delete_blob("b.txt")
        moved = {"sourceUrl": f"https://a.dfs.core.windows.net/{container}/b.txt"}
        azure_queue.send(
            event(container, "folder/é +%41.txt"),
            event(container, "a.txt", "BlobDeleted"),
            event(container, "moved.txt", "BlobRenamed", **moved),
        )

        [batch] = receive_queue(fs.runtime, "events")

        assert (batch.dead, batch.left, azure_queue.left()) == (0, 0, 0)
        assert names(fs) == {"folder/é +%41.txt", "moved.txt"}


def test_a_message_that_is_held_is_acknowledged_by_its_new_receipt(azure_queue):
    """Hiding it again gives it another receipt; the old one would delete nothing."""
    inbox = AzureQueueInbox(AzureQueue(**azure_queue.entry))
    azure_queue.send(*(f"message {n}" for n in range(40)))
    assert inbox.depth() == 40

    taken = inbox.receive(100)
    assert sorted(message.body for message in taken) == sorted(f"message {n}".encode() for n in range(40))
    assert (inbox.receive(10), inbox.depth()) == ([], 0)  # they are hidden, and nobody waits for them
    inbox.hold(taken)
    assert inbox.acknowledge(taken) == 40
    assert (inbox.acknowledge(taken[:1]), azure_queue.left()) == (0, 0)  # it is gone

    inbox.send(b"{}")
    assert [message.body for message in inbox.receive(1)] == [b"{}"]
    inbox.close()


@pytest.mark.parametrize(
    ("changed", "errors", "said"),
    [
        ({"queue": "nothing-here"}, NotFound, "Check account, base_url and the name of the queue"),
        ({"account_key": "bm90IHRoZSBrZXk="}, (AccessDenied, AuthenticationFailed), "key|Message Processor"),
    ],
)
def test_why_an_azure_queue_does_not_answer(azure_queue, changed, errors, said):
    """In a sentence that says what to do, and holds no key."""
    inbox = AzureQueueInbox(AzureQueue(**{**azure_queue.entry, **changed}))
    with pytest.raises(errors, match=said) as caught:
        inbox.receive(1)
    assert "bm90IHRoZSBrZXk" not in str(caught.value)
    inbox.close()


@pytest.mark.parametrize("way", ["connection_string", "sas_token"])
def test_other_credentials_of_a_storage_account(azure_queues, azure_queue, way):
    """A connection string, which names the address too, and a signature that may read, update and process."""
    from datetime import UTC, datetime, timedelta

    from azure.storage.queue import QueueSasPermissions, generate_queue_sas

    entry = {name: value for name, value in azure_queue.entry.items() if name != "account_key"}
    key = azure_queue.entry["account_key"]
    if way == "connection_string":
        del entry["account"], entry["base_url"]
        entry[way] = f"AccountName={azure_queue.entry['account']};AccountKey={key};QueueEndpoint={azure_queues}"
    else:
        may = QueueSasPermissions(read=True, update=True, process=True, add=True)
        until = datetime.now(UTC) + timedelta(hours=1)
        entry[way] = generate_queue_sas(entry["account"], entry["queue"], key, permission=may, expiry=until)
    azure_queue.send("{}")
    inbox = AzureQueueInbox(AzureQueue(**entry))
    taken = inbox.receive(5)
    assert (len(taken), inbox.acknowledge(taken), azure_queue.left()) == (1, 1, 0)
    inbox.close()


def test_a_pulled_message_is_hidden_for_as_long_as_the_configuration_says(pubsub):
    """Not for the ten seconds of the subscription; and one that nobody acknowledges comes again."""
    moment = [time.time()]
    pubsub.simulator.store.pubsub.now = lambda: moment[0]
    inbox = PubSubInbox(PubSubQueue(**{**pubsub.entry, "ack_seconds": 300}))
    pubsub.send("a", "b")
    assert inbox.depth() == 1  # the service counts none; that one waits is what the sensor wants to know

    taken = inbox.receive(10)
    assert sorted(message.body for message in taken) == [b"a", b"b"]
    moment[0] += 200
    assert (inbox.receive(10), inbox.depth()) == ([], 0)
    inbox.hold(taken)
    moment[0] += 200
    assert inbox.receive(10) == []
    moment[0] += 101
    again = inbox.receive(10)
    assert {message.id for message in again} == {message.id for message in taken}
    assert (inbox.acknowledge(again), pubsub.left()) == (2, 0)

    inbox.send(b'{"type": "initial", "endpoint": "eng"}')
    assert [message.body for message in inbox.receive(1)] == [b'{"type": "initial", "endpoint": "eng"}']
    inbox.close()


def test_looking_whether_messages_wait_takes_none(pubsub):
    """Whoever receives next gets it at once."""
    inbox = PubSubInbox(PubSubQueue(**pubsub.entry))
    pubsub.send("a")
    assert [inbox.depth() for _ in range(3)] == [1, 1, 1]
    assert len(inbox.receive(1)) == 1
    inbox.close()


@pytest.mark.parametrize(
    ("rule", "error", "said"),
    [
        (Rule(Fault.DENY, "subscriptions.pull"), AccessDenied, "Pub/Sub Subscriber"),
        (None, NotFound, "Check subscription"),
    ],
)
def test_why_a_subscription_does_not_answer(pubsub, rule, error, said):
    """In a sentence that says what to do."""
    entry = dict(pubsub.entry)
    if rule is None:
        entry["subscription"] = "projects/simulated-project/subscriptions/nothing"
    else:
        pubsub.simulator.plan.rules.append(rule)
    inbox = PubSubInbox(PubSubQueue(**entry))
    with pytest.raises(error, match=said):
        inbox.receive(1)
    inbox.close()


def test_a_message_without_a_receipt_is_no_message(pubsub):
    """It could never be acknowledged; the answer is refused, and the queue says why."""
    pubsub.send("a")
    [waiting] = pubsub.simulator.store.pubsub.subscriptions[pubsub.subscription].waiting.values()
    del waiting.message["messageId"]
    inbox = PubSubInbox(PubSubQueue(**pubsub.entry))
    with pytest.raises(ProtocolViolation, match="cannot be read"):
        inbox.receive(1)
    inbox.close()


@pytest.mark.parametrize(
    ("model", "entry", "said"),
    [
        (PubSubQueue, {"subscription": "projects/p/subscriptions/s"}, "one kind of credentials"),
        (PubSubQueue, {"subscription": "events", "anonymous": True}, "subscription"),
        (AzureQueue, {"queue": "events", "account": "a"}, "one kind of credentials"),
        (AzureQueue, {"queue": "events", "account_key": "a2V5"}, "account is missing"),
        (AzureQueue, {"queue": "events", "account": "a", "tenant_id": "t"}, "also need"),
        (AzureQueue, {"queue": "Events!", "account": "a", "account_key": "a2V5"}, "queue"),
        (AzureQueue, {"queue": "events", "connection_string": "nonsense"}, "no connection string"),
    ],
)
def test_an_entry_that_cannot_be_used_says_why(model, entry, said):
    """Before anything is asked of anybody."""
    kind = "pubsub" if model is PubSubQueue else "azure_queue"
    with pytest.raises(ValueError, match=said):
        model(name="events", type=kind, **entry)
