"""Answers that are read in blocks keep to the bounds of all others, and their connections serve again."""

import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from filesync_dagster.core.downloads import Downloader
from filesync_dagster.core.http import AnswerTooSlow, BoundedClient
from filesync_dagster.core.interruption import forget_stop, request_stop
from filesync_dagster_tests import odd_hosts
from filesync_dagster_tests.odd_hosts import odd_host

READ_SECONDS = 0.6
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n"


@pytest.fixture(params=["direct", "httpx"])
def downloader(request):
    """Return what downloads, over connections of its own and over httpx."""
    with BoundedClient(timeout=httpx.Timeout(READ_SECONDS, connect=5, pool=None)) as client:
        if request.param == "httpx":
            client.is_direct = lambda url: False
        with closing(Downloader(client)) as made:
            yield made


def body(downloader, port, path="/"):
    """Return what an answer brings."""
    with closing(downloader.get(f"http://127.0.0.1:{port}{path}", {})) as answer:
        return b"".join(answer.blocks())


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (odd_hosts.silence, httpx.ReadTimeout),
        (odd_hosts.dripped_headers, AnswerTooSlow),
        (odd_hosts.dripped_body, AnswerTooSlow),
        (odd_hosts.dripped_chunks, AnswerTooSlow),
        (odd_hosts.endless_heralds, httpx.TransportError),
    ],
)
def test_every_answer_has_an_end(downloader, answer, error):
    """A byte now and then is no answer."""
    with odd_host(answer) as port, pytest.raises(error):
        body(downloader, port)


@pytest.mark.parametrize(
    "sent",
    [
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        b"nonsense\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000,
    ],
)
def test_answers_that_break_off_are_errors(downloader, sent):
    """Nothing that is short looks whole."""

    def broken(connection):
        connection.sendall(sent)

    with odd_host(broken) as port, pytest.raises(httpx.TransportError):
        body(downloader, port)


def test_a_reader_that_takes_its_time_is_no_slow_host(downloader):
    """Only the time counts in which somebody waits. The body is so small that its bytes earn no time."""

    def unhurried(connection):
        connection.sendall(HEAD % 10)
        time.sleep(READ_SECONDS)
        connection.sendall(b"0123456789")

    with odd_host(unhurried) as port, closing(downloader.get(f"http://127.0.0.1:{port}/", {})) as answer:
        time.sleep(2 * READ_SECONDS)
        assert b"".join(answer.blocks()) == b"0123456789"


def test_who_is_asked_to_stop_waits_for_no_block(downloader):
    """A thread that waits for a host ends."""
    waiting = threading.Event()

    def halting(connection):
        connection.sendall(HEAD % 10 + b"half")
        waiting.set()
        odd_hosts.silence(connection)

    def stop():
        waiting.wait(10)
        request_stop()

    downloader.client.timeout = httpx.Timeout(30)
    threading.Thread(target=stop).start()
    try:
        with odd_host(halting) as port, pytest.raises(KeyboardInterrupt):
            body(downloader, port)
    finally:
        forget_stop()


@pytest.mark.parametrize("value", ["a\r\nx-injected: 1", "a\nb", "\x00"])
def test_a_header_that_would_be_two_is_refused(downloader, value):
    """So is an address."""
    with pytest.raises(httpx.LocalProtocolError):
        downloader.get("http://127.0.0.1:9/", {"x": value})
    with pytest.raises(httpx.LocalProtocolError):
        downloader.get(f"http://127.0.0.1:9/{value}", {})


class _Counting(BaseHTTPRequestHandler):
    """Answers with the path, and counts the connections."""

    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.path)))
        if "last" in self.path:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(self.path.encode())
        self.close_connection = "last" in self.path or "rude" in self.path

    def log_message(self, *args):
        pass


def test_connections_serve_again(downloader):
    """One is kept while it may be; one that the host closed is not taken, and costs no error. Dots stay."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Counting)
    server.connections = 0
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        port = server.server_address[1]
        for path in ("/a/../b", "/b?x=%2F", "/c"):
            assert body(downloader, port, path) == path.encode()
        assert server.connections == 1
        for path in ("/rude", "/d", "/last", "/e"):
            assert body(downloader, port, path) == path.encode()
            time.sleep(0.05)
        assert server.connections == 3
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
