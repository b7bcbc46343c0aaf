"""Answers are those of Microsoft's own description, where that is at hand."""

from pathlib import Path

import pytest

from filesync_dagster.connectors.microsoft.api import DRIVE, ITEM
from filesync_dagster_tests.simulators.microsoft.description import GraphDescription

DESCRIPTION = Path(__file__).parents[3].parent / "shared" / "specs" / "msgraph_v1_cleanMetadata.xml"


@pytest.fixture(scope="module")
def described():
    """Return the description."""
    if not DESCRIPTION.exists():
        pytest.skip(f"Microsoft's description is not at {DESCRIPTION}")
    return GraphDescription(DESCRIPTION)


@pytest.fixture
def populated(store, root):
    """Return a library with an item of each kind, and who may see them."""
    folder = store.create("folder", root, kind="folder")
    item = store.create("a.docx", folder, content=b"x")
    store.create("Notes", root, kind="package")
    store.create("link", root, kind="shortcut", target=folder)
    store.share(item, "bob@contoso.com")
    store.share(item, "anyone")
    return item


def test_answers_are_as_described(described, populated, store, get):
    """Every property has the name and the type that Microsoft gives it."""
    drive = f"drives/{store.library_id}"
    asked = {
        f"sites/{store.site_id}": "graph.site",
        f"sites/{store.site_id}/drives": "Collection(graph.drive)",
        drive: "graph.drive",
        f"{drive}/root": "graph.driveItem",
        f"{drive}/root/children": "Collection(graph.driveItem)",
        f"{drive}/root/delta": "Collection(graph.driveItem)",
        f"{drive}/items/{populated}": "graph.driveItem",
        f"{drive}/items/{populated}/permissions": "Collection(graph.permission)",
    }
    for path, kind in asked.items():
        answer = get(path).json()
        told = answer["value"] if kind.startswith("Collection") else answer
        assert told
        assert described.problems(told, kind, path) == []


def test_tombstones_are_as_described(described, populated, store, get):
    """Those that a delta tells."""
    link = get(f"drives/{store.library_id}/root/delta", token="latest").json()["@odata.deltaLink"]
    store.delete(populated)
    told = get(link).json()["value"]
    assert [one["id"] for one in told if "deleted" in one] == [populated]
    assert described.problems(told, "Collection(graph.driveItem)") == []


@pytest.mark.parametrize(("names", "kind"), [(ITEM, "driveItem"), (DRIVE, "drive")])
def test_the_connector_asks_for_what_there_is(described, names, kind):
    """A `$select` of what is not described would be refused."""
    assert set(names.split(",")) <= set(described.properties(kind))


def test_the_description_finds_what_is_wrong(described):
    """A type, a name, a value of an enumeration."""
    wrong = {"id": 1, "nonsense": True, "file": {"hashes": {"sha1Hash": False}}, "createdDateTime": "yesterday"}
    assert len(described.problems(wrong, "graph.driveItem")) == 4
