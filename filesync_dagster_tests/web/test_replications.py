"""Replications over REST and in /metrics: what they are, would do and did, page by page, and what is decided."""

import pytest

from filesync_dagster import Filesync

MORE = """
replications:
  - {name: copy, source: docs, destination: {type: local, endpoint_details: {path: copy}}, guard: {max_bytes: 3}}
  - {name: free, source: docs, destination: {type: local, endpoint_details: {path: free}}}
  - {name: unused, source: docs, is_active: false, destination: {type: local, endpoint_details: {path: unused}}}
"""


@pytest.fixture
def replicated(project):
    """Return the project with `copy`, whose plan of four bytes is held, and `free`, which was replicated."""
    project.file.write_text(project.file.read_text() + MORE)
    for name in ("copy", "free", "unused"):
        (project.folder / name).mkdir()
    project.sync("docs")
    with Filesync.open(project.file) as filesync:
        assert filesync.replications.replicate("copy").status == "held"
        assert filesync.replications.replicate("free").status == "completed"
    return project


def pages(client, path, **query):
    """Return the items of all pages of a list."""
    found, cursor = [], None
    while True:
        answer = client.get(path, params={"limit": 1, **query, **({"cursor": cursor} if cursor else {})})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


def test_how_they_are_doing(replicated, client):
    """The list, one of them, and the status of syncs say the same."""
    known = client.get("/replications").json()["replications"]
    assert {one["name"]: one["state"] for one in known} == {"copy": "held", "free": "ok", "unused": "disabled"}
    free = client.get("/replications/free").json()
    assert (free["files"], free["lag_seconds"], free["source"]) == (4, 0.0, "docs")
    status = client.get("/sync/status", params={"endpoint": "free"}).json()
    assert status["endpoints"] == []
    assert [one["name"] for one in status["replications"]] == ["free"]
    assert client.get("/replications/nobody").status_code == 404
    assert client.get("/sync/status", params={"endpoint": "nobody"}).status_code == 404


def test_plans_operations_and_files_come_page_by_page(replicated, client):
    """Each once, in order; a plan of another replication is not shown."""
    [plan] = pages(client, "/replications/free/plans")
    assert (plan["status"], plan["counts"]["created"]) == ("completed", 4)
    done = pages(client, f"/replications/free/plans/{plan['id']}/operations", state="done")
    assert [one["path"] for one in done] == ["a", "b", "c", "d"]
    assert pages(client, f"/replications/free/plans/{plan['id']}/operations", state="failed") == []
    assert client.get(f"/replications/copy/plans/{plan['id']}/operations").status_code == 404
    files = pages(client, "/replications/free/files")
    assert [one["path"] for one in files] == ["a", "b", "c", "d"]
    assert pages(client, "/replications/free/problems") == []
    assert client.get("/replications/free/files", params={"cursor": "x"}).status_code == 400


def test_what_could_not_be_kept(replicated, client):
    """Something of somebody else is in the way."""
    (replicated.folder / "store" / "e").write_text("e")
    (replicated.folder / "store" / "f").write_text("f")
    for name in "ef":
        (replicated.folder / "free" / name).write_text("somebody else's")
    replicated.sync("docs")
    with Filesync.open(replicated.file) as filesync:
        assert filesync.replications.replicate("free").foreign == 2
    assert [(one["path"], one["kind"]) for one in pages(client, "/replications/free/problems")] == [
        ("e", "foreign"),
        ("f", "foreign"),
    ]


def test_a_preview_writes_nothing(replicated, client):
    """It tells what a run would do, and that the guard would hold it."""
    said = client.post("/replications/copy/plan", json={"limit": 2}).json()
    assert (said["counts"]["created"], len(said["operations"]), said["plan_id"]) == (4, 2, None)
    assert said["objections"]
    assert len(pages(client, "/replications/copy/plans")) == 1
    assert client.post("/replications/copy/plan", json={"scope": "odd"}).status_code == 400


def test_a_held_plan_is_decided_by_its_id(replicated, client):
    """Another id is refused, whatever is asked for; what is rejected is not done."""
    held = client.get("/replications/copy/held").json()
    assert held["counts"]["created"] == 4
    other, this = {"plan_id": held["plan_id"] + 1}, {"plan_id": held["plan_id"]}
    assert client.post("/replications/copy/approve", json=other).status_code == 409
    assert client.post("/replications/copy/reject", json=other).status_code == 409
    assert client.post("/replications/copy/approve", json=this).status_code == 503, "Dagster is nowhere"
    assert client.post("/replications/copy/reject", json=this).json() == {"replication": "copy", **this}
    assert client.get("/replications/copy/held").status_code == 404
    assert client.post("/replications/copy/reject", json=this).status_code == 409
    assert list((replicated.folder / "copy").iterdir()) == []


def test_runs_are_launched_in_dagster_alone(replicated, client):
    """Where there is none, nothing is done; what is off or at work is refused before."""
    assert client.post("/replications/free/run").status_code == 503
    assert client.post("/sync/incremental", json={"endpoints": ["free", "docs"]}).status_code == 503
    assert client.post("/replications/unused/run").status_code == 409
    assert client.post("/sync/initial", json={"endpoints": ["unused"]}).status_code == 409
    with Filesync.open(replicated.file) as filesync:
        record = next(one for one in filesync.runtime.metadata.replications.all() if one.name == "free")
        with filesync.runtime.metadata.replication_leases.hold(record.id):
            assert client.post("/replications/free/run").status_code == 409


def test_a_stranger_may_not(replicated, stranger):
    """Neither look into stores nor decide."""
    for path in ("plan", "run", "approve", "reject"):
        assert stranger.post(f"/replications/copy/{path}", json={"plan_id": 1}).status_code == 401
    assert stranger.get("/replications").status_code == 401


def test_metrics(replicated, client):
    """State, lag, operations by result, and bytes."""
    text = client.get("/metrics").text
    for line in (
        'filesync_replication_held{replication="copy"} 1.0',
        'filesync_replication_lag_seconds{replication="free"} 0.0',
        'filesync_replication_operations{op="create",replication="free",result="done"} 4.0',
        'filesync_replication_operation_bytes{op="create",replication="free",result="done"} 4.0',
        'filesync_replication_files{replication="free"} 4.0',
        'filesync_replication_info{destination="local",replication="unused",source="docs",state="disabled"} 1.0',
    ):
        assert line in text
