"""What is special about the listing of drives of Microsoft Graph."""

from contextlib import suppress

import httpx
import pytest

from filesync_dagster.core.errors import NotFound
from filesync_dagster.core.model import Kind
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.microsoft.refusals import RESYNC_CODES
from filesync_dagster.testing.rows import files, populate, rows
from filesync_dagster_tests.connectors.microsoft.recorded import altered


def paths(place, source):
    """Return the paths of what a listing finds."""
    return {row["path"] for row in rows(place, source)}


def test_children_come_before_their_folder(mine, opened):
    """In pages of one item each."""
    populate(mine, {"old/a.txt": b"a", "b.txt": b"b"})
    mine.rename("old", "new/old")
    assert paths(mine, opened(mine, page_size=1)) == {"b.txt", "new", "new/old", "new/old/a.txt"}


def test_an_item_that_comes_twice_is_as_it_comes_last(mine, opened):
    """Within a page too; and one that is deleted while it is listed is not there."""
    populate(mine, {"a.txt": b"a", "b.txt": b"b", "c.txt": b"c"})
    gone = {"id": mine.id_of("b.txt"), "deleted": {"state": "deleted"}}

    def alter(request, answer):
        if request.url.path.endswith("/delta"):
            [first] = [entry for entry in answer["value"] if entry.get("name") == "a.txt"]
            answer["value"] += [{**first, "name": "renamed.txt"}, gone]

    assert paths(mine, opened(mine, alter=alter)) == {"renamed.txt", "c.txt"}


def test_empty_pages_lead_on(mine, opened):
    """Whatever Graph left out of them."""
    populate(mine, {f"{number}.txt": b"" for number in range(5)})
    mine.plan.add(Fault.EMPTY_PAGE, "items.delta", times=3)
    assert len(files(mine, opened(mine, page_size=2))) == 5


@pytest.mark.parametrize("code", [*RESYNC_CODES, "resyncRequired"])
def test_a_link_that_is_too_old_begins_again(mine, opened, code):
    """In the middle of a listing, whatever the code."""
    populate(mine, {f"{number}.txt": b"" for number in range(9)})
    mine.plan.add(Fault.EXPIRE_PAGE, "items.delta", after=1, reason=code)
    assert len(files(mine, opened(mine, page_size=2))) == 9
    assert not mine.plan.expects(Fault.EXPIRE_PAGE)


def test_a_notebook_is_one_row(mine, opened):
    """The files that it is made of are none, though Graph tells of them."""
    notebook = mine.store.create("Notes", mine.parent, kind="package")
    section = mine.store.create("Section", notebook, kind="folder")
    mine.store.create("page.one", section, content=b"x")
    [row] = rows(mine, opened(mine))
    assert (row["path"], row["kind"]) == ("Notes", Kind.DOCUMENT)
    assert '"package":"oneNote"' in row["metadata"]


def test_a_shortcut_is_one_row(folder, opened):
    """With its target; what is behind it is listed where it is."""
    target = folder.store.create("Shared", folder.store.drives[folder.store.library_id].root.id, kind="folder")
    folder.store.create("inside.txt", target)
    folder.store.create("link", folder.parent, kind="shortcut", target=target)
    [row] = rows(folder, opened(folder))
    assert (row["path"], row["kind"]) == ("link", Kind.SHORTCUT)
    assert target in row["metadata"]


@pytest.mark.parametrize(
    ("hashes", "expected", "kept"),
    [
        ({"sha1Hash": "AB", "quickXorHash": "q="}, "sha1:ab", '"quickxor":"q="'),
        ({"sha256Hash": "CD", "sha1Hash": "AB"}, "sha256:cd", '"sha1":"ab"'),
        ({"quickXorHash": "aCg="}, "quickxor:aCg=", ""),
        ({}, None, ""),
    ],
)
def test_hashes_are_as_graph_gives_them(mine, opened, hashes, expected, kept):
    """The best is the content's; the others are kept."""
    mine.write("a.txt", b"a")
    source = opened(mine, alter=altered("a.txt", lambda entry: entry["file"].update(hashes=hashes)))
    [row] = rows(mine, source)
    assert row["content_hash"] == expected
    assert kept in (row["metadata"] or "")


def test_links_do_not_depend_on_folders(mine, opened):
    """Nobody is told of what lies in a folder that is renamed."""
    populate(mine, {"folder/a.pdf": b"a", "folder/b.docx": b"b"})
    before = {row["name"]: row["link"] for row in files(mine, opened(mine)).values()}
    mine.rename("folder", "renamed")
    assert {row["name"]: row["link"] for row in files(mine, opened(mine)).values()} == before
    assert "UniqueId=" in before["a.pdf"]
    assert "Doc.aspx" in before["b.docx"]


def test_who_may_see_a_file_is_no_version_of_it(mine, opened):
    """Sharing counts in the eTag, not in the cTag."""
    mine.write("a.txt", b"a")
    before = files(mine, opened(mine))["a.txt"]
    mine.store.share(mine.id_of("a.txt"), "bob@contoso.com")
    assert files(mine, opened(mine))["a.txt"] == before


def test_libraries_are_folders_at_the_top(site, opened):
    """With their names, each with what is in it."""
    site.write("a.txt", b"a")
    site.add_scope()
    source = opened(site)
    found = [row for scope in source.scopes() for page in source.list(scope) for row in page.batch.to_pylist()]
    names = {row["external_id"]: row["name"] for row in found}
    assert {(names.get(row["parent_id"]), row["name"]) for row in found} == {
        (None, "A Plans"), (None, "Documents"), ("A Plans", "a.txt"), ("Documents", "theirs.pdf"),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Documents", "documents", "Shared Documents"])
def test_a_library_by_its_name(library, opened, name):
    """As people see it, or as its address has it."""
    library.write("a.txt", b"a")
    assert paths(library, opened(library, drive=name)) == {"a.txt"}


def test_a_library_that_is_not_there(library, opened):
    """The error names those that are."""
    with pytest.raises(NotFound, match="has the libraries Documents, Drawings"):
        opened(library, drive="Nothing").check()


@pytest.mark.parametrize(
    ("details", "asked"),
    [
        ({"site_url": "https://contoso.sharepoint.com/sites/Engineering/"}, "Engineering:/drives"),
        ({"site_id": "contoso.sharepoint.com,a,b"}, "contoso.sharepoint.com,a,b/drives"),
        ({"site_url": "https://contoso.sharepoint.com"}, "contoso.sharepoint.com/drives"),
    ],
)
def test_how_a_site_is_asked_for(library, opened, details, asked):
    """By its address or its id, in one request."""
    source = opened(library, without={"site_url"}, **details)
    with suppress(NotFound):
        source.cursor()
    assert library.wire.paths[0].endswith(asked)


def test_a_folder_that_is_refused_is_a_gap(folder, opened):
    """With its path; the rest is listed."""
    populate(folder, {"bad/x.txt": b"x", "good/a.txt": b"a"})
    folder.plan.add(Fault.REFUSE, "items.children", part=folder.id_of("bad"), status=403, times=-1)
    source = opened(folder)
    found = list(source.list(source.scopes()[0]))
    assert {name for page in found for name in page.batch["name"].to_pylist()} == {"bad", "good", "a.txt"}
    assert [gap.path for page in found for gap in page.gaps] == ["bad"]


def test_a_locked_library_is_no_empty_one(site, opened):
    """It raises, and the others are listed."""
    other = site.add_scope()
    site.store.lock_drive(other)
    source = opened(site)
    with pytest.raises(Exception, match="resourceLocked"):
        list(source.list(f"drive:{other}"))
    assert list(source.list(f"drive:{site.drive}"))
    report = source.check()
    assert [problem for problem in report.problems if problem.startswith("Documents: ")]


def test_a_link_to_another_host_is_asked_here(mine, opened):
    """No token goes elsewhere, and a proxy is not passed by."""
    populate(mine, {f"{number}.txt": b"" for number in range(5)})

    def alter(request, answer):
        if "@odata.nextLink" in answer:
            answer["@odata.nextLink"] = httpx.URL(answer["@odata.nextLink"]).copy_with(host="evil.example").__str__()

    assert len(files(mine, opened(mine, alter=alter, page_size=2))) == 5
    assert {request.url.host for request in mine.wire.requests} == {httpx.URL(mine.base_url).host}


def test_an_item_without_a_folder_is_a_gap(mine, opened):
    """It cannot be placed, and so nothing of its drive counts as gone."""
    populate(mine, {"a.txt": b"a", "b.txt": b"b"})
    source = opened(mine, alter=altered("a.txt", lambda entry: entry.pop("parentReference")))
    found = list(source.list(source.scopes()[0]))
    assert [name for page in found for name in page.batch["name"].to_pylist()] == ["b.txt"]
    assert "without a folder" in next(gap.reason for page in found for gap in page.gaps)
