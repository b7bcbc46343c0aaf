"""Entries of a folder as rows of the inventory. Pure: no I/O."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from filesync_dagster.connectors.rest.fields import instant_of, instants_of, size_of, sizes_of, text_of
from filesync_dagster.core.content import whole_hash
from filesync_dagster.core.model import Kind, to_storable_text
from filesync_dagster.core.schemas import build_batch
from filesync_webdav.answers import SCOPE, DavEntry

if TYPE_CHECKING:
    import pyarrow as pa

CHECKSUM: Final = re.compile(r"(MD5|SHA1|SHA256):([0-9a-fA-F]+)", re.IGNORECASE)
STRENGTH: Final = ("sha256", "sha1", "md5")


def path_of(folder: str, entry: DavEntry) -> str:
    """Return the path of an entry of a folder, as a storable text."""
    name = to_storable_text(entry.name)
    return f"{folder}/{name}" if folder else name


def version_of(entry: DavEntry) -> str | None:
    """Return what proves a change: the ETag, or the time and the size where a server has none."""
    if entry.is_folder:
        return None
    if entry.etag is not None:
        return text_of(entry.etag)
    modified, size = instant_of(entry.modified), size_of(entry.size)
    return None if modified is None else f"{modified.isoformat()} {size}"


def content_hash_of(entry: DavEntry) -> str | None:
    """Return the strongest checksum of the content that the server tells (ownCloud's property), if any."""
    told = {name.lower(): digest.lower() for name, digest in CHECKSUM.findall(entry.checksums or "")}
    found = (f"{name}:{told[name]}" for name in STRENGTH if name in told)
    return next((one for one in found if whole_hash(one)), None)


def batch_of(entries: Sequence[DavEntry], folders: Sequence[str]) -> "pa.RecordBatch":
    """Return entries as a batch; `folders` has the path of the folder of each."""
    paths = [path_of(folder, entry) for folder, entry in zip(folders, entries, strict=True)]
    files = [None if entry.is_folder else entry for entry in entries]
    columns: dict[str, Any] = {
        "external_id": paths,
        "scope": [SCOPE] * len(entries),
        "parent_id": [folder or None for folder in folders],
        "name": [to_storable_text(entry.name) for entry in entries],
        "path": paths,
        "kind": [Kind.FOLDER if entry.is_folder else Kind.FILE for entry in entries],
        "size": sizes_of([file and file.size for file in files]),
        "mime_type": [file and _mime_type_of(file) for file in files],
        "created_at": instants_of([entry.created for entry in entries]),
        "modified_at": instants_of([entry.modified for entry in entries]),
        "version": [version_of(entry) for entry in entries],
        "content_hash": [file and content_hash_of(file) for file in files],
        "trashed": [False] * len(entries),
    }
    return build_batch(columns, len(entries))


def _mime_type_of(file: DavEntry) -> str | None:
    return text_of((file.mime_type or "").partition(";")[0].strip())
