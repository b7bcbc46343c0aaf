"""`filesync serve` beside a real Dagster: what is asked for over REST is a run there, and /health knows how it is."""

import os
import time
from dataclasses import replace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings

from filesync_dagster_tests.orchestration.dagster_processes import running_dagster
from filesync_dagster_tests.web.conftest import SECRET, TOKEN, made_in, served

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("one Dagster for all")]
MAY = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def together(tmp_path_factory):
    """Return a project, the address of its server, and its Dagster."""
    with made_in(tmp_path_factory.mktemp("together")) as project:
        project.file.write_text(project.file.read_text().replace("guard:", "schedule: manual\n    guard:"))
        with (
            running_dagster(project.file, dict(os.environ)) as dagster,
            served(replace(project.site, dagster_url=dagster.url)) as address,
        ):
            yield project, address, dagster


def until(look, patience=180):
    """Wait until something is true, and return it."""
    deadline = time.monotonic() + patience
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    return found


def endpoint(address, name="docs"):
    """What is told of an endpoint."""
    answer = httpx.get(f"{address}/sync/status", params={"endpoint": name}, headers=MAY, timeout=60)
    return answer.json()["endpoints"][0]


def test_a_sync_is_asked_for_over_rest_and_followed(together):
    """The run is Dagster's; its id is in the log of the sync."""
    _, address, dagster = together

    launched = httpx.post(f"{address}/sync/initial", json={"endpoints": ["docs"]}, headers=MAY, timeout=60)
    assert launched.status_code == 202, launched.text
    (run_id,) = launched.json()["run_ids"]
    assert dagster.run_ended(run_id) == "SUCCESS"

    told = httpx.get(
        f"{address}/sync/status", params={"endpoint": "docs", "run_id": run_id}, headers=MAY, timeout=60
    ).json()
    assert (told["runs"][0]["status"], told["runs"][0]["full"], told["runs"][0]["endpoints"]) == (
        "SUCCESS",
        True,
        ["docs"],
    )
    assert told["runs"][0]["url"] == launched.json()["urls"][0]
    (known,) = told["endpoints"]
    assert (known["state"], known["files_total"], known["last_sync"]["run_id"]) == ("ok", 4, run_id)
    assert httpx.get(f"{address}/sync/status?run_id=00000000", headers=MAY, timeout=60).status_code == 404


def test_a_second_launch_waits_for_the_first(together):
    """It is not a run that fails because the endpoint is busy: what is asked for waits until it is done."""
    _, address, dagster = together

    launches = [
        httpx.post(f"{address}/sync/incremental", json={"endpoints": ["docs"]}, headers=MAY, timeout=60).json()
        for _ in range(2)
    ]
    (run_id,) = launches[0]["run_ids"]

    assert (launches[1]["run_ids"], launches[1]["waiting"]) == ([], ["docs"])
    assert dagster.run_ended(run_id) == "SUCCESS"
    until(lambda: "filesync_requests_waiting 0.0" in httpx.get(f"{address}/metrics", timeout=30).text)


def test_dagster_is_healthy_while_it_runs(together):
    """Web server and daemons; the metrics say it too."""
    _, address, _ = together

    def healthy():
        told = httpx.get(f"{address}/health", timeout=30).json()
        return {c["name"]: c["status"] for c in told["components"]} if told["status"] != "failing" else None

    components = until(healthy)

    assert (components["dagster_webserver"], components["dagster_daemon"]) == ("ok", "ok")
    metrics = httpx.get(f"{address}/metrics", timeout=30).text
    assert "filesync_dagster_webserver_up 1.0" in metrics
    assert "filesync_dagster_daemon_up 1.0" in metrics


def test_a_notification_becomes_a_sync(together):
    """A store notifies; Dagster's sensor takes the request; the new file is in the inventory."""
    project, address, _ = together
    (project.folder / "store" / "new").write_text("n")

    answer = httpx.post(f"{address}/webhooks/docs", headers={"authorization": f"Bearer {SECRET}"}, timeout=60)

    assert answer.status_code == 202
    until(lambda: endpoint(address)["files_total"] == len(list((project.folder / "store").iterdir())), 300)


@pytest.mark.parametrize("path", ["/sync/initial", "/sync/incremental"])
def test_made_up_launches_are_answered_as_described(together, path):
    """Every check of schemathesis passes where Dagster is there: nothing ends in a 5xx."""
    import schemathesis

    _, address, _ = together
    made_up = schemathesis.openapi.from_url(f"{address}/openapi.json", timeout=60)[path]["POST"].as_strategy()

    @given(case=made_up)
    @settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=HealthCheck)
    def ask(case):
        case.call_and_validate(headers=MAY, timeout=60)

    ask()
