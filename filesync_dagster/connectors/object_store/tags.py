"""Tags of an upload as metadata of an object: texts that may be in a header."""

import base64
import re
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from filesync_dagster.connectors.destination import DestinationFile, Upload

ENCODED: Final = "b64:"
PLAIN: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
NAME: Final = "filesync_"
MTIME: Final = "mtime"
TAGS_MAX_BYTES: Final = 1_900


def encode_value(value: str) -> str:
    """Return a text as it may be in a header.

    >>> encode_value("1a?x=y"), encode_value("é"), decode_value(encode_value(" é "))
    ('1a?x=y', 'b64:w6k', ' é ')
    """
    if PLAIN.fullmatch(value) and not value.startswith(ENCODED):
        return value
    raw = value.encode("utf-8", "surrogateescape")
    return ENCODED + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode_value(value: str) -> str:
    """Return the text of `encode_value`; what is none of ours as it is."""
    if not value.startswith(ENCODED):
        return value
    digits = value.removeprefix(ENCODED)
    try:
        return base64.urlsafe_b64decode(digits + "=" * (-len(digits) % 4)).decode("utf-8", "surrogateescape")
    except (Base64Error, ValueError):
        return value


def plain_name(tag: str) -> str:
    """Return the name of the field of a tag, where any letter of an identifier may be in one."""
    return NAME + tag


def metadata_of(upload: Upload, more: Mapping[str, str], name_of: Callable[[str], str] = plain_name) -> dict[str, str]:
    """Return the tags of an upload, its time and others as metadata; the longest go where there is no room."""
    tags = {**upload.tags, **more}
    if upload.modified_at is not None:
        tags[MTIME] = upload.modified_at.astimezone(UTC).isoformat()
    fields = {name_of(name): encode_value(value) for name, value in tags.items() if value}
    while sum(len(name) + len(value) for name, value in fields.items()) > TAGS_MAX_BYTES:
        del fields[max(fields, key=lambda name: len(fields[name]))]
    return fields


def tags_in(metadata: Mapping[str, str], prefix: str) -> dict[str, str]:
    """Return the texts of fields whose names begin with a prefix, without it. Some stores write names in capitals."""
    return {
        name.lower().removeprefix(prefix): decode_value(value)
        for name, value in metadata.items()
        if name.lower().startswith(prefix)
    }


def with_tags(found: DestinationFile, metadata: Mapping[str, str]) -> DestinationFile:
    """Return a file with the tags that its metadata has, and the time among them."""
    tags = tags_in(metadata, NAME)
    try:
        kept = datetime.fromisoformat(tags.pop(MTIME, ""))
    except ValueError:
        return replace(found, tags=tags)
    return replace(found, tags=tags, modified_at=kept)
