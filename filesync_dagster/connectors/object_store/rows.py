"""Keys as rows of the inventory: what is the same in every object store."""

import mimetypes
from collections.abc import Mapping, Sequence
from typing import Any

from filesync_dagster.connectors.rest.fields import text_of
from filesync_dagster.core.model import Kind, canonical_json, to_storable_text

MIME_TYPES = mimetypes.MimeTypes().types_map[True]  # Python's own table: the host's would differ between machines

UNSAID = frozenset({None, "", "application/octet-stream", "binary/octet-stream"})


def key_columns(keys: Sequence[bytes], prefix: str, link: str) -> dict[str, list[Any]]:
    """Return the columns of FILE_SCHEMA that follow from keys alone. `link`: what a key makes a link of.

    Paths are relative to the prefix up to its last slash. The key that is that folder itself is a file in it: `./`.

    >>> key_columns([b"eng/", b"eng/a"], "eng/", "s3://x/")["path"]
    ['./', 'a']
    """
    ids = [to_storable_text(key) for key in keys]
    cut = prefix.rfind("/") + 1
    rows = len(ids)
    return {
        "external_id": ids,
        "scope": [""] * rows,
        "name": [_name(text) for text in ids],
        "path": [text[cut:] or "./" for text in ids],
        "kind": [Kind.FILE.value] * rows,
        "link": [link + text for text in ids],
        "trashed": [False] * rows,
    }


def mime_type_of(name: str) -> str | None:
    """Return what the ending of a name says; None where it says nothing."""
    dot = name.rfind(".")
    return MIME_TYPES.get(name[dot:].lower()) if dot > 0 else None


def mime_types_of(told: Sequence[str | None], names: Sequence[str]) -> list[str | None]:
    """Return the kinds that a store tells; where it tells the one that uploads have by default, what the name says."""
    pairs = zip(told, names, strict=True)
    return [mime_type_of(name) if kind in UNSAID else text_of(kind) for kind, name in pairs]


def metadata_texts(keys: Sequence[bytes], ids: Sequence[str], given: Mapping[str, Sequence[Any]]) -> list[str | None]:
    """Return the column `metadata`: what is given by name, and the raw key where its text is not that."""
    rows = list(zip(*given.values(), strict=True)) or [()] * len(keys)
    texts = {row: _metadata_text(given, row) for row in set(rows)}
    found = [texts[row] for row in rows]
    for number, (key, text) in enumerate(zip(keys, ids, strict=True)):
        if "\\x" in text and text.encode() != key:
            found[number] = _metadata_text([*given, "key_hex"], (*rows[number], key.hex()))
    return found


def _name(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2] or key


def _metadata_text(names: "Mapping[str, Any] | list[str]", values: tuple[Any, ...]) -> str | None:
    told = {name: value for name, value in zip(names, values, strict=True) if value is not None}
    return canonical_json(told) if told else None
