"""Tables over the inventory of stores that are far away: what did not change is neither fetched nor read again."""

from contextlib import closing

import pytest
import yaml

from filesync_dagster import Filesync
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster_tests.connectors.google_drive.place import DrivePlace

pytest.importorskip("filesync_dagster.tables.reading")


class BucketStore:
    """A bucket of a real server of S3."""

    kind = "s3"
    moves_are_new = 1  # S3 moves nothing: what has another key is another file

    def __init__(self, server):
        self._client, self._bucket = server.client(), server.bucket()
        keys = {"access_key_id": server.access_key_id, "secret_access_key": server.secret_access_key}
        self.details = {"bucket": self._bucket, "endpoint_url": server.endpoint_url, **keys}

    def write(self, path, content):
        self._client.put_object(Bucket=self._bucket, Key=path, Body=content)

    overwrite = write

    def rename(self, old, new):
        self._client.copy_object(Bucket=self._bucket, Key=new, CopySource={"Bucket": self._bucket, "Key": old})
        self.delete(old)

    def delete(self, path):
        self._client.delete_object(Bucket=self._bucket, Key=path)


@pytest.fixture(params=["s3", "google_drive"])
def store(request):
    """Return a store that can be written to, with its kind and details."""
    if request.param == "s3":
        yield BucketStore(request.getfixturevalue("s3_server"))
        return
    place = DrivePlace()
    place.kind, place.moves_are_new = "google_drive", 0
    with serve_simulator(place.simulator) as url:
        place.base_url = url
        place.details = {"base_url": url, **place.credentials()}
        yield place


def read_table(opened, tmp_path):
    """Return the ids of all rows of the table of all CSV files, and how many files were read for it."""
    context = SourceContext("lake", folder=tmp_path / "work", cache=tmp_path / "kept", runtime=opened.runtime)
    given = {"endpoint": "far", "pattern": "**/*.csv"}
    with closing(open_source("inventory", given, context)) as source:
        [table] = source.discover(SourceDeadline(120))
        ids = [row["id"] for batch in source.read(table) for row in batch.to_pylist()]
        return ids, source.parsed_files


def test_the_next_day_reads_only_what_changed(store, tmp_path):
    """Added, changed, moved and removed files are followed, whatever store they are in."""
    config = tmp_path / "endpoints.yaml"
    entry = {"name": "far", "type": store.kind, "endpoint_details": store.details, "guard": {"enabled": False}}
    config.write_text(yaml.safe_dump({"endpoints": [entry]}))
    for number, path in enumerate(["in/a.csv", "in/b.csv", "in/c.csv", "in/deep/d.csv"], start=1):
        store.write(path, b"id,t\n%d,x\n" % number)
    store.write("in/notes.txt", b"no table")
    with Filesync.open(config, home=tmp_path / "home") as opened:
        opened.sync("far")
        assert read_table(opened, tmp_path) == ([1, 2, 3, 4], 4)
        assert read_table(opened, tmp_path) == ([1, 2, 3, 4], 0)

        store.write("in/e.csv", b"id,t\n5,x\n")
        store.overwrite("in/b.csv", b"id,t\n22,x\n")
        store.delete("in/c.csv")
        opened.sync("far")
        assert read_table(opened, tmp_path) == ([1, 22, 4, 5], 2)

        store.rename("in/a.csv", "out/a.csv")
        opened.sync("far")
        assert read_table(opened, tmp_path) == ([22, 4, 5, 1], store.moves_are_new)
