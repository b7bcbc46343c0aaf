"""Files of the inventory as a source of tables: a pattern over what an endpoint has, at the versions that it lists."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime
from datetime import time as time_of_day
from typing import IO, TYPE_CHECKING, Annotated, Any, ClassVar, Final, cast
from zoneinfo import ZoneInfo

from pydantic import Field

from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import FilesyncError, LimitReached, SourceError, SyncError
from filesync_dagster.core.path_filter import PathFilter
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    Bookmark,
    FoundTable,
    SourceContext,
    SourceReport,
    TableRows,
    VisibleTable,
    smaller_limit,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline, within
from filesync_dagster.tables.sources.file_settings import Pattern, PatternSettings
from filesync_dagster.tables.sources.file_tables import FileGroup, FileTables, pattern_name
from filesync_dagster.tables.sources.parsed_files import SourceFile, table_name_of
from filesync_dagster.tables.sources.refusals import refusal, refusal_of
from filesync_dagster.tables.sources.settings import ADVANCED, CONNECTION, FILES, Text, setting

if TYPE_CHECKING:
    from filesync_dagster.connectors.base import ContentSource

FIELDS: Final = {
    "not_found": "pattern", "changed": "pattern", "unsupported": "pattern", "limit": "max_files", "auth": "endpoint",
    "forbidden": "endpoint", "unreachable": "endpoint", "timeout": "endpoint", "tls": "endpoint",
}  # fmt: skip
FILES_MAX_COUNT: Final = 100_000


class InventoryConfig(PatternSettings):
    """The configuration of a source of type inventory."""

    endpoint: Text = setting(title="Endpoint", group=CONNECTION, help="Name of an endpoint of endpoints.yaml.")
    pattern: Pattern = setting(
        title="Pattern",
        group=FILES,
        help="Which of its files, by their paths: `in/*.csv`, `**/*.parquet`, `in/a.xlsx`.",
    )
    max_files: Annotated[int, Field(ge=1, le=FILES_MAX_COUNT)] = setting(
        1_000, title="Most files", group=ADVANCED, help="More files than these are an error, never a part of them."
    )
    as_of: date | None = setting(
        None,
        title="As of",
        group=ADVANCED,
        help="A day: the files as the inventory had them at its end, if they are still there. Empty: now.",
    )


class InventorySource:
    """See `TableSource`. Files that another version is in place of by now are an error: a sync tells of them."""

    kind: ClassVar[str] = "inventory"
    Config: ClassVar[type[InventoryConfig]] = InventoryConfig

    def __init__(self, config: InventoryConfig, context: SourceContext) -> None:
        if context.runtime is None:
            raise refusal("unsupported", "The inventory", message="There is no inventory here.")
        self._runtime = context.runtime
        self._config = config
        self._context = context
        self._what = f"The inventory of {config.endpoint}"
        try:
            self._endpoint = self._runtime.config.endpoint(config.endpoint)
        except FilesyncError as error:
            raise refusal("not_found", self._what, field="endpoint", message=error.message) from None
        options = config.read_options()
        self._tables = FileTables(context, self._what, options, fields=FIELDS, union_by=config.union_by)
        self._names: set[str] = set()
        self._opened: ContentSource | None = None
        self._opening = threading.Lock()

    @property
    def parsed_files(self) -> int:
        """How many files were fetched and parsed, because this version of them was not kept."""
        return self._tables.parsed_files

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """Look which files there are, and read a byte of the first."""
        started = time.monotonic()
        entries = within(deadline, self._entries, self._what)
        latency = (time.monotonic() - started) * 1000
        if not entries:
            raise self._nothing()
        try:
            within(deadline, lambda: self._read_one_byte(entries[0]), self._what)
        except SourceError as error:
            raise refusal_of(error, f"{entries[0].path} of {self._what}", FIELDS) from None
        name = self._name(entries)
        return SourceReport(f"{self._what} ({len(entries):,} files)", latency, (VisibleTable(name),))

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """Fetch and parse the files that are not kept from an earlier time."""
        entries = within(deadline, self._entries, self._what)
        if not entries:
            raise self._nothing()
        group = FileGroup(self._name(entries), tuple(map(self._file, entries)), self._config.as_tables)
        tables = self._tables.find([group], deadline)
        self._names = {table.name for table in tables}
        return tables

    def read(
        self,
        table: FoundTable,
        *,
        columns: Sequence[str] | None = None,
        limit: int | None = None,
        since: Bookmark | None = None,
        batch_rows: int = BATCH_ROWS,
    ) -> TableRows:
        """Read what `discover` fetched, in the order of the paths."""
        if since is not None:
            raise refusal("unsupported", self._what, message="Files have no cursor: all of them are read.")
        if table.name not in self._names:
            self.discover(self._context.deadline(float("inf")))
        rows_max = smaller_limit(self._config.limit, limit)
        return self._tables.read(table, columns=columns, limit=rows_max, batch_rows=batch_rows)

    def close(self) -> None:
        """Close the connections, and remove what was fetched and is not kept."""
        self._tables.close()
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()

    def _entries(self) -> list[FileEntry]:
        """Return the files that the pattern means, by path. Raises SourceRefused, LimitReached."""
        from filesync_dagster.sync.inventory import files

        pattern = self._config.pattern.lstrip("/")
        found: list[FileEntry] = []
        try:
            batches: Any = files(self._runtime, self._endpoint, as_of=self._moment(), place=PathFilter(pattern))
            with closing(batches):
                for batch in batches:
                    found += [FileEntry.from_row(row) for row in batch.to_pylist() if row["kind"] != "folder"]
                    if len(found) > self._config.max_files:
                        raise LimitReached(
                            f"{self._what} has more than {self._config.max_files:,} files that {pattern} means.",
                            code="limit",
                            field="max_files",
                        )
        except SyncError as error:
            raise refusal("not_found", self._what, field="endpoint", message=error.message, hint=error.hint) from None
        return sorted(found, key=lambda entry: (entry.path, entry.external_id))

    def _moment(self) -> datetime | None:
        if self._config.as_of is None:
            return None
        zone = ZoneInfo(self._runtime.config.settings.partitions.timezone)
        return datetime.combine(self._config.as_of, time_of_day.max, zone)

    def _file(self, entry: FileEntry) -> SourceFile:
        from filesync_dagster.sync.content import open_content

        version = entry.version or entry.content_hash
        known = None if version is None else f"{self._config.endpoint} {entry.external_id} {version} {entry.size}"
        return SourceFile(
            entry.path,
            known,
            lambda: cast("IO[bytes]", open_content(self._runtime, self._endpoint, entry)),
            entry.size,
            identity=f"{self._config.endpoint} {entry.external_id}",
            open_range=lambda offset, length: self._open_range(entry, offset, length),
        )

    def _open_range(self, entry: FileEntry, offset: int, length: int) -> IO[bytes]:
        """Return a part of a file, over connections that serve all parts of all files."""
        from filesync_dagster.sync.content import open_content_source

        with self._opening:
            if self._opened is None:
                self._opened = open_content_source(self._runtime, self._endpoint)
        return cast("IO[bytes]", self._opened.open(entry, offset=offset, length=length))

    def _read_one_byte(self, entry: FileEntry) -> None:
        with closing(self._file(entry).open()) as stream:
            stream.read(1)

    def _name(self, entries: Sequence[FileEntry]) -> str:
        pattern = self._config.pattern
        is_exact = len(entries) == 1 and entries[0].path == pattern.lstrip("/")
        return table_name_of(pattern) if is_exact else pattern_name(pattern, self._config.endpoint)

    def _nothing(self) -> Exception:
        return refusal(
            "not_found",
            self._what,
            field="pattern",
            message=f"{self._what} has no file that {self._config.pattern!r} means.",
            hint="Paths are as `filesync files` lists them; what is newer than the last sync is not known yet.",
        )
