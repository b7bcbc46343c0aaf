"""files.list: what is found, in which pages, with which fields."""

import pytest

from filesync_dagster_tests.simulators.google_drive.conftest import EVERYWHERE

FOLDER = "application/vnd.google-apps.folder"


@pytest.fixture
def tree(store):
    """Return the ids of a small tree: two folders, files, a document, a shortcut."""
    plans = store.create("Plans", kind="folder")
    old = store.create("old plans", plans, kind="folder")
    return {
        "Plans": plans,
        "old plans": old,
        "site.pdf": store.create("site.pdf", plans, content=b"site"),
        "roof.dwg": store.create("roof.dwg", old, content=b"roof"),
        "Notes": store.create("Notes", kind="document"),
        "to roof": store.create("to roof", kind="shortcut", target=store.create("it's here.txt")),
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("'root' in parents", ["Plans", "Notes", "it's here.txt", "to roof"]),
        ("'{Plans}' in parents", ["old plans", "site.pdf"]),
        ("'{Plans}' in parents and mimeType != 'application/vnd.google-apps.folder'", ["site.pdf"]),
        ("mimeType = 'application/vnd.google-apps.folder'", ["Plans", "old plans"]),
        ("mimeType contains 'application/vnd.google-apps'", ["Plans", "old plans", "Notes", "to roof"]),
        ("name = 'site.pdf'", ["site.pdf"]),
        ("name != 'site.pdf' and name contains 'site'", []),
        ("name contains 'plan'", ["Plans", "old plans"]),
        ("name contains 'lans'", []),
        (r"name = 'it\'s here.txt'", ["it's here.txt"]),
        ("trashed = true", []),
        ("trashed=false and not name contains 'pl'", ["site.pdf", "roof.dwg", "Notes", "it's here.txt", "to roof"]),
        ("(name = 'Notes' or name = 'roof.dwg') and trashed = false", ["roof.dwg", "Notes"]),
        ("name = 'Notes' or name = 'roof.dwg' and trashed = true", ["Notes"]),
        ("'me' in owners and name contains 'roof'", ["roof.dwg", "to roof"]),
        ("'bob@example.com' in writers", []),
        ("sharedWithMe and name contains 'site'", []),
        ("sharedWithMe = true", []),
        ("modifiedTime > '2030-01-01T00:00:00'", []),
        ("modifiedTime <= '2030-01-01T00:00:00Z' and createdTime > '2020-01-01'", 7),
        ("shortcutDetails.targetId = '{roof.dwg}'", []),
        ("title = 'x'", None),
        ("name = ", None),
        ("name == 'x'", None),
        ('name = "x"', None),
        ("name = 'x", None),
        ("name < 'x'", None),
        ("(name = 'x'", None),
        ("name = 'x' name = 'y'", None),
        ("trashed = 'true'", None),
        ("trashed > true", None),
        ("'me' in name", None),
        ("modifiedTime > 'yesterday'", None),
        ("AND", None),
    ],
)
def test_a_query_finds_what_it_says_or_is_refused(client, tree, query, names):
    """`q` is Drive's grammar: fields, signs, brackets, and, or, not; anything else is a 400."""
    query = query.replace("{Plans}", tree["Plans"]).replace("{roof.dwg}", tree["roof.dwg"])
    if names is None:
        assert client.refused("files", q=query) == (400, "invalid", "Invalid Value")
    else:
        found = client.names(q=query)
        assert (len(found) if isinstance(names, int) else found) == names


def test_an_unknown_folder_is_not_found(client):
    """Asking for the children of a folder that is not there is a 404 that does not name it."""
    assert client.refused("files", q="'1nope' in parents") == (404, "notFound", "File not found: .")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        (None, {"kind", "incompleteSearch", "files", "nextPageToken"}),
        ("", set()),
        ("files(id)", {"files"}),
        ("nextPageToken,files/id", {"files", "nextPageToken"}),
        ("incompleteSearch", {"incompleteSearch"}),
        ("*", {"kind", "incompleteSearch", "files", "nextPageToken"}),
    ],
)
def test_only_fields_that_are_named_are_returned(client, tree, fields, shown):
    """Without nextPageToken in `fields` there is none, however many pages follow."""
    query = {"pageSize": 2} | ({} if fields is None else {"fields": fields})
    assert client.get("files", **query).keys() == shown


def test_fields_select_inside_of_files(client, tree):
    """Masks nest, with brackets and with slashes; `*` is all."""
    fields = "files(id,owners/emailAddress,owners(me),shortcutDetails(*))"
    last = client.get("files", fields=fields, pageSize=10)["files"][-1]
    assert last["owners"] == [{"emailAddress": "ada@example.com", "me": True}]
    assert last.keys() == {"id", "owners", "shortcutDetails"}
    assert client.get("files", fields="files/*")["files"][0].keys() > {"id", "parents", "version"}
    assert client.get("files", fields="*/emailAddress,files(owners(*))")["files"][0]["owners"][0].keys() > {"me"}


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ("items(id)", "items"),
        ("files(title)", "title"),
        ("files(id/name)", "name"),
        ("files(id", "files(id"),
        ("files()", "files()"),
        ("files(id))", "files(id))"),
        ("files,,kind", "files,,kind"),
        ("/files", "/files"),
        (",", ","),
    ],
)
def test_a_mask_that_selects_what_is_not_there_is_refused(client, fields, wrong):
    """A mistyped field is an error, never silently absent."""
    assert client.refused("files", fields=fields) == (400, "invalidParameter", f"Invalid field selection {wrong}")


def test_pages_have_a_default_and_a_maximum(client, store):
    """A hundred files a page, a thousand at most, never none."""
    store.bulk(1100)
    assert len(client.get("files")["files"]) == 100
    assert len(client.get("files", pageSize=5000)["files"]) == 1000
    status, reason, message = client.refused("files", pageSize=0)
    assert (status, reason) == (400, "invalid")
    assert "[1, 1000]" in message


def test_the_last_page_has_no_token(client, store):
    """A page that is exactly full is the last one when nothing follows."""
    for number in range(4):
        store.create(f"{number}")
    first = client.get("files", pageSize=2)
    assert "nextPageToken" not in client.get("files", pageSize=2, pageToken=first["nextPageToken"])


def test_what_others_do_between_two_pages_neither_repeats_nor_loses_a_file(client, store):
    """A token is a place in the order of creation."""
    made = [store.create(f"{number}") for number in range(6)]
    first = client.get("files", pageSize=3)
    store.delete(made[0])
    store.rename(made[4], "renamed")
    store.create("new")
    rest = client.get("files", pageSize=10, pageToken=first["nextPageToken"])
    assert [file["name"] for file in rest["files"]] == ["3", "renamed", "5", "new"]


@pytest.mark.parametrize("token", ["x", "~!!~AAAA", "~!!~MS4yLjM="])
def test_a_token_of_no_listing_is_refused(client, store, token):
    """A made-up token is not the first page."""
    assert client.refused("files", pageToken=token) == (400, "invalid", "Invalid Value")


def test_a_token_belongs_to_its_question(client, store):
    """The token of one query does not continue another."""
    store.bulk(200)
    token = client.get("files")["nextPageToken"]
    assert client.refused("files", pageToken=token, q="trashed = true")[0] == 400


def test_names_and_times_sort(client, store):
    """OrderBy sorts by several keys, up and down, on every page."""
    for name in ("b", "a", "c"):
        store.create(name)
    store.create("folder", kind="folder")
    assert client.names(orderBy="name desc", pageSize=2) == ["folder", "c", "b", "a"]
    assert client.names(orderBy="folder,modifiedTime desc") == ["folder", "c", "a", "b"]
    assert client.refused("files", orderBy="size") == (400, "invalid", "Invalid Value")


def test_or_over_parents_silently_forgets_some(client, simulator, store):
    """As the real one does; it can be switched off."""
    folders = [store.create(f"{number}", kind="folder") for number in range(8)]
    for folder in folders:
        store.create("in it", folder)
    query = " or ".join(f"'{folder}' in parents" for folder in folders)
    page = client.get("files", q=query)
    assert not page["incompleteSearch"]
    assert 0 < len(page["files"]) < 8
    assert client.get("files", q=query)["files"] == page["files"]
    simulator.or_loses_parents = False
    assert len(client.get("files", q=query)["files"]) == 8


def test_corpora_are_my_drive_one_shared_drive_or_all(client, store):
    """A shared drive is invisible unless the caller says that he can deal with it."""
    drive = store.shared_drive("Team")
    store.create("mine")
    store.create("ours", drive)
    assert client.names() == ["mine"]
    assert client.names(q="name = 'ours'") == []
    assert client.names(**EVERYWHERE) == ["mine"]  # what nobody opened is not in the corpus of a user
    assert client.names(corpora="drive", driveId=drive, **EVERYWHERE) == ["ours"]
    assert client.names(corpora="allDrives", **EVERYWHERE) == ["mine", "ours"]
    assert client.names(q=f"'{drive}' in parents") == []
    assert client.names(q=f"'{drive}' in parents", **EVERYWHERE) == ["ours"]
    assert client.names(spaces="appDataFolder") == []


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ({"includeItemsFromAllDrives": True}, (403, "supportsTeamDrivesRequired")),
        ({"corpora": "allDrives", "supportsAllDrives": True}, (403, "includeTeamDriveItemsRequired")),
        ({"corpora": "drive", **EVERYWHERE}, (403, "teamDriveIdRequiresTeamDriveCorpora")),
        ({"driveId": "0Ax", **EVERYWHERE}, (403, "teamDriveIdRequiresTeamDriveCorpora")),
        ({"corpora": "drive", "driveId": "0Ax", **EVERYWHERE}, (404, "notFound")),
        ({"corpora": "everything"}, (400, "invalid")),
        ({"spaces": "outer"}, (400, "invalid")),
        ({"pageSize": "many"}, (400, "invalid")),
        ({"pageSize": ""}, (400, "invalid")),
        ({"supportsAllDrives": "perhaps"}, (400, "invalid")),
        ({"maxResults": 10}, (400, "badRequest")),
    ],
)
def test_what_contradicts_itself_is_refused(client, query, refusal):
    """With Drive's own reasons."""
    assert client.refused("files", **query)[:2] == refusal


def test_of_a_repeated_parameter_the_first_counts(client, tree):
    """As Google reads it."""
    assert client.http.get("/drive/v3/files?fields=kind&fields=files", headers=client.authorization).json() == {
        "kind": "drive#fileList"
    }


def test_files_folders_documents_and_shortcuts_differ(client, store, tree):
    """Only files have a size, checksums and revisions; documents can be exported; shortcuts say where they lead."""
    files = {file["name"]: file for file in client.get("files", fields="files")["files"]}
    binary = {"size", "md5Checksum", "sha1Checksum", "sha256Checksum", "headRevisionId"}
    assert binary <= files["site.pdf"].keys()
    assert files["site.pdf"]["size"] == "4"
    for name in ("Plans", "Notes", "to roof"):
        assert not binary & files[name].keys()
    assert "application/pdf" in files["Notes"]["exportLinks"]
    assert files["to roof"]["shortcutDetails"]["targetMimeType"] == "text/plain"
    assert all(file["ownedByMe"] and file["permissions"] and "driveId" not in file for file in files.values())


def test_items_of_shared_drives_have_no_owner_and_no_permissions_inline(client, store):
    """permissions.list tells them instead."""
    drive = store.shared_drive("Team")
    file = store.create("ours", drive)
    store.trash(file)
    shown = client.get(f"files/{file}", fields="*", supportsAllDrives=True)
    assert not shown.keys() & {"owners", "ownedByMe", "permissions", "shared", "writersCanShare"}
    assert shown["driveId"] == shown["teamDriveId"] == drive
    assert shown.keys() >= {"permissionIds", "trashedTime", "trashingUser", "hasAugmentedPermissions"}
    listed = client.get(f"files/{file}/permissions", fields="permissions", supportsAllDrives=True)["permissions"]
    assert listed[0]["permissionDetails"] == [
        {"permissionType": "member", "role": "organizer", "inherited": True, "inheritedFrom": drive}
    ]


def test_what_is_shared_with_me_has_no_parents(client, store):
    """Its folder is not mine to see; what lies in a shared folder has that folder."""
    theirs = store.create("theirs", kind="folder", owner="bob@example.com")
    inside = store.create("inside", theirs)
    assert client.names() == []
    store.share(theirs, store.account)
    files = {file["id"]: file for file in client.get("files", fields="files")["files"]}
    assert "parents" not in files[theirs]
    assert files[theirs].keys() >= {"sharedWithMeTime", "sharingUser"}
    assert files[inside]["parents"] == [theirs]
    assert not files[inside]["ownedByMe"]
    assert "permissions" not in files[theirs]
    assert client.names(q="sharedWithMe = true") == ["theirs"]
    assert client.refused(f"files/{theirs}/permissions")[:2] == (403, "insufficientFilePermissions")
    assert client.refused(f"files/{theirs}", "PATCH", {"name": "x"})[:2] == (403, "insufficientFilePermissions")


def test_a_page_is_remembered_until_something_changes(client, store):
    """An answer is never older than the store: not after a trash above, a move, or a loss of access above."""
    top = store.create("top", kind="folder")
    file = store.create("a", top)
    fields = "files(id,name,trashed,parents,version)"

    def shown():
        return {one["id"]: one for one in client.get("files", fields=fields)["files"]}

    assert not shown()[file]["trashed"]
    store.trash(top)
    assert shown()[file]["trashed"]
    store.restore(top)
    assert not shown()[file]["trashed"]
    store.move(file)
    assert shown()[file]["parents"] == [store.root_id]
    store.move(file, top)
    store.revoke(top)
    assert shown() == {}
