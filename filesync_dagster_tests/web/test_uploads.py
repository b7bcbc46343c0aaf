"""Uploads over HTTP: forms and tus, streamed, and refused with the status that says why."""

import base64
import hashlib
import http.client
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest

from filesync_dagster_tests.tables.uploads.clamd import EICAR, serve_clamd
from filesync_dagster_tests.web.conftest import TOKEN, served

MAY = {"Authorization": f"Bearer {TOKEN}"}
TUS = {**MAY, "Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def named(name):
    """Return Upload-Metadata with a name."""
    return f"filename {base64.b64encode(name.encode()).decode()}"


def begin(client, size, name="people.csv"):
    """Begin an upload and return its address."""
    answer = client.post("/api/uploads", headers={**TUS, "Upload-Length": str(size), "Upload-Metadata": named(name)})
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


def patch(client, place, offset, content, **headers):
    """Send a piece."""
    return client.request("PATCH", place, {**PIECE, "Upload-Offset": str(offset), **headers}, content=content)


def stored(project):
    """Return the files of uploads."""
    return list((project.folder / "home" / "uploads").glob("*"))


def test_a_file_in_a_form(client, project):
    """The answer has what clients of the seed read, and what is more; the file is the one that was sent."""
    content = b"a,b\r\n1,2\r\n" * 300_000

    answer = client.post("/api/upload/file", headers=MAY, files={"file": ("../people.csv", content, "text/csv")})
    found = answer.json()

    assert answer.status_code == 201, answer.text
    assert (found["original_name"], found["size"]) == ("people.csv", len(content))
    assert found["state"] in {"reading", "ready"}  # it is ready once it was read, which may take longer than a moment
    until = time.monotonic() + 120
    while found["state"] == "reading" and time.monotonic() < until:
        time.sleep(0.1)
        found = client.get(f"/api/uploads/{found['upload_id']}", headers=MAY).json()
    assert found["state"] == "ready"
    assert [(table["name"], table["columns"]) for table in found["tables"]] == [("people", 2)]
    assert found["path"] == f"uploads/{found['filename']}"
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert [path.read_bytes() == content for path in stored(project)] == [True]
    assert client.get(f"/api/uploads/{found['upload_id']}", headers=MAY).json() == found
    assert client.get("/api/uploads", headers=MAY).json() == {"uploads": [found]}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"file": ("a.exe", b"a")}, 400),
        ({"other": ("a.csv", b"a")}, 400),
        ({"file": ("a.csv", b"MZ\0")}, 415),
        ({"file": ("a.csv", b"")}, 415),
    ],
)
def test_forms_that_are_refused(client, project, files, status):
    """With a sentence, and nothing on the disk."""
    answer = client.post("/api/upload/file", headers=MAY, files=files)

    assert (answer.status_code, answer.json()["error"][-1]) == (status, ".") or "a.exe" in answer.text
    assert answer.status_code == status
    assert stored(project) == []


@pytest.mark.parametrize("cut", [200, 100_000])
def test_a_form_that_ends_too_early_leaves_nothing(client, project, cut):
    """Neither bytes nor a record."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    body = head + b"a\n" * 100_000
    headers = {**MAY, "Content-Type": "multipart/form-data; boundary=x"}

    answer = client.request("POST", "/api/upload/file", headers, content=body[:cut])

    assert answer.status_code == 400
    assert stored(project) == []
    assert client.get("/api/uploads", headers=MAY).json() == {"uploads": []}


def test_nobody_sends_without_a_token(stranger, project):
    """Not a form, not a piece."""
    assert stranger.post("/api/upload/file", files={"file": ("a.csv", b"a")}).status_code == 401
    assert stranger.post("/api/uploads", headers={"Tus-Resumable": "1.0.0", "Upload-Length": "1"}).status_code == 401
    assert stored(project) == []


def test_an_upload_in_pieces(client, project):
    """tus: created, asked how far it is, continued, ready."""
    content = b"a,b\n" * 1_000
    options = client.request("OPTIONS", "/api/uploads")
    assert options.headers["tus-extension"] == "creation,termination,checksum,expiration"

    place = begin(client, len(content))
    assert client.request("HEAD", place, TUS).headers["upload-offset"] == "0"
    first = patch(client, place, 0, content[:1_500])
    assert (first.status_code, first.headers["upload-offset"]) == (204, "1500")
    assert "upload-expires" in first.headers
    assert patch(client, place, 0, content).status_code == 409
    told = client.request("HEAD", place, TUS)
    assert (told.headers["upload-offset"], told.headers["upload-length"]) == ("1500", str(len(content)))
    assert told.headers["cache-control"] == "no-store"
    last = patch(client, place, 1_500, content[1_500:])
    assert (last.status_code, last.headers["upload-offset"]) == (204, str(len(content)))

    found = client.get(place, headers=MAY).json()
    assert (found["state"], found["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
    assert client.request("DELETE", place, TUS).status_code == 204
    assert client.get(place, headers=MAY).status_code == 404
    assert stored(project) == []


def test_what_tus_refuses(client, project):
    """Each with its status: the version, the type, the checksum, the length, the name."""
    place = begin(client, 4)
    digest = base64.b64encode(hashlib.sha1(b"abcd").digest()).decode()

    assert client.request("HEAD", place, MAY).status_code == 412
    assert client.request("PATCH", place, {**TUS, "Upload-Offset": "0"}, content=b"abcd").status_code == 415
    assert patch(client, place, 0, b"abcx", **{"Upload-Checksum": f"sha1 {digest}"}).status_code == 460
    assert patch(client, place, 0, b"abcd", **{"Upload-Checksum": "crc32 AAAA"}).status_code == 400
    assert patch(client, place, "x", b"abcd").status_code == 400
    assert patch(client, place, 0, b"abcde").status_code == 413
    assert client.request("HEAD", place, TUS).headers["upload-offset"] == "0"
    assert patch(client, place, 0, b"abcd", **{"Upload-Checksum": f"sha1 {digest}"}).status_code == 204
    for headers, status in (
        ({"Upload-Length": "-1", "Upload-Metadata": named("a.csv")}, 400),
        ({"Upload-Length": "1"}, 400),
        ({"Upload-Length": "1", "Upload-Metadata": named("a.exe")}, 400),
        ({"Upload-Length": str(10**15), "Upload-Metadata": named("a.csv")}, 413),
        ({"Upload-Defer-Length": "1", "Upload-Metadata": named("a.csv")}, 400),
        ({"Upload-Length": "1", "Upload-Metadata": "filename *"}, 400),
    ):
        assert client.post("/api/uploads", headers={**TUS, **headers}).status_code == status
    assert client.request("HEAD", f"/api/uploads/{'0' * 32}", TUS).status_code == 404


def test_a_required_scanner_decides(client, project):
    """EICAR is 422; with clamd away it is 503, and never taken."""
    with serve_clamd() as (address, _):
        text = f"settings:\n  tables: {{virus_scan: required, clamd: '{address}'}}\n"
        project.file.write_text(text + project.file.read_text())
        time.sleep(1.1)
        files = {"file": ("a.csv", b"a\n" + EICAR)}
        assert client.post("/api/upload/file", headers=MAY, files=files).status_code == 422
        assert client.post("/api/upload/file", headers=MAY, files={"file": ("a.csv", b"a\n")}).status_code == 201
    assert client.post("/api/upload/file", headers=MAY, files={"file": ("a.csv", b"a\n")}).status_code == 503


def test_two_pieces_at_once_and_a_cut_connection(project):
    """The second is told at once, while the first is still coming; what came before a cut is kept."""
    content = b"a,b\n" * 500_000
    with served(project.site) as address, httpx.Client(base_url=address, timeout=20) as client:
        place = begin(client, len(content))
        host = urlsplit(address).netloc
        headers = "".join(f"{name}: {value}\r\n" for name, value in {**PIECE, "Upload-Offset": "0"}.items())
        head = f"PATCH {place} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", int(host.rpartition(":")[2]))) as first:
            first.sendall(head.encode() + content[:1_200_000])
            wait_for(lambda: stored(project)[0].stat().st_size >= 1_000_000)
            began = time.monotonic()
            second = client.patch(place, headers={**PIECE, "Upload-Offset": "0"}, content=b"x")
            assert (second.status_code, time.monotonic() - began < 2) == (423, True)
        wait_for(lambda: int(client.head(place, headers=TUS).headers["upload-offset"]) > 0)
        offset = int(client.head(place, headers=TUS).headers["upload-offset"])
        assert 1_000_000 <= offset <= 1_200_000
        rest = client.patch(place, headers={**PIECE, "Upload-Offset": str(offset)}, content=content[offset:])
        assert rest.status_code == 204
        assert client.get(place, headers=MAY).json()["sha256"] == hashlib.sha256(content).hexdigest()


def wait_for(condition):
    """Wait until something is so."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.slow
def test_a_slow_upload_takes_as_long_as_it_takes(project):
    """A request must be there within ten seconds, a file need not: something comes."""
    content = b"a\n" * 50
    with served(project.site) as address:
        parts = urlsplit(address)
        with httpx.Client(base_url=address) as client:
            place = begin(client, len(content))
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        connection.putrequest("PATCH", place)
        for name, value in {**PIECE, "Upload-Offset": "0", "Content-Length": str(len(content))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for at in range(0, len(content), 20):
            threading.Event().wait(3)
            connection.send(content[at : at + 20])
        assert connection.getresponse().status == 204
        connection.close()
