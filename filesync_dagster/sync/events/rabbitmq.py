"""A queue of RabbitMQ."""

import hashlib
import logging
import ssl
import time
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
from filesync_dagster.core.http import trusted_certificates
from filesync_dagster.sync.events.inbox import Message

WAIT_SECONDS = 0.5  # without a message, the queue is empty
HEARTBEAT_SECONDS = 60
MOST_UNACKNOWLEDGED = 65_535  # what the protocol can say
ANSWER_TIMEOUT_SECONDS = 30.0  # for whatever the broker is asked: heartbeats prove only that it lives
COLLECT_MAX_SECONDS = 30.0  # in one call, while messages come one by one

logging.getLogger("pika").setLevel(logging.CRITICAL)  # what it warns of, it raises too


class BrokerSilent(pika.exceptions.AMQPError):  # type: ignore[misc]  # pika has no types
    """A broker that keeps the connection alive and does not answer."""


class RabbitInbox:
    """Consumes with a prefetch of one batch and acknowledges by hand. Connects anew when the connection is lost."""

    hold_seconds = 5.0

    def __init__(self, queue: RabbitQueue, answer_seconds: float = ANSWER_TIMEOUT_SECONDS) -> None:
        self._queue = queue
        self._answer_seconds = answer_seconds
        self._where = f"Queue {queue.queue}"
        self._connection: Any = None
        self._channel: Any = None
        self._opened = 0  # how often: a delivery tag is of one channel

    def depth(self) -> int:
        """Return the messages that are ready."""
        with self._border():
            channel = self._ready()
            with self._deadline():
                return int(channel.queue_declare(self._queue.queue, passive=True).method.message_count)

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
        enough = time.monotonic() + COLLECT_MAX_SECONDS
        with self._deadline(COLLECT_MAX_SECONDS):
            for method, _, body in channel.consume(self._queue.queue, inactivity_timeout=WAIT_SECONDS):
                if method is None:
                    break
                # Not the publisher's id: it may be none, any bytes, or that of another message.
                found.append(Message(hashlib.sha256(body).hexdigest(), body, (self._opened, method.delivery_tag)))
                if len(found) >= most or time.monotonic() > enough:
                    break
        return found

    def hold(self, messages: Sequence[Message]) -> None:
        """Answer the heartbeats of the broker."""
        with suppress(pika.exceptions.AMQPError), self._deadline():  # when it is lost, all of it comes again
            if self._connection is not None:
                self._connection.process_data_events(0)

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Acknowledge what came over the connection that is open."""
        done = 0
        with suppress(pika.exceptions.AMQPError), self._deadline():
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
            persistent = pika.BasicProperties(delivery_mode=2, content_type="application/json")
            with self._deadline():
                channel.confirm_delivery()
                channel.basic_publish("", self._queue.queue, body, persistent, mandatory=True)

    def close(self) -> None:
        """Close the connection: the broker gives what was not acknowledged to the next who asks."""
        connection, self._connection, self._channel = self._connection, None, None
        with suppress(pika.exceptions.AMQPError):
            if connection is not None and connection.is_open:
                with _deadline(connection, self._answer_seconds):
                    connection.close()

    def _ready(self) -> Any:
        if self._channel is not None and self._channel.is_open:
            return self._channel
        self.close()
        self._connection = pika.BlockingConnection(self._parameters())
        self._opened += 1
        with self._deadline():
            self._channel = self._open_channel()
        return self._channel

    def _open_channel(self) -> Any:
        channel, queue = self._connection.channel(), self._queue
        if queue.declare_queue:
            channel.queue_declare(queue.queue, durable=True)
            if queue.exchange:
                channel.queue_bind(queue.queue, queue.exchange, queue.routing_key)
        channel.basic_qos(prefetch_count=min(queue.batch, MOST_UNACKNOWLEDGED))
        return channel

    @contextmanager
    def _deadline(self, more_seconds: float = 0.0) -> Iterator[None]:
        with _deadline(self._connection, self._answer_seconds + more_seconds):
            yield

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
            bundle = self._queue.ca_bundle
            context = trusted_certificates(bundle) if bundle else ssl.create_default_context()
            parameters.ssl_options = pika.SSLOptions(context, host)
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
        except BrokerSilent as error:
            raise TemporarilyDown(f"{self._where}: the broker does not answer.") from error
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


@contextmanager
def _deadline(connection: Any, seconds: float) -> Iterator[None]:
    """Let a connection break when what is asked of it is not answered in time."""
    if connection is None or not connection.is_open:
        yield
        return
    # pika has timeouts for connecting only, and its own timers do not run while it waits for an answer.
    loop = connection._impl  # noqa: SLF001 - see above
    timer = loop._adapter_call_later(seconds, lambda: loop._terminate_stream(BrokerSilent()))  # noqa: SLF001
    try:
        yield
    finally:
        if connection.is_open:
            loop._adapter_remove_timeout(timer)  # noqa: SLF001


def _name(error: BaseException) -> str:
    return type(error).__name__
