"""Entries of Dropbox as rows of the inventory."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from filesync_dagster.connectors.rest.fields import instants_of, sizes_of, text_of
from filesync_dagster.core.model import Kind, canonical_json
from filesync_dagster.core.schemas import build_batch

Entry = Mapping[str, Any]

FOLDER, DELETED = "folder", "deleted"  # tags
WEB_SHORTCUTS: Final = (".web", ".url", ".webloc")
SHARING: Final = ("shared_folder_id", "traverse_only", "no_access")  # the others follow from the folders above


def rows_of(
    entries: Sequence[Entry],
    parents: Sequence[str | None],
    scope: str,
    permissions: Sequence[str | None] | None = None,
) -> pa.RecordBatch:
    """Return entries in FILE_SCHEMA, each with its parent's id. What cannot be read is null.

    A name is the entry's own: of `path_display` only the last part is sure to be in the case of its letters.
    """
    kinds = [kind_of(entry) for entry in entries]
    names = [text_of(entry.get("name")) or str(entry["id"]) for entry in entries]
    sizes = [entry.get("size") if kind is Kind.FILE else None for entry, kind in zip(entries, kinds, strict=True)]
    columns: dict[str, Any] = {
        "external_id": [text_of(entry["id"]) for entry in entries],
        "scope": [scope] * len(entries),
        "parent_id": list(parents),
        "name": names,
        "path": names,
        "kind": [kind.value for kind in kinds],
        "size": sizes_of(sizes),
        "modified_at": instants_of([entry.get("server_modified") for entry in entries]),
        "version": [text_of(entry.get("rev")) for entry in entries],
        "content_hash": [content_hash_of(entry, kind) for entry, kind in zip(entries, kinds, strict=True)],
        "link": [text_of(entry.get("preview_url")) for entry in entries],
        "trashed": [False] * len(entries),
        "metadata": [_metadata(entry, name) for entry, name in zip(entries, names, strict=True)],
    }
    if permissions is not None:
        columns["permissions"] = list(permissions)
    return build_batch(columns, len(entries))


def kind_of(entry: Entry) -> Kind:
    """Return what an entry is: Paper and other documents have no bytes of their own, shortcuts to pages neither."""
    if entry.get(".tag") == FOLDER:
        return Kind.FOLDER
    if entry.get("symlink_info"):
        return Kind.SHORTCUT
    if entry.get("is_downloadable") is not False:
        return Kind.FILE
    is_web = not entry.get("export_info") and str(entry.get("name", "")).lower().endswith(WEB_SHORTCUTS)
    return Kind.SHORTCUT if is_web else Kind.DOCUMENT


def content_hash_of(entry: Entry, kind: Kind) -> str | None:
    """Return the hash that Dropbox tells of a content."""
    digest = text_of(entry.get("content_hash")) if kind is Kind.FILE else None
    return f"dropbox:{digest}" if digest else None


def has_id(entry: Entry) -> bool:
    """Whether an entry can be told from others."""
    return isinstance(entry.get("id"), str) and bool(entry["id"])


def path_of(entry: Entry) -> str | None:
    """Return the path by which Dropbox knows an entry; None where it is nowhere, as in a folder that is not mounted."""
    path = entry.get("path_lower")
    return path if isinstance(path, str) and path.startswith("/") else None


def shared_folder_of(entry: Entry) -> str | None:
    """Return the id of the shared folder that is mounted here."""
    found = _part(entry, "sharing_info").get("shared_folder_id")
    return found if isinstance(found, str) else None


def holding_folder_of(entry: Entry) -> str | None:
    """Return the id of the shared folder that an entry lies in, however deep."""
    found = _part(entry, "sharing_info").get("parent_shared_folder_id")
    return found if isinstance(found, str) else None


def _part(entry: Entry, name: str) -> Mapping[str, Any]:
    found = entry.get(name)
    return found if isinstance(found, Mapping) else {}


def _metadata(entry: Entry, name: str) -> str | None:
    # Only what changes when somebody changes the entry: all of this is part of the fingerprint.
    told: dict[str, Any] = {one: _part(entry, "sharing_info").get(one) for one in SHARING}
    told["client_modified"] = entry.get("client_modified")
    told["export_as"] = _part(entry, "export_info").get("export_as")
    told["export_options"] = _part(entry, "export_info").get("export_options")
    told["target"] = _part(entry, "symlink_info").get("target")
    told = {key: value for key, value in told.items() if value}
    raw = entry.get("name")
    if isinstance(raw, str) and raw and raw != name:
        told["name_hex"] = raw.encode("utf-8", "surrogatepass").hex()
    return canonical_json(told) if told else None
