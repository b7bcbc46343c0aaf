"""Entries of Drive as rows of the inventory, and who may do what with them.

My Drive tells permissions with each entry, shared drives must be asked one by one.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from filesync_dagster.connectors.google_drive.api import DriveApi
from filesync_dagster.connectors.google_drive.layout import FOLDER, Layout, Scope
from filesync_dagster.connectors.rest.errors import Forbidden
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of, text_of
from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import Kind
from filesync_dagster.core.schemas import build_batch

Entry = Mapping[str, Any]

SHORTCUT = "application/vnd.google-apps.shortcut"
GOOGLES_OWN = "application/vnd.google-apps."

RECORDED_FIELDS = ("id", "type", "role", "emailAddress", "domain", "allowFileDiscovery")

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
    told: bool = False,
) -> pa.RecordBatch:
    """Return entries in FILE_SCHEMA. `folders`: whose children were asked for, entry by entry.

    Each has an id; what else cannot be read is null, and a name that is none is the id. `told` is for `Layout.place`.
    """
    kinds = [kind_of(entry) for entry in entries]
    names = [text_of(entry.get("name")) or entry["id"] for entry in entries]
    hashes = [content_hash_of(entry) for entry in entries]
    within = folders or [None] * len(entries)
    places = [layout.place(entry, asked, folder, told=told) for entry, folder in zip(entries, within, strict=True)]
    columns: dict[str, Any] = {
        "external_id": [text_of(entry["id"]) for entry in entries],
        "scope": [scope for scope, _ in places],
        "parent_id": [parent for _, parent in places],
        "name": names,
        "path": names,
        "kind": [kind.value for kind in kinds],
        "size": sizes_of(
            [e.get("size") if kind is Kind.FILE else None for e, kind in zip(entries, kinds, strict=True)]
        ),
        "mime_type": [text_of(entry.get("mimeType")) for entry in entries],
        "created_at": instants_of([entry.get("createdTime") for entry in entries]),
        "modified_at": instants_of([entry.get("modifiedTime") for entry in entries]),
        "version": [version_of(entry, kind) for entry, kind in zip(entries, kinds, strict=True)],
        "content_hash": hashes,
        "owner": [_owner(entry) for entry in entries],
        "link": [text_of(entry.get("webViewLink")) for entry in entries],
        "trashed": [entry.get("trashed") is True for entry in entries],
        "metadata": [_metadata(*each) for each in zip(entries, hashes, names, strict=True)],
    }
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, len(entries))


def has_id(entry: Entry) -> bool:
    """Whether an entry can be told from others."""
    found = entry.get("id")
    return isinstance(found, str) and bool(found)


def kind_of(entry: Entry) -> Kind:
    """Return what an entry is."""
    mime_type = entry.get("mimeType")
    if not isinstance(mime_type, str) or not mime_type.startswith(GOOGLES_OWN):
        return Kind.FILE
    return {FOLDER: Kind.FOLDER, SHORTCUT: Kind.SHORTCUT}.get(mime_type, Kind.DOCUMENT)


def version_of(entry: Entry, kind: Kind) -> str | None:
    """Return what a row has as its version."""
    # The `version` of files and folders also counts what nobody can see.
    if kind is Kind.FILE:
        return text_of(entry.get("headRevisionId"))
    return text_of(entry.get("version")) if kind is Kind.DOCUMENT else None


def content_hash_of(entry: Entry) -> str | None:
    """Return the best hash that Drive tells of a content."""
    for algorithm in ("sha256", "md5"):
        digest = text_of(entry.get(f"{algorithm}Checksum"))
        if digest:
            return f"{algorithm}:{digest}"
    return None


def _owner(entry: Entry) -> str | None:
    owners = entry.get("owners")
    return _email(owners[0]) if isinstance(owners, list) and owners else None


def _email(person: object) -> str | None:
    return text_of(person.get("emailAddress")) if isinstance(person, Mapping) else None


def _metadata(entry: Entry, hashed: str | None, name: str) -> str | None:
    # Only what changes when somebody changes the entry: all of this is part of the fingerprint.
    told = {ours: entry[theirs] for ours, theirs in COPIED if entry.get(theirs)}
    if hashed is not None:
        if "sha1Checksum" in entry:
            told["sha1"] = entry["sha1Checksum"]
        if "md5Checksum" in entry and not hashed.startswith("md5:"):
            told["md5"] = entry["md5Checksum"]
    user = _email(entry.get("lastModifyingUser"))
    if user:
        told["last_modifying_user"] = user
    target = entry.get("shortcutDetails")
    if isinstance(target, Mapping) and target:
        told["shortcut"] = {"target_id": target.get("targetId"), "target_mime_type": target.get("targetMimeType")}
    raw = entry.get("name")
    if isinstance(raw, str) and raw and raw != name:
        told["name_hex"] = raw.encode("utf-8", "surrogatepass").hex()
    return canonical(told) if told else None


def canonical(value: object) -> str:
    """Return what model.canonical_json does, quickly; halves of surrogate pairs are escaped."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))


def permissions_of(drive: DriveApi, entries: Sequence[Mapping[str, Any]]) -> list[str | None]:
    """Return the permissions of each entry as canonical JSON; None where the account may not know them."""
    asked = [entry["id"] for entry in entries if "permissions" not in entry and "driveId" in entry]
    answers = dict(zip(asked, drive.each(lambda one: _ask_for(drive, one), asked), strict=True))
    told = [entry.get("permissions", answers.get(entry["id"])) for entry in entries]
    return [None if permissions is None else _as_text(permissions) for permissions in told]


def _ask_for(drive: DriveApi, file_id: str) -> list[Mapping[str, Any]] | None:
    try:
        return [*drive.permissions(file_id)]
    except (Forbidden, NotFound):  # may be seen, but not who else may; or it is gone by now
        return None


def _as_text(permissions: Sequence[Mapping[str, Any]]) -> str:
    told = [{name: permission[name] for name in RECORDED_FIELDS if name in permission} for permission in permissions]
    for ours, theirs in zip(told, permissions, strict=True):
        details = theirs.get("permissionDetails")
        if details:
            ours["inherited"] = all(detail.get("inherited") for detail in details)
    return canonical(sorted(told, key=lambda one: str(one.get("id"))))
