import threading

import httpx
import orjson
import pytest

from filesync_dagster.simulators.autodesk.entries import VersionKind
from filesync_dagster_tests.connectors.autodesk.site import Altered, gaps, listed, paths, rows, sizes


@pytest.mark.parametrize("workers", [1, 4])
def test_a_project_is_listed_as_people_see_it(site, workers):
    """Every file is there with its path and size, whether folders are read one after another or several at once."""
    site.fill(40)

    found = listed(site.open(list_workers=workers))

    assert sizes(found) == site.store.listing(site.project)
    assert gaps(found) == []


def test_what_is_known_of_a_file(site):
    """The name and the times are those of the last version, the rest is told as Autodesk has it."""
    item = site.store.upload(site.top, "first.pdf", 10)
    site.store.new_version(item, 20, "second.pdf")
    site.store.reserve(item)

    row = paths(listed(site.open()))["Project Files/second.pdf"]

    assert (row["external_id"], row["parent_id"], row["kind"], row["size"]) == (item, site.top, "file", 20)
    assert (row["version"], row["mime_type"], row["content_hash"]) == ("2", "application/pdf", None)
    assert row["modified_at"] > row["created_at"]
    assert row["link"].startswith("https://")
    known = orjson.loads(row["metadata"])
    assert known["file_type"] == "pdf"
    assert known["extension_type"] == "items:autodesk.bim360:File"
    assert known["tip_version_id"].endswith("version=2")
    assert (known["reserved"], bool(known["reserved_by"]), bool(row["owner"])) == (True, True, True)


def test_a_cloud_model_has_no_size(site):
    """A model that lives in the cloud is a document without a size, not an empty file."""
    site.store.upload(site.top, "model.rvt", kind=VersionKind.CLOUD_MODEL)

    row = paths(listed(site.open()))["Project Files/model.rvt"]

    assert (row["kind"], row["size"]) == ("document", None)


def test_the_display_name_is_not_the_name(site):
    """Autodesk reserves displayName: after a rename it still is the old one."""
    item = site.store.upload(site.top, "old.pdf", 1)
    site.store.rename(item, "new.pdf")
    folder = site.store.folder(site.top, "old")
    site.store.rename(folder, "new")

    assert set(paths(listed(site.open()))) == {"Project Files", "Project Files/new.pdf", "Project Files/new"}


def test_what_is_deleted_is_not_listed(site):
    """Deleted files and folders are hidden, top folders too, and so is all that lies in them."""
    site.fill(3)
    site.store.hide(site.store.upload(site.top, "gone.pdf", 1))
    site.store.hide(site.folder("1"))
    site.store.hide(site.store.folder(site.project, "Old top"))

    found = listed(site.open())

    assert sizes(found) == site.store.listing(site.project)
    assert not [path for path in paths(found) if "gone" in path or "Old" in path or path.startswith("Project Files/1")]


def test_pages_of_200_are_followed_to_the_end(site):
    """A folder of 450 files takes three requests of 200, each where the last one said."""
    for number in range(450):
        site.store.upload(site.top, f"{number}.pdf", number)

    found, calls = site.called(lambda: listed(site.open(page_size=200)))

    assert len(sizes(found)) == 450
    assert calls["getFolderContents"] == 3


def test_only_the_next_link_is_followed(site):
    """Where the next page is, Autodesk says: an address that cannot be guessed works just as well."""
    for number in range(25):
        site.store.upload(site.top, f"{number}.pdf", number)

    def renamed(document, request):
        link = document["links"].get("next")
        if link:
            link["href"] = (
                link["href"].split("?")[0].replace(site.address, "") + "?page%5Bnumber%5D=1&page%5Blimit%5D=24"
            )

    wire = Altered(site.simulator, renamed)
    found = listed(site.open(wire=wire, page_size=24))

    assert len(sizes(found)) == 25
    assert [request.url.params["page[limit]"] for request in wire.requests if "contents" in request.url.path] == [
        "24",
        "24",
    ]


def test_excluded_folders_are_not_entered(site):
    """A folder that the filters exclude is a row, and costs no request."""
    site.fill(20)
    asked = []

    def prune(path):
        asked.append(path)
        return path == "Project Files/1"

    found, calls = site.called(lambda: listed(site.open(prune=prune)))

    assert "Project Files/1" in paths(found)
    assert not [path for path in paths(found) if path.startswith("Project Files/1/")]
    assert "Project Files/2/002" in asked
    assert calls["getFolderContents"] == 1 + 4 + 16


def test_a_listing_that_is_given_up_stops_asking(site):
    """Closing the iterator ends the calls and the threads."""
    site.fill(60)
    source = site.open(list_workers=8)
    [scope] = source.scopes()
    threads = threading.active_count()

    pages = source.list(scope)
    for _ in range(5):
        next(pages)
    pages.close()
    made = site.calls["getFolderContents"]

    assert made <= 5 + 2 * 8
    assert threading.active_count() <= threads
    assert site.calls["getFolderContents"] == made


@pytest.mark.slow
def test_a_resumed_listing_goes_on_where_it_stopped(site):
    """From each checkpoint on exactly the missing rows come, at the price of the folders above them."""
    site.fill(25)
    source = site.open(list_workers=3)
    [scope] = source.scopes()
    whole, cost = site.called(lambda: list(source.list(scope)))

    for done in range(1, len(whole) + 1):
        again = site.open(list_workers=3)
        rest, calls = site.called(lambda at=whole[done - 1].checkpoint, source=again: list(source.list(scope, at)))
        ids = [row for page in rest for row in page.batch["external_id"].to_pylist()]
        assert sorted(ids) == sorted(set(rows(whole)) - set(rows(whole[:done])))
        assert calls.get("getFolderContents", 0) <= cost["getFolderContents"] - done + 3 + 3


def test_a_checkpoint_is_small_however_wide_the_tree(site):
    """A folder with a thousand subfolders takes no more of a checkpoint than one with two."""
    for number in range(1_000):
        site.store.folder(site.top, f"{number:04}")
    source = site.open(page_size=200)
    [scope] = source.scopes()

    sizes = [len(page.checkpoint) for page in source.list(scope)]

    assert len(sizes) >= 6
    assert max(sizes) < 1_500


def test_names_that_are_no_text(site):
    """Half a surrogate pair, NUL, slashes: a row for each, told apart."""
    for number in range(3):
        site.store.upload(site.top, f"{number}.pdf", 1)
    names = {"0.pdf": "half \ud83d", "1.pdf": "nul \x00", "2.pdf": "a/b"}

    class Odd(Altered):
        def handle_request(self, request):
            answer = super().handle_request(request)
            body = answer.read()
            for old, new in names.items():
                quoted = new.encode("unicode_escape").decode().replace("\\x00", "\\u0000")
                body = body.replace(f'"{old}"'.encode(), f'"{quoted}"'.encode())
            return httpx.Response(answer.status_code, content=body, request=request)

    found = rows(listed(site.open(wire=Odd(site.simulator, lambda document, request: None))))

    assert {row["name"] for row in found.values()} == {"Project Files", "half \\xed\\xa0\\xbd", "nul \\x00", "a/b"}
