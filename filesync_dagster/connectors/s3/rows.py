"""Columns of a listing as rows of the inventory."""

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of
from filesync_dagster.core.model import Kind, canonical_json, to_storable_text
from filesync_dagster.core.schemas import build_batch

MD5 = re.compile(r"[0-9a-fA-F]{32}")
MIME_TYPES = mimetypes.MimeTypes().types_map[True]  # Python's own table: the host's would differ between machines


@dataclass(frozen=True, slots=True)
class RowShape:
    """What the rows of one endpoint have in common."""

    bucket: str
    prefix: str
    etag_is_md5: bool
    owners: bool

    @property
    def folder(self) -> str:
        """The part of the prefix that paths are relative to: up to its last slash."""
        return self.prefix[: self.prefix.rfind("/") + 1]


def rows_of(page: ObjectPage, shape: RowShape, permissions: Sequence[str | None] | None = None) -> pa.RecordBatch:
    """Return a page in FILE_SCHEMA."""
    keys, told = page.keys, page.columns
    ids = [to_storable_text(key) for key in keys]
    names = [_name(text) for text in ids]
    etags = [_etag(etag) for etag in told["ETag"]]
    rows = len(keys)
    link = f"s3://{shape.bucket}/"
    cut = len(shape.folder)
    columns: dict[str, Sequence[Any] | pa.Array[Any]] = {
        "external_id": ids,
        "scope": [""] * rows,
        "name": names,
        "path": [text[cut:] or "./" for text in ids],  # the marker of the folder itself is a file in it
        "kind": [Kind.FILE.value] * rows,
        "size": sizes_of(told["Size"]),
        "mime_type": [_mime_type(name) for name in names],
        "modified_at": instants_of(told["LastModified"]),
        "version": etags,
        "content_hash": [_content_hash(etag, shape.etag_is_md5) for etag in etags],
        "link": [link + text for text in ids],
        "trashed": [False] * rows,
        "metadata": _metadata(page, ids),
    }
    if shape.owners:
        columns["owner"] = told["Owner"]
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, rows)


def _name(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2] or key


def _mime_type(name: str) -> str | None:
    dot = name.rfind(".")
    return MIME_TYPES.get(name[dot:].lower()) if dot > 0 else None


def _etag(text: str | None) -> str | None:
    """Return what a store names a content by, however it is quoted."""
    return (text or "").strip().removeprefix("W/").strip('"').strip() or None


def _content_hash(etag: str | None, is_md5: bool) -> str | None:
    if etag is None:
        return None
    return f"md5:{etag.lower()}" if is_md5 and MD5.fullmatch(etag) else f"etag:{etag}"


def _metadata(page: ObjectPage, ids: list[str]) -> list[str | None]:
    pairs = list(zip(page.columns["StorageClass"], page.columns["ChecksumAlgorithm"], strict=True))
    texts = {pair: _metadata_text(*pair) for pair in set(pairs)}
    found = [texts[pair] for pair in pairs]
    for row, (key, text) in enumerate(zip(page.keys, ids, strict=True)):
        if "\\x" in text and text.encode() != key:
            found[row] = _metadata_text(*pairs[row], key_hex=key.hex())
    return found


def _metadata_text(storage_class: str | None, checksum: str | None, key_hex: str | None = None) -> str | None:
    given = {"storage_class": storage_class, "checksum_algorithm": checksum, "key_hex": key_hex}
    given = {name: value for name, value in given.items() if value is not None}
    return canonical_json(given) if given else None
