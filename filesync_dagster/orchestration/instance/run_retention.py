"""What keeps Dagster's own storage from growing for ever.

Dagster deletes old ticks by itself, but no runs and none of their events: a thousand endpoints every five minutes are
gigabytes a day in SQLite. A run of ours is deleted when it is old and nothing needs it: it has ended, is not part of
anything that goes on, and holds neither the latest materialization of a partition, nor of an asset, nor the latest
result of a check.
What other people run in the same instance is theirs.

`python -m filesync_dagster.orchestration.instance.run_retention` does it for DAGSTER_HOME.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.storage.dagster_run import RunRecord
from dagster._core.storage.event_log import SqlEventLogStorage, SqliteEventLogStorage
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable

from filesync_dagster.config import Retention
from filesync_dagster.orchestration.client.runs import is_ours
from filesync_dagster.orchestration.instance.job_snapshot_gc import Descriptions, mark, sweep
from filesync_dagster.orchestration.schedules import ACTIVE
from filesync_dagster.orchestration.tags import ANY_ASSETS, INSTALLATION_TAG, KEPT_TAG, OUR_JOBS

RUNS_AT_ONCE = 100
"""Runs that are read at once; one may name a thousand assets."""


def maintain_instance(
    instance: dg.DagsterInstance,
    keep: Retention,
    installation: str,
    *,
    dry_run: bool = False,
    now: datetime | None = None,
) -> dict[str, int]:
    """Delete old runs of ours; return how much went, or (`dry_run`) would go. Another installation's are theirs."""
    now = now or datetime.now(UTC)
    gone = Counter(runs=0, runs_kept=0, descriptions=0)
    needed, described = _Needed(instance, keep, now), dict[str, Descriptions]()
    for record in _old_runs(instance, installation, now - timedelta(days=keep.runs_days)):
        run, day = record.dagster_run, needed.day_of(record.dagster_run)
        if day or needed.now(run):
            gone["runs_kept"] += 1
            if day and not dry_run and KEPT_TAG not in run.tags:
                instance.add_run_tags(run.run_id, {KEPT_TAG: day})
        else:
            gone["runs"] += 1
            described[run.run_id] = run.job_snapshot_id, run.execution_plan_snapshot_id
            if not dry_run:
                _delete(instance, run.run_id)
    gone["descriptions"] = sweep(instance, mark(instance, described), dry_run=dry_run)
    return dict(gone)


def _old_runs(instance: dg.DagsterInstance, installation: str, before: datetime) -> Iterator[RunRecord]:
    """Yield the runs of ours that were created before a moment and have ended, newest first of each job."""
    ended = [status for status in DagsterRunStatus if status not in ACTIVE]
    for job in (*OUR_JOBS, ANY_ASSETS):
        query = dg.RunsFilter(job_name=job, created_before=before, statuses=ended)
        page = instance.get_run_records(query, limit=RUNS_AT_ONCE)
        while page:
            # Asked for before any of this page is deleted: the next one begins behind its last run.
            following = instance.get_run_records(query, limit=RUNS_AT_ONCE, cursor=page[-1].dagster_run.run_id)
            yield from (record for record in page if _is_ours(record.dagster_run, installation))
            page = following


def _is_ours(run: dg.DagsterRun, installation: str) -> bool:
    if run.tags.get(INSTALLATION_TAG, installation) != installation:
        return False
    keys = {*(run.asset_selection or ()), *(check.asset_key for check in run.asset_check_selection or ())}
    return is_ours(run.tags, [key.path for key in keys])


class _Needed:
    """Knows which runs something still needs."""

    def __init__(self, instance: dg.DagsterInstance, keep: Retention, now: datetime) -> None:
        self._instance = instance
        self._first_day = (now - timedelta(days=keep.snapshots_days)).date()
        self._latest = cache(self._latest_run)
        unfinished = instance.get_runs(dg.RunsFilter(statuses=ACTIVE))
        self._families = {run.root_run_id or run.run_id for run in unfinished}
        self._backfills = {run.tags.get("dagster/backfill") for run in unfinished} - {None}
        self._always = self._latest_of_assets() | self._latest_of_checks()

    def now(self, run: dg.DagsterRun) -> bool:
        """Return whether a run holds the latest of an asset or a check, or is part of something that goes on."""
        return (
            run.run_id in self._always
            or (run.root_run_id or run.run_id) in self._families
            or run.tags.get("dagster/backfill") in self._backfills
        )

    def day_of(self, run: dg.DagsterRun) -> str | None:
        """Return the last day of which a run holds the latest materialization of an asset; None: of none any more."""
        if KEPT_TAG in run.tags:
            return run.tags[KEPT_TAG] if self._is_within_reach(run.tags[KEPT_TAG]) else None
        made = self._instance.event_log_storage.get_asset_partitions_for_run(
            run.run_id, DagsterEventType.ASSET_MATERIALIZATION
        )
        days = {
            partition
            for key, partitions in made.items()
            for partition in partitions
            if partition and self._is_within_reach(partition) and self._latest(key, partition) == run.run_id
        }
        return max(days, default=None)

    def _is_within_reach(self, partition: str) -> bool:
        """Return whether a partition is a day that snapshots are kept of; what is no day is for ever."""
        try:
            return date.fromisoformat(partition) >= self._first_day
        except ValueError:
            return True

    def _latest_run(self, key: dg.AssetKey, partition: str) -> str | None:
        found = self._instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition]), limit=1
        )
        return found.records[0].run_id if found.records else None

    def _latest_of_assets(self) -> set[str]:
        entries = (record.asset_entry for record in self._instance.get_asset_records())
        records = (entry.last_materialization_record for entry in entries)
        return {record.run_id for record in records if record}

    def _latest_of_checks(self) -> set[str]:
        """Return the runs that hold the latest result of a check. Dagster has no list of the checks there ever were."""
        storage = self._instance.event_log_storage
        if not isinstance(storage, SqlEventLogStorage):
            return set()
        table = AssetCheckExecutionsTable.c
        with storage.index_connection() as connection:
            checks = AssetCheckExecutionsTable.select().with_only_columns(table.asset_key, table.check_name).distinct()
            rows = connection.execute(checks).all()
        keys = [dg.AssetCheckKey(key, row[1]) for row in rows if (key := dg.AssetKey.from_db_string(row[0]))]
        return {record.run_id for record in storage.get_latest_asset_check_execution_by_key(keys).values()}


def _delete(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run, its events, what it printed, and what Dagster forgets to delete with it."""
    instance.delete_run(run_id)
    with suppress(OSError):
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        with storage.index_connection() as connection:
            connection.execute(AssetCheckExecutionsTable.delete().where(AssetCheckExecutionsTable.c.run_id == run_id))
    if isinstance(storage, SqliteEventLogStorage):
        shard = Path(storage.path_for_shard(run_id))  # emptied, but still there: a file for every run there ever was
        for path in shard.parent.glob(f"{shard.name}*"):
            path.unlink(missing_ok=True)


def main(arguments: list[str]) -> None:
    """Print, as JSON, what went of the instance in DAGSTER_HOME, or would go."""
    keep, installation = Retention(**json.loads(arguments[0])), arguments[1]
    with dg.DagsterInstance.get() as instance:
        gone = maintain_instance(instance, keep, installation, dry_run="--dry-run" in arguments)
    sys.stdout.write(json.dumps(gone) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
