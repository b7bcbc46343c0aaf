"""Permissions as a file manager takes them: nine characters."""

import re
from typing import Final

MODE: Final = re.compile(r"(?:0o)?([0-7]{3,7})")
MODE_BITS: Final = 0o777
LETTERS: Final = "rwxrwxrwx"


def permission_text(text: str) -> str:
    """Return a POSIX mode as nine characters, and anything else as it is.

    >>> permission_text("0640"), permission_text("100755"), permission_text("rw-r--r--"), permission_text("private")
    ('rw-r-----', 'rwxr-xr-x', 'rw-r--r--', 'private')
    """
    found = MODE.fullmatch(text)
    if found is None:
        return text
    bits = int(found[1], 8) & MODE_BITS
    return "".join(letter if bits >> (8 - place) & 1 else "-" for place, letter in enumerate(LETTERS))
