"""The protocol as its public reference has it: fields, statuses and texts."""

from datetime import datetime

import pytest
import requests

from filesync_dagster.simulators.kit.faults import Fault

SAVED = {"internal_id", "file_path", "operation", "size", "saved_at", "status", "new_path", "metadata"}


@pytest.fixture(params=["client", "mock"])
def either(request):
    """Return a client of each kind of server: what these tests tell is the same for both."""
    return request.getfixturevalue(request.param)


def detail(answer):
    """Return what an error says."""
    assert answer.json().keys() == {"detail"}
    return answer.json()["detail"]


def test_every_operation_answers_all_keys(either):
    """In the forms that a public client sends."""
    asked = [
        ("create", {"data": b"hello", "size": "5", "metadata": {"etag": "e"}, "file_type": "text/plain"}, 5),
        ("get", {}, None),
        ("update", {"data": b"hello!"}, 6),
        ("rename", {"new_path": "docs/b.txt"}, None),
        ("delete", {}, None),
    ]
    for operation, form, size in asked:
        path = "docs/b.txt" if operation == "delete" else "docs/a.txt"
        answer = either.save(operation, path, **form)
        found = answer.json()
        assert answer.status_code == 200, found
        assert found.keys() == SAVED
        assert (found["status"], found["operation"], found["file_path"]) == ("success", operation, path)
        assert size is None or found["size"] == size
        assert (found["internal_id"] is None) == (operation == "delete")
        assert found["new_path"] == form.get("new_path")
        assert datetime.fromisoformat(found["saved_at"]).tzinfo is None
        if "metadata" in form:
            assert found["metadata"]["etag"] == "e"


def test_fields_may_come_in_either_kind_of_form(either):
    """The reference takes both, and its client sends the one that is encoded like a query."""
    either.save("create", "a", b"1")
    form = {"operation": (None, "get"), "file_path": (None, "a")}
    assert requests.post(f"{either.address}/saveToDisk", files=form, timeout=20).status_code == 200


def test_empty_fields_count_as_absent(either):
    """Of those that may be left out."""
    answer = either.save("create", "a", b"123", size="", metadata="", new_path="", file_type="")
    assert (answer.status_code, answer.json()["size"], answer.json()["new_path"]) == (200, 3, None)


@pytest.mark.parametrize(
    ("asked", "status", "text"),
    [
        (("copy", "a"), 400, "Invalid operation"),
        (("create", "a", b"1", "metadata", "{"), 400, "Invalid metadata JSON"),
        (("create", "a"), 500, "Failed to perform create operation: "),
        (("update", "a"), 500, "Failed to perform update operation: "),
        (("rename", "a"), 500, "Failed to perform rename operation: "),
        (("move", "a"), 500, "Failed to perform move operation: "),
        (("create", "a", b"1", "metadata", "[1]"), 500, "Failed to perform create operation: "),
    ],
)
def test_texts_of_refusals(either, asked, status, text):
    """Those that one would expect as 400 are 500."""
    operation, path, *more = asked
    answer = either.save(operation, path, more[0] if more else None, **({more[1]: more[2]} if more else {}))
    assert answer.status_code == status
    assert detail(answer).startswith(text)


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({}, [("missing", ["body", "operation"]), ("missing", ["body", "file_path"])]),
        ({"operation": "get", "file_path": ""}, [("missing", ["body", "file_path"])]),
        ({"operation": "get", "file_path": "a", "size": "5.5"}, [("int_parsing", ["body", "size"])]),
        ({"operation": "create", "file_path": "a", "file": "text"}, [("value_error", ["body", "file"])]),
    ],
)
def test_422_is_a_list_of_problems(either, fields, problems):
    """Of type, place, message and what was given."""
    answer = requests.post(f"{either.address}/saveToDisk", data=fields, timeout=20)
    assert answer.status_code == 422
    assert [(one["type"], one["loc"]) for one in detail(answer)] == problems
    assert all(one.keys() == {"type", "loc", "msg", "input"} for one in detail(answer))


def test_a_file_without_a_name_is_a_422(either):
    """The name must not be empty; which one it is does not matter."""
    body = (
        b'--b\r\nContent-Disposition: form-data; name="operation"\r\n\r\ncreate\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file_path"\r\n\r\na\r\n'
        b'--b\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\nx\r\n--b--\r\n'
    )
    kind = {"content-type": "multipart/form-data; boundary=b"}
    answer = requests.post(f"{either.address}/saveToDisk", data=body, headers=kind, timeout=20)
    assert answer.status_code == 422


def test_permissions(either):
    """Nothing but a path reads them; anything else sets it."""
    either.save("create", "a.txt", b"1")
    read = either.permissions("a.txt").json()
    assert read.keys() == {"file_path", "permissions", "owner", "group", "last_updated"}
    assert read["permissions"] == "rw-r--r--"
    changed = either.permissions("a.txt", permissions="rwxr-x---", owner="", group="eng").json()
    assert (changed["permissions"], changed["owner"], changed["group"]) == ("rwxr-x---", read["owner"], "eng")
    assert either.permissions("").status_code == 422


@pytest.mark.parametrize(("count", "status"), [("0", 400), ("101", 400), ("-1", 400), ("x", 422), ("1", 200)])
def test_the_count_of_events(either, count, status):
    """Between 1 and 100."""
    answer = either.events(count)
    assert answer.status_code == status
    if status == 400:
        assert detail(answer) == "count must be between 1 and 100"


def test_reports(either):
    """An object."""
    answer = either.report({"sync_type": "initial"})
    assert (answer.status_code, answer.json().keys()) == (200, {"status", "message", "timestamp"})
    assert answer.json()["status"] == "received"
    assert [either.report(body).status_code for body in ([1], "x", 5)] == [422, 422, 422]
    assert requests.post(f"{either.address}/reportResults", data="{", timeout=20).status_code == 422


def test_health_and_what_is_not_there(either):
    """In FastAPI's words."""
    assert either.get("/").json().keys() == {"message", "timestamp"}
    assert (either.get("/nothing").status_code, detail(either.get("/nothing"))) == (404, "Not Found")
    assert (either.get("/saveToDisk").status_code, detail(either.get("/saveToDisk"))) == (405, "Method Not Allowed")


def test_a_broken_form_is_a_400(either):
    """Without a word about what was wrong with it."""
    kind = {"content-type": "multipart/form-data; boundary=b"}
    for body in (b"--b\r\n", b"nothing"):
        answer = requests.post(f"{either.address}/saveToDisk", data=body, headers=kind, timeout=20)
        assert answer.status_code == 400


def test_the_mock_invents(mock):
    """New ids at every call, the size that was declared, 200 for anything, and nothing is there afterwards."""
    first, second = (mock.save("create", "a", b"12345", size="99").json() for _ in range(2))
    assert first["size"] == second["size"] == 99
    assert first["internal_id"] != second["internal_id"]
    assert first["metadata"] is None
    for operation in ("get", "delete", "rename", "update"):
        data = b"1" if operation == "update" else None
        assert mock.save(operation, "never/there", data, new_path="x").status_code == 200
    assert mock.save("get", "../../x").json()["size"] == 1024
    assert list(mock.simulator.store.listing()) == []


def test_the_events_of_the_mock_look_random_and_are_not(mock):
    """The same ones at every call, of every type, some with what a type has."""
    events = mock.events(100).json()["events"]
    assert mock.events(100).json()["events"] == events
    assert {event["event_type"] for event in events} == {"change_permission", "delete", "create", "rename", "move"}
    assert all((event["new_path"] is not None) == (event["event_type"] in {"rename", "move"}) for event in events)
    assert mock.events().json()["total_count"] == 10


@pytest.mark.parametrize(
    ("fault", "how", "status"),
    [
        (Fault.THROTTLE, {"seconds": 3}, 429),
        (Fault.SERVER_ERROR, {"status": 502}, 502),
        (Fault.DENY, {}, 403),
        (Fault.EXPIRE_TOKEN, {}, 401),
    ],
)
def test_faults(client, fault, how, status):
    """By the name of the operation, before it is done."""
    client.simulator.plan.add(fault, "create", **how)
    answer = client.save("create", "a", b"1")
    assert answer.status_code == status
    assert answer.headers.get("retry-after") == ("3" if fault is Fault.THROTTLE else None)
    assert client.save("create", "a", b"1").status_code == 200


def test_a_fault_of_one_file(client):
    """A plan can name what is in the fields."""
    client.simulator.plan.add(Fault.DENY, "create", part="eng/b", times=-1)
    assert [client.save("create", f"eng/{name}", b"1").status_code for name in "abc"] == [200, 403, 200]


def test_a_fault_that_it_cannot_do(serve):
    """Is told at once."""
    from filesync_dagster.simulators.kit.faults import FaultPlan, Rule

    with pytest.raises(ValueError, match="lose_cursor"):
        serve(plan=FaultPlan([Rule(Fault.LOSE_CURSOR)]))
