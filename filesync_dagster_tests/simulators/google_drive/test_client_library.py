"""Google's own client library works against the simulator over HTTP, as it does against Google."""

import io

import pytest
from google.auth.exceptions import RefreshError
from google.oauth2 import credentials as oauth
from googleapiclient.discovery import build
from googleapiclient.errors import HttpError
from googleapiclient.http import MediaIoBaseDownload

from filesync_dagster.simulators.google_drive import DriveSimulator
from filesync_dagster.simulators.kit.faults import Fault
from filesync_dagster.simulators.kit.wire import serve_simulator
from filesync_dagster_tests.simulators.google_drive.conftest import Client

FOLDER = "application/vnd.google-apps.folder"
ALL = {"supportsAllDrives": True, "includeItemsFromAllDrives": True}


def everything(api, collection, **query):
    """Return the entries of all pages, as the library pages."""
    found, request = [], collection.list(**query)
    while request is not None:
        page = request.execute()
        found += page[next(name for name in page if name in {"files", "changes", "drives", "permissions"})]
        request = collection.list_next(request, page)
    return found


def test_it_lists_all_pages(api, store):
    """The library's own paging finds each file once."""
    made = [store.create(f"{number}.txt") for number in range(250)]
    found = everything(api, api.files(), pageSize=100, fields="nextPageToken,files(id)")
    assert [file["id"] for file in found] == made


def test_it_creates_moves_trashes_and_deletes(api, store):
    """What a program does through the API is what the store has."""
    folder = api.files().create(body={"name": "plans", "mimeType": FOLDER}).execute()
    other = api.files().create(body={"name": "old", "mimeType": FOLDER}).execute()
    body = {"name": "a.pdf", "mimeType": "application/pdf", "parents": [folder["id"]]}
    file = api.files().create(body=body, fields="id,parents").execute()
    assert file["parents"] == [folder["id"]]
    moved = api.files().update(
        fileId=file["id"], addParents=other["id"], removeParents=folder["id"], body={"name": "b.pdf"}, fields="*"
    )
    assert moved.execute()["parents"] == [other["id"]]
    assert store.path_of(file["id"]) == "old/b.pdf"
    api.files().update(fileId=other["id"], body={"trashed": True}).execute()
    seen = api.files().get(fileId=file["id"], fields="trashed,explicitlyTrashed").execute()
    assert seen == {"trashed": True, "explicitlyTrashed": False}
    api.files().delete(fileId=other["id"]).execute()
    with pytest.raises(HttpError, match="File not found") as gone:
        api.files().get(fileId=file["id"]).execute()
    assert gone.value.status_code == 404


def test_it_follows_the_changes(api, store):
    """The library reads a change log to its end and goes on from there."""
    files = [store.create(f"{number}") for number in range(25)]
    start = api.changes().getStartPageToken().execute()["startPageToken"]
    for file in files:
        store.rename(file, "renamed")
    assert [change["fileId"] for change in everything(api, api.changes(), pageToken=start, pageSize=10)] == files


def test_it_works_in_shared_drives(api, store):
    """A shared drive is created, listed, used, renamed and deleted."""
    drive = api.drives().create(requestId="1", body={"name": "Team"}).execute()
    for number in range(11):
        store.shared_drive(f"{number}")
    assert len(everything(api, api.drives())) == 12
    body = {"name": "x", "parents": [drive["id"]]}
    file = api.files().create(body=body, supportsAllDrives=True, fields="id,driveId").execute()
    assert file["driveId"] == drive["id"]
    listed = everything(api, api.files(), corpora="drive", driveId=drive["id"], **ALL)
    assert [one["id"] for one in listed] == [file["id"]]
    assert api.drives().update(driveId=drive["id"], body={"name": "Crew"}).execute()["name"] == "Crew"
    api.files().delete(fileId=file["id"], supportsAllDrives=True).execute()
    api.drives().delete(driveId=drive["id"]).execute()
    assert drive["id"] not in {one["id"] for one in everything(api, api.drives())}


def test_it_shares(api, store):
    """Permissions are given, listed page by page, changed and taken."""
    folder = store.create("shared", kind="folder")
    file = store.create("a", folder)
    body = {"type": "user", "role": "reader", "emailAddress": "bob@example.com"}
    given = api.permissions().create(fileId=folder, body=body).execute()
    fields = "nextPageToken,permissions(id,emailAddress,role,permissionDetails)"
    listed = everything(api, api.permissions(), fileId=file, pageSize=1, fields=fields)
    assert [(one["emailAddress"], one["role"], one["permissionDetails"][0]["inherited"]) for one in listed] == [
        (store.account, "owner", False),
        ("bob@example.com", "reader", True),
    ]
    changed = api.permissions().update(fileId=folder, permissionId=given["id"], body={"role": "writer"}).execute()
    assert changed["role"] == "writer"
    api.permissions().delete(fileId=folder, permissionId=given["id"]).execute()
    assert len(everything(api, api.permissions(), fileId=file)) == 1


def test_it_knows_who_asks(api, store):
    """about.get tells the account, and insists on fields."""
    assert api.about().get(fields="user(emailAddress,me)").execute() == {
        "user": {"emailAddress": store.account, "me": True}
    }
    with pytest.raises(HttpError, match="The 'fields' parameter is required for this method"):
        api.about().get().execute()


def test_it_mints_another_token_when_one_expires(api, simulator, store):
    """google-auth notices a 401 and gets itself another token."""
    store.create("a")
    api.files().list().execute()
    simulator.plan.add(Fault.EXPIRE_TOKEN, "files.list")
    assert len(api.files().list().execute()["files"]) == 1


@pytest.mark.parametrize("fault", [{"fault": Fault.THROTTLE}, {"fault": Fault.SERVER_ERROR, "status": 503}])
def test_it_retries_what_can_be_retried(api, simulator, store, fault):
    """The library takes a throttle and a 503 of the simulator for what they are: something to try again."""
    store.create("a")
    simulator.plan.add(operation="files.list", times=1, **fault)
    request = api.files().list()
    request._rand = lambda: 0  # it need not wait
    assert len(request.execute(num_retries=1)["files"]) == 1


def test_a_person_may_sign_in(simulator, store):
    """A refresh token is as good as a service account."""
    store.create("a")
    with serve_simulator(simulator) as base:
        known = simulator.user_credentials(base)
        person = oauth.Credentials(
            None,
            refresh_token=known["refresh_token"],
            token_uri=known["token_uri"],
            client_id=known["client_id"],
            client_secret=known["client_secret"],
        )
        options = {"api_endpoint": f"{base}/drive/v3/"}
        with build("drive", "v3", credentials=person, client_options=options) as api:
            assert len(api.files().list().execute()["files"]) == 1


def test_a_revoked_key_is_refused(api, simulator):
    """google-auth tells that a key is no longer good."""
    simulator.plan.add(Fault.DENY, "token", times=-1)
    with pytest.raises(RefreshError, match="expired or revoked"):
        api.files().list().execute()


def test_it_downloads_contents_in_pieces(api, store):
    """The library's own download asks for ranges, and ends with the content."""
    content = bytes(range(256)) * 5_000
    made = [store.create("a.bin", content=content), store.create("empty.bin", content=b"")]
    for file_id, wanted in zip(made, (content, b""), strict=True):
        came = io.BytesIO()
        download = MediaIoBaseDownload(came, api.files().get_media(fileId=file_id), chunksize=500_000)
        done = False
        while not done:
            _, done = download.next_chunk()
        assert came.getvalue() == wanted


def test_it_exports(api, store):
    """A document has no bytes, and comes as what it is exported to."""
    made = store.create("Plan", kind="document")
    with pytest.raises(HttpError, match="Only files with binary content"):
        api.files().get_media(fileId=made).execute()
    assert api.files().export(fileId=made, mimeType="application/pdf").execute()
    with pytest.raises(HttpError, match="conversion is not supported"):
        api.files().export(fileId=made, mimeType="text/csv").execute()
    with pytest.raises(HttpError, match="Export only supports Docs Editors files"):
        api.files().export(fileId=store.create("a", content=b"a"), mimeType="application/pdf").execute()


def test_what_its_owner_lets_nobody_download(api, store):
    """It says so in its capabilities, too."""
    made = store.create("a", content=b"a")
    store.undownloadable.add(made)
    with pytest.raises(HttpError, match="cannot be downloaded") as refused:
        api.files().get_media(fileId=made).execute()
    assert refused.value.status_code == 403
    assert api.files().get(fileId=made, fields="capabilities").execute()["capabilities"]["canDownload"] is False


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [("bytes=2-4", 206, b"234"), ("bytes=7-", 206, b"789"), ("bytes=-2", 206, b"89"), ("bytes=8-99", 206, b"89"),
     ("nonsense", 200, b"0123456789"), ("bytes=10-", 416, None)],
)  # fmt: skip
def test_ranges(asked, status, part):
    """As RFC 9110 has them."""
    simulator = DriveSimulator()
    made = simulator.store.create("a", content=b"0123456789")
    client = Client(simulator)
    answer = client.http.get(
        f"/drive/v3/files/{made}", params={"alt": "media"}, headers={**client.authorization, "range": asked}
    )
    assert answer.status_code == status
    assert part is None or answer.content == part
