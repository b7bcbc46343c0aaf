"""/health and /ready: what is wrong is found, named, and as bad as it is."""

import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from filesync_dagster import Filesync
from filesync_dagster.orchestration.client import announce_url
from filesync_dagster.storage.database import AlertRecord
from filesync_dagster.web.health import CachedAnswer
from filesync_dagster.web.site import ConfigHolder
from filesync_dagster_tests.web.conftest import ENDPOINTS, NOBODY, TOKEN


def component(answer, name):
    """One component of a health answer."""
    return next(c for c in answer.json()["components"] if c["name"] == name)


def endpoint(answer, name):
    """One endpoint of a health answer."""
    return next(e for e in answer.json()["endpoints"] if e["endpoint"] == name)


def long_ago(project, *statements):
    """Let what the database knows have happened ten days ago."""
    moment = datetime.now(UTC) - timedelta(days=10)
    with Filesync.open(project.file) as filesync, filesync.runtime.metadata._database.write_transaction() as connection:
        for statement in statements:
            connection.execute(text(statement), {"then": f"{moment:%Y-%m-%d %H:%M:%S.%f}"})


def test_all_is_well(project, client):
    """Anybody may ask; each endpoint tells of its last look at its store."""
    project.file.write_text(ENDPOINTS.replace("nowhere", "store"))
    project.sync("docs", "lost")

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert {c["name"]: c["status"] for c in answer.json()["components"]} == {
        "configuration": "ok",
        "database": "ok",
        "snapshots": "ok",
    }
    states = {e["endpoint"]: e["state"] for e in answer.json()["endpoints"]}
    assert states == {"docs": "ok", "lost": "ok", "idle": "disabled"}
    assert all(e["checked_at"] for e in answer.json()["endpoints"] if e["endpoint"] != "idle")
    assert client.get("/ready").json() == {"ready": True, "error": None}


def test_an_endpoint_that_fails_degrades(project, client):
    """It is named with its error, and the server is not restarted for it."""
    project.sync("docs", "lost")

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    lost = next(e for e in answer.json()["endpoints"] if e["endpoint"] == "lost")
    assert lost["state"] == "failed"
    assert "nowhere" in lost["error"]


def test_a_broken_entry_degrades_as_soon_as_it_is_written(project, client):
    """The edit is seen without a restart."""
    assert component(client.get("/health"), "configuration")["status"] == "ok"
    project.file.write_text(ENDPOINTS + "  - {name: new, type: s4}\n")
    project.site.current._looked = 0.0

    answer = project.client(authorization=f"Bearer {TOKEN}").get("/health")

    assert component(answer, "configuration")["status"] == "degraded"
    assert "s4" in component(answer, "configuration")["detail"]
    assert answer.status_code == 200


def test_a_file_that_cannot_be_read_leaves_the_last_good_one(project, client):
    """Requests are answered from what was good."""
    assert client.get("/ready").json()["ready"]
    project.file.write_text("endpoints: [")
    project.site.current._looked = 0.0

    fresh = project.client(authorization=f"Bearer {TOKEN}")
    assert component(fresh.get("/health"), "configuration")["status"] == "degraded"
    assert fresh.get("/ready").status_code == 200


def test_a_database_that_is_away_is_not_ready(project, monkeypatch):
    """Both say so, with what to do, and without the password."""
    monkeypatch.setenv("FILESYNC_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/filesync")
    client = project.client(authorization=f"Bearer {TOKEN}")

    health, ready = client.get("/health"), client.get("/ready")

    assert (health.status_code, ready.status_code) == (503, 503)
    assert component(health, "database")["status"] == "failing"
    assert not ready.json()["ready"]
    assert "hunter2" not in health.text + ready.text


def test_snapshots_that_cannot_be_written_are_failing(project, monkeypatch):
    """A file stands where the folder should be."""
    (project.folder / "taken").write_text("")
    monkeypatch.setenv("FILESYNC_SNAPSHOT_ROOT", str(project.folder / "taken"))

    answer = project.client(authorization=f"Bearer {TOKEN}").get("/health")

    assert answer.status_code == 503
    assert component(answer, "snapshots")["status"] == "failing"
    assert component(answer, "database")["status"] == "ok"


def test_a_snapshot_bucket_is_looked_into(project, monkeypatch, moto_s3):
    """One that is there is fine; one that is not is failing."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", moto_s3.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", moto_s3.secret_access_key)
    host = moto_s3.endpoint_url.removeprefix("http://")
    found = []
    for bucket in (moto_s3.bucket(), "not-a-bucket"):
        root = f"s3://{bucket}/data?region=us-east-1&endpoint_override={host}&scheme=http"
        monkeypatch.setenv("FILESYNC_SNAPSHOT_ROOT", root)
        other = replace(project, site=replace(project.site, current=ConfigHolder(project.file)))
        found.append(component(other.client().get("/health"), "snapshots")["status"])
        other.site.close()

    assert found == ["ok", "failing"]


def test_dagster_is_asked_when_it_is_said_where(project):
    """A web server that does not answer is failing: nothing is synced by itself then."""
    client = replace(project, site=replace(project.site, dagster_url=NOBODY)).client(authorization=f"Bearer {TOKEN}")

    answer = client.get("/health")

    assert answer.status_code == 503
    assert component(answer, "dagster_webserver")["status"] == "failing"
    assert "FILESYNC_DAGSTER_URL" in component(answer, "dagster_webserver")["detail"]
    assert "filesync_dagster_webserver_up 0.0" in client.get("/metrics").text


def test_the_dagster_of_filesync_up_is_asked(project, client):
    """Which says in FILESYNC_HOME where it serves. One that was killed has not taken that back: it is missed."""
    assert "dagster_webserver" not in {c["name"] for c in client.get("/health").json()["components"]}

    with announce_url(project.folder / "home", NOBODY):
        answer = project.client(authorization=f"Bearer {TOKEN}").get("/health")

    assert component(answer, "dagster_webserver")["status"] == "failing"


def test_however_many_ask_it_is_found_out_twice_at_most():
    """Who asks while an answer is being found may not get one that is older than the question."""
    began, go_on, found = threading.Event(), threading.Event(), []

    def find_out():
        found.append(len(found) + 1)
        began.set()
        assert go_on.wait(60)
        return found[-1]

    answers, remembered = [], CachedAnswer(find_out, 0.0)
    first = threading.Thread(target=lambda: answers.append(remembered()))
    first.start()
    assert began.wait(60)
    others = [threading.Thread(target=lambda: answers.append(remembered())) for _ in range(8)]
    for thread in others:
        thread.start()
    time.sleep(0.2)  # until all of them have asked
    go_on.set()
    for thread in (first, *others):
        thread.join()

    assert sorted(answers) == [1, *[2] * 8]


def test_a_channel_that_cannot_be_told_degrades(project, client):
    """Nobody else would tell; what its URL holds is not shown."""
    project.file.write_text("alerts: {urls: ['json://127.0.0.1:9/hunter2']}\n" + ENDPOINTS)
    project.sync("docs", "lost")
    with Filesync.open(project.file) as filesync:
        filesync.alert()

    answer = client.get("/health")

    assert component(answer, "alerts")["status"] == "degraded"
    assert component(answer, "alerts")["detail"].startswith("1 json: ")
    assert "hunter2" not in answer.text


def test_what_nothing_syncs_any_more_degrades(project, client):
    """Its last sync went well, ten days ago; its schedule promises one each hour."""
    project.sync("docs")
    long_ago(
        project,
        "UPDATE endpoint_state SET as_of = :then",
        "UPDATE sync_logs SET sync_started = :then, sync_completed = :then, as_of = :then",
    )

    answer = client.get("/health")

    docs = endpoint(answer, "docs")
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert (docs["state"], docs["status"], docs["stale"]) == ("ok", "degraded", True)
    assert "more than 90 minutes ago" in docs["error"]


def test_what_was_never_synced_degrades_when_it_should_have_been(project):
    """Health itself remembers since when it is waited for; what is switched off is not waited for."""
    assert project.client(authorization=f"Bearer {TOKEN}").get("/health").json()["status"] == "ok"
    long_ago(project, "UPDATE endpoints SET created_at = :then")

    answer = project.client(authorization=f"Bearer {TOKEN}").get("/health")

    assert {e["endpoint"]: e["stale"] for e in answer.json()["endpoints"]} == {
        "docs": True,
        "lost": True,
        "idle": False,
    }
    assert endpoint(answer, "docs")["state"] == "never synced"
    assert "never synced" in endpoint(answer, "docs")["error"]


def test_a_sync_that_runs_hides_nothing(project, client):
    """That it is tried again does not make it well."""
    project.sync("lost")
    with Filesync.open(project.file) as filesync:
        number = filesync.runtime.register(filesync.config.endpoint("lost"))
        with filesync.runtime.metadata.leases.hold(number):
            answer = client.get("/health")

    assert (endpoint(answer, "lost")["state"], endpoint(answer, "lost")["status"]) == ("running", "degraded")
    assert "nowhere" in endpoint(answer, "lost")["error"]


def test_an_alert_that_stands_is_shown_and_degrades(project, client):
    """Also one that nobody sees by looking at an endpoint: a run whose process died."""
    project.file.write_text(ENDPOINTS.replace("nowhere", "store"))
    project.sync("docs", "lost")
    with Filesync.open(project.file) as filesync:
        metadata = filesync.runtime.metadata
        metadata.alerts.raise_all([AlertRecord("docs", "crashed", metadata.now(), "Its run died.")], metadata.now())

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert [(a["subject"], a["kind"], a["sentence"]) for a in answer.json()["alerts"]] == [
        ("docs", "crashed", "Its run died.")
    ]


def test_strangers_learn_states_and_no_texts(project, client, stranger):
    """What a store or a library says of an error is for whoever has the token."""
    project.file.write_text(ENDPOINTS + "  - {name: new, type: s4}\n")
    project.sync("docs", "lost")

    shown = stranger.get("/health")

    assert endpoint(client.get("/health"), "lost")["error"]
    assert (shown.status_code, shown.json()["status"]) == (200, "degraded")
    assert endpoint(shown, "lost")["state"] == "failed"
    assert [one["error"] for one in shown.json()["endpoints"] if one["error"]] == []
    assert [one["detail"] for one in shown.json()["components"] if one["detail"]] == []
    assert [one["sentence"] for one in shown.json()["alerts"] if one["sentence"]] == []
    assert "nowhere" not in shown.text
