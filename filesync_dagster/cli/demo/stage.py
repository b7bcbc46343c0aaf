"""The stores as the demo finds or makes them: served, described in endpoints.yaml, filled."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import click

from filesync_dagster.cli.demo.autodesk import Project
from filesync_dagster.cli.demo.drive import Drive
from filesync_dagster.cli.demo.endpoints import CLINIC_ACC, COMPANY_DRIVE, ENGINEERING, OFFICE, endpoints_yaml
from filesync_dagster.cli.demo.place import DemoHome
from filesync_dagster.cli.demo.sample import (
    MY_DRIVE,
    SHARED_DRIVE,
    Files,
    bucket_files,
    drive_files,
    folder_files,
    project_files,
    text,
)
from filesync_dagster.cli.demo.servers import run_servers, s3_server, simulator
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stores import BUCKET, Bucket, Folder, Store
from filesync_dagster.orchestration.processes.children import Service

Sample = Callable[[random.Random], Files]

SAMPLES: dict[str, Sample] = {
    COMPANY_DRIVE: drive_files,
    CLINIC_ACC: project_files,
    ENGINEERING: bucket_files,
    OFFICE: folder_files,
}

FAULTS = """\
# What goes wrong at the simulated Google Drive: a question what changed is answered with 429.
- {{fault: throttle, operation: changes.list, after: {after}, status: 429, seconds: 1}}
"""


@dataclass
class Stage:
    """The stores, by the names of their endpoints, and the servers behind them."""

    stores: dict[str, Store]
    services: list[Service]
    _ended: set[str] = field(default_factory=set)

    def find_ended(self) -> list[str]:
        """Return what to tell of servers that have ended since this was last asked."""
        gone = [one for one in self.services if one.process.poll() is not None and one.name not in self._ended]
        self._ended |= {one.name for one in gone}
        return [f"{one.complaint()} Its endpoint fails from now on, as it would; the demo goes on." for one in gone]


@contextmanager
def open_stores(place: DemoHome, days: int, rng: random.Random) -> Iterator[Stage]:
    """Start what has to be started, and yield the stores, with files in them, by the names of their endpoints.

    `days`: of history that will be played.
    """
    home = place.home
    (home / "s3" / BUCKET).mkdir(parents=True, exist_ok=True)
    faults = home / "google_drive.faults.yaml"
    # The syncs of the days before list everything, and all but the first ask the feed what it had told; so does the
    # first one of today.
    faults.write_text(FAULTS.format(after=0 if place.database.exists() else days), "utf-8")
    s3, secret = s3_server(home / "s3", place.ports["s3"])
    google_drive = simulator("google_drive", place.ports["google_drive"], faults)
    autodesk = simulator("autodesk", place.ports["autodesk"])
    with ExitStack() as cleanup:
        click.echo("Starting an S3 server and two simulators ...")
        services = cleanup.enter_context(run_servers([s3, google_drive, autodesk], place.variables, home))
        controls = [cleanup.enter_context(closing(Control(server.url))) for server in (google_drive, autodesk)]
        drive = Drive(controls[0], home / "google_drive.jsonl")
        project = Project(controls[1], home / "autodesk.jsonl")
        for simulated in (drive, project):
            simulated.rebuild()
        urls = {"s3": s3.url, "google_drive": google_drive.url, "autodesk": autodesk.url}
        configuration = endpoints_yaml(urls, secret, project.project_id, home / "office", place.since)
        (home / "endpoints.yaml").write_text(configuration, "utf-8")
        stores: dict[str, Store] = {
            COMPANY_DRIVE: drive,
            CLINIC_ACC: project,
            ENGINEERING: Bucket(s3.url, secret),
            OFFICE: Folder(home / "office"),
        }
        where = {
            COMPANY_DRIVE: f"Google Drive, simulated at {google_drive.url}",
            CLINIC_ACC: f"Autodesk Construction Cloud, simulated at {autodesk.url}",
            ENGINEERING: f"bucket {BUCKET} of a real S3 server at {s3.url}",
            OFFICE: f"folder {home / 'office'}",
        }
        for name, store in stores.items():
            fill(store, SAMPLES[name], rng)
            click.echo(f"  {len(store.listing()):3} files  {click.style(name, fg='cyan')}: {where[name]}")
        yield Stage(stores, services)


def fill(store: Store, sample: Sample, rng: random.Random) -> None:
    """Put the files of a sample where nothing is yet."""
    if store.listing():
        return
    for path, content in sample(rng):
        store.put(path, content)
    if isinstance(store, Drive):
        _fill_in_what_only_drive_has(store, rng)


def _fill_in_what_only_drive_has(drive: Drive, rng: random.Random) -> None:
    for number in range(17, 20):
        drive.write(f"{MY_DRIVE}/Minutes/Meeting {number}")
    photo = f"{SHARED_DRIVE}/Photos/IMG_001.jpg"
    drive.put_beside(photo, text(rng, 25_000))
    drive.point(f"{MY_DRIVE}/Latest RFI.pdf", f"{SHARED_DRIVE}/RFIs/RFI-012.pdf")
    # What the report about exposure is for.
    drive.share(f"{MY_DRIVE}/Minutes/Meeting 17", "anyone", "reader")
    drive.share(f"{MY_DRIVE}/Minutes/Meeting 18", "office@company.com", "writer")
    drive.share(f"{SHARED_DRIVE}/RFIs/RFI-012.pdf", "weber@statics.example", "writer")
    for number in range(3, 5):
        drive.delete(f"{SHARED_DRIVE}/RFIs/RFI-{number:03d}.pdf")
