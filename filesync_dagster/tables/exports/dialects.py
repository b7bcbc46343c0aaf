"""Dialects of SQL as data: names of types, how identifiers and literals are written, what a database cannot do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from filesync_dagster.tables.exports.arrow import DataType
from filesync_dagster.tables.exports.kinds import ValueKind
from filesync_dagster.tables.exports.names import cut_bytes

QUOTED: Final = ("'", "'")
_ISO: Final = {
    ValueKind.DATE: ("DATE '", "'"),
    ValueKind.TIMESTAMP: ("TIMESTAMP '", "'"),
    ValueKind.TIME: ("TIME '", "'"),
}


@dataclass(frozen=True)
class Dialect:
    """What differs between databases."""

    name: str
    integers: Mapping[int, str]  # by bits, signed
    floats: Mapping[int, str]  # by bits
    types: Mapping[ValueKind, str]
    decimal: str  # with {precision} and {scale}
    decimal_max_digits: int  # more are text
    literals: Mapping[
        ValueKind, tuple[str, str]
    ]  # what is before and after a value's text; nothing where it is missing
    text: str = "TEXT"
    key_text: str = "TEXT"  # of text in keys, with {length}
    key_binary: str | None = None  # of binary values in keys, with {length}; None: as others
    quotes: tuple[str, str] = ('"', '"')
    name_max_bytes: int = 128
    folds_case: bool = False  # names that differ in case alone are one
    booleans: tuple[str, str] = ("TRUE", "FALSE")
    not_finite: Mapping[str, str] = field(default_factory=dict)  # literals of nan, inf, -inf; NULL where missing
    fraction_digits: int = 6  # of seconds
    begin: tuple[str, ...] = ("BEGIN",)
    commit: tuple[str, ...] = ("COMMIT",)
    table_options: str = ""
    insert_max_rows: int = 1000
    adds_keys_later: bool = True  # foreign keys by ALTER TABLE, after the rows
    can_defer: bool = False  # foreign keys until the transaction ends
    empty_is_null: bool = False
    has_nul: bool = True  # U+0000 in text

    def quote(self, name: str) -> str:
        """Return a name as an identifier."""
        opening, closing = self.quotes
        return f"{opening}{name.replace(closing, closing * 2)}{closing}"

    def spell(self, name: str, number: int) -> str:
        """Return a name as the database can hold it; `number` tells it from others that became the same."""
        clean = name.replace("\0", "_") or "_"
        clean = clean.replace('"', "_") if self.name == "oracle" else clean
        ending = f"_{number}" if number > 1 else ""
        return cut_bytes(clean, self.name_max_bytes - len(ending)) + ending

    def equal(self, name: str) -> str:
        """Return what is the same for names that the database takes for one."""
        return name.casefold() if self.folds_case else name

    def decimal_type(self, precision: int, scale: int) -> str | None:
        """Return the type of a decimal; None where it has too many digits."""
        precision, scale = (precision - scale, 0) if scale < 0 else (max(precision, scale), scale)
        return None if precision > self.decimal_max_digits else self.decimal.format(precision=precision, scale=scale)


def signed_bits(kind: DataType) -> int | None:
    """Return the bits of the signed integer that holds all of a type's values; None if there is none."""
    if not pa.types.is_unsigned_integer(kind):
        return int(kind.bit_width)
    return {8: 16, 16: 32, 32: 64}.get(kind.bit_width)


POSTGRES = Dialect(
    "postgres",
    {8: "SMALLINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"},
    {32: "REAL", 64: "DOUBLE PRECISION"},
    {
        ValueKind.NOTHING: "TEXT",
        ValueKind.BOOLEAN: "BOOLEAN",
        ValueKind.BINARY: "BYTEA",
        ValueKind.DATE: "DATE",
        ValueKind.TIME: "TIME",
        ValueKind.TIMESTAMP: "TIMESTAMP",
        ValueKind.MOMENT: "TIMESTAMPTZ",
        ValueKind.DURATION: "INTERVAL",
    },
    "NUMERIC({precision}, {scale})",
    1000,
    {
        **_ISO,
        ValueKind.MOMENT: ("TIMESTAMPTZ '", "+00'"),
        ValueKind.BINARY: ("'\\x", "'::BYTEA"),
        ValueKind.DURATION: ("INTERVAL '", " microseconds'"),
    },
    name_max_bytes=63,
    not_finite={"nan": "'NaN'", "inf": "'Infinity'", "-inf": "'-Infinity'"},
    can_defer=True,
    has_nul=False,
)

MYSQL = Dialect(
    "mysql",
    {8: "SMALLINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT"},
    {32: "FLOAT", 64: "DOUBLE"},
    {
        ValueKind.NOTHING: "LONGTEXT",
        ValueKind.BOOLEAN: "BOOLEAN",
        ValueKind.BINARY: "LONGBLOB",
        ValueKind.DATE: "DATE",
        ValueKind.TIME: "TIME(6)",
        ValueKind.TIMESTAMP: "DATETIME(6)",
        ValueKind.MOMENT: "DATETIME(6)",
        ValueKind.DURATION: "BIGINT",
    },
    "DECIMAL({precision}, {scale})",
    65,
    {**_ISO, ValueKind.MOMENT: ("TIMESTAMP '", "'"), ValueKind.BINARY: ("X'", "'")},
    text="LONGTEXT",
    key_text="VARCHAR({length})",
    key_binary="VARBINARY({length})",
    quotes=("`", "`"),
    name_max_bytes=64,
    folds_case=True,
    begin=(
        "SET NAMES utf8mb4",
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO'",
        "START TRANSACTION",
    ),
    table_options=" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
)

SQLITE = Dialect(
    "sqlite",
    dict.fromkeys((8, 16, 32, 64), "INTEGER"),
    {32: "REAL", 64: "REAL"},
    {
        ValueKind.NOTHING: "TEXT",
        ValueKind.BOOLEAN: "INTEGER",
        ValueKind.BINARY: "BLOB",
        ValueKind.DATE: "TEXT",
        ValueKind.TIME: "TEXT",
        ValueKind.TIMESTAMP: "TEXT",
        ValueKind.MOMENT: "TEXT",
        ValueKind.DURATION: "INTEGER",
    },
    "NUMERIC",
    15,  # it has no decimals: these survive a double
    {
        ValueKind.DATE: QUOTED,
        ValueKind.TIME: QUOTED,
        ValueKind.TIMESTAMP: QUOTED,
        ValueKind.MOMENT: ("'", "+00:00'"),
        ValueKind.BINARY: ("X'", "'"),
    },
    folds_case=True,
    booleans=("1", "0"),
    not_finite={"inf": "9e999", "-inf": "-9e999"},
    fraction_digits=9,
    begin=("PRAGMA foreign_keys = ON", "BEGIN"),
    adds_keys_later=False,
    can_defer=True,
)

SNOWFLAKE = Dialect(
    "snowflake",
    {8: "SMALLINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"},
    {32: "FLOAT", 64: "FLOAT"},
    {
        ValueKind.NOTHING: "VARCHAR",
        ValueKind.BOOLEAN: "BOOLEAN",
        ValueKind.BINARY: "BINARY",
        ValueKind.DATE: "DATE",
        ValueKind.TIME: "TIME(9)",
        ValueKind.TIMESTAMP: "TIMESTAMP_NTZ(9)",
        ValueKind.MOMENT: "TIMESTAMP_TZ(9)",
        ValueKind.DURATION: "BIGINT",
    },
    "NUMBER({precision}, {scale})",
    38,
    {
        ValueKind.DATE: ("'", "'::DATE"),
        ValueKind.TIME: ("'", "'::TIME"),
        ValueKind.TIMESTAMP: ("'", "'::TIMESTAMP_NTZ"),
        ValueKind.MOMENT: ("'", " +00:00'::TIMESTAMP_TZ"),
        ValueKind.BINARY: ("X'", "'"),
    },
    text="VARCHAR",
    key_text="VARCHAR",
    name_max_bytes=255,
    not_finite={"nan": "'NaN'::FLOAT", "inf": "'inf'::FLOAT", "-inf": "'-inf'::FLOAT"},
    fraction_digits=9,
)

ORACLE = Dialect(
    "oracle",
    {8: "NUMBER(5)", 16: "NUMBER(5)", 32: "NUMBER(10)", 64: "NUMBER(19)"},
    {32: "BINARY_FLOAT", 64: "BINARY_DOUBLE"},
    {
        ValueKind.NOTHING: "VARCHAR2(1)",
        ValueKind.BOOLEAN: "NUMBER(1)",
        ValueKind.BINARY: "BLOB",
        ValueKind.DATE: "DATE",
        ValueKind.TIME: "VARCHAR2(18)",
        ValueKind.TIMESTAMP: "TIMESTAMP(9)",
        ValueKind.MOMENT: "TIMESTAMP(9) WITH TIME ZONE",
        ValueKind.DURATION: "NUMBER(19)",
    },
    "NUMBER({precision}, {scale})",
    38,
    {
        ValueKind.DATE: ("DATE '", "'"),
        ValueKind.TIMESTAMP: ("TIMESTAMP '", "'"),
        ValueKind.TIME: QUOTED,
        ValueKind.MOMENT: ("TIMESTAMP '", " +00:00'"),
        ValueKind.BINARY: ("HEXTORAW('", "')"),
    },
    text="CLOB",
    key_text="VARCHAR2({length} CHAR)",
    key_binary="RAW({length})",
    booleans=("1", "0"),
    not_finite={"nan": "BINARY_DOUBLE_NAN", "inf": "BINARY_DOUBLE_INFINITY", "-inf": "-BINARY_DOUBLE_INFINITY"},
    fraction_digits=9,
    begin=(),
    insert_max_rows=1,
    can_defer=True,
    empty_is_null=True,
)

TSQL = Dialect(
    "tsql",
    {8: "SMALLINT", 16: "SMALLINT", 32: "INT", 64: "BIGINT"},
    {32: "REAL", 64: "FLOAT"},
    {
        ValueKind.NOTHING: "NVARCHAR(1)",
        ValueKind.BOOLEAN: "BIT",
        ValueKind.BINARY: "VARBINARY(MAX)",
        ValueKind.DATE: "DATE",
        ValueKind.TIME: "TIME(7)",
        ValueKind.TIMESTAMP: "DATETIME2(7)",
        ValueKind.MOMENT: "DATETIMEOFFSET(7)",
        ValueKind.DURATION: "BIGINT",
    },
    "DECIMAL({precision}, {scale})",
    38,
    {
        ValueKind.DATE: QUOTED,
        ValueKind.TIME: QUOTED,
        ValueKind.TIMESTAMP: QUOTED,
        ValueKind.MOMENT: ("'", " +00:00'"),
        ValueKind.BINARY: ("0x", ""),
    },
    text="NVARCHAR(MAX)",
    key_text="NVARCHAR({length}) COLLATE Latin1_General_100_BIN2",
    key_binary="VARBINARY({length})",
    quotes=("[", "]"),
    folds_case=True,
    booleans=("1", "0"),
    fraction_digits=7,
    begin=("SET XACT_ABORT ON", "BEGIN TRANSACTION"),
    commit=("COMMIT TRANSACTION",),
)

DUCKDB = Dialect(
    "duckdb",
    {8: "TINYINT", 16: "SMALLINT", 32: "INTEGER", 64: "BIGINT"},
    {32: "REAL", 64: "DOUBLE"},
    {
        ValueKind.NOTHING: "VARCHAR",
        ValueKind.BOOLEAN: "BOOLEAN",
        ValueKind.BINARY: "BLOB",
        ValueKind.DATE: "DATE",
        ValueKind.TIME: "TIME",
        ValueKind.TIMESTAMP: "TIMESTAMP",
        ValueKind.MOMENT: "TIMESTAMPTZ",
        ValueKind.DURATION: "INTERVAL",
    },
    "DECIMAL({precision}, {scale})",
    38,
    {
        **_ISO,
        ValueKind.MOMENT: ("TIMESTAMPTZ '", "+00'"),
        ValueKind.BINARY: ("from_hex('", "')"),
        ValueKind.DURATION: ("to_microseconds(", ")"),
    },
    text="VARCHAR",
    key_text="VARCHAR",
    name_max_bytes=255,
    folds_case=True,
    not_finite={"nan": "'NaN'::DOUBLE", "inf": "'Infinity'::DOUBLE", "-inf": "'-Infinity'::DOUBLE"},
    begin=("BEGIN TRANSACTION",),
    adds_keys_later=False,
)

DIALECTS_BY_NAME: Mapping[str, Dialect] = {
    dialect.name: dialect for dialect in (POSTGRES, MYSQL, SQLITE, SNOWFLAKE, ORACLE, TSQL, DUCKDB)
}
