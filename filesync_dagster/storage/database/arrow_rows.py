"""Snapshot rows and changes as rows of our tables, column by column in Arrow."""

from collections.abc import Iterator
from typing import Any, TypeAlias, cast

import pyarrow as pa
import pyarrow.compute

from filesync_dagster.core.model import ChangeKind
from filesync_dagster.core.schemas import ENTRY_FIELDS

pc: Any = pyarrow.compute  # the stubs know neither scalars beside arrays nor what a field of a struct is
Column: TypeAlias = "pa.Array[Any]"
Field: TypeAlias = "pa.Field[Any]"


COLUMN_OF_FIELD = {
    **{field.name: field.name for field in ENTRY_FIELDS if field.name != "trashed"},
    "created_at": "date_created",
    "modified_at": "date_updated",
    "link": "file_link",
    "metadata": "file_metadata",
}
"""Where the table `files` keeps each field of an entry. A trashed entry is one with `deleted_at`."""

_JSON_FIELDS = frozenset({"permissions", "metadata"})

# Years 1 to 9999 in microseconds, the range that both databases and Python share.
_EARLIEST, _LATEST = -62135596800000000, 253402300799999999

Staged = tuple[str, pa.RecordBatch]
"""A batch and the staging table (see staging.py) that it belongs to."""


def entries(rows: pa.RecordBatch) -> Staged:
    """Rows of FILE_SCHEMA as they go into `files`."""
    columns = {COLUMN_OF_FIELD[f.name]: rows.column(f.name) for f in ENTRY_FIELDS if f.name in COLUMN_OF_FIELD}
    for name in ("date_created", "date_updated"):
        columns[name] = _storable(columns[name])
    columns["name_search"] = pc.utf8_lower(pc.utf8_normalize(columns["name"], form="NFC"))
    columns["trashed"] = rows.column("trashed").cast(pa.int64())
    return "incoming_entries", pa.record_batch(columns)


def changes(batch: pa.RecordBatch, first: int) -> Iterator[Staged]:
    """Rows of CHANGE_SCHEMA as rows that stay, rows that go, ids that change, and the journal from number `first`."""
    change = batch.column("change")
    before, after = (cast("pa.StructArray", batch.column(side)) for side in ("before", "after"))
    old_id, new_id = pc.struct_field(before, "external_id"), pc.struct_field(after, "external_id")
    stays = after.is_valid()
    yield entries(pa.RecordBatch.from_struct_array(after.filter(stays)))
    left = pc.equal(change, ChangeKind.LEFT_SCOPE.value)
    reason = pc.if_else(left, ChangeKind.LEFT_SCOPE.value, ChangeKind.REMOVED.value)
    gone = pa.record_batch({"external_id": old_id, "gone_reason": reason})
    yield "incoming_gone", gone.filter(pc.invert(stays))
    ids = pa.record_batch({"previous_id": old_id, "external_id": new_id})
    yield "incoming_ids", ids.filter(pc.fill_null(pc.not_equal(old_id, new_id), fill_value=False))
    told = pc.not_equal(change, ChangeKind.REFRESHED.value)
    yield "incoming_journal", journal_rows(batch, first).filter(told)


def journal_rows(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    """Return rows of CHANGE_SCHEMA as the journal tells them, numbered from `first` (`position`)."""
    change = batch.column("change")
    before, after = (cast("pa.StructArray", batch.column(side)) for side in ("before", "after"))
    was, is_ = _what_differs(before, after)
    return pa.record_batch(
        {
            "position": pa.array(range(first, first + len(change)), pa.int64()),
            "external_id": pc.coalesce(*(pc.struct_field(side, "external_id") for side in (after, before))),
            "change": change,
            "path": pc.coalesce(*(pc.struct_field(side, "path") for side in (after, before))),
            "before": was,
            "after": is_,
        },
    )


def _what_differs(before: pa.StructArray, after: pa.StructArray) -> tuple[Column, Column]:
    """Return both sides as JSON objects of the fields that differ; null where there is no such side.

    Of a row that has one side only: the fields that are not null.
    """
    pieces: tuple[list[Column], list[Column]] = ([], [])
    for field in ENTRY_FIELDS:
        old, new = pc.struct_field(before, field.name), pc.struct_field(after, field.name)
        one_is_null = pc.xor(old.is_null(), new.is_null())
        differs = pc.fill_null(pc.not_equal(old, new), fill_value=False)
        wanted = pc.or_(differs, one_is_null)
        for side, value in zip(pieces, (old, new), strict=True):
            text = pc.binary_join_element_wise(f'"{field.name}":', _json(field, value), "")
            side.append(pc.if_else(wanted, text, None))
    return _objects(pieces[0], before.is_valid()), _objects(pieces[1], after.is_valid())


def _objects(pieces: list[Column], exists: Column) -> Column:
    inside = pc.binary_join_element_wise(*pieces, ",", null_handling="skip")
    found: Column = pc.if_else(exists, pc.binary_join_element_wise("{", inside, "}", ""), None)
    return found


def _json(field: Field, value: Column) -> Column:
    if pa.types.is_timestamp(field.type):
        text = pc.replace_substring(value.cast(pa.string()), " ", "T", max_replacements=1)
        text = pc.binary_join_element_wise('"', text, '"', "")
    elif pa.types.is_string(field.type) and field.name not in _JSON_FIELDS:
        text = pc.binary_join_element_wise('"', _escaped(value), '"', "")
    else:
        text = value.cast(pa.string())
    filled: Column = pc.fill_null(text, "null")
    return filled


def _escaped(text: Column) -> Column:
    text = pc.replace_substring(pc.replace_substring(text, "\\", "\\\\"), '"', '\\"')
    if pc.any(pc.match_substring_regex(text, r"[\x00-\x1f]")).as_py():
        for code in range(0x20):
            text = pc.replace_substring(text, chr(code), f"\\u{code:04x}")
    return text


def _storable(moments: Column) -> Column:
    """Without the moments that no database can store (a file may claim the year 30828)."""
    number = moments.cast(pa.int64())
    fits = pc.and_(pc.greater_equal(number, _EARLIEST), pc.less_equal(number, _LATEST))
    kept: Column = pc.if_else(fits, moments, None)
    return kept
