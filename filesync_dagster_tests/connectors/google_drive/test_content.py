"""Contents of Drive: what only Drive has. The rest is in the contract suite."""

import pytest

from filesync_dagster.connectors.google_drive.content import FORMATS
from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import AccessDenied, NoContent, StaleSource, TemporarilyDown
from filesync_dagster.core.model import Meter
from filesync_dagster.simulators.google_drive.resources import EXPORTS
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster_tests.connectors.google_drive.place import DrivePlace

KINDS = sorted(EXPORTS)


@pytest.fixture
def place():
    """Return a My Drive."""
    return DrivePlace()


@pytest.fixture
def source(place):
    """Return a source of it."""
    opened = place.open(Meter())
    yield opened
    opened.close()


def entry(source, file_id):
    """Return what a listing has of a file."""
    rows = [row for page in source.list(source.scopes()[0]) for row in page.batch.to_pylist()]
    return FileEntry.from_row(next(row for row in rows if row["external_id"] == file_id))


def read(source, listed, **how):
    """Return what is read of a file."""
    with source.open(listed, **how) as stream:
        return b"".join(stream)


@pytest.mark.parametrize("kind", KINDS)
def test_documents_are_exported_to_what_they_can_be(place, source, kind):
    """Each in its formats; another format is refused in a sentence that names these."""
    listed = entry(source, place.store.create("Plan", mime_type=kind))
    _, formats = EXPORTS[kind]

    for name in formats:
        with source.open(listed, export=name) as stream:
            content = b"".join(stream)
            assert (stream.mime_type, stream.size) == (FORMATS[name], None)
            assert stream.proved
            assert content.startswith(FORMATS[name].encode())
    with pytest.raises(NoContent, match=r"cannot be exported to epub\. It can be exported to .*pdf"):
        source.open(listed, export="epub")
    with pytest.raises(NoContent, match="Name a format"):
        source.open(listed)


def test_a_document_that_changed_is_not_exported(place, source):
    """Neither before, nor while it is read."""
    made = place.store.create("Plan", kind="document")
    listed = entry(source, made)
    stream = source.open(listed, export="pdf")
    place.store.rename(made, "Plan B")

    with pytest.raises(StaleSource):
        b"".join(stream)
    stream.close()
    with pytest.raises(StaleSource):
        source.open(listed, export="pdf")


def test_an_export_that_breaks_off_is_an_error_that_passes(place, source):
    """Nothing tells how long it is, so it cannot go on: whoever asked begins again."""
    listed = entry(source, place.store.create("P" * 1_000, kind="document"))
    place.plan.add(Fault.RESET, operation="files.export")

    with pytest.raises(TemporarilyDown):
        read(source, listed, export="pdf")
    assert len(read(source, listed, export="pdf")) == 3_000_000


def test_what_is_too_large_to_be_exported_has_no_content(place, source):
    """Google exports up to 10 MB."""
    listed = entry(source, place.store.create("P" * 4_000, kind="document"))

    with pytest.raises(NoContent, match="10 MB"):
        read(source, listed, export="pdf")


def test_what_its_owner_lets_nobody_download(place, source):
    """That is said of this file; others can be read."""
    made = [place.store.create(name, content=b"abc") for name in ("a", "b")]
    place.store.undownloadable.add(made[0])

    with pytest.raises(AccessDenied, match="owner lets nobody"):
        read(source, entry(source, made[0]))
    assert read(source, entry(source, made[1])) == b"abc"


@pytest.mark.parametrize(
    ("reason", "error", "words"),
    [
        ("cannotDownloadAbusiveFile", AccessDenied, "malware"),
        ("downloadQuotaExceeded", AccessDenied, "too often"),
        ("fileNotDownloadable", NoContent, "export"),
        ("insufficientFilePermissions", AccessDenied, "Share"),
    ],
)
def test_refusals_of_a_content(place, source, reason, error, words):
    """Each says what to do."""
    listed = entry(source, place.store.create("a", content=b"abc"))
    place.plan.add(Fault.REFUSE, operation=place.content_operation, status=403, reason=reason, times=-1)

    with pytest.raises(error, match=words):
        read(source, listed)


def test_a_file_in_the_trash_is_stale(place, source):
    """And so is one whose folder is there."""
    place.write("folder/a.txt", b"a")
    made = place.write("b.txt", b"b")
    listed = [entry(source, place.id_of("folder/a.txt")), entry(source, made)]
    place.trash("folder")
    place.trash("b.txt")

    for each in listed:
        with pytest.raises(StaleSource, match="trash"):
            read(source, each)


def test_a_part_is_confirmed_after_it_was_read(place, source):
    """No hash proves it."""
    made = place.write("a.bin", b"0123456789")
    stream = source.open(entry(source, made), offset=2, length=4)
    place.overwrite("a.bin", b"abcdefghij")

    with pytest.raises(StaleSource):
        b"".join(stream)
    stream.close()
