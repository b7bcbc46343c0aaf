"""Spreadsheets: each sheet is a table, nothing is run, and what Excel lost or never knew is told."""

import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
import xlsxwriter

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.tables.reading import ReadOptions, find_format, read_tables
from filesync_dagster_tests.tables.reading.test_corpus import rows_of


def workbook(path, **sheets):
    """Write a workbook with these rows by sheet."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return book


def read(path, **options):
    """Return the tables of a workbook by name, and the codes of their warnings."""
    find_format(path)
    found = read_tables(path, path.stem, ReadOptions(**options), path.parent / "out")
    return {table.name: table for table in found}


def codes(table):
    """Return the codes of the warnings of a table."""
    return {warning.code for warning in table.schema.warnings}


def types(table):
    """Return the types of the columns."""
    return [str(column.type) for column in table.schema.columns]


def test_cells_of_every_kind(tmp_path):
    """Whole numbers are integers; a time has no date; midnight among moments is a moment; codes stay texts."""
    path = tmp_path / "book.xlsx"
    workbook(path, A=[
        ["n", "x", "code", "day", "moment", "clock", "lasts", "yes"],
        [1, 1.5, "01234", date(2024, 1, 2), datetime(2024, 1, 2, 3, 4), time(12, 30), timedelta(hours=30), True],
        [2, 2, "00012", date(2024, 2, 29), datetime(2024, 1, 3), time(0, 0, 1), timedelta(hours=50), False],
        [None, None, None, None, None, None, None, None],
        [3, None, "x", None, None, None, None, None],
    ])  # fmt: skip
    [table] = read(path).values()
    assert types(table) == [
        "int64", "double", "string", "date32[day]", "timestamp[us]", "time64[us]", "duration[us]", "bool"
    ]  # fmt: skip
    rows = rows_of(table)
    assert rows[0] == (1, 1.5, "01234", date(2024, 1, 2), datetime(2024, 1, 2, 3, 4), time(12, 30), timedelta(hours=30), True)  # fmt: skip
    assert rows[1][4] == datetime(2024, 1, 3)
    assert rows[2] == (3, None, "x", None, None, None, None, None)
    assert codes(table) == {"empty_rows"}


def test_sheets_are_tables_and_hidden_ones_are_told(tmp_path):
    """Each with the name of the file and its own; one alone has that of the file."""
    path = tmp_path / "book.xlsx"
    book = workbook(path, A=[["a"], [1]], B=[["b"], [2]], Empty=[], Secret=[["s"], [3]])
    book["Secret"].sheet_state = "hidden"
    book.save(path)
    found = read(path)
    assert list(found) == ["book__A", "book__B"]
    assert codes(found["book__A"]) == {"hidden_sheets"}
    assert list(read(path, hidden_sheets=True)) == ["book__A", "book__B", "book__Secret"]
    assert list(read(path, sheets=("B",))) == ["book"]
    with pytest.raises(UnreadableTable, match="has no sheet 'C'"):
        read(path, sheets=("C",))


def test_titles_and_tables_beside_each_other(tmp_path):
    """What stands above the table is left out and told; an empty column between others is a doubt."""
    path = tmp_path / "book.xlsx"
    workbook(path, A=[["Report of May"], [], ["name", "age", None, "x"], ["ann", 3, None, 9], ["bob", 4, None, 8]])
    [table] = read(path).values()
    assert list(table.schema.names) == ["name", "age", "x"]
    assert codes(table) == {"title_lines", "several_tables"}
    assert rows_of(table) == [("ann", 3, 9), ("bob", 4, 8)]
    assert rows_of(read(path, header_row=0)["book"])[0][0] == "Report of May"


def test_errors_and_formulas_that_nobody_calculated(tmp_path):
    """They are NULL, and counted; what was calculated is its value."""
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("A")
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_formula(1, 0, "=1/0", value="#DIV/0!")
        sheet.write_formula(1, 1, "=1+1", value=2)
        sheet.write_formula(2, 1, "=1+2", value="")
        sheet.write(2, 0, 5)
    [table] = read(path).values()
    assert rows_of(table) == [(None, 2), (5, None)]
    assert codes(table) == {"error_cells", "uncalculated_formulas"}


def test_numbers_that_excel_has_shortened(tmp_path):
    """More digits than fifteen were lost before anybody read the file: that is said."""
    path = tmp_path / "book.xlsx"
    workbook(path, A=[["n", "t"], [12345678901234567, "x"], [2, "y"]])
    [table] = read(path).values()
    assert codes(table) == {"digits_lost"}


def test_a_bomb_is_not_unpacked(tmp_path):
    """By what its directory says: before a byte of it is unpacked."""
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 200_000_000)
    with pytest.raises(LimitReached) as caught:
        read(path)
    assert caught.value.code == "expands_too_much"


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"\0" * 100, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600])
def test_a_broken_workbook_is_refused(tmp_path, content):
    """With a sentence; so is one with a password, which nobody here knows."""
    path = tmp_path / "broken.xlsx"
    path.write_bytes(content)
    with pytest.raises(UnreadableTable) as caught:
        read(path)
    assert caught.value.code == "broken"


def test_a_protected_workbook_is_refused(tmp_path):
    """It is an OLE file with what is encrypted in it."""
    path = tmp_path / "secret.xlsx"
    names = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + names + b"\0" * 600)
    with pytest.raises(UnreadableTable) as caught:
        read(path)
    assert caught.value.code == "encrypted"
