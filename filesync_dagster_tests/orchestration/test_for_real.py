"""Dagster for real: three processes, runs and backfills through GraphQL, a browser that looks."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster_tests.orchestration.dagster_processes import running_dagster
from filesync_dagster_tests.orchestration.versioned_bucket import bucket_with_a_past, moto_in_process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500), pytest.mark.xdist_group("dagster for days")]

CHROMIUM = Path("/usr/bin/chromium")
QUIET = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Return a running Dagster over a versioned bucket with a past, a folder, a folder that is not there, a typo."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "photos").mkdir()
    for i in range(12):
        (folder / "photos" / f"photo {i}.jpg").write_bytes(b"p" * (1000 + i))
    today = datetime.now(UTC).date()
    days = [today - timedelta(days=back) for back in range(10, 0, -1)]
    with ExitStack() as stack:
        server = stack.enter_context(moto_in_process())
        states = bucket_with_a_past(server, "engineering", days)
        config = folder / "endpoints.yaml"
        manual = {"schedule": "manual", "project_id": "eng-project-001"}
        endpoints = [
            {
                "name": "engineering_files",
                "title": "Engineering Files",
                "user_id": "engineer@company.com",
                "type": "s3",
                "endpoint_details": server.details("engineering"),
                "filters": {"file_types": ["dwg", "pdf"], "exclude": ["**/~$*"]},
                **manual,
            },
            {"name": "photos", "type": "local", "endpoint_details": {"path": "photos"}, **manual},
            {"name": "nowhere", "type": "local", "endpoint_details": {"path": "nowhere"}, **manual},
            {"name": "lively", "type": "local", "endpoint_details": {"path": "photos"}},
            {"name": "Misspelt Drive", "type": "locl", "endpoint_details": {"path": "x"}},
        ]
        settings = {"partitions": {"start_date": f"{days[0] - timedelta(days=2)}"}}
        config.write_text(json.dumps({"settings": settings, "endpoints": endpoints}))
        variables = {"FILESYNC_HOME": str(folder / "home"), **_inherited()}
        dagster = stack.enter_context(running_dagster(config, variables))
        filesync = stack.enter_context(Filesync(load_config(read_environment(config, variables))))
        yield dagster, filesync, states, folder


def _inherited():
    import os

    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def test_a_failing_endpoint_does_not_stop_its_neighbours(project):
    """In one run the good endpoints materialize, and the run says which one failed."""
    dagster, filesync, states, _ = project
    names = ("engineering_files", "photos", "nowhere")
    today = f"{datetime.now(UTC).date()}"
    run_id = dagster.launch(today, *(["filesync", name] for name in names))
    assert dagster.run_ended(run_id) == "FAILURE"
    stats = {name: dagster.partitions("filesync", name) for name in names}
    assert {name: stat["numMaterialized"] for name, stat in stats.items()} == {
        "engineering_files": 1,
        "photos": 1,
        "nowhere": 0,
    }
    assert _paths(filesync, "engineering_files") == set(list(states.values())[-1])
    assert {status.name: status.state for status in filesync.status()}["nowhere"] == "failed"


def test_ten_days_of_a_versioned_bucket_are_backfilled(project):
    """Every day's inventory is what the bucket held in the evening of that day; days before it existed fail."""
    dagster, filesync, states, _ = project
    first = min(states)
    before = [f"{first - timedelta(days=2)}"]
    backfill = dagster.backfill([*before, *(f"{day}" for day in states)], ["filesync", "engineering_files"])
    assert dagster.backfill_ended(backfill).startswith("COMPLETED")
    for day, state in states.items():
        evening = datetime(day.year, day.month, day.day, 23, 59, 59, 999_999, tzinfo=UTC)
        rows = [row for batch in filesync.files("engineering_files", as_of=evening) for row in batch.to_pylist()]
        assert {row["path"]: row["size"] for row in rows} == {key: len(body) for key, body in state.items()}, day
    stats = dagster.partitions("filesync", "engineering_files")
    assert stats["numMaterialized"] >= len(states)
    assert stats["numFailed"] == len(before)


def test_reports_are_backfilled(project):
    """The reports of past days can be written from what is stored."""
    dagster, _, states, folder = project
    days = sorted(f"{day}" for day in states)[-3:]
    reports = ("daily_changes", "storage_growth", "storage_by_type")
    backfill = dagster.backfill(days, *(["filesync_reports", report] for report in reports))
    assert dagster.backfill_ended(backfill) in ("COMPLETED", "COMPLETED_SUCCESS")
    for report in reports:
        assert dagster.partitions("filesync_reports", report)["numMaterialized"] >= len(days)
        assert (folder / "home" / "reports" / report / f"{days[-1]}.svg").exists()


def test_a_new_endpoint_is_synced_by_itself(project):
    """Nobody started it: the sensor saw that it was never synced."""
    _, filesync, _, _ = project
    assert _eventually(lambda: {s.name: s.state for s in filesync.status()}["lively"] == "ok")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium")
def test_the_asset_graph_shows_in_a_browser(project, tmp_path):
    """A browser sees the endpoints, what they come from, and the reports."""
    dagster, _, _, _ = project
    from playwright.sync_api import sync_playwright

    # Whatever ran before this test, and wherever: there is a report to look at.
    report = dagster.launch(f"{datetime.now(UTC).date()}", ["filesync_reports", "daily_changes"])
    assert dagster.run_ended(report) == "SUCCESS"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=QUIET)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        for name, path in PAGES.items():
            page.goto(f"{dagster.url}{path}")
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(3000)
            page.screenshot(path=str(tmp_path / f"{name}.png"))
        page.goto(f"{dagster.url}{PAGES['project']}")
        page.get_by_text("engineering_files").first.wait_for(timeout=60_000)
        page.goto(f"{dagster.url}{PAGES['changes']}")
        page.get_by_text("Show Markdown").first.click(timeout=60_000)
        chart = page.locator("img[src^='data:image/svg']").first
        chart.wait_for(timeout=60_000)
        assert chart.evaluate("image => image.naturalWidth") > 0
        page.screenshot(path=str(tmp_path / "chart.png"))
        browser.close()
    assert all((tmp_path / f"{name}.png").stat().st_size > 20_000 for name in PAGES)


PAGES = {
    "graph": "/asset-groups",
    "project": "/locations/filesync/asset-groups/eng_project_001",
    "endpoint": "/assets/filesync/engineering_files?view=overview",
    "partitions": "/assets/filesync/engineering_files?view=partitions",
    "plots": "/assets/filesync/engineering_files?view=events",
    "checks": "/assets/filesync/nowhere?view=checks",
    "broken": "/assets/filesync/Misspelt_Drive?view=overview",
    "changes": "/assets/filesync_reports/daily_changes?view=events",
    "growth": "/assets/filesync_reports/storage_growth?view=events",
    "runs": "/runs",
    "automation": "/automation",
}


def _paths(filesync, name):
    return {row["path"] for batch in filesync.files(name) for row in batch.to_pylist() if row["kind"] == "file"}


def _eventually(look, patience=240):
    import time

    deadline = time.monotonic() + patience
    while not look():
        if time.monotonic() > deadline:
            return False
        time.sleep(2)
    return True
