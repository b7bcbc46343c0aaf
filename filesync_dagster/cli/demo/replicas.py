"""The replications of the demo: the bucket, kept in a folder and at a file manager."""

import os
from pathlib import Path

import click

from filesync_dagster.cli.demo.place import DemoHome
from filesync_dagster.cli.demo.stores import Bucket, Listing
from filesync_dagster.cli.plan import SOMETHING

TO_FOLDER, TO_FILE_MANAGER = "drawings_to_archive", "drawings_to_file_manager"

OWN_FOLDERS = (".filesync-trash", ".file_manager")
"""What is beside the files: what was deleted, and what the file manager keeps for itself."""

REPLICATIONS = """
replications:
  - name: {to_folder}
    title: Archive
    description: Drawings and specifications, copied to a folder of this machine.
    source: {source}
    destination: {{type: local, endpoint_details: {{path: {archive}}}}}

  - name: {to_file_manager}
    title: File manager
    description: The same, sent to a file manager (simulated).
    source: {source}
    destination: {{type: file_manager, endpoint_details: {{base_url: {file_manager_url}}}}}
"""


def show_plan(place: DemoHome) -> int:
    """Show what would be done; return 1 when that failed."""
    return int(place.run("plan", TO_FOLDER) not in {0, SOMETHING})


def replicate(place: DemoHome) -> int:
    """Do it, for both; return the exit code."""
    return place.run("replicate", TO_FOLDER, TO_FILE_MANAGER)


def compare(place: DemoHome, bucket: Bucket) -> bool:
    """Compare both replicas with the bucket, as `os.walk` sees them; tell whether they are equal."""
    click.secho("\nAre the replicas the same?", bold=True)
    expected = sorted(bucket.listing())
    equal = True
    for name, folder in ((TO_FOLDER, archive_of(place.home)), (TO_FILE_MANAGER, file_manager_of(place.home))):
        found = sorted(_walk(folder))
        same = found == expected
        equal &= same
        verdict = click.style("equal", fg="green") if same else click.style("DIFFERENT", fg="red")
        click.echo(f"  {name:<24}  {len(found):3} files there, {len(expected):3} in the bucket: {verdict}")
    return equal


def archive_of(home: Path) -> Path:
    """Return the folder that the bucket is copied to."""
    return home / "archive"


def file_manager_of(home: Path) -> Path:
    """Return where the file manager stores."""
    return home / "file_manager"


def _walk(root: Path) -> Listing:
    found: Listing = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in OWN_FOLDERS]
        paths = [Path(folder) / name for name in files]
        found += [(str(path.relative_to(root)), path.stat().st_size) for path in paths]
    return found
