"""Columns of a listing as rows of the inventory."""

from binascii import a2b_base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from filesync_dagster.connectors.object_store.rows import key_columns, metadata_texts, mime_types_of
from filesync_dagster.connectors.object_store.store import ObjectPage
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of, text_of, texts_of
from filesync_dagster.core.model import canonical_json
from filesync_dagster.core.schemas import build_batch

MD5_BYTES: Final = 16
CRC32C_BYTES: Final = 4
BESIDE: Final = "."
"""In a version, between generation and metageneration."""

ROLES: Final = {"READER": "reader", "WRITER": "writer", "OWNER": "owner"}


def rows_of(page: ObjectPage, prefix: str, bucket: str) -> pa.RecordBatch:
    """Return a page in FILE_SCHEMA."""
    told = page.columns
    named = key_columns(page.keys, prefix, f"gs://{bucket}/")
    columns: dict[str, Sequence[Any] | pa.Array[Any]] = {
        **named,
        "size": sizes_of(told["size"]),
        "mime_type": mime_types_of(told["contentType"], named["name"]),
        "created_at": instants_of(told["timeCreated"]),
        "modified_at": instants_of(told["updated"]),
        "version": versions_of(told["generation"], told["metageneration"]),
        "content_hash": list(map(hash_of, told["md5Hash"], told["crc32c"])),
        "metadata": metadata_texts(page.keys, named["external_id"], {"storage_class": texts_of(told["storageClass"])}),
    }
    if "acl" in told:
        columns["owner"] = [_entity(owner) for owner in told["owner"]]
        columns["permissions"] = [permissions_of(acl) for acl in told["acl"]]
    return build_batch(columns, len(page.keys))


def version_of(generation: object, metageneration: object) -> str | None:
    """Return what proves that an object is the same: its generation, and that of its metadata.

    >>> version_of("1700000000000001", "2"), version_of(None, "2")
    ('1700000000000001.2', None)
    """
    known, meta = text_of(generation), text_of(metageneration)
    return f"{known}{BESIDE}{meta}" if known and meta else known


def versions_of(generations: Sequence[object], metagenerations: Sequence[object]) -> "pa.Array[Any]":
    """Return `version_of` of each pair as a column."""
    try:
        parts: Any = [pa.array(values, pa.string()) for values in (generations, metagenerations)]
        if all(part.null_count == 0 and pc.all(pc.ascii_is_decimal(part)).as_py() for part in parts):
            joined: pa.Array[Any] = pc.binary_join_element_wise(*parts, BESIDE)
            return joined
    except (pa.ArrowException, TypeError, ValueError):
        pass  # not all of them are numbers
    return pa.array(list(map(version_of, generations, metagenerations)), pa.string())


def generation_of(version: str | None) -> str | None:
    """Return the generation in a version."""
    return (version or "").partition(BESIDE)[0] or None


def hash_of(md5: object, crc32c: object) -> str | None:
    """Return the MD5; of objects that were composed of others, which have none, the CRC32C.

    >>> hash_of("1B2M2Y8AsgTpgAmY7PhCfg==", "AAAAAA=="), hash_of(None, "AAAAAA=="), hash_of("no", 1)
    ('md5:d41d8cd98f00b204e9800998ecf8427e', 'crc32c:00000000', None)
    """
    for name, value, length in (("md5", md5, MD5_BYTES), ("crc32c", crc32c, CRC32C_BYTES)):
        if not isinstance(value, str):
            continue
        try:
            raw = a2b_base64(value, strict_mode=True)
        except ValueError:
            continue
        if len(raw) == length:
            return f"{name}:{raw.hex()}"
    return None


def permissions_of(acl: object) -> str | None:
    """Return an ACL in the words of Google Drive; None where there is none, as in buckets with uniform access."""
    if not isinstance(acl, list):
        return None
    grants = [_grant(entry) for entry in acl if isinstance(entry, Mapping)]
    return canonical_json(sorted(grants, key=canonical_json))


def _grant(entry: Mapping[str, Any]) -> dict[str, Any]:
    entity, role = str(entry.get("entity", "")), str(entry.get("role", ""))
    kind, _, who = entity.partition("-")
    told: dict[str, Any] = {"role": ROLES.get(role, role.lower())}
    if entity in {"allUsers", "allAuthenticatedUsers"}:
        return {**told, "type": "anyone", "entity": entity}
    if kind == "domain":
        return {**told, "type": kind, "domain": who}
    if kind in {"user", "group"}:
        return {**told, "type": kind, "emailAddress": str(entry.get("email") or who)}
    return {**told, "type": "project", "entity": entity}


def _entity(owner: object) -> str | None:
    return text_of(owner.get("entity")) if isinstance(owner, Mapping) else None
