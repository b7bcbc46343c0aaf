"""A queue as receiving sees it, whatever it is."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from filesync_dagster.config import AzureQueue, FileManagerQueue, PubSubQueue, Queue, RabbitQueue, SqsQueue
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.core.secrets import Resolve, with_secrets


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was received and not acknowledged yet. `id` is the same when it comes again."""

    id: str
    body: bytes
    receipt: Any  # what the queue wants back


class Inbox(Protocol):
    """One queue, opened by one thread. Every method may raise SourceError."""

    hold_seconds: float
    """How often `hold` must be called."""

    def depth(self) -> int:
        """Return about how many messages wait; those that somebody is working on do not."""
        ...

    def receive(self, most: int) -> Sequence[Message]:
        """Return messages, soon; none when none wait. They come again unless they are acknowledged."""
        ...

    def hold(self, messages: Sequence[Message]) -> None:
        """Keep messages that are still being worked on."""
        ...

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Let these never come again, and return of how many that is true. Others come again, which harms nobody."""
        ...

    def send(self, body: bytes) -> None:
        """Put a message into the queue."""
        ...

    def close(self) -> None:
        """Give back what was not acknowledged. Idempotent."""
        ...


class EventMemory(Protocol):
    """Which messages of a queue that keeps them all were worked on."""

    def known_events(self, name: str, digests: Collection[str]) -> set[str]:
        """Return those of these that are known."""
        ...

    def remember_events(self, name: str, digests: Collection[str]) -> None:
        """Know these from now on."""
        ...


def open_inbox(queue: Queue, secrets: Resolve, memory: EventMemory) -> Inbox:
    """Open a queue; `memory` is for those that keep everything. Raises SourceError, ConfigError, MissingExtra."""
    opened = with_secrets(queue, secrets)
    if isinstance(opened, SqsQueue):
        from filesync_dagster.sync.events.sqs import SqsInbox

        return SqsInbox(opened)
    if isinstance(opened, PubSubQueue):
        from filesync_dagster.sync.events.pubsub import PubSubInbox

        return PubSubInbox(opened)
    if isinstance(opened, AzureQueue):
        from filesync_dagster.sync.events.azure_queue import AzureQueueInbox

        return AzureQueueInbox(opened)
    if isinstance(opened, FileManagerQueue):
        from filesync_dagster.sync.events.file_manager import FileManagerInbox

        return FileManagerInbox(opened, memory)
    assert isinstance(opened, RabbitQueue)
    import_from_extra("pika", "rabbitmq", f"The queue {queue.name} of RabbitMQ")
    from filesync_dagster.sync.events.rabbitmq import RabbitInbox

    return RabbitInbox(opened)
