"""Tables of files, wherever the files are: each is fetched at one version, parsed once, and kept by that version.

A group of files is one table, or each of its files is one or several. Files of a group that are one table must fit
together: what one of them has as a number and another as text is text in all of them, as it was written.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Literal

import pyarrow as pa

from filesync_dagster.core.errors import LimitReached, SourceRefused
from filesync_dagster.tables.model import Table, TableSchema
from filesync_dagster.tables.sources.base import (
    BATCH_ROWS,
    FoundTable,
    SourceContext,
    TableRows,
    WarningCounts,
    smaller_limit,
)
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.parse import FileOptions
from filesync_dagster.tables.sources.parsed_files import ParsedFiles, SourceFile
from filesync_dagster.tables.sources.refusals import refusal
from filesync_dagster.tables.sources.unions import UnionBy, clashing_columns, union_schema, united_batches

AsTables = Literal["one", "per_file"]


@dataclass(frozen=True)
class FileGroup:
    """Files that were named together: a path, or all that a pattern matches."""

    name: str  # of the table, where they are one
    files: tuple[SourceFile, ...]
    as_tables: AsTables = "one"

    @property
    def is_united(self) -> bool:
        """Whether several files are one table."""
        return self.as_tables == "one" and len(self.files) > 1


@dataclass(frozen=True)
class _FoundFiles:
    """The files of a table, what each has, and how they were read. Of tables without parts only schemas are known."""

    files: tuple[SourceFile, ...]
    tables: tuple[Table, ...]
    options: FileOptions

    @property
    def lacks_rows(self) -> bool:
        """Whether rows of some file were not read yet."""
        return not all(table.parts for table in self.tables)


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
        self._files = ParsedFiles(context, what, fields)
        self._found: dict[str, _FoundFiles] = {}

    @property
    def parsed_files(self) -> int:
        """How many files were parsed, for they were not kept already."""
        return self._files.parsed_count

    def find(self, groups: Sequence[FileGroup], deadline: SourceDeadline) -> tuple[FoundTable, ...]:
        """Return the tables of groups of files, which are fetched and parsed. Raises SourceRefused, UnreadableTable."""
        found: list[tuple[str, _FoundFiles]] = []
        singles = [file for group in groups if not group.is_united for file in group.files]
        options = replace(self._options, schema_only=True)
        parsed = iter(self._files.tables(singles, options, deadline))
        for group in groups:
            if group.is_united:
                found.append((group.name, self._united_tables(group, deadline)))
                continue
            for file in group.files:
                found += [(table.name, _FoundFiles((file,), (table,), self._options)) for table in next(parsed)]
        names = _unique_names([(name, one.files[0].name) for name, one in found])
        self._found = {name: one for name, (_, one) in zip(names, found, strict=True)}
        return tuple(self._describe(name, one) for name, one in self._found.items())

    def read(
        self, table: FoundTable, *, columns: Sequence[str] | None, limit: int | None, batch_rows: int = BATCH_ROWS
    ) -> TableRows:
        """Return the rows of a table that `find` returned. Raises UnreadableTable, for some are read only now."""
        found = self._found.get(table.name)
        if found is None:
            raise refusal("not_found", self._what, message=f"{self._what} has no table {table.name!r}.")
        parts, schema = found.tables, table.schema
        if found.lacks_rows:
            parts = self._with_rows(found, columns, limit)
            schema = replace(self._united_schema(parts), name=table.name, row_count=None)
        whole = schema
        if columns is not None:
            schema = schema.with_columns([column for column in schema.columns if column.name in columns])
        counts = WarningCounts()
        target = pa.schema([pa.field(c.name, c.type, c.nullable) for c in schema.columns])
        rows_max = smaller_limit(limit)
        batches = united_batches(parts, whole, target, self._union_by, batch_rows)
        return TableRows(schema, _bounded(batches, rows_max, self._context, counts), counts)

    def rename(self, table: FoundTable, name: str) -> tuple[FoundTable, ...]:
        """Return the only table of `find` under another name."""
        self._found = {name: self._found[table.name]}
        return (replace(table, schema=replace(table.schema, name=name)),)

    def close(self) -> None:
        """Remove what was fetched and is not kept."""
        self._found = {}
        self._files.close()

    def _describe(self, name: str, found: "_FoundFiles") -> FoundTable:
        schema = replace(self._united_schema(found.tables), name=name)
        rows = sum(table.schema.row_count or 0 for table in found.tables)
        sizes = [file.size for file in found.files]
        total = sum(size for size in sizes if size is not None) if None not in sizes else None
        origin = tuple(file.name for file in found.files)
        return FoundTable(replace(schema, row_count=None), rows, (), origin, "file", total)

    def _united_schema(self, tables: Sequence[Table]) -> TableSchema:
        return replace(union_schema(tables, self._union_by, self._what), source=self._context.name)

    def _with_rows(self, found: "_FoundFiles", columns: Sequence[str] | None, limit: int | None) -> tuple[Table, ...]:
        """Return the tables of files with their rows: as many as are wanted, and of the columns that are."""
        given = replace(
            found.options,
            columns=tuple(columns) if columns and self._union_by == "name" else None,
            rows=limit + 1 if limit else None,  # one more tells that there are more
        )
        lacking = [file for file, table in zip(found.files, found.tables, strict=True) if not table.parts]
        read = iter(self._files.tables(lacking, given, self._context.deadline(float("inf"))))
        return tuple(table if table.parts else next(read)[0] for table in found.tables)

    def _united_tables(self, group: FileGroup, deadline: SourceDeadline) -> "_FoundFiles":
        """Return the table of each file of a group, so that they fit together."""
        given = replace(self._options, ignore_unknown_types=len(group.files) > 1, schema_only=True)
        tables = self._only_tables(group, given, deadline)
        clashes = {
            column: "text" for column in clashing_columns(tables, self._union_by) if column not in self._options.types
        }
        if clashes:
            given = replace(given, types={**given.types, **clashes})
            tables = self._only_tables(group, given, deadline)
        return _FoundFiles(group.files, tuple(tables), replace(given, schema_only=False))

    def _only_tables(self, group: FileGroup, options: FileOptions, deadline: SourceDeadline) -> list[Table]:
        found = self._files.tables(group.files, options, deadline)
        for file, tables in zip(group.files, found, strict=True):
            if len(tables) != 1:
                raise SourceRefused(
                    f"{file.name} has {len(tables)} tables, so it cannot be one with other files.",
                    hint="Name its sheet, or read each file as tables of its own.",
                    code="unsupported",
                    field=self._fields.get("unsupported"),
                )
        return [tables[0] for tables in found]


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
