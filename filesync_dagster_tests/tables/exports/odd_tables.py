"""Tables with what breaks exports: in names, in texts, in numbers, in times, in relations."""

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pyarrow as pa

from filesync_dagster.tables.model import DataSet, TableRelation
from filesync_dagster_tests.tables.data_sets import write_data_set, write_table

TEXTS = [
    "O'Neil",
    "",
    "NULL",
    "=cmd|' /C calc'!A0",
    "+49 30 1234",
    "-5",
    "@SUM(A1)",
    "\uff1d1+1",
    'say "hi", twice;\tor|so',
    "two\nlines\r\nand a \\ backslash\\n",
    "'; DROP TABLE students; --",
    "$(HOME) & <b>&amp;</b> 100% :x",
    "bell \a, escape \x1b, delete \x7f",
    "_x0041_ is no A",
    "emoji 🦊, żółć, 日本語, \u202eright to left",
    "01234",
    "1e5",
    "  spaces  ",
    "true",
    "\\N",
    "a" * 5_000,
    "GO\nGO\n/\n",
    "{} [] ${x} {{y}}",
]
"""Texts that some format or some client takes for something else. None has U+0000: not every database holds it."""

NAMES = ["id", 'quo"te', "it's", "select", "emoji 🦊", "with space", "`tick`", "[bracket]", "=formula", "Straße"]

EARLY = datetime(1899, 12, 31, 23, 59, 59, 999999, UTC).replace(tzinfo=None)
LEAP = datetime(2024, 2, 29, tzinfo=UTC).replace(tzinfo=None)

ODD_NAME = "Order \"of\" 'things' 🦊"


def odd_texts(folder):
    """Return a table of all odd texts, under odd names: its own, and those of its columns."""
    count = len(TEXTS) + 1
    columns = {"id": pa.array(range(1, count + 1), pa.int32())}
    for shift, name in enumerate(NAMES[1:]):
        shifted = [*TEXTS, None][shift:] + [*TEXTS, None][:shift]
        columns[name] = pa.array(shifted, pa.string())
    return write_data_set(folder, {ODD_NAME: pa.table(columns)}, {ODD_NAME: ("id",)})


def odd_values(folder, **others):
    """Return a table with a column of each kind of values, extreme ones among them, and a row of NULL."""
    zone = pa.timestamp("us", "Europe/Berlin")
    columns = {
        "id": pa.array([1, 2, 3], pa.int64()),
        "small": pa.array([-128, 127, None], pa.int8()),
        "whole": pa.array([-(2**31), 2**31 - 1, None], pa.int32()),
        "big": pa.array([-(2**63), 2**63 - 1, None], pa.int64()),
        "unsigned": pa.array([0, 2**64 - 1, None], pa.uint64()),
        "money": pa.array([Decimal("-0.01"), Decimal("1234567.89"), None], pa.decimal128(12, 2)),
        "tiny": pa.array([Decimal("0E-12"), Decimal("0.000000000001"), None], pa.decimal128(20, 12)),
        "huge": pa.array([Decimal(10) ** 37, Decimal("-" + "9" * 37), None], pa.decimal128(38, 0)),
        "double": pa.array([0.1, 1 / 3 * 1e-200, None], pa.float64()),
        "large": pa.array([1.7976931348623157e308, -5e-324, None], pa.float64()),
        "single": pa.array([0.1, -3.4028234663852886e38, None], pa.float32()),
        "flag": pa.array([True, False, None], pa.bool_()),
        "day": pa.array([date(1850, 2, 28), date(9999, 12, 31), None], pa.date32()),
        "moment": pa.array([EARLY, LEAP, None], pa.timestamp("us")),
        "zoned": pa.array([datetime(2024, 3, 31, 1, 30, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC), None], zone),
        "clock": pa.array([time(0, 0), time(23, 59, 59, 999999), None], pa.time64("us")),
        "raw": pa.array([b"\x00\xff'\\", b"", None], pa.binary()),
        "nothing": pa.nulls(3),
        **others,
    }
    return write_data_set(folder, {"values": pa.table(columns)}, {"values": ("id",)})


def people(folder):
    """Return tables that refer to each other in circles: teams have leads, leads have teams, people have managers."""
    teams = pa.table({"team": ["a", "b", "c"], "lead": pa.array([3, 1, None], pa.int64())})
    members = pa.table(
        {
            "number": pa.array([1, 2, 3], pa.int64()),
            "team": ["a", "b", "a"],
            "manager": pa.array([3, 1, None], pa.int64()),
        },
        pa.schema([("number", pa.int64()), pa.field("team", pa.string(), nullable=False), ("manager", pa.int64())]),
    )
    visits = pa.table({"visit": pa.array([7, 8], pa.int32()), "number": pa.array([1, 1], pa.int64()), "day": [1, 2]})
    return DataSet(
        (
            write_table(folder, "visits", visits, ("visit",)),
            write_table(folder, "members", members, ("number",)),
            write_table(folder, "teams", teams, ("team",)),
        ),
        (
            TableRelation("visits", ("number",), "members", ("number",)),
            TableRelation("members", ("team",), "teams", ("team",)),
            TableRelation("members", ("manager",), "members", ("number",)),
            TableRelation("teams", ("lead",), "members", ("number",)),
        ),
    )


def rows_of_table(table):
    """Return the rows of a table, as tuples."""
    import pyarrow.parquet as pq

    rows = pa.concat_tables([pq.read_table(part) for part in table.parts])
    return list(zip(*(column.to_pylist() for column in rows.columns), strict=True))
