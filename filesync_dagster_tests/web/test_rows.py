"""Files, changes and reports over REST, page by page."""

import pytest

from filesync_dagster.web.cursors import encode_cursor


def pages(client, path, limit):
    """Return the pages of a list, each as its items."""
    found, cursor = [], None
    while True:
        answer = client.get(path, params={"limit": limit, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["items"])
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def test_lists_come_in_pages(project, client):
    """Whatever their size, each item once, in order; what is added between two pages shifts nothing."""
    project.sync("docs")
    for limit in (1, 2, 3, 4, 5):
        files = pages(client, "/endpoints/docs/files", limit)
        assert [one["path"] for page in files for one in page] == ["a", "b", "c", "d"]
        assert {len(page) for page in files[:-1]} <= {limit}
    first = client.get("/search", params={"q": "*", "limit": 2}).json()
    (project.folder / "store" / "aa").write_text("")
    (project.folder / "store" / "e").write_text("")
    project.sync("docs")
    rest = client.get("/search", params={"q": "*", "limit": 9, "cursor": first["next_cursor"]}).json()
    assert [one["path"] for one in first["items"] + rest["items"]] == ["a", "b", "c", "d", "e"]
    assert {one["endpoint"] for one in rest["items"]} == {"docs"}
    changes = pages(client, "/endpoints/docs/changes", 1)
    assert sorted(one["path"] for page in changes for one in page) == ["aa", "e"]
    assert changes[0][0]["after"]["name"] in {"aa", "e"}
    kinds = [one["name"] for one in client.get("/reports").json()["items"]]
    assert "biggest_files" in kinds
    biggest = pages(client, "/reports/biggest_files", 4)
    assert [len(page) for page in biggest] == [4, 2]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/endpoints/nope/files", 404),
        ("/endpoints/lost/changes", 200),
        ("/search?endpoint=nope", 404),
        ("/search?q=[a", 400),
        ("/search?min_size=-1", 400),
        ("/search?modified_after=2026-01-01", 400),
        ("/search?limit=0", 400),
        ("/search?limit=100000", 400),
        ("/search?pattern=x", 400),
        ("/endpoints/docs/files?cursor=zebra", 400),
        (f"/endpoints/docs/files?cursor={encode_cursor(1)}", 400),
        (f"/endpoints/docs/files?cursor={encode_cursor(2**70, 'a', 'b')}", 400),
        (f"/endpoints/docs/files?cursor={encode_cursor(1, chr(0), 'b')}", 400),
        (f"/endpoints/docs/changes?cursor={encode_cursor('1')}", 400),
        ("/reports/nope", 404),
        ("/reports/activity?day=2999-01-01", 409),
    ],
)
def test_what_cannot_be_answered_is_a_sentence(client, path, status):
    """With the status that says whose turn it is."""
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["error"]


def test_without_the_token_no_file_is_told(stranger):
    """Names of files are nobody else's business."""
    paths = ("/search?q=a", "/endpoints/docs/files", "/endpoints/docs/changes", "/reports", "/reports/activity")
    assert {stranger.get(path).status_code for path in paths} == {401}


def test_the_edge_of_the_calendar_is_answered(project, client):
    """A moment that no calendar has in UTC is the first or the last one that it has."""
    project.sync("docs")
    for since, number in (("0001-01-01T00:00:00+14:00", 4), ("9999-12-31T23:59:59-14:00", 0)):
        answer = client.get("/api/files", params={"changed_since": since})
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["items"]) == number


@pytest.mark.parametrize("query", [{"q": "*.zebra"}, {"q": "[a-z]*", "owner": "nobody"}, {"q": "x/**"}])
def test_a_pattern_that_means_nothing_finds_nothing(project, client, query):
    """An empty page, and a file of a header."""
    project.sync("docs")
    assert client.get("/api/files", params=query).json()["items"] == []
    exported = client.get("/api/files/export", params=query)
    assert (exported.status_code, len(exported.text.splitlines())) == (200, 1)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_cursor_at_the_edge_of_the_calendar_is_answered(project, client, moment):
    """Nobody was handed it; it is a place in the list like any other."""
    project.sync("docs")
    for descending in (False, True):
        query = {"sort": "modified", "descending": descending, "cursor": encode_cursor(moment, 1)}
        answer = client.get("/api/files", params=query)
        assert answer.status_code == 200, answer.text
