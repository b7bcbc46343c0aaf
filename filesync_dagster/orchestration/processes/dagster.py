"""Code server, web server and daemon for one configuration.

`dagster code-server` is a proxy that starts a fresh process on reload, which is what an edit of endpoints.yaml leads
to. `dagster dev` does the same with less of a say in how its children end.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from filesync_dagster.config import ensure_installation_id
from filesync_dagster.core.errors import NotWritable, ServiceError
from filesync_dagster.orchestration.client import announce_url
from filesync_dagster.orchestration.processes.children import Service, rotate_log, start_service, stop_services
from filesync_dagster.orchestration.processes.code_server import reload_code
from filesync_dagster.orchestration.processes.reload import ConfigWatch
from filesync_dagster.orchestration.processes.watchdog import CodeServerWatch

if TYPE_CHECKING:
    from collections.abc import Callable
    from threading import Event

    from filesync_dagster.config import Environment, Retention

START_TIMEOUT_SECONDS = 180.0
"""That a process may take to answer: the first start of Dagster on a slow machine takes a minute."""

SILENCE_SECONDS = 15.0
"""After which somebody who waits is told for what."""

WORKSPACE = """\
load_from:
  - grpc_server:
      socket: {socket}
      location_name: filesync
"""


def dagster_home(environment: Environment) -> Path:
    """Return DAGSTER_HOME, with a dagster.yaml to start from; one that is there stays as its owner left it."""
    home = environment.home / "dagster"
    settings = home / "dagster.yaml"
    try:
        home.mkdir(parents=True, exist_ok=True)
        logs(environment).mkdir(exist_ok=True)
        if not settings.exists():
            settings.write_text(files("filesync_dagster").joinpath("dagster.yaml").read_text("utf-8"), "utf-8")
    except OSError as exc:
        raise NotWritable(
            f"{exc.filename or home} cannot be written: {exc.strerror}.", hint="Set FILESYNC_HOME to a writable folder."
        ) from exc
    return home


def logs(environment: Environment) -> Path:
    """Return the folder of the processes' logs. Not one in DAGSTER_HOME: Dagster empties its own."""
    return environment.home / "logs"


def dagster_environment(environment: Environment) -> dict[str, str]:
    """Return the variables under which every Dagster process finds this configuration."""
    return {
        **environment.variables,
        "DAGSTER_HOME": str(dagster_home(environment)),
        "FILESYNC_CONFIG": str(environment.config_path.absolute()),
        "FILESYNC_HOME": str(environment.home),
        "PYTHONUNBUFFERED": "1",
    }


def serve(
    environment: Environment,
    host: str | None,
    port: int,
    stop: Event,
    *,
    on_ready: Callable[[str], None],
    every_minute: Callable[[], None] = lambda: None,
    tell: Callable[[str], None] = lambda _sentence: None,
    on_stage: Callable[[str], None] = lambda _sentence: None,
) -> None:
    """Run the three until `stop` is set; then, or when one of them fails, end them all. No `host`, no web server.

    `on_stage` gets what is being started, and what is waited for; `on_ready` gets the URL once the web server answers,
    or "" without one; `tell` gets what becomes of edits of endpoints.yaml, and of a code server that died.
    Raises ServiceError when a process ends by itself.
    """
    services: list[Service] = []
    variables = dagster_environment(environment)
    url = f"http://{_reachable_host(host)}:{port}" if host else ""
    if url:
        variables.setdefault("FILESYNC_DAGSTER_URL", url)  # where links of alerts lead
    # A short path: a socket's name has at most 107 characters. Only this user may open the folder.
    with tempfile.TemporaryDirectory(prefix="filesync-") as run:
        code_server = f"unix:{Path(run) / 'code.sock'}"
        # Before the code server reads the file: an edit during the start is one, too.
        watch = ConfigWatch(environment, lambda: reload_code(code_server), tell)
        try:
            # One after the other: a web server that finds no code shows an empty workspace for a while, and two
            # processes that make the tables of a new instance at once stumble over each other.
            for name, arguments, ready in _processes(Path(run), host, port):
                log = logs(environment) / f"dagster-{name.replace(' ', '-')}.log"
                on_stage(f"Starting Dagster's {name} ...")
                services.append(start_service(name, [sys.executable, "-m", *arguments], variables, log))
                if not _wait(services, ready, stop, on_stage):
                    return
            with announce_url(environment.home, url) if url else nullcontext():
                on_ready(url)
                watch.start(stop)
                CodeServerWatch.at(code_server, tell).start(stop)
                _watch(services, stop, every_minute)
        finally:
            stop_services(services[::-1])


def _processes(run: Path, host: str | None, port: int) -> list[tuple[str, list[str], Callable[[], bool]]]:
    """Return the name and the command of each process, in order, and what tells that it is ready."""
    socket, workspace = run / "code.sock", run / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(socket=socket), "utf-8")
    code = ["dagster", "code-server", "start", "-m", "filesync_dagster.definitions", "--socket", str(socket)]
    # Runs are started with this interpreter: a `dagster` on the path may be another one, or none.
    code += ["--location-name", "filesync", "--use-python-environment-entry-point"]
    processes: list[tuple[str, list[str], Callable[[], bool]]] = [("code server", code, lambda: _listens(socket))]
    if host:
        web = ["dagster_webserver", "--workspace", str(workspace), "--host", host, "--port", str(port)]
        processes.append(("web server", web, lambda: _answers(host, port)))
    processes.append(("daemon", ["dagster._daemon", "run", "--workspace", str(workspace)], lambda: True))
    return processes


def _wait(services: list[Service], ready: Callable[[], bool], stop: Event, on_stage: Callable[[str], None]) -> bool:
    """Wait until the last of the services is ready; False when told to stop before."""
    began = told = time.monotonic()
    while not ready():
        _complain_about_the_dead(services)
        if stop.wait(0.25):
            return False
        now, last = time.monotonic(), services[-1]
        if now > told + SILENCE_SECONDS:
            told = now
            on_stage(f"The {last.name} is not ready after {now - began:.0f} seconds; its log is {last.log}.")
        if now > began + START_TIMEOUT_SECONDS:
            raise ServiceError(
                f"The {last.name} did not answer within {START_TIMEOUT_SECONDS:.0f} seconds.", hint=f"See {last.log}."
            )
    return True


def _listens(path: Path) -> bool:
    import socket

    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def _answers(host: str, port: int) -> bool:
    from http.client import HTTPConnection, HTTPException

    with suppress(OSError, HTTPException):
        connection = HTTPConnection(_reachable_host(host).strip("[]"), port, timeout=5)
        try:
            connection.request("GET", "/server_info")
            return connection.getresponse().status == 200  # noqa: PLR2004 - OK
        finally:
            connection.close()
    return False


def _watch(services: list[Service], stop: Event, every_minute: Callable[[], None]) -> None:
    minute = time.monotonic() + 60
    while not stop.wait(1.0):
        _complain_about_the_dead(services)
        if time.monotonic() >= minute:
            minute += 60
            for service in services:
                rotate_log(service.log)
            every_minute()


def _complain_about_the_dead(services: list[Service]) -> None:
    for service in services:
        if service.process.poll() is not None:
            raise service.complaint()


def _reachable_host(host: str) -> str:
    """Return where a browser on this machine finds a server that listens on `host`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - where to look, not where to listen
    return f"[{host}]" if ":" in host else host


def maintain_dagster(environment: Environment, retention: Retention, *, dry_run: bool) -> dict[str, int] | None:
    """Delete what Dagster keeps for too long, in a process that imports it; return how much went.

    None when there is no instance: neither DAGSTER_HOME, nor one of `filesync up`. Raises ServiceError.
    """
    home = environment.variables.get("DAGSTER_HOME") or environment.home / "dagster"
    if not (Path(home) / "dagster.yaml").exists():
        return None
    command = [
        sys.executable,
        "-m",
        "filesync_dagster.orchestration.instance.run_retention",
        retention.model_dump_json(),
        ensure_installation_id(environment),
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, *(["--dry-run"] if dry_run else [])],
        env={**environment.variables, "DAGSTER_HOME": str(Path(home).absolute())},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1][:300]
        raise ServiceError(f"What Dagster keeps in {home} could not be bounded: {last}", hint="Is its storage there?")
    gone: dict[str, int] = json.loads(done.stdout.strip().splitlines()[-1])
    return gone
