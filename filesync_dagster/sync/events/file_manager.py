"""Events of a file manager: a list that is asked for again and again, and repeats itself.

It has no cursor, no ids and nothing to acknowledge. So the digest of an event is its identity, and those that were
worked on are remembered in the database; what falls out of the list before it is asked for is never told.
"""

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from filesync_dagster.config import FileManagerQueue
from filesync_dagster.connectors.file_manager.api import FileManagerApi
from filesync_dagster.connectors.file_manager.details import FileManagerDetails
from filesync_dagster.connectors.rest.fields import instant_of
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import Meter, canonical_json
from filesync_dagster.sync.events.inbox import EventMemory, Message

IDENTITY: Final = ("event_type", "file_path", "new_path", "timestamp", "metadata")
HOLD_SECONDS: Final = 3600.0
"""Nothing has to be held: an event is there until it is remembered."""


class FileManagerInbox:
    """The events of one file manager that are new."""

    hold_seconds = HOLD_SECONDS

    def __init__(self, queue: FileManagerQueue, memory: EventMemory) -> None:
        self._queue = queue
        self._memory = memory
        self._given: set[str] = set()
        details = FileManagerDetails(
            base_url=queue.base_url, token=queue.token, verify_tls=queue.verify_tls, ca_bundle=queue.ca_bundle
        )
        self._api = FileManagerApi(details, Meter())

    def depth(self) -> int:
        """Return how many of the events that are listed are new."""
        return len(self._new())

    def receive(self, most: int) -> Sequence[Message]:
        """Return the new events that were not given yet, the oldest first."""
        found = [message for message in self._new() if message.id not in self._given][:most]
        self._given.update(message.id for message in found)
        return found

    def hold(self, messages: Sequence[Message]) -> None:
        """Do nothing: nobody else is given them."""

    def acknowledge(self, messages: Sequence[Message]) -> int:
        """Remember them."""
        self._memory.remember_events(self._queue.name, [message.id for message in messages])
        return len(messages)

    def send(self, body: bytes) -> None:
        """Raise ProtocolViolation: a file manager tells what was done there, and nothing else."""
        raise ProtocolViolation(
            f"The queue {self._queue.name} is a list that a file manager makes: nothing can be put into it.",
            hint="Ask for a sync of the endpoint instead, and drop the message.",
        )

    def close(self) -> None:
        """Close the connections."""
        self._api.close()

    def _new(self) -> list[Message]:
        listed = in_order(self._api.events(self._queue.count))
        messages = {digest_of(one): Message(digest_of(one), canonical_json(one).encode(), None) for one in listed}
        known = self._memory.known_events(self._queue.name, messages.keys())
        new = [message for digest, message in messages.items() if digest not in known]
        if len(new) >= self._queue.count:
            event("events.perhaps_missed", level=logging.WARNING, queue=self._queue.name, events=len(new))
        return new


def in_order(events: Sequence[Any]) -> list[Any]:
    """Return events by their time, and where that is the same or none, as they are listed."""
    return [one for _, _, one in sorted((_time_of(one), place, one) for place, one in enumerate(events))]


def digest_of(one: Any) -> str:
    """Return what tells an event from every other one."""
    known = {name: one.get(name) for name in IDENTITY} if isinstance(one, Mapping) else one
    return hashlib.sha256(canonical_json(known).encode("utf-8", "surrogatepass")).hexdigest()


def _time_of(one: Any) -> float:
    """Return when an event was, for their order alone: without a zone as if in UTC; at last, if it does not tell."""
    told = one.get("timestamp") if isinstance(one, Mapping) else None
    moment = instant_of(told) if isinstance(told, str) else None
    return math.inf if moment is None else moment.timestamp()
