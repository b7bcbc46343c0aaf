"""The checkpoint of a walk: the raw path of its last entry, and whether that is a folder."""

import json


def write_position(root: bytes, at: bytes, folder: bool) -> str:
    """Return the checkpoint after an entry."""
    # Surrogates stand for bytes that are not UTF-8; JSON escapes them.
    return json.dumps({"root": _text(root), "at": _text(at), "folder": folder})


def read_position(checkpoint: str | None, root: bytes) -> tuple[bytes, bool] | None:
    """Return where a walk goes on; None for a checkpoint of another root, and what is none."""
    if checkpoint is None:
        return None
    try:
        known = json.loads(checkpoint)
        at, folder = _raw(known["at"]), known["folder"] is True
        return (at, folder) if _raw(known["root"]) == root and at else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
