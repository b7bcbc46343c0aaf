"""kill -9 of a sync at every kind of moment: nothing is lost, doubled, or left lying about; nothing stays locked."""

import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from filesync_dagster_tests.servers import recorded
from filesync_dagster_tests.sizes import size
from filesync_dagster_tests.sync.crash_points import Plan, as_json

KEYS, PAGE, WORKERS = 150, 10, 3
PHASES = {"listing", "staging", "snapshot", "diff", "commit"}


pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request):
    """Return the address of a metadata database; None is SQLite in the home."""
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def test_a_sync_killed_anywhere_is_made_good_by_the_next_one(tmp_path, s3_server, database):
    """After each of ≥ 50 kills, on both databases together, the next sync succeeds and the inventory is the store."""
    bucket = s3_server.bucket()
    folder = s3_server.root / bucket
    for number in range(KEYS):
        path = folder / f"folder{number % 5}" / f"{number:04}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"content of {number}")
    with recorded(s3_server.endpoint_url) as proxy:
        details = s3_server.details(bucket, page_size=PAGE, list_workers=WORKERS) | {"endpoint_url": proxy.endpoint_url}
        plan = Plan(
            folder=str(tmp_path / "project"), bucket=str(folder), details=details, database=database,
            marks=proxy.endpoint_url, first_syncs=size(10, 16), later_syncs=size(18, 32), timed=size(6, 10), seed=7,
        )  # fmt: skip
        points = points_of(plan)
    requests = between_marks(proxy.requests)
    assert len(requests) == len(points)
    histogram = Counter(point["phase"] for point in points if point["killed"])
    said = f"killed in these phases: {dict(histogram)}"
    for point, asked in zip(points, requests, strict=True):
        judge(point, asked)
    assert histogram.total() >= size(28, 50), said
    assert set(histogram) >= PHASES, said


def points_of(plan: Plan) -> list[dict[str, Any]]:
    """Run the plan in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "filesync_dagster_tests.sync.crash_points", as_json(plan)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def between_marks(requests: list[str]) -> list[list[str]]:
    """Return the requests of each sync between its marks."""
    found: list[list[str]] = []
    for request in requests:
        if "/mark-begin" in request:
            found.append([])
        elif "/mark-end" in request:
            found.append([])  # what the killed sync after it asks
        elif found:
            found[-1].append(request)
    return found[::2]


def judge(point: dict[str, Any], asked: list[str]) -> None:
    """Compare what the sync after a kill left with what must be."""
    after, where = point["after"], f"killed in {point['phase'] or 'no known place'}"
    assert point["recovered"], where
    assert "crashed" not in after, f"{where}: {after}"
    assert after["result"]["status"] == "completed", f"{where}: {after['result']}"
    assert after["inventory"] == point["truth"], where  # sorted lists: a doubled row would show
    if point["expected"]:
        latest = after["journal"][-len(point["expected"]) :]
        assert {key: change for _, change, key in latest} == point["expected"], f"{where}: {latest}"
        assert len(after["journal"]) % len(point["expected"]) == 0, f"{where}: journalled twice"
    else:
        assert after["journal"] == [], where
    assert after["leases"] == [], where
    assert after["left_over"] == [], where
    judge_resume(after, asked, where)


def judge_resume(after: dict[str, Any], asked: list[str], where: str) -> None:
    """The sync after a kill asks for no more pages than those after the last checkpoint."""
    pages = [request for request in asked if "list-type=2" in request and "max-keys=1&" not in request]
    left = len(after["inventory"]) - after["checkpoint_rows"]
    # Each range that is not done ends with a page that is not full, and may have been cut in the middle of one.
    most = math.ceil(left / PAGE) + 2 * WORKERS + 4
    assert len(pages) <= most, f"{where}: {len(pages)} pages for {left} keys, {after['checkpoint_rows']} were saved"
