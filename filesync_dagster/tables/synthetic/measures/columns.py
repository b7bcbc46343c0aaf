"""Columns as they are measured: every value a float, NULL a NaN, the same number for the same value on both sides."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from filesync_dagster.core.errors import TableError
from filesync_dagster.tables.model import DataSet, Role, TableColumn, TableSchema

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Values = Any
"""An Array or a ChunkedArray of pyarrow, whose stubs know only some of what its functions take."""

QUANTILE_BINS = 10
TOP_CATEGORIES = 20
COMMON_ROWS = 5  # a value that fewer real rows have is rare
TEXT_DISTINCT_COUNT = 50  # a text with more distinct values may be free text
TEXT_DISTINCT_SHARE = 0.5  # … and is, when so many of its rows differ


class MeasureKind(StrEnum):
    """How values of a column are compared."""

    NUMBER = "number"
    DATETIME = "datetime"
    CATEGORY = "category"
    TEXT = "text"  # by its length alone: what it says is of a person, or written freely


@dataclass(frozen=True)
class MeasuredColumn:
    """A column of both sides. Its scale comes from the real rows: bins are cut at their quantiles."""

    name: str
    kind: MeasureKind
    type: pa.DataType
    categories: tuple[str, ...] = ()  # of CATEGORY: the values that are not rare, the commonest real ones first
    edges: tuple[float, ...] = ()  # of the others: where bins end, without the first and the last

    @property
    def is_category(self) -> bool:
        """Whether its values have no order."""
        return self.kind is MeasureKind.CATEGORY

    @property
    def is_text(self) -> bool:
        """Whether its words are made anew: nothing that they have in common with others says anything."""
        return self.kind is MeasureKind.TEXT

    @property
    def bin_count(self) -> int:
        """How many bins there are: one is for NULL, of a category one for the rest."""
        return (min(len(self.categories), TOP_CATEGORIES) + 1 if self.is_category else len(self.edges) + 1) + 1

    def encode(self, values: Values) -> Floats:
        """Return values as floats: NULL is NaN, a category its place among `categories`. Raises TableError."""
        try:
            if self.is_category:
                known = pa.array(self.categories, pa.string())
                codes = pc.index_in(as_text(values), known).cast(pa.float64())
                unknown = pc.and_(pc.is_null(codes), pc.is_valid(values))
                return _floats(pc.if_else(unknown, float(len(self.categories)), codes))
            return _floats(as_number(values, text=self.kind is MeasureKind.TEXT))
        except pa.ArrowInvalid as error:
            raise TableError(
                f"The column {self.name} is {self.type} on one side and {values.type} on the other.",
                hint="Compare tables whose columns have the same types.",
                code="not_comparable",
                field=self.name,
            ) from error

    def bins(self, values: Floats) -> NDArray[np.int32]:
        """Return the bin of each value; the last one is NULL's."""
        missing = np.isnan(values)
        if self.is_category:
            found = np.minimum(np.where(missing, 0, values), min(len(self.categories), TOP_CATEGORIES))
        else:
            found = np.searchsorted(np.array(self.edges), values, side="left")
        return np.where(missing, self.bin_count - 1, found).astype(np.int32)


def as_text(values: Values) -> Values:
    """Return values as text, equal where the values are."""
    return _length(values).cast(pa.string()) if _is_binary(values.type) else values.cast(pa.string())


def as_number(values: Values, *, text: bool = False) -> Values:
    """Return values as floats: microseconds of datetimes; `text`: the length of what is written."""
    if text:
        return _length(values).cast(pa.float64())
    for is_kind, unit in _MICROSECONDS:
        if is_kind(values.type):
            values = _seconds(values).cast(unit(values.type), safe=False).cast(pa.int64())
            break
    return values.cast(pa.float64(), safe=False)


_MICROSECONDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (pa.types.is_date, lambda _: pa.timestamp("us")),
    (pa.types.is_timestamp, lambda kind: pa.timestamp("us", kind.tz)),
    (pa.types.is_time, lambda _: pa.time64("us")),
    (pa.types.is_duration, lambda _: pa.duration("us")),
)


def _seconds(values: Values) -> Values:
    """Return dates as timestamps, which only then can be had as microseconds; others as they are."""
    return values.cast(pa.timestamp("s"), safe=False) if pa.types.is_date(values.type) else values


def _is_binary(kind: pa.DataType) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _length(values: Values) -> Values:
    compute: Any = pc
    if not _is_binary(values.type):
        return compute.utf8_length(values.cast(pa.large_string()))
    return compute.binary_length(values.cast(pa.large_binary()))


def _floats(values: Values) -> Floats:
    floats = values.to_numpy(zero_copy_only=False) if isinstance(values, pa.Array) else values.to_numpy()
    return np.clip(np.asarray(floats, dtype=np.float64), -1e300, 1e300)  # an infinity has no mean


def measured_names(data_set: DataSet, schema: TableSchema) -> list[str]:
    """Return the names of the columns that say something: those of keys are made anew, and only name rows."""
    keys = set(schema.primary_key) if len(schema.primary_key) == 1 else set()
    for relation in data_set.relations:
        if relation.holds and relation.child == schema.name:
            keys.update(relation.child_columns)
        if relation.holds and relation.parent == schema.name:
            keys.update(relation.parent_columns)
    return [column.name for column in schema.columns if column.name not in keys and not _names_rows(column, schema)]


def _names_rows(column: TableColumn, schema: TableSchema) -> bool:
    if column.role is None:
        return column.name in schema.primary_key
    return column.role in {Role.KEY, Role.FOREIGN_KEY}


def measured_column(column: TableColumn, real: Values) -> MeasuredColumn:
    """Return how a column is measured, by its role, its type, and the values of a sample of real rows."""
    kind = _kind(column, real)
    if kind is MeasureKind.CATEGORY:
        return MeasuredColumn(column.name, kind, column.type, categories=_categories(real))
    scale = MeasuredColumn(column.name, kind, column.type)
    values = scale.encode(real)
    values = values[~np.isnan(values)]
    cuts = np.linspace(0, 1, QUANTILE_BINS + 1)[1:-1]
    edges = np.unique(np.quantile(values, cuts, method="inverted_cdf")) if len(values) else np.array([])
    # A bin ends with its edge: where the largest value is one, the bin above it would be empty for ever.
    return MeasuredColumn(
        column.name, kind, column.type, edges=tuple(edges[edges < values.max()] if len(values) else ())
    )


def _kind(column: TableColumn, real: Values) -> MeasureKind:
    if pa.types.is_boolean(column.type) or pa.types.is_null(column.type) or column.role is Role.CATEGORY:
        return MeasureKind.CATEGORY
    if pa.types.is_temporal(column.type):
        return MeasureKind.DATETIME
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        return MeasureKind.NUMBER
    if column.role in {Role.TEXT, Role.PERSON, Role.JSON, Role.BINARY} or not _is_string(column.type):
        return MeasureKind.TEXT
    distinct = pc.count_distinct(real).as_py()
    written_freely = distinct > max(TEXT_DISTINCT_COUNT, TEXT_DISTINCT_SHARE * (len(real) - real.null_count))
    return MeasureKind.TEXT if written_freely else MeasureKind.CATEGORY


def _is_string(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _categories(real: Values) -> tuple[str, ...]:
    """Return the values that are not rare, the commonest first. All others count as one: no model may repeat them."""
    counted: Any = pc.value_counts(as_text(real).drop_null())
    counts = dict(zip(counted.field(0).to_pylist(), counted.field(1).to_pylist(), strict=True))
    common = [value for value, count in counts.items() if count >= COMMON_ROWS]
    return tuple(sorted(common, key=lambda value: (-counts[value], value)))
