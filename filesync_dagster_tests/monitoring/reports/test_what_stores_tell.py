"""Exposure and duplicates over rows as the connectors give them, of simulated and real stores."""

import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.model import Meter
from filesync_dagster.monitoring.reports.snapshot_set import Held
from filesync_dagster_tests.connectors.autodesk.place import AutodeskPlace
from filesync_dagster_tests.connectors.google_drive.place import DrivePlace
from filesync_dagster_tests.connectors.local.place import LocalPlace
from filesync_dagster_tests.connectors.s3.place import KEYS, S3Place
from filesync_dagster_tests.monitoring.reports.world import OWN, written


@pytest.fixture
def holding(tmp_path):
    """Return what lists a place and keeps its rows, as a snapshot of an endpoint."""

    def hold(endpoint, kind, place):
        source = place.open(Meter())
        try:
            batches = [page.batch for scope in source.scopes() for page in source.list(scope)]
        finally:
            source.close()
        file = tmp_path / f"{endpoint}.parquet"
        pq.write_table(pa.Table.from_batches(batches), file)
        return Held(endpoint, kind, endpoint, file)

    return hold


def exposed(tmp_path, *held, settings=OWN):
    """Return {name: (reach, who, may)}, and the numbers."""
    numbers, rows, _ = written("exposure", held, tmp_path, settings)
    return {row["path"].rpartition("/")[2]: (row["reach"], row["who"], row["may"]) for row in rows}, numbers


def test_google_drive(holding, tmp_path):
    """What is shared with the link, with somebody else, and with nobody."""
    place = DrivePlace(include_permissions=True)
    for name in ("public.txt", "outside.txt", "inside.txt"):
        place.write(name, b"x")
    place.store.share(place.id_of("public.txt"), "anyone")
    place.store.share(place.id_of("outside.txt"), "eve@evil.org", "writer")
    place.store.share(place.id_of("inside.txt"), "bob@example.com", "writer")
    own = OWN.model_copy(update={"own_domains": ["example.com"]})
    found, numbers = exposed(tmp_path, holding("drive", "google_drive", place), settings=own)
    assert found == {
        "public.txt": ("public", "anyone with the link", "read"),
        "outside.txt": ("external", "eve@evil.org", "write"),
    }
    assert numbers["files_untold"] == 0


def test_autodesk(holding, tmp_path):
    """A folder for another company: what lies in it is theirs to see, and what lies below it."""
    place = AutodeskPlace(include_permissions=True)
    for path in ("plans/a.pdf", "plans/2026/b.pdf", "minutes/c.pdf"):
        place.write(path, b"x")
    place.store.share(place.site.folder("plans"), "Concrete Inc.", "COMPANY", ["PUBLISH"])
    own = OWN.model_copy(update={"own_domains": ["example.com"]})
    found, numbers = exposed(tmp_path, holding("acc", "autodesk", place), settings=own)
    assert found == dict.fromkeys(("plans", "2026", "a.pdf", "b.pdf"), ("external", "Concrete Inc.", "write"))
    assert (numbers["files_external"], numbers["folders_external"], numbers["files_untold"]) == (2, 2, 0)


def test_s3(holding, tmp_path, moto_s3):
    """A canned ACL, as people set it."""
    place = S3Place(moto_s3, KEYS, include_permissions=True)
    for key in ("private.txt", "public.txt"):
        place.write(key, b"x")
    moto_s3.client().put_object_acl(Bucket=place.bucket, Key="public.txt", ACL="public-read")
    found, _ = exposed(tmp_path, holding("bucket", "s3", place), settings=OWN.model_copy(update={"own_accounts": []}))
    assert found == {"public.txt": ("public", "anyone", "read")}


def test_local(holding, tmp_path):
    """The mode of a file."""
    (tmp_path / "place").mkdir()
    place = LocalPlace(tmp_path / "place")
    for path, mode in (("open.txt", 0o644), ("shut.txt", 0o600), ("folder/theirs.txt", 0o666)):
        place.write(path, b"x")
        (place.root / path).chmod(mode)
    (place.root / "folder").chmod(0o777)
    found, _ = exposed(tmp_path, holding("share", "local", place))
    who = "every user of the machine"
    assert found == {
        "open.txt": ("machine", who, "read"),
        "theirs.txt": ("machine", who, "write"),
        "folder": ("machine", who, "write"),
    }


def test_the_same_file_in_a_drive_a_bucket_and_a_folder(holding, tmp_path, moto_s3):
    """Drive tells both hashes: it joins a bucket that tells MD5 and a folder that is hashed with SHA-256."""
    (tmp_path / "place").mkdir()
    places = {
        "drive": ("google_drive", DrivePlace()),
        "bucket": ("s3", S3Place(moto_s3, KEYS)),
        "share": ("local", LocalPlace(tmp_path / "place", hash="sha256")),
    }
    for name, (_, place) in places.items():
        place.write("same.txt", b"the same everywhere")
        place.write("own.txt", name.encode())
    os.link(places["share"][1].root / "same.txt", places["share"][1].root / "another name.txt")
    held = [holding(name, kind, place) for name, (kind, place) in places.items()]
    numbers, [group], _ = written("duplicates", held, tmp_path)
    assert group["endpoints"] == ["bucket", "drive", "share"]
    assert group["copies"] == 3
    assert numbers["files_hashed"] == 7
    # Without the Drive nobody can tell.
    assert written("duplicates", [held[0], held[2]], tmp_path)[0]["groups"] == 1
    assert written("duplicates", held[1:], tmp_path)[0]["groups"] == 0
