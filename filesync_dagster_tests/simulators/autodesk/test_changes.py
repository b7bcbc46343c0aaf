"""What people do, and what can be seen of it: in listings, and in the times of the folders above."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesync_dagster.simulators.autodesk import AutodeskSimulator
from filesync_dagster.simulators.autodesk.entries import stamp
from filesync_dagster.simulators.autodesk.refusals import ApsRefusal
from filesync_dagster_tests.simulators.autodesk.conftest import World

JSON_API = {"content-type": "application/vnd.api+json"}


def rollups(world):
    """Return when anything below each folder changed."""
    return {world.store.path_of(folder.id): folder.rollup for folder in world.store.folders.values()}


def crawl(world, since=""):
    """Return the sizes of what a crawl finds, by path, and how many folders it read.

    It does not go into folders whose `lastModifiedTimeRollup` is before `since`.
    """
    url = f"/project/v1/hubs/{world.hub}/projects/{world.project}/topFolders"
    top_folders = world.client.get(url).json()["data"]
    found, read = {}, 0
    waiting = [("", folder) for folder in top_folders if not folder["attributes"]["hidden"]]
    while waiting:
        prefix, folder = waiting.pop()
        if folder["attributes"]["lastModifiedTimeRollup"] < since:
            continue
        read += 1
        path = f"{prefix}{folder['attributes']['name']}/"
        for page in world.pages(folder["id"], **{"page[limit]": "3"}):
            tips = {version["id"]: version["attributes"] for version in page.get("included", [])}
            for entry in page["data"]:
                if entry["type"] == "folders":
                    waiting.append((path, entry))
                else:
                    tip = tips[entry["relationships"]["tip"]["data"]["id"]]
                    found[path + tip["name"]] = tip.get("storageSize")
    return found, read


@pytest.fixture
def busy(world):
    """Return a world with two branches, and the ids of what is in them."""
    store = world.store
    left, right = (store.folder(world.top, name) for name in ("left", "right"))
    deep = store.folder(left, "deep")
    item = store.upload(deep, "a.txt", 1)
    store.clock.advance(3600)
    world.ids = {"left": left, "right": right, "deep": deep, "item": item}
    return world


ACTIONS = {
    "new version": (lambda store, ids: store.new_version(ids["item"], 2), {"left", "left/deep"}),
    "rename item": (lambda store, ids: store.rename(ids["item"], "b.txt"), {"left", "left/deep"}),
    "rename folder": (lambda store, ids: store.rename(ids["deep"], "deeper"), {"left", "left/deeper"}),
    "hide item": (lambda store, ids: store.hide(ids["item"]), {"left", "left/deep"}),
    "hide folder": (lambda store, ids: store.hide(ids["deep"]), {"left", "left/deep"}),
    "move item": (lambda store, ids: store.move(ids["item"], ids["right"]), {"left", "left/deep", "right"}),
    "move folder": (lambda store, ids: store.move(ids["deep"], ids["right"]), {"left", "right", "right/deep"}),
    "upload": (lambda store, ids: store.upload(ids["right"], "c.txt", 1), {"right"}),
    "new folder": (lambda store, ids: store.folder(ids["right"], "new"), {"right", "right/new"}),
    "deny": (lambda store, ids: store.deny(ids["deep"]), {"left", "left/deep"}),
    "purge": (lambda store, ids: store.purge(ids["deep"]), {"left"}),
    "lock": (lambda store, ids: store.reserve(ids["item"]), {"left", "left/deep"}),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_change_rolls_up(busy, action):
    """All folders above a change say that something below changed, on both sides of a move; the others do not."""
    act, expected = ACTIONS[action]
    before, begun = rollups(busy), busy.store.clock.now

    act(busy.store, busy.ids)

    changed = {path for path, moment in rollups(busy).items() if moment > begun}
    assert changed == {f"Project Files/{path}" for path in expected} | {"Project Files", ""}
    assert set(before) - {"Project Files/left/deep"} <= set(rollups(busy))


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("move", "move item"),
        ("move", "move folder"),
        ("hide", "hide item"),
        ("hide", "hide folder"),
        ("rename", "rename item"),
        ("permission", "deny"),
    ],
)
def test_changes_that_do_not_roll_up(busy, kind, action):
    """What Autodesk does not promise can be switched off: the change is there, and no folder says so."""
    busy.store.unrolled.add(kind)
    before, listing = rollups(busy), crawl(busy)[0] if kind != "permission" else None

    ACTIONS[action][0](busy.store, busy.ids)

    assert sorted(rollups(busy).values()) == sorted(before.values())
    if listing is not None:
        assert crawl(busy)[0] != listing


def test_a_pruned_crawl_is_cheap(busy):
    """A crawl that trusts the times reads only the branch in which something changed."""
    since = stamp(busy.store.clock.now)
    busy.store.upload(busy.ids["right"], "c.txt", 5)

    found, read = crawl(busy, since)

    assert (found, read) == ({"Project Files/right/c.txt": 5}, 2)
    assert crawl(busy) == (busy.store.listing(busy.project), 4)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 60), unrolled=st.sets(st.sampled_from(["move", "hide"])))
def test_a_crawl_finds_what_people_see(seed, steps, unrolled):
    """Whatever people do, a full crawl finds exactly what they see, and no folder is older than what is below it."""
    world = World(AutodeskSimulator(seed=seed))
    world.store.unrolled = unrolled
    for _ in range(steps):
        world.store.mutate(world.plan.random)

    assert crawl(world)[0] == world.store.listing(world.project)
    for folder in world.store.folders.values():
        if not unrolled and folder.parent is not None:
            assert folder.modified <= folder.rollup <= folder.parent.rollup
    world.client.close()


def test_the_same_seed_gives_the_same_world():
    """Runs are reproducible: ids, times and names are the same."""
    first, second = (World(AutodeskSimulator(seed=3)) for _ in range(2))
    for world in (first, second):
        world.plan.random.seed(5)
        for _ in range(20):
            world.store.mutate(world.plan.random)

    assert first.pages(includeHidden="true") == second.pages(includeHidden="true")
    assert first.store.listing() == second.store.listing()


def test_what_autodesk_refuses(busy):
    """Names are unique among the folders and among the files of a folder; files lie in folders; no folder in itself."""
    store, ids = busy.store, busy.ids
    store.folder(ids["deep"], "a.txt")  # a folder may be named as a file is
    other = store.project(busy.hub, "Other")

    for refused in (
        lambda: store.upload(ids["deep"], "a.txt", 1),
        lambda: store.folder(ids["left"], "deep"),
        lambda: store.rename(ids["left"], "right"),
        lambda: store.move(ids["left"], ids["deep"]),
        lambda: store.move(ids["left"], ids["left"]),
        lambda: store.move(ids["left"], other),
        lambda: store.upload(busy.project, "a.txt", 1),
        lambda: store.move(ids["item"], busy.project),
        lambda: store.purge(store.projects[busy.project].root),
    ):
        with pytest.raises(ApsRefusal):
            refused()


def test_what_is_deleted_stays_as_it_is(busy):
    """What is deleted has to be restored before anything else is done to it; deleting it again does nothing."""
    store, ids = busy.store, busy.ids
    store.hide(ids["item"])
    store.hide(ids["right"])
    store.hide(ids["item"])

    for refused in (
        lambda: store.rename(ids["item"], "b.txt"),
        lambda: store.new_version(ids["item"], 1),
        lambda: store.move(ids["right"], ids["left"]),
    ):
        with pytest.raises(ApsRefusal):
            refused()
    assert store.items[ids["item"]].tip.number == 2


def test_restoring_under_a_taken_name(busy):
    """A deleted file comes back under its name unless that is taken in the meantime; then it needs another one."""
    store, ids = busy.store, busy.ids
    store.hide(ids["item"])
    store.upload(ids["deep"], "a.txt", 9)

    with pytest.raises(ApsRefusal):
        store.unhide(ids["item"])
    store.unhide(ids["item"], "a (restored).txt")

    assert busy.names(ids["deep"]) == ["a (restored).txt", "a.txt"]


def patch_folder(world, folder, attributes=None, parent=None):
    """Change a folder through the API."""
    data = {"type": "folders", "id": folder, "attributes": attributes or {}}
    if parent:
        data["relationships"] = {"parent": {"data": {"type": "folders", "id": parent}}}
    body = {"jsonapi": {"version": "1.0"}, "data": data}
    return world.client.patch(world.data(f"folders/{folder}"), json=body, headers=JSON_API)


def test_folders_through_the_api(busy):
    """A folder is renamed, moved, deleted and restored with PATCH."""
    ids = busy.ids

    assert patch_folder(busy, ids["deep"], {"name": "deeper"}).json()["data"]["attributes"]["name"] == "deeper"
    assert patch_folder(busy, ids["deep"], parent=ids["right"]).is_success
    assert busy.names(ids["right"]) == ["deeper"]
    assert patch_folder(busy, ids["deep"], {"hidden": True}).json()["data"]["attributes"]["hidden"] is True
    assert busy.names(ids["right"]) == []
    assert patch_folder(busy, ids["deep"], {"hidden": False, "name": "back"}).is_success
    assert busy.names(ids["right"]) == ["back"]
    assert patch_folder(busy, ids["left"], {"name": "right"}).status_code == 409


def post_version(world, data, **query):
    """Add a version through the API."""
    return world.client.post(world.data("versions"), json={"data": data}, params=query, headers=JSON_API)


def test_files_through_the_api(busy):
    """A file is deleted with a version that says so, and restored by copying the version before."""
    item, stem = busy.ids["item"], busy.ids["item"].replace("dm.lineage:", "fs.file:vf.")
    extension = {"type": "versions:autodesk.core:Deleted", "version": "1.0"}
    data = {
        "type": "versions",
        "attributes": {"extension": extension},
        "relationships": {"item": {"data": {"type": "items", "id": item}}},
    }

    deleted = post_version(busy, data)
    assert deleted.status_code == 201
    assert deleted.json()["data"]["attributes"]["extension"]["data"] == {"originalName": "a.txt"}
    assert busy.names(busy.ids["deep"]) == []
    assert post_version(busy, {"type": "versions"}, copyFrom=f"{stem}?version=2").status_code == 400
    restored = post_version(busy, {"type": "versions"}, copyFrom=f"{stem}?version=1")
    assert restored.json()["data"]["id"] == f"{stem}?version=3"
    assert busy.names(busy.ids["deep"]) == ["a.txt"]
    data["attributes"] = {"name": "b.txt", "extension": {"type": "versions:autodesk.bim360:File", "version": "1.0"}}
    assert post_version(busy, data).json()["data"]["attributes"]["displayName"] == "a.txt"
    assert busy.names(busy.ids["deep"]) == ["b.txt"]


def test_copies_through_the_api(busy):
    """A version is copied as a new file of another folder."""
    version = busy.ids["item"].replace("dm.lineage:", "fs.file:vf.") + "?version=1"
    data = {"type": "items", "relationships": {"parent": {"data": {"type": "folders", "id": busy.ids["right"]}}}}

    answer = busy.client.post(busy.data("items"), json={"data": data}, params={"copyFrom": version}, headers=JSON_API)

    assert answer.status_code == 201
    assert answer.json()["included"][0]["attributes"]["storageSize"] == 1
    assert busy.names(busy.ids["right"]) == ["a.txt"]


def test_the_mark_of_a_deletion_is_not_copied(busy):
    """It is no content: neither a new file nor a version is made of it."""
    busy.store.hide(busy.ids["item"])
    mark = busy.ids["item"].replace("dm.lineage:", "fs.file:vf.") + "?version=2"
    data = {"type": "items", "relationships": {"parent": {"data": {"type": "folders", "id": busy.ids["right"]}}}}

    answers = [
        busy.client.post(busy.data(kind), json={"data": data}, params={"copyFrom": mark}, headers=JSON_API)
        for kind in ("items", "versions")
    ]

    assert [answer.status_code for answer in answers] == [400, 400]
    assert busy.names(busy.ids["right"]) == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "folders", b"{", 400),
        ("POST", "folders", b"[]", 400),
        ("POST", "folders", b'{"data": {"type": "folders"}}', 400),
        ("POST", "items", b'{"data": {"type": "items"}}', 400),
        ("POST", "versions", b'{"data": {"type": "versions"}}', 400),
        ("PATCH", "items/{item}", b'{"data": {"attributes": {"displayName": "b.txt"}}}', 400),
        ("PATCH", "versions/{version}", b'{"data": {"attributes": {"name": "b.txt"}}}', 400),
        ("DELETE", "items/{item}", b"", 404),
    ],
)
def test_what_the_api_cannot_change(busy, method, path, body, status):
    """Malformed documents, and what ACC does not let anyone change, are refused."""
    item = busy.ids["item"]
    version = item.replace("dm.lineage:", "fs.file:vf.") + "%3Fversion=1"

    answer = busy.client.request(
        method, busy.data(path.format(item=item, version=version)), content=body, headers=JSON_API
    )

    assert answer.status_code == status
