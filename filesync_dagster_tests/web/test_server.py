"""`filesync serve` as people start it: a process that answers, logs, and ends when it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading

import httpx
import pytest

from filesync_dagster.core.errors import ServiceError
from filesync_dagster.web.server import serve_http
from filesync_dagster_tests.web.conftest import TOKEN, served


@pytest.fixture
def process(project):
    """Return the running command and its address."""
    command = [sys.executable, "-m", "filesync_dagster.cli", "--config", project.file, "serve", "--port", "0"]
    variables = {**os.environ, "FILESYNC_API_TOKEN": TOKEN, "FILESYNC_LOG_FORMAT": "json"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=variables, **pipes) as running:
        address = running.stdout.readline().split("at ")[1].split(". ")[0]
        yield running, address
        running.kill()


@pytest.mark.slow
def test_it_answers_logs_and_ends(process):
    """SIGTERM ends it with exit code 0; each line of its log is an object, and none has the token."""
    running, address = process
    allowed = {"authorization": f"Bearer {TOKEN}"}

    answers = [
        httpx.get(f"{address}{path}", headers=allowed, timeout=60) for path in ("/health", "/endpoints", "/metrics")
    ]
    refused = httpx.post(f"{address}/sync/initial?secret=x", timeout=60)
    running.send_signal(signal.SIGTERM)
    output, log = running.communicate(timeout=60)

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert "server" not in answers[0].headers
    assert (running.returncode, output) == (0, "Stopped.\n")
    told = [json.loads(line) for line in log.splitlines()]
    posted = next(one for one in told if one["event"] == "http.answered" and one["method"] == "POST")
    assert (posted["path"], posted["status"], refused.status_code) == ("/sync/initial", 401, 401)
    assert TOKEN not in log
    assert "secret=x" not in log


def test_a_taken_port_is_a_sentence(project):
    """Before anything is served."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ServiceError, match="--port"):
        serve_http(project.site, "127.0.0.1", server.getsockname()[1], threading.Event(), on_ready=print)


def test_many_at_once_are_answered(project):
    """Threads share the database; every scrape is whole."""
    project.sync("docs")
    found = []
    with served(project.site) as address:

        def ask(path):
            found.append(httpx.get(address + path, timeout=60).status_code)

        threads = [threading.Thread(target=ask, args=(path,)) for path in ("/health", "/metrics", "/endpoints") * 8]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert found.count(200) == 16
    assert found.count(401) == 8


def test_requests_that_began_before_an_edit_finish_with_what_they_began(project):
    """The database of the older configuration is closed when the last of them is done."""
    current = project.site.current
    with current.acquire() as before:
        opened = before.runtime.metadata
        project.file.write_text(
            project.file.read_text() + "  - {name: more, type: local, endpoint_details: {path: store}}\n"
        )
        current._looked = 0.0
        with current.acquire() as after:
            assert "more" in after.config.by_name
        assert "more" not in before.config.by_name
        assert before.runtime.metadata is opened

    assert "_metadata" not in before.runtime.__dict__
