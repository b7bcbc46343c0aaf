"""kill -9 at each point of a run: the next one ends it, and nothing is sent twice but what was on its way."""

import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from filesync_dagster.connectors.destination import PART_SUFFIX
from filesync_dagster_tests.replication import victim
from filesync_dagster_tests.replication.places import BucketOfFolder, files_below
from filesync_dagster_tests.servers import recorded
from filesync_dagster_tests.sync.projects import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SMALL_FILES, CONCURRENCY = 40, 4
LOCAL = (
    ("plan written", 1), ("plan begun", 1), ("operation marked", 1), ("operation marked", 2), ("first block", 1),
    ("mid-part", 3), ("before publish", 1), ("before publish", 20), ("after publish", 1), ("after publish", 25),
    ("before commit", 1), ("before commit", 2), ("before the end", 1),
)  # fmt: skip
BUCKET = (("first block", 1), ("mid-part", 10), ("before put", 9), ("before complete", 1), ("after put", 1),
          ("after put", 25), ("before commit", 1), ("before the end", 1))  # fmt: skip


def kill(project: Project, point: str, times: int) -> None:
    """Replicate in a process that kills itself at a point."""
    arguments = [str(project.config), json.dumps(project.variables), "copy", point, str(times)]
    command = [sys.executable, "-m", "filesync_dagster_tests.replication.victim", *arguments]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done
    assert done.stdout.strip() == victim.READY


def make_files(root: Path, large_bytes: int) -> None:
    """Write what is to be copied."""
    place = BucketOfFolder(root)
    for number in range(SMALL_FILES):
        place.write(f"folder{number % 3}/{number}.txt", f"content of {number}".encode() * 50)
    place.write("large.bin", bytes(range(256)) * (large_bytes // 256))


def judge(project: Project, source: Path, target: Path) -> None:
    """Run again: all of it is there, and then there is nothing to do."""
    with project.open() as filesync:
        result = filesync.replications.replicate("copy")
        assert (result.status, result.failed, result.stale, result.foreign) == ("completed", 0, 0, 0), result
        assert files_below(target) == files_below(source)
        assert filesync.replications.replicate("copy").plan_id is None
        known = {row["dest_path"] for rows in filesync.replications.files("copy") for row in rows.to_pylist()}
        assert known >= set(files_below(source))


def judge_requests(requests: list[str], method: str, bucket: str) -> None:
    """Every file was sent once; those that were on their way twice."""
    sent = Counter(
        unquote(urlsplit(address).path)
        for asked, _, address in (one.partition(" ") for one in requests)
        if asked == method and urlsplit(address).path.startswith(f"/{bucket}/") and "partNumber" not in address
    )
    assert len(sent) >= SMALL_FILES
    twice = {path: count for path, count in sent.items() if count > 1}
    assert max(sent.values()) <= 2, twice
    assert len(twice) <= CONCURRENCY, twice


def replication(destination: dict[str, object]) -> dict[str, object]:
    """Return the replication."""
    return {"name": "copy", "source": "files", "destination": destination, "concurrency": CONCURRENCY}


@pytest.mark.parametrize(("point", "times"), LOCAL)
def test_killed_while_it_copies_to_a_folder(tmp_path, s3_server, request, point, times):
    """Half of them with PostgreSQL."""
    on_postgresql = LOCAL.index((point, times)) % 2
    database = request.getfixturevalue("postgres_tables_url") if on_postgresql else None
    bucket, target = s3_server.bucket(), tmp_path / "target"
    source = s3_server.root / bucket
    target.mkdir()
    make_files(source, 5 << 20)
    with recorded(s3_server.endpoint_url) as proxy:
        project = Project(tmp_path / "project", database=database)
        project.replications = [replication({"type": "local", "endpoint_details": {"path": str(target)}})]
        details = s3_server.details(bucket) | {"endpoint_url": proxy.endpoint_url}
        project.write({"name": "files", "type": "s3", "endpoint_details": details})
        with project.open() as filesync:
            assert filesync.sync("files").error is None
        kill(project, point, times)
        judge(project, source, target)
        judge_requests(proxy.requests, "GET", bucket)
    left = list(target.rglob(f"*{PART_SUFFIX}"))
    assert len(left) <= CONCURRENCY


@pytest.mark.parametrize(("point", "times"), BUCKET)
def test_killed_while_it_copies_to_a_bucket(tmp_path, s3_server, point, times):
    """What the store acknowledged is not put again."""
    bucket, copy = s3_server.bucket(), s3_server.bucket()
    source, target = s3_server.root / bucket, s3_server.root / copy
    make_files(source, 17 << 20)
    with recorded(s3_server.endpoint_url) as proxy:
        project = Project(tmp_path / "project")
        details = s3_server.details(copy) | {"endpoint_url": proxy.endpoint_url}
        project.replications = [replication({"type": "s3", "endpoint_details": details})]
        project.write({"name": "files", "type": "s3", "endpoint_details": s3_server.details(bucket)})
        with project.open() as filesync:
            assert filesync.sync("files").error is None
        kill(project, point, times)
        judge(project, source, target)
        judge_requests(proxy.requests, "PUT", copy)


RENAMES = (("before commit", 1), ("before commit", 2), ("before the end", 1))


@pytest.mark.parametrize("kind", ["folder", "bucket"])
@pytest.mark.parametrize(("point", "times"), RENAMES)
def test_killed_after_renames(tmp_path, s3_server, kind, point, times):
    """Chains and swaps of which nothing is written down yet: each file ends where it belongs."""
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    destination: dict[str, object] = {"type": "local", "endpoint_details": {"path": str(target)}}
    if kind == "folder":
        target.mkdir()
    else:
        bucket = s3_server.bucket()
        target = s3_server.root / bucket
        destination = {"type": "s3", "endpoint_details": s3_server.details(bucket)}
    for name in "abcdefgh":
        (source / name).write_text(f"{name} has so much in it: {name * 10}")
    project = Project(tmp_path / "project")
    project.replications = [replication(destination)]
    project.write({"name": "files", "type": "local", "endpoint_details": {"path": str(source)}})
    with project.open() as filesync:
        assert filesync.sync("files").error is None
        assert filesync.replications.replicate("copy").status == "completed"
        for old, new in (("d", "i"), ("c", "d"), ("b", "c"), ("e", "x"), ("f", "e"), ("x", "f")):
            (source / old).rename(source / new)
        assert filesync.sync("files").error is None
    kill(project, point, times)
    with project.open() as filesync:
        results = [filesync.replications.replicate("copy") for _ in range(2)]
        assert results[-1].status == "completed", (results, filesync.replications.problems("copy"))
        assert files_below(target) == files_below(source)
        assert results[0].bytes_sent == 0
