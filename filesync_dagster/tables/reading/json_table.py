"""JSON files as tables: a list of objects, one object a line, or an object of lists, each of which is a table.

Objects in objects become columns `a.b`; lists are JSON, or (`explode`) tables of their own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filesync_dagster.core.errors import LimitReached, UnreadableTable
from filesync_dagster.storage.snapshots.disk import disk_errors
from filesync_dagster.tables.model import Table
from filesync_dagster.tables.reading.json_values import parse_json
from filesync_dagster.tables.reading.options import Cancellation, ReadLimits, ReadOptions
from filesync_dagster.tables.reading.record_table import write_rows
from filesync_dagster.tables.reading.text_file import open_text

FLATTEN_DEPTH = 3
ROW_KEY = "_row"
PARENT_KEY = "_parent_row"
WRAPPERS = ("data", "results", "items", "records", "rows")
"""Names of the one list of an object that is no name of a table."""


def read_json(  # noqa: PLR0917  # as all readers are called
    path: Path, name: str, options: ReadOptions, folder: Path, limits: ReadLimits, cancellation: Cancellation
) -> list[Table]:
    """Return the tables of a JSON file, with their parts in a folder. Raises UnreadableTable or LimitReached."""
    size = path.stat().st_size
    if size > limits.document_bytes:
        raise LimitReached(
            f"{path.name} has {size:,} bytes, and {limits.document_bytes:,} of JSON may be read.",
            hint="Write CSV or Parquet.",
            code="too_large",
        )
    scratch = folder / ".json.text"
    try:
        with disk_errors(f"reading {path.name}"):
            found = open_text(path, options.encoding, scratch, cancellation)
            text = found.path.read_bytes()[found.offset :].decode()
    finally:
        scratch.unlink(missing_ok=True)
    lists = _lists_of(path, text, name)
    if len(lists) > limits.tables:
        raise LimitReached(
            f"{path.name} has {len(lists):,} tables, and {limits.tables:,} may be read.", code="too_many_tables"
        )
    tables: list[Table] = []
    for table, objects in lists:
        for flat in _flat_tables(path, table, objects, explode=options.explode):
            if len(flat.columns) > limits.columns:
                raise LimitReached(
                    f"{path.name} has {len(flat.columns):,} columns, and {limits.columns:,} may be read.",
                    code="too_many_columns",
                )
            target = folder / "parts" / str(len(tables))
            rows = [[row.get(column) for column in flat.columns] for row in flat.rows]
            tables.append(
                write_rows(list(flat.columns), rows, flat.name, options, target, cancellation, found.warnings)
            )
    return tables


def _lists_of(path: Path, text: str, name: str) -> list[tuple[str, list[Any]]]:
    """Return the lists of a document that are tables, by the names of these. Raises UnreadableTable."""
    if not text.strip():
        raise UnreadableTable(f"{path.name} is empty.", code="empty")
    try:
        document = parse_json(text)
    except ValueError as error:
        lines = _lines_of(text)
        if lines is None:
            raise UnreadableTable(f"{path.name} cannot be read as JSON: {error}.", code="json") from error
        return [(name, _parsed_lines(path, lines))]
    if isinstance(document, list):
        return [(name, document)]
    if not isinstance(document, dict):
        raise UnreadableTable(f"{path.name} is JSON, but neither a list nor an object.", code="json")
    lists = {key: value for key, value in document.items() if isinstance(value, list) and _has_objects(value)}
    if not lists:
        return [(name, [document])]
    if len(lists) == 1 and next(iter(lists)) in WRAPPERS:
        return [(name, next(iter(lists.values())))]
    return list(lists.items())


def _has_objects(values: Sequence[Any]) -> bool:
    return not values or any(isinstance(value, dict) for value in values)


def _lines_of(text: str) -> list[str] | None:
    """Return the lines of a text with one object in each; None where it is something else."""
    lines = [line for line in text.split("\n") if line.strip()]
    return lines if len(lines) > 1 and all(line.lstrip()[:1] == "{" for line in lines[:2]) else None


def _parsed_lines(path: Path, lines: Sequence[str]) -> list[Any]:
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(parse_json(line))
        except ValueError as error:
            raise UnreadableTable(
                f"Row {number:,} of {path.name} cannot be read as JSON: {error}.", code="json"
            ) from error
    return found


@dataclass
class _FlatTable:
    """Rows by the names of their columns, in the order in which these came."""

    name: str
    columns: dict[str, None] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)


def _flat_tables(path: Path, name: str, objects: Sequence[Any], *, explode: bool) -> list[_FlatTable]:
    top = _FlatTable(name)
    children: dict[str, _FlatTable] = {}
    for number, one in enumerate(objects, start=1):
        if not isinstance(one, dict):
            raise UnreadableTable(
                f"Entry {number:,} of {name!r} in {path.name} is no object.", code="json", hint="A row is an object."
            )
        row = _row_of(path, one)
        lists = {k: v for k, v in row.items() if explode and isinstance(v, list) and v and _all_objects(v)}
        if explode:
            row = {ROW_KEY: number, **{key: value for key, value in row.items() if key not in lists}}
        for key, values in lists.items():
            child = children.setdefault(key, _FlatTable(f"{name}_{key}"))
            for value in values:
                flat = {PARENT_KEY: number, **_row_of(path, value)}
                child.rows.append(flat)
                child.columns.update(dict.fromkeys(flat))
        top.rows.append(row)
        top.columns.update(dict.fromkeys(row))
    if not top.columns:
        raise UnreadableTable(f"{name!r} in {path.name} has no columns.", code="empty")
    return [top, *children.values()]


def _all_objects(values: Sequence[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _row_of(path: Path, one: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of an object by the names of their columns. Raises UnreadableTable where two have one name."""
    row: dict[str, Any] = {}
    for name, value in _flat(one, ""):
        if name in row:
            raise UnreadableTable(
                f"{path.name} cannot be read as JSON: {name[:80]!r} is a key, and the way to another one.", code="json"
            )
        row[name] = value
    return row


def _flat(one: Mapping[str, Any], prefix: str, depth: int = 1) -> Iterator[tuple[str, Any]]:
    for key, value in one.items():
        if isinstance(value, dict) and value and depth < FLATTEN_DEPTH:
            yield from _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            yield f"{prefix}{key}", value
