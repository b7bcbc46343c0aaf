"""What maintenance lets go of: old plans, and uploads in parts that nobody goes on with. Of ours only."""

import os
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from sqlalchemy import update

from filesync_dagster.api import Filesync
from filesync_dagster.replication.retention import maintain_replications
from filesync_dagster.storage.database.tables import operations, plans
from filesync_dagster_tests.servers import rclone_s3

LONG_AGO = datetime.now(UTC) - timedelta(hours=25)


@pytest.fixture
def bucket(tmp_path):
    """A bucket of a real server, and its client."""
    (tmp_path / "s3").mkdir()
    with rclone_s3(tmp_path / "s3") as server:
        yield server, server.bucket()


def test_only_our_own_uploads_are_forgotten(tmp_path, bucket):
    """Somebody else's that is as old stays: nothing foreign at a destination is ever deleted."""
    server, name = bucket
    (tmp_path / "source").mkdir()
    (tmp_path / "source/large.bin").write_bytes(b"x")
    destination = {"type": "s3", "endpoint_details": server.details(name)}
    config = {
        "endpoints": [{"name": "files", "type": "local", "endpoint_details": {"path": str(tmp_path / "source")}}],
        "replications": [{"name": "copy", "source": "files", "destination": destination}],
    }
    (tmp_path / "endpoints.yaml").write_text(yaml.safe_dump(config))
    client = server.client()
    ours = client.create_multipart_upload(Bucket=name, Key="large.bin")["UploadId"]
    foreign = client.create_multipart_upload(Bucket=name, Key="of-somebody-else.bin")["UploadId"]
    with Filesync.open(tmp_path / "endpoints.yaml", home=tmp_path / "home") as filesync:
        filesync.sync("files")
        filesync.replications.replicate("copy")
        resume = {"upload_id": ours, "key": "large.bin", "part_size": 8 << 20}
        _begin_long_ago(filesync, resume)

        assert maintain_replications(filesync.runtime)["uploads"] == 1
        assert maintain_replications(filesync.runtime)["uploads"] == 0

    left = {one["UploadId"] for one in client.list_multipart_uploads(Bucket=name).get("Uploads", ())}
    assert left == {foreign}


def _begin_long_ago(filesync: Filesync, resume: dict[str, object]) -> None:
    """Let the operations of the last plan look like one that was given up in the middle of an upload."""
    with filesync.runtime.metadata._database.write_transaction() as connection:
        connection.execute(update(operations).values(resume=resume, state="failed", started_at=LONG_AGO))
        connection.execute(update(plans).values(status="partial"))


def test_states_go_with_the_plans(tmp_path):
    """Those of runs past their time, also of replications that are not configured any more."""
    (tmp_path / "endpoints.yaml").write_text("endpoints: []\n")
    with Filesync.open(tmp_path / "endpoints.yaml", home=tmp_path / "home") as filesync:
        days = filesync.config.settings.retention.journal_days
        old, young = (tmp_path / "home/state/gone" / name for name in ("old", "young"))
        for run in (old, young):
            run.mkdir(parents=True)
            (run / "new.csv").touch()
        os.utime(old, (0, (datetime.now(UTC) - timedelta(days=days + 1)).timestamp()))

        assert maintain_replications(filesync.runtime, dry_run=True)["states"] == 1
        assert old.exists()
        assert maintain_replications(filesync.runtime)["states"] == 1

    assert (old.exists(), young.exists()) == (False, True)
