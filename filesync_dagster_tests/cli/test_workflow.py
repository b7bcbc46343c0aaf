"""The whole story of the S3 sync service: a customer's bucket, kept at a file manager. `make test-workflow` plays it.

Real servers, the command line as a person types it, and each step judged by who was not asked to do it: the folder
below the S3 server against the folder below the file manager.
"""

import csv
import io
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result

from filesync_dagster.simulators.file_manager import FileManagerSimulator
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.servers import S3Server, rclone_s3

REPLICATION = "customer_s3_to_file_manager"


@dataclass
class Workflow:
    """The customer's bucket, the file manager, and filesync between them."""

    shell: Any
    server: S3Server
    bucket: str
    address: str
    manager: FileManagerSimulator
    root: Path  # of the file manager

    def filesync(self, *arguments: str, expected: int = 0) -> Result:
        """Run a command; show it, as `make test-workflow` does."""
        result: Result = self.shell.run(*arguments)
        sys.stdout.write(f"\n$ filesync {' '.join(arguments)}\n{result.output.rstrip()}\n")
        assert result.exit_code == expected, result.output
        return result

    def put(self, key: str, content: str) -> None:
        """Let the customer put an object."""
        self.server.client().put_object(Bucket=self.bucket, Key=key, Body=content.encode())

    def customer_files(self) -> dict[str, bytes]:
        """Return what the customer has."""
        assert self.server.root is not None
        return _contents(self.server.root / self.bucket)

    def managed_files(self) -> dict[str, bytes]:
        """Return what the file manager has."""
        return {path: content for path, content in _contents(self.root).items() if not path.startswith(".file_manager")}

    def states(self) -> tuple[Path, Path]:
        """Return the CSV files of the last run, before and after."""
        run = max((self.shell.home / "state" / REPLICATION).iterdir())
        return run / "old.csv", run / "new.csv"


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def workflow(shell, tmp_path) -> Iterator[Workflow]:
    """The servers, and a configuration made of the environment of the seed."""
    (tmp_path / "s3").mkdir()
    manager = FileManagerSimulator(tmp_path / "managed")
    with (
        rclone_s3(tmp_path / "s3") as server,
        serve_simulator(manager, "127.0.0.1", 0) as at,
    ):
        bucket = server.bucket()
        shell.variables |= {
            "CUSTOMER_S3_ENDPOINT": server.endpoint_url,
            "CUSTOMER_S3_BUCKET": bucket,
            "CUSTOMER_S3_ACCESS_KEY": server.access_key_id,
            "CUSTOMER_S3_SECRET_KEY": server.secret_access_key,
            "MOCK_API_URL": at,
            "SYNC_INTERVAL": "300",
        }
        yield Workflow(shell, server, bucket, at, manager, tmp_path / "managed")
    manager.close()


def test_the_whole_story(workflow):
    """Initial sync, changes, events, incremental sync, the state before and after as CSV, the report."""
    for key in ("docs/report.pdf", "docs/plan.txt", "images/photo.jpg", "readme.md", "old/notes.txt"):
        workflow.put(key, f"{key}, first version")
    workflow.filesync("init", "--from-env", "--force")
    workflow.filesync("validate")
    workflow.filesync("test")
    workflow.filesync("sync")
    assert "5 to create" in workflow.filesync("plan", REPLICATION, expected=2).output
    workflow.filesync("replicate", REPLICATION, "--initial")
    assert workflow.managed_files() == workflow.customer_files()

    client = workflow.server.client()
    workflow.put("docs/plan.txt", "docs/plan.txt, second version")
    workflow.put("docs/new.txt", "new")
    client.copy_object(Bucket=workflow.bucket, Key="archive/notes.txt", CopySource=f"{workflow.bucket}/old/notes.txt")
    client.delete_object(Bucket=workflow.bucket, Key="old/notes.txt")
    client.delete_object(Bucket=workflow.bucket, Key="readme.md")
    _tell(workflow, "docs/new.txt")
    received = workflow.filesync("events", "--receive")
    assert "customer_s3" in received.output
    workflow.filesync("sync")
    workflow.filesync("replicate", REPLICATION)
    assert workflow.managed_files() == workflow.customer_files()

    old, new = workflow.states()
    assert {row["file_path"] for row in csv.DictReader(io.StringIO(new.read_text()))} == set(workflow.customer_files())
    compared = workflow.filesync("diff", str(old), str(new), "--json").output
    found = {(one["op"], one["file_path"]) for one in map(json.loads, compared.splitlines())}
    assert found >= {("delete", "readme.md"), ("update", "docs/plan.txt"), ("create", "docs/new.txt")}
    reports = workflow.manager.store.reports()
    assert [report["sync_type"] for report in reports] == ["initial", "incremental"]
    assert all(report["success"] for report in reports)
    assert "up to date" in workflow.filesync("status").output
    workflow.filesync("plan", REPLICATION, expected=0)


def _tell(workflow: Workflow, key: str) -> None:
    """Let the file manager have an event about a key: somebody saved it there, too, and took it away again."""
    path = f"/{key}"
    saved = httpx.post(
        f"{workflow.address}/saveToDisk",
        data={"operation": "create", "file_path": path},
        files={"file": ("x", b"by somebody else")},
    )
    assert saved.status_code == 200, saved.text
    removed = httpx.post(f"{workflow.address}/saveToDisk", data={"operation": "delete", "file_path": path})
    assert removed.status_code == 200, removed.text
