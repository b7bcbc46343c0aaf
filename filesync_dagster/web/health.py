"""How everything is doing. What costs a look at the network is looked at once in a while, however often it is asked."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Generic, TypeVar

from filesync_dagster.config import AlertKind
from filesync_dagster.core.errors import ConfigError, FilesyncError, StorageError
from filesync_dagster.core.model import SyncStatus
from filesync_dagster.monitoring.alerts import UNWATCHED, conditions, observe
from filesync_dagster.orchestration.client import DagsterClient
from filesync_dagster.web.messages import (
    Component,
    EndpointHealth,
    Health,
    Level,
    Readiness,
    StandingAlert,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from filesync_dagster.api import Filesync
    from filesync_dagster.monitoring.alerts import Condition, Observation
    from filesync_dagster.storage.database import AlertRecord
    from filesync_dagster.sync.status import EndpointStatus
    from filesync_dagster.web.site import Site

REUSE_SECONDS = 5.0
"""Seconds for which what was found counts as how it is."""

DAGSTER_TIMEOUT_SECONDS = 5.0
"""Seconds that Dagster's web server has to answer a health check."""

MIN_FREE_BYTES = 500_000_000

WRONG = frozenset({AlertKind.FAILED, AlertKind.HELD, AlertKind.BREAKER_OPEN, AlertKind.STALE})
"""What somebody should look at, whatever the endpoint is doing now. Drift is over as soon as it is seen."""

T = TypeVar("T")


@dataclass
class CachedAnswer(Generic[T]):
    """The answer to an expensive question.

    However many ask at once, it is found out twice at most: an answer that was begun after one asked is good enough.
    """

    ask: Callable[[], T]
    seconds: float = REUSE_SECONDS
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _known: list[tuple[float, T]] = field(default_factory=list)

    def __call__(self) -> T:
        """Return what is known, if it is fresh, or ask."""
        asked = time.monotonic()
        with self._lock:
            if not self._known or self._known[0][0] < asked - self.seconds:
                began = time.monotonic()
                self._known = [(began, self.ask())]
            return self._known[0][1]


class HealthCheck:
    """Looks at every part."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.dagster = CachedAnswer(self._dagster)
        self.health = CachedAnswer(self._health)
        self.readiness = CachedAnswer(self._readiness, 1.0)

    def _health(self) -> Health:
        try:
            with self._site.current.acquire() as filesync:
                components, endpoints, alerts = _of(filesync)
        except ConfigError as error:
            components, endpoints, alerts = [_failing("configuration", error)], [], []
        components += self.dagster()
        levels = [*(c.status for c in components), *(e.status for e in endpoints)]
        return Health(
            status=worst([*levels, "degraded" if alerts else "ok"]),
            version=version("filesync-dagster"),
            checked_at=datetime.now(UTC),
            components=components,
            endpoints=endpoints,
            alerts=alerts,
        )

    def _readiness(self) -> Readiness:
        try:
            with self._site.current.acquire() as filesync:
                filesync.runtime.metadata.leases.current()
        except FilesyncError as error:
            return Readiness(ready=False, error=str(error))
        return Readiness(ready=True)

    def _dagster(self) -> list[Component]:
        """Return how Dagster is doing; nothing when nobody said where it is."""
        url = self._site.known_dagster
        if url is None:
            return []
        try:
            with DagsterClient(url, self._site.installation, timeout=DAGSTER_TIMEOUT_SECONDS) as client:
                daemons = client.daemon_health()
        except FilesyncError as error:
            return [_failing("dagster_webserver", error)]
        silent = [daemon.type.lower() for daemon in daemons if daemon.required and not daemon.healthy]
        hint = "Is `filesync up`, `filesync daemon` or `dagster-daemon run` running?"
        return [
            Component(name="dagster_webserver", status="ok"),
            Component(
                name="dagster_daemon",
                status="failing" if silent else "ok",
                detail=f"No sign of life from {', '.join(silent)}. {hint}" if silent else "",
            ),
        ]


def worst(levels: Iterable[Level]) -> Level:
    """Return how everything is doing. An endpoint never makes it worse than degraded."""
    found = set(levels)
    return "failing" if "failing" in found else "degraded" if "degraded" in found else "ok"


def _of(filesync: Filesync) -> tuple[list[Component], list[EndpointHealth], list[StandingAlert]]:
    components = [_configuration(filesync), _snapshots(filesync)]
    try:
        endpoints = _endpoints(observe(filesync.runtime))
        alerts = [_alert(one) for one in filesync.alerts()]
        components += _told(filesync)
    except StorageError as error:
        return [*components, _failing("database", error)], [], []
    return [*components, Component(name="database", status="ok")], endpoints, alerts


def _configuration(filesync: Filesync) -> Component:
    problems = filesync.config.problems
    return Component(name="configuration", status="degraded" if problems else "ok", detail="\n".join(problems))


def _snapshots(filesync: Filesync) -> Component:
    try:
        free = filesync.runtime.snapshots.check()
    except FilesyncError as error:
        return _failing("snapshots", error)
    if free is not None and free < MIN_FREE_BYTES:
        detail = f"Only {free / 1e6:.0f} MB are free where the snapshots are."
        return Component(name="snapshots", status="degraded", detail=detail)
    return Component(name="snapshots", status="ok")


def _told(filesync: Filesync) -> list[Component]:
    """Return whether people can be told what is wrong, where something could not be told lately."""
    errors = {a.error for a in filesync.runtime.metadata.alerts.read() if a.error and a.told_at is None}
    return [Component(name="alerts", status="degraded", detail="\n".join(sorted(errors)))] if errors else []


def _endpoints(seen: Observation) -> list[EndpointHealth]:
    wrong: dict[str, list[Condition]] = {}
    for condition in conditions(seen):
        if condition.kind in WRONG:
            wrong.setdefault(condition.subject, []).append(condition)
    return [_endpoint(one, wrong.get(one.name, [])) for one in seen.statuses]


def _endpoint(one: EndpointStatus, wrong: Sequence[Condition]) -> EndpointHealth:
    sentences = [condition.sentence for condition in wrong]
    if one.state == "broken" or _is_partial(one):
        sentences.insert(0, one.error or "Its last sync could not read everything.")
    return EndpointHealth(
        endpoint=one.name,
        state=one.state,
        status="degraded" if sentences else "ok",
        checked_at=one.last_sync.sync_completed if one.last_sync else None,
        last_success=one.last_success,
        stale=any(condition.kind is AlertKind.STALE for condition in wrong),
        error=" ".join(sentences) or None,
    )


def _is_partial(one: EndpointStatus) -> bool:
    last = one.last_sync
    return one.state not in UNWATCHED and last is not None and last.sync_status is SyncStatus.PARTIAL


def _alert(one: AlertRecord) -> StandingAlert:
    return StandingAlert(subject=one.subject, kind=one.kind, raised_at=one.raised_at, sentence=one.sentence)


def _failing(name: str, error: FilesyncError) -> Component:
    return Component(name=name, status="failing", detail=str(error))
