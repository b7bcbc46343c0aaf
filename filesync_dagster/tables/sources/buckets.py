"""Files of a bucket as tables: what S3, Google Cloud Storage and Azure Blob Storage have in common.

Our connectors list and read them: each file at the version of the listing, or not at all. Who asks is said in the
configuration; nothing is taken from this machine. Connections go to addresses that the guard has checked.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import IO, Any, ClassVar, Final, Protocol, cast

import pyarrow as pa

from filesync_dagster.connectors.base import ContentSource
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import LimitReached, SourceError, SourceRefused
from filesync_dagster.core.path_filter import WILDCARDS, PathFilter
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
from filesync_dagster.tables.sources.file_settings import BucketSettings
from filesync_dagster.tables.sources.file_tables import FileGroup, FileTables, pattern_name
from filesync_dagster.tables.sources.parsed_files import SourceFile, table_name_of
from filesync_dagster.tables.sources.refusals import refusal, refusal_of

TEST_POLICY: Final = RetryPolicy(attempts=1, unreachable_attempts=1, timeout=8.0)
READ_POLICY: Final = RetryPolicy(attempts=6, unreachable_attempts=3, timeout=300.0, retry_after_max=60.0)
TESTED_PATHS_COUNT: Final = 20
"""Of the files that are named, so many are tried in a test."""

IGNORED_STARTS: Final = ("_", ".")
"""Names that tools leave beside tables: `_SUCCESS`, `.part-0.crc`."""


class OpenBucket(Protocol):
    """Opens a bucket below a prefix."""

    def __call__(self, prefix: str, policy: RetryPolicy, deadline: SourceDeadline) -> ContentSource:
        """Return a source of our connectors. No network call, unless credentials have to be fetched."""
        ...


class BucketSource:
    """See `TableSource`. Kinds of buckets say how one is opened, and which field is to blame for which refusal."""

    kind: ClassVar[str]
    Config: ClassVar[type[BucketSettings]]

    def __init__(
        self,
        config: BucketSettings,
        context: SourceContext,
        *,
        bucket: str,
        what: str,
        open_bucket: OpenBucket,
        fields: Mapping[str, str],
    ) -> None:
        self._config = config
        self._context = context
        self._bucket = bucket
        self._what = what
        self._open_bucket = open_bucket
        self._fields = {"changed": "file_paths", "unsupported": "file_paths", "limit": "file_paths", **fields}
        options = config.read_options()
        self._tables = FileTables(context, what, options, fields=self._fields, union_by=config.union_by)
        self._opened: list[ContentSource] = []
        self._names: set[str] = set()

    def test(self, deadline: SourceDeadline) -> SourceReport:
        """List what is named, and read a byte of the first file of each."""
        started = time.monotonic()
        found: list[VisibleTable] = []
        latency = 0.0
        for path in self._config.file_paths[:TESTED_PATHS_COUNT]:
            entries = self._entries(path, TEST_POLICY, deadline)
            latency = latency or (time.monotonic() - started) * 1000
            found.append(self._visible(path, entries, deadline))
        if not any(table.readable for table in found):
            problem = found[0].problem or ""
            code = "not_found" if problem.startswith("No file") else "forbidden"
            raise refusal(code, self._what, field="file_paths", message=f"{self._what}: {problem}")
        return SourceReport(self._what, latency, tuple(found))

    def discover(self, deadline: SourceDeadline) -> Sequence[FoundTable]:
        """List, fetch and parse: only their rows tell which columns files have."""
        tables = self._tables.find([self._group(path, deadline) for path in self._config.file_paths], deadline)
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
        """Read what `discover` fetched, in the order of the files."""
        if since is not None:
            raise refusal("unsupported", self._what, message="Files have no cursor: all of them are read.")
        if table.name not in self._names:
            self.discover(self._context.deadline(float("inf")))
        rows_max = smaller_limit(self._config.limit, limit)
        return self._tables.read(table, columns=columns, limit=rows_max, batch_rows=batch_rows)

    def close(self) -> None:
        """Close the connections, and remove what was fetched."""
        self._tables.close()
        while self._opened:
            self._opened.pop().close()

    def _group(self, path: str, deadline: SourceDeadline) -> FileGroup:
        entries = self._entries(path, READ_POLICY, deadline)
        if not entries:
            raise refusal(
                "not_found", self._what, field="file_paths", message=f"{self._what} has no file that is {path!r}."
            )
        files = tuple(
            SourceFile(
                entry.path,
                entry.version,
                _opener(source, entry),
                entry.size,
                open_range=_range_opener(source, entry),
            )
            for source, entry in entries
        )
        is_exact = len(entries) == 1 and entries[0][1].path == path
        name = table_name_of(path) if is_exact else pattern_name(path, self._bucket)
        return FileGroup(name, files, self._config.as_tables)

    def _entries(
        self, path: str, policy: RetryPolicy, deadline: SourceDeadline
    ) -> list[tuple[ContentSource, FileEntry]]:
        """Return the files that a path or a pattern means, by name: with what opens them."""
        with self._translated():
            source = within(deadline, lambda: self._open_bucket(_fixed_part(path), policy, deadline), self._what)
            self._opened.append(source)
            found = within(deadline, lambda: list(self._matching(source, path, deadline)), self._what)
        return [(source, entry) for entry in sorted(found, key=lambda entry: entry.path)]

    def _matching(self, source: ContentSource, path: str, deadline: SourceDeadline) -> Iterator[FileEntry]:
        """Yield what a listing has of a path or a pattern; a file of exactly this name is all that is meant."""
        wanted = PathFilter(path.lstrip("/")) if WILDCARDS & set(path) else None
        matched: list[FileEntry] = []
        pages = source.list(source.scopes()[0])
        with closing(cast("Any", pages)):
            for page in pages:
                deadline.check(self._what)
                if page.gaps:
                    raise refusal("protocol", self._what, cause=page.gaps[0].reason)
                for entry in _rows(page.batch, wanted, path):
                    if entry.external_id == path.lstrip("/"):
                        yield entry
                        return
                    matched.append(entry)
                if len(matched) > self._context.limits.files:
                    raise LimitReached(
                        f"{path} means more than {self._context.limits.files:,} files.",
                        code="limit",
                        field="file_paths",
                    )
        yield from matched

    def _visible(
        self, path: str, entries: Sequence[tuple[ContentSource, FileEntry]], deadline: SourceDeadline
    ) -> VisibleTable:
        name = pattern_name(path, self._bucket) if WILDCARDS & set(path) else table_name_of(path)
        if not entries:
            return VisibleTable(name, readable=False, problem=f"No file is {path!r}.")
        source, entry = entries[0]
        try:
            within(deadline, lambda: _read_one_byte(source, entry), self._what)
        except SourceError as error:
            told = refusal_of(error, f"{entry.path} of {self._what}", self._fields)
            return VisibleTable(name, readable=False, problem=told.message)
        return VisibleTable(name)

    def _translated(self) -> "_Translation":
        return _Translation(self._what, self._fields)


class _Translation:
    """Turns what our connectors raise into refusals of a source."""

    def __init__(self, what: str, fields: Mapping[str, str]) -> None:
        self._what = what
        self._fields = fields

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, SourceError) and not isinstance(error, SourceRefused):
            raise refusal_of(error, self._what, self._fields) from None


def _rows(batch: pa.RecordBatch, wanted: PathFilter | None, path: str) -> Iterator[FileEntry]:
    keys = batch.column("external_id")
    selected = batch.set_column(batch.schema.get_field_index("path"), "path", keys)
    exact = path.lstrip("/")
    if wanted is None:
        rows = [row for row in selected.to_pylist() if row["path"] == exact]
    else:
        matching = {row["path"] for row in wanted.select(selected).to_pylist()} | {exact}
        rows = [row for row in selected.to_pylist() if row["path"] in matching]
    for row in rows:
        name = row["path"].rpartition("/")[2]
        if name and (row["path"] == exact or not name.startswith(IGNORED_STARTS)):
            yield FileEntry.from_row(row)


def _fixed_part(path: str) -> str:
    """Return what all names begin with that a pattern matches."""
    plain = path.lstrip("/")
    return plain[: next((at for at, letter in enumerate(plain) if letter in WILDCARDS), len(plain))]


def _opener(source: ContentSource, entry: FileEntry) -> Callable[[], IO[bytes]]:
    return lambda: cast("IO[bytes]", source.open(entry))


def _range_opener(source: ContentSource, entry: FileEntry) -> Callable[[int, int], IO[bytes]]:
    return lambda offset, length: cast("IO[bytes]", source.open(entry, offset=offset, length=length))


def _read_one_byte(source: ContentSource, entry: FileEntry) -> None:
    with closing(source.open(entry, offset=0, length=1)) as stream:
        stream.read(1)
