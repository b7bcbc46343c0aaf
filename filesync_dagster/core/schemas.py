"""Rows of the inventory: Arrow schemas, and the record batches that connectors fill.

Rows travel in `FILE_SCHEMA`; `build_batch` adds the two hashes that make a diff cheap.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import xxhash

TIMESTAMP = pa.timestamp("us", tz="UTC")

ENTRY_FIELDS: "tuple[pa.Field[Any], ...]" = (
    pa.field("external_id", pa.string(), nullable=False),  # the provider's id; the key on S3
    pa.field("scope", pa.string(), nullable=False),
    pa.field("parent_id", pa.string()),  # null at the top and where the store has no folders
    pa.field("name", pa.string(), nullable=False),  # raw, as the provider has it
    pa.field("path", pa.string(), nullable=False),  # relative to the endpoint's root, no leading slash added
    pa.field("kind", pa.string(), nullable=False),  # a Kind
    pa.field("size", pa.int64()),  # bytes; null where the provider has none
    pa.field("mime_type", pa.string()),
    pa.field("created_at", TIMESTAMP),
    pa.field("modified_at", TIMESTAMP),
    pa.field("version", pa.string()),  # etag, rev, generation…: what proves a change
    pa.field("content_hash", pa.string()),  # "md5:…", "sha256:…"
    pa.field("owner", pa.string()),
    pa.field("permissions", pa.string()),  # canonical JSON
    pa.field("link", pa.string()),
    pa.field("trashed", pa.bool_(), nullable=False),
    pa.field("metadata", pa.string()),  # canonical JSON of what only this provider has
)
"""What a connector fills in."""

ENTRY_SCHEMA = pa.schema(ENTRY_FIELDS)

FILE_SCHEMA = pa.schema(
    [
        *ENTRY_FIELDS,
        pa.field("id_hash", pa.uint64(), nullable=False),  # xxh3_64 of external_id
        pa.field("fingerprint", pa.uint64(), nullable=False),  # xxh3_64 of every column but path, which is derived
    ],
)
"""A row of a snapshot."""

UNTRACKED = frozenset({"path"})
"""Columns outside the fingerprint: a path follows from the parents (DESIGN rule 3)."""

CHANGE_SCHEMA = pa.schema(
    [
        pa.field("change", pa.string(), nullable=False),  # a ChangeKind
        pa.field("before", pa.struct(list(FILE_SCHEMA))),  # null when added
        pa.field("after", pa.struct(list(FILE_SCHEMA))),  # null when the row left the snapshot
    ],
)
"""A row of a diff: the whole row before and after. `apply` needs nothing else."""


def build_batch(columns: Mapping[str, Any], rows: int) -> pa.RecordBatch:
    """Return columns of ENTRY_FIELDS as a batch of FILE_SCHEMA with `rows` rows; columns not given are null.

    >>> page = build_batch({"external_id": ["a"], "scope": [""], "name": ["a"], "path": ["a"],
    ...                "kind": ["file"], "trashed": [False]}, 1)
    >>> page.schema.equals(FILE_SCHEMA)
    True
    """
    arrays = [_column(columns.get(f.name), f.type, rows) for f in ENTRY_FIELDS]
    arrays[SIZE] = _without_negatives(arrays[SIZE])
    id_hash = _hash64(arrays[0])
    tracked = [a for f, a in zip(ENTRY_FIELDS, arrays, strict=True) if f.name not in UNTRACKED]
    return pa.record_batch([*arrays, id_hash, fingerprints_of(tracked)], schema=FILE_SCHEMA)


def fingerprints_of(columns: "Sequence[pa.Array[Any]]") -> "pa.Array[Any]":
    """Return a fingerprint of each row of some columns."""
    # Unit separator between, NUL for null: neither can be taken for a value next to it.
    parts: Any = [*map(_as_text, columns), "\x1f"]
    joined = pc.binary_join_element_wise(*parts, null_handling="replace", null_replacement="\x00")
    return _hash64(joined)


SIZE = FILE_SCHEMA.get_field_index("size")


def _without_negatives(sizes: "pa.Array[Any]") -> "pa.Array[Any]":
    """Return sizes; none is less than nothing, so such a one is not known."""
    least = pc.min(sizes).as_py()
    if least is None or least >= 0:
        return sizes
    known = [size if size is not None and size >= 0 else None for size in sizes.to_pylist()]
    return pa.array(known, pa.int64())


def _column(given: Any, kind: Any, rows: int) -> "pa.Array[Any]":
    if isinstance(given, pa.Array):
        return given
    column: pa.Array[Any] = pa.nulls(rows, kind) if given is None else pa.array(given, kind)
    return column


def _as_text(column: "pa.Array[Any]") -> "pa.Array[Any]":
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    return column.cast(pa.string())


def id_hashes(external_ids: list[str]) -> "pa.Array[Any]":
    """Return the id_hash of each id."""
    return _hash64(pa.array(external_ids, pa.string()))


def _hash64(text: Any) -> "pa.Array[Any]":
    # xxh3 is specified and frozen: a fingerprint of last year compares with one of today.
    digest = xxhash.xxh3_64_intdigest
    return pa.array([digest(value) for value in text.cast(pa.binary()).to_pylist()], pa.uint64())


def sum_fingerprints(fingerprints: "pa.Array[Any]") -> int:
    """Return the sum of fingerprints mod 2^64, as `data_version` takes it."""
    total: int | None = pc.sum(fingerprints).as_py()  # unsigned 64-bit sums wrap around
    return total or 0
