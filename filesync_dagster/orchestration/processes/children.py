"""Child processes that live as long as a command: started in groups of their own, and never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filesync_dagster.core.errors import NotWritable, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

SHUTDOWN_GRACE_SECONDS = 10.0
"""Between SIGTERM and SIGKILL."""

LOG_BYTES = 20 * 1024 * 1024
"""Of a child's log; then it begins anew, and what it was is kept beside it until the next time."""

LOG_TAIL_BYTES = 16 * 1024
"""At the end of a log that are looked through for what a child said before it ended."""


@dataclass(frozen=True)
class Service:
    """One running child and where its output goes."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def complaint(self) -> ServiceError:
        """Return what to tell when it has ended by itself."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - LOG_TAIL_BYTES))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        last = f" Its last words: {lines[-1].strip()[:300]}" if lines else ""
        return ServiceError(
            f"The {self.name} ended with exit code {self.process.returncode}.{last}", hint=f"See {self.log}."
        )


def start_service(name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> Service:
    """Start a child at the head of a process group of its own: Ctrl-C reaches only us, and we stop it in order."""
    rotate_log(log)
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - our own commands
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as exc:
        raise NotWritable(f"The {name} cannot be started: {exc.strerror} ({exc.filename}).") from exc
    return Service(name, process, log)


def rotate_log(log: Path) -> None:
    """Let a log that has grown too long begin anew. It is copied and emptied: its child goes on writing to its end."""
    with suppress(OSError):  # not there yet; or no space: the next minute tries again
        if log.stat().st_size > LOG_BYTES:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)


def stop_services(services: Sequence[Service], grace_seconds: float = SHUTDOWN_GRACE_SECONDS) -> None:
    """Ask every group to end, and end those that do not (`dagster code-server` does not listen)."""
    for service in services:
        _signal(service, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
    while any(_alive(service) for service in services) and time.monotonic() < deadline:
        time.sleep(0.1)
    for service in services:
        if _alive(service):
            _signal(service, signal.SIGKILL)
        service.process.wait()


def _signal(service: Service, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS forbids signalling a group of zombies
        os.killpg(service.process.pid, number)


def _alive(service: Service) -> bool:
    """Whether anything of the group is left; its head may have gone before the others."""
    service.process.poll()
    try:
        os.killpg(service.process.pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def require_free(host: str, port: int) -> None:
    """Raise ServiceError when a port cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise ServiceError(
                f"{host}:{port} cannot be listened on: {(exc.strerror or str(exc)).lower()}.",
                hint="Choose another with --port or --host.",
            ) from exc


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C, SIGTERM and a closed terminal set instead of ending the process."""
    stop = threading.Event()

    def set_event(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, set_event) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
