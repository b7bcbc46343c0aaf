"""Everything Prometheus may ask for. Read from the metadata database at each scrape: no sync has to push anything.

Totals (`…_total`) count what has ended since this server started; `increase()` and `rate()` know about restarts.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from filesync_dagster.config import AlertKind, freshness
from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.logging import event
from filesync_dagster.core.model import COMMITTED, NUMBERS
from filesync_dagster.monitoring.alerts import UNWATCHED, conditions, observe
from filesync_dagster.web.health import CachedAnswer
from filesync_dagster.web.machine import machine_metrics, process_metrics
from filesync_dagster.web.replication_metrics import replication_metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from prometheus_client import Metric

    from filesync_dagster.api import Filesync
    from filesync_dagster.core.model import Number
    from filesync_dagster.monitoring.alerts import Observation
    from filesync_dagster.storage.database import SyncRecord
    from filesync_dagster.sync.status import EndpointStatus
    from filesync_dagster.web.health import HealthCheck
    from filesync_dagster.web.site import Site

OVERLAP = timedelta(minutes=15)
"""A log may be committed this long after the moment that it names: a big commit takes its time."""


@dataclass(frozen=True)
class Total:
    """A total of each endpoint, and what one sync adds to it."""

    name: str
    help: str
    of: Callable[[SyncRecord], float]


def _value(number: Number) -> Callable[[SyncRecord], float]:
    """Return a number of a sync; a change as far as it was committed: what the guard holds has not happened."""

    def of(log: SyncRecord) -> float:
        counts = log.sync_status in COMMITTED or not number.is_change
        return (getattr(log, number.name) or 0) if counts else 0

    return of


TOTALS = (
    *(Total(f"filesync_{number.name}", number.total, _value(number)) for number in NUMBERS if number.total),
    Total("filesync_sync_seconds", "Time that syncs took.", lambda log: log.sync_duration),
)


@dataclass(frozen=True)
class Reading:
    """A gauge of each endpoint; no sample where it has nothing to tell."""

    name: str
    help: str
    of: Callable[[EndpointStatus], float | None]


def _seconds(moment: datetime | None) -> float | None:
    return None if moment is None else moment.timestamp()


def _last(one: EndpointStatus, field: str) -> Any:
    return None if one.last_sync is None else getattr(one.last_sync, field)


def _last_value(number: Number) -> Callable[[EndpointStatus], float | None]:
    return lambda one: None if one.last_sync is None else _value(number)(one.last_sync)


READINGS = (
    Reading("filesync_endpoint_active", "1: it is synced.", lambda e: e.state not in ("disabled", "broken")),
    Reading("filesync_endpoint_broken", "1: its entry of endpoints.yaml cannot be used.",
            lambda e: e.state == "broken"),
    Reading("filesync_endpoint_running", "1: a sync is running.", lambda e: e.running_since is not None),
    Reading("filesync_endpoint_files", "Files in the inventory.", lambda e: e.files_total),
    Reading("filesync_endpoint_bytes", "Bytes in the inventory.", lambda e: e.bytes_total),
    Reading("filesync_endpoint_last_success_timestamp_seconds", "The moment that the inventory describes.",
            lambda e: _seconds(e.last_success)),
    Reading("filesync_endpoint_last_full_timestamp_seconds", "The moment of the last listing of everything.",
            lambda e: _seconds(e.last_full.as_of) if e.last_full else None),
    Reading("filesync_endpoint_next_due_timestamp_seconds", "From when it is to be synced again.",
            lambda e: _seconds(e.next_due)),
    Reading("filesync_endpoint_last_sync_timestamp_seconds", "When its last sync ended, whatever came of it.",
            lambda e: _seconds(_last(e, "sync_completed"))),
    Reading("filesync_endpoint_last_sync_duration_seconds", "How long its last sync took.",
            lambda e: _last(e, "sync_duration")),
    *(Reading(f"filesync_endpoint_last_sync_{number.name.removeprefix('files_')}", number.last, _last_value(number))
      for number in NUMBERS if number.last),
)  # fmt: skip

JUDGEMENTS = (
    Reading("filesync_endpoint_held", "1: the guard holds a sync, which waits for a decision.",
            lambda e: e.held_sync_id is not None),
    Reading("filesync_endpoint_failed", "1: its last sync failed.",
            lambda e: e.last_sync is not None and e.last_sync.sync_status == "failed"),
    Reading("filesync_endpoint_partial", "1: its last sync could not read everything.",
            lambda e: e.last_sync is not None and e.last_sync.sync_status == "partial"),
    Reading("filesync_endpoint_breaker_open", "1: its store failed so often that it is left alone.",
            lambda e: e.breaker is not None and e.breaker.state != "closed"),
    Reading("filesync_endpoint_feed_drift", "Changes that the last full listing found and the feed had not told.",
            lambda e: e.last_full.feed_drift if e.last_full else None),
)  # fmt: skip
"""What may be wrong with an endpoint; of one that is switched off nothing is expected, so nothing is told."""


class Totals:
    """Adds up the syncs that end while this server runs. Threads may share one."""

    def __init__(self, started: datetime) -> None:
        self._started = started
        self._looked = started
        self._counted: dict[str, datetime] = {}
        self._sums: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add_new_logs(self, filesync: Filesync, names: Mapping[int, str]) -> Mapping[tuple[str, str], float]:
        """Return each sum by the name of its total and of its endpoint, with what has ended by now."""
        with self._lock:
            now = datetime.now(UTC)
            since = max(self._started, self._looked - OVERLAP)
            for log in filesync.runtime.metadata.syncs.ended_since(since, self._counted):
                if log.endpoint_id in names:
                    self._counted[log.id] = log.sync_completed
                    self._add(log, names[log.endpoint_id])
            self._looked = now
            self._counted = {known: at for known, at in self._counted.items() if at >= now - 2 * OVERLAP}
            return dict(self._sums)

    def _add(self, log: SyncRecord, endpoint: str) -> None:
        for total in TOTALS:
            self._sums[total.name, endpoint] += total.of(log)  # type: ignore[assignment]  # a Counter of floats
        self._sums[f"filesync_syncs/{log.sync_status.value}/{log.mode.value}", endpoint] += 1


class FilesyncCollector:
    """Everything that is measured."""

    def __init__(self, site: Site, health: HealthCheck, started: datetime) -> None:
        self._site = site
        self._health = health
        self._totals = Totals(started)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric. What cannot be asked is left out, and `filesync_up` says so."""
        yield InfoMetricFamily("filesync", "The version that runs.", value={"version": version("filesync-dagster")})
        found: list[Metric] = []
        folders: dict[str, Path] = {}
        try:
            with self._site.current.acquire() as filesync:
                folders = {"home": filesync.runtime.home}
                found = list(self._of(filesync))
        except FilesyncError as error:
            event("metrics.incomplete", error=str(error))
        up = bool(found)
        yield GaugeMetricFamily("filesync_up", "1: the configuration and the database can be read.", value=up)
        yield from found
        yield from self._dagster()
        yield from machine_metrics(folders)
        yield from process_metrics()

    def _of(self, filesync: Filesync) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "filesync_configuration_problems", "What is wrong in endpoints.yaml.", value=len(filesync.config.problems)
        )
        seen = observe(filesync.runtime)
        known = seen.statuses
        yield _info(known)
        for reading in READINGS:
            yield _gauge(reading, known)
        for judgement in JUDGEMENTS:
            yield _gauge(judgement, [one for one in known if one.state not in UNWATCHED])
        yield _stale(seen)
        yield _allowed(filesync)
        yield from self._counted(filesync, [one.name for one in known])
        yield from replication_metrics(filesync, seen.replications)
        yield from _waiting(filesync)
        yield _alerts(filesync)

    def _counted(self, filesync: Filesync, names: list[str]) -> Iterator[Metric]:
        ids = {state.endpoint_id: name for name, state in filesync.runtime.metadata.endpoints.states().items()}
        sums = self._totals.add_new_logs(filesync, ids)
        for total in TOTALS:
            family = CounterMetricFamily(total.name, total.help, labels=["endpoint"])
            for name in names:  # zeros too: what begins at 1 has no increase
                family.add_metric([name], sums.get((total.name, name), 0))
            yield family
        syncs = CounterMetricFamily("filesync_syncs", "Syncs that ended.", labels=["endpoint", "status", "mode"])
        beginnings = [(f"filesync_syncs/{status}/full", name) for status in ("completed", "failed") for name in names]
        for key, name in dict.fromkeys([*beginnings, *(k for k in sums if k[0].startswith("filesync_syncs/"))]):
            _, status, mode = key.split("/")
            syncs.add_metric([name, status, mode], sums.get((key, name), 0))
        yield syncs

    def _dagster(self) -> Iterator[Metric]:
        """Yield whether Dagster is there: nothing when nobody said where."""
        components = {c.name: c.status == "ok" for c in self._health.dagster()}
        if components:
            yield GaugeMetricFamily(
                "filesync_dagster_webserver_up",
                "1: Dagster's web server answers.",
                value=components["dagster_webserver"],
            )
            yield GaugeMetricFamily(
                "filesync_dagster_daemon_up",
                "1: every daemon that is needed gives signs of life.",
                value=components.get("dagster_daemon", False),
            )


def _info(known: Iterable[EndpointStatus]) -> Metric:
    info = GaugeMetricFamily(
        "filesync_endpoint_info", "What an endpoint is; always 1.", labels=["endpoint", "type", "title", "state"]
    )
    for one in known:
        info.add_metric([one.name, one.type, one.title, one.state], 1)
    return info


def _gauge(reading: Reading, known: Iterable[EndpointStatus]) -> Metric:
    family = GaugeMetricFamily(reading.name, reading.help, labels=["endpoint"])
    for one in known:
        value = reading.of(one)
        if value is not None:
            family.add_metric([one.name], float(value))
    return family


def _stale(seen: Observation) -> Metric:
    """Return which endpoints are stale, as alerts have it: also those that were never synced."""
    family = GaugeMetricFamily(
        "filesync_endpoint_stale", "1: its inventory is older than its schedule allows.", labels=["endpoint"]
    )
    stale = {condition.subject for condition in conditions(seen) if condition.kind is AlertKind.STALE}
    for name in seen.expected:
        family.add_metric([name], name in stale)
    return family


def _allowed(filesync: Filesync) -> Metric:
    """Return how old each inventory may be: its cadence, and a grace."""
    family = GaugeMetricFamily(
        "filesync_endpoint_stale_after_seconds",
        "How old the inventory may be, by its schedule, before it is stale.",
        labels=["endpoint"],
    )
    for endpoint in filesync.config.active:
        limits = freshness(endpoint)
        if limits is not None:
            family.add_metric([endpoint.name], limits[1].total_seconds())
    return family


def _waiting(filesync: Filesync) -> Iterator[Metric]:
    metadata = filesync.runtime.metadata
    yield GaugeMetricFamily(
        "filesync_requests_waiting",
        "Syncs that were asked for and are not done.",
        value=len(metadata.requests.read()),
    )
    depth = GaugeMetricFamily("filesync_queue_depth", "Messages that wait in a queue.", labels=["queue"])
    checked = GaugeMetricFamily(
        "filesync_queue_checked_timestamp_seconds", "When it was last looked at how many.", labels=["queue"]
    )
    received = CounterMetricFamily("filesync_queue_received", "Messages that were received.", labels=["queue"])
    dead = CounterMetricFamily("filesync_queue_dead", "Of them, those that could not be used.", labels=["queue"])
    unrouted = CounterMetricFamily("filesync_queue_unrouted", "Keys that concerned no endpoint.", labels=["queue"])
    failing = GaugeMetricFamily("filesync_queue_failing", "1: it cannot be looked at.", labels=["queue"])
    configured = {queue.name for queue in filesync.config.queues}
    for queue in metadata.queues.records():
        if queue.name not in configured:  # nobody looks at it any more
            continue
        if queue.depth is not None:
            depth.add_metric([queue.name], queue.depth)
        if queue.checked_at is not None:
            checked.add_metric([queue.name], queue.checked_at.timestamp())
        received.add_metric([queue.name], queue.received)
        dead.add_metric([queue.name], queue.dead)
        unrouted.add_metric([queue.name], queue.unrouted)
        failing.add_metric([queue.name], float(queue.error is not None))
    yield from (depth, checked, received, dead, unrouted, failing)
    waiting = GaugeMetricFamily("filesync_dead_messages", "Messages set aside and not decided on.", labels=["queue"])
    for trouble in metadata.queues.troubles():
        waiting.add_metric([trouble.name], trouble.dead)
    yield waiting


def _alerts(filesync: Filesync) -> Metric:
    family = GaugeMetricFamily("filesync_alert", "1: this alert stands.", labels=["subject", "kind"])
    for alert in filesync.runtime.metadata.alerts.read(standing=True):
        family.add_metric([alert.subject, alert.kind], 1)
    return family


class Exposition:
    """The metrics as text, in the format that whoever asks prefers."""

    def __init__(self, site: Site, health: HealthCheck, started: datetime | None = None) -> None:
        collector = FilesyncCollector(site, health, started or datetime.now(UTC))
        self._found = CachedAnswer(lambda: list(collector.collect()), 0.0)

    def render(self, accept: str) -> tuple[bytes, str]:
        """Return the text and its content type."""
        encoder, content_type = choose_encoder(accept)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(self._found()))
        text: bytes = encoder(registry)
        return text, content_type


class _Collected(Collector):
    """Metrics that are there already."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> list[Metric]:
        return self._found
