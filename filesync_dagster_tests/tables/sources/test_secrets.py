import json
import logging
import struct
from contextlib import closing

import pytest

from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.redaction import redact
from filesync_dagster.tables.sources.addresses import AddressGuard
from filesync_dagster.tables.sources.base import SourceContext
from filesync_dagster.tables.sources.deadline import SourceDeadline
from filesync_dagster.tables.sources.registry import open_source
from filesync_dagster_tests.odd_hosts import odd_host
from filesync_dagster_tests.tables.sources.http_fakes import service

CANARY = "canary-4711-secret"
KINDS = {
    "s3": lambda url, port: {
        "bucket": "b", "file_paths": ["a.csv"], "endpoint_url": url, "access_key_id": "AKIACANARY4711",
        "secret_access_key": CANARY, "session_token": CANARY,
    },
    "azure": lambda url, port: {
        "container": "c", "file_paths": ["a"], "account_url": url, "sas_token": f"sig={CANARY}",
    },
    "api": lambda url, port: {
        "base_url": url, "endpoints": [{"path": "/x"}], "headers": {"X-Trace": CANARY},
        "auth": {"type": "basic", "username": "u", "password": CANARY},
    },
    "atlas": lambda url, port: {"endpoint_url": url, "username": "u", "password": CANARY},
}  # fmt: skip


@pytest.mark.parametrize("status", [200, 401, 500])
@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_told_whatever_a_server_quotes(kind, status, caplog):
    """A server that sends back all that it was sent: neither the error nor its causes nor the log have a secret."""
    caplog.set_level(logging.DEBUG)

    def quoting(asked):
        said = json.dumps({"error": f"{CANARY} {asked.headers} {asked.body!r} {asked.query}", "code": CANARY})
        return status, {"content-type": "application/json"}, said.encode()

    with service(quoting) as server:
        port = int(server.url.rpartition(":")[2])
        context = SourceContext("s", guard=AddressGuard.of_operator())
        told = []
        with closing(open_source(kind, KINDS[kind](server.url, port), context)) as source:
            told.append(repr(source) + repr(vars(source)))
            for ask, seconds in ((source.test, 3), (source.discover, 0.4)):
                with pytest.raises(FilesyncError) as refused:
                    ask(SourceDeadline(seconds))
                told += [str(refused.value), repr(refused.value), str(refused.value.hint), str(refused.value.field)]
    text = "\n".join([*told, *(record.getMessage() for record in caplog.records if record.name == "filesync_dagster")])
    assert CANARY not in text
    assert text == redact(text)


def error_packet(text):
    """Return what PostgreSQL answers to a login that it refuses: `28P01` is a wrong password."""
    body = b"SFATAL\0VFATAL\0C28P01\0M" + text.encode() + b"\0\0"
    return b"E" + struct.pack(">I", len(body) + 4) + body


def test_no_secret_is_told_that_a_database_quotes(caplog):
    """A server that says in its refusal what it was sent."""
    caplog.set_level(logging.DEBUG)

    def refuse(connection):
        connection.sendall(b"N")
        connection.recv(65536)
        connection.sendall(error_packet(f'password authentication failed for "u" with {CANARY}'))

    with odd_host(refuse, first=b"\x04\xd2\x16\x2f") as port:
        given = {"host": "127.0.0.1", "port": port, "database": "d", "username": "u", "password": CANARY}
        source = open_source("postgres", given, SourceContext("s", guard=AddressGuard.of_operator()))
        with pytest.raises(FilesyncError) as refused:
            source.test(SourceDeadline(5))
    assert (refused.value.code, refused.value.field) == ("auth", "password")
    text = f"{refused.value!r} {refused.value} {source!r} {vars(source)} {caplog.text}"
    assert "password authentication failed" in text  # the log has it
    assert CANARY not in text
