"""Marked secrets, and hosts that send back whatever they get: nothing that is written anywhere has a secret in it."""

import base64
import json
import re
import sqlite3
import traceback
from functools import partial
from html import escape

import pytest

from filesync_dagster.config import load_config, read_environment
from filesync_dagster.connectors.autodesk import open_autodesk
from filesync_dagster.connectors.box import open_box
from filesync_dagster.connectors.google_drive import open_google_drive
from filesync_dagster.connectors.rest.retry import RetryPolicy
from filesync_dagster.connectors.s3.source import S3Source
from filesync_dagster.core.errors import SourceError
from filesync_dagster.core.model import Meter
from filesync_dagster.core.redaction import redact
from filesync_dagster.web.app import application
from filesync_dagster.web.site import ConfigHolder, Site
from filesync_dagster_tests.odd_hosts import odd_host
from filesync_dagster_tests.web.conftest import Client

OPEN = {
    "google_drive": partial(open_google_drive, prune=None),
    "autodesk": partial(open_autodesk, prune=None),
    "box": partial(open_box, prune=None),
}
MARK = "cAnArY"
MARKS = re.compile(
    "|".join([MARK, *(base64.b64encode(bytes(n) + b"-cAnArY-cAnArY-")[4:-4].decode() for n in range(3))]),
)
ENVIRONMENT = {
    name: f"{name.lower()}-{MARK}-{MARK}-{name.lower()}"
    for name in ("KEY_ID", "SECRET_KEY", "SESSION", "REFRESH", "CLIENT", "HOOK", "CHANNEL", "QUEUE", "API")
}


def answer(status, kind):
    """Return a host that refuses everything, and quotes what it was asked in each form that stores have."""

    def reply(connection, asked):
        said = asked.decode("latin-1")
        echo = f"{said} {asked!r} {json.dumps(said)} {base64.b64encode(asked).decode()}"
        if kind == "xml":
            body = f"<Error><Code>Odd</Code><Message>{escape(echo)}</Message></Error>"
        elif kind == "json":
            error = {"code": status, "message": echo, "errors": [{"reason": echo}]}
            body = json.dumps({"error": error if status != 400 else "odd", "error_description": echo, "detail": echo})
        else:
            body = echo
        head = (
            f"HTTP/1.1 {status} Odd\r\ncontent-type: application/{kind}\r\ncontent-length: {len(body.encode())}\r\n\r\n"
        )
        connection.sendall(head.encode() + body.encode())

    return reply


def write(shell, port):
    """Write a configuration with every kind of secret."""
    url = f"http://127.0.0.1:{port}"
    keys = {"access_key_id": "${KEY_ID}", "secret_access_key": "${SECRET_KEY}", "session_token": "${SESSION}"}
    s3 = {"bucket": "eng", "endpoint_url": url, "region": "us-east-1", **keys}
    user = {"client_id": "c", "client_secret": "${CLIENT}", "refresh_token": "${REFRESH}"}
    drive = {"base_url": url, "token_uri": f"{url}/token", **user}
    autodesk = {
        "base_url": url,
        "client_id": "c",
        "client_secret": "${CLIENT}",
        "hub_id": "b.h",
        "project_ids": ["b.p"],
    }
    box = {"base_url": url, "client_id": "c", "client_secret": "${CLIENT}", "enterprise_id": "1"}
    queue = {"name": "sqs", "type": "sqs", "queue_url": f"{url}/1/q", "endpoint_url": url, **keys}
    rabbit = {"name": "rabbit", "type": "rabbitmq", "url": f"amqp://u:${{QUEUE}}@127.0.0.1:{port}/", "queue": "q"}
    whole = {
        "alerts": {"urls": [f"json://user:${{CHANNEL}}@127.0.0.1:{port}/${{CHANNEL}}"]},
        "queues": [queue, rabbit],
        "endpoints": [
            {"name": "s3", "type": "s3", "endpoint_details": s3, "webhook": {"secret": "${HOOK}"}},
            {"name": "drive", "type": "google_drive", "endpoint_details": drive},
            {"name": "autodesk", "type": "autodesk", "endpoint_details": autodesk},
            {"name": "box", "type": "box", "endpoint_details": box},
        ],
    }
    shell.config.write_text(json.dumps(whole))
    shell.variables |= ENVIRONMENT | {"FILESYNC_API_TOKEN": ENVIRONMENT["API"], "FILESYNC_LOG_FORMAT": "json"}


def database(path):
    """Return everything that a database has."""
    with sqlite3.connect(path) as connection:
        names = [name for (name,) in connection.execute("select name from sqlite_master where type = 'table'")]
        return repr([connection.execute(f'select * from "{name}"').fetchall() for name in names])


@pytest.mark.slow
def test_nothing_that_is_written_has_a_secret_in_it(shell, caplog):
    """Output, logs, tables, files, REST, health and metrics, after each command failed at each store."""
    with odd_host(answer(403, "json"), quote=True) as port:
        write(shell, port)
        written = {}
        for command in (
            ("sync",), ("test",), ("status",), ("events",), ("events", "--receive"), ("alerts",), ("alerts", "--test"),
            ("validate",), ("changes", "s3"),
        ):  # fmt: skip
            result = shell.run("--debug", *command)
            written[" ".join(command)] = f"{result.output}{result.stderr}{result.exception!r}"
        site = Site(ConfigHolder(shell.config), shell.home, ENVIRONMENT["API"])
        with pytest.MonkeyPatch.context() as patch:
            for name, value in shell.variables.items():
                patch.setenv(name, value)
            for headers in ({}, {"authorization": f"Bearer {ENVIRONMENT['API']}"}):
                client = Client(application(site), headers)
                for path in ("/health", "/ready", "/metrics", "/endpoints", "/sync/status"):
                    written[f"{path} {bool(headers)}"] = client.get(path).text
            site.close()
    written["log"] = caplog.text
    written["database"] = database(shell.home / "filesync.db")
    for path in shell.home.rglob("*"):
        if path.is_file() and path.suffix != ".yaml":
            written[str(path)] = path.read_bytes().decode("latin-1")

    assert "403" in written["sync"]
    assert "403" in written["database"]
    assert {where: MARKS.search(text)[0] for where, text in written.items() if MARKS.search(text)} == {}


@pytest.mark.parametrize("kind", ["json", "xml", "text"])
@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
def test_no_refusal_has_a_secret_in_it(shell, status, kind):
    """Whatever a host answers, and in whichever form it quotes what it got."""
    told = []
    with odd_host(answer(status, kind), quote=True) as port:
        write(shell, port)
        config = load_config(read_environment(shell.config, ENVIRONMENT))
        assert not config.problems
        for endpoint in config.endpoints:
            open_source = {**OPEN, "s3": S3Source}[endpoint.type]
            opened = open_source(endpoint.endpoint_details, Meter(), policy=RetryPolicy(attempts=1))
            try:
                opened.check()
            except SourceError as error:
                told.append(f"{error!r} {error}")
                told.append(redact(traceback.format_exc()))
            opened.close()

    assert told
    assert [text for text in told if MARKS.search(text)] == []


@pytest.mark.parametrize("name", ["KEY_ID", "SECRET_KEY", "SESSION", "REFRESH", "CLIENT", "HOOK", "CHANNEL", "QUEUE"])
def test_a_secret_with_a_line_break_is_shown_nowhere(shell, name):
    """At its end it is no part of it; inside it is refused by its name."""
    with odd_host(answer(404, "xml"), quote=True) as port:
        write(shell, port)
        shell.variables[name] = f"{ENVIRONMENT[name]}\r\n"
        assert shell.run("validate").exit_code == 0
        shell.variables[name] = f"{ENVIRONMENT[name]}\r\n{ENVIRONMENT[name]}"
        result = shell.run("--debug", "validate")

    assert result.exit_code == 1
    assert MARKS.search(result.output + result.stderr) is None
    assert "has a line break or another control character inside" in result.stderr
