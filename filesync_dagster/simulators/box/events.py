"""GET /events: the enterprise's stream, and that of a user."""

import hashlib
from typing import Any

from filesync_dagster.simulators.box.call import BoxCall, bad_request, refuse_marker
from filesync_dagster.simulators.box.resources import mini_folder, time_text, user
from filesync_dagster.simulators.box.store import EVENT_TYPES, BoxEvent
from filesync_dagster.simulators.kit.journal import ChangeLog, FeedPosition, LogEntry, feed_page
from filesync_dagster.simulators.kit.refusals import Refusal

STREAMING = "admin_logs_streaming"
RETENTION_DAYS = {STREAMING: 14, "all": 21, "changes": 21, "sync": 31}
LIMIT, LIMIT_MAX = 100, 500
TURNS = 1000  # a position is told as a number, whose last digits set those apart that lead to one place
DAY_MILLISECONDS = 86_400_000


def get_events(call: BoxCall) -> dict[str, Any]:
    """Answer what happened since a position: no more than the stream keeps, and not a word of what it dropped."""
    stream = call.request.parameter("stream_type", "all")
    if stream not in RETENTION_DAYS:
        raise bad_request(f"'stream_type' {stream} is not simulated")
    if stream == STREAMING and not (call.grant.enterprise and call.grant.events):
        raise Refusal(403, "insufficient_scope", "The request requires higher privileges than provided by the token.")
    log = call.store.enterprise_log if stream == STREAMING else call.store.log
    asked = call.request.parameter("stream_position", "0")
    if asked == "now":
        return _chunk(call, stream, [], FeedPosition(log.end))
    refuse_marker(call)
    at = _kept(call, log, _position(asked, log), RETENTION_DAYS[stream])
    try:
        page = feed_page(log, at, call.number("limit", LIMIT, 1, LIMIT_MAX), call.faults)
    except ValueError as error:
        raise bad_request(f"'stream_position' is invalid: {error}") from error
    return _chunk(call, stream, page.entries, page.after)


def _position(text: str, log: ChangeLog) -> FeedPosition:
    if not text.isascii() or not text.isdigit() or len(text) > 18:  # noqa: PLR2004 - int64
        raise bad_request("'stream_position' is invalid")
    position, turn = divmod(int(text), TURNS)
    return FeedPosition(position or log.first, turn)


def _kept(call: BoxCall, log: ChangeLog, at: FeedPosition, days: int) -> FeedPosition:
    """Return the position from which a stream still has events: later than was asked for if some were dropped."""
    dropped = call.store.clock.now - days * DAY_MILLISECONDS
    first = next((entry for entry in log.since(at.position)), None)
    if first is None or first.time >= dropped:
        return at
    return FeedPosition(next((e.position for e in log.since(at.position) if e.time >= dropped), log.end))


def _chunk(call: BoxCall, stream: str, entries: list[LogEntry], after: FeedPosition) -> dict[str, Any]:
    told = [_event(call, entry, call.store.events[entry.position], stream) for entry in entries]
    position: str | int = after.position * TURNS + after.turn
    if stream != STREAMING:
        position = str(position)  # Box tells the one as a number, the other as a text
    return {"chunk_size": len(told), "next_stream_position": position, "entries": told}


def _event(call: BoxCall, entry: LogEntry, event: BoxEvent, stream: str) -> dict[str, Any]:
    for_enterprise = stream == STREAMING
    when = time_text(entry.time)
    return {
        "type": "event",
        "event_id": hashlib.sha1(str(entry.position).encode(), usedforsecurity=False).hexdigest(),
        "created_by": user(event.owner),
        "created_at": when,
        "recorded_at": when,
        "event_type": EVENT_TYPES[event.deed][0 if for_enterprise else 1],
        "source": _enterprise_source(call, event) if for_enterprise else _user_source(call, event),
    }


def _enterprise_source(call: BoxCall, event: BoxEvent) -> dict[str, Any]:
    kind, _, number = event.item.rpartition("_")
    parent = call.store.entries.get(event.parent or "")
    where = {"parent": None if parent is None else mini_folder(parent), "owned_by": user(event.owner)}
    if event.deed in {"invite", "remove"}:
        return {f"{kind}_id": number, f"{kind}_name": event.name, **where}
    return {"item_type": kind, "item_id": number, "item_name": event.name, **where}


def _user_source(call: BoxCall, event: BoxEvent) -> dict[str, Any]:
    kind, _, number = event.item.rpartition("_")
    parent = call.store.entries.get(event.parent or "")
    return {
        "type": kind,
        "id": number,
        "sequence_id": str(event.version - 1),
        "etag": str(event.version - 1),
        "name": event.name,
        "parent": None if parent is None else mini_folder(parent),
        "item_status": "trashed" if event.deed == "trash" else "active",
    }
