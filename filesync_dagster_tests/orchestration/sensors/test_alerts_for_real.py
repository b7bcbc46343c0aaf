"""A run whose process is killed, under the real daemon: told, started again by itself, and told to be over."""

import json
import os
import signal
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.config import load_config, read_environment
from filesync_dagster_tests.monitoring.alerts.receivers import Hook
from filesync_dagster_tests.orchestration.dagster_processes import running_dagster
from filesync_dagster_tests.orchestration.test_for_real import _eventually, _inherited

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("dagster")]

ONE_KEY = b"""<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix><KeyCount>1</KeyCount>
<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated><Contents><Key>a.txt</Key>
<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"0cc175b9c0f1b6a831c399e269772661"</ETag><Size>1</Size>
<StorageClass>STANDARD</StorageClass></Contents></ListBucketResult>"""


@pytest.fixture
def bucket():
    """Return the URL of a store with one key, and what lets it answer: until then a listing waits."""
    may_answer = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            may_answer.wait(600)
            self.send_response(200)
            self.send_header("Content-Length", str(len(ONE_KEY)))
            self.end_headers()
            self.wfile.write(ONE_KEY)

        def log_message(self, *arguments):
            pass

        def handle(self):
            with suppress(ConnectionError):  # the process that asked was killed
                super().handle()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", may_answer
    may_answer.set()
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_run_that_is_killed_is_told_started_again_and_told_to_be_over(bucket, tmp_path):
    """Nobody does anything; the inventory is right in the end."""
    url, may_answer = bucket
    details = {"bucket": "b", "endpoint_url": url, "access_key_id": "k", "secret_access_key": "s", "read_timeout": 300}
    config, home = tmp_path / "endpoints.yaml", tmp_path / "home"
    with Hook() as hook:
        endpoint = {"name": "drawings", "type": "s3", "endpoint_details": details}
        config.write_text(json.dumps({"alerts": {"urls": [hook.url]}, "endpoints": [endpoint]}))
        variables = {"FILESYNC_HOME": str(home), **_inherited()}
        with (
            running_dagster(config, variables) as dagster,
            Filesync(load_config(read_environment(config, variables))) as filesync,
        ):
            # `first_syncs` starts the first run.
            assert _eventually(filesync.runtime.metadata.leases.current)
            [lease] = filesync.runtime.metadata.leases.current()
            os.kill(lease.pid, signal.SIGKILL)
            may_answer.set()
            assert _eventually(lambda: len(hook.posts) == 2, patience=400), hook.titles
            assert hook.titles == ["filesync: drawings: crashed", "filesync: drawings: recovered (crashed)"]
            [status] = filesync.status()
            assert (status.state, status.files_total) == ("ok", 1)
            assert filesync.alerts() == []
            run_id = hook.posts[0]["message"].rpartition("/runs/")[2]
            assert f"Run: {dagster.url}/runs/{run_id}" in hook.posts[0]["message"]
            assert dagster.run_ended(run_id) == "FAILURE"
