"""The state keeps its laws whatever people do: what is listed, what is visible and what the logs tell agree."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.simulators.google_drive.conftest import EVERYWHERE, Client

ACTIONS = ("create", "folder", "edit", "rename", "move", "trash", "restore", "delete", "share", "unshare", "revoke")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=25
)
FIELDS = "id,name,parents,trashed,explicitlyTrashed,driveId,version"


def act(store, action, one, other, places):
    """Do one thing, to items picked by number; places are roots and folders."""
    items = [item for item in store.items.values() if item.parent is not None]
    folders = [item for item in store.items.values() if item.is_folder and (item.parent or item.id in places)]
    folder = folders[other % len(folders)]
    if action in {"create", "folder"} or not items:
        store.create(f"{one}", folder.id, kind="folder" if action == "folder" else "file")
        return
    item = items[one % len(items)]
    if action == "move":
        if item not in folder.above():
            store.move(item.id, folder.id)
    elif action in {"share", "unshare"}:
        getattr(store, action)(item.id, store.account if other % 2 else "carl@example.com")
    else:
        getattr(store, action)(item.id, *{"edit": [b"x"], "rename": [f"{other}"]}.get(action, []))


def listed(client, drives):
    """Return what the account is shown, by id, everything listed flat."""
    corpora = [{}, *({"corpora": "drive", "driveId": drive, **EVERYWHERE} for drive in drives)]
    found = {}
    for corpus in corpora:
        token = {}
        while token is not None:
            page = client.get("files", fields=f"nextPageToken,files({FIELDS})", pageSize=7, **corpus, **token)
            found |= {file["id"]: file for file in page["files"]}
            token = {"pageToken": page["nextPageToken"]} if "nextPageToken" in page else None
    return found


def told(client, known, tokens):
    """Return what a reader of all logs knows now, before it draws conclusions for what lies below."""
    known, still_there = dict(known), set()
    for drive, token in tokens.items():
        corpus = {"driveId": drive, **EVERYWHERE} if drive else {}
        fields = f"nextPageToken,newStartPageToken,changes(fileId,removed,file({FIELDS}))"
        changes, _ = client.changes(token, fields=fields, **corpus)
        for change in changes:
            if not change["removed"]:
                known[change["fileId"]] = change["file"]
                still_there.add(change["fileId"])
            elif change["fileId"] not in still_there:
                known.pop(change["fileId"], None)
    return known


def concluded(known, tops):
    """Return the ids that a reader believes in, each with whether it is in the trash; None: a folder is not visible."""
    believed = {}
    for file_id, file in known.items():
        trashed, top, above = False, None, file
        while above is not None:
            trashed |= above["explicitlyTrashed"]
            top = above.get("parents", [None])[0]
            above = known.get(top)
        if top in tops:
            believed[file_id] = trashed
        elif top is None:
            believed[file_id] = trashed or None
    return believed


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=STEPS, after=STEPS)
def test_listings_and_logs_agree_with_the_state(before, after):
    """A flat listing is what is visible. A reader of the logs invents nothing, and misses only what no log tells."""
    simulator = DriveSimulator()
    store = simulator.store
    client = Client(simulator)
    drive = store.shared_drive("Team")
    places = {store.root_id, drive, store.my_drive("bob@example.com").id}
    for step in before:
        act(store, *step, places)
    known = listed(client, [drive])
    tokens = {None: client.token(), drive: client.token(driveId=drive, supportsAllDrives=True)}
    for step in after:
        act(store, *step, places)
    now = listed(client, [drive])
    assert {seen.id: (seen.name, seen.trashed, seen.drive, seen.parent) for seen in store.visible()} == {
        file["id"]: (file["name"], file["trashed"], file.get("driveId"), file.get("parents", [None])[0])
        for file in now.values()
    }
    known = told(client, known, tokens)
    believed = concluded(known, {store.root_id, drive})
    assert believed.keys() <= now.keys()
    for one, trashed in believed.items():
        assert (known[one]["name"], known[one]["version"]) == (now[one]["name"], now[one]["version"])
        assert trashed in {now[one]["trashed"], None}
    for one in (
        now.keys() - believed.keys()
    ):  # it came along with a folder, or lost the sight of the one that it lies in
        assert one not in known or known[one].get("parents") != now[one].get("parents")
    client.http.close()


def test_a_deleted_folder_takes_everything_with_it(store):
    """Ids that were below it are gone, from the corpus too."""
    top = store.create("top", kind="folder")
    below = store.create("below", store.create("inner", top, kind="folder"))
    kept = store.create("kept")
    store.delete(top)
    assert [seen.id for seen in store.visible()] == [kept]
    with pytest.raises(KeyError):
        store.rename(below, "x")


def test_the_trash_is_emptied_for_good(store):
    """What was trashed by itself, and what is below it."""
    top = store.create("top", kind="folder")
    store.trash(store.create("below", top))
    store.trash(top)
    store.create("kept")
    store.empty_trash()
    assert [seen.name for seen in store.visible()] == ["kept"]


def test_an_item_can_lie_in_several_folders_and_folders_in_each_other(client, store):
    """As items from before 2020 do: every parent that the account sees is named, and lists it."""
    one, two = (store.create(name, kind="folder") for name in ("one", "two"))
    file = store.create("a.txt", one)
    store.add_parent(file, two)
    assert client.get(f"files/{file}", fields="parents")["parents"] == [one, two]
    assert client.names(q=f"'{one}' in parents") == client.names(q=f"'{two}' in parents") == ["a.txt"]
    store.remove_parent(file, one)
    assert client.get(f"files/{file}", fields="parents")["parents"] == [two]
    store.add_parent(two, one)
    store.add_parent(one, two)
    assert client.names(q=f"'{two}' in parents") == ["one", "a.txt"]
    assert client.names(q=f"'{one}' in parents") == ["two"]


def test_what_cannot_be_done_is_an_error(store):
    """A folder does not move into itself; roots stay; files hold nothing."""
    top = store.create("top", kind="folder")
    inner = store.create("inner", top, kind="folder")
    file = store.create("a")
    for impossible in (
        lambda: store.move(top, inner),
        lambda: store.move(top, file),
        lambda: store.delete(store.root_id),
        lambda: store.revoke(store.root_id),
        lambda: store.create("x", file),
    ):
        with pytest.raises(ValueError):  # noqa: PT011 - any of them
            impossible()
    with pytest.raises(KeyError):
        store.rename("1nope", "x")


def test_a_person_sees_paths_and_sizes(store):
    """Of live files below a folder or a drive; names may hold slashes and be the same twice."""
    plans = store.create("Plans", kind="folder")
    store.create("a.pdf", plans, content=b"abc")
    store.create("Notes", plans, kind="document")
    store.trash(store.create("old", plans))
    drive = store.shared_drive("Team")
    store.create("b", drive)
    assert store.listing() == {"Plans/a.pdf": 3, "Plans/Notes": None}
    assert store.listing(plans) == {"a.pdf": 3, "Notes": None}
    assert store.listing(drive) == {"b": 0}


def test_a_large_drive_is_made_and_listed_fast(client, store):
    """Nested folders, known sizes, and no log entry for any of it."""
    token = client.token()
    store.bulk(5000, per_folder=50, seed=1)
    assert client.changes(token)[0] == []
    files = client.names(pageSize=1000, fields="nextPageToken,files(name,size,mimeType)")
    assert len(files) == 5100
    assert len(store.listing()) == 5000


def test_many_may_ask_while_somebody_acts(client, simulator, store):
    """Nobody meets a state in between: pages are whole, and each id comes once."""
    store.bulk(600, per_folder=20)
    simulator.plan.add(Fault.MUTATE, "files.list", times=-1)

    def listing(_):
        pages, token = [], {}
        while token is not None:
            page = client.get("files", fields="nextPageToken,files(id,trashed,parents)", pageSize=50, **token)
            pages.append([file["id"] for file in page["files"]])
            token = {"pageToken": page["nextPageToken"]} if "nextPageToken" in page else None
        return [file_id for page in pages for file_id in page]

    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(listing, range(8)):
            assert len(found) == len(set(found))


def test_people_act_over_http_too(client, store):
    """The control endpoint is ours: an action is a POST, what a person sees is a GET."""

    def act(action, **arguments):
        return client.http.post(f"/_simulator/{action}", json=arguments)

    folder = act("create", name="f", kind="folder").json()["result"]
    file = act("create", name="a", parent=folder, content="hello").json()["result"]
    assert client.http.get("/_simulator/listing").json() == {"f/a": 5}
    assert client.http.get("/_simulator/listing", params={"top": folder}).json() == {"a": 5}
    act("rename", item_id=file, name="b")
    assert client.names() == ["f", "b"]
    assert act("rename", item_id="1nope", name="b").status_code == 404
    assert act("rename", nonsense=1).status_code == 400
    assert act("move", item_id=folder, parent=folder).status_code == 400
    assert act("explode").status_code == 404
    assert client.http.post("/_simulator/create", content=b"{").status_code == 400
