"""What is mounted where, as Linux tells it. Elsewhere nothing is known, and nothing is assumed."""

from pathlib import Path
from typing import NamedTuple

UNLASTING = ("vfat", "msdos", "exfat", "fuse", "9p")
"""File systems (or families: `fuse.sshfs`) that make inode numbers up as they go."""


class Mount(NamedTuple):
    """One line of mountinfo."""

    id: int
    point: bytes
    fstype: str
    options: str


def mounts() -> tuple[Mount, ...]:
    """Every mount that this process can see; empty where the system does not tell."""
    try:
        text = Path("/proc/self/mountinfo").read_bytes()
    except OSError:
        return ()
    return tuple(_parse_mount(line) for line in text.splitlines() if b" - " in line)


def lasting_inodes(mount_id: int) -> bool:
    """Whether a file keeps its inode number from one listing to the next on this mount, for all we know."""
    for mount in mounts():
        if mount.id == mount_id:
            family = mount.fstype.partition(".")[0]
            made_up = family in UNLASTING or (family in {"cifs", "smb3"} and "noserverino" in mount.options)
            return not made_up
    return True


def mounts_below(folder: bytes) -> tuple[bytes, ...]:
    """The mount points below a folder (a real, absolute path), sorted."""
    prefix = folder.rstrip(b"/") + b"/"
    return tuple(sorted({m.point for m in mounts() if m.point.startswith(prefix) and m.point != prefix}))


def is_mount_point(path: bytes) -> bool:
    """Whether something is mounted there, for all we know; for kernels that do not tell the mount of a file."""
    known = mounts()
    return not known or any(mount.point == path for mount in known)


def _parse_mount(line: bytes) -> Mount:
    left, _, right = line.partition(b" - ")
    fields = left.split(b" ")
    fstype, *rest = right.split(b" ")
    point = fields[4]
    for code, char in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        point = point.replace(code, char)
    return Mount(int(fields[0]), point, fstype.decode(), (rest[1] if len(rest) > 1 else b"").decode("utf-8", "replace"))
