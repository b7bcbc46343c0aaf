"""Answers of foreign hosts are bounded, whatever the hosts do: real sockets, nothing simulated."""

import ssl
import threading
import time

import httpx
import pytest

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.core.http import AnswerTooLarge, AnswerTooSlow, BoundedClient, trusted_certificates
from filesync_dagster.core.interruption import forget_stop, request_stop
from filesync_dagster_tests import odd_hosts
from filesync_dagster_tests.odd_hosts import odd_host

READ_SECONDS = 0.6


def client(**options):
    """Return a client that waits for little more than half a second."""
    return BoundedClient(timeout=httpx.Timeout(READ_SECONDS, connect=5, pool=None), **options)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (odd_hosts.silence, httpx.ReadTimeout),
        (odd_hosts.dripped_headers, AnswerTooSlow),
        (odd_hosts.dripped_body, AnswerTooSlow),
        (odd_hosts.dripped_chunks, AnswerTooSlow),
        (odd_hosts.endless_heralds, AnswerTooSlow),
        (odd_hosts.endless_chunks, AnswerTooLarge),
        (odd_hosts.bomb, AnswerTooLarge),
        (odd_hosts.packed_twice, httpx.DecodingError),
    ],
)
def test_every_answer_has_an_end(answer, error):
    """A byte now and then is no answer, and neither is one that has no end."""
    with odd_host(answer) as port, client() as http, pytest.raises(error):
        http.get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("content", [None, "", "no certificate\n", "-----BEGIN CERTIFICATE-----\nx\n"])
@pytest.mark.parametrize("given", [True, False])
def test_certificates_that_cannot_be_read_are_one_sentence(monkeypatch, tmp_path, content, given):
    """A file that is missing, or holds something else; in the configuration or in the environment."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", "" if given else str(file))

    with pytest.raises(ConfigError, match="ca.pem" if given else "SSL_CERT_FILE cannot be read"):
        trusted_certificates(str(file) if given else None)


def test_a_handshake_that_never_comes_has_an_end():
    """A host that accepts a connection and then never speaks TLS."""
    context = ssl.create_default_context()
    with (
        odd_host(odd_hosts.silence) as port,
        BoundedClient(verify=context, timeout=0.3) as http,
        pytest.raises(httpx.ConnectTimeout),
    ):
        http.get(f"https://127.0.0.1:{port}/")


def test_a_slow_answer_that_comes_is_an_answer():
    """What keeps the least rate has all the time that it needs."""

    def steady(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 240000\r\n\r\n")
        for _ in range(8):
            connection.sendall(b"x" * 30_000)
            time.sleep(READ_SECONDS / 4)

    with odd_host(steady) as port, client() as http:
        assert len(http.get(f"http://127.0.0.1:{port}/").content) == 240_000


def test_what_was_packed_is_unpacked():
    """The body is the same as without the bounds, and says so."""

    def packed(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-encoding: deflate\r\ncontent-length: 11\r\n\r\n")
        connection.sendall(bytes.fromhex("789c4b4c4a0600024d0127"))

    with odd_host(packed) as port, client() as http:
        assert http.get(f"http://127.0.0.1:{port}/").text == "abc"


def test_who_is_asked_to_stop_waits_for_no_answer():
    """A thread that waits for a host ends, and no further request is sent."""
    waiting = threading.Event()

    def silent(connection):
        waiting.set()
        odd_hosts.silence(connection)

    def stop():
        waiting.wait(60)
        time.sleep(0.5)  # until all of the request is sent, for sending it looks, too
        request_stop()

    threading.Thread(target=stop).start()
    try:
        with odd_host(silent) as port, BoundedClient(timeout=5) as http:
            for _ in range(2):
                with pytest.raises(KeyboardInterrupt):
                    http.get(f"http://127.0.0.1:{port}/")
    finally:
        forget_stop()


def test_an_answer_is_bounded_though_others_were_read_while_its_request_was_sent():
    """As when what is sent is read from another host."""
    with (
        odd_host(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")) as source,
        odd_host(odd_hosts.dripped_headers) as target,
        BoundedClient(timeout=httpx.Timeout(5, read=0.3)) as client,
    ):

        def body():
            yield client.get(f"http://127.0.0.1:{source}/").content
            time.sleep(0.5)  # longer than an answer may take: that is not the target's fault
            yield b"more"

        began = time.monotonic()
        with pytest.raises(AnswerTooSlow):
            client.post(f"http://127.0.0.1:{target}/", content=body(), headers={"content-length": "6"})
        assert time.monotonic() - began < 20  # and not for ever


def test_a_host_that_takes_next_to_nothing_is_given_up(monkeypatch):
    """It is too slow, as one that answers byte by byte is."""
    monkeypatch.setattr("filesync_dagster.core.http.BYTES_PER_SECOND", 10**9)

    def swallow_slowly(connection):
        while connection.recv(20_000):
            time.sleep(0.05)

    with (
        odd_host(swallow_slowly) as target,
        BoundedClient(timeout=httpx.Timeout(5, read=0.5)) as client,
        pytest.raises((AnswerTooSlow, httpx.WriteTimeout)),
    ):
        client.post(f"http://127.0.0.1:{target}/", content=bytes(50_000_000))
