"""Files parsed into tables: each is fetched at one version, and what it was parsed to is kept by that version.

Many are parsed by one process, some of such processes side by side, while the next files are fetched.
"""

import hashlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Self

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import Cancelled, FilesyncError, LimitReached, SourceError
from filesync_dagster.tables.model import SCHEMA_KEY, Table, TableSchema
from filesync_dagster.tables.ranges import RangeOpener, make_stand_in, served_ranges
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.parse import FileOptions, FileToParse, parse_files
from filesync_dagster.tables.sources.refusals import refusal_of

BLOCK_BYTES: Final = 1 << 20
FORMAT_VERSION: Final = "3"
"""Of what is kept of parsed files: another one is parsed anew."""

BATCH_MAX_COUNT: Final = 64
BATCH_MAX_BYTES: Final = 64 << 20
"""Files that one process parses in one go; a large one is alone."""

RANGED_MIN_BYTES: Final = 8 << 20
"""A smaller file is fetched sooner than its footer is found."""

PARQUET: Final = (".parquet", ".pq")
PARSERS_MAX_COUNT: Final = 2
ROOM_SECONDS: Final = 0.2
AHEAD_MAX_COUNT: Final = 2
"""Batches that wait, fetched, for a parser: fetching more would only fill the disk."""


@dataclass(frozen=True)
class SourceFile:
    """A file at one version. `version` None: nobody tells whether it is another by now, so it is not kept."""

    name: str  # its path in the source
    version: str | None
    open: Callable[[], IO[bytes]]  # raises SourceError or SourceRefused, as reading it does
    size: int | None = None
    path: Path | None = None  # where it is, for one that is on this machine
    identity: str | None = None  # what stays the same when it moves, where the source has such; else its name
    options: FileOptions | None = None  # what was said of this file, where its source says nothing
    open_range: Callable[[int, int], IO[bytes]] | None = None  # so many bytes from an offset on; for all threads

    @property
    def is_read_by_ranges(self) -> bool:
        """Whether its columns can be asked for without its rows, and one without the others: Parquet that is large."""
        can_be = self.path is not None or self.open_range is not None
        is_large = self.size is not None and self.size >= RANGED_MIN_BYTES
        return can_be and is_large and _suffix(self.name).lower() in PARQUET


class ParsedFiles:
    """Fetches and parses files. `what` names the source, `fields` what to correct, by code."""

    def __init__(self, context: SourceContext, what: str, fields: Mapping[str, str]) -> None:
        self._context = context
        self._what = what
        self._fields = fields
        self._own_folder: Path | None = None
        self.parsed_count = 0  # that were not kept already

    def tables(self, files: Sequence[SourceFile], options: FileOptions, deadline: SourceDeadline) -> list[list[Table]]:
        """Return what is in each file: what was kept of this version of it, else what it is parsed to now.

        `schema_only`, `columns` and `rows` of the options are of files that are read by ranges; others are parsed as a
        whole. Raises the error of one that cannot be read.
        """
        found: dict[int, list[Table]] = {}
        todo: list[int] = []
        for number, file in enumerate(files):
            deadline.check(self._what)
            given = _options_of(file, options)
            tables = self._kept(file, _whole(given)) or self._kept(file, given)
            if tables:
                found[number] = tables
            else:
                todo.append(number)
        batches = list(_batches([files[number] for number in todo]))
        parsed = [tables for batch in self._parse(batches, options, deadline) for tables in batch]
        found |= dict(zip(todo, parsed, strict=True))
        return [found[number] for number in range(len(files))]

    def close(self) -> None:
        """Remove what was fetched and is not kept."""
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)
            self._own_folder = None

    def _parse(
        self, batches: Sequence[Sequence[SourceFile]], options: FileOptions, deadline: SourceDeadline
    ) -> list[list[list[Table]]]:
        """Return the tables of the files of each batch; batches are fetched here, one after the other."""
        with _Parsers(self._parse_batch, lambda: deadline.check(self._what)) as parsers:
            for batch in batches:
                parsers.wait_for_room()
                parsers.parse([(file, self._prepare(file, options, parsers.check)) for file in batch])
            return parsers.results()

    def _parse_batch(
        self, asked: Sequence[tuple[SourceFile, FileToParse]], check: Callable[[], None]
    ) -> list[list[Table]]:
        found: list[list[Table]] = []
        with served_ranges({job.path: self._ranges_of(file) for file, job in asked if job.path.is_dir()}) as failed:
            parsed = parse_files([job for _, job in asked], check)
        for (file, job), tables in zip(asked, parsed, strict=True):
            if job.path in failed:
                raise self._translated(failed[job.path], file)
            if isinstance(tables, FilesyncError):
                raise tables
            if job.path.is_dir():
                shutil.rmtree(job.path)
            elif file.path is None:
                job.path.unlink()
            kept = self._kept_folder(file, _options_of(file, job.options))
            found.append(tables if kept is None else _keep(tables, job.folder, kept))
        self.parsed_count += len(asked)
        return found

    def _prepare(self, file: SourceFile, options: FileOptions, check: Callable[[], None]) -> FileToParse:
        check()
        folder = Path(tempfile.mkdtemp(prefix="parse-", dir=self._folder()))
        given = _options_of(file, options)
        path = file.path or folder / f"file{_suffix(file.name)}"
        if file.path is None and file.is_read_by_ranges:
            make_stand_in(path, file.size or 0)
        elif file.path is None:
            self._fetch(file, path, check)
        return FileToParse(path, table_name_of(file.name), given, folder / "tables")

    def _ranges_of(self, file: SourceFile) -> RangeOpener:
        """Return what opens ranges of a file, until they are more than of one file may be fetched."""
        limit, fetched = self._context.limits.file_bytes, 0

        def open_range(offset: int, length: int) -> IO[bytes]:
            nonlocal fetched
            assert file.open_range is not None, "it is read by ranges"
            fetched += length
            if fetched > limit:
                raise self._too_large(file)
            return file.open_range(offset, length)

        return open_range

    def _translated(self, error: Exception, file: SourceFile) -> Exception:
        """Return an error of a store as a refusal of the source."""
        if not isinstance(error, SourceError):
            return error
        return refusal_of(error, f"{file.name} of {self._what}", self._fields)

    def _too_large(self, file: SourceFile) -> LimitReached:
        limit = self._context.limits.file_bytes
        return LimitReached(
            f"{file.name} has more than {limit:,} bytes.", code="limit", field=self._fields.get("limit")
        )

    def _kept(self, file: SourceFile, options: FileOptions) -> list[Table]:
        kept = self._kept_folder(file, options)
        return [] if kept is None else kept_tables(kept)

    def _kept_folder(self, file: SourceFile, options: FileOptions) -> Path | None:
        """Return where the tables of a file at its version are kept; None where they are not."""
        if file.version is None or self._context.cache is None:
            return None
        called = table_name_of(file.name), _suffix(file.name)
        told = [FORMAT_VERSION, file.identity or file.name, file.version, called, options.as_json()]
        return self._context.cache / hashlib.sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]

    def _fetch(self, file: SourceFile, target: Path, check: Callable[[], None]) -> None:
        """Write a file to the disk, all of it at one version."""
        limit, size = self._context.limits.file_bytes, 0
        try:
            with closing(file.open()) as stream, target.open("wb") as sink:
                while block := stream.read(BLOCK_BYTES):
                    check()
                    size += len(block)
                    if size > limit:
                        raise self._too_large(file)
                    sink.write(block)
        except SourceError as error:
            raise refusal_of(error, f"{file.name} of {self._what}", self._fields) from None

    def _folder(self) -> Path:
        if self._context.folder is not None:
            self._context.folder.mkdir(parents=True, exist_ok=True)
            if self._own_folder is None:
                self._own_folder = Path(tempfile.mkdtemp(prefix="files-", dir=self._context.folder))
        if self._own_folder is None:
            self._own_folder = Path(tempfile.mkdtemp(prefix="filesync-files-"))
        return self._own_folder


def _whole(options: FileOptions) -> FileOptions:
    return replace(options, columns=None, rows=None, schema_only=False)


def _options_of(file: SourceFile, options: FileOptions) -> FileOptions:
    """Return what is said of a file: parts of it are asked for where these can be read without the rest."""
    said = options if file.options is None else options.with_defaults(file.options)
    return replace(said, format="parquet") if file.is_read_by_ranges else _whole(said)


def _batches(files: Sequence[SourceFile]) -> Iterator[list[SourceFile]]:
    """Yield files that one process parses: so few that each parser has some, and so small that none waits for long."""
    most = max(1, min(BATCH_MAX_COUNT, -(-len(files) // PARSERS_MAX_COUNT)))
    batch: list[SourceFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) >= most or size + (file.size or 0) > BATCH_MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += file.size or 0
    if batch:
        yield batch


class _Parsers:
    """Threads that each have a batch of files parsed. The first one that fails stops the others."""

    def __init__(
        self,
        parse: Callable[[Sequence[tuple[SourceFile, FileToParse]], Callable[[], None]], list[list[Table]]],
        check: Callable[[], None],
    ) -> None:
        self._parse = parse
        self._check = check
        self._stop = threading.Event()
        self._room = threading.Semaphore(PARSERS_MAX_COUNT + AHEAD_MAX_COUNT)
        self._pool = ThreadPoolExecutor(PARSERS_MAX_COUNT, "filesync-parse")
        self._begun: list[Future[list[list[Table]]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def check(self) -> None:
        """Raise what ends the work: what whoever waits for it raises, or Cancelled."""
        self._check()
        if self._stop.is_set():
            self.results()
            raise Cancelled("Another file could not be read.", code="cancelled")

    def wait_for_room(self) -> None:
        """Wait until one more batch may be fetched."""
        while not self._room.acquire(timeout=ROOM_SECONDS):
            self.check()

    def parse(self, batch: Sequence[tuple[SourceFile, FileToParse]]) -> None:
        """Have a batch parsed, some time."""
        self._begun.append(self._pool.submit(self._run, batch))

    def results(self) -> list[list[list[Table]]]:
        """Return what all batches gave. Raises the error that stopped the others, not theirs."""
        errors = [future.exception() for future in self._begun]
        for error in sorted(filter(None, errors), key=lambda one: isinstance(one, Cancelled)):
            raise error
        return [future.result() for future in self._begun]

    def _run(self, batch: Sequence[tuple[SourceFile, FileToParse]]) -> list[list[Table]]:
        try:
            return self._parse(batch, self._check_begun)
        except BaseException:
            self._stop.set()
            raise
        finally:
            self._room.release()

    def _check_begun(self) -> None:
        if self._stop.is_set():
            raise Cancelled("Another file could not be read.", code="cancelled")
        self._check()


def kept_tables(folder: Path) -> list[Table]:
    """Return the tables that are kept in a folder, none where it is not whole."""
    try:
        told: list[dict[str, Any]] = orjson.loads((folder / "tables.json").read_bytes())
        return [
            _table_at([folder / part for part in one["parts"]])
            if one["parts"]
            else Table(TableSchema.from_json(one["schema"]), ())
            for one in told
        ]
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return []


def _table_at(parts: Sequence[Path]) -> Table:
    metadata = pq.read_metadata(parts[0]).metadata or {}
    return Table(TableSchema.from_json(orjson.loads(metadata[SCHEMA_KEY])), tuple(parts))


def _keep(tables: Sequence[Table], parts: Path, kept: Path) -> list[Table]:
    """Move parsed tables to where they are kept, in one step."""
    told = [
        {
            "parts": [str(part.relative_to(parts)) for part in table.parts],
            "schema": None if table.parts else table.schema.as_json(),  # else the parts have it
        }
        for table in tables
    ]
    (parts / "tables.json").write_bytes(orjson.dumps(told))
    kept.parent.mkdir(parents=True, exist_ok=True)
    staged = kept.with_name(f".{kept.name}-{parts.parent.name}")
    shutil.move(parts, staged)
    try:
        staged.rename(kept)
    except OSError:  # somebody else parsed the same
        if not kept_tables(kept):
            shutil.rmtree(kept, ignore_errors=True)
            staged.rename(kept)
        shutil.rmtree(staged, ignore_errors=True)
    return kept_tables(kept)


def table_name_of(path: str) -> str:
    """Return what a table of a file is called: the file's name without its ending.

    >>> table_name_of("in/Orders 2026.csv"), table_name_of("data.tar.gz")
    ('Orders 2026', 'data.tar')
    """
    name = PurePosixPath(path).name
    return name[: -len(_suffix(name))] if _suffix(name) and len(name) > len(_suffix(name)) else name or "table"


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix
