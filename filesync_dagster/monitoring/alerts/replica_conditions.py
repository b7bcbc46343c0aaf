"""What is wrong with replications at a moment. Pure: everything it needs to know is given."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from filesync_dagster.config import AlertKind
from filesync_dagster.monitoring.alerts.condition import Condition, span_text

if TYPE_CHECKING:
    from filesync_dagster.replication.status import ReplicationStatus

PASSING = frozenset({"stale", "busy", "skipped"})
"""Problems of files that the next run mostly finds solved, or that are meant so."""


def replica_conditions(
    status: "ReplicationStatus", limits: Mapping[str, timedelta], at: datetime
) -> Iterator[Condition]:
    """Yield what is wrong with one replication. `limits`: how long each may lack what its source has."""
    name = status.name
    if not status.is_active:
        return
    if status.last_outcome == "failed":
        sentence = status.error or "The replication failed."
        yield Condition(
            name, AlertKind.REPLICATION_FAILED, sentence, f"`filesync replicate {name}` tries again at once."
        )
    if status.held_plan_id is not None:
        yield Condition(
            name,
            AlertKind.REPLICATION_HELD,
            status.held_reason or "A plan is held by the guard.",
            f"`filesync plan {name}` shows what it would do, then `filesync approve {name}` or "
            f"`filesync reject {name}`.",
        )
    yield from _lag(status, limits.get(name), at)
    lasting = {kind: count for kind, count in status.problems.items() if count and kind not in PASSING}
    if lasting:
        total = sum(lasting.values())
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(lasting.items()))
        yield Condition(
            name,
            AlertKind.REPLICATION_PROBLEMS,
            f"{total:,} {'file is' if total == 1 else 'files are'} not at the destination as they should be: {kinds}.",
            f"`filesync plan {name}` names them; the others are replicated.",
        )


def _lag(status: "ReplicationStatus", limit: timedelta | None, at: datetime) -> Iterator[Condition]:
    lag = timedelta(seconds=status.lag_seconds or 0)
    if limit is None or lag <= limit or status.held_plan_id is not None:
        return  # what is held waits for somebody, who is told so
    sentence = (
        f"Its source has had something since {at - lag:%Y-%m-%d %H:%M} UTC that the destination has not, for more than "
        f"{span_text(limit)}."
    )
    if status.running_since:
        sentence += f" A run has been at it since {status.running_since:%Y-%m-%d %H:%M} UTC."
    hint = "Is the Dagster daemon running, with its sensors and schedules on? `filesync status` shows more."
    yield Condition(status.name, AlertKind.REPLICATION_LAG, sentence, hint)
