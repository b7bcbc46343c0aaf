"""How replications are doing. Loads neither Arrow nor DuckDB: `status` has to be quick."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from filesync_dagster.config import Replication
from filesync_dagster.storage.database.plans import PlanRow
from filesync_dagster.storage.database.replications import ReplicationRecord
from filesync_dagster.sync.runtime import Runtime


@dataclass(frozen=True, slots=True)
class ReplicationStatus:
    """How one replication is doing."""

    name: str
    title: str
    source: str
    destination: str  # its type, or the endpoint that it is
    mode: str
    state: str  # ok | partial | held | failed | rejected | running | never run | disabled
    is_active: bool
    files: int  # of the replica, as its last run left it
    bytes: int
    verified_by_hash: int  # of files
    acknowledged: int  # of files: the destination only said that it has them
    lag_seconds: float | None  # since when the source has what the replica has not; 0: nothing; None: never run
    last_run: datetime | None
    held_plan_id: int | None
    held_reason: str | None
    held_counts: Mapping[str, int] | None
    problems: Mapping[str, int]  # files by what is the matter with them
    running_since: datetime | None
    error: str | None
    last_outcome: str | None = None  # of its last run, also while another one is at it

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        moments = {"last_run": self.last_run, "running_since": self.running_since}
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in moments}
        return fields | {name: at.isoformat() if at else None for name, at in moments.items()}


def replication_statuses(runtime: Runtime) -> list[ReplicationStatus]:
    """Return how every configured replication is doing."""
    if not runtime.config.replications:
        return []
    known = {record.name: record for record in runtime.metadata.replications.all()}
    running = {lease.endpoint: lease.acquired_at for lease in runtime.metadata.replication_leases.current()}
    return [_status(runtime, one, known.get(one.name), running.get(one.name)) for one in runtime.config.replications]


def _status(
    runtime: Runtime, replication: Replication, record: ReplicationRecord | None, running: datetime | None
) -> ReplicationStatus:
    metadata = runtime.metadata
    held = metadata.plans.get(record.held_plan_id) if record and record.held_plan_id else None
    return ReplicationStatus(
        name=replication.name,
        title=replication.label,
        source=replication.source,
        destination=replication.destination.endpoint or str(replication.destination.type),
        mode=replication.mode.value,
        state=_state(replication, record, held, running),
        is_active=replication.is_active,
        files=record.files if record else 0,
        bytes=record.bytes if record else 0,
        verified_by_hash=record.files_by_hash if record else 0,
        acknowledged=record.files_acknowledged if record else 0,
        lag_seconds=lag_of(runtime, record) if record else None,
        last_run=record.updated_at if record and record.state != "new" else None,
        held_plan_id=held.id if held else None,
        held_reason=held.guard_reason if held else None,
        held_counts=held.counts if held else None,
        problems=metadata.replications.problem_counts(record.id) if record else {},
        running_since=running,
        error=record.error if record else None,
        last_outcome=record.state if record and record.state != "new" else None,
    )


def _state(
    replication: Replication, record: ReplicationRecord | None, held: PlanRow | None, running: datetime | None
) -> str:
    if running is not None:
        return "running"
    if not replication.is_active:
        return "disabled"
    if record is None or record.state == "new":
        return "never run"
    return "held" if held else "ok" if record.state == "completed" else record.state


def lag_of(runtime: Runtime, record: ReplicationRecord) -> float | None:
    """Return for how many seconds the source has had something that the replica has not; None: it has nothing yet."""
    if record.applied_sync_id is None:
        return None
    since = runtime.metadata.syncs.first_change_after(record.source_endpoint_id, record.applied_sync_id)
    return 0.0 if since is None else max(0.0, (datetime.now(UTC) - since).total_seconds())
