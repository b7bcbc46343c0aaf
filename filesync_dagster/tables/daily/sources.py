"""The sources of tables of a configuration, as `Filesync.tables` has them.

>>> from filesync_dagster import Filesync                                             # doctest: +SKIP
>>> with Filesync.open("endpoints.yaml") as fs:                                       # doctest: +SKIP
...     print(fs.tables.read("shop").rows)
...     print(fs.tables.table("shop", "orders").schema.names)
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from filesync_dagster.config import DataSource
from filesync_dagster.core.errors import NothingHeld, NothingKnown
from filesync_dagster.storage.database.source_reads import SourceReadRecord
from filesync_dagster.storage.database.stored_tables import StoredTableRecord
from filesync_dagster.sync.pool import run_each
from filesync_dagster.sync.runtime import Runtime
from filesync_dagster.tables.daily.status import GenerationStatus, SourceStatus, generation_statuses, source_statuses

if TYPE_CHECKING:
    from filesync_dagster.tables.daily.model import SourceResult
    from filesync_dagster.tables.model import Table

READS_MAX_COUNT = 4
"""Sources that are read at once: each may take as much memory as a table needs to be looked through."""


def _never() -> bool:
    return False


class TableSources:
    """See the module's docstring. Methods may be called from several threads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def names(self) -> list[str]:
        """Return the names of all that are configured, and of those that were saved over the API."""
        saved = [record.name for record in self._runtime.metadata.data_sources.all()]
        return list(dict.fromkeys([*(source.name for source in self._runtime.config.sources), *saved]))

    def status(self) -> list[SourceStatus]:
        """Return how each is doing."""
        return source_statuses(self._runtime)

    def generations(self) -> list[GenerationStatus]:
        """Return how each generation of synthetic data is doing."""
        return generation_statuses(self._runtime)

    def read(
        self,
        name: str,
        *,
        day: date | None = None,
        tables: Sequence[str] | None = None,
        run_id: str | None = None,
        cancelled: Callable[[], bool] = _never,
    ) -> "SourceResult":
        """Read a source, all tables or some, and keep what it has; what fails gives a failed result.

        `day`: one that is past is read up to its end where the source declares a cursor, else what was stored on it is
        what it has. Raises ConfigError for a name that is not there, DatabaseError.
        """
        from filesync_dagster.tables.daily.read import Wish, read_source

        source, today = self._source(name), self._runtime.config.settings.partitions.today()
        wish = Wish(source, day or today, tables, live=day in {None, today}, run_id=run_id)
        return read_source(self._runtime, wish, cancelled=cancelled)

    def read_many(
        self,
        wanted: Mapping[str, Sequence[str] | None],
        *,
        day: date | None = None,
        run_id: str | None = None,
        cancelled: Callable[[], bool] = _never,
    ) -> "Generator[SourceResult]":
        """Read several sources at once, of each all tables (None) or some; each result as it is there."""
        from filesync_dagster.tables.daily.model import ReadMode, ReadState, SourceResult

        settings = self._runtime.config.settings
        shown = day or settings.partitions.today()

        def one(name: str) -> SourceResult:
            return self.read(name, day=day, tables=wanted[name], run_id=run_id, cancelled=cancelled)

        def fail(name: str, sentence: str) -> SourceResult:
            return SourceResult(name, shown, ReadMode.LIVE, ReadState.FAILED, error=sentence, error_code="failed")

        return run_each(min(settings.concurrency, READS_MAX_COUNT), list(wanted), one, fail)

    def current(self, name: str, *, day: date | None = None) -> list[StoredTableRecord]:
        """Return the current tables of a source: of a day, or of the last one that it was read on."""
        return self._runtime.metadata.tables.latest(name, day=day.isoformat() if day else None)

    def table(self, name: str, table: str, *, day: date | None = None) -> "Table":
        """Return a stored table, with its parts on a local disk. Raises NothingKnown, SnapshotMissing."""
        from filesync_dagster.tables.daily.access import table_store

        found = {record.name: record for record in self.current(name, day=day)}
        if table not in found:
            when = f" of {day}" if day else ""
            raise NothingKnown(
                f"No table {table!r} of the source {name}{when} is stored.",
                hint=f"Stored are: {', '.join(found) or 'none'}.",
            )
        return table_store(self._runtime).load(found[table].manifest_uri)

    def held(self, name: str) -> SourceReadRecord:
        """Return the read of a source that waits for a decision. Raises NothingHeld."""
        found = self._runtime.metadata.source_reads.held(name)
        if found is None:
            raise NothingHeld(f"No read of the source {name} is held.")
        return found

    def approve(self, name: str, *, read_id: str | None = None) -> SourceReadRecord:
        """Let what a held read found be the current tables. `read_id`: only if it is still this one.

        Raises NothingHeld, TableError.
        """
        return self._runtime.metadata.source_reads.decide(read_id or self.held(name).id, approve=True)

    def reject(self, name: str) -> SourceReadRecord:
        """Forget the held read of a source. Raises NothingHeld."""
        return self._runtime.metadata.source_reads.decide(self.held(name).id, approve=False)

    def _source(self, name: str) -> DataSource:
        return self._runtime.config.source(name)
