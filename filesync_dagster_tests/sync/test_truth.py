"""The inventory equals the store: compared with independent tools after hundreds of random changes."""

import json
import os
import re
import subprocess
from datetime import datetime
from typing import Any

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.core.model import SyncStatus
from filesync_dagster_tests.servers import RCLONE, S3Server
from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.sync import hostile_bucket
from filesync_dagster_tests.sync.hostile_bucket import HostileBucket
from filesync_dagster_tests.sync.hostile_tree import HostileTree
from filesync_dagster_tests.sync.projects import Project, Row, live

STEPS = size(40, 100)
CLI_EVERY = 20
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CONTROL = {c: chr(0x2400 + c) for c in range(0x20)} | {0x7F: "\u2421"}


def rclone(*arguments: str) -> list[Row]:
    """Run `rclone lsjson -R`."""
    done = subprocess.run(
        [str(RCLONE), "lsjson", "-R", "--config", os.devnull, *arguments], capture_output=True, check=True, text=True
    )
    return json.loads(done.stdout)


def as_rclone_names(path: str) -> str:
    """Return a path of ours as rclone spells it: control characters as pictures, U+FFFD for what is not UTF-8."""
    return re.sub(r"\\x[0-9a-f]{2}", "\ufffd", path).translate(CONTROL)


def microseconds(text: str) -> datetime:
    """Return an RFC 3339 moment, cut to microseconds."""
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))


def from_cli(project: Project, name: str) -> list[Row]:
    """Return what `filesync files --format json` prints."""
    done = project.cli("files", name, "--format", "json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [row | {"modified_at": microseconds(row["modified_at"]) if row["modified_at"] else None} for row in rows]


def local_view(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return what rclone can tell of local rows, as a multiset."""
    return sorted(
        (
            as_rclone_names(r["path"]), r["kind"], r["size"] if r["kind"] == "file" else None,
            r["modified_at"] if r["kind"] != "folder" else None,
        )
        for r in rows
    )  # fmt: skip


def rclone_local_view(root: str) -> list[tuple[Any, ...]]:
    """Return what rclone sees in a local folder."""
    found = []
    for entry in rclone("--links", root):
        link = entry["Path"].endswith(".rclonelink")
        kind = "folder" if entry["IsDir"] else "shortcut" if link else "file"
        path = entry["Path"].removesuffix(".rclonelink")
        moment = None if kind == "folder" else microseconds(entry["ModTime"])
        found.append((path, kind, entry["Size"] if kind == "file" else None, moment))
    return sorted(found)


@pytest.mark.parametrize("seed", [20261121, 20261125])
def test_a_hostile_local_tree_is_listed_as_it_is(tmp_path, seed):
    """After each of many random changes the inventory equals rclone's listing, and the system's own word."""
    root = os.fsencode(tmp_path / "tree")
    tree = HostileTree(root, seed)
    details = {"path": os.fsdecode(root), "hash": "md5", "page_size": 50}
    project = Project(
        tmp_path / "project",
        {"name": "tree", "type": "local", "endpoint_details": details, "guard": {"enabled": False}},
    )
    history = ["first sync"]
    with project.open() as filesync:
        for step in range(STEPS + 1):
            result = filesync.sync("tree")
            where = f"seed {seed}, step {step}, after {history[-1]}"
            assert result.status is SyncStatus.COMPLETED, f"{where}: {result.error} {result.warnings}"
            rows = live(filesync, "tree")
            assert exact(rows) == tree.facts(), where
            assert local_view(rows) == rclone_local_view(os.fsdecode(root)), where
            if step % CLI_EVERY == 0:
                assert local_view(from_cli(project, "tree")) == local_view(rows), where
            history.append(tree.mutate())


def exact(rows: list[Row]) -> list[Row]:
    """Return local rows with what `HostileTree.facts` tells."""
    columns = ("path", "kind", "size", "modified_at", "content_hash")
    found = [{**{c: r[c] for c in columns}, "mode": json.loads(r["permissions"])["mode"]} for r in rows]
    return sorted(found, key=lambda row: row["path"])


@pytest.mark.parametrize("seed", [20261122, 20261126])
def test_a_hostile_bucket_is_listed_as_it_is(tmp_path, s3_server, seed):
    """After each of many random changes the inventory equals rclone's listing of the bucket, and boto3's."""
    bucket = HostileBucket(s3_server.client(), s3_server.bucket(), seed, hostile_bucket.NAMES, any_key=False)
    project = bucket_project(tmp_path, s3_server, bucket)
    history = ["first sync"]
    with project.open() as filesync:
        for step in range(STEPS + 1):
            where = f"seed {seed}, step {step}, after {history[-1]}"
            rows = synced_bucket(filesync, bucket, where)
            assert object_view(rows) == rclone_object_view(s3_server, bucket.bucket), where
            if step % CLI_EVERY == 0:
                assert object_view(from_cli(project, "bucket")) == object_view(rows), where
            history.append(bucket.mutate())


@pytest.mark.parametrize(("seed", "workers", "more"), [(20261123, 3, ()), (20261124, 1, hostile_bucket.UNPRINTABLE)])
def test_keys_that_are_no_paths_are_listed_as_they_are(tmp_path, moto_s3, seed, workers, more):
    """After each of many random changes the inventory equals boto3's listing of keys that no file system holds."""
    names = (*hostile_bucket.NAMES, *hostile_bucket.ODD, *more)
    bucket = HostileBucket(moto_s3.client(), moto_s3.bucket(), seed, names, any_key=True)
    project = bucket_project(tmp_path, moto_s3, bucket, workers)
    history = ["first sync"]
    with project.open() as filesync:
        for step in range(STEPS + 1):
            where = f"seed {seed}, step {step}, after {history[-1]}"
            rows = synced_bucket(filesync, bucket, where)
            if step % CLI_EVERY == 0:
                assert from_cli(project, "bucket") == [
                    {
                        name: row[name]
                        for name in ("external_id", "path", "kind", "size", "modified_at", "version", "content_hash")
                    }
                    for row in rows
                ], where
            history.append(bucket.mutate())


def bucket_project(tmp_path, server: S3Server, bucket: HostileBucket, workers: int = 3) -> Project:
    """Return a project that watches the bucket in small pages, several ranges at once, without a guard."""
    details = server.details(bucket.bucket, page_size=20, list_workers=workers)
    endpoint = {"name": "bucket", "type": "s3", "endpoint_details": details, "guard": {"enabled": False}}
    return Project(tmp_path / "project", endpoint)


def synced_bucket(filesync: Filesync, bucket: HostileBucket, where: str) -> list[Row]:
    """Sync, compare with boto3's listing, and return the rows."""
    result = filesync.sync("bucket")
    assert result.status is SyncStatus.COMPLETED, f"{where}: {result.error} {result.warnings}"
    rows = live(filesync, "bucket")
    found = [
        {name: row[name] for name in ("external_id", "path", "kind", "size", "modified_at", "version")} for row in rows
    ]
    assert sorted(found, key=lambda row: row["path"]) == bucket.listing(), where
    return rows


def object_view(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return what rclone can tell of objects."""
    return sorted((as_rclone_names(r["path"]), r["size"], r["modified_at"], r["content_hash"]) for r in rows)


def rclone_object_view(server: S3Server, bucket: str) -> list[tuple[Any, ...]]:
    """Return what rclone sees in a bucket."""
    remote = (
        f":s3,provider=Other,endpoint='{server.endpoint_url}',access_key_id={server.access_key_id},"
        f"secret_access_key={server.secret_access_key},force_path_style=true:{bucket}"
    )
    entries = rclone("--files-only", "--hash", "--use-server-modtime", remote)
    return sorted((e["Path"], e["Size"], microseconds(e["ModTime"]), f"md5:{e['Hashes']['md5']}") for e in entries)
