"""Runs and daemons as Dagster's web server describes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from filesync_dagster.orchestration.tags import (
    ASSET_PREFIX,
    FULL_TAG,
    LIVE_TAG,
    OUR_TAG,
    PARTITION_TAG,
    REPLICA_PREFIX,
    REPORTS_PREFIX,
    SYNC,
)

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

PENDING = ("QUEUED", "NOT_STARTED")
UNFINISHED = (*PENDING, "STARTING", "STARTED", "CANCELING")


@dataclass(frozen=True)
class DagsterRun:
    """One run as Dagster knows it."""

    id: str
    status: str  # Dagster's word: QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING, SUCCESS, FAILURE, CANCELED
    job: str
    created: datetime
    started: datetime | None = None
    ended: datetime | None = None
    endpoints: tuple[str, ...] = ()  # what it was asked to sync; empty: no endpoint, or the whole job
    replications: tuple[str, ...] = ()  # what it was asked to replicate
    whole_job: bool = False  # launched without a selection: every active endpoint
    parent: str | None = None
    root: str | None = None
    can_terminate: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition(self) -> str | None:
        """The day it syncs."""
        return self.tags.get(PARTITION_TAG)

    @property
    def is_live(self) -> bool:
        """Whether it syncs what is there when it begins, whatever its partition."""
        return self.tags.get(LIVE_TAG) == "true"

    @property
    def is_full(self) -> bool:
        """Whether it lists everything from the start."""
        return self.tags.get(FULL_TAG) == "true"

    @property
    def is_pending(self) -> bool:
        """Whether it waits to be started."""
        return self.status in PENDING

    @property
    def is_finished(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status not in UNFINISHED


@dataclass(frozen=True)
class DaemonStatus:
    """How one of Dagster's daemons is doing."""

    type: str  # SCHEDULER, SENSOR, MONITORING, …
    required: bool
    healthy: bool
    last_heartbeat: datetime | None = None
    errors: tuple[str, ...] = ()


def is_ours(tags: Container[str], assets: Iterable[Sequence[str]]) -> bool:
    """Tell whether a run with these tags, of these assets and of checks of them, is one of ours.

    It is when it is of one of our jobs, or of nothing but our assets: others may share the instance.
    """
    folders = {path[0] for path in assets}
    return OUR_TAG in tags or (bool(folders) and folders <= {ASSET_PREFIX, REPLICA_PREFIX, REPORTS_PREFIX})


def selects_ours(answer: Mapping[str, Any], location: str) -> bool:
    """Tell whether a run, as the web server describes it, selects nothing but our assets in a code location."""
    if (answer["repositoryOrigin"] or {}).get("repositoryLocationName") != location:
        return False
    checked = (check["assetKey"] for check in answer["assetCheckSelection"] or ())
    keys = (*(answer["assetSelection"] or ()), *checked)
    return is_ours((), [key["path"] for key in keys])


def parse_run(answer: Mapping[str, Any], live: Container[str]) -> DagsterRun:
    """Return a run from what the web server says of it; `live`: the ids of those with the hidden tag of live runs."""
    paths = [key["path"] for key in answer["assetSelection"] or ()]
    hidden = {LIVE_TAG: "true"} if answer["id"] in live else {}
    return DagsterRun(
        id=answer["id"],
        status=answer["status"],
        job=answer["jobName"],
        created=datetime.fromtimestamp(answer["creationTime"], UTC),
        started=moment_of(answer["startTime"]),
        ended=moment_of(answer["endTime"]),
        endpoints=tuple(path[1] for path in paths if len(path) == 2 and path[0] == ASSET_PREFIX),  # noqa: PLR2004
        replications=tuple(path[1] for path in paths if len(path) == 2 and path[0] == REPLICA_PREFIX),  # noqa: PLR2004
        whole_job=answer["jobName"] == SYNC and not answer["assetSelection"] and not answer["assetCheckSelection"],
        parent=answer["parentRunId"],
        root=answer["rootRunId"],
        can_terminate=answer["canTerminate"],
        tags={**{tag["key"]: tag["value"] for tag in answer["tags"]}, **hidden},
    )


def moment_of(seconds: float | None) -> datetime | None:
    """Return a moment in UTC from the seconds since 1970."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
