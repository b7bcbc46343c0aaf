"""A queue of Amazon SQS."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import boto3.session
from botocore.config import Config

from filesync_dagster.config import SqsQueue
from filesync_dagster.connectors.aws.credentials import aws_session
from filesync_dagster.connectors.aws.errors import botocore_border
from filesync_dagster.core.aws import default_http, send_through
from filesync_dagster.core.errors import AccessDenied, NotFound, SourceError
from filesync_dagster.sync.events.inbox import Message

AT_ONCE = 10  # messages in one call
CALLS_AT_ONCE = 8
WAIT_SECONDS = 1  # a call that does not wait may find nothing though something is there
GRANT = (
    "Grant sqs:ReceiveMessage, sqs:DeleteMessage, sqs:ChangeMessageVisibility and sqs:GetQueueAttributes to these "
    "credentials, or use others."
)
HOST = re.compile(r"https?://sqs\.([a-z0-9-]+)\.amazonaws\.com")

Item = TypeVar("Item")


class SqsInbox:
    """Receives, hides and deletes messages, ten in a call, several calls at once."""

    def __init__(self, queue: SqsQueue) -> None:
        self._queue = queue
        self._where = f"Queue {queue.queue_url}"
        self.hold_seconds = queue.visibility_seconds / 3
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="sqs")
        self._http = default_http(connect_seconds=10, read_seconds=30)
        self._client = _client(queue)
        send_through(self._http, self._client)

    def depth(self) -> int:
        """Return ApproximateNumberOfMessages."""
        names = ["ApproximateNumberOfMessages"]
        answer = self._asked(self._client.get_queue_attributes, AttributeNames=names)
        return int(answer["Attributes"][names[0]])

    def receive(self, most: int) -> Sequence[Message]:
        """Receive until a call finds nothing."""
        found = self._some(most)
        while found and len(found) < most:
            calls = min(CALLS_AT_ONCE, -(-(most - len(found)) // AT_ONCE))
            more = [message for part in self._pool.map(self._some, [most - len(found)] * calls) for message in part]
            found += more
            if len(more) < calls * AT_ONCE // 2:
                break
        return found

    def _some(self, most: int) -> list[Message]:
        answer = self._asked(
            self._client.receive_message,
            MaxNumberOfMessages=min(most, AT_ONCE),
            WaitTimeSeconds=WAIT_SECONDS,
            VisibilityTimeout=self._queue.visibility_seconds,
        )
        return [
            Message(message["MessageId"], message.get("Body", "").encode("utf-8", "surrogatepass"), message)
            for message in answer.get("Messages", [])
        ]

    def hold(self, messages: Sequence[Message]) -> None:
        """Hide them for as long again. What fails comes again, which harms nobody."""
        seconds = {"VisibilityTimeout": self._queue.visibility_seconds}
        self._batches(self._client.change_message_visibility_batch, messages, **seconds)

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Delete them; once more what could not be."""
        left = self._batches(self._client.delete_message_batch, messages)
        left = self._batches(self._client.delete_message_batch, left)
        return len(messages) - len(left)

    def send(self, body: bytes) -> None:
        """Send a message."""
        self._asked(self._client.send_message, MessageBody=body.decode())

    def close(self) -> None:
        """Close the connections. What was not deleted is seen again when its time is over."""
        self._pool.shutdown()
        self._client.close()
        self._http.close()

    def _batches(self, call: Callable[..., Any], messages: Sequence[Message], **more: Any) -> list[Message]:
        """Make a call for each ten messages; return those for which it failed."""

        def one(some: list[Message]) -> list[Message]:
            entries = [{"Id": str(n), "ReceiptHandle": m.receipt["ReceiptHandle"], **more} for n, m in enumerate(some)]
            return [some[int(failed["Id"])] for failed in self._asked(call, Entries=entries).get("Failed", [])]

        return [message for failed in self._pool.map(one, _tens(messages)) for message in failed]

    def _asked(self, call: Callable[..., Any], **parameters: Any) -> Any:
        try:
            with botocore_border(self._where):
                return call(QueueUrl=self._queue.queue_url, **parameters)
        except AccessDenied as error:
            raise AccessDenied(error.message, hint=GRANT) from error
        except SourceError as error:
            if "NonExistentQueue" in error.message or "QueueDoesNotExist" in error.message:
                raise NotFound(f"{self._where} is not there.", hint="Check queue_url and region.") from error
            raise


def _tens(messages: Sequence[Item]) -> Iterable[list[Item]]:
    def cut() -> Iterator[list[Item]]:
        for start in range(0, len(messages), AT_ONCE):
            yield list(messages[start : start + AT_ONCE])

    return cut()


def _client(queue: SqsQueue) -> Any:
    said = HOST.match(queue.queue_url)
    keys = (queue.access_key_id, queue.secret_access_key, queue.session_token)
    key, secret, token = (None if value is None else value.get_secret_value() for value in keys)
    with botocore_border(f"Queue {queue.queue_url}"):
        session = aws_session(queue.profile, use_instance_metadata=queue.use_instance_metadata)
        return boto3.session.Session(botocore_session=session).client(
            "sqs",
            endpoint_url=queue.endpoint_url,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(
                region_name=queue.region or (said[1] if said else None) or "us-east-1",
                retries={"mode": "standard", "total_max_attempts": 4},
                connect_timeout=10,
                read_timeout=30,
                max_pool_connections=CALLS_AT_ONCE + 1,
                defaults_mode="legacy",  # type: ignore[arg-type] # the stub is wrong; "auto" asks the metadata service
            ),
        )
