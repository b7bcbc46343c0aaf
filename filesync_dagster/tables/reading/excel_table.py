"""Spreadsheets as tables: each visible sheet that has cells is one. Nothing in a workbook is ever run.

Numbers of a workbook are doubles: where all of a column are whole they are integers. Empty cells are NULL.
"""

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lxml import etree

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.core.extras import import_from_extra
from filesync_dagster.tables.model import Table, TableWarning
from filesync_dagster.tables.reading.header import are_years
from filesync_dagster.tables.reading.options import Cancellation, ReadLimits, ReadOptions
from filesync_dagster.tables.reading.record_table import as_text, write_rows

ENTRIES_MAX = 10_000
EXPANSION_MAX = 100
EXPANSION_FREE_BYTES = 64 * 1024 * 1024
EXACT_INTEGER = 10**15
"""Excel keeps fifteen digits; what is longer was another number when it was typed in."""

TITLE_ROWS = 20
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_PART = b"E\0n\0c\0r\0y\0p\0t\0e\0d"
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_PACKAGE = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"

Row = list[Any]


def read_excel(  # noqa: PLR0917  # as all readers are called
    path: Path, name: str, options: ReadOptions, folder: Path, limits: ReadLimits, cancellation: Cancellation
) -> list[Table]:
    """Return the tables of a workbook, with their parts in a folder. Raises UnreadableTable or LimitReached."""
    if zipfile.is_zipfile(path):
        check_archive(path, limits)
    book = _Workbook(path)
    chosen = _chosen(path, book.sheets, options)
    faults = _cell_faults(path)
    grids = [(sheet, grid) for sheet in chosen if (grid := book.grid(sheet, limits, cancellation))]
    if not grids:
        raise UnreadableTable(f"{path.name} has no cells.", code="empty")
    hidden = [sheet for sheet, visible in book.sheets if not visible and sheet not in chosen]
    tables: list[Table] = []
    for sheet, grid in grids:
        called = name if len(grids) == 1 else f"{name}__{sheet}"
        found = _SheetTable.of(path, sheet, grid, options, limits)
        told = [*faults.get(sheet, ()), *_hidden_warnings([] if tables else hidden), *found.warnings]
        parts = folder / "parts" / str(len(tables))
        tables.append(write_rows(found.names, found.rows, called, options, parts, cancellation, told))
    return tables


class _Workbook:
    """An open workbook: its sheets, each with whether it is visible, and their cells. Raises UnreadableTable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._calamine: Any = import_from_extra("python_calamine", "tables", "Reading spreadsheets")
        try:
            self._book = self._calamine.CalamineWorkbook.from_path(str(path))
            found = [(sheet.name, str(sheet.visible).endswith(".Visible")) for sheet in self._book.sheets_metadata]
        except self._calamine.PasswordError as error:
            raise _protected(path) from error
        except (self._calamine.CalamineError, OSError, ValueError) as error:
            if _is_encrypted(path):
                raise _protected(path) from error
            raise UnreadableTable(f"{path.name} is no workbook, or is broken.", code="broken") from error
        self.sheets: list[tuple[str, bool]] = found

    def grid(self, sheet: str, limits: ReadLimits, cancellation: Cancellation) -> list[Row]:
        """Return the cells of a sheet, rows that are all empty among them; [] for one without cells."""
        cancellation.check()
        try:
            found = self._book.get_sheet_by_name(sheet)
            if found.total_height > limits.rows:
                raise LimitReached(
                    f"{sheet!r} of {self._path.name} has {found.total_height:,} rows, and {limits.rows:,} may be read.",
                    code="too_many_rows",
                )
            rows: list[Row] = [
                [None if cell == "" else cell for cell in row] for row in found.to_python(skip_empty_area=False)
            ]
        except self._calamine.WorksheetNotFound:
            return []  # a sheet of charts
        except self._calamine.CalamineError as error:
            raise UnreadableTable(f"{sheet!r} of {self._path.name} cannot be read.", code="broken") from error
        while rows and not any(cell is not None for cell in rows[-1]):
            rows.pop()
        return rows


def _is_encrypted(path: Path) -> bool:
    content = path.read_bytes()
    return content.startswith(OLE) and ENCRYPTED_PART in content


def _protected(path: Path) -> UnreadableTable:
    return UnreadableTable(f"{path.name} is protected by a password.", hint="Save it without.", code="encrypted")


def check_archive(path: Path, limits: ReadLimits) -> None:
    """Refuse an archive that unpacks to too much, by what its directory says. Raises LimitReached, UnreadableTable."""
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise UnreadableTable(f"{path.name} is a broken archive.", code="broken") from error
    unpacked, size = sum(entry.file_size for entry in entries), max(path.stat().st_size, 1)
    too_much = unpacked > limits.workbook_bytes or unpacked > max(EXPANSION_FREE_BYTES, size * EXPANSION_MAX)
    if too_much or len(entries) > ENTRIES_MAX:
        raise LimitReached(
            f"{path.name} has {size:,} bytes and unpacks to {unpacked:,} in {len(entries):,} files.",
            code="expands_too_much",
        )


def _chosen(path: Path, sheets: Sequence[tuple[str, bool]], options: ReadOptions) -> list[str]:
    names = [sheet for sheet, _ in sheets]
    missing = [sheet for sheet in options.sheets if sheet not in names]
    if missing:
        raise UnreadableTable(
            f"{path.name} has no sheet {missing[0]!r}.",
            hint=f"It has {', '.join(map(repr, names[:20]))}.",
            code="no_sheet",
            field="sheets",
        )
    if options.sheets:
        return list(options.sheets)
    return [sheet for sheet, visible in sheets if visible or options.hidden_sheets]


@dataclass(frozen=True)
class _SheetTable:
    """What of a sheet is the table: names of columns, rows as long as these, and what was left out."""

    names: list[str]
    rows: list[Row]
    warnings: list[TableWarning]

    @classmethod
    def of(cls, path: Path, sheet: str, grid: list[Row], options: ReadOptions, limits: ReadLimits) -> "_SheetTable":
        """Find the table in the cells of a sheet. Raises UnreadableTable, LimitReached."""
        header, is_header, warnings = _header(path, sheet, grid, options.header_row)
        body = grid[header + 1 :] if is_header else grid[header:]
        rows = [row for row in body if any(cell is not None for cell in row)]
        blank = len(body) - len(rows)
        if blank:
            message = f"{blank} empty rows of {sheet!r} were left out."
            warnings.append(TableWarning("empty_rows", message, blank))
        width = max(map(len, grid))
        top = [*grid[header], *[None] * (width - len(grid[header]))] if is_header else [None] * width
        rows = [[*row, *[None] * (width - len(row))] for row in rows]
        used = [n for n in range(width) if top[n] is not None or any(row[n] is not None for row in rows)]
        if len(used) > limits.columns:
            raise LimitReached(
                f"{sheet!r} of {path.name} has {len(used):,} columns, and {limits.columns:,} may be read.",
                code="too_many_columns",
            )
        if used and len(used) < used[-1] - used[0] + 1:
            message = (
                f"Empty columns of {sheet!r} lie between others: it may hold several tables, which were read as one."
            )
            warnings.append(TableWarning("several_tables", message))
        nameless = [n for n in used if top[n] is None]
        if is_header and nameless:
            message = f"{len(nameless)} columns of {sheet!r} have values and no name."
            warnings.append(TableWarning("nameless_columns", message, len(nameless)))
        columns = [_whole_numbers([row[n] for row in rows]) for n in used]
        names = ["" if top[n] is None else as_text(_plain(top[n])) for n in used]
        long = sum(
            isinstance(v, int) and not isinstance(v, bool) and abs(v) >= EXACT_INTEGER for c in columns for v in c
        )
        if long:
            message = f"{long} numbers of {sheet!r} have more than 15 digits, of which Excel keeps no more."
            warnings.append(TableWarning("digits_lost", message, long))
        return cls(names, [list(row) for row in zip(*columns, strict=True)] if rows else [], warnings)


def _header(path: Path, sheet: str, grid: list[Row], declared: int | None) -> tuple[int, bool, list[TableWarning]]:
    """Return the row of the names, or the first of the data; whether it has names; and what stands above it."""
    if declared is not None:
        if declared > len(grid):
            raise UnreadableTable(f"{sheet!r} of {path.name} has no row {declared}.", code="header", field="header_row")
        return (declared - 1, True, []) if declared else (_first(grid), False, [])
    first = _first(grid)
    width = max(sum(cell is not None for cell in row) for row in grid)
    for number in range(first, min(first + TITLE_ROWS, len(grid))):
        cells = [cell for cell in grid[number] if cell is not None]
        if len(cells) >= min(2, width) and _are_names(cells, grid[number], grid[number + 1 :]):
            if number == len(grid) - 1 and number > first:
                break
            return number, True, _titles(sheet, grid[first:number])
        if len(cells) > 1:
            break
    warning = TableWarning("no_header", f"{sheet!r} has no row with names: the columns are numbered.")
    return first, False, [warning]


def _are_names(cells: Row, row: Row, below: Sequence[Row]) -> bool:
    """Tell whether cells are names of columns: texts, and years among them above what is none."""
    if all(isinstance(cell, str) for cell in cells):
        return True
    numbers = [place for place, cell in enumerate(row) if cell is not None and not isinstance(cell, str)]
    if len(numbers) == len(cells) or not all(isinstance(row[place], int | float) for place in numbers):
        return False
    texts = [as_text(_plain(cell)) for cell in row]
    columns = [
        [as_text(_plain(other[place])) for other in below if place < len(other) and other[place] is not None]
        for place in range(len(row))
    ]
    return are_years(texts, numbers, columns)


def _first(grid: list[Row]) -> int:
    return next(number for number, row in enumerate(grid) if any(cell is not None for cell in row))


def _titles(sheet: str, rows: Sequence[Row]) -> list[TableWarning]:
    texts = [" ".join(as_text(_plain(cell)) for cell in row if cell is not None)[:200] for row in rows]
    texts = [text for text in texts if text]
    if not texts:
        return []
    return [
        TableWarning(
            "title_lines",
            f"{len(texts)} rows above the table in {sheet!r} were left out.",
            len(texts),
            examples=tuple(texts[:5]),
        )
    ]


def _plain(cell: Any) -> Any:
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _whole_numbers(cells: Sequence[Any]) -> list[Any]:
    """Return integers where all numbers of a column are whole."""
    numbers = [cell for cell in cells if isinstance(cell, float)]
    if not numbers or not all(number.is_integer() for number in numbers):
        return list(cells)
    return [int(cell) if isinstance(cell, float) else cell for cell in cells]


def _hidden_warnings(hidden: Sequence[str]) -> list[TableWarning]:
    if not hidden:
        return []
    message = f"{len(hidden)} hidden sheets were not read: {', '.join(map(repr, hidden[:5]))}."
    return [TableWarning("hidden_sheets", message, len(hidden), examples=tuple(hidden[:5]))]


def _cell_faults(path: Path) -> dict[str, list[TableWarning]]:
    """Return what calamine does not tell of a .xlsx: cells with errors, and formulas that were never calculated."""
    if not zipfile.is_zipfile(path):
        return {}
    found: dict[str, list[TableWarning]] = {}
    with zipfile.ZipFile(path) as archive:
        for sheet, part in _sheet_parts(archive):
            errors, unknown = _count_faults(archive, part)
            told = found.setdefault(sheet, [])
            if errors:
                message = f"{errors} cells of {sheet!r} have errors such as #DIV/0! and were read as NULL."
                told.append(TableWarning("error_cells", message, errors))
            if unknown:
                message = f"{unknown} formulas of {sheet!r} were never calculated and were read as NULL."
                told.append(TableWarning("uncalculated_formulas", message, unknown))
    return found


def _sheet_parts(archive: zipfile.ZipFile) -> Iterator[tuple[str, str]]:
    try:
        book = _xml(archive.read("xl/workbook.xml"))
        relations = _xml(archive.read("xl/_rels/workbook.xml.rels"))
    except (KeyError, etree.XMLSyntaxError, zipfile.BadZipFile):
        return
    targets = {one.get("Id"): one.get("Target") or "" for one in relations.iter(_PACKAGE)}
    for sheet in book.iter(f"{_MAIN}sheet"):
        target = targets.get(sheet.get(_RELATION)) or ""
        part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
        if target and part in archive.NameToInfo:
            yield sheet.get("name") or "", part


def _count_faults(archive: zipfile.ZipFile, part: str) -> tuple[int, int]:
    errors = unknown = 0
    try:
        with archive.open(part) as file:
            for _, cell in etree.iterparse(file, tag=f"{_MAIN}c", resolve_entities=False, no_network=True):
                errors += cell.get("t") == "e"
                value = cell.find(f"{_MAIN}v")
                unknown += cell.find(f"{_MAIN}f") is not None and (value is None or not value.text)
                cell.clear()
                while cell.getprevious() is not None:
                    del cell.getparent()[0]
    except (etree.XMLSyntaxError, zipfile.BadZipFile, OSError):
        return 0, 0
    return errors, unknown


def _xml(content: bytes) -> Any:
    return etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
