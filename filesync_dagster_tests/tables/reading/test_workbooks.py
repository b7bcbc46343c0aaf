"""Spreadsheets: each sheet is a table, nothing is run, and what Excel lost or never knew is told."""

import zipfile
from datetime import date, datetime, time, timedelta

import openpyxl
import pytest
import xlsxwriter
from openpyxl.utils.datetime import CALENDAR_MAC_1904

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


@pytest.mark.parametrize(
    ("rows", "names", "told"),
    [
        ([["name", 2023, 2024], ["ann", 10, 20]], ("name", "2023", "2024"), set()),
        ([["name", 2023, 2030], ["ann", 10, 20]], ("column_1", "column_2", "column_3"), {"no_header"}),
        ([["name", 2023, 2024], ["ann", 2020, 20]], ("column_1", "column_2", "column_3"), {"no_header"}),
        ([[2023, 2024], [1, 2]], ("column_1", "column_2"), {"no_header"}),
    ],
    ids=["years", "other numbers", "years below", "numbers only"],
)
def test_years_are_names_among_names(tmp_path, rows, names, told):
    """Where they count on, and no year is below: as in CSV."""
    path = tmp_path / "book.xlsx"
    workbook(path, A=rows)
    [table] = read(path).values()
    assert (table.schema.names, codes(table)) == (names, told)


ODS = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
><office:body><office:spreadsheet><table:table table:name="People">{}</table:table></office:spreadsheet></office:body>
</office:document-content>"""


def ods_row(*cells):
    """Return a row of OpenDocument: each cell is its kind, and its value."""
    names = {"float": "value", "date": "date-value", "time": "time-value", "boolean": "boolean-value"}
    values = "".join(
        f'<table:table-cell office:value-type="{kind}"'
        + (f' office:{names[kind]}="{value}"' if kind in names else "")
        + f"><text:p>{value}</text:p></table:table-cell>"
        for kind, value in cells
    )
    return f"<table:table-row>{values}</table:table-row>"


def write_ods(path, *rows):
    """Write a workbook of OpenDocument."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", ODS.format("".join(ods_row(*row) for row in rows)))
        manifest = '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        archive.writestr("META-INF/manifest.xml", manifest)


def test_open_document(tmp_path):
    """Its cells say themselves what they are."""
    path = tmp_path / "people.ods"
    header = [("string", name) for name in ("name", "age", "day", "moment", "clock", "yes")]
    ann = [("string", "ann"), ("float", 3), ("date", "2024-02-29"), ("date", "2024-01-02T03:04:05"),
           ("time", "PT12H30M00S"), ("boolean", "true")]  # fmt: skip
    bob = [("string", "01234"), ("float", 4), ("date", "1999-12-31"), ("date", "2024-01-03T00:00:00"),
           ("time", "PT00H00M01S"), ("boolean", "false")]  # fmt: skip
    write_ods(path, header, ann, bob)
    [table] = read(path).values()
    assert rows_of(table) == [
        ("ann", 3, date(2024, 2, 29), datetime(2024, 1, 2, 3, 4, 5), time(12, 30), True),
        ("01234", 4, date(1999, 12, 31), datetime(2024, 1, 3), time(0, 0, 1), False),
    ]


def test_days_since_1904_and_macros(tmp_path):
    """A workbook of the first Macs has other numbers for the same days; nobody runs what a workbook brings."""
    plain, path = tmp_path / "plain.xlsx", tmp_path / "book.xlsm"
    book = openpyxl.Workbook()
    book.epoch = CALENDAR_MAC_1904
    for row in (["when", "day"], [datetime(2024, 1, 2, 3, 4, 5), date(1905, 1, 1)]):
        book.active.append(row)
    book.save(plain)
    with zipfile.ZipFile(plain) as archive, zipfile.ZipFile(path, "w") as other:
        for entry in archive.infolist():
            other.writestr(entry, archive.read(entry))
        other.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000))
    [table] = read(path).values()
    assert rows_of(table) == [(datetime(2024, 1, 2, 3, 4, 5), date(1905, 1, 1))]


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
