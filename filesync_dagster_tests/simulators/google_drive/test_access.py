"""Who may ask: tokens, scopes, and what an account may do with a file."""

import pytest


def error_of(answer):
    """Return status, OAuth's error and its description."""
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_nobody_and_a_stranger_are_refused(client):
    """Without a token it is Google's 403, with one that is not known 401."""
    client.authorization = {}
    assert client.refused("files")[:2] == (403, "forbidden")
    assert client.refused("files", "POST", {})[:2] == (401, "authError")
    client.authorization = {"authorization": "Bearer ya29.stranger"}
    answer = client.ask("files")
    assert answer.status_code == 401
    assert answer.json()["error"]["errors"][0] == {
        "message": "Invalid Credentials",
        "domain": "global",
        "reason": "authError",
        "location": "Authorization",
        "locationType": "header",
    }


def test_a_token_is_good_for_an_hour(client, simulator):
    """Then it is 401."""
    now = [0.0]
    simulator.tokens.issuer.now = lambda: now[0]
    client.sign_in()
    now[0] = 3599
    assert client.names() == []
    now[0] = 3600
    assert client.refused("files")[:2] == (401, "authError")


def test_scopes_are_those_of_the_description(client, store):
    """drive.metadata.readonly reads, and does not write."""
    file = store.create("a")
    client.sign_in("https://www.googleapis.com/auth/drive.metadata.readonly")
    assert client.names() == ["a"]
    assert client.refused("files", "POST", {"name": "b"})[:2] == (403, "insufficientPermissions")
    assert client.refused(f"files/{file}", "DELETE")[:2] == (403, "insufficientPermissions")
    client.sign_in("https://www.googleapis.com/auth/calendar")
    assert client.refused("files")[:2] == (403, "insufficientPermissions")


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({"iss": "somebody@example.com"}, (400, "invalid_grant")),
        ({"aud": "https://example.com/"}, (400, "invalid_grant")),
        ({"exp": 1}, (400, "invalid_grant")),
        ({"sub": "bob@example.com"}, (401, "unauthorized_client")),
        ({"scope": ""}, (400, "invalid_scope")),
    ],
)
def test_an_assertion_must_be_right(client, claims, error):
    """Issuer, audience, time, subject and scope."""
    scope = claims.pop("scope", "https://www.googleapis.com/auth/drive")
    assert error_of(client.sign_in(scope, **claims))[:2] == error


def test_a_service_account_may_act_for_the_account(client, simulator):
    """Domain-wide delegation: `sub` is the account that this Drive belongs to."""
    assert client.sign_in(sub=simulator.store.account).is_success


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, (400, "unsupported_grant_type")),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "a.b.c"}, (400, "invalid_grant")),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}, (400, "invalid_grant")),
        ({"grant_type": "refresh_token", "client_id": "x"}, (401, "invalid_client")),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, (400, "invalid_grant")),
    ],
)
def test_other_grants_are_refused_as_oauth_says(client, simulator, form, error):
    """With an error and a description."""
    person = simulator.user_credentials("http://drive.test")
    known = {name: person[name] for name in ("client_id", "client_secret")}
    assert error_of(client.http.post("/token", data=known | form))[:2] == error


@pytest.mark.parametrize(
    ("path", "method", "body", "refusal"),
    [
        ("files/1nope", "GET", None, (404, "notFound", "File not found: 1nope.")),
        ("files/1nope/permissions", "GET", None, (404, "notFound", "File not found: 1nope.")),
        ("files/{file}/permissions/1", "GET", None, (404, "notFound", "Permission not found: 1.")),
        ("drives/0Ax", "GET", None, (404, "notFound", "Shared drive not found: 0Ax")),
        ("files", "POST", {"name": "x", "size": "4"}, (403, "fieldNotWritable", None)),
        ("files", "POST", {"parents": ["{file}"]}, (403, "parentNotAFolder", None)),
        ("files", "POST", {"parents": ["{folder}", "root"]}, (400, "invalid", None)),
        ("files/{file}", "PATCH", {"parents": ["root"]}, (403, "fieldNotWritable", None)),
        ("files/{file}", "PATCH", {"modifiedTime": "then"}, (400, "invalid", None)),
        ("files/{file}?addParents={folder}", "PATCH", {}, (403, "cannotAddParent", None)),
        ("files/{file}?addParents=root&removeParents={folder}", "PATCH", {}, (404, "notFound", None)),
        ("files/{folder}?addParents={inner}&removeParents=root", "PATCH", {}, (403, "cyclicMembership", None)),
        (
            "files/{folder}?addParents={drive}&removeParents=root&supportsAllDrives=true",
            "PATCH",
            {},
            (403, "teamDrivesFolderMoveInNotSupported", None),
        ),
        ("files/{folder}/copy", "POST", {}, (403, "cannotCopyFile", None)),
        ("files/root", "DELETE", None, (403, "insufficientFilePermissions", None)),
        ("files/{ours}", "GET", None, (404, "notFound", None)),
        ("drives", "POST", {"name": "x"}, (400, "required", "Required parameter: requestId")),
        ("drives?useDomainAdminAccess=true", "GET", None, (403, "noListTeamDrivesAdministratorPrivilege", None)),
        ("drives/{drive}", "DELETE", None, (403, "cannotDeleteResourceWithChildren", None)),
        ("files/{file}/permissions", "POST", {"role": "reader"}, (400, "required", None)),
        ("files/{file}/permissions", "POST", {"role": "king", "type": "user"}, (400, "invalid", None)),
        ("files/{file}/permissions", "POST", {"role": "reader", "type": "user"}, (400, "badRequest", None)),
        ("files?fields=nope", "GET", None, (400, "invalidParameter", "Invalid field selection nope")),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(client, store, path, method, body, refusal):
    """A status, a reason, and mostly Google's own sentence."""
    folder, drive = store.create("folder", kind="folder"), store.shared_drive("Team")
    known = {
        "folder": folder,
        "inner": store.create("inner", folder, kind="folder"),
        "file": store.create("a"),
        "drive": drive,
        "ours": store.create("ours", drive),
    }
    path = path.format(**known)
    if body and "parents" in body:
        body = {"parents": [parent.format(**known) for parent in body["parents"]]}
    path, _, query = path.partition("?")
    arguments = dict(pair.split("=") for pair in query.split("&") if pair)
    status, reason, message = client.refused(path, method, body, **arguments)
    assert (status, reason) == refusal[:2]
    assert message == (refusal[2] or message)


def test_a_drive_is_created_once_for_each_request(client):
    """The same requestId again is a conflict."""
    assert client.ask("drives", "POST", {"name": "x"}, requestId="1").is_success
    assert client.refused("drives", "POST", {"name": "x"}, requestId="1")[0] == 409


def test_drives_come_ten_a_page_and_a_hundred_at_most(client, store):
    """As described."""
    for number in range(120):
        store.shared_drive(f"{number}")
    first = client.get("drives")
    assert len(first["drives"]) == 10
    assert len(client.get("drives", pageSize=100)["drives"]) == 100
    assert len(client.get("drives", pageSize=500)["drives"]) == 100
    assert client.get("drives", pageToken=first["nextPageToken"])["drives"][0]["name"] == "10"


def test_permissions_come_a_hundred_a_page_in_shared_drives(client, store):
    """And all at once in My Drive, unless the caller wants pages."""
    mine = store.create("a")
    ours = store.create("b", store.shared_drive("Team"))
    for number in range(120):
        store.share(mine, f"{number}@example.com")
        store.share(ours, f"{number}@example.com")
    assert len(client.get(f"files/{mine}/permissions")["permissions"]) == 121
    assert len(client.get(f"files/{mine}/permissions", pageSize=5)["permissions"]) == 5
    page = client.get(f"files/{ours}/permissions", supportsAllDrives=True)
    assert len(page["permissions"]) == 100
    rest = client.get(f"files/{ours}/permissions", supportsAllDrives=True, pageToken=page["nextPageToken"])
    assert len(rest["permissions"]) == 21


def test_links_and_domains_are_grantees_too(client, store):
    """`anyone` and a domain have no address."""
    file = store.create("a")
    store.share(file, "anyone")
    store.share(file, "example.com", "writer")
    listed = client.get(f"files/{file}/permissions", fields="permissions")["permissions"]
    assert [(one["type"], one["role"], "emailAddress" in one) for one in listed] == [
        ("user", "owner", True),
        ("anyone", "reader", False),
        ("domain", "writer", False),
    ]


def test_what_the_simulator_does_not_know_says_so(client):
    """A method that it does not have is no answer of Drive's, and cannot be taken for one."""
    answer = client.http.get("/drive/v3/files/x/comments")
    assert answer.status_code == 501
    assert "simulator does not know" in answer.text
    assert client.http.get("/drive/v2/files").status_code == 404
