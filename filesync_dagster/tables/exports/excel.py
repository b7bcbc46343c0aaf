"""Excel: a workbook of a sheet for each table, its cells written as XML by Arrow, so that no cell is Python's.

Text is inline and never becomes a number, a formula or a link. What a sheet cannot hold as it is goes as text (long
numbers, early dates) or is cut, and the manifest says so.
"""

import zipfile
from collections.abc import Sequence
from typing import BinaryIO

from filesync_dagster.core.errors import Unexportable
from filesync_dagster.tables.exports.archive import add_file, new_archive, new_member
from filesync_dagster.tables.exports.arrow import Column
from filesync_dagster.tables.exports.excel_cells import ExcelCells
from filesync_dagster.tables.exports.excel_parts import (
    STATIC_PARTS,
    content_types,
    sheet_head,
    sheet_tail,
    workbook,
    workbook_relations,
)
from filesync_dagster.tables.exports.names import sheet_names, spell_sheet
from filesync_dagster.tables.exports.options import ExportOptions
from filesync_dagster.tables.exports.rows import line_offsets, read_rows, row_count, text_bytes
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table

SHEET_MAX_ROWS = 1_048_576
SHEET_MAX_COLUMNS_COUNT = 16_384
SHEET_MAX_BYTES = 1 << 30  # of XML: beyond 2 GiB a zip needs what Excel offers to repair


def write_excel(
    tables: Sequence[Table],
    file: BinaryIO,
    options: ExportOptions,
    watch: ExportWatch,
    *,
    sheet_rows: int = SHEET_MAX_ROWS,
) -> tuple[dict[str, int], dict[str, list[str]]]:
    """Write a workbook; return the number of rows and the names of the sheets of each table.

    Raises Unexportable for what no sheet holds: too many columns, or too many rows where they are not to continue.
    """
    for table in tables:
        _check_size(table, options, sheet_rows)
    with new_archive(file) as archive:
        for name, content in STATIC_PARTS.items():
            add_file(archive, name, content)
        book = _Workbook(archive, tables, options, watch, sheet_rows)
        rows = {table.name: book.add(table) for table in tables}
        names = [name for sheets in book.sheets.values() for name in sheets]
        for name, content in (
            ("xl/workbook.xml", workbook(names)),
            ("xl/_rels/workbook.xml.rels", workbook_relations(len(names))),
            ("[Content_Types].xml", content_types(len(names))),
        ):
            add_file(archive, name, content)
    return rows, book.sheets


def _check_size(table: Table, options: ExportOptions, sheet_rows: int) -> None:
    if len(table.schema.columns) > SHEET_MAX_COLUMNS_COUNT:
        raise Unexportable(
            f"Table {table.name} has {len(table.schema.columns):,} columns; a sheet has {SHEET_MAX_COLUMNS_COUNT:,}.",
            hint="Export it as CSV or Parquet.",
            code="too_many_columns",
        )
    if options.overflow == "refuse" and row_count(table) >= sheet_rows:
        raise Unexportable(
            f"Table {table.name} has {row_count(table):,} rows; a sheet has {sheet_rows - 1:,} below its header.",
            hint="Let them continue on further sheets (overflow: continue), or export CSV or Parquet.",
            code="too_many_rows",
            field="overflow",
        )


class _Workbook:
    """The sheets of a workbook that is written, one after the other."""

    def __init__(
        self,
        archive: zipfile.ZipFile,
        tables: Sequence[Table],
        options: ExportOptions,
        watch: ExportWatch,
        sheet_rows: int,
    ) -> None:
        self._archive = archive
        self._options = options
        self._watch = watch
        self._sheet_rows = sheet_rows
        self._first_names = sheet_names(table.name for table in tables)
        self._taken = {name.casefold() for name in self._first_names.values()}
        self._count = 0
        self.sheets: dict[str, list[str]] = {}

    def add(self, table: Table) -> int:
        """Write a table, on as many sheets as it takes; return the number of its rows."""
        cells = ExcelCells(table, self._options, self._watch)
        batches = read_rows(table, self._watch)
        rest: Column | None = None
        rows, is_first = 0, True
        while is_first or rest is not None:
            with new_member(self._archive, self._next_sheet(table), large=False) as sheet:
                sheet.write(sheet_head(table.schema.columns) + cells.header())
                here, size = 1, 0
                while here < self._sheet_rows and size < SHEET_MAX_BYTES:
                    if rest is None:
                        rest = next((cells.lines(batch) for batch in batches if batch.num_rows), None)
                    if rest is None:
                        break
                    taken = _fitting(rest, self._sheet_rows - here, SHEET_MAX_BYTES)
                    content = text_bytes(rest, 0, taken)
                    sheet.write(content)
                    here, size, rows = here + taken, size + len(content), rows + taken
                    rest = rest[taken:] if taken < len(rest) else None
                sheet.write(sheet_tail())
            if rest is None:  # a sheet that is just full is followed by another one only if there are rows
                rest = next((cells.lines(batch) for batch in batches if batch.num_rows), None)
            is_first = False
        if len(self.sheets[table.name]) > 1:
            more = len(self.sheets[table.name]) - 1
            self._watch.warn(table.name, "rows_continued", "Rows continue on further sheets.", count=more)
        return rows

    def _next_sheet(self, table: Table) -> str:
        self._count += 1
        sheets = self.sheets.setdefault(table.name, [])
        name = self._first_names[table.name]
        number = len(sheets) + 1
        while sheets and (name := spell_sheet(table.name, number)).casefold() in self._taken:
            number += 1
        self._taken.add(name.casefold())
        sheets.append(name)
        return f"xl/worksheets/sheet{self._count}.xml"


def _fitting(lines: Column, rows: int, size: int) -> int:
    """Return how many lines fit into a number of rows and about a number of bytes, one at least."""
    offsets = line_offsets(lines)
    return max(1, min(len(lines), rows, int((offsets - offsets[0]).searchsorted(size))))
