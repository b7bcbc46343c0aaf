"""Filters over rows: which of a record batch an inventory has, in Arrow."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.core.filters import Filters
from filesync_dagster.core.model import Kind

if TYPE_CHECKING:
    from datetime import datetime


def select(filters: Filters, batch: pa.RecordBatch) -> pa.BooleanArray:
    """Return one boolean per row of a batch in FILE_SCHEMA: whether it is in the inventory."""
    folder = pc.equal(batch["kind"], pa.scalar(Kind.FOLDER.value))
    keep = pc.invert(_false(batch.num_rows))
    if not filters.is_default:
        keep = pc.and_(_by_path(filters, batch["path"], folder), pc.or_(folder, _by_facts(filters, batch)))
    return keep


def _by_path(filters: Filters, path: "pa.Array[Any]", folder: pa.BooleanArray) -> pa.BooleanArray:
    keep = pc.invert(_false(len(path)))
    if "**" not in filters.include:
        keep = pc.match_substring_regex(path, filters.included[1])
        keep = pc.or_(keep, pc.and_(folder, pc.match_substring_regex(path, filters.may_hold[1])))
    if filters.excluded:
        keep = pc.and_not(keep, pc.match_substring_regex(path, filters.excluded[1]))
    return keep


def _by_facts(filters: Filters, batch: pa.RecordBatch) -> pa.BooleanArray:
    keep = _by_type(filters, batch)
    limits: list[tuple[str, int | datetime | None, Any]] = [
        ("size", filters.min_size or None, pc.greater_equal),
        ("size", filters.max_size, pc.less_equal),
        ("modified_at", filters.modified_after, pc.greater_equal),
        ("modified_at", filters.modified_before, pc.less),
    ]
    for column, bound, compare in limits:
        if bound is not None:
            within: Any = compare(batch[column], pa.scalar(bound, batch[column].type))
            passes: pa.BooleanArray = pc.fill_null(within, True)
            keep = pc.and_(keep, passes)
    return keep


def _by_type(filters: Filters, batch: pa.RecordBatch) -> pa.BooleanArray:
    keep = _false(batch.num_rows)
    if not filters.file_types:
        return pc.invert(keep)
    name, mime = pc.utf8_lower(batch["name"]), pc.utf8_lower(batch["mime_type"])
    found: Any
    for wanted in filters.file_types:
        if "/" not in wanted:
            found = pc.ends_with(name, f".{wanted}")
        elif wanted.endswith("/*"):
            found = pc.starts_with(mime, wanted[:-1])
        else:
            found = pc.equal(mime, pa.scalar(wanted))
        known: pa.BooleanArray = pc.fill_null(found, False)
        keep = pc.or_(keep, known)
    return keep


def _false(rows: int) -> pa.BooleanArray:
    return pa.repeat(pa.scalar(value=False), rows)
