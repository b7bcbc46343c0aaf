"""The Python API: one configuration, opened.

>>> from filesync_dagster import Filesync                                             # doctest: +SKIP
>>> with Filesync.open("endpoints.yaml") as fs:                                       # doctest: +SKIP
...     print(fs.sync("engineering_files"))
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, Self

import pyarrow as pa

from filesync_dagster.config import Config, delay, load_config, read_environment, remember, running_config
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.model import ConnectionReport, Meter, SyncResult, SyncStatus
from filesync_dagster.core.secrets import Resolve
from filesync_dagster.monitoring import alerts as alerting
from filesync_dagster.monitoring.reports.writer import Report, ReportSession
from filesync_dagster.storage.database import AlertRecord, SyncRecord
from filesync_dagster.sync import held, inventory, replay, requests, retention
from filesync_dagster.sync.events import receive
from filesync_dagster.sync.inventory import EndpointStatus
from filesync_dagster.sync.context import Progress, ignore
from filesync_dagster.sync.pool import failed_result, sync_each
from filesync_dagster.sync.run import sync
from filesync_dagster.sync.runtime import Runtime

Watch = Callable[[Progress], None]


class Filesync:
    """See the module's docstring. Use as a context manager; methods may be called from several threads."""

    def __init__(self, config: Config, *, secrets: Resolve | None = None) -> None:
        self.config = config
        self.runtime = Runtime(config, secrets=secrets)

    @classmethod
    def open(
        cls,
        config: str | Path | None = None,
        *,
        home: str | Path | None = None,
        secrets: Resolve | None = None,
        last_good: bool = False,
    ) -> Self:
        """Read endpoints.yaml (FILESYNC_CONFIG when left out) and the environment; nothing is connected yet.

        `home`: where state is kept, FILESYNC_HOME when left out.

        Raises ConfigError when nothing of it can be used; single broken endpoints are in `config.broken`. With
        `last_good`, what cannot be used is as it was when it last could; what can is remembered for that.
        """
        environment = read_environment(Path(config) if config else None, home=Path(home) if home else None)
        if last_good:
            remember(environment)
        return cls(running_config(environment) if last_good else load_config(environment), secrets=secrets)

    def sync(
        self,
        name: str,
        *,
        full: bool = False,
        ignore_breaker: bool = True,
        keys: Collection[str] = (),
        run_id: str | None = None,
        on_progress: Watch | None = None,
    ) -> SyncResult:
        """Bring one endpoint up to date. A store that fails gives a FAILED result, not an exception.

        `full` lists from the start even when the store tells what changed or an unfinished listing could be resumed,
        and rebuilds a lost snapshot from the database. `keys` are external_ids that somebody says have changed: where
        the store can tell of single entries, only these are looked at. Without `ignore_breaker`, a store that failed
        again and again is left alone until a probe is due (SKIPPED). Raises ConfigError, UnknownEndpoint,
        DatabaseError.
        """
        endpoint = self.config.endpoint(name)
        return sync(
            self.runtime,
            endpoint,
            full=full,
            ignore_breaker=ignore_breaker,
            keys=keys,
            run_id=run_id,
            on_progress=on_progress or ignore,
        )

    def sync_many(
        self,
        names: Sequence[str] | None = None,
        *,
        full: bool = False,
        ignore_breaker: bool | None = None,
        spread: bool = False,
        run_id: str | None = None,
        on_progress: Watch | None = None,
    ) -> Iterator[SyncResult]:
        """Sync several endpoints (all active ones when none are named), yielding each result as it is there.

        `settings.concurrency` of them run at once. An endpoint whose configuration is broken gives a FAILED result.
        The breaker is ignored for endpoints that are named, unless `ignore_breaker` says otherwise; where all are asked
        for, what failed again and again is left alone. With `spread`, each begins with the delay
        that its `jitter_seconds` gives it.
        """
        broken = [entry for entry in self.config.broken if not (entry.kept or entry.is_queue)]
        configured = [e.name for e in self.config.active] + [b.name for b in broken]
        chosen = configured if names is None else names
        insisting = names is not None if ignore_breaker is None else ignore_breaker
        if names is None:
            self.note_inactive()

        def one(name: str) -> SyncResult:
            return self.sync(name, full=full, ignore_breaker=insisting, run_id=run_id, on_progress=on_progress)

        endpoints = self.config.by_name
        delays = {name: delay(endpoints[name]) for name in chosen if name in endpoints} if spread else {}
        yield from sync_each(self.config.settings.concurrency, chosen, one, delays)
        # An entry with the name of another endpoint would not be seen otherwise.
        hidden = [b for b in broken if b.name in self.config.by_name] if names is None else []
        yield from (failed_result(entry.name, str(ConfigError(entry.problems))) for entry in hidden)

    def note_inactive(self) -> None:
        """Note in the database which endpoints are no longer synced: disabled, or gone from the configuration."""
        names = [endpoint.name for endpoint in self.config.active] + [entry.name for entry in self.config.broken]
        self.runtime.metadata.deactivate_except(names)

    def sync_day(
        self, name: str, day: date, *, run_id: str | None = None, on_progress: Watch | None = None
    ) -> SyncResult:
        """Sync today; or tell what is known of a past day, without touching the inventory of today."""
        endpoint = self.config.endpoint(name)
        return replay.sync_day(self.runtime, endpoint, day, run_id=run_id, on_progress=on_progress or ignore)

    def sync_day_many(
        self, names: Sequence[str], day: date, *, run_id: str | None = None, on_progress: Watch | None = None
    ) -> Iterator[SyncResult]:
        """Like `sync_many`, for one day."""

        def one(name: str) -> SyncResult:
            return self.sync_day(name, day, run_id=run_id, on_progress=on_progress)

        yield from sync_each(self.config.settings.concurrency, names, one)

    def receive(
        self, queue: str, *, linger: float = 0.0, run_id: str | None = None, on_progress: Watch | None = None
    ) -> Iterator[receive.Batch]:
        """Take the messages of a queue, sync what they name, and yield what became of each batch.

        It ends when no message came for `linger` seconds, or the limits of the queue are reached.
        A message is acknowledged once what it says is committed. Raises ConfigError, SourceError, DatabaseError.
        """

        def syncing(keys: Mapping[str, Collection[str]]) -> Iterator[SyncResult]:
            def one(name: str) -> SyncResult:
                return self.sync(name, ignore_breaker=False, keys=keys[name], run_id=run_id, on_progress=on_progress)

            yield from sync_each(self.config.settings.concurrency, list(keys), one)

        return receive.receive(self.runtime, self.config.queue(queue), syncing, linger)

    def look(self, queue: str) -> int:
        """Return about how many messages wait in a queue; takes none. Raises ConfigError, SourceError."""
        return receive.look(self.runtime, self.config.queue(queue))

    def requeue(self, ids: Collection[int]) -> int:
        """Put messages that were set aside back into their queues; return how many. Raises ConfigError, SourceError."""
        return receive.requeue(self.runtime, ids)

    def sync_requested(self, *, run_id: str | None = None, on_progress: Watch | None = None) -> Iterator[SyncResult]:
        """Sync the endpoints that somebody asked for, yielding each result as it is there."""
        taken = self.take_requests([endpoint.name for endpoint in self.config.active])

        def one(name: str) -> SyncResult:
            return self.sync(
                name, full=name in taken.full, ignore_breaker=False, run_id=run_id, on_progress=on_progress
            )

        for result in sync_each(self.config.settings.concurrency, taken.names, one):
            taken.note(result)
            yield result

    def asked_for(self, at: datetime) -> dict[str, bool]:
        """Return the endpoints that somebody asked for, and whether their syncs may begin at a moment."""
        return requests.due(self.runtime, at)

    def take_requests(self, names: Sequence[str]) -> requests.ClaimedRequests:
        """Set about what was asked for of some endpoints; it waits until it is told how their syncs ended."""
        return requests.ClaimedRequests(self.runtime, names)

    def approve(self, name: str) -> SyncResult:
        """Commit the held sync of an endpoint. Raises NothingHeld, HeldSyncOutdated."""
        return held.approve(self.runtime, self.config.endpoint(name))

    def reject(self, name: str) -> str:
        """Forget the held sync of an endpoint; return its id. Raises NothingHeld."""
        return held.reject(self.runtime, self.config.endpoint(name))

    def check(self, name: str) -> ConnectionReport:
        """Connect to the store of an endpoint and tell what can be seen. Raises SourceError."""
        with closing(self.runtime.open_source(self.config.endpoint(name), Meter())) as source:
            return source.check()

    def status(self) -> list[EndpointStatus]:
        """Return how every configured endpoint is doing."""
        return inventory.status(self.runtime)

    def request(self, name: str, source: str, *, full: bool = False) -> bool:
        """Ask for a sync of an endpoint: Dagster's sensor launches it. False when it is asked for already.

        `source`: who asks. Raises ConfigError, UnknownEndpoint, DatabaseError.
        """
        return self.runtime.metadata.ask(self.config.endpoint(name).name, source, full=full)

    def alerts(self, *, standing: bool = True) -> list[AlertRecord]:
        """Return what is wrong, as it was last looked at; with `standing=False` also what was, and is over."""
        return self.runtime.metadata.alerts(standing=standing)

    def alert(self) -> alerting.Round:
        """Look what became wrong and what is over, and tell the channels of `alerts.urls` what they do not know yet.

        Several processes may do so at once: each transition is told once. They go by the configuration as it is by now,
        what is broken in it as it was when it was last in order. Raises DatabaseError.
        """
        with self._as_configured_now() as runtime:
            found = alerting.update(runtime)
            told = alerting.tell(runtime)
        return replace(told, raised=tuple(found.raised), cleared=tuple(alert for alert, _ in found.cleared))

    @contextmanager
    def _as_configured_now(self) -> Iterator[Runtime]:
        """Lend a runtime that knows of the edits since this one was opened: a sync may take a day."""
        try:
            config = running_config(self.config.environment)
        except ConfigError:
            config = self.config
        if config == self.config:
            yield self.runtime
            return
        with Runtime(config, secrets=self.runtime.secrets) as opened:
            yield opened

    def note_crash(self, crash: alerting.Crash) -> None:
        """Raise that a run ended without a word about its endpoints, or about its job. `alert` tells it."""
        alerting.note_crash(self.runtime, crash)

    def crashed_jobs(self) -> dict[str, datetime]:
        """Return the jobs of which a run ended before it was done, with when it did."""
        return alerting.crashed_jobs(self.runtime)

    def note_success(self, job: str, run_id: str) -> None:
        """Take back what `note_crash` said of a job."""
        alerting.note_success(self.runtime, job, run_id)

    def tell(self) -> alerting.Round:
        """Tell what was raised and cleared, without looking for more, as `alert` does."""
        return alerting.tell(self.runtime)

    def try_channels(self) -> dict[str, str | None]:
        """Send a test message to every channel; return by its name why it could not be sent, or None."""
        return alerting.try_channels(self.runtime)

    def maintain(self, *, dry_run: bool = False) -> dict[str, int]:
        """Let go of what retention does not keep, of every endpoint there ever was; return how much of each kind."""
        return retention.maintain(self.runtime, dry_run=dry_run)

    def unfinished(self) -> dict[str, int]:
        """Return the endpoints whose listing is not finished, and how much is saved: what is not `full` resumes it."""
        return self.runtime.metadata.unfinished_listings()

    def outcomes(self, run_ids: Sequence[str]) -> dict[str, dict[str, SyncStatus]]:
        """Return how the syncs of some of Dagster's runs ended, by run and endpoint. What goes on is not there."""
        return self.runtime.metadata.outcomes(run_ids)

    def resting(self, at: datetime) -> dict[str, datetime]:
        """Return which endpoints are left alone at a moment because their stores failed too often, and until when."""
        return inventory.resting_endpoints(self.runtime, at)

    def files(self, name: str, *, as_of: datetime | None = None, gone: bool = False) -> Iterator[pa.RecordBatch]:
        """Yield the live files of an endpoint, by path, now or as of a moment. Raises NothingKnown."""
        return inventory.files(self.runtime, self.config.endpoint(name), as_of=as_of, gone=gone)

    def changes(
        self, name: str, *, since: datetime | None = None, until: datetime | None = None
    ) -> Iterator[pa.RecordBatch]:
        """Yield the journal of an endpoint, oldest first."""
        return inventory.changes(self.runtime, self.config.endpoint(name), since=since, until=until)

    def export(
        self,
        name: str,
        target: Path,
        *,
        format: Literal["parquet", "csv"] = "parquet",  # noqa: A002 - the word of the command line
        as_of: datetime | None = None,
    ) -> int:
        """Write a snapshot (the current one when `as_of` is left out) to a file; return how many rows it has."""
        return inventory.export(self.runtime, self.config.endpoint(name), target, format, as_of)

    def syncs(
        self, name: str, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> list[SyncRecord]:
        """Return the syncs of an endpoint that described a moment in [since, until), newest first."""
        endpoint_id = self.runtime.register(self.config.endpoint(name))
        return self.runtime.metadata.sync_logs(endpoint_id, since=since, until=until, limit=limit)

    def snapshot_of_day(self, name: str, day: date) -> SyncRecord | None:
        """Return the sync whose snapshot describes the end of a day (or now, for today)."""
        zone = self.config.settings.partitions.zone
        moment = min(replay.Day.of(day, zone).last_moment, datetime.now(UTC))
        return self.runtime.metadata.snapshot_at(self.runtime.register(self.config.endpoint(name)), moment)

    def report(self, name: str, day: date | None = None, *, rows: int = 50) -> Report:
        """Write a report about a day, today when left out. Names: `filesync_dagster.monitoring.reports.CATALOGUE`.

        `rows`: how many of its rows it brings along; `report_rows` has all. Raises NothingKnown for a day to come.
        """
        return self.desk(day).report(name, rows)

    def report_rows(self, name: str, day: date | None = None, *, limit: int | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a report about a day."""
        return self.desk(day).rows(name, limit)

    def desk(self, day: date | None = None) -> ReportSession:
        """Return what writes several reports about one day and looks up only once what is stored about it."""
        return ReportSession(self.runtime, day)

    def local_snapshot(self, uri: str) -> Path:
        """Return a local copy of a stored Parquet file. Raises SnapshotError."""
        return self.runtime.snapshots.local(uri)

    def close(self) -> None:
        """Release the database."""
        self.runtime.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
