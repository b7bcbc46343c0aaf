"""What is special about reading files of Microsoft Graph."""

import hashlib

import pytest

from filesync_dagster.core.content import FileEntry
from filesync_dagster.core.errors import AccessDenied, ContentMismatch, NoContent, StaleSource
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.microsoft.operations import DOWNLOAD
from filesync_dagster.testing.content_suite import entries, read
from filesync_dagster_tests.connectors.microsoft.recorded import altered


def test_no_token_goes_to_another_host(mine, opened):
    """The address of a content is good for whoever has it."""
    mine.write("a.txt", b"content")
    source = opened(mine)
    assert read(source, entries(mine, source)["a.txt"]) == b"content"
    [download] = [request for request in mine.wire.requests if "download.aspx" in request.url.path]
    assert download.url.host == "contoso-my.sharepoint.com"
    assert "authorization" not in download.headers


def test_an_item_without_an_address(mine, opened):
    """Graph leads to the content when it is asked for it; the token stays with Graph."""
    mine.write("a.txt", b"content")
    source = opened(mine, alter=altered("a.txt", lambda entry: entry.pop("@microsoft.graph.downloadUrl", None)))
    assert read(source, entries(mine, source)["a.txt"]) == b"content"
    assert [request.url.path.rpartition("/")[2] for request in mine.wire.requests].count("content") == 1


def test_an_address_that_has_expired(mine, opened):
    """Another one is asked for, a few times."""
    mine.write("a.txt", b"content")
    source = opened(mine)
    entry = entries(mine, source)["a.txt"]
    mine.plan.add(Fault.EXPIRE_TOKEN, DOWNLOAD)
    assert read(source, entry) == b"content"
    mine.plan.add(Fault.EXPIRE_TOKEN, DOWNLOAD, times=-1)
    with pytest.raises(AccessDenied):
        read(source, entry)


def test_a_change_of_who_may_see_it_is_no_other_version(mine, opened):
    """The eTag counts it, the cTag does not."""
    mine.write("a.txt", b"content")
    source = opened(mine)
    entry = entries(mine, source)["a.txt"]
    mine.store.share(mine.id_of("a.txt"), "bob@contoso.com")
    assert read(source, entry) == b"content"
    mine.overwrite("a.txt", b"another")
    with pytest.raises(StaleSource):
        read(source, entry)


@pytest.mark.parametrize(("name", "fits"), [("a.docx", True), ("a.txt", False)])
def test_sharepoint_writes_into_documents(library, opened, name, fits):
    """What comes of an Office file may have another size than is told; of others it is an error."""
    library.write(name, b"content")
    source = opened(library, alter=altered(name, lambda entry: entry.update(size=5)))
    entry = entries(library, source)[name]
    if fits:
        assert read(source, entry) == b"content"
        assert read(source, entry, offset=2, length=3) == b"nte"
    else:
        with pytest.raises(ContentMismatch):
            read(source, entry)


def test_a_hash_that_python_has_proves_the_content(mine, opened):
    """OneDrive of some tenants tells SHA-256."""
    mine.write("a.txt", b"content")
    digest = hashlib.sha256(b"content").hexdigest().upper()
    for told, right in ((digest, True), ("0" * 64, False)):
        source = opened(
            mine, alter=altered("a.txt", lambda entry, told=told: entry["file"].update(hashes={"sha256Hash": told}))
        )
        entry = entries(mine, source)["a.txt"]
        if right:
            assert read(source, entry) == b"content"
        else:
            with pytest.raises(ContentMismatch):
                read(source, entry)


def test_documents_are_not_proved_by_a_hash(library, opened):
    """That is of what was sent to SharePoint; its version is what counts."""
    library.write("a.docx", b"content")
    wrong = {"quickXorHash": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}
    source = opened(library, alter=altered("a.docx", lambda entry: entry["file"].update(hashes=wrong)))
    assert read(source, entries(library, source)["a.docx"]) == b"content"


def test_a_notebook_has_no_content(mine, opened):
    """Not in another format either."""
    source = opened(mine)
    with pytest.raises(NoContent, match="is a notebook"):
        source.open(FileEntry("1", "Notes", kind="document", scope=source.scopes()[0]), export="pdf")


def test_a_drive_that_went_away(site, opened):
    """Its files are stale."""
    site.write("a.txt", b"content")
    source = opened(site)
    [entry] = entries(site, source).values()
    site.store.remove_library(site.drive)
    with pytest.raises(StaleSource):
        read(opened(site), entry)
