"""Edits of endpoints.yaml under a running Dagster: they take effect, and nothing is restarted or touched by them."""

import json
import os
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.config import read_environment, running_config
from filesync_dagster_tests.orchestration.dagster_processes import running_dagster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("dagster")]

NODES = "{ assetNodes { assetKey { path } description isExecutable } }"
CHECKS = """
query ($key: AssetKeyInput!) {
  assetNodeOrError(assetKey: $key) { ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status evaluation { success description } }
  } } } } }
}
"""
EMPTY = b"""<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Name>slow</Name><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>"""


class SlowBucket(ThreadingHTTPServer):
    """An empty bucket whose listing does not end before it is told to."""

    def __init__(self):
        self.asked, self.go_on = threading.Event(), threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.set()
                outer.go_on.wait(600)
                self.send_response(200)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(len(EMPTY)))
                self.end_headers()
                self.wfile.write(EMPTY)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def details(self):
        """Return `endpoint_details` for it."""
        keys = {"access_key_id": "a", "secret_access_key": "b", "region": "us-east-1", "read_timeout": 600}
        return {"bucket": "slow", "endpoint_url": f"http://127.0.0.1:{self.server_port}", **keys}


def endpoint(name, **entry):
    """Return an entry for a folder beside the file."""
    return {"name": name, "type": "local", "schedule": "manual", "endpoint_details": {"path": "store"}, **entry}


def test_edits_take_effect_and_touch_nothing_that_runs(tmp_path):
    """Add, change, break, remove and disable endpoints while a sync runs; each shows, and what is wrong is an alert."""
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "a.txt").write_text("a")
    config, told = tmp_path / "endpoints.yaml", []
    bucket = SlowBucket()
    slow = endpoint("slow", type="s3", endpoint_details=bucket.details)
    variables = {"FILESYNC_HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}

    def edit(*entries):
        before = len(told)
        config.write_text(json.dumps({"endpoints": entries}) if entries else "endpoints: [")
        wait(lambda: len(told) > before)
        return told[before]

    edit_nothing = [slow, endpoint("photos")]
    config.write_text(json.dumps({"endpoints": edit_nothing}))
    with running_dagster(config, variables, tell=told.append) as dagster:
        today = f"{datetime.now(UTC).date()}"
        running = dagster.launch(today, ["filesync", "slow"])
        assert bucket.asked.wait(120)

        assert "added plans; changed photos" in edit(slow, endpoint("photos", title="All Photos"), endpoint("plans"))
        wait(lambda: "filesync/plans" in nodes(dagster))
        assert "All Photos" in nodes(dagster)["filesync/photos"]
        assert dagster.run_ended(dagster.launch(today, ["filesync", "plans"])) == "SUCCESS"

        assert "stays the same" in edit()
        wait(lambda: "filesync_configuration" in nodes(dagster))
        assert {"filesync/photos", "filesync/plans", "filesync/slow"} <= nodes(dagster).keys()
        wait(lambda: told[-1].startswith("Warning: ") and "not YAML" in told[-1])
        assert dagster.run_ended(dagster.launch(today, ["filesync", "plans"])) == "SUCCESS"
        wait(lambda: failed_check(dagster, "filesync_configuration"))
        wait(lambda: "configuration" in alerts(config, variables))

        edit(slow, endpoint("photos", is_active=False))
        wait(lambda: "filesync/plans" not in nodes(dagster))
        assert not {"filesync/photos", "filesync_configuration"} & nodes(dagster).keys()

        wait(lambda: "configuration" not in alerts(config, variables))
        bucket.go_on.set()
        assert dagster.run_ended(running) == "SUCCESS"
        with Filesync(running_config(read_environment(config, variables))) as filesync:
            assert {one.name: one.state for one in filesync.status()} == {"slow": "ok", "photos": "disabled"}
    bucket.shutdown()
    bucket.server_close()


def wait(look, patience=120):
    """Wait until something is so."""
    deadline = time.monotonic() + patience
    while not look():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def alerts(config, variables):
    """Return what the alerts that stand are about."""
    with Filesync(running_config(read_environment(config, variables))) as filesync:
        return {alert.kind for alert in filesync.alerts()}


def nodes(dagster):
    """Return the descriptions of the assets that Dagster shows, by key."""
    return {"/".join(node["assetKey"]["path"]): node["description"] for node in dagster.graphql(NODES)["assetNodes"]}


def failed_check(dagster, *path):
    """Tell whether the asset has a check that was run and failed."""
    found = dagster.graphql(CHECKS, key={"path": list(path)})["assetNodeOrError"]["assetChecksOrError"]["checks"]
    latest = [check["executionForLatestMaterialization"] for check in found]
    return any(one and one["evaluation"] and not one["evaluation"]["success"] for one in latest)
