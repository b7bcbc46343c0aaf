"""Dropbox's own client library works against the simulator over HTTP, as it does against Dropbox."""

import pytest
from dropbox.common import PathRoot
from dropbox.content_hash import DropboxContentHasher
from dropbox.exceptions import ApiError, AuthError, BadInputError, PathRootError
from dropbox.files import DeletedMetadata, FileMetadata, FolderMetadata

from filesync_dagster.simulators.kit.faults import Fault


def everything(client, path="", **how):
    """Return the entries of all pages, and the cursor after them."""
    page = client.files_list_folder(path, **how)
    found = [*page.entries]
    while page.has_more:
        page = client.files_list_folder_continue(page.cursor)
        found += page.entries
    return found, page.cursor


def test_it_lists_all_pages(client, store):
    """Each entry comes once; what lies deeper only when it is asked for."""
    folder = store.create("Plans", kind="folder")
    made = {folder, *(store.create(f"{number}.txt", folder) for number in range(25))}
    found, _ = everything(client, recursive=True, limit=10)
    assert len(found) == len(made)
    assert {entry.id for entry in found} == made
    assert [entry.name for entry in everything(client)[0]] == ["Plans"]


def test_a_recursive_list_of_a_folder_begins_with_the_folder(client, store):
    """Its paths are lower case above the last name; the names are as they were given."""
    folder = store.create("Plans", kind="folder")
    store.create("A.pdf", store.create("Old", folder, kind="folder"))
    found, _ = everything(client, "/plans", recursive=True)
    assert [(entry.name, entry.path_display) for entry in found] == [
        ("Plans", "/Plans"), ("Old", "/plans/Old"), ("A.pdf", "/plans/old/A.pdf"),
    ]  # fmt: skip


def test_a_cursor_tells_what_changed(client, store):
    """Deleted folders take along what they held; a file that moved is deleted and is there, with the same id."""
    folder = store.create("plans", kind="folder")
    store.create("inside", folder)
    file = store.create("a", content=b"a")
    cursor = client.files_list_folder_get_latest_cursor("", recursive=True).cursor
    store.delete(folder)
    store.rename(file, "B")
    found = client.files_list_folder_continue(cursor)
    assert [type(entry) for entry in found.entries] == [DeletedMetadata, DeletedMetadata, FileMetadata]
    assert [entry.path_lower for entry in found.entries] == ["/plans", "/a", "/b"]
    assert found.entries[2].id == file
    assert client.files_list_folder_continue(found.cursor).entries == []


def test_what_happens_during_a_listing_is_told_by_its_cursor(client, store):
    """The cursor of the first page covers it."""
    for number in range(4):
        store.create(str(number))
    first = client.files_list_folder("", limit=2)
    gone = store.at("/0").id
    store.delete(gone)
    page = client.files_list_folder_continue(first.cursor)
    while page.has_more:
        page = client.files_list_folder_continue(page.cursor)
    assert [entry.path_lower for entry in client.files_list_folder_continue(page.cursor).entries] == ["/0"]


def test_a_folder_that_moves_is_told_with_all_it_holds(client, store):
    """Folders before what is in them."""
    folder = store.create("a", kind="folder")
    store.create("x", store.create("b", folder, kind="folder"))
    _, cursor = everything(client, recursive=True)
    store.rename(folder, "c")
    told = client.files_list_folder_continue(cursor).entries
    assert [entry.path_lower for entry in told] == ["/a", "/c", "/c/b", "/c/b/x"]


def test_it_gives_contents_with_their_hash(client, store):
    """By path, id or range; the client's own hasher agrees."""
    content = bytes(range(256)) * 20_000  # more than one block of the hash
    made = store.create("a.bin", content=content)
    told, answer = client.files_download("/A.bin")
    hasher = DropboxContentHasher()
    hasher.update(content)
    assert (answer.content, told.content_hash) == (content, hasher.hexdigest())
    assert client.files_get_metadata(made).rev == told.rev


def test_documents_are_exported(client, store):
    """They cannot be downloaded."""
    store.create("Notes.paper", kind="paper")
    told, answer = client.files_export("/Notes.paper", "markdown")
    assert len(answer.content) == told.export_metadata.size
    with pytest.raises(ApiError) as refused:
        client.files_download("/Notes.paper")
    assert refused.value.error.is_unsupported_file()


@pytest.mark.parametrize(("path", "check"), [("/nothing", "is_not_found"), ("/file", "is_not_folder")])
def test_what_is_no_folder_is_refused(client, store, path, check):
    """With the tags of the description."""
    store.create("file")
    with pytest.raises(ApiError) as refused:
        client.files_list_folder(path)
    assert getattr(refused.value.error.get_path(), check)()


def test_a_cursor_is_reset(client, simulator):
    """When the plan says so; and a folder that is gone has no changes."""
    folder = simulator.store.create("plans", kind="folder")
    _, cursor = everything(client, "/plans")
    simulator.plan.add(Fault.LOSE_CURSOR)
    with pytest.raises(ApiError) as refused:
        client.files_list_folder_continue(cursor)
    assert refused.value.error.is_reset()
    simulator.store.rename(folder, "other")
    with pytest.raises(ApiError) as refused:
        client.files_list_folder_continue(cursor)
    assert refused.value.error.get_path().is_not_found()


def test_another_root(client, store):
    """Paths begin at a namespace, whose mounted folders are not entered; a wrong root is told with the right one."""
    team = store.create("Team", kind="folder")
    namespace = store.share_folder(team)
    inner = store.create("Inner", team, kind="folder")
    store.share_folder(inner)
    store.create("deep", inner)
    inside = client.with_path_root(PathRoot.namespace_id(namespace))
    assert [entry.path_lower for entry in everything(inside, recursive=True)[0]] == ["/inner"]
    assert [entry.path_lower for entry in everything(client, recursive=True)[0]] == [
        "/team", "/team/inner", "/team/inner/deep",
    ]  # fmt: skip
    with pytest.raises(PathRootError) as refused:
        client.with_path_root(PathRoot.root("7")).files_list_folder("")
    assert refused.value.error.get_invalid_root().root_namespace_id == store.root_namespace
    with pytest.raises(PathRootError) as refused:
        client.with_path_root(PathRoot.namespace_id("7")).files_list_folder("")
    assert refused.value.error.is_no_permission()


def test_shared_folders_and_their_members(client, store):
    """As the account sees them."""
    team = store.create("Team", kind="folder")
    namespace = store.share_folder(team)
    store.share(team, "bob@example.com", "writer")
    found = client.sharing_list_folders()
    assert [(one.name, one.path_lower, one.shared_folder_id) for one in found.entries] == [("Team", "/team", namespace)]
    members = client.sharing_list_folder_members(namespace)
    assert [(one.user.email, one.access_type._tag) for one in members.users] == [
        (store.account, "owner"), ("bob@example.com", "editor"),
    ]  # fmt: skip
    assert isinstance(client.files_get_metadata("/team"), FolderMetadata)


def test_tokens_expire_and_calls_are_throttled(client, simulator):
    """The client signs in anew, and waits as long as the body says."""
    simulator.plan.add(Fault.EXPIRE_TOKEN)
    assert client.users_get_current_account().email == simulator.store.account
    assert simulator.issuer.minted == 2
    simulator.plan.add(Fault.THROTTLE, seconds=0)
    assert client.users_get_current_account().root_info.root_namespace_id == simulator.store.root_namespace


def test_who_asks_for_a_team(client, simulator):
    """Somebody must be named, and be of the team."""
    simulator.store.members = {"dbmid:ada"}
    with pytest.raises(BadInputError, match="entire Dropbox Business team"):
        client.files_list_folder("")
    ada = client.clone(headers={"Dropbox-API-Select-User": "dbmid:ada"})
    assert ada.files_list_folder("").entries == []
    with pytest.raises(AuthError) as refused:
        client.clone(headers={"Dropbox-API-Select-User": "dbmid:bob"}).files_list_folder("")
    assert refused.value.error.is_invalid_select_user()


def test_an_app_with_a_folder_of_its_own_has_no_other_root(client, store):
    """It refuses the header."""
    store.is_app_folder = True
    with pytest.raises(BadInputError, match="Path-Root"):
        client.with_path_root(PathRoot.namespace_id("1")).files_list_folder("")
