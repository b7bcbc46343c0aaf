"""Columns of a listing as rows of the inventory."""

import mimetypes
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from filesync_dagster.connectors.s3.answers import S3Listing, Texts
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import Kind, canonical_json, to_storable_text
from filesync_dagster.core.schemas import TIMESTAMP, build_batch

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


def rows_of(listing: S3Listing, shape: RowShape, permissions: Sequence[str | None] | None = None) -> pa.RecordBatch:
    """Return a page in FILE_SCHEMA."""
    keys = listing.keys
    ids = [to_storable_text(key) for key in keys]
    names = [_name(text) for text in ids]
    etags = [(etag or "").strip('"') or None for etag in listing.etags]
    rows = len(keys)
    link = f"s3://{shape.bucket}/"
    cut = len(shape.folder)
    columns: dict[str, Sequence[Any] | pa.Array[Any]] = {
        "external_id": ids,
        "scope": [""] * rows,
        "name": names,
        "path": [text[cut:] or "./" for text in ids],  # the marker of the folder itself is a file in it
        "kind": [Kind.FILE.value] * rows,
        "size": _sizes(listing.sizes),
        "mime_type": [_mime_type(name) for name in names],
        "modified_at": _times(listing.modified),
        "version": etags,
        "content_hash": [_content_hash(etag, shape.etag_is_md5) for etag in etags],
        "link": [link + text for text in ids],
        "trashed": [False] * rows,
        "metadata": _metadata(listing, ids),
    }
    if shape.owners:
        columns["owner"] = listing.owners
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, rows)


def instant(text: str) -> datetime:
    """Return a timestamp of a listing. Raises ProtocolViolation."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ProtocolViolation(f"The store gave {text!r} as a time.") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _name(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2] or key


def _mime_type(name: str) -> str | None:
    dot = name.rfind(".")
    return MIME_TYPES.get(name[dot:].lower()) if dot > 0 else None


def _content_hash(etag: str | None, is_md5: bool) -> str | None:
    if etag is None:
        return None
    return f"md5:{etag.lower()}" if is_md5 and MD5.fullmatch(etag) else f"etag:{etag}"


def _sizes(texts: Texts) -> "pa.Array[Any]":
    try:
        return pa.array([None if text is None else int(text) for text in texts], pa.int64())
    except (ValueError, OverflowError) as exc:
        raise ProtocolViolation(f"The store gave a size that is not a number ({exc}).") from exc


def _times(texts: Texts) -> "pa.Array[Any]":
    try:
        return pa.array(texts, pa.string()).cast(TIMESTAMP)
    except pa.ArrowInvalid:  # another precision or offset than usual
        return pa.array([None if text is None else instant(text) for text in texts], TIMESTAMP)


def _metadata(listing: S3Listing, ids: list[str]) -> list[str | None]:
    pairs = list(zip(listing.storage_classes, listing.checksums, strict=True))
    texts = {pair: _metadata_text(*pair) for pair in set(pairs)}
    found = [texts[pair] for pair in pairs]
    for row, (key, text) in enumerate(zip(listing.keys, ids, strict=True)):
        if "\\x" in text and text.encode() != key:
            found[row] = _metadata_text(*pairs[row], key_hex=key.hex())
    return found


def _metadata_text(storage_class: str | None, checksum: str | None, key_hex: str | None = None) -> str | None:
    given = {"storage_class": storage_class, "checksum_algorithm": checksum, "key_hex": key_hex}
    given = {name: value for name, value in given.items() if value is not None}
    return canonical_json(given) if given else None
