"""What every source must do whose files can be read: the executable half of `ContentSource`."""

import tracemalloc
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from filesync_dagster.connectors.base import ContentSource, Source
from filesync_dagster.core.content import BLOCK_BYTES, FileEntry
from filesync_dagster.core.errors import ContentMismatch, NoContent, SourceError, StaleSource
from filesync_dagster.core.model import Kind
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.testing.place import Place
from filesync_dagster.testing.rows import files, populate, rows
from filesync_dagster.testing.suite import PlaceSuite


def pattern(size: int, seed: int = 0) -> bytes:
    """Return bytes of which no two blocks are alike."""
    line = _line(seed)
    rounds = size // len(line) + 1
    return b"".join(number.to_bytes(8, "little") + line[8:] for number in range(rounds))[:size]


@cache
def _line(seed: int) -> bytes:
    return b"".join((number * 2_654_435_761 + seed).to_bytes(8, "little") for number in range(1 << 13))


SIZES: Final = (0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 3 * BLOCK_BYTES + 17)
LARGE: Final = 5 * BLOCK_BYTES + 12_345
"""More blocks than a connection holds on its way."""

RANGES: Final = (
    (0, 10), (7, 1), (BLOCK_BYTES - 3, 6), (BLOCK_BYTES, BLOCK_BYTES), (0, None), (5, None), (LARGE - 1, 1),
    (LARGE - 1, 100), (LARGE, None), (LARGE + 5, 3), (9, 0),
)  # fmt: skip
MEMORY_FILE_BYTES: Final = 64 << 20
MEMORY_MAX_BYTES: Final = 12 << 20
"""Of one stream, with the buffers of its transport."""

STREAMS: Final = 30
"""That are begun and closed; more than a pool of connections would bear to lose."""


class ContentSuite(PlaceSuite):
    """Tests of `ContentSource`, for the place of a subclass; of others they are skipped.

    A place may name kinds of entries in `unreadable` that its files are (documents without an export).
    """

    @pytest.fixture
    def readable(self, source: Source) -> ContentSource:
        """Return a source of the place whose files can be read."""
        if not isinstance(source, ContentSource):
            pytest.skip("the files of this source cannot be read")
        return source

    def test_contents_of_every_size(self, place: Any, readable: ContentSource) -> None:
        """Nothing, less than a block, blocks, and a rest; in blocks within the bound, proved at the end."""
        contents = {f"size-{size}.bin": pattern(size) for size in SIZES}
        populate(place, contents)
        found = entries(place, readable)

        for path, content in contents.items():
            stream = readable.open(found[path])
            blocks = [*stream]
            stream.close()
            assert b"".join(blocks) == content
            assert all(0 < len(block) <= BLOCK_BYTES for block in blocks)
            assert stream.proved
            assert stream.size == len(content)

    def test_a_stream_is_a_file(self, place: Any, readable: ContentSource) -> None:
        """Libraries read it as such."""
        content = pattern(LARGE)
        place.write("a.bin", content)

        with readable.open(entries(place, readable)["a.bin"]) as stream:
            assert stream.read(3) == content[:3]
            assert stream.read() == content[3:]
            assert stream.read(1) == b""

    def test_parts_of_a_file(self, place: Any, readable: ContentSource) -> None:
        """From any offset on, of any length; what is beyond the end is nothing."""
        content = pattern(LARGE)
        place.write("a.bin", content)
        entry = entries(place, readable)["a.bin"]

        for offset, length in RANGES:
            with readable.open(entry, offset=offset, length=length) as stream:
                wanted = content[offset:] if length is None else content[offset : offset + length]
                assert b"".join(stream) == wanted, (offset, length)
                assert stream.size == len(wanted)

    def test_odd_names(self, place: Any, readable: ContentSource) -> None:
        """Each has its own content."""
        contents = {path: f"content of {number}".encode() for number, path in enumerate(place.hostile_names)}
        populate(place, contents)
        found = files(place, readable)
        by_content = {}

        for row in found.values():
            by_content[read(readable, FileEntry.from_row(row))] = row["path"]

        assert sorted(by_content) == sorted(contents.values())

    def test_entries_without_content(self, place: Any, readable: ContentSource) -> None:
        """A folder and a shortcut have none."""
        place.write("folder/a.txt", b"a")
        for row in rows(place, readable):
            if row["kind"] in {Kind.FOLDER, Kind.SHORTCUT}:
                with pytest.raises(NoContent):
                    read(readable, FileEntry.from_row(row))

    def test_changed_before_it_is_opened(self, place: Any, readable: ContentSource) -> None:
        """Another content of the same length is another version, whole or in part."""
        populate(place, {"a.txt": b"before", "large.bin": pattern(LARGE)})
        found = entries(place, readable)
        place.overwrite("a.txt", b"after!")
        place.overwrite("large.bin", pattern(LARGE, seed=1))

        for path in ("a.txt", "large.bin"):
            with pytest.raises(StaleSource):
                read(readable, found[path])
            with pytest.raises(StaleSource):
                read(readable, found[path], offset=2, length=3)

    def test_deleted_before_it_is_opened(self, place: Any, readable: ContentSource) -> None:
        """It is stale."""
        populate(place, {"a.txt": b"a", "b.txt": b"b"})
        found = entries(place, readable)
        place.delete("a.txt")

        with pytest.raises(StaleSource):
            read(readable, found["a.txt"])
        assert read(readable, found["b.txt"]) == b"b"

    @pytest.mark.parametrize("length", [LARGE, LARGE + 7, LARGE - BLOCK_BYTES, 0])
    def test_changed_while_it_is_read(self, place: Any, readable: ContentSource, length: int) -> None:
        """What ends without an error is the content that was asked for."""
        before = pattern(LARGE)
        place.write("a.bin", before)
        entry = entries(place, readable)["a.bin"]

        with readable.open(entry) as stream:
            blocks = iter(stream)
            came = next(blocks)
            place.overwrite("a.bin", pattern(length, seed=1))
            came, error = drain(blocks, came)

        assert_right(came, before, error)
        with pytest.raises(StaleSource):
            read(readable, entry)

    def test_deleted_while_it_is_read(self, place: Any, readable: ContentSource) -> None:
        """What ends without an error is all of it."""
        before = pattern(LARGE)
        place.write("a.bin", before)

        with readable.open(entries(place, readable)["a.bin"]) as stream:
            blocks = iter(stream)
            came = next(blocks)
            place.delete("a.bin")
            came, error = drain(blocks, came)

        assert_right(came, before, error)

    @pytest.mark.parametrize("fault", [Fault.TRUNCATE, Fault.RESET, Fault.THROTTLE, Fault.SERVER_ERROR])
    def test_a_fault_that_passes(self, place: Any, readable: ContentSource, fault: Fault) -> None:
        """The content is right, as whole and in part, and what came already is not sent again but for a block."""
        _require(place, fault)
        contents = {"a.bin": pattern(LARGE), "small.txt": b"small enough"}
        populate(place, contents)
        found = entries(place, readable)

        for path, content in contents.items():
            place.plan.add(fault, operation=place.content_operation)
            assert read(readable, found[path]) == content
            assert not place.plan.expects(fault)
            place.plan.clear()
            place.plan.add(fault, operation=place.content_operation)
            assert read(readable, found[path], offset=3, length=len(content) - 5) == content[3:-2]
            place.plan.clear()

    @pytest.mark.parametrize(
        "fault", [Fault.TRUNCATE, Fault.RESET, Fault.THROTTLE, Fault.SERVER_ERROR, Fault.FLIP_BIT, Fault.DENY]
    )
    def test_a_fault_that_stays(self, place: Any, readable: ContentSource, fault: Fault) -> None:
        """It is an error, and a short or wrong content never ends as if it were one."""
        _require(place, fault)
        place.write("a.txt", b"small enough")
        entry = entries(place, readable)["a.txt"]
        place.plan.add(fault, operation=place.content_operation, times=-1, share=1.0)

        with pytest.raises(SourceError) as raised:
            read(readable, entry)

        assert raised.value.message

    def test_a_flipped_bit(self, place: Any, readable: ContentSource) -> None:
        """It is found before the last block is given, and the content is right when it is read again."""
        _require(place, Fault.FLIP_BIT)
        content = pattern(LARGE)
        place.write("a.bin", content)
        entry = entries(place, readable)["a.bin"]
        place.plan.add(Fault.FLIP_BIT, operation=place.content_operation)

        with readable.open(entry) as stream:
            came, error = drain(iter(stream), b"")

        assert isinstance(error, ContentMismatch)
        assert len(came) < len(content)
        assert not stream.proved
        assert read(readable, entry) == content

    def test_a_token_that_expires_in_the_middle(self, place: Any, readable: ContentSource) -> None:
        """The connection breaks, the token is not good any more: another one is minted, and it goes on."""
        _require(place, Fault.EXPIRE_TOKEN)
        _require(place, Fault.RESET)
        content = pattern(LARGE)
        place.write("a.bin", content)
        entry = entries(place, readable)["a.bin"]
        place.plan.add(Fault.RESET, operation=place.content_operation)
        place.plan.add(Fault.EXPIRE_TOKEN, operation=place.content_operation, after=1)

        assert read(readable, entry) == content
        assert not place.plan.expects(Fault.EXPIRE_TOKEN)

    def test_changed_while_the_connection_is_broken(self, place: Any, readable: ContentSource) -> None:
        """A stream goes on with the version that it began with, or not at all."""
        _require(place, Fault.TRUNCATE)
        before = pattern(LARGE)
        place.write("a.bin", before)
        entry = entries(place, readable)["a.bin"]
        place.plan.add(Fault.TRUNCATE, operation=place.content_operation)

        with readable.open(entry) as stream:
            blocks = iter(stream)
            came = next(blocks)
            place.overwrite("a.bin", pattern(LARGE, seed=1))
            came, error = drain(blocks, came)

        assert isinstance(error, StaleSource)
        assert before.startswith(came)

    def test_memory(self, place: Any, readable: ContentSource) -> None:
        """A file is never held whole."""
        content = pattern(1 << 20) * (MEMORY_FILE_BYTES >> 20)
        place.write("large.bin", content)
        entry = entries(place, readable)["large.bin"]
        size = len(content)
        del content

        tracemalloc.start()
        try:
            with readable.open(entry) as stream:
                came = sum(map(len, stream))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert came == size
        assert peak < MEMORY_MAX_BYTES

    def test_streams_that_are_not_read_to_their_end(self, place: Any, readable: ContentSource) -> None:
        """They let go of what they hold."""
        content = pattern(LARGE)
        place.write("a.bin", content)
        entry = entries(place, readable)["a.bin"]
        read(readable, entry)
        before = open_descriptors()

        for count in range(STREAMS):
            stream = readable.open(entry)
            if count % 2:
                next(iter(stream))
            stream.close()
            stream.close()

        assert open_descriptors() <= before + 2
        assert read(readable, entry) == content


def entries(place: Place, source: Source) -> Mapping[str, FileEntry]:
    """Return the files of a place as a sync would have them, by path."""
    return {path: FileEntry.from_row(row) for path, row in files(place, source).items()}


def read(source: ContentSource, entry: FileEntry, **part: Any) -> bytes:
    """Return the content of a file, or a part of it."""
    with source.open(entry, **part) as stream:
        return b"".join(stream)


def drain(blocks: Any, came: bytes) -> tuple[bytes, SourceError | None]:
    """Return what came in all, and the error that it ended with."""
    try:
        for block in blocks:
            came += block
    except SourceError as error:
        return came, error
    return came, None


def assert_right(came: bytes, content: bytes, error: SourceError | None) -> None:
    """Assert that what came is the content; or, with an error, not all of it."""
    if error is None:
        assert came == content
    else:
        assert isinstance(error, StaleSource | ContentMismatch)
        assert len(came) < len(content)


def open_descriptors() -> int:
    """Return how many files and connections this process has open."""
    folder = Path("/proc/self/fd")
    return len([*folder.iterdir()]) if folder.exists() else 0


def _require(place: Any, fault: Fault) -> None:
    """Skip what cannot happen here."""
    if fault not in getattr(place, "faults", ()) or not hasattr(place, "content_operation"):
        pytest.skip("this cannot happen here")
