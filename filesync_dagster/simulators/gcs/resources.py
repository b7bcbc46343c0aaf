"""Buckets and objects as Google describes them, and the parts of a description that `fields` asks for."""

import re
from base64 import b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from filesync_dagster.simulators.gcs.store import StoredBucket, StoredObject, crc32c_of
from filesync_dagster.simulators.kit.clock import utc_text
from filesync_dagster.simulators.kit.refusals import Refusal

TOKEN = re.compile(r"[^,()/]+|[,()/]")
ORIGIN = "https://storage.googleapis.com"
OWNER = "user-simulated-owner@example.com"


def object_resource(found: StoredObject, bucket: str, *, acl: bool = False, origin: str = ORIGIN) -> dict[str, Any]:
    """Return the description of one generation; `origin` is where the service is asked."""
    path = f"storage/v1/b/{bucket}/o/{quote(found.name, safe='')}"
    told: dict[str, Any] = {
        "kind": "storage#object",
        "id": f"{bucket}/{found.name}/{found.generation}",
        "name": found.name,
        "bucket": bucket,
        "generation": str(found.generation),
        "metageneration": str(found.metageneration),
        "contentType": found.content_type,
        "storageClass": found.storage_class,
        "size": str(found.size),
        "crc32c": b64encode(crc32c_of(found.content).to_bytes(4, "big")).decode(),
        "etag": b64encode(f"{found.generation}/{found.metageneration}".encode()).decode(),
        "timeCreated": utc_text(found.created),
        "updated": utc_text(found.updated),
        "selfLink": f"{origin}/{path}",
        "mediaLink": f"{origin}/download/{path}?generation={found.generation}&alt=media",
    }
    if found.md5 is not None:
        told["md5Hash"] = b64encode(found.md5).decode()
    if found.metadata:
        told["metadata"] = dict(found.metadata)
    if found.deleted is not None:
        told["timeDeleted"] = utc_text(found.deleted)
    if found.soft_deleted is not None:
        told["softDeleteTime"] = utc_text(found.soft_deleted)
    if acl:
        told["owner"] = {"entity": OWNER}
        told["acl"] = [{"kind": "storage#objectAccessControl", "entity": OWNER, "role": "OWNER"}]
    return told


def bucket_resource(found: StoredBucket) -> dict[str, Any]:
    """Return the description of a bucket."""
    return {
        "kind": "storage#bucket",
        "id": found.name,
        "name": found.name,
        "location": "EU",
        "storageClass": "STANDARD",
        "metageneration": "1",
        "timeCreated": utc_text(found.created),
        "updated": utc_text(found.created),
        "versioning": {"enabled": found.versioned},
        "softDeletePolicy": {
            "retentionDurationSeconds": str(found.soft_delete_seconds),
            "effectiveTime": utc_text(found.created),
        },
    }


def select_fields(document: Any, fields: str) -> Any:
    """Return what a mask names of a document. Raises Refusal.

    >>> select_fields({"kind": "k", "items": [{"name": "a", "size": "1"}]}, "items(name)")
    {'items': [{'name': 'a'}]}
    """
    if fields in {"", "*"}:
        return document
    words = iter(TOKEN.findall(fields.replace(" ", "")))
    return _selected(document, _mask(words))


def _mask(words: Iterator[str]) -> dict[str, Any]:
    """Return a mask as a tree of names: {} is all below."""
    found: dict[str, Any] = {}
    name, into = "", found
    for word in words:
        if word == "(":
            into[name] = _mask(words)
        elif word == "/":
            into[name] = into = {}
        elif word == ",":
            into = found
        elif word == ")":
            return found
        elif not re.fullmatch(r"[A-Za-z0-9_*]+", word):
            raise Refusal(400, "invalidParameter", f"Invalid field selection {word}")
        else:
            name = word
            into[name] = {}
    return found


def _selected(document: Any, mask: dict[str, Any]) -> Any:
    if not mask or "*" in mask:
        return document
    if isinstance(document, list):
        return [_selected(one, mask) for one in document]
    if not isinstance(document, dict):
        return document
    return {name: _selected(document[name], below) for name, below in mask.items() if name in document}
