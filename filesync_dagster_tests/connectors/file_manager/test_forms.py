"""What is sent, byte by byte, read by Python's own parser of mail."""

import json
import threading
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from filesync_dagster.connectors.destination import FilePermissions
from filesync_dagster.connectors.file_manager import FileManagerDetails, open_file_manager
from filesync_dagster.core.model import Meter
from filesync_dagster_tests.connectors.file_manager.conftest import IMPATIENT, LARGE, content, put, upload

PATH = 'ü/"x"\r\n.txt'


class Recorder(BaseHTTPRequestHandler):
    """Keeps what is sent and answers as a mock does."""

    def log_message(self, *arguments):
        """Say nothing."""

    def do_POST(self):
        """Answer whatever was asked."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((self.path, self.headers, body))
        fields = fields_of(self.headers, body)
        told = {"file_path": fields["file_path"], "operation": fields.get("operation"), "status": "success"}
        answer = json.dumps({**told, "internal_id": "1", "size": None, "permissions": "rwx------"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def recorder():
    """Serve one, and yield it."""
    server = HTTPServer(("127.0.0.1", 0), Recorder)
    server.requests = []
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def parts_of(headers, body):
    """Return the parts of a form: name, file name, content type, content."""
    head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    assert message.is_multipart()
    assert not message.defects
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part["content-type"],
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def fields_of(headers, body):
    """Return the fields of a form."""
    if headers["content-type"] == "application/x-www-form-urlencoded":
        return {name: found for name, [found] in parse_qs(body.decode(), strict_parsing=True).items()}
    return {name: data.decode() for name, filename, _, data in parts_of(headers, body) if filename is None}


@pytest.fixture
def recorded():
    """Return a destination, and what it sends."""
    with recorder() as server:
        details = FileManagerDetails(base_url=f"http://127.0.0.1:{server.server_port}/", token="t0k3n-of-a-test")
        destination = open_file_manager(details, Meter(), policy=IMPATIENT)
        destination.knows_files()
        server.requests.clear()
        yield destination, server.requests
        destination.close()


@pytest.mark.parametrize("data", [b"", b"a\r\n--b", LARGE], ids=["empty", "small", "large"])
def test_a_file_is_the_last_part_of_a_form_of_a_known_length(recorded, data):
    """Fields first; a file name that is not empty; its type; metadata that says whose it is."""
    destination, requests = recorded
    put(destination, PATH, data, mime_type="text/plain")
    [(path, headers, body)] = requests
    assert path == "/saveToDisk"
    assert headers["content-length"] == str(len(body))
    assert headers["transfer-encoding"] is None
    assert headers["authorization"] == "Bearer t0k3n-of-a-test"
    assert fields_of(headers, body) == {
        "operation": "create",
        "file_path": PATH,
        "size": str(len(data)),
        "file_type": "text/plain",
        "metadata": json.dumps({"etag": "v1", "source": "eng", "source_id": "id-1", "source_version": "v1"}),
    }
    name, filename, kind, sent = parts_of(headers, body)[-1]
    assert (name, filename, kind, sent) == ("file", "%22x%22%0D%0A.txt", "text/plain", data)


def test_a_type_that_is_none_is_the_general_one(recorded):
    """No line of its own gets into the form."""
    destination, requests = recorded
    put(destination, "a", mime_type="text/plain\r\nX-Other: 1")
    [(_, headers, body)] = requests
    assert parts_of(headers, body)[-1][2] == "application/octet-stream"
    assert b"X-Other" not in body


def test_everything_else_is_encoded_like_a_query(recorded):
    """Absent is left out."""
    destination, requests = recorded
    destination.move("a", PATH, None)
    destination.set_permissions("a", FilePermissions("0700", owner="me & you"))
    assert [(path, fields_of(headers, body)) for path, headers, body in requests] == [
        ("/saveToDisk", {"operation": "move", "file_path": "a", "new_path": PATH}),
        ("/updatePermissions", {"file_path": "a", "permissions": "rwx------", "owner": "me & you"}),
    ]


def test_metadata_that_is_too_large_is_not_sent(recorded):
    """A form's field has a bound."""
    from filesync_dagster.core.errors import ProtocolViolation

    destination, requests = recorded
    with pytest.raises(ProtocolViolation):
        destination.write(upload("a", b"x", tags={"source_id": "x" * 70_000}), content(b"x"))
    assert requests == []
