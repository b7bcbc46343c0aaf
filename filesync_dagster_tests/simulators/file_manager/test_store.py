"""What a file manager keeps: really, over restarts, and nowhere but below its root."""

import hashlib

import pytest
import requests


def files(root):
    """Return what lies below a folder."""
    found = (path for path in root.rglob("*") if path.is_file() and ".file_manager" not in path.parts)
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.fixture
def root(tmp_path):
    """Return where the servers of these tests store."""
    return tmp_path / "root"


def test_files_lie_under_their_paths(client, root):
    """A slash more or less is the same path; folders go when they are empty."""
    client.save("create", "/a/b/c.txt", b"1")
    client.save("update", "a/b/c.txt", b"2")
    client.save("move", "a/b/c.txt", new_path="/d/e.txt")
    assert files(root) == {"d/e.txt": b"2"}
    assert not (root / "a").exists()
    client.save("delete", "d/e.txt")
    assert [path.name for path in root.iterdir()] == [".file_manager"]


def test_it_tells_the_hash_of_what_it_stored(client):
    """And the size, whatever was declared is compared with it."""
    told = client.save("create", "a", b"hello").json()["metadata"]
    assert told["stored_sha256"] == hashlib.sha256(b"hello").hexdigest()
    wrong = client.save("update", "a", b"hello!", size="5")
    assert (wrong.status_code, wrong.json()["detail"]) == (400, "size is 5, but 6 bytes came")
    assert client.save("get", "a").json()["size"] == 5


def test_what_is_not_there_and_what_is(client):
    """404, and 409 with what was there left alone."""
    for operation in ("get", "delete", "move", "update"):
        assert client.save(operation, "a", b"1" if operation == "update" else None, new_path="b").status_code == 404
    assert client.permissions("a").status_code == 404
    client.save("create", "a", b"1")
    client.save("create", "b", b"2")
    assert client.save("create", "a", b"3").status_code == 409
    assert client.save("move", "a", new_path="b").status_code == 409
    assert client.save("create", "a/below", b"3").status_code == 409
    assert client.save("get", "a").json()["size"] == 1


def test_everything_is_kept_over_a_restart(serve, root):
    """Ids, permissions, metadata, events; what a broken upload left goes away."""
    client = serve()
    first = client.save("create", "a", b"1", metadata={"etag": "e"}).json()
    client.permissions("a", permissions="rwx------")
    events = client.events(100).json()["events"]
    (root / ".file_manager" / "incoming" / "left").write_bytes(b"half")
    (root / "by-hand").write_bytes(b"somebody's")
    client = serve()
    again = client.save("get", "a").json()
    assert (again["internal_id"], again["metadata"]) == (first["internal_id"], first["metadata"])
    assert client.permissions("a").json()["permissions"] == "rwx------"
    assert client.events(100).json()["events"] == events
    assert list((root / ".file_manager" / "incoming").iterdir()) == []
    assert client.save("get", "by-hand").json()["size"] == 10


def test_a_file_that_was_changed_while_it_was_down(serve, root):
    """Is another one."""
    before = serve().save("create", "a", b"1").json()
    (root / "a").write_bytes(b"changed")
    after = serve().save("get", "a").json()
    assert after["internal_id"] != before["internal_id"]
    assert after["metadata"]["stored_sha256"] == hashlib.sha256(b"changed").hexdigest()


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "a//b", "/..", ".", "a/.", ".file_manager/state.db", "x" * 256, "a\0b", "link/x"]
)
def test_no_path_leaves_the_root(client, root, tmp_path, path):
    """Not through dots, and not through a link."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "link").symlink_to(outside)
    for operation in ("create", "update", "get", "delete", "move"):
        answer = client.save(operation, path, b"1" if operation in {"create", "update"} else None, new_path="moved")
        assert 400 <= answer.status_code < 500
    client.save("create", "mine", b"1")
    assert client.save("move", "mine", new_path=path).status_code in (400, 409)
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]


def test_a_link_is_no_file(client, root, tmp_path):
    """Nor is it overwritten through."""
    target = tmp_path / "target"
    target.write_bytes(b"theirs")
    (root / "link").symlink_to(target)
    assert client.save("get", "link").status_code == 404
    client.save("create", "link", b"mine")
    assert target.read_bytes() == b"theirs"


def test_events_are_the_newest_hundred_of_what_was_done(client):
    """In order, with a slash before their paths, and nothing of what was refused."""
    client.save("create", "a", b"1", file_type="text/plain")
    client.save("create", "a", b"1")
    client.permissions("a", permissions="rwx------")
    client.permissions("a")
    client.save("rename", "a", new_path="b")
    client.save("delete", "b")
    events = client.events(100).json()["events"]
    assert [(event["event_type"], event["file_path"], event["new_path"]) for event in events] == [
        ("create", "/a", None), ("change_permission", "/a", None), ("rename", "/a", "/b"), ("delete", "/b", None)
    ]  # fmt: skip
    assert events[0]["metadata"] == {"size": 1, "mime_type": "text/plain"}
    assert events[1]["metadata"]["new_permissions"] == "rwx------"
    with client.simulator.store.lock:
        for number in range(120):
            client.simulator.store._tell("create", f"{number}", None, None)
    assert [event["file_path"] for event in client.events(100).json()["events"]] == [f"/{n}" for n in range(20, 120)]


def test_a_token(serve):
    """Whoever does not send it gets nothing done, and is told so after all was sent."""
    client = serve(token="s3same-open")
    form = {"operation": "create", "file_path": "a"}
    for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "s3same-open"}):
        answer = requests.post(
            f"{client.address}/saveToDisk",
            data=form,
            files={"file": ("a", bytes(3_000_000))},
            headers=headers,
            timeout=20,
        )
        assert (answer.status_code, answer.json()) == (401, {"detail": "Not authenticated"})
    right = {"authorization": "Bearer s3same-open"}
    sent = {"file": ("a", b"1")}
    answer = requests.post(f"{client.address}/saveToDisk", data=form, files=sent, headers=right, timeout=20)
    assert answer.status_code == 200
