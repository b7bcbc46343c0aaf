"""Tables of files, wherever the files are: each is fetched at one version, parsed once, and kept by that version.

A group of files is one table, or each of its files is one or several. Files of a group that are one table must fit
together: what one of them has as a number and another as text is text in all of them, as it was written.
"""

import hashlib
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import IO, Final, Literal

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import LimitReached, SourceError, SourceRefused
from filesync_dagster.tables.model import SCHEMA_KEY, Table, TableSchema
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    FoundTable,
    SourceContext,
    TableRows,
    WarningCounts,
    smaller_limit,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.parse import FileOptions, parse_file
from filesync_dagster.tables.sources.refusals import refusal, refusal_of
from filesync_dagster.tables.sources.unions import UnionBy, clashing_columns, union_schema, united_batches

BLOCK_BYTES: Final = 1 << 20
FORMAT_VERSION: Final = "1"
"""Of what is kept of parsed files: another one is parsed anew."""

AsTables = Literal["one", "per_file"]


@dataclass(frozen=True)
class SourceFile:
    """A file at one version. `version` None: nobody tells whether it is another by now, so it is not kept."""

    name: str  # its path in the source
    version: str | None
    open: Callable[[], IO[bytes]]  # raises SourceError or SourceRefused, as reading it does
    size: int | None = None
    path: Path | None = None  # where it is, for one that is on this machine


@dataclass(frozen=True)
class FileGroup:
    """Files that were named together: a path, or all that a pattern matches."""

    name: str  # of the table, where they are one
    files: tuple[SourceFile, ...]
    as_tables: AsTables = "one"


class FileTables:
    """Finds and reads the tables of groups of files. `what` names the source, `fields` what to correct, by code."""

    def __init__(
        self,
        context: SourceContext,
        what: str,
        options: FileOptions,
        *,
        fields: Mapping[str, str],
        union_by: UnionBy = "name",
    ) -> None:
        self._context = context
        self._what = what
        self._options = replace(options, source=context.name)
        self._fields = fields
        self._union_by = union_by
        self._own_folder: Path | None = None
        self._found: dict[str, tuple[Table, ...]] = {}
        self.parsed_files = 0  # that were not kept already

    def find(self, groups: Sequence[FileGroup], deadline: SourceDeadline) -> tuple[FoundTable, ...]:
        """Return the tables of groups of files, which are fetched and parsed. Raises SourceRefused, UnreadableTable."""
        found: list[tuple[str, FileGroup, tuple[Table, ...]]] = []
        for group in groups:
            if group.as_tables == "one" and len(group.files) > 1:
                found.append((group.name, group, self._united_tables(group, deadline)))
                continue
            for file in group.files:
                single = replace(group, files=(file,))
                found += [(table.name, single, (table,)) for table in self._tables(file, self._options, deadline)]
        names = _unique_names([(name, group.files[0].name) for name, group, _ in found])
        self._found = {name: tables for name, (_, _, tables) in zip(names, found, strict=True)}
        return tuple(self._describe(name, group, tables) for name, (_, group, tables) in zip(names, found, strict=True))

    def read(
        self, table: FoundTable, *, columns: Sequence[str] | None, limit: int | None, batch_rows: int = BATCH_ROWS
    ) -> TableRows:
        """Return the rows of a table that `find` returned."""
        parts = self._found.get(table.name)
        if parts is None:
            raise refusal("not_found", self._what, message=f"{self._what} has no table {table.name!r}.")
        schema = table.schema
        if columns is not None:
            schema = schema.with_columns([column for column in schema.columns if column.name in columns])
        counts = WarningCounts()
        target = pa.schema([pa.field(c.name, c.type, c.nullable) for c in schema.columns])
        rows_max = smaller_limit(limit)
        batches = united_batches(parts, table.schema, target, self._union_by, batch_rows)
        return TableRows(schema, _bounded(batches, rows_max, self._context, counts), counts)

    def rename(self, table: FoundTable, name: str) -> tuple[FoundTable, ...]:
        """Return the only table of `find` under another name."""
        self._found = {name: self._found[table.name]}
        return (replace(table, schema=replace(table.schema, name=name)),)

    def close(self) -> None:
        """Remove what was fetched and is not kept."""
        self._found = {}
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)
            self._own_folder = None

    def _describe(self, name: str, group: FileGroup, tables: Sequence[Table]) -> FoundTable:
        schema = replace(union_schema(tables, self._union_by, self._what), name=name, source=self._context.name)
        rows = sum(table.schema.row_count or 0 for table in tables)
        sizes = [file.size for file in group.files]
        total = sum(size for size in sizes if size is not None) if None not in sizes else None
        origin = tuple(file.name for file in group.files)
        return FoundTable(replace(schema, row_count=None), rows, (), origin, "file", total)

    def _united_tables(self, group: FileGroup, deadline: SourceDeadline) -> tuple[Table, ...]:
        """Return the table of each file of a group, so that they fit together."""
        given = replace(self._options, ignore_unknown_types=len(group.files) > 1)
        tables = [self._only_table(file, given, deadline) for file in group.files]
        clashes = {
            column: "text" for column in clashing_columns(tables, self._union_by) if column not in self._options.types
        }
        if clashes:
            options = replace(given, types={**given.types, **clashes})
            tables = [self._only_table(file, options, deadline) for file in group.files]
        return tuple(tables)

    def _only_table(self, file: SourceFile, options: FileOptions, deadline: SourceDeadline) -> Table:
        tables = self._tables(file, options, deadline)
        if len(tables) != 1:
            raise SourceRefused(
                f"{file.name} has {len(tables)} tables, so it cannot be one with other files.",
                hint="Name its sheet, or read each file as tables of its own.",
                code="unsupported",
                field=self._fields.get("unsupported"),
            )
        return tables[0]

    def _tables(self, file: SourceFile, options: FileOptions, deadline: SourceDeadline) -> list[Table]:
        """Return what is in a file: what was kept of this version of it, else what it is parsed to now."""
        deadline.check(self._what)
        name = table_name_of(file.name)
        key = hashlib.sha256(
            orjson.dumps(
                [FORMAT_VERSION, file.name, file.version, name, options.as_json()], option=orjson.OPT_SORT_KEYS
            )
        ).hexdigest()[:32]
        kept = None if file.version is None or self._context.cache is None else self._context.cache / key
        if kept is not None and (tables := kept_tables(kept)):
            return tables
        folder = Path(tempfile.mkdtemp(prefix="parse-", dir=self._folder()))
        path = file.path or self._fetch(file, folder / f"file{_suffix(file.name)}", deadline)
        parts = folder / "tables"
        parts.mkdir()
        tables = parse_file(path, name, options, parts)
        self.parsed_files += 1
        if file.path is None:
            path.unlink()
        return tables if kept is None else _keep(tables, parts, kept)

    def _fetch(self, file: SourceFile, target: Path, deadline: SourceDeadline) -> Path:
        """Write a file to the disk, all of it at one version."""
        limit, size = self._context.limits.file_bytes, 0
        try:
            with closing(file.open()) as stream, target.open("wb") as sink:
                while block := stream.read(BLOCK_BYTES):
                    deadline.check(self._what)
                    size += len(block)
                    if size > limit:
                        raise LimitReached(
                            f"{file.name} has more than {limit:,} bytes.", code="limit", field=self._fields.get("limit")
                        )
                    sink.write(block)
        except SourceError as error:
            raise refusal_of(error, f"{file.name} of {self._what}", self._fields) from None
        return target

    def _folder(self) -> Path:
        if self._context.folder is not None:
            self._context.folder.mkdir(parents=True, exist_ok=True)
            if self._own_folder is None:
                self._own_folder = Path(tempfile.mkdtemp(prefix="files-", dir=self._context.folder))
        if self._own_folder is None:
            self._own_folder = Path(tempfile.mkdtemp(prefix="filesync-files-"))
        return self._own_folder


def kept_tables(folder: Path) -> list[Table]:
    """Return the tables that are kept in a folder, none where it is not whole."""
    try:
        names: list[list[str]] = orjson.loads((folder / "tables.json").read_bytes())
        return [_table_at([folder / part for part in parts]) for parts in names]
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return []


def _table_at(parts: Sequence[Path]) -> Table:
    metadata = pq.read_metadata(parts[0]).metadata or {}
    return Table(TableSchema.from_json(orjson.loads(metadata[SCHEMA_KEY])), tuple(parts))


def _keep(tables: Sequence[Table], parts: Path, kept: Path) -> list[Table]:
    """Move parsed tables to where they are kept, in one step."""
    names = [[str(part.relative_to(parts)) for part in table.parts] for table in tables]
    (parts / "tables.json").write_bytes(orjson.dumps(names))
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


def _bounded(
    batches: Iterator[pa.RecordBatch], rows_max: int | None, context: SourceContext, counts: WarningCounts
) -> Iterator[pa.RecordBatch]:
    """Yield rows up to a limit, and tell when there were more."""
    rows = 0
    for batch in batches:
        context.deadline(float("inf")).check("The source")
        if rows_max is not None and rows + batch.num_rows > rows_max:
            counts.add("limited", None, f"Only the first {rows_max:,} rows were read.")
            if rows < rows_max:
                yield batch.slice(0, rows_max - rows)
            return
        rows += batch.num_rows
        if rows > context.limits.rows:
            raise LimitReached(f"A table has more than {context.limits.rows:,} rows.", code="limit", field="limit")
        yield batch


def table_name_of(path: str) -> str:
    """Return what a table of a file is called: the file's name without its ending.

    >>> table_name_of("in/Orders 2026.csv"), table_name_of("data.tar.gz")
    ('Orders 2026', 'data.tar')
    """
    name = PurePosixPath(path).name
    return name[: -len(_suffix(name))] if _suffix(name) and len(name) > len(_suffix(name)) else name or "table"


def pattern_name(pattern: str, fallback: str) -> str:
    """Return what the table of all files of a pattern is called: what it has in common, before its wildcards.

    >>> pattern_name("in/orders-*.csv", "x"), pattern_name("sales/**/*.csv", "x"), pattern_name("*.csv", "x")
    ('orders', 'sales', 'x')
    """
    parts = pattern.strip("/").split("/")
    head = parts[-1][: next((at for at, letter in enumerate(parts[-1]) if letter in "*?["), len(parts[-1]))]
    if stem := head.strip("-_. "):
        return stem
    plain = [part for part in parts[:-1] if not set(part) & set("*?[")]
    return plain[-1] if plain else fallback


def _suffix(name: str) -> str:
    return PurePosixPath(name).suffix


def _unique_names(named: Sequence[tuple[str, str]]) -> list[str]:
    """Return names of tables that differ: with the folder before it where two files have one name, else a number."""
    often = Counter(name.lower() for name, _ in named)
    found: list[str] = []
    taken: set[str] = set()
    for name, path in named:
        folder = PurePosixPath(path).parent.name
        wished = f"{folder}_{name}" if often[name.lower()] > 1 and folder else name
        unique, number = wished, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{wished}_{number}"
        taken.add(unique.lower())
        found.append(unique)
    return found
