"""What is wrong at a moment. Pure: everything it needs to know is given."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from filesync_dagster.config import AlertKind, Broken
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.monitoring.alerts.condition import Condition, span_text
from filesync_dagster.monitoring.alerts.replica_conditions import replica_conditions
from filesync_dagster.monitoring.alerts.table_conditions import table_conditions
from filesync_dagster.storage.database import QueueTrouble
from filesync_dagster.sync.circuit_breaker import CLOSED
from filesync_dagster.sync.status import EndpointStatus

if TYPE_CHECKING:
    from filesync_dagster.replication.status import ReplicationStatus
    from filesync_dagster.tables.daily.status import SourceStatus

CONFIGURATION = "configuration"
"""The subject of what is wrong with the whole file."""

UNWATCHED = ("disabled", "broken")
"""States in which nothing is expected of an endpoint."""


@dataclass(frozen=True)
class Expectation:
    """When an endpoint is stale: so long after its last sync, or after it became known."""

    within: timedelta
    known_since: datetime
    since: datetime | None = None  # that it is expected so often; None: ever since


@dataclass(frozen=True)
class Observation:
    """All that was looked at."""

    at: datetime
    statuses: Sequence[EndpointStatus]
    expected: Mapping[str, Expectation] = field(default_factory=dict)
    queues: Sequence[QueueTrouble] = ()
    broken: Sequence[Broken] = ()
    unread: Sequence[str] = ()  # what is wrong with the whole file
    replications: Sequence["ReplicationStatus"] = ()
    lag_limits: Mapping[str, timedelta] = field(default_factory=dict)  # how long a replica may lack something
    sources: Sequence["SourceStatus"] = ()  # of tables


def conditions(seen: Observation) -> Iterator[Condition]:
    """Yield what is wrong, of every kind that can be seen by looking; a crash cannot, nor a channel that fails."""
    for status in seen.statuses:
        if status.state not in UNWATCHED:
            yield from _of_endpoint(status, seen)
    for replication in seen.replications:
        yield from replica_conditions(replication, seen.lag_limits, seen.at)
    for source in seen.sources:
        yield from table_conditions(source)
    for queue in seen.queues:
        yield from _of_queue(queue)
    yield from _of_configuration(seen.broken, seen.unread)


def _of_endpoint(status: EndpointStatus, seen: Observation) -> Iterator[Condition]:
    name, last = status.name, status.last_sync
    run_id = last.run_id if last else None
    if last and last.sync_status is SyncStatus.FAILED:
        sentence = last.error_message or "The sync failed."
        yield Condition(name, AlertKind.FAILED, sentence, f"`filesync sync {name}` tries again at once.", run_id)
    if status.held_sync_id:
        is_last = last is not None and last.id == status.held_sync_id and last.error_message
        sentence = str(last.error_message) if last and is_last else "A sync is held by the guard."
        hint = (
            f"`filesync changes {name} --held` shows what it would do, then `filesync approve {name}` or "
            f"`filesync reject {name}`."
        )
        yield Condition(name, AlertKind.HELD, sentence, hint, run_id if is_last else None)
    if status.breaker and status.breaker.state != CLOSED:
        reason = f" The last reason: {status.breaker.reason}" if status.breaker.reason else ""
        yield Condition(
            name,
            AlertKind.BREAKER_OPEN,
            f"Its store failed {status.breaker.failures} times in a row, so it is left alone and only asked from time "
            f"to time.{reason}",
            f"When the reason is mended, `filesync sync {name}` asks it at once.",
            run_id,
        )
    drift = status.last_full.feed_drift if status.last_full else None
    if drift:
        yield Condition(
            name,
            AlertKind.FEED_DRIFT,
            f"A full sync found {drift:,} change{'s' if drift != 1 else ''} that had not been told before.",
            "The inventory is right again. If it happens often, look at what feeds it, and reconcile more often.",
            status.last_full.run_id if status.last_full else None,
        )
    yield from _staleness(status, seen)


def _staleness(status: EndpointStatus, seen: Observation) -> Iterator[Condition]:
    expected = seen.expected.get(status.name)
    if expected is None or (status.last_success is None and status.running_since):
        return  # a first import takes what it takes
    begun = status.last_success or expected.known_since
    if seen.at - max(begun, expected.since or begun) <= expected.within:
        return
    within = span_text(expected.within)
    if status.last_success:
        sentence = f"Its last successful sync was at {status.last_success:%Y-%m-%d %H:%M} UTC, more than {within} ago."
    else:
        sentence = f"It was never synced, though it has been configured for more than {within}."
    if status.running_since:
        sentence += f" A sync has been running since {status.running_since:%Y-%m-%d %H:%M} UTC."
    hint = "Is the Dagster daemon running, with its schedules on? `filesync status` shows what the last sync said."
    yield Condition(status.name, AlertKind.STALE, sentence, hint)


def _of_queue(queue: QueueTrouble) -> Iterator[Condition]:
    if queue.dead:
        count = "1 message" if queue.dead == 1 else f"{queue.dead:,} messages"
        yield Condition(
            queue.name,
            AlertKind.DEAD_MESSAGES,
            f"{count} of the queue {queue.name} could not be used. The last reason: {queue.reason}",
            "`filesync events --dead` lists them.",
        )
    if queue.error:
        sentence = f"The queue {queue.name} cannot be looked at: {queue.error}"
        yield Condition(queue.name, AlertKind.QUEUE, sentence, "What it tells waits; full syncs go on.")


def _of_configuration(broken: Iterable[Broken], unread: Sequence[str]) -> Iterator[Condition]:
    if unread:
        sentence = " ".join(unread)
        hint = "Correct the file. Until then, what it said when it was last in order is what runs."
        yield Condition(CONFIGURATION, AlertKind.CONFIGURATION, sentence, hint)
    for entry in broken:
        hint = "Correct the entry. " + (
            "Until then, what it said when it was last in order is what runs." if entry.kept else "It is not synced."
        )
        yield Condition(entry.name, AlertKind.CONFIGURATION, " ".join(entry.problems), hint)
