"""Whose an object is, in its user metadata; and what the headers of an answer tell of it.

Metadata is ASCII, 2 KB of it in all. Some stores write the names of fields in capitals: they are found all the same.
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

from filesync_dagster.connectors.destination import DestinationFile, Upload
from filesync_dagster.connectors.object_store.tags import MTIME, metadata_of, tags_in
from filesync_dagster.connectors.s3.rows import MD5

FIELD: Final = "x-amz-meta-filesync-"
NO_MD5: Final = frozenset({"aws:kms", "aws:kms:dsse"})
"""Encryptions whose ETags look like an MD5 and are none."""


def metadata_headers(upload: Upload, **more: str) -> dict[str, str]:
    """Return the headers that keep the tags and the time of a file; without the longest ones where there is no room."""
    fields = metadata_of(upload, more, lambda tag: FIELD + tag.replace("_", "-"))
    return fields | ({} if upload.mime_type is None else {"content-type": upload.mime_type})


def tags_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the tags of an object, its time among them."""
    return {name.replace("-", "_"): value for name, value in tags_in(headers, FIELD).items()}


def etag_in(headers: Mapping[str, str]) -> str | None:
    """Return the ETag of an answer, however it is quoted."""
    return headers.get("etag", "").strip().removeprefix("W/").strip('"').strip() or None


def md5_in(headers: Mapping[str, str], *, etag_is_md5: bool) -> str | None:
    """Return the MD5 of a whole content that an answer tells; None where its ETag is another thing."""
    etag = etag_in(headers)
    if etag is None or not etag_is_md5 or not MD5.fullmatch(etag) or encrypts_apart(headers):
        return None
    return etag.lower()


def encrypts_apart(headers: Mapping[str, str]) -> bool:
    """Tell whether the ETag is made of what is encrypted: with a key of KMS, or of a customer."""
    return (
        headers.get("x-amz-server-side-encryption") in NO_MD5
        or "x-amz-server-side-encryption-customer-algorithm" in headers
    )


def file_of(path: str, headers: Mapping[str, str], *, etag_is_md5: bool) -> DestinationFile:
    """Return what an answer to HEAD tells of an object."""
    tags = tags_of(headers)
    size, md5 = headers.get("content-length", ""), md5_in(headers, etag_is_md5=etag_is_md5)
    return DestinationFile(
        path=path,
        size=int(size) if size.isdecimal() else None,
        version=etag_in(headers),
        content_hash=None if md5 is None else f"md5:{md5}",
        internal_id=headers.get("x-amz-version-id"),
        modified_at=_moment(tags.pop(MTIME, None), headers.get("last-modified")),
        tags=tags,
    )


def _moment(kept: str | None, told: str | None) -> datetime | None:
    try:
        if kept is not None:
            return datetime.fromisoformat(kept)
        return None if told is None else parsedate_to_datetime(told)
    except ValueError:
        return None
