"""The attributes of many entries in one buffer: `statx(2)` where the kernel has it (birth time!), else `os.stat`.

The buffer has the kernel's layout, so NumPy reads whole columns of it.
"""

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SLOT = 256
_BASIC_STATS, _BTIME, _MNT_ID = 0x07FF, 0x0800, 0x1000
_NOFOLLOW, _NO_AUTOMOUNT, _EMPTY_PATH = 0x100, 0x800, 0x1000
_MASK = _BASIC_STATS | _BTIME | _MNT_ID
_TYPE_BYTE = 29 if sys.byteorder == "little" else 28  # the half of stx_mode that holds the file type

_FIELDS: dict[str, tuple[str, int]] = {
    "mask": ("u4", 0),
    "nlink": ("u4", 16),
    "uid": ("u4", 20),
    "gid": ("u4", 24),
    "mode": ("u2", 28),
    "ino": ("u8", 32),
    "size": ("u8", 40),
    "btime_s": ("i8", 80),
    "btime_ns": ("u4", 88),
    "ctime_s": ("i8", 96),
    "ctime_ns": ("u4", 104),
    "mtime_s": ("i8", 112),
    "mtime_ns": ("u4", 120),
    "dev": ("u8", 136),
    "mnt": ("u8", 144),
}
_DTYPE = np.dtype(
    {
        "names": list(_FIELDS),
        "formats": [kind for kind, _ in _FIELDS.values()],
        "offsets": [at for _, at in _FIELDS.values()],
        "itemsize": SLOT,
    },
)
_ONE = struct.Struct("=I12xI8xH2xQ40xqI44xQQ")  # mask, nlink, mode, ino, btime, dev, mnt


class Stat(NamedTuple):
    """What decides about one entry. `birth` is nanoseconds since 1970, None where the file system has none."""

    mode: int
    ino: int
    dev: int
    mnt: int
    nlink: int
    birth: int | None


class StatBuffer:
    """Room for the attributes of `capacity` entries. `native=False` never uses statx."""

    def __init__(self, capacity: int, *, native: bool = True) -> None:
        self._raw = bytearray(capacity * SLOT)
        self._pinned = (ctypes.c_char * len(self._raw)).from_buffer(self._raw)
        self._address = ctypes.addressof(self._pinned)
        self._statx = _statx() if native else None

    def fill(self, slot: int, directory: int, name: bytes, *, follow: bool = False) -> int:
        """Read the entry `name` of an open directory into a slot; 0, or the errno. An empty name is the directory."""
        if self._statx is None:
            return self._fill_portably(slot, directory, name, follow=follow)
        flags = _NO_AUTOMOUNT | (0 if follow else _NOFOLLOW) | (0 if name else _EMPTY_PATH)
        if self._statx(directory, name, flags, _MASK, self._address + slot * SLOT) == 0:
            return 0
        return ctypes.get_errno()

    def copy(self, slot: int, other: "StatBuffer", other_slot: int) -> None:
        """Take a slot of another buffer."""
        start = other_slot * SLOT
        self._raw[slot * SLOT : (slot + 1) * SLOT] = other._raw[start : start + SLOT]  # noqa: SLF001 same class

    def file_type(self, slot: int) -> int:
        """The `S_IFMT` part of the mode, shifted to 0-15: 8 a regular file, 4 a directory, 10 a symbolic link."""
        return self._raw[slot * SLOT + _TYPE_BYTE] >> 4

    def one(self, slot: int) -> Stat:
        """A slot as Python values."""
        mask, nlink, mode, ino, born_s, born_ns, dev, mnt = _ONE.unpack_from(self._raw, slot * SLOT)
        birth = born_s * 1_000_000_000 + born_ns if mask & _BTIME else 0
        return Stat(mode, ino, dev, mnt if mask & _MNT_ID else 0, nlink, birth or None)

    def columns(self, count: int) -> NDArray[Any]:
        """The first `count` slots as a structured array that shares the buffer."""
        return np.frombuffer(self._raw, _DTYPE, count)

    def _fill_portably(self, slot: int, directory: int, name: bytes, *, follow: bool) -> int:
        try:
            found = os.stat(name, dir_fd=directory, follow_symlinks=follow) if name else os.fstat(directory)
        except OSError as exc:
            return exc.errno or errno.EIO
        born = getattr(found, "st_birthtime", None)
        start = slot * SLOT
        self._raw[start : start + SLOT] = bytes(SLOT)
        values = {
            "mask": _BASIC_STATS | (_BTIME if born else 0),
            "nlink": found.st_nlink,
            "uid": found.st_uid,
            "gid": found.st_gid,
            "mode": found.st_mode,
            "ino": found.st_ino,
            "size": found.st_size,
            "dev": found.st_dev,
        }
        for moment, at in (
            ("btime", int((born or 0) * 1e9)),
            ("ctime", found.st_ctime_ns),
            ("mtime", found.st_mtime_ns),
        ):
            values[f"{moment}_s"], values[f"{moment}_ns"] = divmod(at, 1_000_000_000)
        for field, value in values.items():
            kind, at = _FIELDS[field]
            struct.pack_into({"u2": "=H", "u4": "=I", "u8": "=Q", "i8": "=q"}[kind], self._raw, start + at, value)
        return 0


def has_birth(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows have a birth time. Some file systems say that they have one and give 1970."""
    known: NDArray[np.bool_] = ((rows["mask"] & _BTIME) != 0) & ((rows["btime_s"] != 0) | (rows["btime_ns"] != 0))
    return known


def mount_ids(rows: NDArray[Any]) -> NDArray[np.uint64]:
    """The mount of each row; 0 where the kernel does not tell."""
    return np.where((rows["mask"] & _MNT_ID) != 0, rows["mnt"], np.uint64(0))


def nanoseconds(rows: NDArray[Any], moment: str) -> NDArray[np.int64]:
    """`moment` (btime, ctime, mtime) since 1970. Beyond the year 2262 it wraps, alike every time."""
    total: NDArray[np.int64] = rows[f"{moment}_s"] * np.int64(1_000_000_000) + rows[f"{moment}_ns"].astype(np.int64)
    return total


@cache
def _statx() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        function = ctypes.CDLL(None, use_errno=True).statx
    except AttributeError:
        return None
    function.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)
    function.restype = ctypes.c_int
    probe = ctypes.create_string_buffer(SLOT)
    # Kernels before 4.11 lack the call, and container sandboxes of that age forbid it.
    return function if function(-1, b"/", 0, _MASK, ctypes.addressof(probe)) == 0 else None
