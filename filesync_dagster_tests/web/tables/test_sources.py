"""Data sources over REST: forms, secrets that go in and never come out, changes that do not undo each other."""

import json
import socket
import sqlite3
from contextlib import closing

import pytest

from filesync_dagster.core.errors import ConfigError
from filesync_dagster.tables.catalog.directory import SourceDirectory
from filesync_dagster_tests.tables.sources.hosts import DENIED_HOSTS
from filesync_dagster_tests.tables.sources.http_fakes import service
from filesync_dagster_tests.tables.sources.listener import listening
from filesync_dagster_tests.tables.sources.test_secrets import KINDS as QUOTING_KINDS
from filesync_dagster_tests.tables.sources.test_ssrf import KINDS as REACHING_KINDS
from filesync_dagster_tests.tables.sources.test_ssrf import OF_THE_MACHINE

CANARY = "canary-4711-secret"
SHOP = {"host": "db.example.com", "database": "shop", "username": "reader"}
WRITTEN = [host for host in DENIED_HOSTS if not host.endswith(".test")]
"""Hosts that no name service is asked for."""

FEW = ["127.0.0.1", "2130706433", "::ffff:127.0.0.1", "169.254.169.254"]


def create(place, name, kind="postgres", client=None, **config):
    """Save a source, and return the answer."""
    given = {"name": name, "type": kind, "config": {**SHOP, **config} if kind == "postgres" else config}
    return (client or place.admin).post("/api/sources", json=given)


def change(client, source, method="PATCH", headers=None, **body):
    """Change a source, and return the answer."""
    return client.request(method, f"/api/sources/{source}", headers, json=body)


def opened(place, name):
    """Return the configuration of a source as it is used, secrets and all."""
    with place.filesync() as filesync:
        directory = SourceDirectory(filesync.runtime)
        return directory.settings_of(directory.get(name))


def stored_bytes(place):
    """Return all that the project has on the disk, but for endpoints.yaml.

    The database is asked for its rows: reading its file would let go of the locks that this process has on it.
    """
    home = place.project.folder / "home"
    files = [path for path in home.rglob("*") if path.is_file() and not path.name.startswith("filesync.db")]
    with closing(sqlite3.connect(home / "filesync.db")) as connection:
        dumped = "\n".join(connection.iterdump())
    return b"".join([dumped.encode(), *(path.read_bytes() for path in files)])


def test_every_kind_has_a_form(place):
    """Each field has a title, a help, a group and a place; secrets are written only."""
    found = {one["type"]: one for one in place.admin.get("/api/connectors/available").json()["connectors"]}

    assert {"local", "inventory", "postgres", "snowflake", "oracle", "s3", "gcs", "azure", "api", "catalog"} == {*found}
    for one in found.values():
        fields = one["config_schema"]["properties"]
        assert sorted(field["x-order"] for field in fields.values()) == list(range(len(fields)))
        assert all(field["title"] and field["description"] and field["x-group"] for field in fields.values())
    secret = found["postgres"]["config_schema"]["properties"]["password"]
    assert (secret["writeOnly"], secret["format"]) == (True, "password")
    assert found["oracle"]["tested"] == "contract"


def test_secrets_go_in_and_never_come_out(place):
    """Null keeps one, "" removes it, another one replaces it; no answer, no row and no file has any in the clear."""
    answers = [create(place, "keeper", password=CANARY)]
    assert answers[0].status_code == 201, answers[0].text
    assert answers[0].json()["secrets_set"] == ["password"]
    assert opened(place, "keeper")["password"] == CANARY

    answers.append(change(place.admin, "keeper", "PUT", name="keeper", type="postgres", config={**SHOP, "port": 5433}))
    answers.append(change(place.admin, "keeper", config={"password": None, "database": "other"}))
    kept = opened(place, "keeper")
    assert (kept["password"], kept["database"], kept["port"]) == (CANARY, "other", 5433)
    answers.append(change(place.admin, "keeper", config={"password": f"{CANARY}-2"}))
    assert opened(place, "keeper")["password"] == f"{CANARY}-2"
    answers.append(place.admin.get("/api/sources/keeper"))
    answers.append(place.admin.get("/api/sources/keeper/history"))
    answers.append(place.admin.get("/api/sources"))
    answers.append(change(place.admin, "keeper", config={"password": ""}))
    assert (answers[-1].json()["secrets_set"], "password" in opened(place, "keeper")) == ([], False)

    assert {answer.status_code for answer in answers} == {200, 201}
    assert not any(CANARY in answer.text for answer in answers)
    assert CANARY not in str(place.audit())
    assert CANARY.encode() not in stored_bytes(place)


def test_nobody_undoes_what_somebody_else_changed(place):
    """A change for an older revision is 412, and so is removing; what was is in the history."""
    tag = create(place, "edited", password=CANARY).headers["etag"]
    first = change(place.admin, "edited", headers={"if-match": tag}, description="The shop")
    second = change(place.admin, "edited", headers={"if-match": tag}, description="Mine")
    gone = place.admin.request("DELETE", "/api/sources/edited", {"if-match": tag})

    assert (first.status_code, second.status_code, gone.status_code) == (200, 412, 412)
    assert second.json()["code"] == "revision"
    assert place.admin.get("/api/sources/edited").json()["description"] == "The shop"
    renamed = change(place.admin, "edited", headers={"if-match": first.headers["etag"]}, name="renamed")
    assert (renamed.json()["name"], renamed.json()["revision"]) == ("renamed", 3)
    assert place.admin.get("/api/sources/edited").status_code == 404
    told = place.admin.get("/api/sources/renamed/history").json()["revisions"]
    assert [(one["revision"], one["name"], one["secrets_set"]) for one in told] == [
        (3, "renamed", ["password"]), (2, "edited", ["password"]), (1, "edited", ["password"]),
    ]  # fmt: skip
    assert place.admin.request("DELETE", "/api/sources/renamed").status_code == 204
    assert [(one.what, one.subject) for one in place.audit()[:2]] == [
        ("source.removed", "renamed"), ("source.changed", "renamed"),
    ]  # fmt: skip


def test_what_is_no_configuration_is_refused_with_its_field(place):
    """Unknown, missing and odd ones; nothing is saved."""
    for config, field in (
        ({"port": "many"}, "port"),
        ({"hots": "a"}, "hots"),
        ({"database": "a\x00b"}, "config"),
        ({"database": ""}, "database"),
    ):
        answer = create(place, "broken", **config)
        assert (answer.status_code, answer.json()["field"]) == (400, field), answer.text
    assert create(place, "broken", "nothing").json()["field"] == "type"
    answer = place.admin.post(
        "/api/sources", content='{"name": "broken", "type": "postgres", "config": {"host": "\\ud800", "limit": NaN}}',
        headers={"content-type": "application/json"},
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_config")
    assert place.admin.get("/api/sources/broken").status_code == 404


def test_references_are_for_administrators(place):
    """They are kept as they are, and none leads to what is filesync's own; an operator names none."""
    made = create(place, "referring", password="${SHOP_PASSWORD}")
    assert made.status_code == 201, made.text
    assert opened(place, "referring")["password"] == "the-variable-of-the-shop"
    assert b"${SHOP_PASSWORD}" in stored_bytes(place)
    own = create(place, "stealing", password="${FILESYNC_SECRET_KEY}")
    assert (own.status_code, own.json()["code"], own.json()["field"]) == (403, "forbidden_reference", "password")

    operator = place.browser("operator")
    for secret in ("${SHOP_PASSWORD}", "secret:shop"):
        answer = create(place, "stealing", client=operator, password=secret)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden_reference")
        tested = operator.post(
            "/api/connectors/test", json={"type": "postgres", "config": {**SHOP, "password": secret}}
        ).json()
        assert (tested["status"], tested["code"]) == ("error", "not_allowed")


def test_a_kept_secret_goes_nowhere_else(place):
    """Whoever may not see a password does not get it sent to a host of theirs; entering it again is allowed."""
    operator = place.browser("operator")
    assert create(place, "guarded", client=operator, password=CANARY).status_code == 201

    moved = change(operator, "guarded", config={"host": "evil.example.com"})
    weaker = change(operator, "guarded", config={"sslmode": "require"})
    assert (moved.status_code, moved.json()["code"], moved.json()["field"]) == (403, "secrets_needed", "password")
    assert weaker.status_code == 403
    assert change(operator, "guarded", config={"tables": ["orders"]}).status_code == 200
    assert change(operator, "guarded", config={"host": "new.example.com", "password": "another-one"}).status_code == 200
    assert change(place.admin, "guarded", config={"host": "newer.example.com"}).status_code == 200
    assert opened(place, "guarded")["password"] == "another-one"


def test_who_only_reads_changes_nothing(place):
    """A viewer sees sources, and tests, saves and reads none."""
    viewer = place.browser("viewer")
    assert viewer.get("/api/sources").status_code == 200
    assert create(place, "views", client=viewer).status_code == 403
    assert viewer.post("/api/connectors/test", json={"source": "in_file"}).status_code == 403
    assert viewer.post("/api/sources/in_file/read").status_code == 403
    assert viewer.get("/api/tables").status_code == 200


def test_sources_of_the_file_are_in_the_list_and_changed_there(place):
    """With file and line; their names are taken, and of two of one name neither is used."""
    [declared] = [one for one in place.admin.get("/api/sources").json()["sources"] if one["name"] == "in_file"]
    line = place.project.file.read_text().splitlines().index("  - name: in_file") + 1
    assert (declared["origin"], declared["place"]) == ("file", f"{place.project.file}:{line}")
    assert (declared["type"], declared["description"], declared["revision"]) == ("local", "From the file", None)

    taken = create(place, "in_file")
    assert (taken.status_code, taken.json()["code"]) == (409, "exists")
    assert f"{place.project.file}:{line}" in taken.json()["error"]
    for answer in (
        change(place.admin, "in_file", description="x"),
        place.admin.request("DELETE", "/api/sources/in_file"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "read_only")
        assert f"{place.project.file}:{line}" in answer.json()["error"]

    create(place, "twice", password=CANARY)
    with place.filesync() as filesync:
        runtime = filesync.runtime
        declared = filesync.config.sources[0].model_copy(update={"name": "twice"})
        object.__setattr__(runtime.config, "sources", (*filesync.config.sources, declared))
        directory = SourceDirectory(runtime)
        assert [one.problem is None for one in directory.all() if one.name == "twice"] == [False, False]
        with pytest.raises(Exception, match="as well") as refused:
            directory.get("twice")
        assert refused.value.code == "ambiguous"
        assert directory.change("twice", _renaming(), "me", new_name="once").problem is None
        assert directory.get("twice").origin == "file"


def _renaming():
    from filesync_dagster.tables.catalog.edits import SourceEdit

    return SourceEdit(is_partial=True, may_redirect=True)


def test_without_a_key_no_secret_is_kept(place, monkeypatch):
    """A sentence says what to set; what has no secret is saved."""
    monkeypatch.delenv("FILESYNC_SECRET_KEY")
    with place.filesync() as filesync:
        from filesync_dagster.tables.catalog.edits import SourceEdit

        directory = SourceDirectory(filesync.runtime)
        with pytest.raises(ConfigError, match="FILESYNC_SECRET_KEY"):
            directory.add("keyless", SourceEdit("postgres", {**SHOP, "password": CANARY}), "me")
        made = directory.add("keyless", SourceEdit("postgres", SHOP), "me")
        assert made.secrets_set == ()


@pytest.mark.parametrize(
    "hosts", [pytest.param(FEW, id="few"), pytest.param(WRITTEN, id="all", marks=pytest.mark.slow)]
)
@pytest.mark.usefixtures("sockets_that_drivers_leave")
@pytest.mark.parametrize("kind", REACHING_KINDS)
def test_no_request_reaches_this_machine(place, kind, hosts):
    """Tried or discovered: a listener on this machine hears nothing, and the answer says why."""
    with listening() as listener:
        for host in hosts:
            given = {"type": kind, "config": REACHING_KINDS[kind](host, listener.port)}
            tested = place.admin.post("/api/connectors/test", json=given)
            assert tested.status_code == 200, tested.text
            assert tested.json()["code"] in {"not_allowed", "bad_config", "unreachable"}, (host, tested.text)
            assert not tested.json()["available"]
        found = place.admin.post("/api/connectors/discover", json=given)
        assert found.status_code in {400, 422}, found.text
        assert listener.connections == 0


@pytest.mark.parametrize(("kind", "given", "field"), OF_THE_MACHINE)
def test_files_of_the_machine_are_no_sources(place, kind, given, field):
    """Sockets, wallets and paths of the server are not taken from a request; uploads are called by their names."""
    if given.get("host") == "public.test" or "public.test" in given.get("dsn", ""):
        given = json.loads(json.dumps(given).replace("public.test", "93.184.216.34"))
    found = place.admin.post("/api/connectors/test", json={"type": kind, "config": given}).json()
    assert (found["status"], found["field"]) == ("error" if kind != "upload" else "failed", field), found
    assert found["code"] == ("not_found" if kind == "upload" else "not_allowed")


@pytest.mark.parametrize("status", [200, 401])
@pytest.mark.parametrize("kind", QUOTING_KINDS)
def test_no_answer_tells_what_a_server_quotes(place, kind, status, caplog, monkeypatch):
    """A server that sends back all that it was sent: not the answer, not the log, not what is kept."""

    def quoting(asked):
        said = json.dumps({"error": f"{CANARY} {asked.headers} {asked.body!r}", "code": CANARY})
        return status, {"content-type": "application/json"}, said.encode()

    with service(quoting) as server:
        allow(place, monkeypatch, server.url)
        config = QUOTING_KINDS[kind](server.url, 0)
        name = f"quoted_{kind}_{status}"
        assert create(place, name, kind, **config).status_code == 201
        tested = place.admin.post("/api/connectors/test", json={"source": name})
        shown = place.admin.get(f"/api/sources/{name}")
        assert server.asked
    assert tested.json()["status"] in {"failed", "error"}
    assert shown.json()["last_test"]["message"] == tested.json()["message"]
    told = tested.text + shown.text + str(place.audit()) + caplog.text.replace("httpx", "")
    assert CANARY not in told
    assert CANARY.encode() not in stored_bytes(place)


def allow(place, monkeypatch, url):
    """Let sources reach a server of a test."""
    with place.project.site.current.acquire() as filesync:
        settings = filesync.config.settings.tables
        allowed = (*settings.allow_hosts, url.removeprefix("http://"))
        monkeypatch.setitem(settings.__dict__, "allow_hosts", allowed)


def test_an_allowed_server_sends_nobody_on(place, monkeypatch):
    """A redirect to what is not allowed is not followed, and the listener there hears nothing."""
    with listening() as forbidden:
        target = f"http://127.0.0.1:{forbidden.port}/latest/meta-data/"
        with service(lambda asked: (302, {"location": target}, b"")) as server:
            allow(place, monkeypatch, server.url)
            given = {"type": "api", "config": {"base_url": server.url, "endpoints": [{"path": "/x"}]}}
            found = place.admin.post("/api/connectors/test", json=given).json()
            assert server.asked
        assert (found["status"], forbidden.connections) == ("failed", 0)


def test_a_source_that_works(place, monkeypatch):
    """The answer has the server, its tables, and how long it took; it is noted with the source."""
    rows = {"data": [{"id": number, "mail": f"u{number}@example.com"} for number in range(30)]}
    with service(lambda asked: (200, {"content-type": "application/json"}, rows)) as server:
        allow(place, monkeypatch, server.url)
        create(place, "working", "api", base_url=server.url, endpoints=[{"path": "/people"}])
        found = place.admin.post("/api/connectors/test", json={"source": "working"}).json()
        tables = place.admin.post("/api/connectors/discover", json={"source": "working"}).json()["tables"]
    assert (found["status"], found["available"], found["type"]) == ("success", True, "api")
    assert [table["name"] for table in found["tables"]] == ["people"]
    assert [table["name"] for table in tables] == ["people"]
    last = place.admin.get("/api/sources/working").json()["last_test"]
    assert (last["status"], last["server"]) == ("success", found["server"])
    change(place.admin, "working", config={"limit": 3})
    assert place.admin.get("/api/sources/working").json()["last_test"] is None


def test_a_host_that_says_nothing_is_answered_for(place, monkeypatch):
    """With `timeout`, whatever a driver does."""
    monkeypatch.setattr("filesync_dagster.web.sources.TEST_SECONDS", 0.6)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        allow(place, monkeypatch, f"http://127.0.0.1:{port}")
        given = {"type": "api", "config": {"base_url": f"http://127.0.0.1:{port}", "endpoints": [{"path": "/x"}]}}
        assert place.admin.post("/api/connectors/test", json=given).json()["code"] == "timeout"


def test_who_tests_too_often_waits(place, monkeypatch):
    """429 with Retry-After, for this user alone."""
    with place.project.site.current.acquire() as filesync:
        monkeypatch.setitem(filesync.config.settings.tables.__dict__, "tests_per_minute", 2)
    one, other = place.browser("operator"), place.browser("operator")
    answers = [one.post("/api/connectors/test", json={"type": "nothing"}) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 61
    assert other.post("/api/connectors/test", json={"type": "nothing"}).status_code == 200
    assert place.admin.get("/api/limits").json()["tests_per_minute"] == 2
