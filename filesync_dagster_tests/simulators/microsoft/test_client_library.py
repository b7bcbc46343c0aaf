"""The client library for Graph and SharePoint, as its users use it, against the simulator."""

import io

import httpx
import pytest
from office365.runtime.client_request_exception import ClientRequestException

from filesync_dagster.simulators.kit.faults import Fault

SITE = "https://contoso.sharepoint.com/sites/engineering"


def test_from_a_site_to_its_files(library, store, root):
    """The site by its address, its libraries, and what lies in one."""
    store.create("a.txt", root, content=b"content")
    store.create("folder", root, kind="folder")
    site = library.sites.get_by_url(SITE).execute_query()
    drives = site.drives.get().execute_query()
    assert [drive.name for drive in drives] == ["Documents"]
    children = drives[0].root.children.get().execute_query()
    assert {(child.name, child.is_file) for child in children} == {("a.txt", True), ("folder", False)}


def test_the_one_drive_of_a_user(library, store):
    """By the user's address."""
    store.create("mine.txt", store.drives[store.one_drive_id].root.id)
    drive = library.users["ada@contoso.com"].drive.get().execute_query()
    assert drive.drive_type == "business"
    assert [item.name for item in drive.root.children.get().execute_query()] == ["mine.txt"]


def test_all_pages_of_a_folder(library, store, root):
    """The library follows the links."""
    for number in range(7):
        store.create(f"{number}.txt", root)
    children = library.drives[store.library_id].root.children.get_all(page_size=3).execute_query()
    assert len({child.name for child in children}) == 7


def test_a_delta_and_what_changed_since(library, store, root, get):
    """Everything at first; then what changed, and what is gone. The library itself forgets the link."""
    kept, gone = store.create("kept.txt", root), store.create("gone.txt", root)
    top = library.drives[store.library_id].root
    delta = top.delta.get().execute_query()
    assert {item.name for item in delta} == {"root", "kept.txt", "gone.txt"}
    link = httpx.URL(get(f"drives/{store.library_id}/root/delta").json()["@odata.deltaLink"])
    store.rename(kept, "renamed.txt")
    store.delete(gone)
    changes = top.delta.token(link.params["token"]).get().execute_query()
    assert {(item.id, bool(item.deleted)) for item in changes} == {(kept, False), (gone, True), (root, False)}
    assert len(library.drives[store.library_id].root.delta.token("latest").get().execute_query()) == 0


def test_a_file_up_and_down(library, store):
    """A content that is sent comes back; a folder is made, a file renamed, moved and deleted."""
    root = library.drives[store.library_id].root
    item = root.upload("a.txt", b"content").execute_query()
    assert item.get_content().execute_query().value == b"content"
    buffer = io.BytesIO()
    item.download(buffer).execute_query()
    assert buffer.getvalue() == b"content"
    folder = root.create_folder("folder").execute_query()
    item.move("b.txt", folder).execute_query()
    assert store.listing() == {"folder/b.txt": 7}
    library.drives[store.library_id].items[item.id].delete_object().execute_query()
    assert store.listing() == {}


def test_an_item_by_its_path(library, store, root):
    """In whatever case; one that is not there is refused as Graph does."""
    store.create("a b.txt", store.create("Folder", root, kind="folder"), content=b"x")
    top = library.drives[store.library_id].root
    assert top.get_by_path("folder/A b.txt").get().execute_query().size == 1
    with pytest.raises(ClientRequestException, match="itemNotFound"):
        top.get_by_path("folder/missing").get().execute_query()


def test_who_may_see_an_item(library, store, root):
    """Those of the library, and with whom it is shared."""
    item = store.create("a.txt", root)
    store.share(item, "bob@contoso.com", "writer")
    found = library.drives[store.library_id].items[item].permissions.get().execute_query()
    assert [list(permission.roles) for permission in found] == [["write"], ["write"]]


def test_a_throttle_is_understood(library, simulator, store):
    """429 with Retry-After, in Graph's words."""
    simulator.plan.add(Fault.THROTTLE, seconds=7)
    with pytest.raises(ClientRequestException) as refused:
        library.drives[store.library_id].get().execute_query()
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    assert refused.value.code == "activityLimitReached"
