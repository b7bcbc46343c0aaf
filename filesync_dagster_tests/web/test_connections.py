"""Whoever connects and sends nothing keeps nobody else from being answered."""

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import httpx
import pytest

from filesync_dagster.web import connections, rest
from filesync_dagster.web.connections import CONNECTIONS_MAX_COUNT, PROBES
from filesync_dagster_tests.web.conftest import served


def connect(stack, address, sent=b""):
    """Open a connection that stays open, and send something over it."""
    host, port = address.removeprefix("http://").split(":")
    opened = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
    opened.sendall(sent)
    return opened


def is_closed(connection):
    """Wait until the other side ends a connection."""
    with suppress(ConnectionResetError):
        return connection.recv(65_536) == b""
    return True


def test_idle_connections_do_not_make_it_ill(project):
    """Two hundred, or more than may be open at all: probes are answered, and the longest idle one goes."""
    with served(project.site) as address, ExitStack() as stack:
        opened = [connect(stack, address) for _ in range(CONNECTIONS_MAX_COUNT + 1)]
        answers = [httpx.get(address + path, timeout=60).status_code for path in sorted(PROBES)]
        assert is_closed(opened[0])

    assert answers == [200, 200, 200]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /health HTTP/1.1\r\nx: ",
        b"POST /webhooks/docs HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{",
    ],
)
def test_a_request_that_never_comes_is_not_waited_for(project, monkeypatch, sent):
    """No byte, half a head, half a body, or a byte now and then."""
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_SECONDS", 0.5)
    with served(project.site) as address, ExitStack() as stack:
        connection = connect(stack, address, sent)
        with suppress(OSError):
            for _ in range(40 if sent else 0):
                connection.sendall(b"y")
                time.sleep(0.05)
        assert is_closed(connection)


def test_a_connection_that_is_used_stays(project, monkeypatch):
    """The deadline is for a request, not for a connection."""
    monkeypatch.setattr(connections, "REQUEST_TIMEOUT_SECONDS", 0.5)
    with served(project.site) as address, httpx.Client(base_url=address) as client:
        streams = set()
        for _ in range(4):
            streams.add(id(client.get("/openapi.json").extensions["network_stream"]))
            time.sleep(0.3)

    assert len(streams) == 1


def test_probes_wait_behind_nobody(project, monkeypatch):
    """Requests that take all threads take none of the probes."""
    ready, free = threading.Event(), threading.Event()

    def slow(site, name):
        ready.set()
        free.wait(30)

    monkeypatch.setattr(rest, "endpoint_of", slow)
    with served(project.site) as address, ThreadPoolExecutor(60) as pool:
        asked = [pool.submit(httpx.post, f"{address}/webhooks/docs", timeout=60) for _ in range(60)]
        assert ready.wait(30)
        probe = httpx.get(f"{address}/health", timeout=20)
        free.set()
        assert {one.result().status_code for one in asked} == {401}

    assert probe.status_code == 200


def test_an_edit_that_takes_long_to_read_holds_nobody(project, monkeypatch):
    """Requests are answered as before it, and the edit is there once it is read."""
    current = project.site.current
    with current.acquire() as before:
        pass
    free, original = threading.Event(), current._open

    def slow(opened):
        free.wait(5)
        return original(opened)

    monkeypatch.setattr(current, "_open", slow)
    monkeypatch.setattr("filesync_dagster.web.site.RELOAD_WAIT_SECONDS", 0.1)
    project.file.write_text(project.file.read_text().replace("name: idle", "name: renamed"))
    current._looked = 0.0
    with current.acquire() as meanwhile:
        assert meanwhile is before
    reload = current._reload
    free.set()
    assert reload.done.wait(30)
    with current.acquire() as after:
        assert "renamed" in after.config.by_name
