"""The API: what it tells, who may, and what it says when something cannot be done."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from filesync_dagster import Filesync
from filesync_dagster_tests.web.conftest import NOBODY, SECRET, TOKEN

READS = ("/endpoints", "/sync/status")
WRITES = ("/sync/initial", "/sync/incremental", "/endpoints/docs/approve", "/endpoints/docs/reject")


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"])
def test_without_the_token_nothing_is_told_and_nothing_done(stranger, authorization):
    """401, with how to send it."""
    headers = {"authorization": authorization.encode("latin-1")}
    answers = [stranger.get(path, headers=headers) for path in READS]
    answers += [stranger.post(path, headers=headers) for path in WRITES]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer realm="filesync"'}
    assert all("Bearer" in answer.json()["hint"] for answer in answers)


def test_a_server_without_a_token_refuses_to_write(project):
    """Everybody may read, nobody may write."""
    client = replace(project, site=replace(project.site, token=None)).client(authorization="Bearer ")

    assert {client.get(path).status_code for path in READS} == {200}
    answers = [client.post(path) for path in WRITES]
    assert {answer.status_code for answer in answers} == {403}
    assert "FILESYNC_API_TOKEN" in answers[0].json()["hint"]


def test_endpoints_are_told_without_secrets(project, client):
    """Each entry of the file, in its order, with how it is doing."""
    project.sync("docs")

    answer = client.get("/endpoints")

    assert SECRET not in answer.text
    told = {e["name"]: e for e in answer.json()["endpoints"]}
    assert list(told) == ["docs", "lost", "idle"]
    assert (told["docs"]["title"], told["docs"]["project_id"]) == ("Documents", "p1")
    assert (told["docs"]["state"], told["docs"]["files_total"], told["docs"]["bytes_total"]) == ("ok", 4, 4)
    assert [e["is_active"] for e in told.values()] == [True, True, False]


def test_a_broken_entry_is_told_with_its_problems(project, client):
    """Its neighbours are there."""
    project.file.write_text(project.file.read_text() + "  - {name: new, type: s4}\n")

    told = {e["name"]: e for e in client.get("/endpoints").json()["endpoints"]}

    assert told["new"]["state"] == "broken"
    assert "s4" in told["new"]["problems"][0]
    assert not told["docs"]["problems"]


def test_the_status_is_that_of_the_command_line(project, client):
    """`filesync status --json` and the API say the same under the same names."""
    project.sync("docs", "lost")
    command = [sys.executable, "-m", "filesync_dagster.cli", "--config", project.file, "status", "--json"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    told = client.get("/sync/status").json()["endpoints"]

    for theirs, ours in zip(map(json.loads, printed.splitlines()), told, strict=True):
        assert theirs.keys() >= ours.keys() - {"next_due"}
        assert {k: ours[k] for k in ("endpoint", "state", "files_total", "bytes_total", "error", "held_sync_id")} == {
            k: theirs[k] for k in ("endpoint", "state", "files_total", "bytes_total", "error", "held_sync_id")
        }
        last = (theirs["last_sync"] or {}, ours["last_sync"] or {})
        assert last[0].keys() <= last[1].keys()
        assert last[0].get("sync_id") == last[1].get("sync_id")


def test_the_status_of_some_endpoints(project, client):
    """`?endpoint=` may be repeated; a name that does not exist is 404, with the nearest one."""
    answer = client.get("/sync/status?endpoint=docs&endpoint=idle")
    missing, slip = client.get("/sync/status?endpoint=dosc"), client.get("/sync/status?endpoints=docs")

    assert [e["endpoint"] for e in answer.json()["endpoints"]] == ["docs", "idle"]
    assert (missing.status_code, missing.json()["hint"]) == (404, "Did you mean 'docs'?")
    assert slip.status_code == 400


def test_a_held_sync_is_approved_once(project, client):
    """The removals are committed; a second decision finds nothing held."""
    project.sync("docs")
    for name in ("a", "b", "c"):
        (project.folder / "store" / name).unlink()
    assert [result.status for result in project.sync("docs")] == ["held"]

    approved, again = client.post("/endpoints/docs/approve"), client.post("/endpoints/docs/approve")

    assert (approved.status_code, approved.json()["decision"], approved.json()["files_removed"]) == (200, "approved", 3)
    assert again.status_code == 409
    assert client.get("/endpoints").json()["endpoints"][0]["files_total"] == 1


def test_a_held_sync_is_looked_at_page_by_page_and_approved_as_it_was_seen(project, client):
    """The digest of another one is refused, and nothing is committed."""
    project.sync("docs")
    for name in ("a", "b", "c"):
        (project.folder / "store" / name).unlink()
    project.sync("docs")

    first = client.get("/endpoints/docs/held?limit=2").json()
    rest = client.get(f"/endpoints/docs/held?limit=2&offset={first['next_offset']}").json()

    assert [change["path"] for change in first["changes"] + rest["changes"]] == ["a", "b", "c"]
    assert (first["total"], first["counts"], rest["next_offset"]) == (3, {"removed": 3}, None)
    assert first["folders"] == [{"folder": "/", "counts": {"removed": 3}}]
    assert (first["files_before"], first["files_removed"], first["files_total"]) == (4, 3, 1)
    assert client.get("/endpoints/docs/held?limit=0").status_code == 400
    refused = client.post("/endpoints/docs/approve", json={"digest": "0" * 16})
    assert (refused.status_code, "looked at" in refused.json()["error"]) == (409, True)
    assert client.get("/endpoints").json()["endpoints"][0]["files_total"] == 4
    approved = client.post("/endpoints/docs/approve", json={"digest": first["digest"]}).json()
    assert (approved["decision"], approved["files_removed"], approved["files_total"]) == ("approved", 3, 1)


def test_a_held_sync_is_rejected(project, client):
    """The inventory stays as it is."""
    project.sync("docs")
    for name in ("a", "b", "c"):
        (project.folder / "store" / name).unlink()
    (held,) = project.sync("docs")

    rejected = client.post("/endpoints/docs/reject")

    assert rejected.json()["sync_id"] == held.sync_id
    assert rejected.json()["decision"] == "rejected"
    assert client.get("/endpoints/docs/held").status_code == 404
    [state] = [one for one in client.get("/sync/status").json()["endpoints"] if one["endpoint"] == "docs"]
    assert (state["state"], state["held_sync_id"], state["error"]) == ("ok", None, None)
    assert state["last_sync"]["status"] == "rejected"
    [seen] = [one for one in client.get("/health").json()["endpoints"] if one["endpoint"] == "docs"]
    assert (seen["state"], seen["status"], seen["error"]) == ("ok", "ok", None)
    assert 'filesync_endpoint_held{endpoint="docs"} 0.0' in client.get("/metrics").text
    assert client.get("/endpoints").json()["endpoints"][0]["files_total"] == 4


@pytest.mark.parametrize(
    ("content", "kind", "status", "says"),
    [
        (b'{"endpoints": ["nothing"]}', "application/json", 404, "nothing"),
        (b'{"endpoints": ["idle"]}', "application/json", 409, "idle"),
        (b'{"endpoints": []}', "application/json", 400, "endpoints"),
        (b'{"endpoints": [1]}', "application/json", 400, "endpoints.0"),
        (b'{"endpoint": ["docs"]}', "application/json", 400, "endpoint"),
        (b"{", "application/json", 400, "JSON"),
        (b"endpoints=docs", "application/x-www-form-urlencoded", 415, "application/json"),
        (b'{"endpoints": ["docs"]}', "application/json; charset=utf-8", 503, "does not answer"),
        (b"", "", 503, "does not answer"),
    ],
)
def test_what_cannot_be_launched_is_a_sentence(project, content, kind, status, says):
    """Each with its status; that Dagster is away, too."""
    site = replace(project.site, dagster_url=NOBODY)
    client = replace(project, site=site).client(authorization=f"Bearer {TOKEN}", **{"content-type": kind})

    answer = client.post("/sync/incremental", content=content)

    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_a_sync_of_what_is_being_synced_is_asked_for(project, client):
    """A run of it would only find it busy, and fail. Two wishes are one."""
    with Filesync.open(project.file) as filesync:
        metadata = filesync.runtime.metadata
        with metadata.leases.hold(filesync.runtime.register(filesync.config.endpoint("docs"))):
            answers = [client.post("/sync/initial", json={"endpoints": ["docs"]}) for _ in range(2)]
        asked = [(request.endpoint, request.full, request.source) for request in metadata.requests.read()]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == {"run_ids": [], "endpoints": [], "waiting": ["docs"], "urls": []}
    assert asked == [("docs", True, "rest")]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("PUT", "/endpoints", 405)])
def test_other_paths_and_methods_are_refused_as_json(client, method, path, status):
    """The methods that there are come along."""
    answer = client.request(method, path)

    assert answer.status_code == status
    assert answer.json()["error"]
    assert status != 405 or "GET" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("/sync/initial", {"endpoints": "docs"}, "endpoints: must be a list."),
        ("/sync/initial", {"endpoints": [1]}, "endpoints.0: must be text; put it in quotes."),
        ("/sync/initial", {"endpoints": []}, "endpoints: must not be empty."),
        ("/sync/initial", {"endpoint": ["docs"]}, "endpoint: is no known name."),
        ("/sync/initial", [1], "body: must be a mapping (`key: value`)."),
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_words_of_ours(client, path, body, said):
    """No library speaks to people, here neither."""
    answer = client.post(path, json=body)

    assert (answer.status_code, answer.json()["error"]) == (400, said)


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000, "{", "nonsense", b"\xff\xfe", '{"endpoints": NaN}'])
def test_a_body_of_any_depth_is_answered(client, body):
    """It is no JSON that anybody means, and ends nothing."""
    answer = client.post("/sync/initial", content=body, headers={"content-type": "application/json"})

    assert answer.status_code == 400
    assert answer.json()["error"]
