"""Hosts that answer as no server should: real sockets, on this machine."""

import gzip
import itertools
import socket
import threading
import time
from contextlib import contextmanager, suppress

DRIP_SECONDS = 0.05
"""Between two bytes: each of them comes well within any timeout of a single read."""

BOMB = gzip.compress(bytes(70_000_000), 1)


def drip(connection, *parts):
    """Send parts byte by byte, without end if they have none."""
    for part in parts:
        for byte in part:
            connection.sendall(bytes((byte,)))
            time.sleep(DRIP_SECONDS)


def silence(connection):
    """Accept, and never answer."""
    while connection.recv(65_536):
        pass


def dripped_headers(connection):
    """Send a header without end."""
    drip(connection, b"HTTP/1.1 200 OK\r\nx: ", itertools.repeat(ord("y")))


def dripped_body(connection):
    """Send a body of a gigabyte, twenty bytes a second."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
    drip(connection, itertools.repeat(ord(" ")))


def dripped_chunks(connection):
    """Send chunks of one byte without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1\r\n \r\n")
        time.sleep(DRIP_SECONDS)


def endless_heralds(connection):
    """Announce an answer for ever."""
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(DRIP_SECONDS)


def endless_chunks(connection):
    """Send a body without end, as fast as it can."""
    connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    while True:
        connection.sendall(chunk)


def bomb(connection):
    """Send 70 kilobytes that unpack to 70 megabytes."""
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(BOMB)}\r\n\r\n"
    connection.sendall(head.encode() + BOMB)


def packed_twice(connection):
    """Send what is packed in two layers, of which each multiplies a thousandfold."""
    body = gzip.compress(BOMB)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip, gzip\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


@contextmanager
def odd_host(answer, first=b"\r\n\r\n", *, quote=False):
    """Answer every request, which has `first` in it, with a function of its connection; yield the port.

    With `quote` the function gets what was asked as well, head and body.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        open_connections = []

        def serve(connection):
            with suppress(OSError), connection:
                asked = b""
                while first not in asked:
                    asked += connection.recv(65_536) or first
                if quote:
                    connection.settimeout(0.05)  # a body follows its head at once
                    with suppress(TimeoutError):
                        asked += connection.recv(65_536)
                    connection.settimeout(None)
                answer(*(connection, asked) if quote else (connection,))

        def accept():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    open_connections.append(connection)
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            for connection in open_connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def throttle(connection):
    """Ask to come back in ten minutes."""
    connection.sendall(b"HTTP/1.1 503 Slow Down\r\nretry-after: 600\r\ncontent-length: 0\r\n\r\n")
