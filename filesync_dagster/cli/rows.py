"""Record batches → a table, CSV or JSON lines on standard output, one batch in memory at a time."""

from __future__ import annotations

import json
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

import click
import pyarrow as pa

from filesync_dagster.cli.row_text import csv_lines, json_lines, moments
from filesync_dagster.cli.text import Column, console, moment, on_terminal, printable, size
from filesync_dagster.storage.database.row_streams import parse_change

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from filesync_dagster.config import Partitions

FILES = ("external_id", "path", "kind", "size", "modified_at", "version", "content_hash")
GONE = ("deleted_at", "gone_reason")
FOUND = ("endpoint", *FILES, "owner")
CHANGES = ("seq", "observed_at", "change", "path", "external_id", "before", "after", "sync_id")

LINES = 1000
"""How many lines of a table are written at once."""

Row = dict[str, Any]


def shown_fields(form: str, *, gone: bool) -> tuple[str, ...]:
    """Return the fields of an inventory that are written."""
    return FILES if form != "table" else ("kind", "size", "modified_at", "path", *(GONE if gone else ()))


def write_files(batches: Iterable[pa.RecordBatch], form: str, partitions: Partitions, *, gone: bool) -> None:
    """Write an inventory: csv and json with the promised fields, table for a person."""
    if form != "table":
        _write_rows(batches, form, FILES)
        return
    zone = partitions.zone
    columns = [Column("kind"), Column("size", right=True), Column(f"modified ({partitions.timezone})")]
    columns += [Column("gone at"), Column("why")] if gone else []

    def line(row: Row) -> list[str]:
        cells = [row["kind"], size(row["size"]), moment(row["modified_at"], zone)]
        cells += [moment(row["deleted_at"], zone), row["gone_reason"] or "-"] if gone else []
        return [*cells, row["path"]]

    wanted = shown_fields(form, gone=gone)
    _write_table([*columns, Column("path")], [8, 9, 16, 16, 10], map(line, _rows(batches, wanted)))


def write_found(batches: Iterable[pa.RecordBatch], form: str, partitions: Partitions, most: int | None) -> int:
    """Write files of several endpoints, at most so many of them; return how many there were."""
    count = 0

    def count_rows() -> Iterator[pa.RecordBatch]:
        nonlocal count
        for batch in batches:
            shown = batch if most is None else batch.slice(0, max(0, most - count))
            count += batch.num_rows
            yield shown

    if form != "table":
        _write_rows(count_rows(), form, FOUND)
        return count
    columns = [Column("endpoint"), Column("size", right=True), Column(f"modified ({partitions.timezone})")]
    lines = (
        [row["endpoint"], size(row["size"]), moment(row["modified_at"], partitions.zone), row["path"]]
        for row in _rows(count_rows(), ("endpoint", "size", "modified_at", "path"))
    )
    first = next(lines, None)
    if first is not None:
        _write_table([*columns, Column("path")], [20, 9, 16], chain([first], lines))
    return count


def write_changes(
    batches: Iterable[pa.RecordBatch], form: str, partitions: Partitions, limit: int | None = None
) -> None:
    """Write a journal, or its first rows."""
    batches = batches if limit is None else _first(batches, limit)
    if form == "csv":
        _write_rows(batches, form, CHANGES)
    elif form == "json":
        _write_rows(batches, form, CHANGES, parse_change)
    else:
        lines = (
            [moment(row["observed_at"], partitions.zone), row["change"], _whereabouts(row)]
            for row in _rows(batches, ("observed_at", "change", "path", "before", "after"))
        )
        _write_table([Column(f"observed ({partitions.timezone})"), Column("change"), Column("path")], [16, 19], lines)


def _first(batches: Iterable[pa.RecordBatch], limit: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.slice(0, limit)
        limit -= batch.num_rows
        if limit <= 0:
            return


def write_any(batches: Iterable[pa.RecordBatch], form: str) -> None:
    """Write rows as csv or json with whatever columns they have: at least one batch, which may be empty."""
    pending = iter(batches)
    first = next(pending)
    rest = chain([first], pending)
    _write_rows(map(_lists_as_json, rest) if form == "csv" else rest, form, first.schema.names)


def _lists_as_json(batch: pa.RecordBatch) -> pa.RecordBatch:
    columns = [
        pa.array([json.dumps(value, ensure_ascii=False) for value in column.to_pylist()], pa.string())
        if pa.types.is_list(column.type)
        else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _whereabouts(row: Row) -> str:
    before, after = (json.loads(row[side] or "null") or {} for side in ("before", "after"))
    old, new = before.get("path"), after.get("path") or row["path"]
    return f"{old} -> {new}" if row["change"] == "moved" and old and old != new else str(row["path"])


def _write_rows(
    batches: Iterable[pa.RecordBatch], form: str, fields: Sequence[str], of: Callable[[Row], Row] | None = None
) -> None:
    if form == "csv":
        _write(",".join(fields).encode() + b"\r\n")
    for batch in batches:
        rows = _in_text(batch.select(list(fields)))
        if form == "csv":
            _write(csv_lines(rows))
        elif of is None:
            _write(json_lines(rows))
        else:
            lines = (json.dumps(of(row), ensure_ascii=False) for row in rows.to_pylist())
            _write("".join(f"{line}\n" for line in lines).encode())


def _write(data: bytes) -> None:
    """Write bytes, so that neither a locale nor a newline translation touches a name."""
    sys.stdout.flush()
    rest = memoryview(data)
    while rest:  # with PYTHONUNBUFFERED a write may take only a part
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()


def _in_text(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the batch with moments as ISO 8601 text in UTC."""
    columns = [moments(column) if pa.types.is_timestamp(column.type) else column for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _rows(batches: Iterable[pa.RecordBatch], fields: Sequence[str]) -> Iterator[Row]:
    return chain.from_iterable(batch.select(list(fields)).to_pylist() for batch in batches)


def _write_table(columns: Sequence[Column], widths: Sequence[int], lines: Iterable[Sequence[str]]) -> None:
    """Write lines as they come. Widths are fixed, the last column has none: memory is bounded."""
    pending = iter(lines)
    first = next(pending, None)  # before the header: what cannot be read leaves nothing but its error
    lines = pending if first is None else chain([first], pending)
    titles = [column.title for column in columns]
    widths = [max(width, len(title)) for width, title in zip(widths, titles, strict=False)][: len(columns) - 1]
    header = _aligned(titles, columns, widths)
    if on_terminal():
        from rich.text import Text

        console().print(Text(header, style="bold"), soft_wrap=True)
    else:
        click.echo(header)
    shown = (_aligned([printable(cell) for cell in line], columns, widths) + "\n" for line in lines)
    while text := "".join(islice(shown, LINES)):
        _write(text.encode(sys.stdout.encoding, "backslashreplace"))


def _aligned(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    *fixed, last = cells
    return "  ".join(
        [
            *(
                cell.rjust(width) if column.right else cell.ljust(width)
                for cell, width, column in zip(fixed, widths, columns, strict=False)
            ),
            last,
        ]
    )
