"""What the client says when it does not meet Dagster. What it does with Dagster is in cli/test_jobs.py."""

import base64
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import pytest

from filesync_dagster.config import read_environment
from filesync_dagster.core.errors import DagsterRefused, DagsterUnreachable
from filesync_dagster.orchestration.client import DagsterClient, announce_url, dagster_url, read_url
from filesync_dagster.orchestration.client.address import ANNOUNCEMENT


@contextmanager
def answering(status, body, asked=None):
    """Run an HTTP server that always says the same, and notes what it was asked with."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            if asked is not None:
                asked.append(self.headers["Authorization"])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http:// x:1", "dagster", "http://127.0.0.1:99999"])
def test_nobody_answers(url):
    """The sentence says how to start it, and how to say where it is."""
    with DagsterClient(url, "here") as dagster, pytest.raises(DagsterUnreachable, match="FILESYNC_DAGSTER_URL"):
        dagster.runs()


@pytest.mark.parametrize(
    ("status", "body"), [(200, b"<html>"), (502, b""), (200, b"[]"), (200, b'{"data": null}'), (401, b"\xff\xfe")]
)
def test_somebody_else_answers(status, body):
    """A proxy, a login page, another program."""
    expected = pytest.raises(DagsterRefused, match=str(status))
    with answering(status, body) as url, DagsterClient(url, "here") as dagster, expected:
        dagster.daemon_health()


def test_an_error_of_graphql_is_told():
    """An older or newer Dagster does not know a field that is asked for."""
    told = b'{"errors": [{"message": "Cannot query field"}]}'
    expected = pytest.raises(DagsterRefused, match="Cannot query field")
    with answering(400, told) as url, DagsterClient(url, "here") as dagster, expected:
        dagster.runs()


def test_where_dagster_is(tmp_path):
    """The environment says it, or the `filesync up` that runs; else nobody does."""
    home = {"FILESYNC_HOME": str(tmp_path)}
    with pytest.raises(DagsterUnreachable, match=f"No Dagster of {tmp_path} runs"):
        dagster_url(read_environment(variables=home))
    with announce_url(tmp_path, "http://up:1"):
        assert dagster_url(read_environment(variables=home)) == "http://up:1"
        assert dagster_url(read_environment(variables={**home, "FILESYNC_DAGSTER_URL": "http://d:1"})) == "http://d:1"
        with announce_url(tmp_path, "http://up:2"):
            assert read_url(tmp_path) == "http://up:2"
    assert not list(tmp_path.iterdir())


def test_who_leaves_does_not_take_back_what_another_one_announced(tmp_path):
    """The first one ends while the second one serves."""
    with announce_url(tmp_path, "http://up:1"):
        (tmp_path / ANNOUNCEMENT).write_text("http://up:2")
    assert read_url(tmp_path) == "http://up:2"


def test_a_folder_that_cannot_be_written_announces_nothing(tmp_path):
    """And stops nothing."""
    with announce_url(tmp_path / "missing", "http://up:1"):
        assert read_url(tmp_path / "missing") is None


@pytest.mark.parametrize("password", ["hunter2", "p%40ss%2Fword", "", "p@ss"])
def test_a_password_is_sent_and_never_shown(password):
    """Dagster has none of its own: a proxy before it does."""
    asked = []
    with answering(502, b"", asked) as url:
        secret = url.replace("http://", f"http://me:{password}@") + "/ui/"
        with DagsterClient(secret, "here") as dagster, pytest.raises(DagsterRefused) as refused:
            dagster.daemon_health()
        environment = read_environment(variables={"FILESYNC_DAGSTER_URL": secret})

    assert base64.b64decode(asked[0].removeprefix("Basic ")).decode() == f"me:{unquote(password)}"
    assert dagster.url == environment.dagster_link == f"{url}/ui"
    assert f"{url}/ui answered 502" in str(refused.value)
    assert "me:" not in f"{refused.value} {environment}"


@pytest.mark.parametrize("url", ["http://me:hunt/er2@127.0.0.1:1", "me:hunter2@127.0.0.1:1", "http://me:hunter2@[::1"])
def test_a_password_in_a_url_that_is_wrong_is_not_shown_either(url):
    """Whatever cannot be read of it."""
    with DagsterClient(url, "here") as dagster, pytest.raises(DagsterUnreachable) as unreachable:
        dagster.runs()

    assert "er2" not in str(unreachable.value)
