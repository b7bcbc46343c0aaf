"""Signing in at the console: who may, how long, from where, and what no other site can do with it."""

import re
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy import text

from filesync_dagster import Filesync
from filesync_dagster.web.console.sessions import (
    ATTEMPTS_MAX_COUNT,
    CODE_LIFETIME,
    IDLE_LIFETIME,
    LIFETIME,
    cookie_name,
    digest_of,
    offer_code,
)
from filesync_dagster_tests.web.conftest import TOKEN, Client, Project

COOKIE = cookie_name(is_secure=False)
OWN = {"origin": "http://filesync"}


def sign_in(client, proof=None, **headers):
    """Return the answer of signing in by a page of ours."""
    return client.post("/console/session", json=proof or {"token": TOKEN}, headers={**OWN, **headers})


def cookie_in(answer):
    """Return what the cookie of an answer has."""
    return re.match(rf"{COOKIE}=([^;]+);", answer.headers["set-cookie"])[1]


@pytest.fixture
def console(project, stranger):
    """Return a client whose requests are those of a page of somebody who is signed in."""
    answer = sign_in(stranger)
    assert answer.status_code == 200
    headers = {"cookie": f"{COOKIE}={cookie_in(answer)}", "x-filesync-csrf": answer.json()["csrf"], **OWN}
    return Client(stranger.app, headers)


def shift(project, table, column, by):
    """Let a time in the database be so much earlier."""
    with Filesync.open(project.file) as filesync, filesync.runtime.metadata._database.write_transaction() as connection:
        moment = (datetime.now(UTC) - by).strftime("%Y-%m-%d %H:%M:%S.%f")
        connection.execute(text(f"UPDATE {table} SET {column} = :moment"), {"moment": moment})


def test_the_token_gives_a_cookie_that_no_script_can_read(project, stranger):
    """And no other site can send; it is not in the database, nor is the token in any answer."""
    answer = sign_in(stranger)

    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Secure" not in cookie  # http on this machine
    assert len(cookie_in(answer)) >= 43  # 256 bits
    assert TOKEN not in answer.text
    assert answer.json()["role"] == "admin"
    database = (project.folder / "home" / "filesync.db").read_bytes()
    assert cookie_in(answer).encode() not in database
    assert digest_of(cookie_in(answer)).encode() in database or (project.folder / "home" / "filesync.db-wal").exists()


def test_over_tls_the_cookie_is_bound_to_the_host(stranger):
    """Its prefix makes browsers refuse it from anywhere else."""
    app = stranger.app

    async def over_tls(scope, receive, send):
        await app({**scope, "scheme": "https"}, receive, send)

    answer = sign_in(Client(over_tls))

    assert answer.headers["set-cookie"].startswith("__Host-filesync=")
    assert "Secure" in answer.headers["set-cookie"]


def test_who_is_signed_in_reads_and_decides(project, console):
    """Without a bearer token."""
    project.sync("docs")

    assert console.get("/endpoints").status_code == 200
    assert console.get("/api/me").json() == {"role": "admin", "via": "session"}
    assert console.post("/endpoints/docs/reject").status_code == 409  # allowed: nothing is held
    assert console.get("/health").json()["endpoints"][1]["endpoint"] == "lost"


def test_a_wrong_token_signs_nobody_in(stranger):
    """And gives no cookie."""
    answer = sign_in(stranger, {"token": "wrong"})

    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers
    assert sign_in(stranger, {"token": "w", "code": "c"}).status_code == 400
    assert sign_in(stranger, {"nothing": "1"}).status_code == 400


def test_who_tries_tokens_waits(stranger):
    """After five wrong ones not even the right one is looked at, and it is said for how long."""
    for _ in range(ATTEMPTS_MAX_COUNT):
        assert sign_in(stranger, {"token": "wrong"}).status_code == 403

    answer = sign_in(stranger)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 61


def test_each_signing_in_is_a_session_of_its_own(stranger):
    """A cookie that somebody had before is not made good by signing in."""
    planted = "a" * 43
    answer = sign_in(stranger, cookie=f"{COOKIE}={planted}")

    assert cookie_in(answer) != planted
    assert cookie_in(answer) != cookie_in(sign_in(stranger))
    assert Client(stranger.app, {"cookie": f"{COOKIE}={planted}"}).get("/endpoints").status_code == 401


def test_signing_out_ends_the_session(console):
    """Of this cookie only."""
    other = Client(console.app, {"cookie": f"{COOKIE}={cookie_in(sign_in(console))}"})

    assert console.request("DELETE", "/console/session").json() == {"sessions": 1}
    assert console.get("/endpoints").status_code == 401
    assert other.get("/endpoints").status_code == 200


def test_everybody_can_be_signed_out(project, console):
    """And links that were given out sign nobody in any more."""
    with Filesync.open(project.file) as filesync:
        code = offer_code(filesync.runtime.metadata.console_sessions)
    sign_in(console)

    assert console.request("DELETE", "/console/sessions").json() == {"sessions": 2}
    assert console.get("/endpoints").status_code == 401
    assert sign_in(console, {"code": code}).status_code == 403


@pytest.mark.parametrize(("column", "by"), [("used_at", IDLE_LIFETIME), ("created_at", LIFETIME)])
def test_a_session_is_over_in_time(project, console, column, by):
    """Idle for twelve hours, or a week old."""
    shift(project, "console_sessions", column, by - timedelta(minutes=5))
    assert console.get("/endpoints").status_code == 200

    shift(project, "console_sessions", column, by + timedelta(seconds=1))
    assert console.get("/endpoints").status_code == 401


def test_another_token_ends_all_sessions(project, console):
    """Whoever changes FILESYNC_API_TOKEN locks out whoever came in by the old one."""
    other = Project(project.folder, replace(project.site, token="another")).client(**console.headers)

    assert console.get("/endpoints").status_code == 200
    assert other.get("/endpoints").status_code == 401


def test_a_link_signs_in_once(project, stranger):
    """Within two minutes; the code is not in the database."""
    with Filesync.open(project.file) as filesync:
        sessions = filesync.runtime.metadata.console_sessions
        code, late = offer_code(sessions), offer_code(sessions, "viewer")

    assert sign_in(stranger, {"code": code}).json()["role"] == "admin"
    assert sign_in(stranger, {"code": code}).status_code == 403
    shift(project, "console_codes", "expires_at", timedelta(seconds=1))
    assert sign_in(stranger, {"code": late}).status_code == 403
    assert timedelta(minutes=2) == CODE_LIFETIME


@pytest.mark.parametrize(
    ("role", "sync", "secrets"), [("viewer", 403, 403), ("operator", 409, 403), ("admin", 409, 200)]
)
def test_a_role_may_what_it_says(project, stranger, role, sync, secrets):
    """The server decides, whatever the page shows; and says which role may."""
    project.sync("docs")
    with Filesync.open(project.file) as filesync:
        code = offer_code(filesync.runtime.metadata.console_sessions, role)
    answer = sign_in(stranger, {"code": code})
    headers = {"cookie": f"{COOKIE}={cookie_in(answer)}", "x-filesync-csrf": answer.json()["csrf"], **OWN}
    somebody = Client(stranger.app, headers)

    assert somebody.get("/endpoints").status_code == 200
    decided = somebody.post("/endpoints/docs/approve", json={})
    assert decided.status_code == sync
    assert ("'operator'" in decided.text) == (sync == 403)
    assert somebody.request("DELETE", "/console/sessions").status_code == secrets


GOOD_ORIGINS = ({"origin": "http://filesync"}, {"sec-fetch-site": "same-origin"})
BAD_ORIGINS = (
    {},
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site", "origin": "http://filesync"},
    {"sec-fetch-site": "none"},
)
WRITES = (
    ("POST", "/endpoints/docs/approve"),
    ("POST", "/endpoints/docs/reject"),
    ("POST", "/sync/incremental"),
    ("POST", "/replications/none/run"),
    ("DELETE", "/console/session"),
    ("DELETE", "/console/sessions"),
    ("DELETE", "/console/sessions/0123456789abcdef"),
    ("POST", "/console/links"),
)


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_only_a_page_of_ours_changes_anything(project, console, method, path):
    """Cookie, origin, header: each of them alone is not enough, with any method that is no GET."""
    csrf = {"x-filesync-csrf": console.headers["x-filesync-csrf"]}
    cookie = Client(console.app, {"cookie": console.headers["cookie"]})

    for origin, header in product(BAD_ORIGINS, ({}, csrf)):
        assert cookie.request(method, path, headers={**origin, **header}).status_code == 403, (origin, header)
    for origin, header in product(GOOD_ORIGINS, ({}, {"x-filesync-csrf": "0" * 64})):
        assert cookie.request(method, path, headers={**origin, **header}).status_code == 403, (origin, header)
    assert cookie.request(method, path, headers={**GOOD_ORIGINS[1], **csrf}).status_code != 403


def test_only_json_comes_from_a_page(console):
    """What a form of another site could send is refused."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        answer = console.post("/endpoints/docs/approve", content=b"{}", headers={"content-type": kind})
        assert answer.status_code == 415, kind


def test_a_cookie_counts_for_nothing_beside_a_token(console):
    """A program that sends a wrong token is refused, whatever else it sends; with the right one it needs no page."""
    wrong = console.get("/endpoints", headers={"authorization": "Bearer wrong"})
    right = Client(console.app, {"authorization": f"Bearer {TOKEN}"}).post("/endpoints/docs/reject")

    assert wrong.status_code == 401
    assert right.status_code == 409


def test_no_other_site_signs_anybody_in(stranger):
    """Nor a program, which has no page."""
    for origin in BAD_ORIGINS:
        answer = stranger.post("/console/session", json={"token": TOKEN}, headers=origin)
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), origin


def test_without_a_token_a_link_lets_somebody_decide(project):
    """Reading is open, deciding is refused; who came by the link of this machine may."""
    open_site = Project(project.folder, replace(project.site, token=None))
    nobody = open_site.client(**OWN)
    with Filesync.open(project.file) as filesync:
        code = offer_code(filesync.runtime.metadata.console_sessions)

    about = nobody.get("/console/session").json()
    assert (about["signed_in"], about["role"], about["may_decide"], about["needs_token"]) == (
        False,
        "viewer",
        False,
        False,
    )
    assert nobody.get("/endpoints").status_code == 200
    assert nobody.post("/endpoints/docs/reject").status_code == 403
    answer = sign_in(nobody, {"code": code})
    headers = {"cookie": f"{COOKIE}={cookie_in(answer)}", "x-filesync-csrf": answer.json()["csrf"], **OWN}
    assert Client(nobody.app, headers).post("/endpoints/docs/reject").status_code == 409


STRANGE = "evil.example"
KNOWN_HOSTS = (
    "filesync",
    "127.0.0.1:8080",
    "[::1]:8080",
    "localhost:8080",
    "x.localhost",
    "10.1.2.3",
    "filesync.company.com",
)


def test_a_name_that_is_not_ours_is_not_answered(project):
    """A page of somebody whose name leads here reads nothing: neither with a cookie, nor where reading is open."""
    project.file.write_text(project.file.read_text() + "settings: {serve: {hosts: [filesync.company.com]}}\n")
    open_site = Project(project.folder, replace(project.site, token=None)).client()
    signed = sign_in(project.client())
    cookie = {"cookie": f"{COOKIE}={cookie_in(signed)}"}

    for host in KNOWN_HOSTS:
        assert open_site.get("/endpoints", headers={"host": host}).status_code == 200, host
        assert project.client().get("/endpoints", headers={"host": host, **cookie}).status_code == 200, host
    assert open_site.get("/endpoints", headers={"host": STRANGE}).status_code == 421
    refused = project.client().get("/endpoints", headers={"host": f"{STRANGE}:8080", **cookie})
    assert (refused.status_code, "settings.serve.hosts" in refused.text) == (421, True)
    assert "csrf" not in project.client().get("/console/session", headers={"host": STRANGE, **cookie}).text
    program = {"host": STRANGE, "authorization": f"Bearer {TOKEN}"}
    assert project.client().get("/endpoints", headers=program).status_code == 200
    probe = project.client().get("/health", headers={"host": STRANGE})
    assert (probe.status_code, probe.json()["components"][0]["detail"]) == (200, "")


def test_sessions_are_kept_in_postgresql_too(postgres_tables_url):
    """Begun, found, used, ended, pruned; a code is used up once."""
    from filesync_dagster.storage.database import Metadata

    with closing(Metadata.open(postgres_tables_url)) as metadata:
        sessions = metadata.console_sessions
        sessions.begin("d", "b", "admin", "agent")
        found = sessions.find("d", idle=IDLE_LIFETIME, lifetime=LIFETIME)
        assert (found.role, found.binding) == ("admin", "b")
        assert sessions.find("d", idle=timedelta(0), lifetime=LIFETIME) is None
        sessions.offer("c", "viewer", CODE_LIFETIME)
        assert (sessions.redeem("c"), sessions.redeem("c")) == ("viewer", None)
        assert sessions.prune(idle=timedelta(0), lifetime=LIFETIME) == 1
        assert sessions.end_all() == 0


def test_an_admin_sees_who_is_signed_in_and_signs_them_out(project, console, stranger):
    """Each by its id, which opens nothing; nobody else sees it."""
    with Filesync.open(project.file) as filesync:
        code = offer_code(filesync.runtime.metadata.console_sessions, "viewer")
    other = sign_in(stranger, {"code": code})
    viewer = Client(
        stranger.app, {"cookie": f"{COOKIE}={cookie_in(other)}", "x-filesync-csrf": other.json()["csrf"], **OWN}
    )
    listed = console.get("/console/sessions").json()["items"]

    assert sorted((one["role"], one["is_this"]) for one in listed) == [("admin", True), ("viewer", False)]
    assert viewer.get("/console/sessions").status_code == 403
    assert viewer.post("/console/links", json={"role": "admin"}).status_code == 403
    [theirs] = [one["id"] for one in listed if not one["is_this"]]
    assert console.request("DELETE", f"/console/sessions/{theirs}").json() == {"sessions": 1}
    assert viewer.get("/endpoints").status_code == 401
    assert console.request("DELETE", "/console/sessions/%25").status_code == 400
    assert console.get("/endpoints").status_code == 200


def test_an_admin_makes_a_link_for_somebody(console, stranger):
    """It gives the role that it is for, once."""
    link = console.post("/console/links", json={"role": "operator"}).json()

    assert sign_in(stranger, {"code": link["code"]}).json()["role"] == "operator"
    assert sign_in(stranger, {"code": link["code"]}).status_code == 403
