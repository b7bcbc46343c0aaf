"""How everything is doing. What costs a look at the network is looked at once in a while, however often it is asked."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Generic, TypeVar

from filesync_dagster.errors import ConfigError, FilesyncError, StorageError
from filesync_dagster.serving.dagster_client import DagsterClient
from filesync_dagster.serving.http.messages import Component, EndpointHealth, Health, Level, Readiness

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from filesync_dagster.api import Filesync
    from filesync_dagster.inventory import EndpointStatus
    from filesync_dagster.serving.http.site import Site

FRESH = 5.0
"""Seconds for which what was found counts as how it is."""

DAGSTER_PATIENCE = 5.0
"""Seconds that Dagster's web server has to answer a health check."""

LITTLE_SPACE = 500_000_000

WRONG: frozenset[str] = frozenset({"failed", "held", "partial", "breaker open", "broken"})
"""States of an endpoint that somebody should look at."""

T = TypeVar("T")


@dataclass
class Remembered(Generic[T]):
    """The answer to an expensive question.

    However many ask at once, it is found out twice at most: an answer that was begun after one asked is good enough.
    """

    ask: Callable[[], T]
    seconds: float = FRESH
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
        self.dagster = Remembered(self._dagster)
        self.health = Remembered(self._health)
        self.readiness = Remembered(self._readiness, 1.0)

    def _health(self) -> Health:
        try:
            with self._site.current.lent() as filesync:
                components, endpoints = _of(filesync)
        except ConfigError as error:
            components, endpoints = [_failing("configuration", error)], []
        components += self.dagster()
        return Health(
            status=worst([*(c.status for c in components), *(e.status for e in endpoints)]),
            version=version("filesync-dagster"),
            checked_at=datetime.now(UTC),
            components=components,
            endpoints=endpoints,
        )

    def _readiness(self) -> Readiness:
        try:
            with self._site.current.lent() as filesync:
                filesync.workspace.metadata.running()
        except FilesyncError as error:
            return Readiness(ready=False, error=str(error))
        return Readiness(ready=True)

    def _dagster(self) -> list[Component]:
        """Return how Dagster is doing; nothing when nobody said where it is."""
        if self._site.dagster_url is None:
            return []
        try:
            with DagsterClient(self._site.dagster_url, timeout=DAGSTER_PATIENCE) as client:
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


def _of(filesync: Filesync) -> tuple[list[Component], list[EndpointHealth]]:
    components = [_configuration(filesync), _snapshots(filesync)]
    try:
        endpoints = [_endpoint(one) for one in filesync.status()]
        components += _told(filesync)
    except StorageError as error:
        return [*components, _failing("database", error)], []
    return [*components, Component(name="database", status="ok")], endpoints


def _configuration(filesync: Filesync) -> Component:
    problems = filesync.config.problems
    return Component(name="configuration", status="degraded" if problems else "ok", detail="\n".join(problems))


def _snapshots(filesync: Filesync) -> Component:
    try:
        free = filesync.workspace.snapshots.check()
    except FilesyncError as error:
        return _failing("snapshots", error)
    if free is not None and free < LITTLE_SPACE:
        detail = f"Only {free / 1e6:.0f} MB are free where the snapshots are."
        return Component(name="snapshots", status="degraded", detail=detail)
    return Component(name="snapshots", status="ok")


def _told(filesync: Filesync) -> list[Component]:
    """Return whether people can be told what is wrong, where something could not be told lately."""
    errors = {a.error for a in filesync.workspace.metadata.alerts() if a.error and a.told_at is None}
    return [Component(name="alerts", status="degraded", detail="\n".join(sorted(errors)))] if errors else []


def _endpoint(one: EndpointStatus) -> EndpointHealth:
    return EndpointHealth(
        endpoint=one.name,
        state=one.state,
        status="degraded" if one.state in WRONG else "ok",
        checked_at=one.last_sync.sync_completed if one.last_sync else None,
        last_success=one.last_success,
        error=one.error if one.state in WRONG else None,
    )


def _failing(name: str, error: FilesyncError) -> Component:
    return Component(name=name, status="failing", detail=str(error))
