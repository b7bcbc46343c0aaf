"""Items of Graph as rows of the inventory."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa

from filesync_dagster.connectors.microsoft.layout import DriveScope, Entry, Roots, is_root
from filesync_dagster.connectors.rest.fields import instants_of, sizes_of, text_of
from filesync_dagster.core.model import Kind, canonical_json
from filesync_dagster.core.schemas import build_batch

HASHES: Final = (("sha256", "sha256Hash"), ("sha1", "sha1Hash"), ("quickxor", "quickXorHash"))
"""The best first: our name, and Graph's."""

BY_ID: Final = "/_layouts/"
"""In an address of SharePoint that names an item by its id, as those of Office's files do."""


def rows_of(
    entries: Sequence[Entry],
    scope: DriveScope,
    roots: Roots,
    *,
    permissions: Sequence[str | None] | None = None,
    told: bool = False,
) -> pa.RecordBatch:
    """Return items in FILE_SCHEMA. Each has an id; what else cannot be read is null. `told`: a delta tells of them."""
    kinds = [kind_of(entry) for entry in entries]
    names = [name_in(entry, scope) for entry in entries]
    hashes = [content_hash_of(entry) for entry in entries]
    sizes = [e.get("size") if kind is Kind.FILE else None for e, kind in zip(entries, kinds, strict=True)]
    columns: dict[str, Any] = {
        "external_id": [text_of(entry["id"]) for entry in entries],
        "scope": [scope.name] * len(entries),
        "parent_id": [roots.parent(entry, scope, told=told) for entry in entries],
        "name": names,
        "path": names,
        "kind": [kind.value for kind in kinds],
        "size": sizes_of(sizes),
        "mime_type": [text_of(part_of(entry, "file").get("mimeType")) for entry in entries],
        "created_at": instants_of([_moment(entry, "createdDateTime") for entry in entries]),
        # That of the top of a drive follows from what is in it, and no delta tells it reliably.
        "modified_at": instants_of([None if is_root(e) else _moment(e, "lastModifiedDateTime") for e in entries]),
        "version": [
            version_of(entry, kind, ctag=scope.folder is not None or scope.drive_id not in roots.without_ctags)
            for entry, kind in zip(entries, kinds, strict=True)
        ],
        "content_hash": hashes,
        "owner": [_person(entry, "createdBy") for entry in entries],
        "link": [link_of(entry) for entry in entries],
        "trashed": [False] * len(entries),
        "metadata": [_metadata(*each) for each in zip(entries, hashes, kinds, strict=True)],
    }
    if permissions is not None:
        columns["permissions"] = permissions
    return build_batch(columns, len(entries))


def name_in(entry: Entry, scope: DriveScope) -> str:
    """Return the name of an item; of the top of a library that of the library."""
    if is_root(entry) and scope.library:
        return text_of(scope.library.get("name")) or str(entry["id"])
    return text_of(entry.get("name")) or str(text_of(entry["id"]))


def kind_of(entry: Entry) -> Kind:
    """Return what an item is. A notebook is one document, whatever files it is made of."""
    if entry.get("remoteItem") is not None:
        return Kind.SHORTCUT
    if entry.get("package") is not None:
        return Kind.DOCUMENT
    return Kind.FOLDER if entry.get("folder") is not None or is_root(entry) else Kind.FILE


def version_of(entry: Entry, kind: Kind, *, ctag: bool = True) -> str | None:
    """Return what proves another content: the cTag; the eTag, which counts every change, where none is told."""
    if kind in {Kind.FOLDER, Kind.SHORTCUT}:
        return None
    return (text_of(entry.get("cTag")) if ctag else None) or text_of(entry.get("eTag"))


def content_hash_of(entry: Entry) -> str | None:
    """Return the best hash that Graph tells of a content, as it tells it."""
    told = part_of(part_of(entry, "file"), "hashes")
    found = ((ours, text_of(told.get(theirs))) for ours, theirs in HASHES)
    return next((f"{ours}:{_spelled(ours, digest)}" for ours, digest in found if digest), None)


def link_of(entry: Entry) -> str | None:
    """Return an address that stays good when a folder above is renamed, which no delta tells of what is in it."""
    address, ids = text_of(entry.get("webUrl")), part_of(entry, "sharepointIds")
    site, item = text_of(ids.get("siteUrl")), text_of(ids.get("listItemUniqueId"))
    if address is None or is_root(entry) or BY_ID in address or not site or not item:
        return address if site is None or address is None or BY_ID in address or is_root(entry) else None
    if kind_of(entry) is Kind.FILE and urlsplit(site).scheme in {"http", "https"}:
        return f"{site.rstrip('/')}/_layouts/15/download.aspx?UniqueId={item}"
    return None


def _spelled(algorithm: str, digest: str) -> str:
    return digest if algorithm == "quickxor" else digest.lower()  # Graph tells hexadecimal digits in capitals


def part_of(entry: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object that an item has under a name; an empty one if there is none."""
    found = entry.get(name)
    return found if isinstance(found, Mapping) else {}


def _moment(entry: Entry, name: str) -> object:
    """Return a time that the file has; what the store noted itself only where there is none."""
    own = entry.get("fileSystemInfo")
    return own.get(name) if isinstance(own, Mapping) and name in own else entry.get(name)


def _person(entry: Entry, name: str) -> str | None:
    identities = part_of(entry, name)
    user = part_of(identities, "user") or part_of(identities, "application")
    return text_of(user.get("email")) or text_of(user.get("displayName"))


def _metadata(entry: Entry, hashed: str | None, kind: Kind) -> str | None:
    # Only what changes when somebody changes the item: all of this is part of the fingerprint.
    told: dict[str, Any] = {}
    digests = part_of(part_of(entry, "file"), "hashes")
    for ours, theirs in HASHES:
        digest = text_of(digests.get(theirs))
        if digest and not (hashed or "").startswith(f"{ours}:"):
            told[ours] = _spelled(ours, digest)
    user = _person(entry, "lastModifiedBy")
    if user and kind is not Kind.FOLDER:
        told["last_modifying_user"] = user
    if entry.get("malware") is not None:
        told["malware"] = True
    remote = part_of(entry, "remoteItem")
    if kind is Kind.SHORTCUT:
        drive = part_of(remote, "parentReference").get("driveId")
        told["shortcut"] = {"target_id": remote.get("id"), "target_drive_id": drive}
    if kind is Kind.DOCUMENT:
        told["package"] = part_of(entry, "package").get("type")
    return canonical_json(told) if told else None
