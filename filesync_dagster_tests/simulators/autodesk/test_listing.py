"""Hubs, projects and folders as they are listed."""

import httpx
import pytest

from filesync_dagster.simulators.autodesk.entries import VersionKind
from filesync_dagster_tests.simulators.autodesk.conftest import names
from filesync_dagster_tests.simulators.autodesk.test_tokens import service_token


def test_every_page_comes_by_its_link(world):
    """Pages are as long as asked for, in the order in which entries came, and only the last one has no next."""
    for number in range(45):
        world.store.upload(world.top, f"{number:02}.txt", number)

    pages = world.pages(**{"page[limit]": "10"})

    assert [len(page["data"]) for page in pages] == [10, 10, 10, 10, 5]
    assert [name for page in pages for name in names(page)] == [f"{number:02}.txt" for number in range(45)]
    assert [sorted(page["links"]) for page in pages] == [
        ["next", "self"],
        *[["first", "next", "prev", "self"]] * 3,
        ["first", "prev", "self"],
    ]
    assert pages[2]["links"]["self"]["href"] in pages[1]["links"]["next"]["href"]
    assert world.contents(**{"page[number]": "9"}).json()["data"] == []


def test_the_default_page_is_the_longest(world):
    """Without a limit 200 entries come."""
    for number in range(201):
        world.store.upload(world.top, f"{number}.txt", number)

    assert [len(page["data"]) for page in world.pages()] == [200, 1]


@pytest.mark.parametrize("limit", ["0", "201", "1000", "-1", "ten", "", "1.5"])
def test_a_limit_out_of_range(world, limit):
    """A page of no or of more than 200 entries is refused in the words that Autodesk uses."""
    answer = world.contents(**{"page[limit]": limit})

    (error,) = answer.json()["errors"]
    assert answer.status_code == 400
    assert (error["status"], error["code"], error["detail"]) == ("400", "BAD_INPUT", "The limit value is invalid.")
    assert world.contents(**{"page[number]": limit}).status_code == (200 if limit.isdigit() else 400)


def test_an_item_and_its_tip(world):
    """An item comes with the version that it is now: its name, size and number are there, not in the item."""
    item = world.store.upload(world.top, "plan.dwg", 10)
    world.store.new_version(item, 25)

    page = world.contents().json()

    (entry,), (tip,) = page["data"], page["included"]
    assert entry["relationships"]["tip"]["data"]["id"] == tip["id"]
    assert entry["relationships"]["parent"]["data"]["id"] == world.top
    assert tip["attributes"]["versionNumber"] == 2
    assert tip["attributes"]["storageSize"] == 25
    assert (tip["attributes"]["fileType"], tip["attributes"]["mimeType"]) == (
        "dwg",
        "application/vnd.autodesk.autocad.dwg",
    )
    assert "storageSize" not in entry["attributes"]


def test_a_rename_leaves_the_display_name(world):
    """After a rename only the version's name tells the truth."""
    item = world.store.upload(world.top, "old.pdf", 1)
    world.store.rename(item, "new.pdf")

    page = world.contents().json()

    assert names(page) == ["new.pdf"]
    assert page["data"][0]["attributes"]["displayName"] == "old.pdf"
    assert page["included"][0]["attributes"]["versionNumber"] == 1


def test_a_cloud_model_has_no_size(world):
    """A model that lives in the cloud says its type, and neither size nor storage."""
    world.store.upload(world.top, "model.rvt", 77, kind=VersionKind.CLOUD_MODEL)

    (tip,) = world.contents().json()["included"]

    assert tip["attributes"]["extension"]["type"] == "versions:autodesk.bim360:C4RModel"
    assert "storageSize" not in tip["attributes"]
    assert "storage" not in tip["relationships"]


def test_deleted_entries(world):
    """What is deleted shows only when asked for; an item's last version is then the mark of its deletion."""
    kept, gone = (world.store.upload(world.top, name, 1) for name in ("kept.txt", "gone.txt"))
    folder = world.store.folder(world.top, "Gone")
    below = world.store.upload(folder, "below.txt", 1)
    world.store.hide(gone)
    world.store.hide(folder)

    assert world.names() == ["kept.txt"]
    assert world.names(folder) == []
    assert world.names(folder, includeHidden="true") == ["below.txt"]
    everything = world.contents(includeHidden="true").json()
    assert {found["id"]: found["attributes"]["hidden"] for found in everything["data"]} == {
        kept: False,
        gone: True,
        folder: True,
    }
    assert [v["attributes"]["extension"]["type"].rpartition(":")[2] for v in everything["included"]] == [
        "File",
        "Deleted",
    ]
    assert world.client.get(world.data(f"items/{gone}")).json()["data"]["attributes"]["hidden"] is True
    assert world.client.get(world.data(f"items/{below}")).is_success
    world.store.unhide(gone)
    world.store.unhide(folder)
    assert world.names() == ["kept.txt", "gone.txt", "Gone"]
    assert world.client.get(world.data(f"items/{gone}/tip")).json()["data"]["attributes"]["versionNumber"] == 3


def test_top_folders(world):
    """Deleted top folders come unless a person asks without them; the flags do nothing for an application."""
    world.store.hide(world.store.folder(world.project, "Gone"))
    world.store.folder(world.project, "8f2e-checklists", system=True)
    flags = {"excludeDeleted": "true", "projectFilesOnly": "true"}

    everything = {"Project Files", "Gone", "8f2e-checklists"}
    assert set(world.top_folders()) == everything
    assert set(world.top_folders(**flags)) == everything
    world.client.headers["x-user-id"] = "BW9RM76WZBGL"
    assert set(world.top_folders(**flags)) == {"Project Files"}
    del world.client.headers["x-user-id"]
    world.client.headers["authorization"] = f"Bearer {service_token(world.simulator)}"
    assert set(world.top_folders(**flags)) == {"Project Files"}
    assert world.top_folders()["Gone"]["hidden"] is True


def test_projects_in_pages(world):
    """Only active projects of the hub are listed."""
    projects = [world.project, *(world.store.project(world.hub, f"P{number}") for number in range(6))]
    other = world.store.project(world.store.hub("Other"), "Elsewhere")
    world.store.archive(projects[2])

    url, found = f"/project/v1/hubs/{world.hub}/projects?page[limit]=3", []
    while url:
        page = world.client.get(url).raise_for_status().json()
        found += [project["id"] for project in page["data"]]
        url = page["links"].get("next", {}).get("href")

    assert found == [project for project in projects if project != projects[2]]
    assert world.client.get(f"/project/v1/hubs/{world.hub}/projects/{projects[2]}").status_code == 404
    assert world.client.get(f"/project/v1/hubs/{world.hub}/projects/{other}").status_code == 404


def test_regions(world):
    """Hubs of all regions come in one list; ids of another region have another prefix; regions must exist."""
    hub = world.store.hub("Europe", "EMEA")
    project = world.store.project(hub, "Bridge")
    item = world.store.upload(world.store.folder(project, "Plans"), "a.pdf", 1)

    found = world.client.get("/project/v1/hubs", headers={"x-ads-region": "EMEA"}).json()["data"]

    assert [hub["attributes"]["region"] for hub in found] == ["US", "EMEA"]
    assert hub.startswith("b.")
    assert project.startswith("b.")
    assert item.startswith("urn:adsk.wipemea:dm.lineage:")
    assert world.top.startswith("urn:adsk.wipprod:fs.folder:co.")
    assert world.client.get("/project/v1/hubs", headers={"x-ads-region": "MARS"}).status_code == 400


def test_what_is_denied(world):
    """A folder without permission answers 403, as does all below; the folder above may or may not mention it."""
    folder = world.store.folder(world.top, "Secret")
    below = world.store.folder(folder, "Below")
    item = world.store.upload(below, "a.txt", 1)
    world.store.deny(folder)

    for path in (f"folders/{folder}", f"folders/{folder}/contents", f"folders/{below}/contents", f"items/{item}"):
        answer = world.client.get(world.data(path))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "FORBIDDEN")
    assert world.names() == ["Secret"]
    world.store.deny(folder, listed=False)
    assert world.names() == []
    world.store.allow(folder)
    assert world.names() == ["Secret"]
    assert world.names(below) == ["a.txt"]
    world.store.deny(world.project)
    assert world.contents().status_code == 403
    world.store.deny(world.hub)
    assert world.client.get(f"/project/v1/hubs/{world.hub}").status_code == 403


def test_what_does_not_exist(world):
    """Unknown, purged and foreign things are 404 with Autodesk's body; unknown paths are the gateway's 404."""
    folder = world.store.folder(world.top, "Plans")
    item = world.store.upload(folder, "a.txt", 1)
    elsewhere = world.store.folder(world.store.project(world.hub, "Other"), "Plans")
    world.store.purge(folder)

    for path in (f"folders/{folder}", f"items/{item}", f"folders/{elsewhere}", "folders/nothing", "items/nothing"):
        answer = world.client.get(world.data(path))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "NOT_FOUND")
    assert world.client.get("/data/v1/projects/b.none/folders/x").status_code == 404
    assert world.client.get(world.data("versions/nonsense")).status_code == 400
    assert world.client.get("/data/v2/projects").json()["errorCode"] == "ERR-404"
    assert world.names() == []


def test_unmodified_folders(world):
    """A folder in which nothing changed since is 304, with when it changed and without a body."""
    changed = world.top_folders()["Project Files"]["lastModifiedTimeRollup"]

    same = world.client.get(world.data(f"folders/{world.top}"), headers={"if-modified-since": changed})
    newer = world.client.get(world.data(f"folders/{world.top}"), headers={"if-modified-since": "2026-01-01"})

    assert (same.status_code, same.content, same.headers["last-modified"]) == (304, b"", changed)
    assert newer.status_code == 200


def test_paths_in_the_project(world):
    """An item says where it lies when it is asked to."""
    item = world.store.upload(world.store.folder(world.top, "Plans"), "a.pdf", 1)

    asked = world.client.get(world.data(f"items/{item}"), params={"includePathInProject": "true"}).json()
    plain = world.client.get(world.data(f"items/{item}")).json()

    assert asked["data"]["attributes"]["pathInProject"] == "/Project Files/Plans"
    assert "pathInProject" not in plain["data"]["attributes"]


def test_search(world):
    """Search is for people, finds tips below a folder, and gives up after its fiftieth page."""
    folder = world.store.folder(world.top, "Plans")
    world.store.upload(folder, "a.pdf", 1)
    world.store.upload(folder, "b.dwg", 1)
    world.store.hide(world.store.upload(folder, "c.pdf", 1))
    path = world.data(f"folders/{world.top}/search")

    refused = world.client.get(path)
    world.client.headers["authorization"] = f"Bearer {service_token(world.simulator)}"
    found = world.client.get(path, params={"filter[fileType]": "pdf,txt"}).json()

    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, "USER_NOT_AUTHENTICATED")
    assert [version["attributes"]["name"] for version in found["data"]] == ["a.pdf"]
    assert [item["type"] for item in found["included"]] == ["items"]
    assert world.client.get(path, params={"page[number]": "49"}).status_code == 200
    assert world.client.get(path, params={"page[number]": "50"}).status_code == 400


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"filter[type]": "folders"}, ["Plans"]),
        ({"filter[type]": "items"}, ["old.pdf", "new.dwg"]),
        ({"filter[type]": "items,folders"}, ["Plans", "old.pdf", "new.dwg"]),
        ({"filter[extension.type]": "items:autodesk.bim360:File"}, ["old.pdf", "new.dwg"]),
        ({"filter[extension.type]": "folders:autodesk.bim360:Folder"}, ["Plans"]),
        ({"filter[displayName]-ends": ".dwg"}, ["new.dwg"]),
        ({"filter[attributes.displayName]-contains": "la,old"}, ["Plans", "old.pdf"]),
        ({"filter[displayName]-starts": "Pl", "filter[hidden]": "false"}, ["Plans"]),
        ({"filter[hidden]": "true"}, ["gone.txt"]),
        ({"filter[hidden]": "true,false", "filter[type]": "items"}, ["old.pdf", "new.dwg", "gone.txt"]),
        ({"filter[lastModifiedTimeRollup]-ge": "2026-01-05T09:00:00"}, ["new.dwg"]),
        ({"filter[lastModifiedTimeRollup]-lt": "2026-01-05T09:00:00.000000Z"}, ["Plans", "old.pdf"]),
        ({"filter[lastModifiedTime]-ge": "2026-01-05T10:00+01:00"}, ["new.dwg"]),
        ({"filter[createTime]-lt": "2026"}, []),
        ({"filter[createTime]-gt": "2026-01", "filter[createTime]-le": "2026-01-05T08:59Z"}, ["Plans", "old.pdf"]),
        ({"filter[objectCount]-ge": "1"}, []),
        ({"filter[objectCount]-eq": "0"}, ["Plans"]),
        ({"filter[reserved]": "true"}, []),
    ],
)
def test_filters(world, query, expected):
    """Conditions are joined by and, their values by or; times compare as moments, numbers as numbers."""
    world.store.folder(world.top, "Plans")
    world.store.upload(world.top, "old.pdf", 1)
    world.store.clock.advance(3600)
    world.store.upload(world.top, "new.dwg", 1)
    world.store.hide(world.store.upload(world.top, "gone.txt", 1))

    found = [entry["attributes"]["displayName"] for page in world.pages(**query) for entry in page["data"]]

    assert found == expected


@pytest.mark.parametrize(
    "query",
    [
        {"filter[lastModifiedTimeRollup]-after": "2026-01-05T08:00:00"},
        {"filter[lastModifiedTimeRollup]": "2026"},
        {"filter[lastModifiedTimeRollup]-ge": "yesterday"},
        {"filter[createTime]-ge": "2026-13-01"},
        {"filter[lastModifiedTimeRolup]": "2026-01-05T08:00:00"},
        {"filter[type]": "files"},
        {"filter[objectCount]-ge": "many"},
        {"includeHidden": "yes"},
        {"includehidden": "true"},
        {"page[size]": "10"},
        {"pageSize": "10"},
    ],
)
def test_wrong_questions(world, query):
    """What is misspelt or makes no sense is refused, not ignored."""
    world.store.folder(world.top, "Plans")

    answer = world.contents(**query)

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "BAD_INPUT")


def test_filters_leave_empty_pages(world):
    """Filters apply to a page: one in the middle may be empty, and only a missing link says that it is the last."""
    for number in range(4):
        world.store.upload(world.top, f"{number}.txt", number)
    world.store.folder(world.top, "Plans")

    pages = world.pages(**{"page[limit]": "2", "filter[type]": "folders"})

    assert [names(page) for page in pages] == [[], [], ["Plans"]]


def test_positions_shift(world):
    """Pages have numbers: what is deleted on a page already read makes the next page begin later."""
    items = [world.store.upload(world.top, f"{number}.txt", number) for number in range(4)]
    first = world.contents(**{"page[limit]": "2"}).json()
    world.store.hide(items[0])

    second = world.client.get(first["links"]["next"]["href"]).json()

    assert names(first) + names(second) == ["0.txt", "1.txt", "3.txt"]


def test_links_lead_to_what_they_name(world):
    """Every link of an entry to itself, its tip, its versions, its parent and its contents works."""
    world.store.folder(world.top, "Plans")
    world.store.upload(world.top, "a.pdf", 1)

    page = world.contents().json()

    for entry in (*page["data"], *page["included"]):
        related = entry["relationships"]
        hrefs = [entry["links"]["self"]["href"]]
        wanted = ("tip", "versions", "parent", "contents", "item")
        hrefs += [related[name]["links"]["related"]["href"] for name in wanted if name in related]
        for href in hrefs:
            assert httpx.URL(href).host == "developer.api.autodesk.com"
            assert world.client.get(href).status_code == 200, href
