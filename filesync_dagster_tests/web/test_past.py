"""Files as they were at a moment, and what became of them between two: for whoever misses some."""

from datetime import UTC, datetime

import pytest


@pytest.fixture
def moments(project):
    """Sync three states of a store; return a moment at which each was current."""
    project.file.write_text(project.file.read_text().replace("percent: 10, max_removed: 1}", "percent: 100}"))
    found, store = [], project.folder / "store"
    (store / "plans").mkdir()
    (store / "plans/=sum.dwg").write_text("12345")
    (store / "plans/Zürich.dwg").write_text("123")
    project.sync("docs")
    found.append(now())
    (store / "plans").rename(store / "drawings")
    (store / "a").write_text("changed")
    project.sync("docs")
    found.append(now())
    (store / "b").unlink()
    (store / "new").write_text("new")
    project.sync("docs")
    return [*found, now()]


def now():
    """Return this moment as text."""
    return datetime.now(UTC).isoformat()


def get(client, path, **query):
    """Return what is answered."""
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def paths(client, **query):
    """Return the paths of a page."""
    return [one["path"] for one in get(client, "/api/files", endpoint="docs", **query)["items"]]


def test_files_are_listed_as_they_were(client, moments):
    """With what was removed since, where it was; in any order, page by page, and counted."""
    then = get(client, "/api/files", endpoint="docs", as_of=moments[0])
    assert [one["path"] for one in then["items"]] == ["a", "b", "c", "d", "plans", "plans/=sum.dwg", "plans/Zürich.dwg"]
    assert (then["total"], then["total_bytes"], then["endpoints_unknown"]) == (7, 12, [])
    assert paths(client, as_of=moments[2], direct=True) == ["a", "c", "d", "drawings", "new"]
    assert paths(client, as_of=moments[0], q="ZÜRICH") == ["plans/Zürich.dwg"]
    assert paths(client, as_of=moments[1], q="drawings/*.dwg", min_size=4) == ["drawings/=sum.dwg"]
    assert paths(client, as_of=moments[0], kind="file", sort="size", descending=True, limit=2)[0] == "plans/=sum.dwg"
    first = get(client, "/api/files", as_of=moments[0], limit=4)
    second = get(client, "/api/files", as_of=moments[0], limit=4, cursor=first["next_cursor"])
    assert [*first["items"], *second["items"]] == then["items"]
    assert second["next_cursor"] is None
    assert first["endpoints_unknown"] == ["lost", "idle"]


def test_folders_are_walked_as_they_were(client, moments):
    """With what was below them then."""
    top = get(client, "/api/files/tree", endpoint="docs", as_of=moments[0], folders=True)
    inside = get(client, "/api/files/tree", endpoint="docs", as_of=moments[0], parent="plans", limit=1)

    assert [(one["path"], one["files"]) for one in top["items"]] == [("plans", 2)]
    assert [(one["path"], one["files"]) for one in inside["items"]] == [("plans/=sum.dwg", None)]
    assert inside["next_cursor"] is not None


def test_the_list_of_then_is_exported_whole(client, moments):
    """As it is listed, and no cell is a formula."""
    answer = client.get("/api/files/export", params={"endpoint": "docs", "as_of": moments[0], "kind": "file"})

    lines = answer.text.splitlines()
    assert len(lines) == 7
    assert any("'=sum.dwg" in line for line in lines)


def test_two_moments_are_compared(client, moments):
    """A folder that moved is one change; what changed and what is gone beside it; in pages, by kind and place."""
    both = get(client, "/api/compare", endpoint="docs", before=moments[0], after=moments[2])

    assert both["counts"] == {"added": 1, "modified": 1, "moved": 1, "removed": 1}
    assert [(one["change"], one["path_before"], one["path"]) for one in both["items"]] == [
        ("modified", "a", "a"),
        ("removed", "b", "b"),
        ("moved", "plans", "drawings"),
        ("added", None, "new"),
    ]
    assert (both["items"][0]["size_before"], both["items"][0]["size_after"]) == (1, 7)
    page = get(client, "/api/compare", endpoint="docs", before=moments[0], after=moments[2], kind="removed", limit=1)
    assert ([one["path"] for one in page["items"]], page["next_cursor"]) == (["b"], None)
    assert get(client, "/api/compare", endpoint="docs", before=moments[1], after=moments[1])["items"] == []
    inside = get(client, "/api/compare", endpoint="docs", before=moments[0], after=moments[2], folder="drawings")
    assert [one["change"] for one in inside["items"]] == ["moved"]
    young = get(client, "/api/compare", endpoint="docs")  # all of it is of today: from the first state on
    assert (young["counts"], young["before"], young["after"]) == (both["counts"], both["before"], both["after"])
    until = get(client, "/api/compare", endpoint="docs", after=moments[1])
    assert (until["before"], until["counts"]) == (both["before"], {"modified": 1, "moved": 1})
    assert client.get("/api/compare", params={"endpoint": "lost"}).status_code == 409  # nothing is known of it at all


def test_a_moment_before_all_syncs_is_unknown_and_not_empty(client, moments):
    """Nothing known is said so; that there was nothing would be untrue."""
    before = {"as_of": "2020-01-01T00:00:00Z"}
    assert client.get("/api/files", params=before).status_code == 409
    assert client.get("/api/files/export", params=before).status_code == 409
    early = {"endpoint": "docs", "before": before["as_of"], "after": moments[0]}
    assert "Nothing is stored" in client.get("/api/compare", params=early).json()["error"]
    backwards = {"endpoint": "docs", "before": moments[1], "after": moments[0]}
    assert client.get("/api/compare", params=backwards).status_code == 400
    assert client.get("/api/files", params={"as_of": moments[0], "deleted": True}).status_code == 400


def test_the_journal_is_exported(client, moments):
    """All that is listed, the last change first."""
    lines = client.get(
        "/api/changes/export", params={"endpoint": "docs", "kind": ["removed", "moved"]}
    ).text.splitlines()

    assert lines[0].startswith("seq,endpoint,observed_at,change,path")
    assert [line.split(",")[3:5] for line in lines[1:]] == [["removed", "b"], ["moved", "drawings"]]
