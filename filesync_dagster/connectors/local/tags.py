"""Whose a file is, kept beside its content in extended attributes, where the file system has them.

They hold for the content that they were written with: a file that somebody changed since has none.
"""

import os
from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "user.filesync."
_STATE: Final = "state"
_ABLE: Final = hasattr(os, "setxattr")


def write_tags(descriptor: int, tags: Mapping[str, str]) -> bool:
    """Write the tags of an open file, whose time and size must be final; tell whether all of them could be kept."""
    if not _ABLE:
        return False
    try:
        for name, value in {_STATE: _state(os.fstat(descriptor)), **tags}.items():
            os.setxattr(descriptor, f"{_PREFIX}{name}", value.encode("utf-8", "surrogateescape"))
    except OSError:  # no such attributes here, or no room for them: the content is what counts
        return False
    return True


def read_tags(file: int | str, found: os.stat_result) -> dict[str, str]:
    """Return the tags of an open file, or of one at a path; none when they are not of the content that is there."""
    if not _ABLE:
        return {}
    tags = {}
    try:
        for name in os.listxattr(file):
            if name.startswith(_PREFIX):
                tags[name.removeprefix(_PREFIX)] = os.getxattr(file, name).decode("utf-8", "surrogateescape")
    except OSError:
        return {}
    return tags if tags.pop(_STATE, None) == _state(found) else {}


def _state(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns}-{found.st_size}"
