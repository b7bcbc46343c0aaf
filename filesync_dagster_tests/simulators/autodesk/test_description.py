"""Answers and questions are those of Autodesk's own description."""

import re

import jsonschema
import pytest

from filesync_dagster.simulators.autodesk.downloads import DOWNLOAD
from filesync_dagster.simulators.autodesk.entries import VersionKind
from filesync_dagster.simulators.autodesk.operations import OPERATIONS
from filesync_dagster_tests.simulators.autodesk.conftest import ADDRESS, client_of, minted
from filesync_dagster_tests.simulators.autodesk.test_tokens import service_token
from filesync_dagster_tests.simulators.autodesk.vendor import Description

JSON_API = {"content-type": "application/vnd.api+json"}
QUESTIONS = {
    "filter[id]": "x",
    "filter[name]": "Tower",
    "filter[extension.type]": "items:autodesk.bim360:File",
    "filter[type]": "items",
    "filter[lastModifiedTimeRollup]": "2026-01-05T08:00:00.000000Z",
    "filter[versionNumber]": "1",
    "filter[*]": None,
    "page[number]": "0",
    "page[limit]": "200",
    "excludeDeleted": "true",
    "projectFilesOnly": "true",
    "includeHidden": "true",
    "includePathInProject": "true",
    "copyFrom": None,
    "x-user-id": None,
}
"""A good value of each parameter of the description. None: `x-user-id` is a header everywhere else, `filter[*]` stands
for many names, and what is copied has a test of its own."""


@pytest.fixture(scope="module")
def described():
    """Return Autodesk's description of data management."""
    return Description("aps_datamanagement.yaml")


@pytest.fixture
def known(world):
    """Return ids of one of each: a busy project, so that every attribute occurs."""
    store = world.store
    folder = store.folder(world.top, "Plans")
    item = store.upload(folder, "a.pdf", 10)
    store.new_version(item, 20)
    store.reserve(item)
    store.upload(world.top, "model.rvt", kind=VersionKind.CLOUD_MODEL)
    hidden = store.upload(folder, "gone.dwg", 30)
    store.hide(hidden)
    store.hide(store.folder(world.top, "Gone"))
    version = item.replace("dm.lineage:", "fs.file:vf.") + "?version=1"
    return {
        "hub_id": world.hub,
        "project_id": world.project,
        "folder_id": folder,
        "item_id": item,
        "version_id": version.replace(":", "%3A").replace("?", "%3F").replace("=", "%3D"),
    }


def path_of(operation, known):
    """Return the path of an operation with ids of something that exists."""
    return re.sub(r"{(\w+)}", lambda name: known[name[1]], operation.path)


def body_of(operation, world, known):
    """Return what to send."""
    parent = {"parent": {"data": {"type": "folders", "id": world.top}}}
    item = {"item": {"data": {"type": "items", "id": known["item_id"]}}}
    extension = {"type": "versions:autodesk.bim360:File", "version": "1.0"}
    first = {"type": "versions", "id": "1", "attributes": {"name": "b.pdf", "extension": extension}}
    data = {
        "createFolder": {"type": "folders", "attributes": {"name": "New"}, "relationships": parent},
        "createItem": {
            "type": "items",
            "attributes": {"displayName": "b.pdf"},
            "relationships": {"tip": {"data": {"type": "versions", "id": "1"}}, **parent},
        },
        "createVersion": {
            "type": "versions",
            "attributes": {"name": "c.pdf", "extension": extension},
            "relationships": item,
        },
        "createStorage": {
            "type": "objects",
            "attributes": {"name": "b.pdf"},
            "relationships": {"target": {"data": {"type": "folders", "id": world.top}}},
        },
        "patchFolder": {"type": "folders", "id": known["folder_id"], "attributes": {"name": "Drawings"}},
    }
    return {"jsonapi": {"version": "1.0"}, "data": data.get(operation.name, {}), "included": [first]}


def ask(world, operation, known, query=()):
    """Call an operation as the person whose service account it is."""
    client = client_of(world.simulator, token=service_token(world.simulator))
    body = {} if operation.method == "GET" else {"json": body_of(operation, world, known), "headers": JSON_API}
    with client:
        return client.request(operation.method, path_of(operation, known), params=dict(query), **body)


UNDESCRIBED = {"getFolderPermissions", "signedS3Download", DOWNLOAD}
"""Of services that no description is published of: what is known of their answers is tested beside this."""
DESCRIBED = [operation for operation in OPERATIONS if operation.name not in UNDESCRIBED]
READABLE = [operation for operation in DESCRIBED if operation.name not in {"patchItem", "patchVersion"}]


@pytest.mark.parametrize("operation", READABLE, ids=lambda operation: operation.name)
def test_answers_are_as_described(world, described, known, operation):
    """Every operation answers with a document of its schema, and with nothing in it that the schema does not know."""
    answer = ask(world, operation, known)

    assert answer.is_success
    described.judge(operation.name, answer.status_code, answer.json())


def test_listings_are_as_described(world, described, known):
    """So do pages in the middle of a listing, hidden entries, and accounts elsewhere in the world."""
    for number in range(30):
        world.store.upload(world.top, f"{number}.ifc", number)
    for page in world.pages(**{"page[limit]": 7, "includeHidden": "true"}):
        described.judge("getFolderContents", 200, page)
    world.store.project(world.store.hub("Europe", "EMEA"), "Bridge", platform="BIM360")
    described.judge("getHubs", 200, world.client.get("/project/v1/hubs").json())


@pytest.mark.parametrize("operation", READABLE, ids=lambda operation: operation.name)
def test_questions_are_as_described(world, described, known, operation):
    """Every operation is where the description says, takes each parameter that it names, and no other one."""
    method, path, _, _ = described.operations()[operation.name]
    assert (method, path) == (operation.method, operation.path)

    for name in described.parameters(operation.name, "query"):
        if QUESTIONS[name] is not None:
            assert ask(world, operation, known, {name: QUESTIONS[name]}.items()).status_code != 400, name
            misspelt = ask(world, operation, known, {name.replace("l", "k", 1) + "s": QUESTIONS[name]}.items())
            assert misspelt.status_code == 400, name
    unknown = set(QUESTIONS) - set(described.parameters(operation.name, "query")) - {"filter[*]"}
    if operation.name in {"getHubProjects", "getFolderContents"}:
        unknown.remove("filter[name]")  # Autodesk's guide to filtering has them filter by any attribute
    if "filter[*]" in described.parameters(operation.name, "query"):
        unknown = {name for name in unknown if not name.startswith("filter")}
    for name in unknown - {"x-user-id"}:
        refused = ask(world, operation, known, {name: QUESTIONS[name] or "x"}.items())
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "BAD_INPUT"), name


def test_scopes_are_as_described(world, described, known):
    """Each operation asks for the scope that the description names; the gateway refuses a token without it."""
    for operation in DESCRIBED:
        _, _, says, _ = described.operations()[operation.name]
        assert operation.scope in {scope for way in says["security"] for scopes in way.values() for scope in scopes}
    with client_of(world.simulator, scope="data:write") as client:
        refused = client.get("/project/v1/hubs")
    assert (refused.status_code, refused.json()["errorCode"]) == (403, "AUTH-010")


def test_the_judge_is_strict(world, described, known):
    """A misspelt, a missing and an invented attribute are all found."""
    good = world.contents().json()
    attributes = good["data"][0]["attributes"]
    for spoilt in (
        {**attributes, "invented": 1},
        {name: value for name, value in attributes.items() if name != "createTime"},
        {**attributes, "hidden": "false"},
    ):
        first = {**good["data"][0], "attributes": spoilt}
        with pytest.raises(jsonschema.ValidationError):
            described.judge("getFolderContents", 200, {**good, "data": [first]})


def test_tokens_are_as_described(world):
    """A token comes as the description of authentication says, and lasts an hour at most."""
    described = Description("aps_authentication.yaml")
    answer = minted(world.client, world.simulator, "data:read")

    described.judge_as("twoLeggedToken", answer.json())
    assert 0 < answer.json()["expires_in"] <= 3600
    assert described.operations()["fetch-token"][1] == answer.request.url.path
    assert str(answer.request.url).startswith(ADDRESS)
