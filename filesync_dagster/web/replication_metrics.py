"""What Prometheus may ask for about replications."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from filesync_dagster.config import lag_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from prometheus_client import Metric

    from filesync_dagster.api import Filesync
    from filesync_dagster.replication.status import ReplicationStatus


@dataclass(frozen=True)
class ReplicaReading:
    """A gauge of each replication; no sample where it has nothing to tell."""

    name: str
    help: str
    of: Callable[[ReplicationStatus], float | None]


READINGS = (
    ReplicaReading("filesync_replication_active", "1: it is run.", lambda r: r.is_active),
    ReplicaReading("filesync_replication_running", "1: a run is at it.", lambda r: r.running_since is not None),
    ReplicaReading("filesync_replication_held", "1: the guard holds a plan, which waits for a decision.",
                   lambda r: r.held_plan_id is not None),
    ReplicaReading("filesync_replication_failed", "1: its last run failed.", lambda r: r.last_outcome == "failed"),
    ReplicaReading("filesync_replication_partial", "1: its last run could not do everything.",
                   lambda r: r.last_outcome == "partial"),
    ReplicaReading("filesync_replication_files", "Files that the destination has from us.", lambda r: r.files),
    ReplicaReading("filesync_replication_bytes", "Bytes that the destination has from us.", lambda r: r.bytes),
    ReplicaReading("filesync_replication_files_verified", "Of the files, those that a hash proves to be right.",
                   lambda r: r.verified_by_hash),
    ReplicaReading("filesync_replication_lag_seconds", "Since when the source has what the replica has not; 0: all.",
                   lambda r: r.lag_seconds),
    ReplicaReading("filesync_replication_last_run_timestamp_seconds", "When its last run ended.",
                   lambda r: None if r.last_run is None else r.last_run.timestamp()),
)  # fmt: skip


def replication_metrics(filesync: Filesync, statuses: Iterable[ReplicationStatus]) -> Iterator[Metric]:
    """Yield every metric of replications; without samples where there are none."""
    known = list(statuses)
    info = GaugeMetricFamily(
        "filesync_replication_info",
        "What a replication is; always 1.",
        labels=["replication", "source", "destination", "state"],
    )
    problems = GaugeMetricFamily(
        "filesync_replication_problems", "Files that are not as they should be.", labels=["replication", "kind"]
    )
    for one in known:
        info.add_metric([one.name, one.source, one.destination, one.state], 1)
        for kind, count in one.problems.items():
            problems.add_metric([one.name, kind], count)
    yield info
    for reading in READINGS:
        family = GaugeMetricFamily(reading.name, reading.help, labels=["replication"])
        for one in known:
            value = reading.of(one)
            if value is not None:
                family.add_metric([one.name], float(value))
        yield family
    yield problems
    yield _limits(filesync)
    yield from _operations(filesync, {one.name for one in known})


def _limits(filesync: Filesync) -> Metric:
    family = GaugeMetricFamily(
        "filesync_replication_lag_limit_seconds",
        "How long a replica may lack what its source has, by its schedule, before an alert is raised.",
        labels=["replication"],
    )
    config = filesync.config
    for one in config.active_replications:
        limit = lag_limit(one, config.by_name[one.source])
        if limit is not None:
            family.add_metric([one.name], limit.total_seconds())
    return family


def _operations(filesync: Filesync, names: set[str]) -> Iterator[Metric]:
    """Yield what became of the operations of all plans that are kept: they go with `retention.journal_days`."""
    count = GaugeMetricFamily(
        "filesync_replication_operations",
        "Operations of the plans that are kept, by what came of them.",
        labels=["replication", "op", "result"],
    )
    sent = GaugeMetricFamily(
        "filesync_replication_operation_bytes",
        "Bytes that these operations sent.",
        labels=["replication", "op", "result"],
    )
    for name, op, state, number, size in filesync.runtime.metadata.plans.counts_by_result() if names else ():
        if name in names:
            count.add_metric([name, op, state], number)
            sent.add_metric([name, op, state], size)
    yield from (count, sent)
