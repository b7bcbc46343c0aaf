"""Files of exports: what is read from them is what was written, cell for cell; what fails leaves nothing."""

import csv
import io
import json
import subprocess
import sys
import threading
import zipfile
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256

import duckdb
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from python_calamine import CalamineWorkbook

from filesync_dagster.core.errors import Cancelled, TableError, Unexportable, UnreadableTable
from filesync_dagster.tables.exports import FORMATS, ExportOptions, export, load_order
from filesync_dagster.tables.exports.excel import write_excel
from filesync_dagster.tables.exports.names import file_names, sheet_names
from filesync_dagster.tables.exports.rows import as_text
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import DataSet, TableRelation
from filesync_dagster_tests.tables.data_sets import write_data_set, write_table
from filesync_dagster_tests.tables.exports.odd_tables import NAMES, odd_texts, odd_values, people, rows_of_table


def write(data_set, kind, folder, **options):
    """Export a data set and return what came of it."""
    return export(data_set, kind, ExportOptions.from_json(options), folder)


def csv_rows(text, delimiter=","):
    """Return the rows of a CSV file as Python reads them."""
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_raw_csv_has_every_text_as_it_was(delimiter, tmp_path):
    """Python's reader and DuckDB's find what was written; DuckDB tells NULL from the empty text."""
    data_set = odd_texts(tmp_path / "in")

    [file] = write(data_set, "csv", tmp_path / "out", raw=True, delimiter=delimiter).files
    header, *found = csv_rows(file.path.read_bytes().decode(), delimiter)
    columns = dict.fromkeys(NAMES, "VARCHAR")
    options = {"auto_detect": False, "columns": columns, "header": True, "quotechar": '"', "escapechar": '"'}
    read = duckdb.read_csv(str(file.path), sep=delimiter, allow_quoted_nulls=False, parallel=False, **options)

    expected = [tuple(None if v is None else str(v) for v in row) for row in rows_of_table(data_set.tables[0])]
    assert header == NAMES
    assert found == [["" if value is None else value for value in row] for row in expected]
    assert read.fetchall() == expected


def test_csv_for_people_has_no_formulas(tmp_path):
    """Text that a spreadsheet would run has an apostrophe before it, and numbers have none."""
    texts = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\uff1d1", "a=1", "'=1", ""]
    rows = pa.table({"=n": [-1] * len(texts), "text": texts})
    data_set = write_data_set(tmp_path / "in", {"t": rows}, {})

    done = write(data_set, "csv", tmp_path / "out")
    header, *found = csv_rows(done.files[0].path.read_bytes().decode())

    assert header == ["'=n", "text"]
    assert [text for _, text in found] == [*(f"'{text}" for text in texts[:7]), *texts[7:]]
    assert {number for number, _ in found} == {"-1"}
    assert [(w["code"], w["column"], w["count"]) for w in done.warnings] == [("formula_escaped", "text", 7)]
    assert json.loads(done.manifest.read_bytes())["warnings"][0]["count"] == 7


def test_csv_of_one_column_has_a_line_for_null(tmp_path):
    """An empty line would be no row to most readers."""
    data_set = write_data_set(tmp_path / "in", {"t": pa.table({"x": ["a", None, ""]})}, {})

    [file] = write(data_set, "csv", tmp_path / "out").files

    assert file.path.read_bytes() == b'"x"\r\n"a"\r\n\\N\r\n""\r\n'


def test_csv_has_a_mark_and_a_token_for_null_when_asked(tmp_path):
    """The token is never in quotes, and a text that is equal to it always is."""
    data_set = write_data_set(tmp_path / "in", {"t": pa.table({"n": [1, None], "x": ["NA", None]})}, {})

    [file] = write(data_set, "csv", tmp_path / "out", null_token="NA", byte_order_mark=True).files

    assert file.path.read_bytes() == b'\xef\xbb\xbf"n","x"\r\n1,"NA"\r\nNA,NA\r\n'


def test_several_tables_are_one_archive_that_explains_itself(tmp_path):
    """The zip of CSV files has its manifest; the same rows are the same bytes."""
    data_set = people(tmp_path / "in")

    first, second = (write(data_set, "csv", tmp_path / name) for name in ("a", "b"))

    assert first.files[0].name == "synthetic_data.zip"
    with zipfile.ZipFile(first.files[0].path) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == ["manifest.json", "members.csv", "teams.csv", "visits.csv"]
        assert len(csv_rows(archive.read("members.csv").decode())) == 4
    assert first.files[0].sha256 == second.files[0].sha256


def test_json_is_exact(tmp_path):
    """Texts come back as they were; numbers that a double cannot hold are text, and the others numbers."""
    texts, values = odd_texts(tmp_path / "a"), odd_values(tmp_path / "b")
    data_set = DataSet((*texts.tables, *values.tables))

    [file] = write(data_set, "json", tmp_path / "out").files
    found = json.loads(file.path.read_bytes())

    assert [tuple(row.values()) for row in found[texts.tables[0].name]] == rows_of_table(texts.tables[0])
    first, second, third = found["values"]
    assert [first[name] for name in ("small", "whole", "big", "unsigned", "money", "huge")] == [
        -128, -(2**31), str(-(2**63)), 0, -0.01, str(10**37),
    ]  # fmt: skip
    assert (second["big"], second["unsigned"], second["money"]) == (str(2**63 - 1), str(2**64 - 1), 1234567.89)
    assert (first["double"], first["large"]) == (0.1, 1.7976931348623157e308)
    assert (first["moment"], first["zoned"]) == ("1899-12-31T23:59:59.999999", "2024-03-31T01:30:00Z")
    assert (first["day"], first["clock"], first["raw"]) == ("1850-02-28", "00:00:00", "AP8nXA==")
    assert {name for name, value in third.items() if value is not None} == {"id"}


def test_json_lines_are_a_zip(tmp_path):
    """Each table is a file of objects, one to a line, whatever is in its texts."""
    data_set = odd_texts(tmp_path / "in")

    [file] = write(data_set, "json", tmp_path / "out", layout="ndjson").files
    with zipfile.ZipFile(file.path) as archive:
        [name] = [name for name in archive.namelist() if name != "manifest.json"]
        lines = archive.read(name).decode().split("\n")[:-1]

    assert [tuple(json.loads(line).values()) for line in lines] == rows_of_table(data_set.tables[0])


def test_json_of_tables_without_rows(tmp_path):
    """They are empty arrays; what is not finite is null, and told."""
    rows = pa.table({"x": [float("nan"), 1.0]})
    data_set = write_data_set(tmp_path / "in", {"none": rows.slice(0, 0), "some": rows}, {})

    done = write(data_set, "json", tmp_path / "out")

    assert json.loads(done.files[0].path.read_bytes()) == {"none": [], "some": [{"x": None}, {"x": 1.0}]}
    assert [(w["code"], w["count"]) for w in done.warnings] == [("not_finite", 1)]


def sheets_of(path):
    """Return the sheets of a workbook as openpyxl and as calamine read them: rows of values."""
    book = openpyxl.load_workbook(path)
    ours = {sheet.title: [[cell.value for cell in row] for row in sheet.rows] for sheet in book}
    calamine = CalamineWorkbook.from_path(path)
    return ours, {name: calamine.get_sheet_by_name(name).to_python() for name in calamine.sheet_names}


def test_excel_has_every_text_as_it_was(tmp_path):
    """Text stays text in both readers: no number, no formula, no date; what XML has not is written as Excel does."""
    data_set = odd_texts(tmp_path / "in")

    done = write(data_set, "excel", tmp_path / "out")
    [(name, ours)], [(_, theirs)] = (list(sheets.items()) for sheets in sheets_of(done.files[0].path))

    expected = [["" if v is None else v for v in row] for row in rows_of_table(data_set.tables[0])]
    assert name == "Order \"of\" 'things' 🦊"
    assert [[unescape(v) if isinstance(v, str) else v or "" for v in row] for row in ours[1:]] == expected
    assert theirs[1:] == expected
    book = openpyxl.load_workbook(done.files[0].path)
    formulas = [cell for row in book.active.rows for cell in row if cell.data_type == "f"]
    assert formulas == []


def test_excel_marks_what_looks_like_a_formula_as_text(tmp_path):
    """The cell has Excel's own apostrophe, which is no part of the value; raw has none."""
    data_set = write_data_set(tmp_path / "in", {"t": pa.table({"x": ["=1+1", "plain"]})}, {})

    marks = []
    for raw in (False, True):
        done = write(data_set, "excel", tmp_path / f"out{raw}", raw=raw)
        sheet = openpyxl.load_workbook(done.files[0].path).active
        assert [cell.value for cell in sheet["A"]] == ["x", "=1+1", "plain"]
        marks.append([bool(cell.quotePrefix) for cell in sheet["A"]])

    assert marks == [[False, True, False], [False, False, False]]


def test_excel_has_numbers_and_dates_where_it_can_hold_them(tmp_path):
    """Long integers and early dates are text; microseconds are cut; both readers agree."""
    data_set = odd_values(tmp_path / "in")

    done = write(data_set, "excel", tmp_path / "out")
    ours, theirs = sheets_of(done.files[0].path)
    first, second, third = (dict(zip(ours["values"][0], row, strict=True)) for row in ours["values"][1:])

    assert [first[name] for name in ("small", "whole", "big", "money", "double", "flag")] == [
        -128, -(2**31), str(-(2**63)), -0.01, 0.1, True,
    ]  # fmt: skip
    assert (second["unsigned"], second["huge"]) == (str(2**64 - 1), str(-(10**37) + 1))
    assert (first["day"], second["day"]) == ("1850-02-28", datetime(9999, 12, 31))  # noqa: DTZ001
    assert (first["moment"], second["moment"]) == ("1899-12-31 23:59:59.999999", datetime(2024, 2, 29))  # noqa: DTZ001
    assert (first["zoned"], first["clock"]) == (datetime(2024, 3, 31, 1, 30), time(0, 0))  # noqa: DTZ001
    assert {name for name, value in third.items() if value is not None} == {"id"}
    assert theirs["values"][2][ours["values"][0].index("moment")] == date(2024, 2, 29)
    codes = {(w["code"], w["column"]) for w in done.warnings}
    assert {("number_as_text", "big"), ("date_as_text", "day"), ("time_cut", "clock")} <= codes


def test_excel_cuts_what_no_cell_holds_and_says_so(tmp_path):
    """32,767 units of UTF-16: no half of an emoji is left."""
    texts = ["x" * 32_767, "x" * 32_768, "🦊" * 16_384]
    data_set = write_data_set(tmp_path / "in", {"t": pa.table({"x": texts})}, {})

    done = write(data_set, "excel", tmp_path / "out")
    ours, _ = sheets_of(done.files[0].path)

    assert [row[0] for row in ours["t"][1:]] == [texts[0], "x" * 32_767, "🦊" * 16_383]
    assert [(w["code"], w["count"]) for w in done.warnings] == [("text_cut", 2)]


@pytest.mark.parametrize(("rows", "sheets"), [(9, [9]), (10, [9, 1]), (18, [9, 9]), (19, [9, 9, 1]), (0, [0])])
def test_rows_past_the_end_of_a_sheet_continue_on_another(rows, sheets, tmp_path):
    """No row is dropped, none is twice, each sheet has the header; nothing continues on an empty sheet."""
    data_set = write_data_set(tmp_path / "in", {"t": pa.table({"n": pa.array(range(rows), pa.int64())})}, {})
    path = tmp_path / "t.xlsx"

    with path.open("wb") as file:
        count, names = write_excel(data_set.tables, file, ExportOptions(), ExportWatch(), sheet_rows=10)
    ours, _ = sheets_of(path)

    assert (count, names) == ({"t": rows}, {"t": ["t", "t (2)", "t (3)"][: len(sheets)]})
    assert [len(ours[name]) - 1 for name in names["t"]] == sheets
    assert [row[0] for name in names["t"] for row in ours[name][1:]] == list(range(rows))
    assert {ours[name][0][0] for name in names["t"]} == {"n"}


def test_a_million_rows_and_one_more_are_two_sheets(tmp_path):
    """A sheet of Excel has 1,048,576 rows with its header."""
    data_set = write_data_set(tmp_path / "in", {"t": pa.table({"n": pa.array(range(1_048_577), pa.int32())})}, {})

    done = write(data_set, "excel", tmp_path / "out")
    book = CalamineWorkbook.from_path(done.files[0].path)

    assert [book.get_sheet_by_name(name).end[0] for name in book.sheet_names] == [1_048_575, 2]
    assert book.get_sheet_by_name("t (2)").to_python() == [["n"], [1_048_575.0], [1_048_576.0]]
    with pytest.raises(Unexportable, match="1,048,577 rows") as caught:
        write(data_set, "excel", tmp_path / "refused", overflow="refuse")
    assert caught.value.field == "overflow"
    assert not (tmp_path / "refused").exists()


def test_sheet_names_that_are_cut_stay_apart():
    """31 letters, whatever their case, and none that Excel forbids."""
    long = "customer_order_line_items_of_"
    given = [
        f"{long}january",
        f"{long}jan",
        f"{long.upper()}JAN",
        "History",
        "a/b",
        "a?b",
        "'x'",
        "",
        "🦊" * 20,
        "a_b (2)",
    ]

    names = list(sheet_names(given).values())

    assert len({name.casefold() for name in names}) == len(given)
    assert all(0 < len(name.encode("utf-16-le")) // 2 <= 31 for name in names)
    assert not any(set(name) & set("[]:*?/\\") or name.strip("'") != name for name in names)
    assert "history" not in {name.casefold() for name in names}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=80), unique=True))
def test_any_names_are_names_of_files_and_sheets(names):
    """Each once, and none leads out of a folder."""
    for found in (file_names(names, ".csv"), sheet_names(names)):
        assert len({name.casefold() for name in found.values()}) == len(names)
        assert not any("/" in name or name.strip() in {"", ".", ".."} for name in found.values())


def test_values_as_text():
    """No number has an exponent, and times have a fraction only where there is one."""
    small = pa.array([Decimal("0E-7"), Decimal("0.0000001"), None], pa.decimal128(10, 7))
    assert as_text("t", "c", small).to_pylist() == ["0.0000000", "0.0000001", None]
    assert as_text("t", "c", small.cast(pa.decimal128(10, 6), safe=False)).to_pylist() == ["0.000000", "0.000000", None]
    mixed = pa.array([0, 86_399_000_001, None], pa.timestamp("us", "Europe/Berlin"))
    assert as_text("t", "c", mixed).to_pylist() == ["1970-01-01 00:00:00", "1970-01-01 23:59:59.000001", None]
    clock = pa.array([0, 86_399_000_001, None], pa.time64("us"))
    assert as_text("t", "c", clock).to_pylist() == ["00:00:00", "23:59:59.000001", None]


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))),
            st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
            st.one_of(st.none(), st.decimals(-(10**20), 10**20, places=9)),
            st.one_of(st.none(), st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31))),  # noqa: DTZ001
        ),
        max_size=20,
    )
)
def test_csv_comes_back_whatever_is_in_it(tmp_path_factory, rows):
    """Text, doubles, decimals and moments: what is read is what was written."""
    kinds = (pa.string(), pa.float64(), pa.decimal128(38, 9), pa.timestamp("us"))
    columns = {f"c{i}": pa.array([row[i] for row in rows], kind) for i, kind in enumerate(kinds)}
    folder = tmp_path_factory.mktemp("csv")
    data_set = write_data_set(folder / "in", {"t": pa.table(columns)}, {})

    [file] = write(data_set, "csv", folder / "out", raw=True).files
    _, *lines = csv_rows(file.path.read_bytes().decode())

    readers = (str, float, Decimal, datetime.fromisoformat)
    found = [[None if text == "" else read(text) for read, text in zip(readers, line, strict=True)] for line in lines]
    assert found == [[None if value == "" else value for value in row] for row in rows]


def test_parquet_explains_itself(tmp_path):
    """Each table is a file with the same rows, compressed, and its schema in the metadata."""
    data_set = people(tmp_path / "in")

    done = write(data_set, "parquet", tmp_path / "out")

    assert [file.name for file in done.files] == ["teams.parquet", "members.parquet", "visits.parquet"]
    for file in done.files:
        table = data_set.table(file.path.stem)
        assert pq.read_table(file.path).equals(pq.read_table(table.parts[0]))
        assert json.loads(pq.read_schema(file.path).metadata[b"filesync.table"])["name"] == table.name
        assert pq.read_metadata(file.path).row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_manifest_says_what_was_written(kind, tmp_path):
    """Rows, hashes, the seed, the options, and that synthetic is not anonymous."""
    data_set = people(tmp_path / "in")

    done = export(data_set, kind, ExportOptions(), tmp_path / "out", facts={"seed": 7, "engine_version": "1"})
    found = json.loads(done.manifest.read_bytes())

    assert (found["format"], found["seed"], found["engine_version"]) == (kind, 7, "1")
    assert "not anonymous" in found["notice"]
    assert {table["name"]: table["rows"] for table in found["tables"]} == {"teams": 3, "members": 3, "visits": 2}
    assert found["files"] == [{"name": f.name, "size": f.size, "sha256": f.sha256} for f in done.files]
    assert [sha256(file.path.read_bytes()).hexdigest() for file in done.files] == [file.sha256 for file in done.files]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        [*(f.name for f in done.files), "manifest.json"]
    )


def big(folder):
    """Return a table whose export takes some batches."""
    return write_data_set(folder, {"t": pa.table({"n": list(range(50_000))})}, {})


@pytest.mark.parametrize("kind", FORMATS)
def test_a_cancelled_export_leaves_nothing(kind, tmp_path):
    """Not the folder that it made, nor anything beside what was there before."""
    data_set, cancel = big(tmp_path / "in"), threading.Event()
    seen = []

    def progress(table, rows, total):
        seen.append((table, rows, total))
        if rows:
            cancel.set()

    with pytest.raises(Cancelled):
        export(data_set, kind, ExportOptions(), tmp_path / "a" / "out", cancel=cancel.is_set, progress=progress)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
    assert seen[0] == ("t", 0, 50_000)
    assert seen[-1][1] < 50_000

    cancel.clear()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "manifest.json").write_text("the last export")
    with pytest.raises(Cancelled):
        export(data_set, kind, ExportOptions(), kept, cancel=cancel.is_set, progress=progress)
    assert {path.name: path.read_text() for path in kept.iterdir()} == {"manifest.json": "the last export"}


def test_an_export_beyond_the_room_leaves_nothing(tmp_path):
    """A file that cannot be written to its end is an error of the disk, in every format, and no file."""
    big(tmp_path / "in")
    script = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from filesync_dagster.core.errors import OutOfSpace\n"
        "from filesync_dagster.tables.exports import FORMATS, ExportOptions, export\n"
        "from filesync_dagster_tests.tables.exports.test_files import big\n"
        "root = Path(sys.argv[1]); data = big(root / 'again'); signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "for kind in FORMATS:\n"
        "    try: export(data, kind, ExportOptions(), root / 'out')\n"
        "    except OutOfSpace as error: print(kind, (root / 'out').exists(), error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, timeout=60, check=False
    )

    told = "Make room, or export fewer rows."
    assert done.stdout.splitlines() == [f"{kind} False {told}" for kind in FORMATS], done.stderr


def test_a_part_that_is_broken_is_told(tmp_path):
    """The table and the part are named; nothing is written."""
    data_set = big(tmp_path / "in")
    part = data_set.tables[0].parts[0]
    part.write_bytes(part.read_bytes()[:1_000])

    with pytest.raises(UnreadableTable, match="Table t: part 1 cannot be read"):
        write(data_set, "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "field"),
    [({"dialect": "access"}, "dialect"), ({"nul_token": "x"}, "nul_token"), ({"null_token": '"'}, "null_token")],
)
def test_an_option_that_is_wrong_is_named(options, field):
    """The field is what a form marks."""
    with pytest.raises(TableError) as caught:
        ExportOptions.from_json(options)
    assert (caught.value.code, caught.value.field) == ("bad_option", field)


def test_what_cannot_be_exported_is_told(tmp_path):
    """No tables, and a format that nobody has."""
    with pytest.raises(Unexportable, match="There are no tables"):
        write(DataSet(()), "csv", tmp_path)
    with pytest.raises(Unexportable, match="no export format 'xml'"):
        write(people(tmp_path / "in"), "xml", tmp_path)


@given(st.data())
def test_parents_come_first_unless_there_is_a_circle(data):
    """Every relation leads back in the order, or it is named as one that does not; few are."""
    count = data.draw(st.integers(1, 6))
    names = [f"t{i}" for i in range(count)]
    schema = write_empty_tables(names)
    pairs = data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=10))
    relations = tuple(TableRelation(child, ("a",), parent, ("a",)) for child, parent in dict.fromkeys(pairs))

    order = load_order(DataSet(schema, relations))

    place = {name: i for i, name in enumerate(order.tables)}
    assert sorted(order.tables) == sorted(names)
    for relation in relations:
        assert (place[relation.parent] < place[relation.child]) or relation in order.backward
    if all(int(child[1:]) > int(parent[1:]) for child, parent in pairs):
        assert order.backward == ()


def write_empty_tables(names):
    """Return tables of one column and no parts."""
    from filesync_dagster.tables.model import Table, TableColumn, TableSchema

    return tuple(Table(TableSchema(name, "", (TableColumn("a", pa.int64(), 0),)), ()) for name in names)


@pytest.mark.slow
def test_memory_is_bounded(tmp_path):
    """A table of 400 MB goes through every format in far less memory than it has."""
    rows = pa.table({"n": list(range(200_000)), "text": ["x" * 2_000] * 200_000})
    write_table(tmp_path, "t", rows)
    script = (
        "import resource, sys; from pathlib import Path; import pyarrow.parquet as pq, orjson\n"
        "from filesync_dagster.tables.exports import FORMATS, ExportOptions, export\n"
        "from filesync_dagster.tables.model import DataSet, Table, TableSchema\n"
        "parts = tuple(sorted(Path(sys.argv[1]).rglob('*.parquet')))\n"
        "schema = TableSchema.from_json(orjson.loads(pq.read_schema(parts[0]).metadata[b'filesync.table']))\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "data = DataSet((Table(schema, parts),))\n"
        "for kind in FORMATS: export(data, kind, ExportOptions(), Path(sys.argv[1]) / kind)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path], capture_output=True, text=True, timeout=200, check=True
    )

    assert int(done.stdout) < 330, "MiB"
