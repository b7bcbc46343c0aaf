"""Mode, owner and group of one file, set without following a link."""

import os
import stat
from typing import Final

from filesync_dagster.connectors.destination import FilePermissions
from filesync_dagster.connectors.local.disk import Spot
from filesync_dagster.connectors.local.target import descriptor_path
from filesync_dagster.core.errors import Foreign, ProtocolViolation

_LETTERS_COUNT: Final = 9
_SPECIAL: Final = ((2, "sS", stat.S_ISUID), (5, "sS", stat.S_ISGID), (8, "tT", stat.S_ISVTX))
_FLAGS: Final = getattr(os, "O_PATH", os.O_RDONLY | os.O_NONBLOCK) | os.O_NOFOLLOW | os.O_CLOEXEC


def apply_permissions(path: str, spot: Spot, wanted: FilePermissions) -> None:
    """Set what is wanted. Raises OSError, Foreign for a link, ProtocolViolation for what this machine does not know."""
    mode = None if wanted.permissions is None else mode_of(wanted.permissions)
    owner = -1 if wanted.owner is None else _user_number(wanted.owner)
    group = -1 if wanted.group is None else _group_number(wanted.group)
    file = os.open(spot.name, _FLAGS, dir_fd=spot.folder)
    try:
        if not (stat.S_ISREG(kind := os.fstat(file).st_mode) or stat.S_ISDIR(kind)):
            raise Foreign(f"At {path} is a link or device: it was left alone.")
        if (owner, group) != (-1, -1):
            os.chown(descriptor_path(file), owner, group)
        if mode is not None:  # after the owner, for whom the kernel may take bits away
            os.chmod(descriptor_path(file), mode)  # noqa: PTH101 - what is opened, not what the path leads to by now
    finally:
        os.close(file)


def mode_of(letters: str) -> int:
    """Return the mode that nine letters stand for. Raises ProtocolViolation.

    >>> oct(mode_of("rwxr-x--T")), oct(mode_of("rw-r--r--"))
    ('0o1750', '0o644')
    """
    mode = 0
    if len(letters) == _LETTERS_COUNT:
        for place, letter in enumerate(letters):
            bit = 1 << (_LETTERS_COUNT - 1 - place)
            special = next((flag for at, both, flag in _SPECIAL if at == place and letter in both), 0)
            if letter == "rwx"[place % 3] or (special and letter.islower()):
                mode |= bit
            elif letter != "-" and not special:
                break
            mode |= special
        else:
            return mode
    raise ProtocolViolation(
        f"{letters!r} are no permissions of files.", hint="Nine letters are wanted, such as rw-r--r--."
    )


def _user_number(name: str) -> int:
    import pwd

    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError as error:
        raise ProtocolViolation(
            f"This machine knows no user {name!r}.", hint="Add the user, or give numbers."
        ) from error


def _group_number(name: str) -> int:
    import grp

    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError as error:
        raise ProtocolViolation(
            f"This machine knows no group {name!r}.", hint="Add the group, or give numbers."
        ) from error
