"""Who may do what with a file, as a destination takes it. Pure: no I/O."""

import json
from typing import Final

from filesync_dagster.connectors.destination import FilePermissions
from filesync_dagster.core.content import FileEntry

READ_WRITE_EXECUTE: Final = "rwxrwxrwx"


def permissions_for(entry: FileEntry) -> FilePermissions | None:
    """Return the POSIX mode, owner and group of a file as nine characters and names; None where it has no mode.

    >>> permissions_for(FileEntry("1", "a", owner="ann", permissions='{"gid":100,"mode":"0640","uid":1000}'))
    FilePermissions(permissions='rw-r-----', owner='ann', group='100')
    """
    try:
        known = json.loads(entry.permissions or "{}")
        mode = int(str(known["mode"]), 8)
    except (ValueError, KeyError, TypeError):
        return None
    owner, group = entry.owner or known.get("uid"), known.get("gid")
    return FilePermissions(
        nine_characters(mode), None if owner is None else str(owner), None if group is None else str(group)
    )


def nine_characters(mode: int) -> str:
    """Return a mode as `ls` shows it.

    >>> nine_characters(0o754)
    'rwxr-xr--'
    """
    return "".join(letter if mode >> (8 - at) & 1 else "-" for at, letter in enumerate(READ_WRITE_EXECUTE))
