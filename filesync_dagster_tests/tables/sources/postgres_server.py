"""A real PostgreSQL behind a TCP address, for sources: it is cut, counted and held there."""

import socket
import threading
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit

import psycopg2

from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.registry import open_source


class Wire:
    """A way to a server that can be cut after so many bytes of its answers. `connections` counts who came."""

    def __init__(self, target):
        self.target = target
        self.cut_after = None
        self.passed = 0
        self.connections = 0
        self._open = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        """End it."""
        self._listener.close()
        self.cut()

    def cut(self):
        """Cut all connections."""
        for sock in self._open:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _accept(self):
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self._open += [client, server]
                threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source, sink, counted):
        with suppress(OSError):
            while block := source.recv(8192):
                if counted and self.cut_after is not None and self.passed + len(block) > self.cut_after:
                    sink.sendall(block[: max(0, self.cut_after - self.passed)])
                    break
                self.passed += len(block) if counted else 0
                sink.sendall(block)
        for sock in (source, sink):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def wire_to(url):
    """Yield a way over TCP to the server of an address."""
    folder = parse_qs(urlsplit(url).query)["host"][0]
    wire = Wire(f"{folder}/.s.PGSQL.5432")
    try:
        yield wire
    finally:
        wire.close()


def connected(url):
    """Return a psycopg2 connection that commits by itself."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


def run(url, *statements):
    """Run statements one after another."""
    connection = connected(url)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def settings_of(url):
    """Return the configuration of a source of a database, over its socket."""
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    return {"host": host, "database": parts.path.lstrip("/"), "username": "postgres"}


def source_of(url, *, port=None, context=None, **settings):
    """Return a source of a database, over its socket or a port of this machine."""
    given = {**settings_of(url), **settings}
    if port:
        given |= {"host": "127.0.0.1", "port": port}
    return open_source("postgres", given, context or SourceContext("shop", guard=AddressGuard.of_operator()))
