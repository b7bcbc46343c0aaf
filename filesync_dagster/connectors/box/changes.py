"""What changed: the events of an enterprise, or of a user where there is none.

Events come doubled, late and out of their order, and tell of an item as it was. So each is only a hint of an id, and
the item is looked up. A stream keeps its events for some weeks, and does not say what it has dropped: the cursor has
the time when it was last read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from filesync_dagster.connectors.box.api import KINDS, BoxApi, id_of, sequence_of
from filesync_dagster.connectors.rest.answers import Answer
from filesync_dagster.connectors.rest.errors import BadRequest, Forbidden
from filesync_dagster.connectors.rest.paging import PageChain
from filesync_dagster.core import clock
from filesync_dagster.core.errors import AccessDenied, CursorLost, NotFound, ProtocolViolation
from filesync_dagster.core.model import canonical_json

ENTERPRISE, USER = "admin_logs_streaming", "changes"
RETENTION_DAYS: Final[Mapping[str, int]] = {ENTERPRISE: 14, USER: 21}
MARGIN_DAYS: Final = 2
"""So much earlier a position counts as lost: it is noted once a day when it was read, by the clock of this machine."""

NOTE_SECONDS: Final = 86_400
EMPTY_CHUNKS_MAX: Final = 3
"""After so many in a row nothing more comes for now, though the position still moves."""

FULL_SYNC: Final = "A full sync follows."
LOST: Final = (BadRequest, Forbidden, AccessDenied, NotFound)
UNCHANGED: Final = frozenset({
    "CONTENT_ACCESS", "DOWNLOAD", "FILE_WATERMARKED_DOWNLOAD", "ITEM_DOWNLOAD", "ITEM_EMAIL_SEND", "ITEM_OPEN",
    "ITEM_PREVIEW", "PREVIEW", "SHARED_LINK_SEND", "SHIELD_DOWNLOAD_BLOCKED", "SIGNER_DOWNLOADED", "FAVORITE",
    "UNFAVORITE", "COLLECTION_ITEM_CREATE", "COLLECTION_ITEM_DELETE", "COLLECTION_ITEM_UPDATE",
})  # fmt: skip
"""Events after which an item is as it was before: most of what an enterprise's stream has. All others are hints."""


@dataclass(frozen=True)
class BoxCursor:
    """Where a stream goes on, and of whom it is. `permissions`: whether the rows that are known have them."""

    stream: str
    position: str
    read_at: float  # seconds since 1970
    permissions: bool = False

    def as_text(self) -> str:
        """Return the cursor as the sync keeps it."""
        return canonical_json(vars(self))

    @classmethod
    def parse(cls, text: str) -> "BoxCursor":
        """Return a stored cursor. Raises CursorLost for what is none, or too old to be gone on from."""
        try:
            found = cls(**json.loads(text))
            age = clock.utc_now() - datetime.fromtimestamp(found.read_at, UTC)
            kept = timedelta(days=RETENTION_DAYS[found.stream] - MARGIN_DAYS)
            readable = isinstance(found.position, str) and isinstance(found.permissions, bool)
        except (ValueError, TypeError, KeyError, OverflowError, OSError):
            readable = False
        if not readable:
            raise CursorLost("The stored cursor is none of Box.", hint=FULL_SYNC)
        if age > kept:
            raise CursorLost(
                f"Box's events were last read {age.days} days ago, and it keeps them for "
                f"{RETENTION_DAYS[found.stream]} days.",
                hint=FULL_SYNC,
            )
        return found

    def at(self, position: str, *, moved: bool) -> "BoxCursor":
        """Return the cursor after a stream was read. One that stands still is noted anew once a day."""
        now = clock.utc_now().timestamp()
        if not moved and now - self.read_at < NOTE_SECONDS:
            return self
        return replace(self, position=position, read_at=now)


@dataclass
class Hints:
    """The items that events name, each with the highest sequence number that was told, and where the stream goes on."""

    cursor: BoxCursor
    sequences: dict[str, int] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def take(self, event: Answer) -> None:
        """Take what an event hints at, unless it came before."""
        event_id = _id_of_event(event)
        if event_id in self._known:
            return
        self._known.add(event_id)
        if event.get("event_type") not in UNCHANGED:
            told = event.get("source")
            source = told if isinstance(told, Mapping) else {}
            external_id = _item_of(source)
            if external_id is not None:
                sequence = sequence_of(source) or 0
                self.sequences[external_id] = max(sequence, self.sequences.get(external_id, 0))


def start_of_events(api: BoxApi, *, for_enterprise: bool, permissions: bool) -> BoxCursor:
    """Return from where a stream will tell what happens from now on: the enterprise's if it may be read."""
    now = clock.utc_now().timestamp()
    if for_enterprise:
        try:
            return BoxCursor(ENTERPRISE, _position_in(api.events(ENTERPRISE, "now"), api), now, permissions)
        except AccessDenied:  # the app lacks the scope: the service account's own events tell of what it sees
            pass
    return BoxCursor(USER, _position_in(api.events(USER, "now"), api), now, permissions)


def read_events(api: BoxApi, cursor: BoxCursor) -> Hints:
    """Return what all events since a cursor hint at. Raises CursorLost when Box does not accept the position."""
    hints, position = Hints(cursor), cursor.position
    chain = PageChain[str](api.where, position, empty_pages_max=EMPTY_CHUNKS_MAX + 1)
    empty = 0
    while True:
        try:
            answer = api.events(cursor.stream, position)
        except LOST as error:
            raise CursorLost(f"The events cannot be gone on with: {error.message}", hint=FULL_SYNC) from error
        events, following = api.entries(answer), _position_in(answer, api)
        for event in events:
            hints.take(event)
        empty = 0 if events else empty + 1
        # A chunk may be short, or even empty, and more follow: the position tells.
        if not events and (following == position or empty > EMPTY_CHUNKS_MAX):
            hints.cursor = cursor.at(following, moved=following != cursor.position)
            return hints
        known = [_id_of_event(event) for event in events]
        position = str(chain.advance(following, known))


def _id_of_event(event: Answer) -> str:
    return str(event.get("event_id") or event)


def _position_in(answer: Answer, api: BoxApi) -> str:
    """Return where a stream goes on: a text or a number, says Box."""
    told = answer.get("next_stream_position")
    if isinstance(told, int) and not isinstance(told, bool):
        told = str(told)
    if not isinstance(told, str) or not told:
        raise ProtocolViolation(f"{api.where} sent events without saying where they go on.", hint=FULL_SYNC)
    return told


def _item_of(source: Mapping[str, Any]) -> str | None:
    """Return the item that an event is about, if it is about one: streams and kinds of events name it differently."""
    named = [source, {"type": source.get("item_type"), "id": source.get("item_id")}]
    named += [{"type": kind, "id": source.get(f"{kind}_id")} for kind in KINDS]
    inner = source.get("item")
    named += [inner] if isinstance(inner, Mapping) else []
    return next((found for found in map(id_of, named) if found is not None), None)
