"""What became wrong, and what is over. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from filesync_dagster.config import AlertKind
from filesync_dagster.monitoring.alerts.condition import Condition
from filesync_dagster.monitoring.alerts.conditions import UNWATCHED
from filesync_dagster.monitoring.alerts.messages import ABOUT_ENDPOINTS, ABOUT_REPLICATIONS, ABOUT_TABLES
from filesync_dagster.storage.database import AlertRecord
from filesync_dagster.sync.status import EndpointStatus

ELSEWHERE = (AlertKind.CHANNEL,)
"""Kinds that are raised and cleared where they happen."""


@dataclass(frozen=True)
class Transitions:
    """What to write, and to tell."""

    raised: Sequence[Condition] = ()
    cleared: Sequence[tuple[AlertRecord, str | None]] = ()  # with the run that cleared it, where it is known
    dropped: Sequence[AlertRecord] = ()  # over, but nobody recovered: nothing to tell


def transitions(
    standing: Iterable[AlertRecord],
    found: Iterable[Condition],
    statuses: Iterable[EndpointStatus],
    kinds: Collection[str] | None = None,
    replications: Collection[str] = (),
) -> Transitions:
    """Compare what stands with what is wrong now. `kinds`: those that are wanted; None: all.

    `replications`: those that are active, and the sources of tables, as `tables/NAME`. An alert about something that
    left the configuration, or of which nothing is expected any more, is dropped.
    """
    known = {alert.key: alert for alert in standing}
    watched = {status.name: status for status in statuses if status.state not in UNWATCHED}
    wrong = {c.key: c for c in found if kinds is None or c.kind in kinds}
    cleared, dropped = [], []
    for key, alert in known.items():
        if kinds is not None and alert.kind not in kinds:
            dropped.append(alert)
        elif key not in wrong and not _stays(alert, watched):
            known_subjects = replications if alert.kind in ABOUT_REPLICATIONS | ABOUT_TABLES else watched
            if _has_a_name(alert) and alert.subject not in known_subjects:
                dropped.append(alert)
            else:
                cleared.append((alert, _cleared_by(alert, watched)))
    return Transitions([c for key, c in wrong.items() if key not in known], cleared, dropped)


def _has_a_name(alert: AlertRecord) -> bool:
    """Tell whether an alert is about an endpoint, a replication or a source of tables."""
    crashed_endpoint = alert.kind == AlertKind.CRASHED and not alert.subject.startswith(JOB)
    return alert.kind in ABOUT_ENDPOINTS | ABOUT_REPLICATIONS | ABOUT_TABLES or crashed_endpoint


def _stays(alert: AlertRecord, watched: dict[str, EndpointStatus]) -> bool:
    """Tell whether an alert that nobody can see by looking still stands."""
    if alert.kind in ELSEWHERE:
        return True
    if alert.kind != AlertKind.CRASHED:
        return False
    if alert.subject.startswith(JOB):
        return True  # until a run of that job succeeds
    status = watched.get(alert.subject)
    # A run that ended without a word about an endpoint matters until a later sync of it has ended, however.
    return status is not None and (status.last_sync is None or status.last_sync.sync_completed <= alert.raised_at)


JOB = "job "
"""What the subject of a crash begins with that is about no endpoint; no endpoint has a space in its name."""


def _cleared_by(alert: AlertRecord, watched: dict[str, EndpointStatus]) -> str | None:
    status = watched.get(alert.subject)
    return status.last_sync.run_id if status and status.last_sync else None
