"""What is written to a file manager, and what proves it."""

import time
import tracemalloc

import pytest

from filesync_dagster.connectors.destination import Deletion, Destination, FilePermissions, Precondition, Proof
from filesync_dagster.core.content import BLOCK_BYTES, ContentStream
from filesync_dagster.core.errors import (
    AuthenticationFailed,
    ConfigError,
    ContentMismatch,
    Foreign,
    NameImpossible,
    NotFound,
    ProtocolViolation,
    StaleSource,
)
from filesync_dagster_tests.connectors.file_manager.conftest import LARGE, content, put, sha256, upload

SIZES = {"empty": b"", "small": b"hello", "a block": bytes(BLOCK_BYTES), "large": LARGE}
TOKEN = "a-token-that-nobody-may-see"


@pytest.mark.parametrize("data", SIZES.values(), ids=SIZES.keys())
def test_what_is_written_is_there_and_proved_by_its_hash(manager, destination, data):
    """The server's hash is compared."""
    receipt = put(destination, "a/b.bin", data, mime_type="application/pdf")
    assert manager.files() == {"a/b.bin": data}
    assert (receipt.proof, receipt.size, receipt.content_hash) == (Proof.HASH, len(data), sha256(data))
    found = destination.stat("a/b.bin")
    assert (found.size, found.version, found.internal_id) == (len(data), receipt.version, receipt.internal_id)
    assert found.tags["source_id"] == "id-1"
    assert manager.simulator.store.listing()[0]["file_type"] == "application/pdf"


def test_it_is_a_destination(destination):
    """It cannot tell what it has, and says so."""
    assert isinstance(destination, Destination)
    assert not destination.facts.lists
    with pytest.raises(ProtocolViolation):
        destination.list()


def test_a_content_of_unknown_size(manager, destination):
    """As exports have."""
    receipt = destination.write(upload("doc.pdf", size=None), ContentStream(iter([LARGE]), what="it", size=None))
    assert (receipt.size, manager.files()) == (len(LARGE), {"doc.pdf": LARGE})


@pytest.mark.parametrize(
    "path",
    [
        "a b/ü.txt", "日本/😀.txt", 'say "hi".txt', "100%25 & more=1+1;x.txt", "line\nbreak.txt", "back\\slash",
        "-->--boundary","~$lock", "a/.hidden", "x" * 255,
    ],
)  # fmt: skip
def test_odd_names_arrive_as_they_are(manager, destination, path):
    """In both kinds of forms."""
    put(destination, path)
    assert manager.files() == {path: b"hello"}
    assert destination.stat(path).size == 5
    assert destination.delete([Deletion(path)]) == [None]
    assert manager.files() == {}


@pytest.mark.parametrize("path", ["a//b", "../x", "a/./b", "", "/", "a/", "nul\\x00", "/x", "no utf-8 \\xff"])
def test_impossible_names_are_not_sent(manager, destination, path):
    """Nothing is asked of the server."""
    with pytest.raises(NameImpossible):
        put(destination, path)
    assert not manager.counts


def test_paths_may_be_sent_with_a_slash_before_them(manager):
    """Where the server wants it so: it is no part of the path."""
    destination = manager.open(leading_slash=True)
    put(destination, "a/b")
    assert destination.stat("a/b").path == "a/b"
    assert manager.simulator.store.events(1)[0]["file_path"] == "/a/b"
    destination.move("a/b", "c", None)
    assert manager.files() == {"c": b"hello"}


def test_too_large_files_are_not_sent(manager):
    """By the setting."""
    with pytest.raises(ProtocolViolation, match="max_file_size"):
        put(manager.open(max_file_size="4B"), "a")
    assert not manager.counts


@pytest.mark.parametrize("data", [b"new", LARGE[::-1]], ids=["small", "large"])
def test_a_foreign_file_is_left_alone(manager, destination, data):
    """One that is there already, one that was changed, and one that was removed."""
    (manager.root / "there").write_bytes(b"theirs")
    theirs = put(destination, "b", b"theirs")
    with pytest.raises(Foreign):
        put(destination, "there", data)
    with pytest.raises(Foreign):
        put(destination, "b", data)
    with pytest.raises(Foreign):
        put(destination, "b", data, expected=Precondition(sha256(b"ours")))
    with pytest.raises(Foreign):
        put(destination, "gone", data, expected=Precondition(theirs.version))
    assert manager.files() == {"there": b"theirs", "b": b"theirs"}


@pytest.mark.parametrize("data", [b"new", LARGE[::-1]], ids=["small", "large"])
def test_ours_is_replaced(manager, destination, data):
    """It keeps its id."""
    first = put(destination, "a", b"old")
    second = put(destination, "a", data, expected=Precondition(first.version))
    assert manager.files() == {"a": data}
    assert first.internal_id == second.internal_id


@pytest.mark.parametrize("data", [b"new", LARGE], ids=["small", "large"])
def test_whatever_is_there_may_be_replaced(manager, destination, data):
    """Nothing, or something."""
    put(destination, "a", data, expected=None)
    put(destination, "a", data[::-1], expected=None)
    assert manager.files() == {"a": data[::-1]}


@pytest.mark.parametrize("data", [b"hello", LARGE], ids=["small", "large"])
def test_what_is_there_already_is_adopted(manager, destination, data):
    """A small content by its hash; a large one, which would have to be read first, by whose it is."""
    first = put(destination, "a", data)
    assert put(destination, "a", data).version == first.version
    assert [event["event_type"] for event in manager.simulator.store.events(10)] == ["create"]


@pytest.mark.parametrize("error", [StaleSource("It changed."), None], ids=["changed", "short"])
def test_a_content_that_breaks_off_is_not_stored(manager, destination, error):
    """Not as a new file, and not in place of an old one."""
    broken = {"size": len(LARGE) + (1 if error is None else 0), "error": error}
    old = put(destination, "old", b"old")
    for path, expected in (("new", upload("new").expected), ("old", Precondition(old.version))):
        wanted = upload(path, size=len(LARGE) + (1 if error is None else 0), expected=expected)
        with pytest.raises(StaleSource if error else ContentMismatch):
            destination.write(wanted, content(LARGE, **broken))
    assert manager.files() == {"old": b"old"}
    for _ in range(200):
        if not manager.unfinished():
            break
        time.sleep(0.02)
    assert manager.unfinished() == []


def test_nothing_is_held_in_memory(manager, destination):
    """Neither here nor by the server."""
    block, count = bytes(BLOCK_BYTES), 48
    tracemalloc.start()
    try:
        stream = ContentStream((block for _ in range(count)), what="it", size=count * BLOCK_BYTES)
        destination.write(upload("large", size=count * BLOCK_BYTES), stream)
        assert tracemalloc.get_traced_memory()[1] < 16 * BLOCK_BYTES
    finally:
        tracemalloc.stop()
    assert (manager.root / "large").stat().st_size == count * BLOCK_BYTES


def test_an_upload_may_take_longer_than_an_answer(manager):
    """The time of the answer begins when all was sent."""

    def slowly():
        for _ in range(8):
            time.sleep(0.15)
            yield bytes(BLOCK_BYTES)

    size = 8 * BLOCK_BYTES
    destination = manager.open(read_timeout=0.5)
    destination.knows_files()
    destination.write(upload("slow", size=size), ContentStream(slowly(), what="it", size=size))
    assert (manager.root / "slow").stat().st_size == size
    assert manager.counts["get"] == 2  # before it: afterwards nothing had to be found out


def test_moves(manager, destination):
    """Rename and move keep the id; what is not as expected stays."""
    first = put(destination, "a/x", b"x")
    put(destination, "a/y", b"y")
    with pytest.raises(Foreign):
        destination.move("a/x", "a/y", None)
    with pytest.raises(Foreign):
        destination.move("a/x", "b/x", Precondition("another"))
    with pytest.raises(NotFound):
        destination.move("a/nothing", "b/x", None)
    assert manager.files() == {"a/x": b"x", "a/y": b"y"}
    assert destination.move("a/x", "a/z", Precondition(first.version)).version == first.version
    moved = destination.move("a/z", "b/x", Precondition(first.version))
    assert (moved.internal_id, moved.content_hash) == (first.internal_id, sha256(b"x"))
    assert destination.move("a/z", "b/x", Precondition(first.version)) == moved  # done already
    destination.move("b/x", "a/y", None, onto=Precondition(sha256(b"y")))
    assert manager.files() == {"a/y": b"x"}
    kinds = [event["event_type"] for event in manager.simulator.store.events(10)]
    assert kinds == ["create", "create", "rename", "move", "delete", "move"]


def test_deletions(manager, destination):
    """What is gone is deleted; what others changed stays; the trash keeps several of a name."""
    for name in ("a", "b", "c"):
        put(destination, name, name.encode())
    put(destination, "d/t", b"1")
    errors = destination.delete(
        [
            Deletion("a", Precondition(sha256(b"a"))),
            Deletion("b", Precondition(sha256(b"other"))),
            Deletion("nothing"),
            Deletion("d/t", trash="2026-01-05"),
        ]
    )
    assert [type(error) for error in errors] == [type(None), Foreign, type(None), type(None)]
    put(destination, "d/t", b"2")
    assert destination.delete([Deletion("d/t", trash="2026-01-05")]) == [None]
    trash = ".filesync-trash/2026-01-05/d/t"
    assert manager.files() == {"b": b"b", "c": b"c", trash: b"1", f"{trash}.2": b"2"}


def test_permissions_are_set_and_read_back(manager, destination):
    """Digits become letters; what is not said stays."""
    put(destination, "a")
    assert destination.set_permissions("a", FilePermissions()) == FilePermissions("rw-r--r--", "filesync", "users")
    set_to = destination.set_permissions("a", FilePermissions("0750", group="eng"))
    assert set_to == FilePermissions("rwxr-x---", "filesync", "eng")
    assert destination.set_permissions("a", FilePermissions()) == set_to
    with pytest.raises(NotFound):
        destination.set_permissions("nothing", FilePermissions("rwx------"))


def test_a_token_is_sent_and_never_told(serve):
    """Who has none, or another one, is refused with a sentence."""
    manager = serve(token=TOKEN)
    put(manager.open(token=TOKEN), "a")
    for token in (None, f"{TOKEN}x"):
        with pytest.raises(AuthenticationFailed, match="Check the token") as refused:
            manager.open(token=token).check()
        assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(manager.open(token=TOKEN)._details)


def test_the_report_of_a_run(manager):
    """It is sent when it is wanted, and names no place of this machine."""
    run = {"replication": "a", "source": "eng", "scope": "initial", "status": "partial", "created": 2, "failed": 1,
           "bytes_sent": 7, "files_total": 2, "duration_seconds": 1.5, "error": "One failed."}  # fmt: skip
    manager.open().report(run)
    assert manager.simulator.store.reports() == []
    manager.open(report=True).report(run)
    [report] = manager.simulator.store.reports()
    assert (report["sync_type"], report["success"], report["errors"]) == ("initial", False, ["One failed."])
    assert report["statistics"] == {
        "events_processed": 3, "operations_processed": 2, "operations_failed": 1, "files_processed": 2,
        "files_failed": 1, "total_size": 7,
    }  # fmt: skip
    assert report["service_info"] == {"database_path": "a", "customer_bucket": "eng", "record_count": 2}


def test_it_is_no_endpoint():
    """Nothing in the protocol lists."""
    from filesync_dagster.connectors import CONNECTORS
    from filesync_dagster.core.model import Meter

    connector = CONNECTORS["file_manager"]
    assert not connector.lists
    with pytest.raises(ConfigError):
        connector.open(connector.details(base_url="http://localhost"), Meter())
