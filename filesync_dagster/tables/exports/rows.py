"""Rows of a table at rest, in batches of bounded size, and the numbers and names that a batch has as text."""

import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from filesync_dagster.core.errors import Unexportable, UnreadableTable
from filesync_dagster.tables.exports.arrow import Column, DataType, pc
from filesync_dagster.tables.exports.watch import ExportWatch
from filesync_dagster.tables.model import Table

BATCH_BYTES = 8 << 20
BATCH_MAX_ROWS = 32_768
BATCH_MIN_ROWS = 64

PLAIN_MAX_SCALE = 6
"""Decimals with so many digits behind the point have no exponent as text."""

MOMENT_LETTERS, TIME_LETTERS = 19, 8
"""Of a moment, and of a time, to the second."""

FIRST_YEAR, LAST_YEAR = 1, 9999
"""What dates may be written in: ISO 8601, and every database, agree on these."""


def row_count(table: Table) -> int:
    """Return how many rows the parts of a table have. Raises UnreadableTable."""
    return sum(_footer(table, index).num_rows for index in range(len(table.parts)))


def read_rows(table: Table, watch: ExportWatch, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Yield all rows of a table, in their order, with the types of its schema.

    Raises UnreadableTable for parts that are not what the schema says, Cancelled once somebody asked to stop.
    """
    names = list(table.schema.names if columns is None else columns)
    schema = pa.schema([(name, table.schema.column(name).type) for name in names])
    total, done = row_count(table), 0
    watch.advance(table.name, 0, total)
    for index in range(len(table.parts)):
        for batch in _read_part(table, index, names):
            yield _as_declared(table, batch, schema)
            done += batch.num_rows
            watch.advance(table.name, done, total)
    if done != total:
        raise UnreadableTable(f"Table {table.name}: {total:,} rows were promised and {done:,} read.", code="rows_lost")


def _footer(table: Table, index: int) -> pq.FileMetaData:
    try:
        return pq.read_metadata(table.parts[index])
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTable(
            f"Table {table.name}: part {index + 1} cannot be read.", code="part_unreadable"
        ) from error


def _read_part(table: Table, index: int, names: list[str]) -> Iterator[pa.RecordBatch]:
    footer = _footer(table, index)
    groups = [footer.row_group(group) for group in range(footer.num_row_groups)]
    widest = max((group.total_byte_size / max(group.num_rows, 1) for group in groups), default=1)
    size = int(min(BATCH_MAX_ROWS, max(BATCH_MIN_ROWS, BATCH_BYTES / max(widest, 1))))
    missing = set(names) - set(footer.schema.to_arrow_schema().names)
    if missing:
        lost = ", ".join(sorted(missing))
        raise UnreadableTable(f"Table {table.name}: part {index + 1} has no {lost}.", code="part_differs")
    try:
        with pq.ParquetFile(table.parts[index]) as file:
            yield from file.iter_batches(size, columns=names)
    except (OSError, pa.ArrowException) as error:
        raise UnreadableTable(
            f"Table {table.name}: part {index + 1} cannot be read.", code="part_unreadable"
        ) from error


def _as_declared(table: Table, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    batch = batch.select(schema.names)
    if batch.schema.types == schema.types:
        return batch
    try:
        return pa.RecordBatch.from_arrays(
            [_cast(column, kind) for column, kind in zip(batch.columns, schema.types, strict=True)], schema=schema
        )
    except pa.ArrowException as error:
        raise UnreadableTable(
            f"Table {table.name}: a part has other types than its schema.", code="part_differs"
        ) from error


def _cast(column: Column, kind: DataType) -> Column:
    return column if column.type == kind else column.cast(kind)


def as_text(table: str, column: str, values: Column) -> Column:
    """Return numbers, dates and times as text that means exactly them; NULL stays NULL.

    Numbers that are not finite are `nan`, `inf` and `-inf`; moments are in UTC and have no sign of it; durations are
    microseconds. Raises Unexportable for years that no format has.
    """
    kind = values.type
    if pa.types.is_decimal(kind):
        return _decimals(values)
    if pa.types.is_duration(kind):
        return _microseconds(values)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        check_years(table, column, values)
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return _clock_times(values)
    return values.cast(pa.string())


def _decimals(values: Column) -> Column:
    texts = values.cast(pa.string())
    if 0 <= values.type.scale <= PLAIN_MAX_SCALE:
        return texts
    scientific = pc.match_substring(texts, "E")
    return replace_values(texts, scientific, lambda text: format(Decimal(text), "f"))


def _microseconds(durations: Column) -> Column:
    if durations.type.unit != "ns":
        return durations.cast(pa.duration("us")).cast(pa.int64()).cast(pa.string())
    counts = durations.cast(pa.int64()).to_pylist()
    return pa.array(
        [None if count is None else format(Decimal(count).scaleb(-3), "f") for count in counts], pa.string()
    )


def check_years(table: str, column: str, values: Column) -> None:
    """Raise Unexportable for years that no format has."""
    bounds = pc.min_max(values)
    ends = pa.array([bounds["min"], bounds["max"]], values.type)
    first, last = pc.year(ends.cast(pa.timestamp("s"), safe=False) if _is_zoned(values) else ends).to_pylist()
    if first is not None and (first < FIRST_YEAR or last > LAST_YEAR):
        raise Unexportable(
            f"Table {table}, column {column}: the year {first if first < FIRST_YEAR else last} cannot be written.",
            hint="Dates are written from year 1 to year 9999.",
            code="year_out_of_range",
            field=column,
        )


def _is_zoned(values: Column) -> bool:
    return values.type.tz is not None if pa.types.is_timestamp(values.type) else False


def _clock_times(values: Column) -> Column:
    """Return times with a fraction only where there is one."""
    plain = values.cast(pa.timestamp(values.type.unit)) if _is_zoned(values) else values
    is_time = pa.types.is_time(plain.type)
    seconds = plain.cast(pa.time32("s") if is_time else pa.timestamp("s"), safe=False)
    whole = pc.equal(seconds.cast(plain.type), plain)
    if pc.all(whole, skip_nulls=True).as_py() is not False:
        return seconds.cast(pa.string())
    texts = plain.cast(pa.string())
    if not pc.any(whole, skip_nulls=True).as_py():
        return texts
    return pc.if_else(whole, pc.utf8_slice_codeunits(texts, 0, TIME_LETTERS if is_time else MOMENT_LETTERS), texts)


def replace_values(texts: Column, where: Column, change: Callable[[Any], Any]) -> Column:
    """Return texts with those that `where` marks changed by a function of a text."""
    marked = pc.fill_null(where, False)
    if not pc.any(marked).as_py():
        return texts
    changed = [change(text) for text in texts.filter(marked).to_pylist()]
    return pc.replace_with_mask(texts, marked, pa.array(changed, texts.type))


def count_true(where: Column) -> int:
    """Return how many values are true."""
    return int(pc.sum(where, min_count=0).as_py() or 0)


def join_cells(pieces: Sequence[Any], null: str) -> Column:
    """Return the texts of rows: arrays and plain strings one after the other, with `null` for what is NULL."""
    joined: list[Any] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return pc.binary_join_element_wise(*joined, "", null_handling="replace", null_replacement=null)


def text_bytes(lines: Column, start: int = 0, stop: int | None = None) -> memoryview:
    """Return the bytes of consecutive texts, as they lie in memory: no text is touched by Python."""
    stop = len(lines) if stop is None else stop
    data = lines.buffers()[2]
    if start >= stop or data is None:  # of nothing but NULL there may be no bytes
        return memoryview(b"")
    offsets = line_offsets(lines)
    return memoryview(data)[int(offsets[start]) : int(offsets[stop])]


def may_begin_with(texts: Column, first: bytes) -> bool:
    """Tell whether some text may begin with one of these bytes: in no time, where most columns have none."""
    import numpy as np

    data, offsets = np.frombuffer(text_bytes(texts), "uint8"), line_offsets(texts)
    begins = offsets[:-1][offsets[1:] > offsets[:-1]] - offsets[0]
    is_one = np.zeros(256, bool)
    is_one[list(first)] = True
    return bool(is_one[data[begins]].any())


def may_contain(texts: Column, some: bytes) -> bool:
    """Tell whether some text may have one of some bytes."""
    if len(some) == 1:
        return re.search(re.escape(some), text_bytes(texts)) is not None  # which copies nothing
    content = bytes(text_bytes(texts))
    return len(content.translate(None, some)) < len(content)


def line_offsets(lines: Column) -> Any:
    """Return where each text begins among the bytes, and where the last one ends."""
    import numpy as np

    width = "int64" if pa.types.is_large_string(lines.type) else "int32"
    buffer = lines.buffers()[1]
    assert buffer is not None
    return np.frombuffer(buffer, width)[lines.offset : lines.offset + len(lines) + 1]
