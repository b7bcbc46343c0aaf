"""Answers are those of Box's own description."""

import pytest

from filesync_dagster.simulators.box.events import STREAMING
from filesync_dagster.simulators.box.simulator import API, ROUTES
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.simulators.box.conftest import number
from filesync_dagster_tests.simulators.box.description import described, judge, operation

FULL = {"file": "File--Full", "folder": "Folder--Full", "web_link": "WebLink"}
NAMES = {"/files/{id}": "file_id", "/folders/{id}": "folder_id", "/web_links/{id}": "web_link_id"}
FIELDS = "sequence_id,name,size,sha1,file_version,parent,owned_by,shared_link,item_status,has_collaborations,url"


@pytest.mark.parametrize("fields", ["", FIELDS])
def test_items(client, box, fields):
    """Each kind, at the top, in a folder and by itself; with the fields that are told unasked, or asked for."""
    asked = {"fields": fields} if fields else {}
    for folder in ("0", number(box.ids["folder"])):
        page = client.get(f"/2.0/folders/{folder}/items", params={"usemarker": "true", **asked}).json()
        judge("Items", page)
        for entry in page["entries"]:
            judge(FULL[entry["type"]], entry)
            judge(FULL[entry["type"]], client.get(f"/2.0/{entry['type']}s/{entry['id']}", params=asked).json())
    judge("Folder--Full", client.get("/2.0/folders/0", params=asked).json())


def test_pages_by_offset_and_of_the_trash(client, box):
    """They are described as the others."""
    box.store.trash(box.ids["file"])
    judge("Items", client.get("/2.0/folders/0/items").json())
    trash = client.get("/2.0/folders/trash/items", params={"usemarker": "true"}).json()
    judge("Items", trash)
    judge("TrashFile", client.get(f"/2.0/files/{trash['entries'][0]['id']}/trash").json())


@pytest.mark.parametrize("stream", [STREAMING, "changes", "all"])
def test_events(client, box, stream):
    """Of all kinds of deeds, in either stream."""
    file, folder = box.ids["file"], box.ids["folder"]
    for deed in (
        lambda: box.store.edit(file, b"more"),
        lambda: box.store.rename(file, "b.pdf"),
        lambda: box.store.move(file, box.store.root.id),
        lambda: box.store.trash(folder),
        lambda: box.store.restore(folder),
        lambda: box.store.unlink(file),
        lambda: box.store.unshare(file, "bob@example.com"),
        lambda: box.store.preview(file),
    ):
        deed()
    known = described()["components"]["schemas"]["Event"]["properties"]["event_type"]["allOf"][0]["enum"]

    chunk = client.get("/2.0/events", params={"stream_type": stream, "stream_position": "0"}).json()

    judge("Events", chunk)
    assert chunk["chunk_size"] == len(chunk["entries"]) > 8
    for event in chunk["entries"]:
        judge("Event", event)
        assert event["event_type"] in known


def test_people_and_refusals(client, box):
    """Who asks, who may see an item, and what is said instead of an answer."""
    me = client.get("/2.0/users/me").json()
    judge("User--Full", me)
    found = client.get(f"/2.0/files/{number(box.ids['file'])}/collaborations").json()
    judge("Collaborations", found)
    refusal = client.get("/2.0/files/1")
    judge("ClientError", refusal.json())
    assert refusal.status_code == 404
    box.plan.add(Fault.THROTTLE)
    throttled = client.get("/2.0/files/1")
    judge("ClientError", throttled.json() | {"code": "too_many_requests"})  # Box says rate_limit_exceeded
    assert throttled.headers["retry-after"]
    judge("AccessToken", client.post("/oauth2/token", data=credentials(box)).json())
    judge("OAuth2Error", client.post("/oauth2/token", data={"client_id": "x"}).json())


def test_the_calls_are_those_of_box():
    """Every path and method is described, but for where contents are."""
    for route in ROUTES:
        if not route.path.startswith(API):
            continue
        path = route.path.removeprefix(API)
        for ours, theirs in NAMES.items():
            path = path.replace(ours, ours.replace("id", theirs))
        assert operation(path, route.method.lower()), route.name


def credentials(box):
    """Return what client credentials are asked for with."""
    return {
        "grant_type": "client_credentials",
        "client_id": box.client_id,
        "client_secret": box.client_secret,
        "box_subject_type": "enterprise",
        "box_subject_id": box.application.enterprise_id,
    }
