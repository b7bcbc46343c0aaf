"""Generations over HTTP: asked for as Synthe-Flow's clients do, watched, cancelled, exported, taken away, forgotten."""

import hashlib
import json
import os
import re
import signal
import subprocess
import time
import zipfile
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from filesync_dagster.core.errors import TableError
from filesync_dagster.storage.database.processes import Process
from filesync_dagster.tables.sessions.comparison_request import ComparisonRequest, restore_comparison
from filesync_dagster_tests.tables.sessions.places import DESCRIBED, RELATION, files_of, wait_for
from filesync_dagster_tests.tables.sources.postgres_server import connected, settings_of, wire_to
from filesync_dagster_tests.web.conftest import ENDPOINTS, TOKEN, made_in, served, signed_in

SETTINGS = """settings:
  tables:
    {generations_per_hour: 1000, running_sessions: 2, queued_sessions: 20, allow_hosts: [127.0.0.1]}
"""
MAY = {"authorization": f"Bearer {TOKEN}"}
SLOW = {"tables": DESCRIBED["tables"], "relationships": [RELATION], "scale": 900, "random_seed": 3, "wait_s": 0}
"""A request that takes long enough to be cancelled."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a project whose server works on generations, and a client of it."""
    with made_in(tmp_path_factory.mktemp("generations")) as project:
        project.file.write_text(SETTINGS + ENDPOINTS)
        with served(project.site) as url, httpx.Client(base_url=url, headers=MAY, timeout=300) as client:
            yield project, client


@pytest.fixture
def fresh(project):
    """Return a client of a project where nobody works on generations, and its database."""
    project.file.write_text("settings:\n  tables: {generations_per_hour: 3, queued_sessions: 2}\n" + ENDPOINTS)
    with project.site.current.acquire() as filesync:
        yield project.client(**MAY), filesync.runtime


def until_completed(client, answer):
    """Return a generation once it has ended, however busy the machine is."""
    session_id = answer["session_id"]
    until = time.monotonic() + 240
    answer = client.get(f"/api/sdv/status/{session_id}").json()
    while answer["status"] == "processing" and time.monotonic() < until:
        time.sleep(0.2)
        answer = client.get(f"/api/sdv/status/{session_id}").json()
    assert answer["status"] == "completed", answer
    return answer


def rows_of_people():
    """Return two files: people, and what they ordered."""
    people = "id,name,age,city\n" + "".join(f"{n},Name{n},{n * 7 % 61},{'ABC'[n % 3]}\n" for n in range(1, 121))
    orders = "id,person_id,amount\n" + "".join(f"{n},{n * 13 % 120 + 1},{n % 97}.50\n" for n in range(1, 301))
    return {"people": people, "orders": orders}


def test_a_client_of_synthe_flow_is_served(place):
    """Upload, available, test, generate with two tables and a relation, status, validate, content: as it always did."""
    _, client = place
    paths = {}
    for name, text in rows_of_people().items():
        sent = client.post("/api/upload/file", files={"file": (f"{name}.csv", text, "text/csv")})
        assert sent.status_code == 201
        assert {"filename", "original_name", "size", "path"} <= set(sent.json())
        paths[name] = sent.json()

    known = client.get("/api/connectors/available").json()["connectors"]
    assert "postgres" in {connector["type"] for connector in known}
    files = [one["path"] for one in paths.values()]
    tested = client.post("/api/connectors/test", json={"type": "local", "config": {}, "file_paths": files})
    assert tested.json()["status"] == "success"

    request = {
        "tables": [
            {
                "name": "people",
                "description": "Who buys",
                "columns": [
                    {"name": "id", "data_type": "INTEGER", "is_nullable": False, "is_primary_key": True},
                    {"name": "name", "data_type": "VARCHAR"},
                    {"name": "age", "data_type": "INTEGER", "business_rules": ["between 0 and 100"]},
                    {"name": "city", "data_type": "VARCHAR", "enhanced_description": None},
                ],
            },
            {
                "name": "orders",
                "columns": [
                    {"name": "id", "data_type": "INTEGER", "is_primary_key": True, "is_unique": True},
                    {"name": "person_id", "data_type": "INTEGER"},
                    {"name": "amount", "data_type": "NUMERIC", "business_rules": "at most 50; nobody knows why"},
                ],
            },
        ],
        "relationships": [
            {
                "source_table": "people",
                "source_column": "id",
                "target_table": "orders",
                "target_column": "person_id",
                "relationship_type": "one_to_many",
            }
        ],
        "data_sources": [{"type": "local", "config": {}, "file_paths": files}],
        "scale": 1.0,
        "quality_settings": {"threshold": 0.5, "include_relationships": True},
        "output_format": "json",
        "random_seed": 42,
    }
    checked = client.post("/api/sdv/validate-request", json=request).json()
    assert (checked["valid"], checked["tables_count"], checked["data_sources_count"]) == (True, 2, 1)
    made = client.post("/api/sdv/generate", json=request)
    assert made.status_code in {200, 202}
    assert {"session_id", "status", "synthetic_data", "quality_metrics", "output_files", "error"} <= set(made.json())
    status = until_completed(client, made.json())
    assert {"session_id", "status", "data", "output_files", "error"} <= set(status)
    assert set(status["data"]) == {"people", "orders"}
    keys = {row["id"] for row in status["data"]["people"]}
    assert {row["person_id"] for row in status["data"]["orders"]} <= keys
    assert status["error"] is None
    check_words(client, status)

    check_quality(client, files, request, status)
    content = client.get(f"/api/upload/file/{paths['people']['filename']}/content", params={"max_rows": 2}).json()
    assert len(content["content"]) == 2

    differs = json.loads(json.dumps(request))
    differs["tables"][1]["columns"][2]["name"] = "total"
    refused = client.post("/api/sdv/generate", json=differs).json()
    while refused["status"] == "processing":
        time.sleep(0.2)
        refused = client.get(f"/api/sdv/status/{refused['session_id']}").json()
    assert refused["error_code"] == "tables_differ"
    assert "orders.total" in refused["error"]
    assert "orders.amount" in refused["error"]


def check_quality(client, files, request, status):
    """What a generation made is as alike as it says, also compared with its files, as any two data sets are."""
    for body in (request, {"session_id": status["session_id"]}):
        valid = client.post("/api/sdv/validate", json=body).json()
        assert 0 < valid["quality_score"] <= 1
        assert set(valid["metrics"]) == {"distribution_similarity", "correlation_preservation", "privacy_score"}
    assert valid["quality_score"] == status["quality"]["score"]
    real = {"data_sources": request["data_sources"], "relationships": request["relationships"]}
    body = {"real": real, "synthetic": {"session_id": status["session_id"]}, "wait_s": 0, "random_seed": 42}
    asked = client.post("/api/sdv/validate", json=body)
    assert (asked.status_code, asked.json()["status"]) == (202, "processing"), asked.text
    found = until_compared(client, asked)
    assert found.status_code == 200, found.text
    answer, session_id = found.json(), asked.json()["session_id"]
    assert answer["session_id"] == session_id
    assert answer["quality_score"] == pytest.approx(status["quality"]["score"], abs=0.05)
    assert set(answer["metrics"]) == {"distribution_similarity", "correlation_preservation", "privacy_score"}
    assert 0 <= answer["metrics"]["privacy_score"] <= 1
    assert [table["name"] for table in answer["privacy"]["tables"]] == ["people", "orders"]
    assert [one["child"] for one in answer["quality"]["relations"]] == ["orders"]
    assert session_id not in client.get("/api/sdv/sessions").text
    assert client.post(f"/api/sdv/sessions/{session_id}/export", json={"format": "csv"}).status_code == 409

    other = {"data_sources": [{"type": "local", "config": {}, "file_paths": files[1:]}]}
    fails = until_compared(client, client.post("/api/sdv/validate", json={**body, "synthetic": other}))
    assert (fails.status_code, fails.json()["code"]) == (422, "not_comparable")
    assert "people" in fails.json()["error"]


def until_compared(client, asked):
    """Return the answer to a comparison once there is one, however busy the machine is."""
    until, found = time.monotonic() + 240, asked
    while found.status_code == 202 and time.monotonic() < until:
        time.sleep(0.2)
        found = client.post("/api/sdv/validate", json={"session_id": asked.json()["session_id"]})
    return found


def check_words(client, status):
    """What is said in words holds where all rows obey it; what they break, and what says nothing, is told."""
    report = client.get(f"/api/sdv/sessions/{status['session_id']}/report").json()
    assert ["age"] in [rule["columns"] for rule in report["rules"] if rule["kind"] == "range"]
    unused = [one["message"] for one in status["warnings"] if one["code"] == "business_rules_unused"]
    assert [("rows of orders break" in text, "nobody knows why" in text) for text in sorted(unused)] == [
        (True, False),
        (False, True),
    ]


def events_of(text):
    """Return server-sent events as (id, kind, session)."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return found


def test_a_generation_is_watched_exported_taken_away_and_forgotten(place):
    """Events tell what polling tells; a file comes whole or in parts; what is exported later is the same rows."""
    project, client = place
    asked = client.post("/api/sdv/generate", json={**DESCRIBED, "wait_s": 0, "random_seed": 5}).json()
    one = f"/api/sdv/sessions/{asked['session_id']}"
    events = events_of(client.get(f"{one}/events").text)

    assert [kind for _, kind, _ in events][-1] == "done"
    assert [number for number, _, _ in events] == sorted({number for number, _, _ in events})
    percents = [session["progress"]["percent"] for _, _, session in events]
    assert percents == sorted(percents)
    assert events[-1][2]["state"] == "completed"
    again = events_of(client.get(f"{one}/events", headers={"last-event-id": str(events[-1][0])}).text)
    assert again == [events[-1]]
    of_something_else = events_of(client.get(f"{one}/events", headers={"last-event-id": "x"}).text)
    assert of_something_else == events_of(client.get(f"{one}/events").text)

    check_files(client, one)
    check_rows_and_report(client, one)
    check_export(client, one)
    assert client.post(f"{one}/pin", json={"pinned": True}).json()["expires_at"] is None
    assert client.delete(one).status_code == 204
    assert client.get(f"/api/sdv/status/{asked['session_id']}").status_code == 404
    with project.site.current.acquire() as filesync:
        assert files_of(filesync.runtime, asked["session_id"]) == []


def check_files(client, one):
    """Take files away, whole and in parts."""
    files = {file["name"]: file for file in client.get(f"{one}/files").json()["files"]}
    assert {"synthetic_data.json", "manifest.json", "report.json", "table_customers.parquet"} <= set(files)
    whole = client.get(files["synthetic_data.json"]["url"])
    assert hashlib.sha256(whole.content).hexdigest() == files["synthetic_data.json"]["sha256"]
    assert whole.headers["content-disposition"].startswith("attachment")
    assert whole.headers["x-content-type-options"] == "nosniff"
    part = client.get(files["synthetic_data.json"]["url"], headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    same = client.get(files["synthetic_data.json"]["url"], headers={"if-none-match": whole.headers["etag"]})
    assert (same.status_code, same.content) == (304, b"")
    assert client.get(f"{one}/files/..%2Freport.json").status_code == 404


def check_rows_and_report(client, one):
    """Look at rows and at what was measured."""
    rows = client.get(f"{one}/rows", params={"table": "orders", "limit": 2, "offset": 99}).json()
    assert (len(rows["rows"]), rows["total"], rows["next_offset"]) == (1, 100, None)
    assert client.get(f"{one}/rows", params={"table": "nothing"}).status_code == 404
    report = client.get(f"{one}/report").json()
    assert (report["schema_only"], report["quality"], len(report["relations"])) == (True, None, 1)
    judged = client.post("/api/sdv/validate", json={"session_id": one.rpartition("/")[2]})
    assert (judged.status_code, judged.json()["code"]) == (422, "not_comparable")


def check_export(client, one):
    """Have it exported into another format."""
    export = ended_export(client, one, {"format": "csv", "options": {"delimiter": ";"}})
    assert export["state"] == "completed", export
    assert {Path(file["name"]).suffix for file in export["files"]} == {".zip", ".json"}
    assert client.get(f"{one}/files").json()["exports"] == [export]
    assert client.post(f"{one}/exports/{export['export_id']}/cancel").json() == export
    assert client.get(f"{one}/exports/nothing").json()["code"] == "not_found"
    assert client.post(f"{one}/export", json={"format": "csv", "options": {"delimiter": "x"}}).status_code == 422


def ended_export(client, one, order, until_state=("completed", "failed", "cancelled")):
    """Order an export, and return it once it has ended or is in some state."""
    ordered = client.post(f"{one}/export", json=order)
    assert ordered.status_code == 202, ordered.text
    return wait_for_export(client, one, ordered.json()["export_id"], until_state)


def wait_for_export(client, one, export_id, states=("completed", "failed", "cancelled")):
    """Return an export once it is in some state, however busy the machine is."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        export = client.get(f"{one}/exports/{export_id}").json()
        if export["state"] in states:
            break
        time.sleep(0.2)
    return export


def test_a_generation_goes_into_a_database(place, postgres_url):
    """With its keys, all of it or nothing: not into what is there, not to a host that is denied, not once cancelled."""
    project, client = place
    asked = client.post("/api/sdv/generate", json={**DESCRIBED, "random_seed": 6}).json()
    one, secret = f"/api/sdv/sessions/{until_completed(client, asked)['session_id']}", "canary-5b1f0e77"
    with wire_to(postgres_url) as wire, connected(postgres_url) as database, database.cursor() as cursor:
        config = {**settings_of(postgres_url), "host": "127.0.0.1", "port": wire.port, "password": secret}

        def order(schema, **changed):
            target = {"type": "postgres", "config": {**config, **changed}, "schema": schema}
            return {"format": "database", "target": target}

        export = ended_export(client, one, order("made"))
        assert (export["state"], export["written"]) == ("completed", {"customers": 100, "orders": 100}), export
        assert (export["target"]["schema"], export["files"]) == ("made", [])
        cursor.execute("SELECT count(*) FROM made.orders JOIN made.customers ON customers.id = customer_id")
        assert cursor.fetchone() == (100,)
        cursor.execute("SELECT contype::text FROM pg_constraint WHERE conrelid = 'made.orders'::regclass ORDER BY 1")
        assert ("f",) in cursor.fetchall()
        there = ended_export(client, one, order("made"))
        assert (there["state"], there["error_code"]) == ("failed", "exists")
        denied = ended_export(client, one, order("other", host="169.254.169.254"))
        assert (denied["state"], denied["error_code"]) == ("failed", "not_allowed")

        holder = connected(postgres_url)
        holder.autocommit = False
        holder.cursor().execute("CREATE SCHEMA held")  # whoever makes the same waits for the end of this transaction
        waiting = ended_export(client, one, order("held"), ("exporting",))
        until = time.monotonic() + 60
        while wire.connections < 3 and time.monotonic() < until:
            time.sleep(0.05)
        told = client.post(f"{one}/exports/{waiting['export_id']}/cancel").json()
        assert (told["state"], told["cancel_asked"]) == ("exporting", True)
        cancelled = wait_for_export(client, one, waiting["export_id"])
        assert (cancelled["state"], cancelled["error"], cancelled["written"]) == ("cancelled", None, None)
        holder.rollback()
        holder.close()
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname IN ('made', 'other', 'held')")
        assert cursor.fetchall() == [("made",)]
    answers = [client.get(f"{one}/files").text, client.get(f"{one}/exports/{export['export_id']}").text]
    assert [text for text in answers if secret in text] == []
    for path in Path(project.folder / "home").rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()
    database.close()


@pytest.mark.parametrize(
    ("target", "status", "field"),
    [
        ({"source": "nobody", "schema": "s"}, 404, "source"),
        ({"schema": "s"}, 400, None),
        ({"source": "lake", "schema": "s"}, 422, "target.source"),
        ({"source": "lake", "type": "postgres", "config": {}, "schema": "s"}, 400, None),
        ({"type": "postgres", "config": {"host": "a"}, "schema": "s"}, 400, "target.config.database"),
        ({"type": "postgres", "config": {}, "schema": "pg_own"}, 400, "target.schema"),
        ({"type": "postgres", "config": {}, "schema": "ü" * 40}, 400, "target.schema"),
    ],
)
def test_a_database_that_cannot_be_is_refused_before_it_waits(fresh, target, status, field):
    """With the field to correct: nothing waits afterwards, and what waits is cancelled at once."""
    client, runtime = fresh
    client.post("/api/sources", json={"name": "lake", "type": "s3", "config": {"bucket": "b", "file_paths": ["x.csv"]}})
    one = completed_session(client, runtime)
    refused = client.post(f"{one}/export", json={"format": "database", "target": target})
    assert (refused.status_code, refused.json()["field"]) == (status, field), refused.text
    assert client.get(f"{one}/files").json()["exports"] == []
    waits = client.post(f"{one}/export", json={"format": "csv"}).json()
    assert waits["state"] == "queued"
    assert client.post(f"{one}/exports/{waits['export_id']}/cancel").json()["state"] == "cancelled"


def test_what_is_cancelled_leaves_nothing(place):
    """Neither a file nor a process: also of a worker that does not listen, which is killed."""
    project, client = place
    asked = client.post("/api/sdv/generate", json=SLOW).json()
    with project.site.current.acquire() as filesync:
        runtime = filesync.runtime
        wait_for(runtime, asked["session_id"], {"fitting", "generating"})
        worker = Process.parse(dict(runtime.metadata.sessions.get(asked["session_id"]).worker))
        os.kill(worker.pid, signal.SIGSTOP)
        told = client.post(f"/api/sdv/sessions/{asked['session_id']}/cancel").json()
        assert told["cancel_asked"]
        record = wait_for(runtime, asked["session_id"], seconds=60)

        assert record.state == "cancelled"
        assert worker.is_dead()
        until = time.monotonic() + 60
        while files_of(runtime, asked["session_id"]) and time.monotonic() < until:
            time.sleep(0.05)
        assert files_of(runtime, asked["session_id"]) == []
    ended = client.get(f"/api/sdv/status/{asked['session_id']}").json()
    assert (ended["status"], ended["error_code"], ended["data"]) == ("error", "cancelled", None)


def test_limits_hold(fresh):
    """So many wait, so many are asked for in an hour: 429 says when to try again. What is repeated counts once."""
    client, runtime = fresh
    body = {**DESCRIBED, "wait_s": 0}
    first = client.post("/api/sdv/generate", json=body, headers={"idempotency-key": "k"})
    assert first.status_code == 202
    again = client.post("/api/sdv/generate", json=body, headers={"idempotency-key": "k"})
    assert again.json()["session_id"] == first.json()["session_id"]
    other = client.post("/api/sdv/generate", json={**body, "scale": 2}, headers={"idempotency-key": "k"})
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key")
    second = client.post("/api/sdv/generate", json=body).json()
    full = client.post("/api/sdv/generate", json=body)
    assert (full.status_code, full.json()["code"]) == (429, "too_many_queued")
    assert int(full.headers["retry-after"]) > 0
    cancelled = client.post(f"/api/sdv/sessions/{second['session_id']}/cancel").json()
    assert cancelled["state"] == "cancelled"
    again = client.post(f"/api/sdv/sessions/{second['session_id']}/rerun")
    assert (again.status_code, again.json()["seed"]) == (202, second["seed"])
    assert client.post(f"/api/sdv/sessions/{first.json()['session_id']}/cancel").status_code == 200
    often = client.post("/api/sdv/generate", json=body)
    assert (often.status_code, often.json()["code"]) == (429, "too_many_recent")
    assert 0 < int(often.headers["retry-after"]) <= 3600
    assert runtime.metadata.sessions.counts() == {"cancelled": 2, "queued": 1}
    assert client.request("DELETE", f"/api/sdv/sessions/{second['session_id']}").status_code == 204
    often = client.post("/api/sdv/generate", json=body)  # whoever forgets what they asked for has asked all the same
    assert (often.status_code, often.json()["code"]) == (429, "too_many_recent")
    assert 0 < int(often.headers["retry-after"]) <= 3600
    done = [record.what for record in runtime.metadata.audit.newest()]
    assert done.count("session.started") == 4  # one of them came twice


def test_each_who_signed_in_has_a_budget_of_their_own(fresh):
    """What one of the console asks for in an hour takes nothing from another: the audit log tells them apart."""
    client, runtime = fresh
    ann, bob = (signed_in(client.app, runtime.metadata) for _ in range(2))
    for expected in (202, 202, 202, 429):
        answer = ann.post("/api/sdv/generate", json={**DESCRIBED, "wait_s": 0})
        assert answer.status_code == expected, answer.text
        if expected == 202:
            ann.post(f"/api/sdv/sessions/{answer.json()['session_id']}/cancel")
    assert answer.json()["code"] == "too_many_recent"
    assert bob.post("/api/sdv/generate", json={**DESCRIBED, "wait_s": 0}).status_code == 202
    assert len({one.who for one in runtime.metadata.audit.newest() if one.what == "session.started"}) == 2


def completed_session(client, runtime):
    """Return the path of a generation that nobody worked on, and that is completed all the same."""
    session_id = client.post("/api/sdv/generate", json={**DESCRIBED, "wait_s": 0}).json()["session_id"]
    me = Process.current()
    runtime.metadata.sessions.claim(me, running_max=1)
    assert runtime.metadata.sessions.finish(session_id, me, "completed", keep=timedelta(days=1))
    return f"/api/sdv/sessions/{session_id}"


def test_so_many_exports_wait_and_none_keeps_its_secret_beyond_its_session(project, fresh):
    """One more is answered with 429; once the generation is forgotten, the password of its export is, too."""
    client, runtime = fresh
    one = completed_session(client, runtime)
    config = {"host": "db.example.com", "database": "d", "username": "u", "password": "canary-3d9e"}
    target = {"type": "postgres", "config": config, "schema": "s"}
    waits = client.post(f"{one}/export", json={"format": "database", "target": target})
    assert client.post(f"{one}/export", json={"format": "csv"}).status_code == waits.status_code == 202
    full = client.post(f"{one}/export", json={"format": "csv"})
    assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (429, "too_many_queued", "30")
    export = runtime.metadata.session_files.export(one.rpartition("/")[2], waits.json()["export_id"])
    assert project.site.session_secrets.reveal(export) == {"password": "canary-3d9e"}
    assert client.request("DELETE", one).status_code == 204
    with pytest.raises(TableError, match="gone"):
        project.site.session_secrets.reveal(export)


def test_lists_are_paged(fresh):
    """The newest first; a page goes on where the one before it ended."""
    client, _ = fresh
    ids = [client.post("/api/sdv/generate", json={**DESCRIBED, "wait_s": 0}).json()["session_id"] for _ in range(2)]
    first = client.get("/api/sdv/sessions", params={"limit": 1}).json()
    second = client.get("/api/sdv/sessions", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [first["items"][0]["session_id"], second["items"][0]["session_id"]] == ids[::-1]
    assert (second["next_cursor"], first["counts"]) == (None, {"queued": 2})
    assert client.get("/api/sdv/sessions", params={"state": "failed"}).json()["items"] == []
    assert client.get("/api/sdv/sessions", params={"cursor": "WyJhIiwiYiJd"}).status_code == 400


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"tables": []}, "tables"),
        ({"scale": 5000}, "scale"),
        ({"engine": "mostlyai"}, "engine"),
        ({"export_options": {"delimiter": "x"}}, "export_options.delimiter"),
        ({"relationships": [{**RELATION, "target_table": "nobody"}]}, "relationships.0.target_table"),
        ({"sources": ["nobody"]}, "sources.0"),
        (
            {"data_sources": [{"type": "local", "config": {}, "file_paths": ["uploads/x.csv"]}]},
            "data_sources.0.file_paths",
        ),
        (
            {"data_sources": [{"type": "upload", "config": {"file_paths": ["/etc/passwd"]}}]},
            "data_sources.0.file_paths",
        ),
        ({"data_sources": [{"type": "nothing"}]}, "data_sources.0.type"),
        ({"data_sources": [{"type": "postgres", "config": {"host": "a"}}]}, "data_sources.0.config.database"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_refused_before_it_waits(fresh, change, field):
    """With the field to correct, by `validate-request` in the same words; nothing waits afterwards."""
    client, runtime = fresh
    body = {**DESCRIBED, **change}
    refused = client.post("/api/sdv/generate", json=body)
    said = refused.json()
    assert (refused.status_code, said["field"]) == (422, field)
    assert said["detail"] == said["error"]
    assert ("filesync engine install mostlyai" in said["error"]) == (field == "engine")
    judged = client.post("/api/sdv/validate-request", json=body).json()
    assert (judged["valid"], judged["problems"][0]["path"]) == (False, field)
    assert runtime.metadata.sessions.counts() == {}


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"real": {}}, 422, "real"),
        ({"synthetic": {"session_id": "nothing"}}, 422, "synthetic.session_id"),
        ({"synthetic": {"sources": ["nobody"]}}, 422, "synthetic.sources.0"),
        ({"real": 1}, 400, None),
        ({"wait_s": 31}, 400, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_compared_is_refused_before_it_waits(fresh, change, status, field):
    """With the field to correct; nothing waits afterwards."""
    client, runtime = fresh
    source = {"type": "api", "config": {"base_url": "https://a.example", "endpoints": [{"path": "/x"}]}}
    body = {"real": {"data_sources": [source]}, "synthetic": {"data_sources": [source]}, **change}
    refused = client.post("/api/sdv/validate", json=body)
    assert (refused.status_code, refused.json()["field"]) == (status, field), refused.text
    assert runtime.metadata.sessions.find_unfinished() == []


def test_a_secret_of_a_request_is_nowhere(fresh, caplog):
    """Neither in the database nor in an answer nor in the log: without a key, it is in this process alone."""
    client, runtime = fresh
    secret = "canary-7f3a91c2"
    config = {"host": "db.example.com", "database": "d", "username": "u", "password": secret}
    body = {"data_sources": [{"type": "postgres", "config": config}], "wait_s": 0}
    answers = [client.post("/api/sdv/generate", json=body).text]
    session_id = json.loads(answers[0])["session_id"]
    answers += [client.get(f"/api/sdv/{path}").text for path in (f"status/{session_id}", "sessions", "health")]
    answers.append(client.post("/api/sdv/validate-request", json={**body, "scale": secret}).text)
    assert [text for text in answers if secret in text] == []
    assert secret not in caplog.text
    record = runtime.metadata.sessions.get(session_id)
    assert secret not in repr(record)
    assert list(record.secrets_encrypted.values()) == ["memory"]
    other = {"data_sources": [{"type": "postgres", "config": {**config, "password": f"{secret}-2"}}]}
    both = {"real": body, "synthetic": other, "wait_s": 0}
    compared = client.post("/api/sdv/validate", json=both)
    assert compared.status_code == 202, compared.text
    record = runtime.metadata.sessions.get(compared.json()["session_id"])
    assert record.secrets_encrypted == {"real.0.password": "memory", "synthetic.0.password": "memory"}
    assert secret not in repr(record) + compared.text
    restored = restore_comparison(record.request, {"real.0.password": secret, "synthetic.0.password": f"{secret}-2"})
    assert restored.real.data_sources[0].config == config
    assert restored.synthetic.data_sources == ComparisonRequest.model_validate(both).synthetic.data_sources
    for path in Path(runtime.home).rglob("*"):
        assert not path.is_file() or secret.encode() not in path.read_bytes()


@pytest.mark.slow
def test_twelve_clients_and_a_restart(tmp_path):
    """Twelve ask at once, half cancel, the server is restarted: limits hold, states are true, nothing is left over."""
    with made_in(tmp_path) as project:
        project.file.write_text(SETTINGS + ENDPOINTS)
        body = {**SLOW, "scale": 50}
        with served(project.site) as url, httpx.Client(base_url=url, headers=MAY, timeout=300) as client:
            ids = [client.post("/api/sdv/generate", json=body).json()["session_id"] for _ in range(12)]
            for session_id in ids[::2]:
                client.post(f"/api/sdv/sessions/{session_id}/cancel")
            with project.site.current.acquire() as filesync:
                wait_for(filesync.runtime, ids[1], {"fitting", "generating", "checking", "exporting", "completed"})
                counts = filesync.runtime.metadata.sessions.counts()
            running = sum(
                counts.get(state, 0) for state in ("reading", "fitting", "generating", "checking", "exporting")
            )
            assert running <= 2
        with served(project.site), project.site.current.acquire() as filesync:
            runtime = filesync.runtime
            records = [wait_for(runtime, session_id) for session_id in ids]
            assert {record.state for record in records[::2]} <= {"cancelled", "completed"}
            odd = [(record.state, record.error_code) for record in records[1::2]]
            assert set(odd) <= {("completed", None), ("failed", "interrupted")}
            assert odd.count(("failed", "interrupted")) <= 2
            assert odd.count(("completed", None)) >= 4
            for record in records:
                assert (files_of(runtime, record.id) == []) == (record.state != "completed")


def test_the_examples_of_the_page_work(place, tmp_path):
    """Each of docs/tables-api.md, in their order, of the session that the first one asked for."""
    _, client = place
    page = (Path(__file__).parents[2] / "docs" / "tables-api.md").read_text()
    commands = [one for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) for one in commands_in(block)]
    variables = {"FILESYNC": str(client.base_url).rstrip("/"), "FILESYNC_API_TOKEN": TOKEN, "PATH": os.environ["PATH"]}
    for number, command in enumerate(commands):
        run = ["bash", "-c", command.replace("curl -sS", "curl -sS --fail-with-body", 1)]
        done = subprocess.run(
            run, cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        if number == 0:
            variables["SESSION"] = json.loads(done.stdout)["session_id"]
        if '"format": "database"' in command:
            variables["EXPORT"] = json.loads(done.stdout)["export_id"]
    assert len(commands) == 18
    assert zipfile.ZipFile(tmp_path / "synthetic_data.zip").testzip() is None


def commands_in(block):
    """Return the commands of an example."""
    return [f"curl{one}".strip() for one in re.split(r"^curl", block, flags=re.MULTILINE)[1:]]
