"""A SyncResult as Dagster shows it: numbers that are plotted, a sample of the changes, the checks, a data version."""

from collections.abc import Iterable, Iterator
from datetime import date
from itertools import islice
from typing import TYPE_CHECKING, Any

import dagster as dg

from filesync_dagster.core.errors import FilesyncError, SnapshotError
from filesync_dagster.core.model import NUMBERS, SyncMode, SyncResult, SyncStatus
from filesync_dagster.orchestration.assets.specs import FEED_DRIFT, LISTING_COMPLETE, MASS_DELETE_GUARD, asset_key
from filesync_dagster.orchestration.client import console_url
from filesync_dagster.orchestration.instance.materialization_log import as_event

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync
    from filesync_dagster.sync.held_changes import HeldSync
    from filesync_dagster.sync.status import EndpointStatus

HELD = "A sync is held. Look with `filesync changes {0} --held`, then `filesync approve {0}` or `reject`."

NO_FILE = "There is no file. If that is meant, set `expect_empty: true`."

DRIFTED = "The feed had not told {:,} changes, which a full listing then found and committed."

SAMPLE_ROWS = 50
"""Rows of a table in Dagster's event log, which every run adds to."""

TOTALS = ("files_total", "bytes_total")
"""What the store holds. Dagster plots numbers in the order of their names: these two before those of the sync."""

SHOWN = {
    **{name: name for name in TOTALS},
    **{f"sync/{name}": name for name in (*(one.name for one in NUMBERS), "duration_seconds") if name not in TOTALS},
}
"""Of a sync that found something, zeros too: Dagster plots what materializations have."""

CHANGE_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("change", "string"),
        dg.TableColumn("path", "string"),
        dg.TableColumn("was", "string", description="The path before, where it differs"),
        dg.TableColumn("size", "int"),
        dg.TableColumn("size_before", "int"),
        dg.TableColumn("modified_at", "string"),
    ]
)


def materialization(filesync: "Filesync", result: SyncResult, day: date) -> dg.MaterializeResult[Any]:
    """Return a committed sync as a materialization of the endpoint's asset."""
    version = result.data_version or _version_of_day(filesync, result.endpoint, day)
    return dg.MaterializeResult(
        asset_key=asset_key(result.endpoint),
        metadata=metadata(filesync, result),
        data_version=dg.DataVersion(version) if version else None,
    )


def _version_of_day(filesync: "Filesync", name: str, day: date) -> str | None:
    from filesync_dagster.sync.replay import snapshot_of_day  # it loads the database's drivers

    record = snapshot_of_day(filesync.runtime, filesync.config.endpoint(name), day)
    return record.data_version if record else None


def materialization_event(filesync: "Filesync", result: SyncResult, day: date) -> dg.AssetMaterialization:
    """Return the same as an event of a day that need not be that of the run."""
    return as_event(materialization(filesync, result, day), f"{day:%Y-%m-%d}")


def metadata(filesync: "Filesync", result: SyncResult) -> dict[str, Any]:
    """Return what the asset shows of a sync. Of most there is nothing to tell: Dagster keeps every word of it."""
    facts = result.as_dict()
    if is_quiet(result):
        return {name: facts[name] or 0 for name in TOTALS}
    shown: dict[str, Any] = {label: facts[name] or 0 for label, name in SHOWN.items()}
    shown["filesync/mode"] = result.mode.value
    shown["filesync/status"] = result.status.value
    for name in ("sync_id", "snapshot_uri", "changes_uri"):
        if facts[name]:
            shown[name] = dg.MetadataValue.path(facts[name]) if name.endswith("uri") else facts[name]
    sample = list(islice(changed_rows(filesync, result.changes_uri), SAMPLE_ROWS))
    if sample:
        shown["changes"] = dg.MetadataValue.table([dg.TableRecord(row) for row in sample], CHANGE_COLUMNS)
    shown |= console_link(filesync, f"endpoints/{result.endpoint}")
    if result.warnings:
        shown["warnings"] = dg.MetadataValue.md("\n".join(f"- {text}" for text in result.warnings[:SAMPLE_ROWS]))
    return shown


def console_link(filesync: "Filesync", page: str) -> dict[str, Any]:
    """Return a link to a page of the console; nothing when nobody said where that is."""
    found = console_url(filesync.config)
    return {"console": dg.MetadataValue.url(f"{found}/{page}")} if found else {}


def is_quiet(result: SyncResult) -> bool:
    """Tell whether a sync found everything as it was, all of it, and has nothing to remark."""
    told = result.warnings or result.feed_drift or result.mode is SyncMode.REPLAY
    return result.status is SyncStatus.COMPLETED and not has_files(result) and not told


def has_files(result: SyncResult) -> bool:
    """Tell whether a sync stored what it found: its changes or, the first time, a snapshot of its own."""
    return bool(result.changes_uri) or str(result.sync_id) in str(result.snapshot_uri)


def load_held(filesync: "Filesync", status: "EndpointStatus") -> "HeldSync | None":
    """Return what waits for a decision, as far as it can be read: the check tells that it waits in any case."""
    if status.held_sync_id is None:
        return None
    try:
        return filesync.held(status.name)
    except FilesyncError:
        return None


def held_metadata(held: "HeldSync") -> dict[str, Any]:
    """Return what a held sync would change: counts by change, where most of it is, a sample, and the digest."""
    kinds = list(dict.fromkeys(kind for one in held.folders for kind in one.counts))
    folders = [
        dg.TableRecord({"folder": one.folder, **{k: one.counts.get(k, 0) for k in kinds}}) for one in held.folders
    ]
    columns = [dg.TableColumn("folder", "string"), *(dg.TableColumn(kind, "int") for kind in kinds)]
    sample = [dg.TableRecord({"change": c.change, "path": c.path, "size": c.size}) for c in held.sample]
    shown = [dg.TableColumn("change", "string"), dg.TableColumn("path", "string"), dg.TableColumn("size", "int")]
    return {
        **{f"held/{change}": count for change, count in held.counts.items()},
        "held/digest": held.digest,
        "held/observed_at": held.observed.isoformat(),
        "held/files_before": held.record.files_before or 0,
        "held/files_after": held.record.files_total,
        "held/folders": dg.MetadataValue.table(folders, dg.TableSchema(columns=columns)),
        "held/changes": dg.MetadataValue.table(sample, dg.TableSchema(columns=shown)),
    }


def check_results(status: "EndpointStatus", held: "HeldSync | None" = None) -> Iterator[dg.AssetCheckResult]:
    """Return what the checks say of an endpoint as it is now: its last sync, and whether one is held."""
    key, last = asset_key(status.name), status.last_sync
    ended = last.sync_status if last else None
    warnings = last.warnings if last else ()
    unread = () if ended is SyncStatus.COMPLETED else warnings  # of a whole listing they are remarks
    committed = ended in (SyncStatus.COMPLETED, SyncStatus.HELD, SyncStatus.REJECTED)
    partial = ended is SyncStatus.PARTIAL
    failure = (last.error_message if last else "It was never synced.") if not committed else None
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=LISTING_COMPLETE,
        passed=committed and not unread and not status.is_empty,
        severity=dg.AssetCheckSeverity.WARN if committed or partial else dg.AssetCheckSeverity.ERROR,
        description=(" ".join(warnings[:3]) or failure) or (NO_FILE if status.is_empty else None),
        metadata={"unread": len(unread)},
    )
    waits = status.held_sync_id is not None
    yield dg.AssetCheckResult(
        asset_key=key,
        check_name=MASS_DELETE_GUARD,
        passed=not waits,
        severity=dg.AssetCheckSeverity.ERROR,
        description=(last.error_message if ended is SyncStatus.HELD and last else HELD.format(status.name))
        if waits
        else None,
        metadata={
            "files_total": status.files_total,
            "files_removed": last.files_removed if last else 0,
            **(held_metadata(held) if held else {}),
        },
    )


def drift_result(status: "EndpointStatus") -> dg.AssetCheckResult:
    """Return what the last full listing says of the change feed."""
    drift = status.last_full.feed_drift if status.last_full else None
    return dg.AssetCheckResult(
        asset_key=asset_key(status.name),
        check_name=FEED_DRIFT,
        passed=not drift,
        severity=dg.AssetCheckSeverity.WARN,
        description=DRIFTED.format(drift) if drift else None,
        metadata={"feed_drift": drift or 0},
    )


def failure_reason(result: SyncResult) -> str | None:
    """Return why a result is none to build on, in a sentence; None when it was committed."""
    if result.status is SyncStatus.HELD:
        return f"held: {result.error}"
    if result.status in (SyncStatus.FAILED, SyncStatus.SKIPPED):
        return result.error or "The sync failed."
    return None


def changed_rows(filesync: "Filesync", uri: str | None) -> Iterator[dict[str, Any]]:
    """Yield the changes in a stored file, for people to read. Nothing when there is no file, or it is gone."""
    if uri is None:
        return
    import pyarrow.parquet as pq

    try:
        stored = pq.ParquetFile(filesync.local_snapshot(uri))
    except (SnapshotError, OSError):  # a sample is a courtesy: the sync itself was committed
        return
    with stored:
        yield from _flat(row for batch in stored.iter_batches(SAMPLE_ROWS) for row in batch.to_pylist())


def _flat(rows: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        before, after = row["before"] or {}, row["after"] or {}
        now = after or before
        yield {
            "change": row["change"],
            "path": now["path"],
            "was": before["path"] if after and before and before["path"] != after["path"] else "",
            "size": after.get("size"),
            "size_before": before.get("size"),
            "modified_at": now["modified_at"].isoformat() if now["modified_at"] else "",
        }
