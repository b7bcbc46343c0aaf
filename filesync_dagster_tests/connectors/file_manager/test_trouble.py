"""A file manager that fails, loses answers, refuses, or says what is not so."""

import time

import httpx
import pytest

from filesync_dagster.connectors.destination import Deletion, Precondition, Proof
from filesync_dagster.connectors.file_manager import FileManagerDetails, open_file_manager
from filesync_dagster.core.errors import (
    ContentMismatch,
    NotFound,
    ProtocolViolation,
    SourceError,
    TemporarilyDown,
    Throttled,
)
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.file_manager.conftest import IMPATIENT, LARGE, content, put, sha256, upload

SIZES = pytest.mark.parametrize("data", [b"hello", LARGE], ids=["small", "large"])


def patched(path, value):
    """Return what a fault does to an answer."""
    return [{"op": "replace", "path": path, "value": value}]


@SIZES
@pytest.mark.parametrize("status", [None, 408, 425, 502, 504], ids=str)
def test_a_lost_answer_makes_no_double(manager, destination, data, status):
    """The file is stored, and the answer to that never comes, or is one of a gateway."""
    manager.plan.add(Fault.LOSE_ANSWER, "create", status=status)
    receipt = put(destination, "a", data)
    assert (receipt.proof, receipt.version, manager.files()) == (Proof.HASH, sha256(data), {"a": data})
    assert [event["event_type"] for event in manager.simulator.store.events(10)] == ["create"]


@SIZES
def test_a_lost_answer_of_an_update(manager, destination, data):
    """Likewise."""
    first = put(destination, "a", b"old")
    manager.plan.add(Fault.LOSE_ANSWER, "update")
    put(destination, "a", data, expected=Precondition(first.version))
    assert manager.files() == {"a": data}


def test_lost_answers_of_moves_and_deletions(manager, destination):
    """Done is done."""
    version = put(destination, "a").version
    manager.plan.add(Fault.LOSE_ANSWER, "move")
    manager.plan.add(Fault.LOSE_ANSWER, "delete")
    assert destination.move("a", "b/a", Precondition(version)).version == version
    assert destination.delete([Deletion("b/a", Precondition(version))]) == [None]
    assert manager.files() == {}


@pytest.mark.parametrize("status", [408, 425, 429, 502, 503, 504])
def test_what_is_temporary_is_tried_again(manager, destination, status):
    """As often as the policy allows."""
    manager.plan.add(Fault.SERVER_ERROR, "create", status=status, times=3)
    put(destination, "a")
    assert manager.counts["create"] == 4


def test_it_waits_as_long_as_it_is_asked_to(manager, destination):
    """In seconds."""
    destination.knows_files()
    manager.plan.add(Fault.THROTTLE, "create", seconds=1)
    began = time.monotonic()
    put(destination, "a")
    assert time.monotonic() - began >= 1


def test_who_opens_a_large_content_again_is_told_how_long_to_wait(manager, destination):
    """It cannot be sent again from here."""
    manager.plan.add(Fault.THROTTLE, "create", seconds=7)
    with pytest.raises(Throttled) as throttled:
        put(destination, "a", LARGE)
    assert throttled.value.retry_after == 7


@SIZES
def test_500_is_tried_twice_more_and_then_failed(manager, destination, data):
    """It may be a refusal in disguise; what it says is told."""
    manager.plan.add(Fault.SERVER_ERROR, "create", status=500, times=-1, reason="Failed to perform create: odd name")
    errors = []
    while len(errors) < 10 and (not errors or errors[-1].retryable):  # as whoever repeats what can be repeated
        with pytest.raises(SourceError, match="odd name") as failed:
            put(destination, "a", data)
        errors.append(failed.value)
    assert isinstance(errors[-1], ProtocolViolation)
    assert manager.counts["create"] == 3


@pytest.mark.parametrize("status", [400, 401, 403, 413, 422, 507])
def test_a_refusal_is_not_repeated(manager, destination, status):
    """What it says is told."""
    manager.plan.add(Fault.REFUSE, "create", status=status, reason="so it is", times=-1)
    with pytest.raises(SourceError, match="so it is") as refused:
        put(destination, "a")
    assert not refused.value.retryable
    assert manager.counts["create"] == 1


def test_the_problems_of_a_422_are_a_sentence():
    """They come as a list."""
    problem = {"type": "missing", "loc": ["body", "file_path"], "msg": "Field required", "input": None}
    with pytest.raises(ProtocolViolation, match="file_path: Field required"):
        answering(422, json={"detail": [problem]}).check()


@SIZES
def test_an_upload_that_breaks_leaves_nothing(manager, destination, data):
    """And is sent again."""
    manager.plan.add(Fault.BREAK_UPLOAD, "create")
    if data is LARGE:
        with pytest.raises(TemporarilyDown):
            put(destination, "a", data)
        assert manager.files() == {}
    put(destination, "a", data)
    assert manager.files() == {"a": data}


@SIZES
@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("/status", "queued", "its status is 'queued'"),
        ("/status", None, "its status is None"),
        ("/file_path", "another", "it is about 'another'"),
        ("/size", 4, "it has 4 bytes"),
        ("/size", "many", "its size is 'many'"),
        ("/operation", "delete", "it tells of the operation 'delete'"),
    ],
)
def test_an_answer_to_something_else_is_a_failure(manager, destination, data, path, value, told):
    """With what was answered."""
    manager.plan.add(Fault.PATCH_ENTRY, "create", patch=patched(path, value))
    with pytest.raises(ProtocolViolation, match=told) as failed:
        put(destination, "a", data)
    assert not failed.value.retryable


@pytest.mark.parametrize(
    ("path", "value"), [("/file_path", "/a"), ("/size", "5"), ("/status", "Success"), ("/size", None)]
)
def test_what_means_the_same_is_read(manager, destination, path, value):
    """A slash more, a number as text, another case."""
    manager.plan.add(Fault.PATCH_ENTRY, "create", patch=patched(path, value))
    assert put(destination, "a").proof is Proof.HASH


@SIZES
def test_another_hash_is_no_copy(manager, destination, data):
    """What was stored wrongly goes away again."""
    manager.plan.add(Fault.PATCH_ENTRY, "create", patch=patched("/metadata/stored_sha256", "0" * 64))
    with pytest.raises(ContentMismatch) as failed:
        put(destination, "a", data)
    assert failed.value.retryable
    assert manager.files() == {}


@SIZES
def test_a_server_without_hashes_is_asked_for_the_size(manager, destination, data):
    """The answer to the upload only repeats what was told to it: it proves nothing."""
    manager.plan.add(Fault.PATCH_ENTRY, "create", patch=patched("/metadata", None), times=-1)
    rule = manager.plan.add(Fault.PATCH_ENTRY, "get", patch=patched("/metadata", None), times=-1)
    assert put(destination, "a", data).proof is Proof.SIZE
    rule.patch = [*patched("/metadata", None), *patched("/size", len(data) - 1)]
    with pytest.raises(ContentMismatch):
        put(destination, "b", data)
    assert list(manager.files()) == ["a"]


def test_the_mock_only_acknowledges(serve):
    """It says yes to everything: nothing it tells is taken for proof, and every report says so."""
    destination = serve(mock=True).open()
    report = destination.check()
    assert "proves nothing" in report.warnings[0]
    for data in (b"hello", LARGE):
        receipt = put(destination, "a", data)
        assert (receipt.proof, receipt.version, receipt.size) == (Proof.ACKNOWLEDGED, None, len(data))
        put(destination, "a", data, expected=None)
    assert destination.stat("a") is None
    destination.move("a", "b", None)
    assert destination.delete([Deletion("b")]) == [None]


def test_a_server_that_knows_its_files_is_told_so(destination):
    """Without a warning."""
    report = destination.check()
    assert (report.warnings, report.problems) == ((), ())


def answering(status=200, **body):
    """Return a file manager that answers everything the same."""
    wire = httpx.MockTransport(lambda request: httpx.Response(status, **body))
    return open_file_manager(FileManagerDetails(base_url="http://odd"), Meter(), wire=wire, policy=IMPATIENT)


@pytest.mark.parametrize("data", [b"hello", LARGE], ids=["small", "large"])
def test_a_web_page_is_no_answer(data):
    """With its beginning."""
    destination = answering(html="<html><title>Please sign in</title></html>")
    with pytest.raises(ProtocolViolation, match="Please sign in"):
        destination.write(upload("a", data), content(data))


@pytest.mark.parametrize("body", [b"[]", b'"yes"', b"null", b'{"status": "success"}'])
def test_another_shape_is_no_answer(body):
    """Whatever it is."""
    with pytest.raises(ProtocolViolation):
        put(answering(content=body), "a")


def test_a_page_of_another_server_is_told_from_a_file_manager():
    """The status alone is health: what follows is not."""
    with pytest.raises(NotFound):
        answering(404, text="nothing here").check()
