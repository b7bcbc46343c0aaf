"""The faults that every simulator can have, in process and over HTTP: for Google Drive and Autodesk alike."""

import gzip
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest

from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.fault_injection import apply_patch
from filesync_dagster.simulators.kit.faults import Fault, FaultPlan
from filesync_dagster.simulators.kit.wire import InProcess, serve_simulator

NAMES = ["a.txt", "b.txt", "c.txt"]


@dataclass
class Vendor:
    """A simulator with a folder of three files, one folder beside it, and how to list them."""

    simulator: Any
    operation: str
    folder: str
    other: str
    token_request: dict[str, Any]
    name_path: str  # of an entry, in JSON
    authorization: str = ""

    def sign_in(self, client):
        answer = client.post(**self.token_request)
        self.authorization = f"Bearer {answer.json()['access_token']}"

    def request(self, folder=None, token=None):
        """Return the path and the parameters of a listing."""
        folder = folder or self.folder
        if isinstance(self.simulator, DriveSimulator):
            found = {"q": f"'{folder}' in parents", "pageSize": "2", "fields": "nextPageToken,files(id,name,size)"}
            return "/drive/v3/files", found | ({"pageToken": token} if token else {})
        project = next(iter(self.simulator.store.projects))
        path = f"/data/v1/projects/{project}/folders/{quote(folder)}/contents"
        return path, {"page[limit]": "2", "page[number]": token or "0"}

    def ask(self, client, folder=None, token=None):
        path, parameters = self.request(folder, token)
        return client.get(path, params=parameters, headers={"authorization": self.authorization})

    def names(self, answer):
        document = answer.json()
        if "files" in document:
            return [file.get("name") for file in document["files"]]
        return [item["attributes"].get("displayName") for item in document["data"]]

    def next_token(self, answer):
        document = answer.json()
        if "files" in document:
            return document.get("nextPageToken")
        link = document["links"].get("next")
        return link and dict(httpx.QueryParams(urlsplit(link["href"]).query))["page[number]"]


def drive():
    """Return a Google Drive."""
    simulator = DriveSimulator()
    folders = [simulator.store.create(name, kind="folder") for name in ("one", "two")]
    for name in NAMES:
        simulator.store.create(name, folders[0], content=b"x")
    known = simulator.user_credentials("http://vendor.test")
    form = {"grant_type": "refresh_token"} | {name: known[name] for name in ("client_id", "client_secret")}
    form["refresh_token"] = known["refresh_token"]
    return Vendor(simulator, "files.list", *folders, {"url": "/token", "data": form}, "/name")


def autodesk():
    """Return an Autodesk."""
    simulator = AutodeskSimulator()
    project = simulator.store.project(simulator.store.hub("Hub"), "Tower")
    folders = [simulator.store.folder(project, name) for name in ("one", "two")]
    for name in NAMES:
        simulator.store.upload(folders[0], name, 1)
    known = simulator.credentials("http://vendor.test")
    form = {"grant_type": "client_credentials", "scope": "data:read"}
    auth = (known["client_id"], known["client_secret"])
    sign_in = {"url": "/authentication/v2/token", "data": form, "auth": auth}
    return Vendor(simulator, "getFolderContents", *folders, sign_in, "/attributes/displayName")


@pytest.fixture(params=[drive, autodesk])
def vendor(request):
    """Return a simulator with three files."""
    return request.param()


@pytest.fixture
def client(vendor):
    """Return a client that is signed in, without a network."""
    with httpx.Client(transport=InProcess(vendor.simulator), base_url="http://vendor.test") as client:
        vendor.sign_in(client)
        yield client


def test_one_part_answers_a_status_and_the_others_do_not(vendor, client):
    """For ever, or so often: wherever the request names the part."""
    vendor.simulator.plan.add(Fault.REFUSE, status=404, times=-1, part=vendor.folder)
    vendor.simulator.plan.add(Fault.SERVER_ERROR, status=500, part=vendor.other)
    assert [vendor.ask(client).status_code for _ in range(3)] == [404, 404, 404]
    assert [vendor.ask(client, vendor.other).status_code for _ in range(3)] == [500, 200, 200]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 429, 500, 502, 503])
def test_any_refusal_is_in_the_words_of_the_provider(vendor, client, status):
    """And the same body with 200, as some say it."""
    vendor.simulator.plan.add(Fault.REFUSE, vendor.operation, status=status)
    vendor.simulator.plan.add(Fault.ERROR_IN_BODY, vendor.operation, after=1, status=status)
    refusal, hidden = vendor.ask(client), vendor.ask(client)
    assert (refusal.status_code, hidden.status_code) == (status, 200)
    alike = [json.loads(a.content) if a.content[:1] == b"{" else a.content for a in (refusal, hidden)]
    assert alike[0] == alike[1]
    assert vendor.names(vendor.ask(client)) == NAMES[:2]


def test_a_rule_is_added_while_a_simulator_runs(vendor, client):
    """Over a path of our own; what is no rule is refused, and nothing goes wrong by it."""
    assert client.post("/_simulator/fault", json={"fault": "refuse", "status": 403}).json() == {"result": None}
    assert vendor.ask(client).status_code == 403
    for wrong in ({"fault": "fire"}, {"fault": "refuse", "color": "red"}, []):
        assert client.post("/_simulator/fault", json=wrong).status_code == 400
    assert vendor.ask(client).status_code == 200


def test_a_simulator_tells_what_an_endpoint_has_to_know(vendor, client):
    """Some keys are made when a simulator starts: whoever configures an endpoint can ask for them."""
    told = client.get("/_simulator/credentials").json()

    assert told == vendor.simulator.credentials(str(client.base_url).rstrip("/"))


def test_one_entry_is_patched_wherever_it_comes(vendor, client):
    """Answers without it are not counted; fields can be anything that JSON can say, and more."""
    plan = vendor.simulator.plan
    operations = [
        {"op": "replace", "path": vendor.name_path, "value": "half \ud83d a pair"},
        {"op": "add", "path": "/added/below", "value": None},
        {"op": "remove", "path": "/id"},
    ]
    plan.add(Fault.PATCH_ENTRY, vendor.operation, entry="c.txt", patch=operations)
    [rule] = plan.rules
    first = vendor.ask(client)
    assert (vendor.names(first), rule.seen) == (NAMES[:2], 0)
    patched = vendor.ask(client, token=vendor.next_token(first))
    [entry] = patched.json().get("files") or patched.json()["data"]
    assert (entry["added"], "id" in entry, rule.done) == ({"below": None}, False, 1)
    assert vendor.names(patched) == ["half \ud83d a pair"]
    assert vendor.names(vendor.ask(client, token=vendor.next_token(first))) == NAMES[2:]


def test_pages_repeat_themselves_under_fresh_tokens(vendor, client):
    """So often as the plan says: then the listing goes on, and nothing is lost."""
    vendor.simulator.plan.add(Fault.REPEAT_PAGE, vendor.operation, times=3)
    tokens, pages = [None], []
    while True:
        answer = vendor.ask(client, token=tokens[-1])
        pages.append(vendor.names(answer))
        if vendor.next_token(answer) is None:
            break
        tokens.append(vendor.next_token(answer))
    assert pages == [NAMES[:2]] * 4 + [NAMES[2:]]
    assert len(set(tokens)) == len(tokens)


def test_a_portal_answers_instead(vendor, client):
    """A redirect, and a page of HTML where it leads."""
    vendor.simulator.plan.add(Fault.CAPTIVE_PORTAL)
    answer = vendor.ask(client)
    assert answer.status_code == 302
    page = client.get(answer.headers["location"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html")


def test_a_body_is_cut_or_missing(vendor, client):
    """By half, or all of it."""
    whole = len(vendor.ask(client).content)
    vendor.simulator.plan.add(Fault.GARBAGE)
    vendor.simulator.plan.add(Fault.GARBAGE, after=1, share=1.0)
    assert 0 < len(vendor.ask(client).content) <= whole // 2 + 1
    assert vendor.ask(client).content == b""


def test_a_bomb_is_small_on_the_wire_and_read_as_far_as_somebody_wants(vendor, client):
    """What is in it is the answer, with space behind it."""
    vendor.simulator.plan.add(Fault.GZIP_BOMB, times=-1, size=5_000_000)
    path, parameters = vendor.request()
    with client.stream("GET", path, params=parameters, headers={"authorization": vendor.authorization}) as answer:
        packed = b"".join(answer.iter_raw())
    assert len(packed) < 50_000
    assert len(gzip.decompress(packed)) == 5_000_000
    assert vendor.names(vendor.ask(client)) == NAMES[:2]


@pytest.mark.parametrize("fault", [Fault.DRIP_BODY, Fault.DRIP_HEADERS])
def test_an_answer_drips(vendor, client, fault):
    """A byte at a time, so that no timeout between two ends it; the server stops all the same."""
    vendor.simulator.plan.add(fault, times=-1, seconds=0.01)
    path, parameters = vendor.request()
    with serve_simulator(vendor.simulator) as address:
        url = httpx.URL(address + path, params=parameters)
        with socket.create_connection((url.host, url.port)) as connection:
            lines = (f"GET {url.raw_path.decode()} HTTP/1.1", "host: here", f"authorization: {vendor.authorization}")
            connection.sendall("\r\n".join((*lines, "", "")).encode())
            chunks = [connection.recv(4096) for _ in range(12)]
    start = b"".join(chunks)
    assert start.startswith(b"HTTP/1.1 200 "[: len(start)])
    assert (b"\r\n\r\n" in start) == (fault is Fault.DRIP_BODY)


def test_a_body_drips_without_a_network_too(vendor, client):
    """Whoever waits for all of it waits long."""
    vendor.simulator.plan.add(Fault.DRIP_BODY, seconds=0)
    path, parameters = vendor.request()
    with client.stream("GET", path, params=parameters, headers={"authorization": vendor.authorization}) as answer:
        chunks = list(answer.iter_raw())
    assert {len(chunk) for chunk in chunks} == {1}
    assert len(chunks) == int(answer.headers["content-length"])


@pytest.mark.parametrize("path", ["/a/0/b", "/a/1", "/a/-", "/x/y~1z"])
def test_a_patch_is_json_patch(path):
    """Pointers into lists and with escapes."""
    document = {"a": [{"b": 1}]}
    apply_patch(document, "add", path, 2)
    assert document in (
        {"a": [{"b": 2}]},
        {"a": [{"b": 1}, 2]},
        {"a": [{"b": 1}], "x": {"y/z": 2}},
    )


def test_a_part_is_no_pattern():
    """Without a request a rule about a part never strikes."""
    plan = FaultPlan()
    plan.add(Fault.REFUSE, part="x")
    assert plan.strike("list") == []
