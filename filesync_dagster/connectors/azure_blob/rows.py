"""Columns of a listing as rows of the inventory."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.connectors.object_store.rows import key_columns, metadata_texts, mime_types_of
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of
from filesync_dagster.core.model import Kind
from filesync_dagster.core.schemas import build_batch

MD5_BYTES: Final = 16
BESIDE: Final = "@"
"""In a version, between the ETag and the id of the version, where the account keeps versions."""


def rows_of(page: ObjectPage, prefix: str, link: str) -> pa.RecordBatch:
    """Return a page in FILE_SCHEMA. A folder of an account with a hierarchical namespace is one."""
    told = page.columns
    named = key_columns(page.keys, prefix, link)
    folders = [kind == "directory" for kind in told["ResourceType"]]
    columns: dict[str, Sequence[Any] | pa.Array[Any]] = {
        **named,
        "kind": [Kind.FOLDER.value if folder else Kind.FILE.value for folder in folders],
        "size": sizes_of(_unless(folders, told["Content-Length"])),
        "mime_type": mime_types_of(_unless(folders, told["Content-Type"]), named["name"]),
        "created_at": instants_of(told["Creation-Time"]),
        "modified_at": instants_of(told["Last-Modified"]),
        "version": [version_of(*pair) for pair in zip(told["Etag"], told["VersionId"], strict=True)],
        "content_hash": [md5_of(text) for text in _unless(folders, told["Content-MD5"])],
        "metadata": metadata_texts(
            page.keys, named["external_id"], {"blob_type": told["BlobType"], "access_tier": told["AccessTier"]}
        ),
    }
    return build_batch(columns, len(page.keys))


def version_of(etag: str | None, version_id: str | None) -> str | None:
    """Return what proves that a blob is the same: its ETag, and the id of its version where there is one.

    >>> version_of('"0x8D1"', None), version_of("0x8D1", "2026-01-01T00:00:00.0000000Z")
    ('0x8D1', '0x8D1@2026-01-01T00:00:00.0000000Z')
    """
    plain = etag_of(etag)
    return f"{plain}{BESIDE}{version_id}" if plain and version_id else plain


def etag_of(text: str | None) -> str | None:
    """Return an ETag, however it is quoted; of a version, the ETag in it."""
    return (text or "").strip().removeprefix("W/").strip('"').partition(BESIDE)[0].strip() or None


def md5_of(text: str | None) -> str | None:
    """Return a Content-MD5 as a hash; None for what is none. Whoever uploads sets it.

    >>> md5_of("1B2M2Y8AsgTpgAmY7PhCfg=="), md5_of("no"), md5_of(None)
    ('md5:d41d8cd98f00b204e9800998ecf8427e', None, None)
    """
    try:
        raw = b64decode(text or "", validate=True)
    except (Base64Error, ValueError):
        return None
    return f"md5:{raw.hex()}" if len(raw) == MD5_BYTES else None


def _unless(folders: Sequence[bool], values: Sequence[Any]) -> Sequence[Any]:
    return (
        [None if folder else value for folder, value in zip(folders, values, strict=True)] if any(folders) else values
    )
