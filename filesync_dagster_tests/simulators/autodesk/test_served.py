"""The simulator over HTTP, and with a big project."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import httpx
import orjson
import pytest

from filesync_dagster.simulators import SIMULATORS
from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import Answer, Request, serve_simulator
from filesync_dagster_tests.simulators.autodesk.conftest import World, minted, names
from filesync_dagster_tests.simulators.autodesk.test_tokens import service_token

SDK = Path(__file__).with_name("sdk.cjs")


@pytest.fixture
def online(world):
    """Return a world and a client that reaches it over HTTP."""
    with serve_simulator(world.simulator) as address, httpx.Client(base_url=address, timeout=10) as client:
        token = minted(client, world.simulator, "data:read data:write data:create").json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield world, client


def test_a_client_over_http(online):
    """Links lead to where the simulator is serve_simulator, also those of ids with a question mark in them."""
    world, client = online
    for number in range(5):
        world.store.upload(world.top, f"{number}.txt", number)

    first = client.get(world.data(f"folders/{world.top}/contents"), params={"page[limit]": 3}).json()
    second = client.get(first["links"]["next"]["href"]).json()
    version = client.get(first["included"][0]["links"]["self"]["href"]).json()

    assert names(first) + names(second) == [f"{number}.txt" for number in range(5)]
    assert httpx.URL(first["links"]["next"]["href"]).netloc == client.base_url.netloc
    assert version["data"] == first["included"][0]


def test_faults_over_http(online):
    """A connection that breaks, breaks."""
    world, client = online
    world.plan.add(Fault.DISCONNECT, "getHubs")

    with pytest.raises(httpx.RemoteProtocolError):
        client.get("/project/v1/hubs")
    assert client.get("/project/v1/hubs").is_success


def test_acting_over_http(online):
    """Paths of our own let a demo act as a person, and show what people see."""
    world, client = online

    folder = client.post("/_simulator/folder", json={"parent": world.top, "name": "Plans"}).json()["result"]
    item = client.post("/_simulator/upload", json={"parent": folder, "name": "a.pdf", "size": 7}).json()["result"]

    assert client.get("/_simulator/listing").json() == {"Tower/Project Files/Plans/a.pdf": 7}
    assert client.get("/_simulator/listing", params={"project": world.project}).json() == {
        "Project Files/Plans/a.pdf": 7
    }
    assert client.post("/_simulator/hide", json={"entry": item}).status_code == 200
    assert client.get("/_simulator/listing").json() == {}
    model = {"parent": folder, "name": "model.rvt", "kind": "C4RModel"}
    assert client.post("/_simulator/upload", json=model).is_success
    assert client.post("/_simulator/upload", json=model | {"name": "b.rvt", "kind": "Model"}).status_code == 400
    before = world.store.clock.now
    assert client.post("/_simulator/advance", json={"seconds": 60}).is_success
    assert world.store.clock.now == before + 60_000
    assert client.get("/_simulator/listing").json() == {"Tower/Project Files/Plans/model.rvt": None}
    assert client.post("/_simulator/hide", json={"entry": "nothing"}).status_code == 404
    assert client.post("/_simulator/hide", json={"wrong": 1}).status_code == 400
    assert client.post("/_simulator/hide", content=b"{").status_code == 400
    assert client.post("/_simulator/format").status_code == 404


def test_credentials(online):
    """What an endpoint needs is given for an address, with the key of a service account if it is asked for."""
    world, client = online
    known = world.simulator.credentials(str(client.base_url), service_account=True)

    assert known["base_url"] == str(client.base_url)
    assert known["private_key"].startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert service_token(world.simulator)
    assert set(world.simulator.credentials("x")) == {"base_url", "client_id", "client_secret"}
    assert isinstance(SIMULATORS["autodesk"](), AutodeskSimulator)


def test_a_big_project():
    """A page of 200 is as much work among a hundred thousand files as among a thousand."""
    work = []
    for files, per_folder in ((1_000, 500), (100_000, 5_000)):
        simulator = AutodeskSimulator()
        project = simulator.store.bulk(files, per_folder=per_folder)
        assert len(simulator.store.listing(project)) == len(simulator.store.items) == files
        world = World(simulator)
        folder = simulator.store.folder_at(project).children[0].children[0]
        path = f"/data/v1/projects/{project}/folders/{folder.id}/contents"
        header = {"authorization": world.client.headers["authorization"]}
        for number in range(2):
            request = Request("GET", path, (("page[number]", str(number)),), header)
            calls, answer = counted(lambda asked=request, at=simulator: at.handle(asked))
            assert len(orjson.loads(answer.body)["included"]) == 200
        work.append(calls)  # of the second page: the first one has met whoever asks
        world.client.close()

    assert work[1] <= 1.1 * work[0], work


def counted(action: Callable[[], Answer]) -> tuple[int, Answer]:
    """Return how many functions were called until it had answered, and its answer."""
    calls = 0

    def called(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        answer = action()
    finally:
        sys.setprofile(before)
    return calls, answer


def test_autodesks_own_sdk(online):
    """Autodesk's SDK for Node.js gets a token, lists hubs, projects, folders and versions, and changes them."""
    world, client = online
    node = shutil.which("node")
    if node is None or subprocess.run([node, SDK, "--look"], capture_output=True, check=False).returncode:
        pytest.skip("Node.js with @aps_sdk/data-management and @aps_sdk/authentication is not installed")
    items = [world.store.upload(world.top, f"{number}.pdf", number) for number in range(450)]
    world.store.hide(items[7])
    world.store.new_version(items[3], 99)
    for number in range(120):
        world.store.project(world.hub, f"P{number}")

    given = {"base": str(client.base_url), "hub": world.hub, "project": world.project, "folder": world.top}
    done = subprocess.run(
        [node, SDK, orjson.dumps({**given, "item": items[3]})], capture_output=True, check=False, timeout=60
    )

    assert done.returncode == 0, done.stderr.decode()
    assert orjson.loads(done.stdout) == {
        "hubs": ["US"],
        "projects": 121,
        "top": ["Project Files"],
        "contents": 449,
        "tips": 449,
        "path": "/Project Files",
        "size": 99,
        "versions": [2, 1],
        "first": True,
        "created": "New",
        "hidden": True,
        "deleted": [True, 3],
        "search": 403,
    }
