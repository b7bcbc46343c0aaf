"""A queue of Azure Storage."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import httpx
from lxml import etree

from filesync_dagster.config import AzureQueue
from filesync_dagster.connectors.azure_blob.answers import CODES, STATUSES, refusal_error
from filesync_dagster.connectors.azure_blob.credentials import Credential, mint_token, tenant_key
from filesync_dagster.connectors.rest.calls import Calls
from filesync_dagster.connectors.rest.client import ConnectionDefaults, httpx_border, pooled_client
from filesync_dagster.connectors.rest.errors import ErrorTable, error_for
from filesync_dagster.connectors.rest.limits import tenant_of
from filesync_dagster.connectors.rest.oauth import AuthorizedCalls
from filesync_dagster.connectors.rest.xml import XmlAnswer, parse_xml
from filesync_dagster.core.errors import AccessDenied, NotFound, SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.sync.events.inbox import Message

VERSION: Final = "2021-12-02"
RECEIVE_MAX: Final = 32  # what one call may ask for
MESSAGES: Final = frozenset({"QueueMessagesList"})
DEPTH_HEADER: Final = "x-ms-approximate-messages-count"
RECEIPT_HEADER: Final = "x-ms-popreceipt"
CALLS_AT_ONCE: Final = 8
SAFE: Final = "-_.~"
CHECK_QUEUE: Final = "Check account, base_url and the name of the queue."
GRANT: Final = (
    "Give these credentials the role Storage Queue Data Message Processor on the queue (and Storage Queue Data Reader, "
    "to count), or a signature that may read, update and process."
)
REPORT: Final = "The service changed something, or this is an error of ours: please report it."
MISSING: Final = dict.fromkeys(("QueueNotFound", "QueueBeingDeleted", "ResourceNotFound"), (NotFound, CHECK_QUEUE))
LOST: Final = dict.fromkeys(("MessageNotFound", "PopReceiptMismatch"), (NotFound, CHECK_QUEUE))
TABLE: Final = ErrorTable({**CODES, **MISSING, **LOST}, {**STATUSES, 404: (NotFound, CHECK_QUEUE)}, REPORT)


class AzureQueueInbox:
    """Receives 32 messages in a call; hides and deletes each by itself, several calls at once.

    The receipt of a message is a list of its id and what the service calls its pop receipt, which changes each time
    that it is hidden.
    """

    def __init__(self, queue: AzureQueue) -> None:
        self._queue = queue
        self._where = f"Queue {queue.queue} at {queue.queue_url}"
        self.hold_seconds = queue.visibility_seconds / 3
        address = urlsplit(queue.queue_url)
        self._origin = f"{address.scheme}://{address.netloc}"
        self._path = f"{address.path.rstrip('/')}/{queue.queue}"
        details = ConnectionDefaults(verify_tls=queue.verify_tls, ca_bundle=queue.ca_bundle, read_timeout=30.0)
        self._client = pooled_client(details, connections=CALLS_AT_ONCE)
        self._pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="azure-queue")
        name = tenant_key(queue, queue.queue_url)
        self._calls: Calls | AuthorizedCalls
        if queue.client_secret is None:
            self._credential: Credential | None = Credential.of(queue)
            self._calls = Calls(Meter(), tenant_of(name))
        else:
            self._credential = None
            self._calls = AuthorizedCalls(Meter(), tenant_of(name), lambda: mint_token(queue, self._client), name)

    def depth(self) -> int:
        """Return how many messages can be seen; where they are many, about how many the queue has."""
        seen = len(self._messages({"peekonly": "true", "numofmessages": str(RECEIVE_MAX)}))
        if seen < RECEIVE_MAX:
            return seen
        with self._for_whoever_reads():
            answer = self._ask("GET", "", {"comp": "metadata"})
        counted = answer.headers.get(DEPTH_HEADER, "")
        return max(seen, int(counted)) if counted.isdecimal() else seen

    def receive(self, most: int) -> Sequence[Message]:
        """Receive until a call finds few."""
        found: list[Message] = []
        while len(found) < most:
            count = min(most - len(found), RECEIVE_MAX)
            query = {"numofmessages": str(count), "visibilitytimeout": str(self._queue.visibility_seconds)}
            some = [_message(entry) for entry in self._messages(query)]
            found += some
            if len(some) < count:
                break
        return found

    def hold(self, messages: Sequence[Message]) -> None:
        """Hide them for as long again. What is somebody else's by now stays that."""
        list(self._pool.map(self._hide, messages))

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Delete them."""
        return sum(self._pool.map(self._delete, messages))

    def send(self, body: bytes) -> None:
        """Put a message into the queue, as Event Grid writes it."""
        text = escape(b64encode(body).decode())
        content = f"<QueueMessage><MessageText>{text}</MessageText></QueueMessage>".encode()
        with self._for_whoever_reads():
            self._ask("POST", "/messages", {}, content)

    def close(self) -> None:
        """Close the connections. What was not deleted is seen again when its time is over."""
        self._pool.shutdown()
        self._client.close()

    def _hide(self, message: Message) -> None:
        number, receipt = message.receipt
        query = {"popreceipt": receipt, "visibilitytimeout": str(self._queue.visibility_seconds)}
        try:
            answer = self._ask("PUT", f"/messages/{quote(number, safe=SAFE)}", query)
        except NotFound:
            return
        message.receipt[1] = answer.headers.get(RECEIPT_HEADER, receipt)

    def _delete(self, message: Message) -> bool:
        number, receipt = message.receipt
        try:
            self._ask("DELETE", f"/messages/{quote(number, safe=SAFE)}", {"popreceipt": receipt})
        except NotFound:
            return False
        return True

    def _messages(self, query: Mapping[str, str]) -> list[etree._Element]:
        def error_in(answer: XmlAnswer) -> SourceError:
            return error_for(self._where, 500, TABLE, code=answer.text("Code") or "", message="")

        with self._for_whoever_reads():
            body = self._ask("GET", "/messages", query).content
        answer = parse_xml(body, MESSAGES, self._where, what="messages", hint=REPORT, error_in=error_in)
        return answer.root.findall("QueueMessage")

    @contextmanager
    def _for_whoever_reads(self) -> Iterator[None]:
        try:
            yield
        except AccessDenied as error:
            raise AccessDenied(error.message, hint=GRANT) from error

    def _ask(self, method: str, path: str, query: Mapping[str, str], body: bytes = b"") -> httpx.Response:
        # Completely escaped, so that what is sent is what was signed: receipts hold "+", "/" and "=".
        asked = "&".join(f"{name}={quote(value, safe=SAFE)}" for name, value in query.items())
        target = f"{self._path}{path}{'?' if asked else ''}{asked}"

        def once() -> httpx.Response:
            url, headers = self._signed(method, target, len(body))
            with httpx_border(self._where):
                answer = self._client.request(method, url, content=body or None, headers=headers)
            if not answer.is_success:
                raise refusal_error(self._where, answer.status_code, answer.headers, answer.content, TABLE)
            return answer

        return self._calls(once)

    def _signed(self, method: str, target: str, length: int) -> tuple[str, dict[str, str]]:
        given = {"x-ms-version": VERSION}
        if method in {"PUT", "POST"}:
            given["content-length"] = str(length)
        if self._credential is None:
            assert isinstance(self._calls, AuthorizedCalls)
            return f"{self._origin}{target}", {**given, **self._calls.headers()}
        headers = self._credential.headers(method, target, given)
        return f"{self._origin}{self._credential.address(target)}", headers


def _message(entry: etree._Element) -> Message:
    number, receipt = entry.findtext("MessageId") or "", entry.findtext("PopReceipt") or ""
    return Message(number, _decoded(entry.findtext("MessageText") or ""), [number, receipt])


def _decoded(text: str) -> bytes:
    """Return what a message says: Event Grid writes Base64, people write JSON."""
    try:
        return b64decode(text, validate=True)
    except (Base64Error, ValueError):
        return text.encode("utf-8", "surrogatepass")
