"""A sensor that looks every minute, and tells. What a run could not say about itself, it finds in Dagster.

It is no sensor that asks for runs: a run a minute to look whether something is wrong would cost more than it tells.
Evaluating it once more, as the preview in the UI does, tells nothing twice.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

from filesync_dagster.errors import FilesyncError
from filesync_dagster.orchestration.jobs import SYNC
from filesync_dagster.orchestration.reports import REPORT_KEYS
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.specs import asset_key

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

RUNS = 100
"""Failed runs that are looked at in one tick; the others in the next."""

OTHER_JOBS = ("receive", "maintenance")
"""Jobs of ours that are not about assets."""

REPORTS = "reports"
"""What a run of nothing but reports is called in alerts."""

UNNAMED_JOB = "__ASSET_JOB"
"""What Dagster calls the job of assets that somebody selected in the UI."""

HINT = (
    "Dagster starts a run whose process died again by itself, and the sync goes on where it stopped. "
    "The log of the run in the UI says more."
)


@dataclass(frozen=True)
class Cursor:
    """How far the failed runs were looked at: those that changed since, but not those that were seen."""

    after: datetime
    seen: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str | None) -> "Cursor":
        """Return what `text` says; the present where there is none: old failures are no news."""
        if not text:
            return cls(datetime.now(UTC))
        stored = json.loads(text)
        return cls(datetime.fromisoformat(stored["after"]), tuple(stored["seen"]))

    def __str__(self) -> str:
        return json.dumps({"after": self.after.isoformat(), "seen": self.seen})

    def past(self, records: Iterable[dg.RunRecord]) -> "Cursor":
        """Return the cursor after these: a run that is given a tag later on comes again, and is known."""
        after = max([self.after, *(record.update_timestamp for record in records)])
        seen = [*self.seen, *(record.dagster_run.run_id for record in records)]
        return Cursor(after, tuple(dict.fromkeys(seen))[-RUNS:])


def alert_sensor(jobs: Iterable[str] = OTHER_JOBS) -> dg.SensorDefinition:
    """Return the sensor. `jobs`: those besides the syncs whose failure is told."""
    others = frozenset(jobs)

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks every minute what became wrong and what is over, and tells the channels of `alerts:`.",
    )
    def look(context: dg.SensorEvaluationContext, filesync: FilesyncResource) -> dg.SkipReason:
        cursor = Cursor.parse(context.cursor)
        with filesync.open() as opened:
            cursor, crashed = note_crashes(context.instance, opened, cursor, others)
            if crashed:
                opened.tell()  # before it is looked what is over: a crash that was made up for is told as well
            note_successes(context.instance, opened)
            came = opened.alert()
        context.update_cursor(str(cursor))
        failures = "".join(f" {channel}: {why}" for channel, why in came.failures.items())
        return dg.SkipReason(
            f"{len(came.raised)} new, {len(came.cleared)} recovered; {came.told} messages were sent.{failures}"
        )

    return look


def note_crashes(
    instance: dg.DagsterInstance, filesync: "Filesync", cursor: Cursor, others: frozenset[str] = frozenset()
) -> tuple[Cursor, bool]:
    """Raise what runs failed without a word from us; return how far it has come, and whether there was one."""
    crashed = False
    records = instance.get_run_records(
        dg.RunsFilter(statuses=[DagsterRunStatus.FAILURE], updated_after=cursor.after),
        limit=RUNS,
        order_by="update_timestamp",
        ascending=True,
    )
    for record in records:
        run = record.dagster_run
        if run.run_id in cursor.seen:
            continue
        names, job = _subjects(filesync, run, others)
        if (names or job) and not _explained(instance, run.run_id):
            since = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp
            sentence = f"The run {run.run_id[:8]} ended before it was done: {_reason(instance, run.run_id)}"
            filesync.note_crash(names, job, sentence, HINT, run_id=run.run_id, since=since)
            crashed = True
    return cursor.past(records), crashed


def note_successes(instance: dg.DagsterInstance, filesync: "Filesync") -> None:
    """Clear what was raised about jobs of which a later run succeeded."""
    for job, since in filesync.crashed_jobs().items():
        wanted = dg.RunsFilter(statuses=[DagsterRunStatus.SUCCESS], updated_after=since)
        for run in instance.get_runs(wanted, limit=RUNS):
            if job == _subjects(filesync, run, frozenset([job]))[1]:
                filesync.note_success(job, run.run_id)
                break


def _subjects(filesync: "Filesync", run: dg.DagsterRun, others: frozenset[str]) -> tuple[list[str], str | None]:
    """Return the endpoints that a run syncs, and what it is called itself; nothing and None if it is not ours."""
    if run.job_name in others:
        return [], run.job_name
    if run.job_name != SYNC and not run.job_name.startswith(UNNAMED_JOB):
        return [], None
    if run.asset_selection is None:
        return ([endpoint.name for endpoint in filesync.config.active], SYNC) if run.job_name == SYNC else ([], None)
    keys = run.asset_selection | {check.asset_key for check in run.asset_check_selection or ()}
    names = [endpoint.name for endpoint in filesync.config.active if asset_key(endpoint.name) in keys]
    if names:
        return names, SYNC
    folder = REPORT_KEYS[0].path[0]
    return names, REPORTS if any(key.path[0] == folder for key in keys) else None


def _explained(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether the run said itself which endpoints failed, and why: that is told about each of them."""
    return any("endpoints" in failure.user_failure_data.metadata for failure in _failures(instance, run_id)
               if failure.user_failure_data)  # fmt: skip


def _failures(instance: dg.DagsterInstance, run_id: str) -> Iterator[Any]:
    for record in instance.get_records_for_run(run_id, of_type=DagsterEventType.STEP_FAILURE).records:
        event = record.event_log_entry.dagster_event
        if event is not None:
            yield event.step_failure_data


def _reason(instance: dg.DagsterInstance, run_id: str) -> str:
    """Return why a run failed, without a stack trace."""
    for failure in _failures(instance, run_id):
        error = failure.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None and error.message.strip():
            return str(error.message.strip().splitlines()[0])
    for record in instance.get_records_for_run(run_id, of_type=DagsterEventType.RUN_FAILURE).records:
        event = record.event_log_entry.dagster_event
        if event is not None and event.message:
            return event.message.strip().splitlines()[0]
    return "its process died."


def alert_after_run(context: dg.AssetExecutionContext | dg.OpExecutionContext, filesync: "Filesync") -> None:
    """Tell what a run changed, without waiting for the sensor. Whatever becomes of it, the run is not touched."""
    if not filesync.config.alerts.urls:
        return
    try:
        filesync.alert()
    except FilesyncError as error:
        context.log.warning("Alerts could not be told; the sensor tries again. %s", error)
