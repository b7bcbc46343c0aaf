"""What every destination must do with a file that is written: all of it, or nothing that has its name."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from filesync_dagster.connectors.destination import (
    NOTHING,
    PART_SUFFIX,
    TRASH_FOLDER,
    Destination,
    Precondition,
    Proof,
    Upload,
)
from filesync_dagster.core.content import BLOCK_BYTES, ContentStream, whole_hash
from filesync_dagster.core.errors import ContentMismatch, Foreign, NameImpossible, SourceError, StaleSource
from filesync_dagster.core.model import Meter
from filesync_dagster.testing.destination_place import TAGS, DestinationPlace, broken, list_paths, pattern, put, stream

OLD, NEW = b"the old content", b"a new and longer content"


class DestinationPlaceSuite:
    """Tests of the place of a subclass."""

    @pytest.fixture
    def place(self) -> DestinationPlace:
        """Return an empty place. A subclass says which."""
        raise pytest.UsageError(f"{type(self).__name__} needs a fixture `place`, an empty DestinationPlace.")

    @pytest.fixture
    def destination(self, place: DestinationPlace) -> Iterator[Destination]:
        """Return a destination of the place, closed afterwards."""
        opened = place.open(Meter())
        yield opened
        opened.close()


class WriteSuite(DestinationPlaceSuite):
    """Tests of `write`, `stat` and `check`."""

    @pytest.mark.parametrize("size", [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 2 * BLOCK_BYTES + 1])
    def test_a_file_is_there_as_it_was_sent(self, place: DestinationPlace, destination: Destination, size: int) -> None:
        """Whatever its size; and the receipt says so, with the version that is found there."""
        content = pattern(size)

        receipt = put(destination, "folder/deeper/file.bin", content)

        found = destination.stat("folder/deeper/file.bin")
        assert place.read("folder/deeper/file.bin") == content
        assert place.paths() == {"folder/deeper/file.bin"}
        assert found is not None
        assert (found.kind, found.size, found.version) == ("file", size, receipt.version)
        assert receipt.size == size
        assert receipt.version is not None
        _require_true(receipt.content_hash, content)
        _require_true(found.content_hash, content)

    def test_a_size_that_is_not_known_beforehand(self, place: DestinationPlace, destination: Destination) -> None:
        """As of a document that is exported."""
        content = pattern(BLOCK_BYTES + 7)

        receipt = destination.write(Upload(path="export.pdf", size=None), stream(content, size=None))

        assert (place.read("export.pdf"), receipt.size) == (content, len(content))

    def test_whose_a_file_is_can_be_read_back(self, place: DestinationPlace, destination: Destination) -> None:
        """Its tags and its time, so that a lost replica state can be made anew. A stranger's file has none."""
        moment = datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC)
        put(destination, "ours.txt", NEW, modified_at=moment, mime_type="text/plain")
        place.put("theirs.txt", OLD)

        ours, theirs = destination.stat("ours.txt"), destination.stat("theirs.txt")

        assert ours is not None
        assert theirs is not None
        assert not theirs.tags
        if not ours.tags:
            pytest.skip("this destination keeps no tags")
        assert {name: ours.tags.get(name) for name in TAGS} == TAGS
        assert ours.modified_at == moment

    def test_tags_go_with_the_content(self, place: DestinationPlace, destination: Destination) -> None:
        """A stranger who writes over a file of ours makes it theirs."""
        put(destination, "a", OLD)

        place.put("a", NEW)

        found = destination.stat("a")
        assert found is not None
        assert not found.tags

    def test_odd_names(self, place: DestinationPlace, destination: Destination) -> None:
        """Every name that the store can hold is written, found and listed as it is."""
        for number, name in enumerate(place.odd_names):
            put(destination, name, str(number).encode())

        assert {name: place.read(name) for name in place.odd_names} == {
            name: str(number).encode() for number, name in enumerate(place.odd_names)
        }
        assert all(destination.stat(name) is not None for name in place.odd_names)
        if destination.facts.lists:
            assert list_paths(destination) == set(place.odd_names)

    @pytest.mark.parametrize(
        "path", ["", "../out", "a/../../out", "/abs", "a//b", "a/./b", "a/", "nul\\x00", "x" * 5000, "é" * 1500]
    )
    def test_impossible_names(self, place: DestinationPlace, destination: Destination, path: str) -> None:
        """They are refused, and nothing is written anywhere. A store to which they are names like others keeps them."""
        if destination.facts.keeps_dots and path and len(path) < 1000:
            pytest.skip("a name like others, here")

        with pytest.raises(NameImpossible):
            put(destination, path, NEW)

        assert place.paths() == set()

    @pytest.mark.parametrize("path", [f"{TRASH_FOLDER}/x", f"a{PART_SUFFIX}", f"folder/a{PART_SUFFIX}"])
    def test_names_of_our_own_are_refused(self, destination: Destination, path: str) -> None:
        """A file that has one could not be told from what we keep there."""
        with pytest.raises(NameImpossible):
            put(destination, path, NEW)

    @pytest.mark.parametrize("size", [5, 3 * BLOCK_BYTES])
    @pytest.mark.parametrize("trouble", ["short", "long", "hash", "stale", "announced size", "announced hash"])
    @pytest.mark.parametrize("replaces", [False, True])
    def test_a_wrong_content_is_not_published(
        self, place: DestinationPlace, destination: Destination, trouble: str, replaces: bool, size: int
    ) -> None:
        """Nothing new has the name, what was there before stays, and nothing half is left."""
        expected = put(destination, "a", OLD).version if replaces else None
        content = pattern(size)
        upload = Upload(path="a", size=size, expected=Precondition(expected))
        given = stream(content)
        match trouble:
            case "short":
                given = stream(content[:-1], size=size)
            case "long":
                given = stream(content + b"!", size=size)
            case "hash":
                given = stream(content, content_hash=f"md5:{hashlib.md5(b'other', usedforsecurity=False).hexdigest()}")
            case "stale":
                given = ContentStream(broken(content, StaleSource("It has another version.")), what="x", size=size)
            case "announced size":
                upload = Upload(path="a", size=size + 1, expected=Precondition(expected))
            case "announced hash":
                tags = {"sha256": "0" * 64, "md5": "0" * 32}
                upload = Upload(path="a", size=size, expected=Precondition(expected), tags=tags)
                given = stream(content, algorithms=("sha256", "md5"))

        with pytest.raises(StaleSource if trouble == "stale" else ContentMismatch):
            destination.write(upload, given)

        assert place.read("a") == (OLD if replaces else None)
        assert place.paths() == ({"a"} if replaces else set())

    def test_a_stranger_in_the_way(self, place: DestinationPlace, destination: Destination) -> None:
        """It is left alone, and told of."""
        place.put("a", OLD)

        with pytest.raises(Foreign):
            put(destination, "a", NEW)

        assert place.read("a") == OLD
        assert place.paths() == {"a"}

    def test_an_answer_that_was_lost(self, place: DestinationPlace, destination: Destination) -> None:
        """What is there already is found, and is as good as written now."""
        first = put(destination, "a", NEW)

        again = put(destination, "a", NEW)

        assert (again.version, again.size) == (first.version, first.size)
        assert place.paths() == {"a"}

    def test_an_answer_to_an_update_that_was_lost(self, place: DestinationPlace, destination: Destination) -> None:
        """Likewise."""
        before = Precondition(put(destination, "a", OLD).version)
        first = put(destination, "a", NEW, before)

        again = put(destination, "a", NEW, before)

        assert (again.version, place.read("a")) == (first.version, NEW)

    def test_an_update(self, place: DestinationPlace, destination: Destination) -> None:
        """It replaces what is expected, and has another version then; a second one goes on from there."""
        first = put(destination, "a", OLD)
        second = put(destination, "a", NEW, Precondition(first.version))
        put(destination, "a", b"third", Precondition(second.version))

        assert place.read("a") == b"third"
        assert first.version != second.version
        assert place.paths() == {"a"}

    @pytest.mark.parametrize("change", ["overwritten", "removed"])
    def test_what_somebody_changed_is_not_replaced(
        self, place: DestinationPlace, destination: Destination, change: str
    ) -> None:
        """Nor is what somebody removed written again by an update."""
        version = put(destination, "a", OLD).version
        if change == "overwritten":
            place.put("a", b"by somebody else")
        else:
            place.remove("a")

        with pytest.raises(Foreign):
            put(destination, "a", NEW, Precondition(version))

        assert place.read("a") == (b"by somebody else" if change == "overwritten" else None)

    def test_whatever_is_there_is_replaced_when_asked(self, place: DestinationPlace, destination: Destination) -> None:
        """With no precondition, a stranger's file and none at all are alike."""
        place.put("a", OLD)

        put(destination, "a", NEW, None)
        put(destination, "b", NEW, None)

        assert (place.read("a"), place.read("b")) == (NEW, NEW)

    def test_reading_back(self, place: DestinationPlace, destination: Destination) -> None:
        """What is read again says so, or is better proved yet."""
        receipt = put(destination, "a", pattern(BLOCK_BYTES + 1), readback=True)

        assert receipt.proof in {Proof.READBACK, Proof.HASH}

    def test_what_is_not_there(self, destination: Destination) -> None:
        """Is None, also below what is no folder."""
        put(destination, "a", OLD)

        assert destination.stat("b") is None
        assert destination.stat("no/such/folder") is None
        assert destination.stat("a/b") is None

    def test_what_is_checked(self, place: DestinationPlace, destination: Destination) -> None:
        """A destination that works says what it sees, and leaves nothing behind; one that is not there says so."""
        assert destination.check().sees
        assert place.paths() == set()

        missing = place.open_missing(Meter())
        with pytest.raises(SourceError):
            missing.check()
        with pytest.raises(SourceError):
            put(missing, "a", NEW, NOTHING)
        missing.close()
        missing.close()


def _require_true(told: str | None, content: bytes) -> None:
    """A hash that is told, and is one of the whole, must be right."""
    if (hashed := whole_hash(told)) is not None:
        assert hashed[1] == hashlib.new(hashed[0], content, usedforsecurity=False).hexdigest()
