"""A ReplicationResult as Dagster shows it: numbers that are plotted, a data version, the checks."""

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.orchestration.assets.replication_specs import EQUALS_SOURCE, GUARD, VERIFIED, replica_key
from filesync_dagster.orchestration.instance.materialization_log import as_event

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.replication.model import ReplicationResult
    from filesync_dagster.replication.replications import PlanPreview
    from filesync_dagster.replication.status import ReplicationStatus

NUMBERS = (
    "created",
    "updated",
    "moved",
    "deleted",
    "permissions",
    "adopted",
    "skipped",
    "failed",
    "stale",
    "foreign",
    "bytes_sent",
    "files_total",
)
"""Of every run, zeros too: Dagster plots what materializations have."""

HELD = "A plan is held. Look with `filesync plan {0}`, then `filesync approve {0}` or `filesync reject {0}`."

LISTED = ("initial", "reconcile")
"""Scopes of runs that compared with a listing of the destination."""

SAMPLE_ROWS = 50
"""Rows of a table in Dagster's event log, which every run adds to."""

COUNTED = ("created", "updated", "moved", "deleted", "permissions", "adopted", "folders", "impossible", "kept", "bytes")

OPERATION_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("operation", "string"),
        dg.TableColumn("path", "string"),
        dg.TableColumn("new_path", "string"),
        dg.TableColumn("size", "int"),
    ]
)


def replica_materialization(filesync: "Filesync", result: "ReplicationResult") -> dg.MaterializeResult[Any]:
    """Return a run that was done as a materialization of the replication's asset."""
    return dg.MaterializeResult(
        asset_key=replica_key(result.replication),
        metadata=replica_metadata(result),
        data_version=dg.DataVersion(filesync.replications.version(result.replication)),
    )


def replica_event(filesync: "Filesync", result: "ReplicationResult", day: date) -> dg.AssetMaterialization:
    """Return the same as an event of a day that need not be that of the run."""
    return as_event(replica_materialization(filesync, result), f"{day:%Y-%m-%d}")


def replica_metadata(result: "ReplicationResult") -> dict[str, Any]:
    """Return what the asset shows of a run: the same keys each time."""
    shown: dict[str, Any] = {name: getattr(result, name) for name in NUMBERS}
    shown["seconds"] = result.duration_seconds
    shown["replica_lag_seconds"] = float(result.replica_lag_seconds or 0.0)
    shown["filesync/status"] = result.status
    shown["filesync/scope"] = result.scope.value
    shown["plan"] = (
        f"{result.plan_id}: GET /replications/{result.replication}/plans/{result.plan_id}/operations"
        if result.plan_id is not None
        else "nothing was to be done"
    )
    if result.warnings:
        shown["warnings"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in result.warnings[:SAMPLE_ROWS]))
    return shown


def replication_failure(result: "ReplicationResult") -> str | None:
    """Return why a result is none to build on, in a sentence; None when what was planned was done."""
    if result.status == "held":
        return f"held: {result.error} {HELD.format(result.replication)}"
    if result.status in {"failed", "skipped"}:
        return result.error or "The replication failed."
    return None


def replica_checks(
    filesync: "Filesync", status: "ReplicationStatus", result: "ReplicationResult | None" = None
) -> Iterator[dg.AssetCheckResult]:
    """Yield what the checks say of a replica as it is now. `result`: the run that just ended, if one did."""
    compared = _equality(filesync, status, result)
    if compared is not None:
        yield compared
    yield guard_result(filesync, status)
    share = status.verified_by_hash / status.files if status.files else 1.0
    yield dg.AssetCheckResult(
        asset_key=replica_key(status.name),
        check_name=VERIFIED,
        passed=not status.acknowledged,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"Of {status.acknowledged:,} of {status.files:,} files the destination only said that it has them."
        if status.acknowledged
        else None,
        metadata={"share": round(share, 6), "files_verified": status.verified_by_hash, "files_total": status.files},
    )


def guard_result(filesync: "Filesync", status: "ReplicationStatus") -> dg.AssetCheckResult:
    """Return whether a plan waits for a decision, and what it would do."""
    held = _held(filesync, status)
    return dg.AssetCheckResult(
        asset_key=replica_key(status.name),
        check_name=GUARD,
        passed=status.held_plan_id is None,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"{status.held_reason} {HELD.format(status.name)}" if status.held_plan_id else None,
        metadata={"files_total": status.files, **(_held_metadata(held) if held else {})},
    )


def _held(filesync: "Filesync", status: "ReplicationStatus") -> "PlanPreview | None":
    """Return the held plan, as far as it can be read: the check tells that it waits in any case."""
    if status.held_plan_id is None:
        return None
    try:
        return filesync.replications.held(status.name, limit=SAMPLE_ROWS)
    except FilesyncError:
        return None


def _held_metadata(held: "PlanPreview") -> dict[str, Any]:
    return {
        "held/plan": held.plan_id,
        **{f"held/{name}": getattr(held.counts, name) for name in COUNTED if getattr(held.counts, name)},
        "held/operations": _table(held),
    }


def _table(preview: "PlanPreview") -> dg.TableMetadataValue:
    rows = [
        {"operation": one["op"], "path": one["path"], "new_path": one["new_path"] or "", "size": one["size"]}
        for one in preview.operations[:SAMPLE_ROWS]
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows], OPERATION_COLUMNS)


def _equality(
    filesync: "Filesync", status: "ReplicationStatus", result: "ReplicationResult | None"
) -> dg.AssetCheckResult | None:
    """Return whether a plan of everything would do anything; None when that is not to be told now.

    It is not when the source has changed since the plan of the run that just ended: the next run is about that.
    """
    is_behind = status.lag_seconds is None or status.lag_seconds > 0
    was_done = result is not None and result.status in {"completed", "partial"} and not result.dry_run
    if was_done and is_behind:
        return None
    if is_behind:
        since = f"for {status.lag_seconds:.0f} seconds" if status.lag_seconds else "since it was configured"
        return _unequal(status.name, f"The source has had something {since} that the replica has not.")
    try:
        preview = filesync.replications.plan(status.name, scope=_scope(result), limit=SAMPLE_ROWS)
    except FilesyncError as error:
        return _unequal(status.name, f"It could not be compared. {error}")
    counts = preview.counts
    left = counts.operations + counts.impossible
    if not left:
        return dg.AssetCheckResult(
            asset_key=replica_key(status.name),
            check_name=EQUALS_SOURCE,
            passed=True,
            metadata={"files_total": status.files, "differences": 0},
        )
    sentences = [f"{counts.operations:,} operations are left to do." if counts.operations else ""]
    sentences += [problem.sentence for problem in preview.problems[:3]]
    found = {name: getattr(counts, name) for name in COUNTED if getattr(counts, name)}
    return _unequal(
        status.name,
        " ".join(filter(None, sentences)),
        {"files_total": status.files, "differences": left, **found, "operations": _table(preview)},
    )


def _scope(result: "ReplicationResult | None") -> Any:
    """Return what is compared: the listing too, once a run that compared with one has changed something."""
    from filesync_dagster.replication.model import PlanScope

    has_listed = result is not None and result.plan_id is not None and result.scope in LISTED
    return PlanScope.RECONCILE if has_listed else PlanScope.FULL


def _unequal(name: str, description: str, metadata: dict[str, Any] | None = None) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        asset_key=replica_key(name),
        check_name=EQUALS_SOURCE,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata=metadata or {},
    )
