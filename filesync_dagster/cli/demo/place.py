"""Where a demo lives, and its commands run."""

import json
import shlex
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from filesync_dagster.cli.demo.servers import free_port
from filesync_dagster.cli.demo.stores import Listing
from filesync_dagster.config import Environment, read_environment
from filesync_dagster.core.errors import NotWritable, ServiceError

MARK = ".filesync-demo"
"""A file that says: this folder is a demo's, and may be emptied by the next one. It has what stays when one goes on."""

SIMULATED = ("google_drive", "autodesk", "file_manager", "microsoft", "dropbox", "box", "gcs", "azure_blob")
"""The vendors that are simulated, in the order of their ports."""

PORTS = {"s3": 8333, **{vendor: port for port, vendor in enumerate(SIMULATED, start=8334)}}
"""Where the servers listen unless somebody else does. An endpoint at another address is another endpoint."""


@dataclass(frozen=True)
class DemoHome:
    """Where the demo lives and under which variables its commands run."""

    home: Path
    environment: Environment
    ports: Mapping[str, int]
    since: str  # the first day that the demo tells of, in UTC

    def run(self, *arguments: str) -> int:
        """Run a command of filesync as a person would; return its exit code."""
        click.secho(f"\n$ filesync {shlex.join(arguments)}", bold=True)
        sys.stdout.flush()
        return subprocess.run(self._command(arguments), env=self.variables, cwd=self.home, check=False).returncode  # noqa: S603 - our own command

    def run_all(self, commands: Sequence[Sequence[str]]) -> int:
        """Run several commands as a person would, in one process; return 1 if one of them failed."""
        sys.stdout.flush()
        command = [sys.executable, "-m", "filesync_dagster.cli.demo.commands", json.dumps(commands)]
        return subprocess.run(command, env=self.variables, cwd=self.home, check=False).returncode  # noqa: S603 - our own command

    def inventories(self) -> dict[str, Listing]:
        """Return what `filesync search` finds: path and size of everything but folders, by the names of endpoints."""
        command = self._command(("search", "**", "--format", "json"))
        done = subprocess.run(command, env=self.variables, cwd=self.home, check=False, capture_output=True)  # noqa: S603 - our own command
        if done.returncode:
            raise ServiceError(f"`filesync search` failed: {done.stderr.decode().strip()}")
        # Not splitlines(): a name may hold a character that it takes for the end of a line.
        rows = [json.loads(line) for line in done.stdout.decode().split("\n") if line]
        found: dict[str, Listing] = defaultdict(list)
        for row in rows:
            if row["kind"] != "folder":
                found[row["endpoint"]].append((row["path"], row["size"]))
        return found

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment of every process of the demo."""
        return self.environment.variables

    @property
    def database(self) -> Path:
        """The metadata database."""
        return self.environment.home / "filesync.db"

    @staticmethod
    def _command(arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "filesync_dagster.cli", *arguments]


def prepare(environment: Environment, home: Path, days: int, *, keep: bool) -> DemoHome:
    """Make the demo's folder, empty unless it is to be kept. Raises NotWritable."""
    home = home.absolute()
    mark = home / MARK
    if home.exists() and any(home.iterdir()) and not mark.exists():
        raise NotWritable(f"{home} is there and is not a demo's folder.", hint="Name another with --home.")
    try:
        before = _before(mark) if keep else {}
        if not keep and home.exists():
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        ports = {name: free_port(before.get(name, port)) for name, port in PORTS.items()}
        since = before.get("since") or (datetime.now(UTC).date() - timedelta(days=days)).isoformat()
        mark.write_text(json.dumps({**ports, "since": since}), "utf-8")
    except OSError as exc:
        raise NotWritable(f"{exc.filename} cannot be written: {exc.strerror}.", hint="Use --home.") from exc
    return DemoHome(home, _environment(environment, home), ports, since)


def _before(mark: Path) -> dict[str, Any]:
    """Return what was noted before; nothing if there is nothing yet."""
    try:
        known = json.loads(mark.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _environment(environment: Environment, home: Path) -> Environment:
    """Return an environment in which nothing but the demo's own folder is touched."""
    foreign = ("FILESYNC_", "DAGSTER_", "AWS_", "GOOGLE_")
    variables = {name: value for name, value in environment.variables.items() if not name.startswith(foreign)}
    variables |= {
        "FILESYNC_CONFIG": str(home / "endpoints.yaml"),
        "FILESYNC_HOME": str(home / ".filesync"),
        "PYTHONUNBUFFERED": "1",
    }
    return read_environment(variables=variables)
