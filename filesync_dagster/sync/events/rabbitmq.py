"""A queue of RabbitMQ."""

import hashlib
import logging
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pika
import pika.exceptions

from filesync_dagster.config import RabbitQueue
from filesync_dagster.core.errors import (
    AccessDenied,
    AuthenticationFailed,
    NotFound,
    SourceError,
    TemporarilyDown,
    Unreachable,
)
from filesync_dagster.sync.events.inbox import Message

WAIT_SECONDS = 0.5  # without a message, the queue is empty
HEARTBEAT_SECONDS = 60
MOST_UNACKNOWLEDGED = 65_535  # what the protocol can say

logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it warns of, it raises too


class RabbitInbox:
    """Consumes with a prefetch of one batch and acknowledges by hand. Connects anew when the connection is lost."""

    hold_seconds = 5.0

    def __init__(self, queue: RabbitQueue) -> None:
        self._queue = queue
        self._where = f"Queue {queue.queue}"
        self._connection: Any = None
        self._channel: Any = None
        self._opened = 0  # how often: a delivery tag is of one channel

    def depth(self) -> int:
        """Return the messages that are ready."""
        with self._border():
            return int(self._ready().queue_declare(self._queue.queue, passive=True).method.message_count)

    def receive(self, most: int) -> Sequence[Message]:
        """Take what comes until nothing does for a moment; from a new connection when the last one was lost."""
        with self._border():
            try:
                return self._consumed(most)
            except pika.exceptions.AMQPConnectionError:
                self.close()
                return self._consumed(most)

    def _consumed(self, most: int) -> list[Message]:
        channel = self._ready()
        found: list[Message] = []
        for method, _, body in channel.consume(self._queue.queue, inactivity_timeout=WAIT_SECONDS):
            if method is None:
                break
            # Not the publisher's id: it may be none, any bytes, or that of another message.
            found.append(Message(hashlib.sha256(body).hexdigest(), body, (self._opened, method.delivery_tag)))
            if len(found) >= most:
                break
        return found

    def hold(self, messages: Sequence[Message]) -> None:
        """Answer the heartbeats of the broker."""
        with suppress(pika.exceptions.AMQPError):  # when it is lost, all of it comes again
            if self._connection is not None:
                self._connection.process_data_events(0)

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Acknowledge what came over the connection that is open."""
        done = 0
        with suppress(pika.exceptions.AMQPError):
            for message in messages:
                opened, tag = message.receipt
                if opened == self._opened and self._channel is not None and self._channel.is_open:
                    self._channel.basic_ack(tag)
                    done += 1
            if done:
                self._connection.process_data_events(0)  # it may have been lost meanwhile
            return done
        return 0

    def send(self, body: bytes) -> None:
        """Publish to the queue, durably."""
        with self._border():
            channel = self._ready()
            channel.confirm_delivery()
            persistent = pika.BasicProperties(delivery_mode=2, content_type="application/json")
            channel.basic_publish("", self._queue.queue, body, persistent, mandatory=True)

    def close(self) -> None:
        """Close the connection: the broker gives what was not acknowledged to the next who asks."""
        connection, self._connection, self._channel = self._connection, None, None
        with suppress(pika.exceptions.AMQPError):
            if connection is not None and connection.is_open:
                connection.close()

    def _ready(self) -> Any:
        if self._channel is not None and self._channel.is_open:
            return self._channel
        self.close()
        self._connection = pika.BlockingConnection(self._parameters())
        self._channel = self._connection.channel()
        self._opened += 1
        queue = self._queue
        if queue.declare_queue:
            self._channel.queue_declare(queue.queue, durable=True)
            if queue.exchange:
                self._channel.queue_bind(queue.queue, queue.exchange, queue.routing_key)
        self._channel.basic_qos(prefetch_count=min(queue.batch, MOST_UNACKNOWLEDGED))
        return self._channel

    def _parameters(self) -> Any:
        try:
            parameters = pika.URLParameters(self._queue.url.get_secret_value())
        except (ValueError, TypeError):
            # Without its cause, which quotes the URL: where a password has a # or a /, part of that.
            hint = "Check `url`. In a password, # is written as %23 and / as %2F."
            raise Unreachable(f"{self._where}: the broker cannot be reached: its address is none.", hint=hint) from None
        parameters.heartbeat = HEARTBEAT_SECONDS
        parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 15
        parameters.client_properties = {"connection_name": "filesync"}
        if self._queue.ca_bundle:
            host = parameters.host
            parameters.ssl_options = pika.SSLOptions(ssl.create_default_context(cafile=self._queue.ca_bundle), host)
        return parameters

    @contextmanager
    def _border(self) -> Iterator[None]:
        """Turn what pika raises into a SourceError; it never shows the address, which holds a password."""
        try:
            yield
        except (pika.exceptions.ProbableAuthenticationError, pika.exceptions.AuthenticationError) as error:
            raise AuthenticationFailed(f"{self._where}: the broker does not know this user and password.") from error
        except pika.exceptions.ProbableAccessDeniedError as error:
            raise AccessDenied(f"{self._where}: the broker does not let this user into this virtual host.") from error
        except pika.exceptions.ChannelClosedByBroker as error:
            raise self._refused(error) from error
        except pika.exceptions.AMQPConnectionError as error:
            hint = "Check the address in `url`, and that the broker runs."
            raise Unreachable(f"{self._where}: the broker cannot be reached ({_name(error)}).", hint=hint) from error
        except pika.exceptions.AMQPError as error:
            raise TemporarilyDown(f"{self._where}: {_name(error)}.") from error
        except (OSError, ValueError, TypeError) as error:  # names without an address, and the like
            raise Unreachable(f"{self._where}: the broker cannot be reached ({type(error).__name__}).") from error

    def _refused(self, error: Any) -> SourceError:
        if error.reply_code == 404:  # noqa: PLR2004 - not found
            hint = "Make it at the broker, or set declare_queue: true."
            return NotFound(f"{self._where}: the broker has no such queue or exchange.", hint=hint)
        if error.reply_code == 403:  # noqa: PLR2004 - access refused
            return AccessDenied(f"{self._where}: the broker does not let this user use it.")
        return TemporarilyDown(f"{self._where}: the broker closed the channel ({error.reply_text}).")


def _name(error: BaseException) -> str:
    return type(error).__name__
