"""Which process holds something, and whether it still lives."""

import os
import socket
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Process:
    """A process that cannot be mistaken for a later one with the same pid, nor for one of another machine."""

    host: str
    pid: int
    started: str  # clock ticks after boot; "" where the system does not tell
    boot: str  # this boot of this machine and, in a container, this container; "" where the system does not tell

    @classmethod
    def current(cls) -> "Process":
        """The process that asks."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _started(pid) or "", _boot())

    @classmethod
    def parse(cls, value: dict[str, Any]) -> "Process":
        """Return what `as_dict` wrote."""
        return cls(**value)

    def as_dict(self) -> dict[str, Any]:
        """The process as JSON."""
        return asdict(self)

    def is_dead(self) -> bool:
        """True only when it is certain: a process of another machine or container may live."""
        return self._is_here() and _started(self.pid) != self.started

    def is_alive(self) -> bool:
        """True only when it is certain: of a process of this machine and container."""
        return self._is_here() and _started(self.pid) == self.started

    def _is_here(self) -> bool:
        return bool(self.boot) and self.boot == _boot() and self.host == socket.gethostname()


@cache
def _boot() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        # Containers of one machine share the boot id; a pid means something in its own namespace only.
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str | None:
    """When the process started, or None if it does not run (a zombie does not)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    state, *rest = stat.rpartition(b")")[2].split()
    return None if state in (b"Z", b"X") else rest[18].decode()
