"""Topics and subscriptions of Pub/Sub, from which messages are pulled, as one project has them."""

import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.refusals import Refusal

ACK_DEADLINE_SECONDS = 10


@dataclass
class Delivery:
    """A message of a subscription: until when it is hidden, and the receipt of its last delivery."""

    message: dict[str, Any]
    hidden_until: float = 0.0
    receipt: str = ""
    attempts: int = 0


@dataclass
class Subscription:
    """Messages of a topic that nobody has acknowledged."""

    name: str
    topic: str
    ack_seconds: int = ACK_DEADLINE_SECONDS
    waiting: dict[str, Delivery] = field(default_factory=dict)

    def as_document(self) -> dict[str, Any]:
        """Return it as the service describes it."""
        return {"name": self.name, "topic": self.topic, "ackDeadlineSeconds": self.ack_seconds, "state": "ACTIVE"}


class PubSub:
    """Topics and subscriptions of a project, and the notification configurations of buckets. Under the store's lock."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.now = now
        self.topics: set[str] = set()
        self.subscriptions: dict[str, Subscription] = {}
        self.configurations: dict[str, list[dict[str, Any]]] = {}  # by bucket
        self._numbers = 0

    def number(self) -> str:
        """Return a number that nothing else has."""
        self._numbers += 1
        return str(self._numbers)

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str], moment: int) -> str:
        """Give a message to every subscription of a topic; return its id. Raises Refusal."""
        if topic not in self.topics:
            raise Refusal(404, "notFound", f"Resource not found (resource={topic}).")
        message: dict[str, Any] = {
            "data": b64encode(data).decode(),
            "attributes": dict(attributes),
            "messageId": self.number(),
            "publishTime": utc_text(moment),
        }
        for subscription in self.subscriptions.values():
            if subscription.topic == topic:
                subscription.waiting[message["messageId"]] = Delivery(message)
        return str(message["messageId"])

    def subscription(self, name: str) -> Subscription:
        """Return a subscription. Raises Refusal."""
        if name not in self.subscriptions:
            raise Refusal(404, "notFound", f"Resource not found (resource={name.rpartition('/')[2]}).")
        return self.subscriptions[name]
