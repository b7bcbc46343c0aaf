"""The connector, held to the public contract suite against `rclone serve webdav`; and what is special to WebDAV."""

import json
import re
import shutil
import subprocess
import sysconfig
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import unquote

import httpx
import pytest
from filesync_webdav import CONNECTOR, WebdavDetails, open_webdav
from lxml import etree
from pydantic import ValidationError

from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import (
    AuthenticationFailed,
    NotFound,
    ProtocolViolation,
    SourceError,
    StaleSource,
    TemporarilyDown,
)
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.fault_injection import CallFaults, retry_after
from filesync_dagster.simulators.kit.wire import Answer, Request
from filesync_dagster.testing import IMPATIENT, ConnectorSuite, Fault, FaultPlan

RCLONE = shutil.which("rclone", path=sysconfig.get_path("scripts")) or shutil.which("rclone") or "rclone"
STARTED = re.compile(r"started on \[(http://127\.0\.0\.1:\d+)")
USER, PASSWORD = "ann", "pass:wörd"
NAMES = (
    " leading and trailing ", "-dash", "quote\"'`$(x)", "back\\slash", "\\x41 looks escaped", "per%cent+plus&amp<tag>",
    "per%25cent%2Bplus", "question?#hash;semi=colon", "ünïcödé/日本語/😀.txt", "nfc-é", "nfc-e\u0301", "case", "CASE",
    "...", "http:", "a" * 255,
)  # fmt: skip
FAULTS = frozenset({
    Fault.THROTTLE, Fault.SERVER_ERROR, Fault.TIMEOUT, Fault.DISCONNECT, Fault.GARBAGE, Fault.CAPTIVE_PORTAL,
    Fault.REFUSE, Fault.ERROR_IN_BODY, Fault.DENY, Fault.PATCH_ENTRY, Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT,
})  # fmt: skip
STATUSES = {Fault.THROTTLE: 429, Fault.DENY: 403}
CONTENT = {Fault.TRUNCATE, Fault.RESET, Fault.FLIP_BIT}
DAV = "{DAV:}"
UNPACKED = {"transfer-encoding", "content-encoding", "content-length"}


class FaultyWire(httpx.BaseTransport):
    """The network to a server, on which things go wrong as a plan says."""

    def __init__(self, plan):
        self.plan = plan
        self.network = httpx.HTTPTransport()
        self.requests = []

    def handle_request(self, request):
        asked = Request(request.method, unquote(request.url.path), headers=dict(request.headers))
        self.requests.append(asked)
        if not self.plan.rules:
            return self.network.handle_request(request)
        faults = CallFaults(self.plan, request.method, asked, refusal)
        able = FAULTS - CONTENT - {Fault.PATCH_ENTRY, Fault.GARBAGE} if request.method == "GET" else FAULTS - CONTENT
        faults.strike(able | (CONTENT if request.method == "GET" else set()))
        denied = faults.rule(Fault.DENY)
        answer = refusal(denied, None) if denied else faults.instead()
        if answer is None:
            answer = faults.distort(self.patched(asked, self.forward(request)))
        if answer.fault:
            kind = httpx.ReadTimeout if answer.fault == "timeout" else httpx.RemoteProtocolError
            raise kind("The plan says so.", request=request)
        if answer.cut:
            return httpx.Response(answer.status, headers=dict(answer.headers), stream=Broken(answer), request=request)
        return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body, request=request)

    def forward(self, request):
        response = self.network.handle_request(request)
        headers = {name: value for name, value in response.headers.items() if name not in UNPACKED}
        body = response.read()
        response.close()
        return Answer(response.status_code, body, {**headers, "content-length": str(len(body))})

    def patched(self, asked, answer):
        """Return an answer in which one entry has other properties, if the plan says so."""
        if asked.method != "PROPFIND" or not self.plan.expects(Fault.PATCH_ENTRY) or answer.status != 207:
            return answer
        tree = etree.fromstring(answer.body)
        for rule in [rule for rule in self.plan.rules if rule.fault is Fault.PATCH_ENTRY]:
            for entry in tree.iter(f"{DAV}response"):
                if unquote(entry.findtext(f"{DAV}href")).endswith(rule.entry):
                    rule.done += rule.times > 0
                    patch_entry(entry, rule.patch)
        return Answer(answer.status, etree.tostring(tree), answer.headers)

    def close(self):
        self.network.close()


def patch_entry(entry, patch):
    """Do what JSON Patch would do, to properties of an entry."""
    for operation in patch:
        [element] = entry.iter(DAV + operation["path"].removeprefix("/"))
        if operation["op"] == "remove":
            element.getparent().remove(element)
        else:
            value = operation["value"]
            element.text = value if isinstance(value, str) else json.dumps(value)


def refusal(rule, status):
    """Return the answer of a server that refuses."""
    status = STATUSES.get(rule.fault) or rule.status or status
    return Answer(status, b"The plan says so.", {"content-type": "text/plain", **retry_after(rule)})


class Broken(httpx.SyncByteStream):
    """A body that ends early."""

    def __init__(self, answer):
        self.answer = answer

    def __iter__(self):
        yield self.answer.body[: self.answer.cut.at]
        raise httpx.ReadError("The plan says so.") if self.answer.cut.reset else httpx.RemoteProtocolError("It ended.")


class WebdavPlace:
    """A folder that is served, behind a network on which things go wrong."""

    connector = CONNECTOR
    hostile_names = NAMES
    content_operation = "GET"

    def __init__(self, server):
        address, root = server
        self.folder = root / f"place {uuid.uuid4().hex[:8]}"
        self.folder.mkdir()
        self.address = address
        self.plan = FaultPlan()
        self.faults = FAULTS

    def write(self, path, content):
        where = self.folder / path
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_bytes(content)

    overwrite = write

    def rename(self, old, new):
        (self.folder / new).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / old).rename(self.folder / new)

    def delete(self, path):
        (self.folder / path).unlink()

    def open(self, meter, page_size=10):
        return self.opened(meter, page_size=page_size)

    def open_missing(self, meter):
        return self.opened(meter, path="missing")

    def reopen(self):
        return self.open(Meter())

    def opened(self, meter, prune=None, wire=None, **details):
        self.wire = wire or FaultyWire(self.plan)
        details = {"url": self.address, "path": self.folder.name, "username": USER, "password": PASSWORD, **details}
        return open_webdav(WebdavDetails(**details), meter, prune=prune, wire=self.wire, policy=IMPATIENT)

    def part_of(self, path):
        return f"/{path}/"

    def add_scope(self):
        return None

    def field_of(self, column, path):
        fields = {"external_id": "href", "size": "getcontentlength", "modified_at": "getlastmodified"}
        return f"/{path}", f"/{fields[column]}"


@contextmanager
def served(folder, *flags):
    """Serve a folder; yield the address."""
    log = folder.with_suffix(".log")
    command = [RCLONE, "serve", "webdav", "--config", "/dev/null", "--addr", "127.0.0.1:0", "--dir-cache-time", "1ms"]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *flags, str(folder)], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 30
        while not (found := STARTED.search(log.read_text())):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        yield found[1]
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """Return the address of a server with passwords and checksums, and the folder that it serves."""
    root = tmp_path_factory.mktemp("webdav")
    with served(root, "--user", USER, "--pass", PASSWORD, "--etag-hash", "MD5") as address:
        yield address, root


@pytest.fixture
def place(server):
    """Return an empty folder of the server."""
    return WebdavPlace(server)


class TestWebdav(ConnectorSuite):
    """All that every store must do."""

    @pytest.fixture
    def place(self, server):
        """Return an empty folder of the server."""
        return WebdavPlace(server)


def listed(source):
    """Return the rows of a source by path, and its gaps."""
    pages = [*source.list("")]
    rows = {row["path"]: row for page in pages for row in page.batch.to_pylist()}
    return rows, [gap for page in pages for gap in page.gaps]


def test_a_row(place):
    """It has what the server tells."""
    place.write("drawings/a b%.txt", b"content")
    source = place.open(Meter())

    rows, _ = listed(source)
    source.close()

    row = rows["drawings/a b%.txt"]
    assert (row["external_id"], row["parent_id"]) == ("drawings/a b%.txt", "drawings")
    assert row["version"] == '"9a0364b9e99bb480dd25e1f0284c8555"'
    assert row["content_hash"] == "md5:9a0364b9e99bb480dd25e1f0284c8555"
    assert (datetime.now(UTC) - row["modified_at"]).total_seconds() < 60
    assert rows["drawings"]["kind"] == "folder"


def test_what_is_filtered_out_is_not_entered(place):
    """It is listed, and not asked for."""
    place.write("wanted/a.txt", b"a")
    place.write("unwanted/b.txt", b"b")
    source = place.opened(Meter(), prune=lambda path: path == "unwanted")

    rows, _ = listed(source)
    source.close()

    assert set(rows) == {"wanted", "wanted/a.txt", "unwanted"}
    assert not [request for request in place.wire.requests if "unwanted" in request.path]


def test_a_large_folder_comes_in_small_pages(place):
    """Though the server tells it in one answer."""
    for number in range(23):
        place.write(f"{number}.txt", b"")
    source = place.open(Meter())

    pages = [*source.list("")]
    source.close()

    full = [page for page in pages if page.batch.num_rows]
    assert [page.batch.num_rows for page in full] == [10, 10, 3]
    assert [page.checkpoint is None for page in full] == [True, True, False]


def test_a_wrong_password(place):
    """It is an error that says what to check, and no secret."""
    source = place.opened(Meter(), password="wrong-one")

    with pytest.raises(AuthenticationFailed, match="HTTP 401") as raised:
        listed(source)

    source.close()
    assert "password" in raised.value.hint
    assert "wrong-one" not in str(raised.value) + repr(source)


def test_a_path_that_is_a_file(place):
    """It is no empty folder."""
    place.write("a.txt", b"a")
    source = place.opened(Meter(), path=f"{place.folder.name}/a.txt")

    with pytest.raises(NotFound, match="is no folder"):
        listed(source)
    source.close()


def test_a_folder_that_is_gone_before_it_is_read(place):
    """It is nothing; one that the folder above still has is a gap."""
    place.write("going/x.txt", b"x")
    place.write("z.txt", b"z")
    source = place.opened(Meter(), list_workers=1, page_size=1)
    pages = source.list("")
    found = [next(pages), next(pages)]  # the top was read
    shutil.rmtree(place.folder / "going")
    found += pages
    source.close()
    assert not [gap for page in found for gap in page.gaps]

    place.write("going/x.txt", b"x")
    place.plan.add(Fault.REFUSE, part="/going/", status=404, times=-1)
    source = place.open(Meter())
    rows, gaps = listed(source)
    source.close()
    assert set(rows) == {"going", "z.txt"}
    assert [gap.path for gap in gaps] == ["going"]


def test_a_server_without_checksums(tmp_path):
    """Its ETags prove versions; without them times and sizes do."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.txt").write_text("before")
    with served(root) as address:
        source = open_webdav(WebdavDetails(url=address), Meter(), policy=IMPATIENT)
        entry = FileEntry.from_row(listed(source)[0]["a.txt"])
        with source.open(entry) as stream:
            assert b"".join(stream) == b"before"
        (root / "a.txt").write_text("after!")
        with pytest.raises(StaleSource):
            source.open(entry)
        source.close()
    assert entry.content_hash is None


class Canned(httpx.BaseTransport):
    """A server that says one thing."""

    def __init__(self, body, status=207):
        self.body, self.status = body, status

    def handle_request(self, request):
        return httpx.Response(self.status, content=self.body, request=request)


def canned(body, status=207):
    """Return a source of a server whose answer is always the same."""
    return open_webdav(
        WebdavDetails(url="http://dav.example/files"), Meter(), wire=Canned(body, status), policy=IMPATIENT
    )


def multistatus(*responses):
    """Return an answer of a server that has a name of its own for everything."""
    return f'<?xml version="1.0"?><x:multistatus xmlns:x="DAV:">{"".join(responses)}</x:multistatus>'.encode()


def response(href, *properties, folder=False, status="HTTP/1.1 200 OK"):
    """Return a part of an answer."""
    kind = "<x:collection/>" if folder else ""
    told = f"<x:resourcetype>{kind}</x:resourcetype>{''.join(properties)}"
    return (
        f"<x:response><x:href>{href}</x:href><x:propstat><x:prop>{told}</x:prop><x:status>{status}</x:status>"
        "</x:propstat></x:response>"
    )


TOP = response("/files/", folder=True)
BOMB = b"""<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<D:multistatus xmlns:D="DAV:"><D:response><D:href>/files/&c;</D:href></D:response></D:multistatus>"""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (multistatus(), ProtocolViolation),  # of nothing: not even of the folder
        (multistatus(response("/other/", folder=True)), ProtocolViolation),
        (BOMB, ProtocolViolation),
        (b"<html><body>Please sign in</body></html>", ProtocolViolation),
        (b"Please sign in", TemporarilyDown),
        (b"", TemporarilyDown),
        (multistatus(TOP)[:-5], TemporarilyDown),
        (
            multistatus("<x:response><x:href>/files/</x:href><x:status>HTTP/1.1 507 Full</x:status></x:response>"),
            ProtocolViolation,
        ),
    ],
)
def test_answers_that_cannot_be_trusted(body, kind):
    """None of them is an empty folder."""
    with pytest.raises(kind):
        listed(canned(body))


def test_an_answer_that_is_no_multistatus():
    """However it looks."""
    with pytest.raises(SourceError):
        listed(canned(multistatus(TOP), 200))


@pytest.mark.parametrize("href", ["/elsewhere/a.txt", "/files/a/b.txt", "/files/..", "/files/a%2Fb", "a.txt", ""])
def test_an_entry_that_is_not_in_its_folder(href):
    """It is a gap that names it, and the others are rows."""
    rows, gaps = listed(
        canned(multistatus(TOP, response(href, "<x:displayname>odd</x:displayname>"), response("/files/b")))
    )

    assert set(rows) == {"b"}
    assert ["odd" in gap.reason for gap in gaps] == [True]


def test_spellings_of_answers():
    """Absolute addresses, other ways to escape, properties that the server does not have, and no status at all."""
    lacks = "<x:propstat><x:prop><x:getetag/></x:prop><x:status>HTTP/1.1 404 Not Found</x:status></x:propstat>"
    rows, gaps = listed(
        canned(
            multistatus(
                TOP,
                response("http://dav.example/files/%61%20b", "<x:getcontentlength>3</x:getcontentlength>"),
                response("/files/caf\u00e9").replace("</x:response>", f"{lacks}</x:response>"),
                response("/files/gone", status="HTTP/1.1 404 Not Found").replace(
                    "</x:response>", "<x:status>HTTP/1.1 404 Not Found</x:status></x:response>"
                ),
            )
        )
    )

    assert {path: row["size"] for path, row in rows.items()} == {"a b": 3, "caf\u00e9": None}
    assert not gaps


def test_folders_in_each_other_without_an_end():
    """A link that leads upwards is a gap, not a listing for ever."""

    class Mirror(httpx.BaseTransport):
        def handle_request(self, request):
            path = request.url.raw_path.decode()
            return httpx.Response(
                207, content=multistatus(response(path, folder=True), response(f"{path}a/", folder=True))
            )

    source = open_webdav(WebdavDetails(url="http://dav.example"), Meter(), wire=Mirror(), policy=IMPATIENT)
    rows, gaps = listed(source)

    assert len(rows) < 300
    assert ["without an end" in gap.reason for gap in gaps] == [True]


@pytest.mark.parametrize(
    "details",
    [
        {"url": "ftp://h"},
        {"url": "https://user:secret-word@h/dav"},
        {"url": "https://h/dav?x=1"},
        {"url": "https://h", "path": "../up"},
        {"url": "https://h", "username": "ann"},
        {"url": "https://h", "username": "ann", "password": "secret-word", "token": "t"},
    ],
)
def test_details_that_do_not_fit(details):
    """They are refused, and no secret is shown."""
    with pytest.raises(ValidationError) as raised:
        WebdavDetails(**details)
    assert "secret-word" not in str(raised.value)
