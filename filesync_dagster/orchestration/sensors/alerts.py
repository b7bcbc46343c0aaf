"""A sensor that looks every minute, and tells. What a run could not say about itself, it finds in Dagster.

It is no sensor that asks for runs: a run a minute to look whether something is wrong would cost more than it tells.
Evaluating it once more, as the preview in the UI does, tells nothing twice.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster import DagsterEventType, DagsterRunStatus

from filesync_dagster.config import tables_subject
from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.orchestration.assets.replication_results import guard_result
from filesync_dagster.orchestration.assets.results import check_results, load_held
from filesync_dagster.orchestration.assets.specs import MASS_DELETE_GUARD, asset_key
from filesync_dagster.orchestration.instance.materialization_log import evaluation, unreported_results
from filesync_dagster.orchestration.resources import FilesyncResource
from filesync_dagster.orchestration.tables.results import source_checks
from filesync_dagster.orchestration.tables.specs import ROW_COUNT_GUARD
from filesync_dagster.orchestration.tags import (
    ANY_ASSETS,
    MAINTENANCE,
    OUR_TAG,
    RECEIVE,
    REPLICA_PREFIX,
    REPORTS_PREFIX,
    SYNC,
    SYNTHETIC_PREFIX,
    TABLES_PREFIX,
)

if TYPE_CHECKING:
    from filesync_dagster.api import Filesync

RUNS_PER_TICK = 100
"""Failed runs that are looked at in one tick; the others in the next."""

OTHER_JOBS = (RECEIVE, MAINTENANCE)
"""Jobs of ours that are not about assets."""

REPORTS = "reports"
"""What a run of nothing but reports is called in alerts."""

REPLICATIONS = "replications"
"""What a run that replicates and syncs nothing is called in alerts."""

TABLES = "tables"
"""What a run that reads sources of tables, or generates, and syncs nothing is called in alerts."""

HINT = (
    "Dagster starts a run whose process died again by itself, and the sync goes on where it stopped. "
    "The log of the run in the UI says more."
)


CLOCK_SKEW = timedelta(minutes=10)
"""The times of runs are by the clocks of several machines: one that is behind ends runs where it was looked already."""


@dataclass(frozen=True)
class FailureCursor:
    """How far the failed runs were looked at, and which of them lately."""

    after: datetime
    seen: tuple[str, ...] = ()
    held: tuple[str, ...] = ()  # endpoints of which a sync was held, replications of which a plan was

    @classmethod
    def parse(cls, text: str | None) -> "FailureCursor | None":
        """Return what `text` says."""
        if not text:
            return None
        stored = json.loads(text)
        return cls(datetime.fromisoformat(stored["after"]), tuple(stored["seen"]), tuple(stored.get("held", ())))

    def __str__(self) -> str:
        return json.dumps({"after": self.after.isoformat(), "seen": self.seen, "held": self.held})

    @property
    def since(self) -> datetime:
        """From when on runs are looked at again."""
        return self.after - CLOCK_SKEW

    @property
    def limit(self) -> int:
        """How many runs are looked at: those that were are among them."""
        return RUNS_PER_TICK + len(self.seen)

    def is_news(self, record: dg.RunRecord) -> bool:
        """Tell whether a failure was not looked at. One that is given a tag later on has changed, but is none."""
        ended = record.end_time is None or record.end_time > self.since.timestamp()
        return ended and record.dagster_run.run_id not in self.seen

    def past(self, records: Sequence[dg.RunRecord]) -> "FailureCursor":
        """Return the cursor after all that changed since."""
        after = max([self.after, *(record.update_timestamp for record in records)])
        seen = [record.dagster_run.run_id for record in records]
        if len(records) == self.limit:  # there is more: of those that were seen, some may be among that
            seen = [*self.seen, *seen]
        return FailureCursor(min(after, datetime.now(UTC)), tuple(dict.fromkeys(seen)), self.held)


def alert_sensor(jobs: Iterable[str] = OTHER_JOBS) -> dg.SensorDefinition:
    """Return the sensor. `jobs`: those besides the syncs whose failure is told."""
    others = frozenset(jobs)

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Looks every minute what became wrong and what is over, and tells the channels of `alerts:`.",
    )
    def observe(context: dg.SensorEvaluationContext, filesync: FilesyncResource) -> dg.SkipReason | dg.SensorResult:
        from filesync_dagster.monitoring.alerts import tell  # it loads the database's drivers

        with filesync.open() as opened:
            origin = context.code_location_origin
            runs = Runs(context.instance, opened, others, origin.location_name if origin else None)
            cursor, crashed = note_crashes(runs, FailureCursor.parse(context.cursor))
            if crashed:
                tell(opened.runtime)  # before it is looked what is over: a crash that was made up for is told as well
            note_successes(runs)
            came = opened.alert()
            held = tuple(sorted(_held_names(opened)))
            news = list(guard_news(context.instance, opened, {*held} ^ {*cursor.held}))
        context.update_cursor(str(replace(cursor, held=held)))
        failures = "".join(f" {channel}: {why}" for channel, why in came.failures.items())
        said = dg.SkipReason(
            f"{len(came.raised)} new, {len(came.cleared)} recovered; {came.told} messages were sent.{failures}"
        )
        return dg.SensorResult(skip_reason=said, asset_events=news) if news else said

    return observe


def guard_news(
    instance: dg.DagsterInstance, filesync: "Filesync", names: Collection[str]
) -> Iterator[dg.AssetCheckEvaluation]:
    """Yield what the guard's check says of these endpoints, where Dagster shows something else.

    A held sync is decided on the command line or over REST, where no run tells Dagster of it.
    """
    active = {endpoint.name for endpoint in filesync.config.active}.intersection(names)
    results = [
        result
        for status in (filesync.status() if active else ())
        if status.name in active
        for result in check_results(status, load_held(filesync, status))
        if result.check_name == MASS_DELETE_GUARD
    ]
    replicated = {one.name for one in filesync.config.active_replications}.intersection(names)
    if replicated:
        statuses = filesync.replications.status()
        results += [guard_result(filesync, status) for status in statuses if status.name in replicated]
    sources = {tables_subject(one.name) for one in filesync.config.active_sources}.intersection(names)
    if sources:
        found = [one for one in filesync.tables.status() if tables_subject(one.name) in sources]
        results += [one for status in found for one in source_checks(status) if one.check_name == ROW_COUNT_GUARD]
    yield from map(evaluation, unreported_results(instance, results))


def _held_names(filesync: "Filesync") -> Iterator[str]:
    yield from (status.name for status in filesync.status() if status.held_sync_id)
    yield from (status.name for status in filesync.replications.status() if status.held_plan_id)
    yield from (tables_subject(status.name) for status in filesync.tables.status() if status.held)


@dataclass(frozen=True)
class Runs:
    """The runs of an instance, which others may share, as far as they are about what one configuration says."""

    instance: dg.DagsterInstance
    filesync: "Filesync"
    others: frozenset[str] = frozenset()  # jobs besides the syncs
    location: str | None = None  # our code location, where it is known

    def records(self, status: DagsterRunStatus, since: datetime, **how: Any) -> Sequence[dg.RunRecord]:
        """Return the runs that ended in a way and changed since a moment."""
        return self.instance.get_run_records(dg.RunsFilter(statuses=[status], updated_after=since), **how)

    def subjects(self, run: dg.DagsterRun) -> tuple[list[str], str | None]:
        """Return the endpoints that a run syncs, and what it is called itself; nothing and None if it is not ours."""
        origin = run.remote_job_origin
        if origin and self.location not in (None, origin.repository_origin.code_location_origin.location_name):
            return [], None
        return _subjects(self.filesync, run, self.others)


def note_crashes(runs: Runs, cursor: FailureCursor | None) -> tuple[FailureCursor, bool]:
    """Raise what runs failed without a word from us; return how far it has come, and whether there was one.

    Without a cursor nothing is raised: old failures are no news.
    """
    from filesync_dagster.monitoring.alerts import Crash, note_crash  # it loads the database's drivers

    crashed, known = False, cursor or FailureCursor(datetime.now(UTC))
    records = runs.records(
        DagsterRunStatus.FAILURE, known.since, limit=known.limit, order_by="update_timestamp", ascending=True
    )
    for record in records if cursor else ():
        run = record.dagster_run
        names, job = runs.subjects(run) if known.is_news(record) else ([], None)
        if (names or job) and not _explained(runs.instance, run.run_id):
            start = datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp
            end = datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp
            sentence = f"The run {run.run_id[:8]} ended before it was done: {_reason(runs.instance, run.run_id)}"
            note_crash(runs.filesync.runtime, Crash(run.run_id, names, job, start, end, sentence, HINT))
            crashed = True
    return known.past(records), crashed


def note_successes(runs: Runs) -> None:
    """Clear what was raised about jobs of which a run succeeded after the one that did not."""
    from filesync_dagster.monitoring.alerts import crashed_jobs, note_success  # it loads the database's drivers

    for job, died in crashed_jobs(runs.filesync.runtime).items():
        for record in runs.records(DagsterRunStatus.SUCCESS, died, limit=RUNS_PER_TICK):
            # One that ended before has changed since when it was given a tag.
            ended_later = record.end_time is None or record.end_time > died.timestamp()
            if ended_later and runs.subjects(record.dagster_run)[1] == job:
                note_success(runs.filesync.runtime, job, record.dagster_run.run_id)
                break


def _subjects(filesync: "Filesync", run: dg.DagsterRun, others: frozenset[str]) -> tuple[list[str], str | None]:
    """Return the endpoints that a run syncs, and what it is called itself; nothing and None if it is not ours."""
    is_job_of_ours = OUR_TAG in run.tags  # somebody else's may have the same name
    if run.job_name in others and is_job_of_ours:
        return [], run.job_name
    if not (run.job_name == SYNC and is_job_of_ours) and not run.job_name.startswith(ANY_ASSETS):
        return [], None
    if run.asset_selection is None:
        return ([endpoint.name for endpoint in filesync.config.active], SYNC) if run.job_name == SYNC else ([], None)
    keys = run.asset_selection | {check.asset_key for check in run.asset_check_selection or ()}
    names = [endpoint.name for endpoint in filesync.config.active if asset_key(endpoint.name) in keys]
    if names:
        return names, SYNC
    folders = {key.path[0] for key in keys}
    known = {REPORTS_PREFIX: REPORTS, REPLICA_PREFIX: REPLICATIONS, TABLES_PREFIX: TABLES, SYNTHETIC_PREFIX: TABLES}
    return names, next((job for folder, job in known.items() if folder in folders), None)


def _explained(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Tell whether the run said itself what failed, and why: that is told about each endpoint and replication."""
    return any({"endpoints", "replications", "sources"} & failure.user_failure_data.metadata.keys()
               for failure in _failures(instance, run_id) if failure.user_failure_data)  # fmt: skip


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
