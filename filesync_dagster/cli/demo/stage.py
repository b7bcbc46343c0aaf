"""The stores as the demo finds or makes them: served, described in endpoints.yaml, filled."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click

from filesync_dagster.cli.demo.autodesk import Project
from filesync_dagster.cli.demo.box import Box
from filesync_dagster.cli.demo.drive import Drive
from filesync_dagster.cli.demo.dropbox import Dropbox
from filesync_dagster.cli.demo.endpoints import (
    AZURE,
    BOX,
    CLINIC_ACC,
    COMPANY_DRIVE,
    DROPBOX,
    ENGINEERING,
    GCS,
    OFFICE,
    ONE_DRIVE,
    SITE,
    Arrival,
    endpoints_yaml,
)
from filesync_dagster.cli.demo.microsoft import OneDrive, SharePointSite
from filesync_dagster.cli.demo.place import SIMULATED, DemoHome
from filesync_dagster.cli.demo.record import Record
from filesync_dagster.cli.demo.replicas import archive_of, file_manager_of
from filesync_dagster.cli.demo.sample import (
    MY_DRIVE,
    SHARED_DRIVE,
    Files,
    box_files,
    bucket_files,
    drive_files,
    dropbox_files,
    folder_files,
    model_files,
    one_drive_files,
    project_files,
    scan_files,
    site_files,
    text,
)
from filesync_dagster.cli.demo.servers import run_servers, s3_server, simulators, url_of
from filesync_dagster.cli.demo.simulated_objects import SimulatedObjects
from filesync_dagster.cli.demo.simulated_stores import Control
from filesync_dagster.cli.demo.stores import BUCKET, Bucket, Folder, Store
from filesync_dagster.orchestration.processes.children import Service

Sample = Callable[[random.Random], Files]

SAMPLES: dict[str, Sample] = {
    COMPANY_DRIVE: drive_files,
    CLINIC_ACC: project_files,
    ENGINEERING: bucket_files,
    OFFICE: folder_files,
    SITE: site_files,
    ONE_DRIVE: one_drive_files,
    DROPBOX: dropbox_files,
    BOX: box_files,
    GCS: scan_files,
    AZURE: model_files,
}

SIMULATED_STORES: dict[str, tuple[str, str, Callable[[Control, Record], Store]]] = {
    COMPANY_DRIVE: ("google_drive", "Google Drive", Drive),
    CLINIC_ACC: ("autodesk", "Autodesk Construction Cloud", Project),
    SITE: ("microsoft", "a site of SharePoint", SharePointSite),
    ONE_DRIVE: ("microsoft", "the OneDrive of a person", OneDrive),
    DROPBOX: ("dropbox", "Dropbox", Dropbox),
    BOX: ("box", "Box", Box),
    GCS: ("gcs", "a bucket of Google Cloud Storage", SimulatedObjects),
    AZURE: ("azure_blob", "a container of Azure Blob Storage", SimulatedObjects),
}
"""Of which vendor each is, what it is, and how it is used."""


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
def open_stores(place: DemoHome, rng: random.Random) -> Iterator[Stage]:
    """Start what has to be started, and yield the stores, with files in them, by the names of their endpoints."""
    home = place.home
    (home / "s3" / BUCKET).mkdir(parents=True, exist_ok=True)
    archive_of(home).mkdir(exist_ok=True)
    s3, secret = s3_server(home / "s3", place.ports["s3"])
    ports = {vendor: place.ports[vendor] for vendor in SIMULATED}
    vendors = simulators(ports, file_manager_of(home))
    urls = {name: url_of(port) for name, port in place.ports.items()}
    with ExitStack() as cleanup:
        click.echo(f"Starting an S3 server, and {len(SIMULATED)} simulators in one process ...")
        services = cleanup.enter_context(run_servers([s3, vendors], place.variables, home))
        simulated = _simulated_stores(home, urls, cleanup)
        project, scans = simulated[CLINIC_ACC], simulated[GCS]
        assert isinstance(project, Project)
        assert isinstance(scans, SimulatedObjects)
        arrival = Arrival(urls, secret, project.project_id, scans.control.credentials())
        (home / "endpoints.yaml").write_text(endpoints_yaml(arrival, home, place.since), "utf-8")
        real: dict[str, Store] = {ENGINEERING: Bucket(urls["s3"], secret), OFFICE: Folder(home / "office")}
        where = {
            ENGINEERING: f"bucket {BUCKET} of a real S3 server at {urls['s3']}",
            OFFICE: f"folder {home / 'office'}",
            **{name: f"{what}, simulated at {urls[of]}" for name, (of, what, _) in SIMULATED_STORES.items()},
        }
        known = {**simulated, **real}
        stores = {name: known[name] for name in SAMPLES}
        for name, store in stores.items():
            fill(store, SAMPLES[name], rng)
            click.echo(f"  {len(store.listing()):3} files  {click.style(name, fg='cyan')}: {where[name]}")
        yield Stage(stores, services)


def _simulated_stores(home: Path, urls: Mapping[str, str], cleanup: ExitStack) -> dict[str, Store]:
    """Return the stores behind simulators as they were when the demo before ended; empty if there was none."""
    vendors = dict.fromkeys(vendor for vendor, _, _ in SIMULATED_STORES.values())
    controls = {vendor: cleanup.enter_context(closing(Control(urls[vendor]))) for vendor in vendors}
    records = {vendor: Record(home / f"{vendor}.jsonl") for vendor in vendors}
    stores: dict[str, Store] = {
        name: use(controls[vendor], records[vendor]) for name, (vendor, _, use) in SIMULATED_STORES.items()
    }
    for record in records.values():
        record.rebuild()
    return stores


def fill(store: Store, sample: Sample, rng: random.Random) -> None:
    """Put the files of a sample where nothing is yet."""
    if store.listing():
        return
    for path, content in sample(rng):
        store.put(path, content)
    if isinstance(store, Drive):
        _fill_in_what_only_drive_has(store, rng)
    if isinstance(store, Box):
        store.link("Clients/Project page", "https://nordlicht.example/projects")


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
