"""rclone's own backends of Google and Azure are a second judge: they list what we list, and read what we read."""

import json
import os
import subprocess

from filesync_dagster.simulators.gcs import GcsSimulator
from filesync_dagster.simulators.gcs.store import BUCKET
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.servers import RCLONE
from filesync_dagster_tests.sync.projects import Project, live

FILES = {
    "a.txt": b"1",
    "folder/é +%41 b.txt": b"22",
    "folder/deep/c": b"x" * 300_000,
    "folder/deep/empty": b"",
    "z (1).pdf": b"333",
}


def rclone(remote, *arguments, **environment):
    """Run rclone on a remote of its own; return what it prints."""
    variables = {f"RCLONE_CONFIG_JUDGE_{name.upper()}": value for name, value in environment.items()}
    done = subprocess.run(
        [RCLONE, "--config", os.devnull, *arguments, remote],
        env={**os.environ, **variables},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def judged(place, **environment):
    """Return size and MD5 of every file as rclone finds it, read by itself."""
    found = json.loads(rclone(place, "lsjson", "-R", "--files-only", **environment))
    sums = rclone(place, "hashsum", "md5", "--download", **environment).splitlines()
    read = {name: digest for digest, _, name in (line.partition("  ") for line in sums)}
    return {one["Path"]: (one["Size"], read[one["Path"]]) for one in found}


def inventory(folder, entry):
    """Return size and MD5 of every file as our inventory has it."""
    with Project(folder, {"name": "eng", **entry}).open() as filesync:
        assert filesync.sync("eng").error is None
        return {
            row["external_id"]: (row["size"], row["content_hash"].removeprefix("md5:")) for row in live(filesync, "eng")
        }


def test_a_bucket_of_google(tmp_path):
    """Paged, with names that addresses must escape."""
    simulator = GcsSimulator()
    for name, content in FILES.items():
        simulator.store.put(name, content)
    with serve_simulator(simulator) as url:
        key = simulator.key_text(url)
        details = {"bucket": BUCKET, "base_url": url, "service_account_json": key, "page_size": 2}
        ours = inventory(tmp_path, {"type": "gcs", "endpoint_details": details})
        told = {"type": "google cloud storage", "endpoint": f"{url}/storage/v1/", "bucket_policy_only": "true"}
        token = simulator.issuer.mint("judge", "scope")["access_token"]
        theirs = judged(f"judge:{BUCKET}", **told, access_token=token)
    assert len(ours) == len(FILES)
    assert ours == theirs


def test_a_container_of_azure(tmp_path, azure_server):
    """Of Azurite, to which both speak with the key of the account."""
    container = azure_server.container()
    for name, content in FILES.items():
        azure_server.client(container).upload_blob(name, content)
    ours = inventory(tmp_path, {"type": "azure_blob", "endpoint_details": azure_server.details(container, page_size=2)})
    told = {"type": "azureblob", "account": azure_server.account, "key": azure_server.key, "endpoint": azure_server.url}
    theirs = judged(f"judge:{container}", **told)
    assert len(ours) == len(FILES)
    assert ours == theirs
