"""Columns of a listing as rows of the inventory."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from filesync_dagster.connectors.object_store.rows import key_columns, metadata_texts, mime_type_of
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of
from filesync_dagster.core.schemas import build_batch

MD5 = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class RowShape:
    """What the rows of one endpoint have in common."""

    bucket: str
    prefix: str
    etag_is_md5: bool
    owners: bool


def rows_of(page: ObjectPage, shape: RowShape, permissions: Sequence[str | None] | None = None) -> pa.RecordBatch:
    """Return a page in FILE_SCHEMA."""
    told = page.columns
    named = key_columns(page.keys, shape.prefix, f"s3://{shape.bucket}/")
    etags = [etag_of(etag) for etag in told["ETag"]]
    columns: dict[str, Sequence[Any] | pa.Array[Any]] = {
        **named,
        "mime_type": [mime_type_of(name) for name in named["name"]],
        "size": sizes_of(told["Size"]),
        "modified_at": instants_of(told["LastModified"]),
        "version": etags,
        "content_hash": [_content_hash(etag, shape.etag_is_md5) for etag in etags],
        "metadata": metadata_texts(
            page.keys,
            named["external_id"],
            {"storage_class": told["StorageClass"], "checksum_algorithm": told["ChecksumAlgorithm"]},
        ),
    }
    if shape.owners:
        columns["owner"] = told["Owner"]
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, len(page.keys))


def etag_of(text: str | None) -> str | None:
    """Return what a store names a content by, however it is quoted."""
    return (text or "").strip().removeprefix("W/").strip('"').strip() or None


def _content_hash(etag: str | None, is_md5: bool) -> str | None:
    if etag is None:
        return None
    return f"md5:{etag.lower()}" if is_md5 and MD5.fullmatch(etag) else f"etag:{etag}"
