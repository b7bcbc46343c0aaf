"""Calls of Pub/Sub, and what buckets publish there when their objects change."""

from base64 import b64decode
from typing import Any

import orjson

from filesync_dagster.simulators.gcs.call import GcsCall
from filesync_dagster.simulators.gcs.pubsub import ACK_DEADLINE_SECONDS, Delivery, PubSub, Subscription
from filesync_dagster.simulators.gcs.resources import object_resource
from filesync_dagster.simulators.gcs.store import StoredObject
from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.refusals import Refusal

TOPIC_PREFIX = "//pubsub.googleapis.com/"


def announce(pubsub: PubSub, kind: str, bucket: str, changed: StoredObject, moment: int, **more: str) -> None:
    """Publish what happened to an object to whoever its bucket tells of it."""
    for told in pubsub.configurations.get(bucket, ()):
        if told.get("event_types") and kind not in told["event_types"]:
            continue
        if not changed.name.startswith(told.get("object_name_prefix", "")):
            continue
        attributes = {
            "notificationConfig": f"projects/_/buckets/{bucket}/notificationConfigs/{told['id']}",
            "eventType": kind,
            "payloadFormat": told["payload_format"],
            "bucketId": bucket,
            "objectId": changed.name,
            "objectGeneration": str(changed.generation),
            "eventTime": utc_text(moment),
            **more,
        }
        whole = told["payload_format"] == "JSON_API_V1"
        data = orjson.dumps(object_resource(changed, bucket)) if whole else b""
        pubsub.publish(told["topic"].removeprefix(TOPIC_PREFIX), data, attributes, moment)


def create_topic(call: GcsCall) -> Any:
    """Make a topic."""
    call.store.pubsub.topics.add(call.ids["resource"])
    return {"name": call.ids["resource"]}


def create_subscription(call: GcsCall) -> Any:
    """Make a subscription of a topic."""
    pubsub, payload, name = call.store.pubsub, call.payload(), call.ids["resource"]
    topic = str(payload.get("topic", ""))
    if topic not in pubsub.topics:
        raise Refusal(404, "notFound", f"Resource not found (resource={topic}).")
    if name in pubsub.subscriptions:
        raise Refusal(409, "alreadyExists", f"Resource already exists in the project (resource={name}).")
    made = Subscription(name, topic, int(payload.get("ackDeadlineSeconds", ACK_DEADLINE_SECONDS)))
    pubsub.subscriptions[name] = made
    return made.as_document()


def get_subscription(call: GcsCall) -> Any:
    """Tell of a subscription."""
    return call.store.pubsub.subscription(call.ids["resource"]).as_document()


def publish(call: GcsCall) -> Any:
    """Publish messages to a topic."""
    clock = call.store.clock
    ids = [
        call.store.pubsub.publish(
            call.ids["resource"], b64decode(one.get("data", "")), one.get("attributes", {}), clock.tick()
        )
        for one in call.payload().get("messages", ())
    ]
    if not ids:
        raise Refusal(400, "badRequest", "The value for message_count is too small.")
    return {"messageIds": ids}


def pull(call: GcsCall) -> Any:
    """Deliver messages that nobody works on."""
    pubsub = call.store.pubsub
    subscription = pubsub.subscription(call.ids["resource"])
    most = int(call.payload().get("maxMessages", 0))
    if most < 1:
        raise Refusal(400, "badRequest", "max_messages must be positive.")
    taken = [one for one in subscription.waiting.values() if one.hidden_until <= pubsub.now()][:most]
    for one in taken:
        one.receipt, one.attempts = f"receipt-{pubsub.number()}", one.attempts + 1
        one.hidden_until = pubsub.now() + subscription.ack_seconds
    return {"receivedMessages": [{"ackId": one.receipt, "message": one.message} for one in taken]} if taken else {}


def modify_deadline(call: GcsCall) -> Any:
    """Hide messages for longer, or (0 seconds) no longer."""
    seconds = int(call.payload().get("ackDeadlineSeconds", 0))
    for one in _received(call):
        one.hidden_until = call.store.pubsub.now() + seconds if seconds else 0.0
    return {}


def acknowledge(call: GcsCall) -> Any:
    """Let messages never come again."""
    subscription = call.store.pubsub.subscription(call.ids["resource"])
    for one in _received(call):
        del subscription.waiting[one.message["messageId"]]
    return {}


def create_notification(call: GcsCall) -> Any:
    """Let a bucket tell a topic what happens to its objects."""
    pubsub, payload = call.store.pubsub, call.payload()
    if str(payload.get("topic", "")).removeprefix(TOPIC_PREFIX) not in pubsub.topics:
        raise Refusal(400, "invalid", f"Invalid topic name: {payload.get('topic')}")
    made = {"kind": "storage#notification", "payload_format": "JSON_API_V1", **payload, "id": pubsub.number()}
    pubsub.configurations.setdefault(call.bucket.name, []).append(made)
    return made


def list_notifications(call: GcsCall) -> Any:
    """List whom a bucket tells."""
    found = call.store.pubsub.configurations.get(call.bucket.name, [])
    return {"kind": "storage#notifications", "items": found}


def _received(call: GcsCall) -> list[Delivery]:
    """Return the messages whose last receipts a call names; older receipts are good for nothing."""
    wanted = set(call.payload().get("ackIds", ()))
    if not wanted:
        raise Refusal(400, "badRequest", "No ack ids specified.")
    waiting = call.store.pubsub.subscription(call.ids["resource"]).waiting
    return [one for one in waiting.values() if one.receipt in wanted]
