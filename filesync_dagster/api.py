"""The Python API: one configuration, opened.

Each method imports what only it needs: `filesync status` loads neither Arrow nor DuckDB.

>>> from filesync_dagster import Filesync                                             # doctest: +SKIP
>>> with Filesync.open("endpoints.yaml") as fs:                                       # doctest: +SKIP
...     print(fs.sync("engineering_files"))
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from filesync_dagster.config import Config, delay, load_config, read_environment, remember, running_config
from filesync_dagster.connectors import ExplainableSource
from filesync_dagster.core.batches import RecordBatches
from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.model import ConnectionReport, Meter, SyncResult
from filesync_dagster.core.secrets import Resolve
from filesync_dagster.sync.pool import failed_result, note_inactive, sync_each
from filesync_dagster.sync.progress import Progress, ignore
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.sync.status import EndpointStatus, endpoint_statuses

if TYPE_CHECKING:
    import pyarrow as pa

    from filesync_dagster.core.content import ContentStream
    from filesync_dagster.monitoring.alerts import Round
    from filesync_dagster.monitoring.reports.writer import Report
    from filesync_dagster.replication.replications import Replications
    from filesync_dagster.storage.database import AlertRecord, SyncRecord
    from filesync_dagster.sync.adoption import Adoption
    from filesync_dagster.sync.held_changes import HeldSync
    from filesync_dagster.sync.search import FolderSize
    from filesync_dagster.tables.daily.sources import TableSources

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
        from filesync_dagster.sync.run import sync

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
        broken = [entry for entry in self.config.broken if not (entry.kept or not entry.is_endpoint)]
        configured = [e.name for e in self.config.active] + [b.name for b in broken]
        chosen = configured if names is None else names
        insisting = names is not None if ignore_breaker is None else ignore_breaker
        if names is None:
            note_inactive(self.runtime)

        def one(name: str) -> SyncResult:
            return self.sync(name, full=full, ignore_breaker=insisting, run_id=run_id, on_progress=on_progress)

        endpoints = self.config.by_name
        delays = {name: delay(endpoints[name]) for name in chosen if name in endpoints} if spread else {}
        yield from sync_each(self.config.settings.concurrency, chosen, one, delays)
        # An entry with the name of another endpoint would not be seen otherwise.
        hidden = [b for b in broken if b.name in self.config.by_name] if names is None else []
        yield from (failed_result(entry.name, str(ConfigError(entry.problems))) for entry in hidden)

    def sync_day(
        self, name: str, day: date, *, run_id: str | None = None, on_progress: Watch | None = None
    ) -> SyncResult:
        """Sync today; or tell what is known of a past day, without touching the inventory of today."""
        from filesync_dagster.sync import replay

        endpoint = self.config.endpoint(name)
        return replay.sync_day(self.runtime, endpoint, day, run_id=run_id, on_progress=on_progress or ignore)

    def sync_day_many(
        self, names: Sequence[str], day: date, *, run_id: str | None = None, on_progress: Watch | None = None
    ) -> Iterator[SyncResult]:
        """Like `sync_many`, for one day."""

        def one(name: str) -> SyncResult:
            return self.sync_day(name, day, run_id=run_id, on_progress=on_progress)

        yield from sync_each(self.config.settings.concurrency, names, one)

    def held(self, name: str) -> "HeldSync":
        """Return what waits for a decision: why, counts, folders, a sample, a digest. Raises NothingHeld."""
        from filesync_dagster.sync.held_changes import load_held_sync

        return load_held_sync(self.runtime, self.config.endpoint(name))

    def held_changes(self, name: str, *, limit: int | None = None, offset: int = 0) -> RecordBatches:
        """Return what approving the held sync would journal, by path. What is read raises NothingHeld."""
        from filesync_dagster.storage.database.row_streams import JOURNAL_SCHEMA
        from filesync_dagster.sync.held_changes import held_changes

        rows = held_changes(self.runtime, self.config.endpoint(name), limit=limit, offset=offset)
        return RecordBatches(rows, JOURNAL_SCHEMA)

    def approve(self, name: str, *, digest: str | None = None) -> SyncResult:
        """Commit the held sync of an endpoint; with the `digest` of what was looked at, that and nothing else.

        Raises NothingHeld, HeldSyncOutdated.
        """
        from filesync_dagster.sync import held

        return held.approve(self.runtime, self.config.endpoint(name), digest)

    def reject(self, name: str) -> str:
        """Forget the held sync of an endpoint; return its id. Raises NothingHeld."""
        from filesync_dagster.sync import held

        return held.reject(self.runtime, self.config.endpoint(name))

    def check(self, name: str) -> ConnectionReport:
        """Connect to the store of an endpoint and tell what can be seen. Raises SourceError."""
        endpoint = self.config.endpoint(name)
        with closing(self.runtime.open_source(endpoint, Meter())) as source:
            report = source.check()
            if endpoint.expect_empty or not isinstance(source, ExplainableSource):
                return report
            nothing = source.explain_emptiness()
            return replace(report, warnings=(*report.warnings, nothing)) if nothing else report

    def status(self) -> list[EndpointStatus]:
        """Return how every configured endpoint is doing."""
        return endpoint_statuses(self.runtime)

    @property
    def replications(self) -> "Replications":
        """The replications: what is done with what changed."""
        from filesync_dagster.replication.replications import Replications

        return Replications(self.runtime)

    @property
    def tables(self) -> "TableSources":
        """The sources of tables: what is read of them, and kept."""
        from filesync_dagster.tables.daily.sources import TableSources

        return TableSources(self.runtime)

    def request(self, name: str, source: str, *, full: bool = False) -> bool:
        """Ask for a sync of an endpoint: Dagster's sensor launches it. False when it is asked for already.

        `source`: who asks. Raises ConfigError, UnknownEndpoint, DatabaseError.
        """
        return self.runtime.metadata.requests.ask(self.config.endpoint(name).name, source, full=full)

    def alerts(self, *, standing: bool = True) -> "list[AlertRecord]":
        """Return what is wrong, as it was last looked at; with `standing=False` also what was, and is over."""
        return self.runtime.metadata.alerts.read(standing=standing)

    def alert(self) -> "Round":
        """Look what became wrong and what is over, and tell the channels of `alerts.urls` what they do not know yet.

        Several processes may do so at once: each transition is told once. They go by the configuration as it is by now,
        what is broken in it as it was when it was last in order. Raises DatabaseError.
        """
        from filesync_dagster.monitoring import alerts as alerting

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

    def maintain(self, *, dry_run: bool = False, adopt: bool = False) -> dict[str, int]:
        """Let go of what retention does not keep, of every endpoint there ever was; return how much of each kind.

        `adopt`: before that, take in what the snapshot root has, as `adopt` does.
        """
        from filesync_dagster.sync import retention

        if adopt:
            self.adopt(dry_run=dry_run)
        from filesync_dagster.replication.retention import maintain_replications
        from filesync_dagster.tables.daily.retention import maintain_tables
        from filesync_dagster.tables.sessions.retention import maintain_generations

        replicas = maintain_replications(self.runtime, dry_run=dry_run)
        generations = maintain_generations(self.runtime, dry_run=dry_run)
        tables = maintain_tables(self.runtime, dry_run=dry_run)
        return retention.maintain(self.runtime, dry_run=dry_run) | replicas | generations | tables

    def adopt(self, *, dry_run: bool = False) -> "list[Adoption]":
        """Take the snapshot root over, and take in what lies there and the database does not know, by endpoint.

        For a database that was lost, is older than the root, or looks for it elsewhere. `dry_run`: only look.
        """
        from filesync_dagster.sync import adoption

        return adoption.adopt(self.runtime, dry_run=dry_run)

    def files(
        self,
        name: str,
        *,
        as_of: datetime | None = None,
        gone: bool = False,
        path: str | None = None,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> RecordBatches:
        """Return the live files of an endpoint, by path, now or as of a moment: batch by batch, or `.to_pandas()`.

        `gone` adds those that were removed. `path`: only a folder with all that is in it, or what a pattern such as
        `drawings/**/*.dwg` means. `columns`: these alone, in this order, which takes less time. Raises ValueError for a
        pattern that is none and for a column that is not there; what is read raises NothingKnown.
        """
        import pyarrow as pa

        from filesync_dagster.core.path_filter import PathFilter
        from filesync_dagster.storage.database.row_streams import FILES_SCHEMA
        from filesync_dagster.sync import inventory

        place = PathFilter(path) if path else None
        endpoint = self.config.endpoint(name)
        schema = FILES_SCHEMA if gone else inventory.LIVE_SCHEMA
        if columns is not None:
            if unknown := [name for name in columns if name not in schema.names]:
                raise ValueError(f"there is no column {unknown[0]!r}; there are {', '.join(schema.names)}")
            schema = pa.schema([schema.field(name) for name in columns])
        rows = inventory.files(
            self.runtime, endpoint, as_of=as_of, gone=gone, place=place, columns=columns, limit=limit
        )
        return RecordBatches(rows, schema)

    def search(
        self,
        text: str | None = None,
        *,
        endpoints: Sequence[str] | None = None,
        path: str | None = None,
        owner: str | None = None,
        content_hash: str | None = None,
        min_size: int | None = None,
        max_size: int | None = None,
        modified_after: datetime | None = None,
        modified_before: datetime | None = None,
        limit: int | None = None,
    ) -> RecordBatches:
        """Return the live files of all endpoints (or those named) that are looked for: batch by batch.

        `text`: a part of the name in any case, of the path when it has a slash, or a pattern such as `*.dwg`. `path`: a
        folder, or a pattern. `owner`: a part of it. Sizes in bytes; times from `modified_after` on, and before
        `modified_before`. All that is said must hold. By endpoint and path. Raises ValueError for a pattern that is
        none; what is read raises UnknownEndpoint.
        """
        from filesync_dagster.core.path_filter import PathFilter
        from filesync_dagster.storage.database.search import FileQuery
        from filesync_dagster.sync import search

        query = FileQuery(
            text=text,
            path=PathFilter(path) if path else None,
            owner=owner,
            content_hash=content_hash,
            min_size=min_size,
            max_size=max_size,
            modified_after=modified_after,
            modified_before=modified_before,
        )
        return RecordBatches(search.search(self.runtime, query, endpoints, limit=limit), search.SEARCH_SCHEMA)

    def folder(self, name: str, path: str = "", *, limit: int = 1000) -> "FolderSize":
        """Return how large a folder of an endpoint is, and the largest entries in it. Raises NothingKnown."""
        from filesync_dagster.sync.search import folder_size

        return folder_size(self.runtime, self.config.endpoint(name), path, limit=limit)

    def open_file(
        self, name: str, path_or_id: str, *, by_id: bool = False, export: str | None = None
    ) -> "ContentStream":
        """Return the content of a live file as a binary file, read from the store; close it, or use `with`.

        It is the version that the inventory has, or StaleSource: the last block comes only when length, hash (where
        the store tells one) and version are proved. Nothing of it is kept on disk. `export`: the format (`pdf`,
        `docx`) of documents that have no bytes of their own. (`Filesync.open` opens a configuration.)

        Raises UnknownEndpoint, UnknownFile (it names the ids where several files have one path), NothingKnown, and
        SourceErrors, NoContent among them, at once or while it is read.
        """
        from filesync_dagster.sync.content import find_entry, open_content

        endpoint = self.config.endpoint(name)
        return open_content(
            self.runtime, endpoint, find_entry(self.runtime, endpoint, path_or_id, by_id=by_id), export=export
        )

    def changes(self, name: str, *, since: datetime | None = None, until: datetime | None = None) -> RecordBatches:
        """Return the journal of an endpoint, oldest first: batch by batch, or `.to_pandas()`."""
        from filesync_dagster.storage.database.row_streams import JOURNAL_SCHEMA
        from filesync_dagster.sync import inventory

        rows = inventory.changes(self.runtime, self.config.endpoint(name), since=since, until=until)
        return RecordBatches(rows, JOURNAL_SCHEMA)

    def export(
        self,
        name: str,
        target: Path,
        *,
        format: Literal["parquet", "csv"] = "parquet",  # noqa: A002 - the word of the command line
        as_of: datetime | None = None,
        safe: bool = False,
    ) -> int:
        """Write a snapshot (the current one when `as_of` is left out) to a file; return how many rows it has.

        Values are written as they are; with `safe`, a text that a spreadsheet would take for a formula gets an
        apostrophe before it.
        """
        from filesync_dagster.sync import inventory

        return inventory.export(self.runtime, self.config.endpoint(name), target, format, as_of, safe=safe)

    def syncs(
        self, name: str, *, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> "list[SyncRecord]":
        """Return the syncs of an endpoint that described a moment in [since, until), newest first."""
        endpoint_id = self.runtime.register(self.config.endpoint(name))
        return self.runtime.metadata.syncs.between(endpoint_id, since=since, until=until, limit=limit)

    def report(self, name: str, day: date | None = None, *, rows: int = 50) -> "Report":
        """Write a report about a day, today when left out. Names: `filesync_dagster.monitoring.reports.CATALOGUE`.

        `rows`: how many of its rows it brings along; `report_rows` has all. Raises NothingKnown for a day to come.
        """
        from filesync_dagster.monitoring.reports.writer import ReportSession

        return ReportSession(self.runtime, day).report(name, rows)

    def report_rows(
        self, name: str, day: date | None = None, *, limit: int | None = None
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the rows of a report about a day."""
        from filesync_dagster.monitoring.reports.writer import ReportSession

        return ReportSession(self.runtime, day).rows(name, limit)

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
