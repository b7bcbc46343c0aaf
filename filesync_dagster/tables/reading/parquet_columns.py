"""Columns of Parquet files: the types that they are stored with, and their values, each as it is or counted.

What tables do not store is stored as what says the same: lists and structures as JSON, dictionaries as their values.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.tables.arrow_types import type_name
from filesync_dagster.tables.calendar import BEYOND, within_calendar
from filesync_dagster.tables.model import Role, TableColumn, TableWarning
from filesync_dagster.tables.reading.json_values import json_text

DIGITS_MAX_COUNT: Final = 38
"""Of a decimal that DuckDB holds exactly."""


class ParquetColumn:
    """A column of a Parquet file, with the name and the type that it is stored with."""

    def __init__(self, name: str, field: "pa.Field[Any]", original: str | None, place: int) -> None:
        self.name = name
        self.written_name = field.name
        self.place = place  # in the batches of the file
        self.type = _stored_type(field.type)
        self._written = field.type
        self._is_nullable = field.nullable
        self._original = original
        self._beyond_calendar = 0

    def table_column(self, position: int) -> TableColumn:
        """Return it as a column of a table."""
        return TableColumn(
            self.name,
            self.type,
            position,
            nullable=self._is_nullable or pa.types.is_date(self.type) or pa.types.is_timestamp(self.type),
            sql_type=None if self.type == self._written else str(self._written)[:200],
            role=Role.JSON if _is_nested(self._written) else None,
            description=self._original,
        )

    def store(self, array: Any) -> Any:
        """Return the values of a batch as they are stored. Raises pyarrow.ArrowInvalid for texts that are none."""
        stored = _stored(array, self.type)
        if pa.types.is_string(self.type) or pa.types.is_large_string(self.type):
            stored.validate(full=True)
        stored, beyond = within_calendar(stored)
        self._beyond_calendar += beyond
        return stored

    def warnings(self) -> Iterator[TableWarning]:
        """Yield what is to be told of the values that were stored so far."""
        if _is_nested(self._written):
            message = f"{self.name!r} has structure ({self._written}): it is stored as JSON."
            yield TableWarning("nested_as_json", message, column=self.name)
        if pa.types.is_decimal(self._written) and pa.types.is_string(self.type):
            message = f"Numbers of {self.name!r} have more digits than any type of number holds, so they are text."
            yield TableWarning("long_numbers", message, column=self.name)
        if self._beyond_calendar:
            message = f"{self._beyond_calendar} values of {self.name!r} are {BEYOND}: they were read as NULL."
            yield TableWarning("beyond_calendar", message, self._beyond_calendar, self.name)


def nanosecond_warnings(lost: Mapping[str, int]) -> Iterator[TableWarning]:
    """Yield what is to be told of moments that lost digits, by their columns."""
    for name, count in Counter(lost).items():
        if count:
            message = f"{count} moments of {name!r} have nanoseconds, which were cut: the file has no years for them."
            yield TableWarning("nanoseconds_cut", message, count, name)


def _is_nested(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    return pa.types.is_nested(kind)


def _stored_type(kind: pa.DataType) -> pa.DataType:  # noqa: PLR0911  # one for each family
    """Return the type that a column is stored with: its own, where tables store that."""
    if isinstance(kind, pa.BaseExtensionType):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        return _stored_type(kind.value_type)
    if pa.types.is_float16(kind):
        return pa.float32()
    if pa.types.is_date64(kind):
        return pa.date32()
    if pa.types.is_decimal256(kind):
        return pa.decimal128(kind.precision, kind.scale) if kind.precision <= DIGITS_MAX_COUNT else pa.string()
    if str(kind) in {"string_view", "binary_view"}:
        return pa.string() if str(kind) == "string_view" else pa.binary()
    try:
        type_name(kind)
    except ValueError:
        return pa.string()
    return kind


def _stored(array: Any, kind: pa.DataType) -> Any:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_nested(array.type):
        return pa.array([None if value is None else json_text(value) for value in _python_values(array)], pa.string())
    if array.type == kind:
        return array
    if pa.types.is_dictionary(array.type):
        return _stored(array.dictionary_decode(), kind)
    if kind == pa.string() and not pa.types.is_string(array.type) and str(array.type) != "string_view":
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string())
    return array.cast(kind)


def _python_values(array: Any) -> list[Any]:
    try:
        return list(array.to_pylist())
    except (ValueError, OverflowError):  # moments that Python has not: their texts are as good in JSON
        return list(array.cast(_with_texts(array.type)).to_pylist())


def _with_texts(kind: Any) -> pa.DataType:
    """Return a nested type with texts in place of dates and moments."""
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return pa.string()
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_with_texts(field.type)) for field in kind])
    if pa.types.is_map(kind):
        return pa.map_(_with_texts(kind.key_type), _with_texts(kind.item_type))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(_with_texts(kind.value_type))
    return kind  # type: ignore[no-any-return]
