"""Contents, where the contract suite does not look."""

import pytest

from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.digests import DropboxDigest
from filesync_dagster.core.errors import NoContent, StaleSource
from filesync_dagster.simulators.dropbox.store import content_hash
from filesync_dagster.testing.rows import files


@pytest.fixture
def paper(place, opened):
    """Return a source, and a Paper document in it."""
    place.store.create("Notes.paper", kind="paper", content=b"abc")
    source = opened(place)
    [row] = files(place, source).values()
    return source, FileEntry.from_row(row)


def test_a_document_is_exported(paper):
    """To one of the formats that it names, and by the names that people use."""
    source, entry = paper
    contents = {}
    for export in ("html", "md", "txt"):
        with source.open(entry, export=export) as stream:
            contents[export] = b"".join(stream)
            assert stream.proved
    assert len(set(contents.values())) == 3
    with pytest.raises(NoContent) as refused:
        source.open(entry, export="pdf")
    assert "html, markdown, plain_text" in refused.value.hint
    with pytest.raises(NoContent):
        source.open(entry, export="html", offset=1)


def test_a_document_that_changed_is_stale(place, paper):
    """Its revision is told with the export."""
    source, entry = paper
    place.store.edit(entry.external_id, b"other")
    with pytest.raises(StaleSource):
        source.open(entry, export="html")


@pytest.mark.parametrize("size", [0, 1, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, (8 << 20) + 5])
def test_the_hash_of_a_content(size):
    """It is that of its blocks of 4 MiB, however it comes."""
    content = bytes(size)
    digest = DropboxDigest()
    for start in range(0, size, 1_000_003):
        digest.update(content[start : start + 1_000_003])
    assert digest.hexdigest() == content_hash(content)
