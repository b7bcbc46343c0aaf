"""Rows of Python values as tables: of JSON, and of cells of spreadsheets.

A column has the narrowest type that holds all of its values exactly. Values of several kinds make text, with a warning.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from filesync_dagster.core.errors import UnreadableTable
from filesync_dagster.tables.model import Role, Table, TableColumn, TableSchema, TableWarning
from filesync_dagster.tables.reading.declared_types import check_columns, form_of
from filesync_dagster.tables.reading.header import column_names
from filesync_dagster.tables.reading.json_values import json_text
from filesync_dagster.tables.reading.options import Cancellation, ReadOptions
from filesync_dagster.tables.store import PartsWriter

BATCH_ROWS = 50_000
EXACT_DIGITS = 38
INT64_MAX = 2**63 - 1


@dataclass
class Kinds:
    """What kinds of values a column has, counted as they come."""

    booleans: int = 0
    integers: int = 0
    smallest: int = 0
    largest: int = 0
    decimals: int = 0
    digits: int = 0  # before the point, of decimals and integers
    scale: int = 0
    doubles: int = 0  # no decimal holds them: infinite, or with exponents
    inexact: int = 0  # numbers that a double rounds
    not_numbers: int = 0  # NaN, which is NULL
    dates: int = 0
    stamps: int = 0
    zoned: int = 0
    times: int = 0
    durations: int = 0
    texts: int = 0
    nested: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, value: Any) -> None:  # noqa: C901, PLR0912  # one branch a kind
        """Count a value; NULL is none."""
        if value is None:
            return
        match value:
            case bool():
                self.booleans += 1
            case int():
                self.integers += 1
                self.smallest, self.largest = min(self.smallest, value), max(self.largest, value)
                self.digits = max(self.digits, len(str(abs(value))))
                self.inexact += abs(value) > 2**53 and not _is_double(Decimal(value))
            case Decimal():
                self._add_decimal(value)
            case float():  # of a spreadsheet, which has no other numbers
                self.doubles += 1
            case datetime():
                if value.tzinfo is None:
                    self.stamps += 1
                else:
                    self.zoned += 1
            case date():
                self.dates += 1
            case time():
                self.times += 1
            case timedelta():
                self.durations += 1
            case dict() | list():
                self.nested += 1
            case _:
                self.texts += 1

    def _add_decimal(self, value: Decimal) -> None:
        if value.is_nan():
            self.not_numbers += 1
            return
        exponent = value.as_tuple().exponent
        self.inexact += value.is_finite() and not _is_double(value)
        if not value.is_finite() or not isinstance(exponent, int) or exponent > 0 or -exponent > EXACT_DIGITS:
            self.doubles += 1
            return
        self.decimals += 1
        self.scale = max(self.scale, -exponent)
        self.digits = max(self.digits, len(value.as_tuple().digits) + exponent, 1)

    @property
    def type(self) -> pa.DataType:
        """The type that holds all values exactly; text where there is none."""
        groups = {
            "boolean": self.booleans,
            "number": self.integers + self.decimals + self.doubles + self.not_numbers,
            "moment": self.dates + self.stamps,
            "zoned": self.zoned,
            "time": self.times,
            "duration": self.durations,
            "text": self.texts + self.nested,
        }
        kinds = [name for name, count in groups.items() if count]
        if len(kinds) != 1:
            return pa.string()
        if kinds[0] == "number":
            return self._number()
        if kinds[0] == "moment":
            return pa.timestamp("us") if self.stamps else pa.date32()
        others: dict[str, pa.DataType] = {
            "boolean": pa.bool_(),
            "zoned": pa.timestamp("us", "UTC"),
            "time": pa.time64("us"),
            "duration": pa.duration("us"),
            "text": pa.string(),
        }
        return others[kinds[0]]

    def _number(self) -> pa.DataType:
        if self.doubles:
            return pa.string() if self.inexact else pa.float64()
        if not self.decimals:
            if self.smallest >= -INT64_MAX - 1 and self.largest <= INT64_MAX:
                return pa.int64()
            return pa.decimal128(EXACT_DIGITS, 0) if self.digits <= EXACT_DIGITS else pa.string()
        if self.digits + self.scale > EXACT_DIGITS:
            return pa.string() if self.inexact else pa.float64()
        return pa.decimal128(18 if self.digits + self.scale <= 18 else EXACT_DIGITS, self.scale)

    @property
    def is_mixed(self) -> bool:
        """Whether values of several kinds made it text."""
        told = (
            self.booleans,
            self.integers + self.decimals + self.doubles + self.not_numbers,
            self.dates + self.stamps,
            self.zoned,
            self.times,
            self.durations,
            self.texts,
            self.nested,
        )
        return sum(bool(count) for count in told) > 1

    @property
    def is_json(self) -> bool:
        """Whether all values are lists or objects."""
        return bool(self.nested) and not self.is_mixed


def _is_double(value: Decimal) -> bool:
    """Tell whether a double holds all digits of a number: 0.1 is one, 1e400 and 9007199254740993 are none."""
    try:
        return Decimal(repr(float(value))) == value
    except OverflowError:
        return False


def as_text(value: Any) -> str:
    """Return a value as the text that stands for it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json_text(value)
    if isinstance(value, date | time):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    return str(value)


def write_rows(  # noqa: PLR0917  # one call of each reader
    written: Sequence[str],
    rows: Sequence[Sequence[Any]],
    name: str,
    options: ReadOptions,
    folder: Path,
    cancellation: Cancellation,
    warnings: Sequence[TableWarning] = (),
) -> Table:
    """Return the table of rows that are all there, each as long as the columns. Raises UnreadableTable."""
    names, originals = column_names(written)
    kinds = [Kinds() for _ in names]
    for count, row in enumerate(rows):
        if count % BATCH_ROWS == 0:
            cancellation.check()
        for kind, value in zip(kinds, row, strict=True):
            kind.add(value)
    types = [kind.type for kind in kinds]
    told = list(warnings)
    for position, (column, kind) in enumerate(zip(names, kinds, strict=True)):
        told += _warnings(column, kind, types[position])
    columns = [
        TableColumn(
            column,
            types[position],
            position,
            role=Role.JSON if kinds[position].is_json else None,
            description=originals[position],
        )
        for position, column in enumerate(names)
    ]
    check_columns(options.types, names, ignore_unknown=options.ignore_unknown_types)
    _check_declared(names, types, options.types)
    for position, column in enumerate(names):
        if options.types.get(column, "").strip().lower() in {"text", "string", "varchar"}:
            columns[position] = replace(columns[position], type=pa.string())
    schema = TableSchema(name, options.source, tuple(columns), read_at=datetime.now(UTC), warnings=tuple(told))
    arrow = schema.arrow().remove_metadata()
    with PartsWriter(folder, arrow) as writer:
        for batch in _batches(rows, arrow, cancellation):
            writer.write(batch)
        return writer.finish(schema)


def _batches(rows: Sequence[Sequence[Any]], schema: pa.Schema, cancellation: Cancellation) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), BATCH_ROWS):
        cancellation.check()
        some = rows[start : start + BATCH_ROWS]
        columns = [
            pa.array([_stored(row[number], kind.type) for row in some], kind.type) for number, kind in enumerate(schema)
        ]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _stored(value: Any, kind: pa.DataType) -> Any:  # one a kind
    if value is None or (isinstance(value, Decimal | float) and math.isnan(value)):
        return None
    if pa.types.is_string(kind):
        return as_text(value)
    if pa.types.is_decimal(kind):
        return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_timestamp(kind) and isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001  # a moment without a zone
    return value


def _warnings(column: str, kind: Kinds, chosen: pa.DataType) -> list[TableWarning]:
    found = []
    if kind.is_mixed:
        found.append(
            TableWarning("mixed_types", f"{column!r} has values of several kinds, so they are text.", column=column)
        )
    if kind.not_numbers:
        message = f"{kind.not_numbers} values of {column!r} are NaN and were read as NULL."
        found.append(TableWarning("not_a_number", message, kind.not_numbers, column))
    if pa.types.is_string(chosen) and kind.inexact and not kind.is_mixed:
        message = f"Numbers of {column!r} have more digits than any type of number holds, so they are text."
        found.append(TableWarning("long_numbers", message, kind.inexact, column))
    return found


def _check_declared(names: Sequence[str], types: Sequence[pa.DataType], declared: Mapping[str, str]) -> None:
    """Raise UnreadableTable for declared types that are others than the values have: nothing is converted here."""
    found = dict(zip(names, types, strict=True))
    for column, wanted in ((name, kind) for name, kind in declared.items() if name in found):
        form = form_of(wanted)
        if form is not None and not _same_family(form.type, found[column]):
            raise UnreadableTable(
                f"The values of {column!r} are {found[column]}, and no {wanted}.",
                code="type_does_not_fit",
                field="types",
            )


def _same_family(wanted: pa.DataType, found: pa.DataType) -> bool:
    numbers = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_floating)
    if any(test(wanted) for test in numbers) and any(test(found) for test in numbers):
        return True
    return wanted == found or (pa.types.is_timestamp(wanted) and pa.types.is_timestamp(found))
