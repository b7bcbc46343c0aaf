"""Receive, find out whom it concerns, sync, and only then acknowledge.

What a message asks for is committed, or noted for others to do, before it is acknowledged. Who dies in between finds
the message again, and nothing to do. An endpoint that fails stops no queue: it is noted that it must be listed. Only
while another sync of an endpoint runs, or where one went on with an older listing, its messages come again.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from dataclasses import dataclass, field

from filesync_dagster.config import Config, Queue
from filesync_dagster.connectors import CONNECTORS
from filesync_dagster.core import clock
from filesync_dagster.core.errors import ConfigError, DatabaseError, ProtocolViolation, SourceError
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import SyncResult, SyncStatus, to_storable_text
from filesync_dagster.storage.database import DeadMessage
from filesync_dagster.sync.events.envelopes import ANY_BUCKET, MessageContent, SyncRequest, parse_message
from filesync_dagster.sync.events.inbox import Inbox, Message, open_inbox
from filesync_dagster.sync.pool import sync_each
from filesync_dagster.sync.progress import Progress, ignore
from filesync_dagster.sync.run import sync
from filesync_dagster.sync.runtime import Runtime

SETTLED = frozenset({SyncStatus.COMPLETED, SyncStatus.PARTIAL, SyncStatus.HELD})
"""After these the inventory, or what is held for a decision, has what a message told of."""

MAX_KEPT_LETTERS = 1_000_000
"""Characters of a message that are kept when it is set aside."""

LEFTOVER_RUN_SECONDS = 60.0
"""Seconds after which a run ends that left something for the next one."""

Keys = Mapping[str, set[str]]
Syncing = Callable[[Keys], Iterator[SyncResult]]
"""Syncs endpoints, each with the keys that were named, and yields what came of it."""


@dataclass(frozen=True)
class Batch:
    """What became of messages that were received together."""

    queue: str
    messages: int
    results: tuple[SyncResult, ...] = ()
    keys: int = 0  # that concern an endpoint
    unrouted: int = 0  # keys that concern none
    requests: int = 0  # syncs that somebody asked for
    dead: int = 0  # messages that could not be used
    left: int = 0  # messages that were not acknowledged


class Routes:
    """Which endpoints a key concerns: those of its bucket whose prefix it begins with."""

    def __init__(self, config: Config, queue: Queue) -> None:
        self._by_bucket: dict[str, list[tuple[str, str]]] = {}
        served = [endpoint for endpoint in config.active if queue.serves(endpoint.name)]
        self._names = {endpoint.name for endpoint in served}
        for endpoint in served:
            owned_keys = CONNECTORS[endpoint.type].owned_keys
            if owned_keys is not None:
                bucket, prefix = owned_keys(endpoint.endpoint_details)
                self._by_bucket.setdefault(bucket, []).append((endpoint.name, prefix))

    def of(self, bucket: str, key: str) -> list[str]:
        """Return the names of the endpoints."""
        buckets = self._by_bucket if bucket == ANY_BUCKET else (bucket,)
        return [name for one in buckets for name, prefix in self._by_bucket.get(one, ()) if key.startswith(prefix)]

    def refusal(self, request: SyncRequest) -> str | None:
        """Return why nobody can do what is asked for."""
        if request.endpoint in self._names:
            return None
        return f"There is no active endpoint {request.endpoint!r:.80} that this queue is for."


@dataclass
class _Read:
    """A message, what it says, and whom it concerns."""

    message: Message
    said: MessageContent
    concerns: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class _Run:
    """What every batch of one run needs."""

    runtime: Runtime
    queue: Queue
    inbox: Inbox
    routes: Routes
    syncing: Syncing
    failed: set[str] = field(default_factory=set)  # endpoints; they are not tried again


def receive(runtime: Runtime, queue: Queue, syncing: Syncing, linger: float = 0.0) -> Iterator[Batch]:
    """Yield batch after batch until none wait or the limits of the queue are reached. Raises SourceError, ConfigError.

    `linger`: seconds without a message after which none wait.
    """
    taken, left, began = 0, 0, time.monotonic()
    last = began
    with closing(open_inbox(queue, runtime.secrets, runtime.metadata.queues)) as inbox:
        run = _Run(runtime, queue, inbox, Routes(runtime.config, queue), syncing)
        # What could not be acknowledged is still ours, and takes room.
        while (
            taken < queue.run_messages and left * 2 <= queue.batch and time.monotonic() - began < _seconds(queue, left)
        ):
            messages = inbox.receive(min(queue.batch - left, queue.run_messages - taken))
            if not messages:
                if left or time.monotonic() - last >= linger:
                    break
                continue
            batch = _work(run, messages)
            taken, left = taken + batch.messages, left + batch.left
            last = time.monotonic()
            yield batch
        queue_depth(runtime, queue, inbox)


def receive_queue(
    runtime: Runtime,
    name: str,
    *,
    linger: float = 0.0,
    run_id: str | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Batch]:
    """Take the messages of a queue, sync what they name, and yield what became of each batch.

    It ends when no message came for `linger` seconds, or the limits of the queue are reached. A message is acknowledged
    once what it says is committed. Raises ConfigError, SourceError, DatabaseError.
    """
    config = runtime.config

    def sync_keys(keys: Keys) -> Iterator[SyncResult]:
        def one(name: str) -> SyncResult:
            endpoint = config.endpoint(name)
            return sync(
                runtime,
                endpoint,
                ignore_breaker=False,
                keys=keys[name],
                run_id=run_id,
                on_progress=on_progress or ignore,
            )

        return sync_each(config.settings.concurrency, list(keys), one)

    return receive(runtime, config.queue(name), sync_keys, linger)


def _seconds(queue: Queue, left: int) -> float:
    """Return how long a run may take."""
    return min(queue.run_seconds, LEFTOVER_RUN_SECONDS) if left else queue.run_seconds


def queue_depth(runtime: Runtime, queue: Queue, inbox: Inbox | None = None) -> int:
    """Return how many messages wait, and note it; or that nobody can tell. Raises SourceError, ConfigError."""
    try:
        if inbox is not None:
            depth = inbox.depth()
        else:
            with closing(open_inbox(queue, runtime.secrets, runtime.metadata.queues)) as opened:
                depth = opened.depth()
    except (SourceError, ConfigError) as error:  # one of its secrets may be a reference to nothing
        with suppress(DatabaseError):
            runtime.metadata.queues.note_look(queue.name, None, str(error))
        raise
    runtime.metadata.queues.note_look(queue.name, depth)
    return depth


def is_busy(runtime: Runtime, queue: Queue) -> bool:
    """Tell whether every endpoint of a queue is being synced, so that its messages would only come again."""
    served = {endpoint.name for endpoint in runtime.config.active if queue.serves(endpoint.name)}
    return bool(served) and served <= {lease.endpoint for lease in runtime.metadata.leases.current()}


def _work(run: _Run, messages: Sequence[Message]) -> Batch:
    queue, metadata = run.queue, run.runtime.metadata
    read = [_Read(message, parse_message(message.body)) for message in messages]
    keys, unrouted = _routed(read, run.routes)
    dead = [dead for one in read if (dead := _dead(queue, one, run.routes))]
    asked = {(r.endpoint, r.full) for one in read for r in one.said.requests if not run.routes.refusal(r)}
    results = _synced(run, messages, {name: ids for name, ids in keys.items() if name not in run.failed})
    run.failed.update(result.endpoint for result in results if result.status not in SETTLED and not result.busy)
    done = {result.endpoint for result in results if result.status in SETTLED and not result.resumed}
    metadata.queues.dead_letter(queue.name, dead)
    for endpoint, full in sorted(asked):
        metadata.requests.ask(endpoint, queue.name, full=full)
    _leave_to_listings(run, keys.keys() & run.failed)
    finished = [one.message for one in read if one.concerns <= done | run.failed]
    metadata.queues.note_received(queue.name, run.inbox.acknowledge(finished), unrouted)
    batch = Batch(
        queue=queue.name,
        messages=len(messages),
        results=tuple(results),
        keys=sum(len(ids) for ids in keys.values()),
        unrouted=unrouted,
        requests=len(asked),
        dead=len(dead),
        left=len(messages) - len(finished),
    )
    event("events.received", **{name: value for name, value in vars(batch).items() if name != "results"})
    return batch


def _leave_to_listings(run: _Run, failed: AbstractSet[str]) -> None:
    """Note that endpoints must be listed because what events tell of them is acknowledged undone.

    Those that failed, as soon as their stores answer; and those that no event finds now (switched off, gone from the
    configuration, or broken), once they are back.
    """
    config, metadata = run.runtime.config, run.runtime.metadata
    found = {endpoint.name for endpoint in config.active}
    followed = {endpoint.name for endpoint in config.endpoints if CONNECTORS[endpoint.type].incremental}
    metadata.endpoints.expire_proofs(failed | (metadata.endpoints.ids().keys() - found - followed))
    for name in sorted(failed):
        metadata.requests.ask(name, run.queue.name)


def _routed(read: Sequence[_Read], routes: Routes) -> tuple[dict[str, set[str]], int]:
    """Return the keys that each endpoint shall look at, once whatever was told of them, and how many concern none."""
    keys: dict[str, set[str]] = {}
    unrouted = set()
    for one in read:
        for bucket, key in one.said.keys:
            names = routes.of(bucket, key)
            for name in names:
                keys.setdefault(name, set()).add(key)
            one.concerns.update(names)
            if not names:
                unrouted.add((bucket, key))
    return keys, len(unrouted)


def _dead(queue: Queue, one: _Read, routes: Routes) -> DeadMessage | None:
    """Return the message to set aside when not all of it could be used; what could be is."""
    refusals = [refusal for request in one.said.requests if (refusal := routes.refusal(request))]
    problems = [*one.said.problems, *refusals]
    if not problems:
        return None
    more = f" And {len(problems) - 3} more." if len(problems) > 3 else ""  # noqa: PLR2004 - a few say enough
    reason = to_storable_text(f"{' '.join(problems[:3])}{more}".encode("utf-8", "backslashreplace"))
    body = to_storable_text(one.message.body)[:MAX_KEPT_LETTERS]
    return DeadMessage(queue.name, one.message.id, reason, body, clock.utc_now())


def _synced(run: _Run, messages: Sequence[Message], keys: Keys) -> list[SyncResult]:
    """Sync while the messages are kept for us."""
    if not keys:
        return []
    with ThreadPoolExecutor(1, thread_name_prefix="events") as pool:
        running: Future[list[SyncResult]] = pool.submit(lambda: list(run.syncing(keys)))
        while not wait([running], run.inbox.hold_seconds).done:
            try:
                run.inbox.hold(messages)
            except SourceError as error:
                event("events.not_held", error=str(error))  # they come again, which harms nobody
        return running.result()


def requeue(runtime: Runtime, ids: Collection[int]) -> int:
    """Put messages that were set aside back into their queues; return how many. Raises ConfigError, SourceError."""
    found = runtime.metadata.queues.dead_messages(ids)
    for message in found:
        if len(message.body) == MAX_KEPT_LETTERS:
            raise ProtocolViolation(
                f"Message {message.id} was too large to be kept whole.", hint="It can only be dropped."
            )
        queue = runtime.config.queue(message.queue)
        with closing(open_inbox(queue, runtime.secrets, runtime.metadata.queues)) as inbox:
            inbox.send(message.body.encode())
        runtime.metadata.queues.drop_dead_messages([message.id])
    return len(found)
