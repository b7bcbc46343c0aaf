"""Box's own SDK works against the simulator over HTTP, as it does against Box."""

import io

import pytest

pytest.importorskip("box_sdk_gen")

from box_sdk_gen import (
    BoxAPIError,
    BoxCCGAuth,
    BoxClient,
    BoxJWTAuth,
    CCGConfig,
    CreateCollaborationAccessibleBy,
    CreateCollaborationItem,
    CreateFolderParent,
    GetEventsStreamType,
    JWTConfig,
    NetworkSession,
    UpdateFileByIdParent,
    UploadFileAttributes,
    UploadFileAttributesParentField,
)
from box_sdk_gen.networking.base_urls import BaseUrls

from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.simulators.box.conftest import number

STREAMING = GetEventsStreamType.ADMIN_LOGS_STREAMING
ONE_BY_ONE = 2


@pytest.fixture
def served(box):
    """Yield the address of the simulator over HTTP."""
    with serve_simulator(box) as address:
        yield address


@pytest.fixture
def api(box, served):
    """Return Box's client with client credentials of the enterprise."""
    config = CCGConfig(box.client_id, box.client_secret, enterprise_id=box.application.enterprise_id)
    return BoxClient(auth=BoxCCGAuth(config=config), network_session=session(served))


def session(address):
    """Return where Box's client finds Box."""
    return NetworkSession(base_urls=BaseUrls(base_url=address, upload_url=address, oauth_2_url=address))


def everything(ask):
    """Return the entries of all pages, by their markers."""
    found, marker = [], None
    while True:
        page = ask(marker)
        found += page.entries
        marker = page.next_marker
        if not marker:
            return found


def events_of(api, stream, position):
    """Return the events after a position, to the last one, and where they go on."""
    found = []
    while True:
        page = api.events.get_events(stream_type=stream, stream_position=str(position), limit=ONE_BY_ONE)
        if not page.entries:
            return found, page.next_stream_position
        found += page.entries
        position = page.next_stream_position


def test_it_lists_all_pages(api, box):
    """Markers lead to each item once, those of folders that others shared at the top."""
    made = {box.store.create(f"{one}.txt", box.ids["folder"]) for one in range(25)}

    inside = everything(
        lambda marker: api.folders.get_folder_items(number(box.ids["folder"]), usemarker=True, marker=marker, limit=10)
    )
    top = everything(lambda marker: api.folders.get_folder_items("0", usemarker=True, marker=marker))

    assert {f"{one.type.value}_{one.id}" for one in inside} > made | {box.ids["file"]}
    assert len(inside) == len(made) + 2
    assert {one.name for one in top} == {"plans", "bobs"}


def test_it_creates_moves_trashes_and_restores(api, box):
    """What a program does through the API is what the store has."""
    folder = api.folders.create_folder("old", CreateFolderParent(id="0"))
    attributes = UploadFileAttributes(name="b.bin", parent=UploadFileAttributesParentField(id=folder.id))
    [file] = api.uploads.upload_file(attributes, io.BytesIO(b"first")).entries
    api.files.update_file_by_id(file.id, name="c.bin", parent=UpdateFileByIdParent(id=number(box.ids["folder"])))

    assert box.store.path_of(f"file_{file.id}") == "plans/c.bin"
    assert api.downloads.download_file(file.id).read() == b"first"
    api.files.delete_file_by_id(file.id)
    with pytest.raises(BoxAPIError) as gone:
        api.files.get_file_by_id(file.id)
    assert (gone.value.response_info.status_code, gone.value.response_info.code) == (404, "trashed")
    assert [one.id for one in everything(lambda marker: api.trashed_items.get_trashed_items(usemarker=True))] == [
        file.id
    ]
    assert api.trashed_files.restore_file_from_trash(file.id).name == "c.bin"
    api.folders.delete_folder_by_id(folder.id)
    assert api.trashed_folders.get_trashed_folder_by_id(folder.id).item_status == "trashed"


def test_it_follows_both_streams(api, box):
    """The library reads a stream to its end, and goes on from there: the enterprise's position is a number."""
    told, position = events_of(api, STREAMING, "0")
    box.store.rename(box.ids["file"], "renamed.pdf")
    later, _ = events_of(api, STREAMING, position)
    [own] = events_of(api, GetEventsStreamType.CHANGES, "0")[0][-1:]

    assert isinstance(position, int)
    assert [event.event_type.value for event in told[:2]] == ["UPLOAD", "UPLOAD"]
    assert [(event.event_type.value, event.source.item_id) for event in later] == [("RENAME", number(box.ids["file"]))]
    assert (own.event_type.value, own.source.name) == ("ITEM_RENAME", "renamed.pdf")


def test_it_shares(api, box):
    """A collaboration that a program makes is one that it reads, with those from folders above."""
    bob = CreateCollaborationAccessibleBy("user", login="zoe@example.com")
    item = CreateCollaborationItem(type="file", id=number(box.ids["file"]))

    api.user_collaborations.create_collaboration(item, bob, "viewer")

    found = api.list_collaborations.get_file_collaborations(number(box.ids["file"])).entries
    assert {(one.accessible_by.login, one.role.value) for one in found} == {
        ("bob@example.com", "editor"),
        ("zoe@example.com", "viewer"),
    }


def test_an_assertion_is_traded_for_a_token(box, served):
    """The library signs with the encrypted key of the JSON that Box hands out."""
    auth = BoxJWTAuth(config=JWTConfig.from_config_json_string(box.application.config()))

    with_key = BoxClient(auth=auth, network_session=session(served))

    assert with_key.users.get_user_me().login == box.store.account


def test_it_waits_when_it_is_throttled(api, box):
    """429 with Retry-After is what the library waits for by itself."""
    box.plan.add(Fault.THROTTLE, "list_folder", seconds=0)

    assert api.folders.get_folder_items("0").total_count == 2
    assert box.counts["list_folder"] == 2
