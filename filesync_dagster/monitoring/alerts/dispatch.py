"""Look, write what changed, tell it. Any number of processes may do so at once: each transition is told once.

Before something is sent it is claimed in the database, and noted there when it was. A process that dies in between
leaves a claim that ends by itself, so that another one tells it: once more rather than never.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from filesync_dagster.config import AlertKind, freshness, lag_limit, tables_subject
from filesync_dagster.core.errors import ConfigError, FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.monitoring.alerts.channels import Channel, open_channels
from filesync_dagster.monitoring.alerts.condition import Condition
from filesync_dagster.monitoring.alerts.conditions import Expectation, Observation, conditions
from filesync_dagster.monitoring.alerts.messages import AlertMessage, messages
from filesync_dagster.monitoring.alerts.transitions import JOB, Transitions, transitions
from filesync_dagster.replication.status import replication_statuses
from filesync_dagster.storage.database import AlertRecord, ExpectedRecord, QueueTrouble
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.status import endpoint_statuses
from filesync_dagster.tables.daily.status import source_statuses

CLAIM_SECONDS = 300.0
"""Seconds for which what is being told is nobody else's business: more than a round takes."""

ROUND_TIMEOUT_SECONDS = 20.0
"""Seconds after which nothing more is sent: a sensor of Dagster has sixty for all that it does."""

FIRST_WAIT, LONGEST_WAIT = 60.0, 900.0
"""Seconds until a channel that failed is tried again: doubled each time, up to the longest."""

NEVER = timedelta()
"""Within so long a sync is expected of an endpoint of which none is."""

TEST = AlertMessage(
    "filesync: a test",
    "This is a test by `filesync alerts --test`. Nothing is wrong, and this channel works.",
    "success",
)


@dataclass(frozen=True)
class Round:
    """What came of looking and telling."""

    raised: Sequence[Condition] = ()
    cleared: Sequence[AlertRecord] = ()
    told: int = 0  # messages, each to one channel
    failures: Mapping[str, str] = field(default_factory=dict)  # channels that could not be told, and why


def update(runtime: Runtime) -> Transitions:
    """Look at everything and write what became wrong and what is over. Raises DatabaseError."""
    metadata, config = runtime.metadata, runtime.config
    seen = observe(runtime)
    active = {one.name for one in seen.replications if one.is_active}
    active |= {tables_subject(one.name) for one in seen.sources if one.is_active}
    standing = metadata.alerts.read(standing=True)
    found = transitions(standing, conditions(seen), seen.statuses, config.alerts.kinds, active)
    found = replace(found, raised=[_with_changes(runtime, condition) for condition in found.raised])
    _write(runtime, found, seen.at)
    return found


def _with_changes(runtime: Runtime, condition: Condition) -> Condition:
    """Return what became wrong; of a held sync with where most of it would happen, if that can be read."""
    from filesync_dagster.sync.held_changes import load_held_sync  # it loads Arrow and DuckDB

    endpoint = runtime.config.by_name.get(condition.subject)
    if condition.kind is not AlertKind.HELD or endpoint is None:
        return condition
    try:
        held = load_held_sync(runtime, endpoint)
    except FilesyncError:  # it was decided meanwhile, or its files are out of reach: what is wrong is told all the same
        return condition
    return replace(condition, sentence=f"{held.reason} {held.where}".strip())


def observe(runtime: Runtime) -> Observation:
    """Look at everything: `conditions` tells what of it is wrong. Raises DatabaseError."""
    at, config = runtime.metadata.now(), runtime.config
    statuses = endpoint_statuses(runtime)
    expected, queues = _expectations(runtime, at), _queue_troubles(runtime)
    replications, limits = replication_statuses(runtime), _lag_limits(runtime)
    sources = source_statuses(runtime)
    return Observation(at, statuses, expected, queues, config.broken, config.unread, replications, limits, sources)


def _lag_limits(runtime: Runtime) -> dict[str, timedelta]:
    config = runtime.config
    limits = {one.name: lag_limit(one, config.by_name[one.source]) for one in config.active_replications}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _write(runtime: Runtime, found: Transitions, at: datetime) -> None:
    metadata = runtime.metadata
    metadata.alerts.raise_all([_record(condition, at) for condition in found.raised], at)
    # Where nobody is told, there is nobody to whom it would be news.
    silently = not runtime.config.alerts.urls
    metadata.alerts.clear([(alert.key, run_id) for alert, run_id in found.cleared], at, silently=silently)
    metadata.alerts.clear([(alert.key, None) for alert in found.dropped], at, silently=True)
    for condition in found.raised:
        event("alert.raised", subject=condition.subject, kind=condition.kind.value, run_id=condition.run_id)
    for alert, run_id in found.cleared:
        event("alert.cleared", subject=alert.subject, kind=alert.kind, run_id=run_id)


def _record(condition: Condition, at: datetime) -> AlertRecord:
    since = condition.since or at
    hint = condition.hint or None
    return AlertRecord(condition.subject, condition.kind.value, since, condition.sentence, hint, condition.run_id)


def _queue_troubles(runtime: Runtime) -> list[QueueTrouble]:
    """Return what is wrong with queues. Of one that is not configured any more, the messages that it left behind."""
    configured = {queue.name for queue in runtime.config.queues}
    found = runtime.metadata.queues.troubles()
    return [trouble if trouble.name in configured else replace(trouble, error=None) for trouble in found]


def _expectations(runtime: Runtime, at: datetime) -> dict[str, Expectation]:
    """Return when each endpoint is stale. One that nothing is known of is registered: from now on it is waited for."""
    metadata, config = runtime.metadata, runtime.config
    known = metadata.endpoints.expectations()
    for endpoint in config.active:
        if endpoint.name not in known:
            runtime.register(endpoint)
    windows = {endpoint.name: freshness(endpoint) for endpoint in config.endpoints}
    within = {name: window[1] if window else NEVER for name, window in windows.items()}
    gone = known.keys() - within.keys() - {entry.name for entry in config.broken}
    changed = {
        name: _expected(known[name], window, at)
        for name, window in {**within, **dict.fromkeys(gone, NEVER)}.items()
        if name in known and known[name].seconds != int(window.total_seconds())
    }
    metadata.endpoints.expect(changed)
    noted, new = {**known, **changed}, ExpectedRecord(at)
    return {
        name: Expectation(window, noted.get(name, new).registered_at, noted.get(name, new).since)
        for name, window in within.items()
        if window
    }


def _expected(known: ExpectedRecord, within: timedelta, at: datetime) -> ExpectedRecord:
    """Return what is to be noted. Who is watched again, or more closely, is not late before it could be in time."""
    seconds = int(within.total_seconds())
    is_new = known.seconds is not None and (not known.seconds or seconds < known.seconds)
    return replace(known, seconds=seconds, since=at if is_new else known.since)


@dataclass(frozen=True)
class Crash:
    """A run, from `since` to `until`, that ended without a word from us about these endpoints, or about its job."""

    run_id: str
    names: Sequence[str]
    job: str | None
    since: datetime
    until: datetime
    sentence: str
    hint: str


def note_crash(runtime: Runtime, crash: Crash) -> None:
    """Raise that a run ended without a word about its endpoints.

    It is over when a sync of each has ended since. Where the run said how every endpoint fared, and for one that has
    none, it is raised about the `job`, until `note_success` of a run that ended later.
    """
    if not runtime.config.alerts.wants(AlertKind.CRASHED):
        return
    said = runtime.metadata.endpoints.synced_in(crash.run_id, crash.since)
    unsaid = [name for name in crash.names if name not in said]
    subjects = dict.fromkeys(unsaid, crash.since) or ({JOB + crash.job: crash.until} if crash.job else {})
    now = runtime.metadata.now()  # what another machine's clock says may be yet to come
    found = [
        Condition(name, AlertKind.CRASHED, crash.sentence, crash.hint, crash.run_id, min(at, now))
        for name, at in subjects.items()
    ]
    _write(runtime, Transitions(found), now)


def crashed_jobs(runtime: Runtime) -> dict[str, datetime]:
    """Return the jobs about which something is raised, and since when: the end of a run."""
    standing = [alert for alert in runtime.metadata.alerts.read(standing=True) if alert.subject.startswith(JOB)]
    return {alert.subject.removeprefix(JOB): alert.raised_at for alert in standing}


def note_success(runtime: Runtime, job: str, run_id: str) -> None:
    """Clear what was raised about a job."""
    standing = [alert for alert in runtime.metadata.alerts.read(standing=True) if alert.subject == JOB + job]
    _write(runtime, Transitions(cleared=[(alert, run_id) for alert in standing]), runtime.metadata.now())


def channels_of(runtime: Runtime) -> list[Channel]:
    """Return the configured channels. A secret that cannot be fetched makes one that says so."""
    return open_channels([_url(runtime, number) for number in range(len(runtime.config.alerts.urls))])


def _url(runtime: Runtime, number: int) -> str | ConfigError:
    try:
        return runtime.secret(runtime.config.alerts.urls[number])
    except ConfigError as error:
        return error


def try_channels(runtime: Runtime) -> dict[str, str | None]:
    """Send a test message to every channel; return why it could not be, by channel, or None."""
    return {channel.name: channel.send(TEST) for channel in channels_of(runtime)}


def tell(runtime: Runtime) -> Round:
    """Tell what waits to be told. Without a channel it waits until there is one. Raises DatabaseError."""
    if not runtime.config.alerts.urls:
        return Round()
    teller = Dispatcher(runtime)
    # The second time for what the first one found: that a channel fails, or works again.
    if teller.round():
        teller.round()
    return Round(told=teller.told, failures=teller.failures)


class Dispatcher:
    """One round: what is known of the channels by now, and how long it may take."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.metadata = runtime.metadata
        self.link_base = runtime.config.alerts.link_base or runtime.config.environment.dagster_link
        self.deadline = time.monotonic() + ROUND_TIMEOUT_SECONDS
        self.failures: dict[str, str] = {}
        self.well: set[str] = set()
        self.told = 0

    @cached_property
    def channels(self) -> list[Channel]:
        """The channels. Opened when something is to be told: their secrets may be far away, and Apprise is heavy."""
        return channels_of(self.runtime)

    def round(self) -> bool:
        """Tell what is due; False when there was nothing."""
        claimed = self.metadata.alerts.claim(CLAIM_SECONDS)
        for message in messages(claimed, self.link_base):
            self._tell(message)
        if claimed:
            self._judge()
        return bool(claimed)

    def _tell(self, message: AlertMessage) -> None:
        know, wanting, late = set(message.told), [], []
        for channel in self.channels:
            if channel.name in know or _is_about(message, channel):
                continue
            if time.monotonic() > self.deadline:
                late.append(channel.name)
                continue
            # One that just failed is not made to fail once for each message.
            error = self.failures.get(channel.name) or channel.send(message)
            if error is None:
                know.add(channel.name)
                self.well.add(channel.name)
                self.told += 1
            else:
                self.failures[channel.name] = error
                wanting.append(channel.name)
        error = "; ".join(f"{name}: {self.failures[name]}" for name in wanting) or None
        attempts = max(alert.attempts for alert in message.alerts)
        rest = min(FIRST_WAIT * 2 ** min(attempts - 1, 10), LONGEST_WAIT)
        wait = 1.0 if late else rest if wanting else None
        self.metadata.alerts.note_told(message.alerts, know, error=error, wait=wait)
        if wanting:
            event("alert.untold", level=logging.WARNING, title=message.title, error=error)
        elif not late:
            event("alert.told", title=message.title)

    def _judge(self) -> None:
        """Raise what a channel that fails means for those who rely on it, clear what is over."""
        at = self.metadata.now()
        standing = {a.subject: a for a in self.metadata.alerts.read(standing=True) if a.kind == AlertKind.CHANNEL}
        names = {channel.name for channel in self.channels}
        wanted = self.runtime.config.alerts.wants(AlertKind.CHANNEL)
        found = Transitions(
            raised=[
                Condition(
                    name,
                    AlertKind.CHANNEL,
                    f"The channel {name} could not be told: {error}",
                    "What it missed is tried again. `filesync alerts --test` tries it at once.",
                )
                for name, error in self.failures.items()
                if wanted and name not in standing
            ],
            cleared=[(a, None) for name, a in standing.items() if name in self.well - self.failures.keys()],
            dropped=[a for name, a in standing.items() if name not in names],
        )
        _write(self.runtime, found, at)


def _is_about(message: AlertMessage, channel: Channel) -> bool:
    return all(alert.kind == AlertKind.CHANNEL and alert.subject == channel.name for alert in message.alerts)
