"""A project with real, synced data that every page of the console has something to show of; and its server."""

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from filesync_dagster import Filesync

TOKEN = "console-token-that-is-nowhere-in-a-page"
ENDPOINTS = """
settings:
  partitions: {{start_date: 2026-01-01}}
  serve: {{hosts: [filesync.example.com]}}
endpoints:
  - name: drawings
    type: local
    title: Drawings of the clinic
    project_id: clinic
    endpoint_details: {{path: drawings}}
    guard: {{max_removed_percent: 50, max_removed: 1000}}
  - name: archive
    type: local
    title: Archive
    endpoint_details: {{path: archive}}
    guard: {{max_removed_percent: 20, max_removed: 10}}
  - {{name: lost, type: local, endpoint_details: {{path: nowhere}}}}
  - {{name: idle, type: local, is_active: false, endpoint_details: {{path: archive}}}}
{more}"""

REPLICATIONS = """
replications:
  - {name: copy, source: drawings, destination: {type: local, endpoint_details: {path: copy}}, guard: {max_bytes: 3}}
"""

HOSTILE = (
    "<img src=x onerror=alert(1)>.txt",
    "invoice\u202egpj.exe",
    "zero\u200bwidth.txt",
    "&lt;b&gt; \u2066isolate\u2069.txt",
    "=cmd|calc.csv",
)
"""Names that would do something if they were not shown as they are."""


@dataclass
class Place:
    """A folder with endpoints.yaml, its stores, and the address of its server."""

    folder: Path
    url: str = ""
    cookie: str = ""

    @property
    def file(self):
        """Return the configuration file."""
        return self.folder / "endpoints.yaml"

    @property
    def variables(self):
        """Return the environment of its processes."""
        others = {name: value for name, value in os.environ.items() if not name.startswith("FILESYNC_")}
        return {**others, "FILESYNC_HOME": str(self.folder / "home"), "FILESYNC_API_TOKEN": TOKEN}

    @contextmanager
    def opened(self):
        """Lend the Python API."""
        with Filesync.open(self.file, home=self.folder / "home") as filesync:
            yield filesync

    def sync(self, *names, full=False):
        """Sync in this process, as Dagster would in another."""
        with self.opened() as filesync:
            return [filesync.sync(name, full=full) for name in names]

    def write(self, path, content="x"):
        """Write a file of a store."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)

    def call(self, method, path, **body):
        """Ask the API as a program does."""
        headers = {"authorization": f"Bearer {TOKEN}"}
        return httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **body)


def fill(place):
    """Make the stores, sync them twice with changes in between, and leave one sync held."""
    for floor in range(3):
        for room in range(4):
            for number in range(3):
                content = "d" * (100 * (floor + 1) * (number + 1))
                place.write(f"drawings/floor {floor}/room {room}/plan {number}.dwg", content)
    for name in HOSTILE:
        place.write(f"drawings/hostile/{name}", name)
    for number in range(40):
        place.write(f"archive/{'old' if number < 30 else 'new'}/scan {number:02}.pdf", "s" * (number + 1))
    (place.folder / "copy").mkdir()
    place.file.write_text(ENDPOINTS.format(more=REPLICATIONS))
    place.sync("drawings", "archive", "lost")
    (place.folder / "drawings/floor 1").rename(place.folder / "drawings/level 1")
    place.write("drawings/floor 0/room 0/plan 0.dwg", "changed" * 50)
    place.write("drawings/floor 0/new.txt", "new")
    (place.folder / "drawings/floor 2/room 3/plan 2.dwg").unlink()
    for number in range(30):
        (place.folder / f"archive/old/scan {number:02}.pdf").unlink()
    place.sync("drawings", "archive")
    with place.opened() as filesync:
        filesync.replications.replicate("copy")


@contextmanager
def served(place, *, token=TOKEN, host="127.0.0.1"):
    """Run `filesync serve` over a place; yield the place with its address and the cookie of somebody signed in."""
    command = [sys.executable, "-m", "filesync_dagster.cli", "--config", str(place.file)]
    command += ["serve", "--port", "0", "--host", host]
    variables = {**place.variables, "FILESYNC_API_TOKEN": token}
    with subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        try:
            place.url = running.stdout.readline().split("at ")[1].split(". ")[0].strip()
            if token:
                proof = {"token": token}
                answer = httpx.post(
                    f"{place.url}/console/session", json=proof, headers={"origin": place.url}, timeout=60
                )
                place.cookie = answer.cookies["filesync_session"]
            yield place
        finally:
            running.terminate()
            running.wait(30)
