"""A subscription of Google Cloud Pub/Sub."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from filesync_dagster.config import PubSubQueue
from filesync_dagster.connectors.gcs.credentials import CloudTokenMint
from filesync_dagster.connectors.gcs.errors import REASONS, REPORT, STATUSES, refusal_error
from filesync_dagster.connectors.rest.answers import parse_object
from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import ConnectionDefaults, httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls, credential_hash
from filesync_dagster.core.errors import AccessDenied, NotFound, ProtocolViolation
from filesync_dagster.core.model import Meter
from filesync_dagster.sync.events.inbox import Message

SCOPE: Final = "https://www.googleapis.com/auth/pubsub"
PULL_MAX: Final = 1000  # messages in one call
IDS_AT_ONCE: Final = 500  # receipts in one call: each has some hundred bytes
READ_TIMEOUT_SECONDS: Final = 100.0  # a pull may wait as long as the service likes
CHECK_SUBSCRIPTION: Final = "Check subscription, and that the API of Pub/Sub is enabled in its project."
GRANT: Final = "Give the account the role Pub/Sub Subscriber on the subscription."
TABLE: Final = ErrorTable(
    REASONS, {**STATUSES, 403: (AccessDenied, GRANT), 404: (NotFound, CHECK_SUBSCRIPTION)}, REPORT
)


class PubSubInbox:
    """Pulls, hides and acknowledges messages."""

    def __init__(self, queue: PubSubQueue) -> None:
        self._queue = queue
        self._where = f"Subscription {queue.subscription}"
        self.hold_seconds = queue.ack_seconds / 3
        details = ConnectionDefaults(
            verify_tls=queue.verify_tls, ca_bundle=queue.ca_bundle, read_timeout=READ_TIMEOUT_SECONDS
        )
        self._client = pooled_client(details, connections=2)
        self._calls: Calls | AuthorizedCalls
        name = _identity(queue)
        if queue.anonymous:
            self._calls = Calls(Meter(), tenant_of(name))
        else:
            mint = CloudTokenMint(queue, self._client, SCOPE).mint
            self._calls = AuthorizedCalls(Meter(), tenant_of(name), mint, name)

    def depth(self) -> int:
        """Return 1 when a message waits, else 0: the service itself counts none.

        One is taken and given back at once, so it counts as delivered once more.
        """
        taken = self._pull(1)
        self._each("modifyAckDeadline", taken, ackDeadlineSeconds=0)
        return len(taken)

    def receive(self, most: int) -> Sequence[Message]:
        """Pull until nothing comes; hide what came for as long as the configuration says."""
        found: dict[str, Message] = {}
        while len(found) < most:
            some = self._pull(min(most - len(found), PULL_MAX))
            self._each("modifyAckDeadline", some, ackDeadlineSeconds=self._queue.ack_seconds)
            known = len(found)
            found |= {message.id: message for message in some}  # it may come twice; the later receipt is the good one
            if len(found) == known:
                break
        return list(found.values())

    def hold(self, messages: Sequence[Message]) -> None:
        """Hide them for as long again."""
        self._each("modifyAckDeadline", messages, ackDeadlineSeconds=self._queue.ack_seconds)

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Acknowledge them. The service does not say which of them came too late: those come again."""
        self._each("acknowledge", messages)
        return len(messages)

    def send(self, body: bytes) -> None:
        """Publish to the topic of the subscription."""
        topic = self._ask("GET", self._queue.subscription, None).get("topic")
        if not isinstance(topic, str) or not topic.startswith("projects/"):
            raise NotFound(f"{self._where} has lost its topic.", hint=CHECK_SUBSCRIPTION)
        self._ask("POST", f"{topic}:publish", {"messages": [{"data": b64encode(body).decode()}]})

    def close(self) -> None:
        """Close the connections. What was not acknowledged comes again when its time is over."""
        self._client.close()

    def _pull(self, most: int) -> list[Message]:
        # Without returnImmediately a pull of an empty subscription waits for a minute and a half.
        answer = self._ask("POST", f"{self._queue.subscription}:pull", {"maxMessages": most, "returnImmediately": True})
        return [self._message(entry) for entry in answer.get("receivedMessages", ())]

    def _message(self, entry: Any) -> Message:
        try:
            receipt, message = entry["ackId"], entry["message"]
            number, data = message["messageId"], message.get("data", "")
            attributes = message.get("attributes", {})
            content = b64decode(data)
        except (KeyError, TypeError, AttributeError, ValueError, Base64Error) as exc:
            raise ProtocolViolation(f"{self._where} sent a message that cannot be read.", hint=REPORT) from exc
        if isinstance(attributes, dict) and "bucketId" in attributes:
            content = orjson.dumps({"attributes": attributes})
        return Message(str(number), content, str(receipt))

    def _each(self, call: str, messages: Sequence[Message], **more: Any) -> None:
        for some in _parts([message.receipt for message in messages]):
            self._ask("POST", f"{self._queue.subscription}:{call}", {"ackIds": some, **more})

    def _ask(self, method: str, path: str, payload: Mapping[str, Any] | None) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            bearer = self._calls.headers() if isinstance(self._calls, AuthorizedCalls) else {}
            content = None if payload is None else orjson.dumps(payload)
            headers = {"content-type": "application/json", **bearer} if content else bearer
            with httpx_border(self._where):
                answer = self._client.request(
                    method, f"{self._queue.base_url}/v1/{path}", content=content, headers=headers
                )
            if not answer.is_success:
                raise refusal_error(self._where, answer.status_code, answer.headers, answer.content, TABLE)
            return parse_object(answer.content, self._where, REPORT)

        return self._calls(once)


def _identity(queue: PubSubQueue) -> str:
    key = queue.service_account_json
    return credential_hash(
        "pubsub",
        queue.base_url,
        queue.service_account_file,
        None if key is None else key.get_secret_value(),
        str(queue.use_default_credentials),
    )


def _parts(receipts: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(receipts), IDS_AT_ONCE):
        yield list(receipts[start : start + IDS_AT_ONCE])
