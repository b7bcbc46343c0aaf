"""Entries of Drive as rows of the inventory."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from filesync_dagster.connectors.google_drive.errors import OUR_FAULT
from filesync_dagster.connectors.google_drive.layout import FOLDER, Layout, Scope
from filesync_dagster.core.errors import ProtocolViolation
from filesync_dagster.core.model import Kind
from filesync_dagster.core.schemas import TIMESTAMP, build_batch

Entry = Mapping[str, Any]

SHORTCUT = "application/vnd.google-apps.shortcut"
GOOGLES_OWN = "application/vnd.google-apps."

COPIED = (
    # (our name, Drive's name) of what the metadata take over when there is something
    ("drive_id", "driveId"),
    ("explicitly_trashed", "explicitlyTrashed"),
    ("export_links", "exportLinks"),
    ("resource_key", "resourceKey"),
)


def rows_of(
    entries: Sequence[Entry],
    layout: Layout,
    asked: Scope,
    *,
    folders: Sequence[str | None] | None = None,
    permissions: Sequence[str | None] | None = None,
) -> pa.RecordBatch:
    """Return entries in FILE_SCHEMA. `folders`: whose children were asked for, entry by entry.

    Raises ProtocolViolation for an entry that cannot be read.
    """
    try:
        return _batch(entries, layout, asked, folders, permissions)
    except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as exc:
        raise ProtocolViolation(f"Google Drive sent an entry that cannot be read ({exc!r}).", hint=OUR_FAULT) from exc


def _batch(
    entries: Sequence[Entry],
    layout: Layout,
    asked: Scope,
    folders: Sequence[str | None] | None,
    permissions: Sequence[str | None] | None,
) -> pa.RecordBatch:
    names = [entry["name"] for entry in entries]
    kinds = [_kind(entry["mimeType"]) for entry in entries]
    files = [kind is Kind.FILE for kind in kinds]
    hashes = [_content_hash(entry) for entry in entries]
    if folders is None:
        places = [layout.place(entry, asked) for entry in entries]
    else:
        places = [layout.place(entry, asked, folder) for entry, folder in zip(entries, folders, strict=True)]
    to_storable_text = (
        [name.replace("\x00", "\\x00") for name in names] if any("\x00" in name for name in names) else names
    )
    columns: dict[str, Any] = {
        "external_id": [entry["id"] for entry in entries],
        "scope": [scope for scope, _ in places],
        "parent_id": [parent for _, parent in places],
        "name": to_storable_text,
        "path": to_storable_text,
        "kind": [kind.value for kind in kinds],
        "size": [int(e["size"]) if file and "size" in e else None for e, file in zip(entries, files, strict=True)],
        "mime_type": [entry["mimeType"] for entry in entries],
        "created_at": _times([entry.get("createdTime") for entry in entries]),
        "modified_at": _times([entry.get("modifiedTime") for entry in entries]),
        "version": [_version(entry, kind) for entry, kind in zip(entries, kinds, strict=True)],
        "content_hash": hashes,
        "owner": [_owner(entry) for entry in entries],
        "link": [entry.get("webViewLink") for entry in entries],
        "trashed": [entry.get("trashed", False) for entry in entries],
        "metadata": [_metadata(entry, hashed) for entry, hashed in zip(entries, hashes, strict=True)],
    }
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, len(entries))


def _kind(mime_type: str) -> Kind:
    if not mime_type.startswith(GOOGLES_OWN):
        return Kind.FILE
    return {FOLDER: Kind.FOLDER, SHORTCUT: Kind.SHORTCUT}.get(mime_type, Kind.DOCUMENT)


def _version(entry: Entry, kind: Kind) -> str | None:
    # The `version` of files and folders also counts what nobody can see.
    if kind is Kind.FILE:
        return entry.get("headRevisionId")
    return entry.get("version") if kind is Kind.DOCUMENT else None


def _content_hash(entry: Entry) -> str | None:
    for algorithm in ("sha256", "md5"):
        digest = entry.get(f"{algorithm}Checksum")
        if digest:
            return f"{algorithm}:{digest}"
    return None


def _owner(entry: Entry) -> str | None:
    owners = entry.get("owners")
    return owners[0].get("emailAddress") if owners else None


def _metadata(entry: Entry, hashed: str | None) -> str | None:
    # Only what changes when somebody changes the entry: all of this is part of the fingerprint.
    told = {ours: entry[theirs] for ours, theirs in COPIED if entry.get(theirs)}
    if hashed is not None:
        if "sha1Checksum" in entry:
            told["sha1"] = entry["sha1Checksum"]
        if "md5Checksum" in entry and not hashed.startswith("md5:"):
            told["md5"] = entry["md5Checksum"]
    user = entry.get("lastModifyingUser")
    if user and user.get("emailAddress"):
        told["last_modifying_user"] = user["emailAddress"]
    target = entry.get("shortcutDetails")
    if target:
        told["shortcut"] = {"target_id": target.get("targetId"), "target_mime_type": target.get("targetMimeType")}
    if "\x00" in entry["name"]:
        told["name_hex"] = entry["name"].encode().hex()
    return canonical(told) if told else None


def canonical(value: object) -> str:
    """Return what model.canonical_json does, quickly."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def _times(texts: list[str | None]) -> "pa.Array[Any]":
    return pa.array(texts, pa.string()).cast(TIMESTAMP)
