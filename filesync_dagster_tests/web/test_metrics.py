"""/metrics: what Prometheus reads is what the database says."""

import time
from datetime import UTC, datetime, timedelta

from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parsed
from sqlalchemy import text as sql

from filesync_dagster import Filesync
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.storage.database import AlertRecord, DeadMessage, SyncRecord
from filesync_dagster.web.machine import value_or_none
from filesync_dagster.web.metrics import Totals
from filesync_dagster_tests.web.conftest import TOKEN


def samples(text, families=parsed):
    """Every sample by name and labels."""
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for f in families(text) for s in f.samples}


def of(found, name, endpoint="docs", **labels):
    """The value of one sample of an endpoint."""
    return found.get((name, tuple(sorted({"endpoint": endpoint, **labels}.items()))))


def test_what_an_endpoint_has_and_did_is_told(project, stranger):
    """Its inventory, its last sync, and totals of what ended since the server started."""
    stranger.get("/metrics")
    (done,) = project.sync("docs")
    (project.folder / "store" / "a").write_text("changed")
    (project.folder / "store" / "b").rename(project.folder / "store" / "e")
    project.sync("docs", "lost")

    found = samples(stranger.get("/metrics").text)

    assert of(found, "filesync_endpoint_files") == 4
    assert of(found, "filesync_endpoint_bytes") == 10
    assert of(found, "filesync_endpoint_last_success_timestamp_seconds") > done.started_at.timestamp()
    assert of(found, "filesync_endpoint_last_sync_duration_seconds") > 0
    assert (of(found, "filesync_endpoint_last_sync_added"), of(found, "filesync_files_added_total")) == (0, 4)
    assert (of(found, "filesync_endpoint_last_sync_updated"), of(found, "filesync_files_updated_total")) == (1, 1)
    assert of(found, "filesync_files_moved_total") == 1
    assert of(found, "filesync_files_removed_total") == 0
    assert of(found, "filesync_syncs_total", status="completed", mode="full") == 2
    assert of(found, "filesync_syncs_total", "lost", status="failed", mode="full") == 1
    assert [of(found, f"filesync_endpoint_{s}", "lost") for s in ("active", "failed", "held", "running")] == [
        1,
        1,
        0,
        0,
    ]
    assert of(found, "filesync_endpoint_active", "idle") == 0
    assert of(found, "filesync_endpoint_stale_after_seconds") == 90 * 60
    assert of(found, "filesync_endpoint_stale_after_seconds", "idle") is None
    assert of(found, "filesync_endpoint_info", type="local", title="Documents", state="ok") == 1
    assert found["filesync_up", ()] == 1


def test_totals_begin_at_zero_and_count_each_sync_once(project):
    """What ended before the server started is not counted; what did after is, however often it is asked."""
    project.sync("docs")
    client = project.client()
    before = samples(client.get("/metrics").text)
    (project.folder / "store" / "new").write_text("n")
    project.sync("docs")
    after = [samples(client.get("/metrics").text) for _ in range(2)]

    assert of(before, "filesync_files_added_total") == 0
    assert of(before, "filesync_syncs_total", status="failed", mode="full") == 0
    assert [of(found, "filesync_files_added_total") for found in after] == [1, 1]


def test_a_sync_that_is_committed_late_is_counted(project):
    """Its log names a moment before the last scrape: a big commit takes its time."""
    with Filesync.open(project.file) as filesync:
        metadata = filesync.runtime.metadata
        number = filesync.runtime.register(filesync.config.endpoint("docs"))
        now = datetime.now(UTC)
        totals = Totals(now - timedelta(hours=1))

        def log(name, minutes, added):
            ended = now - timedelta(minutes=minutes)
            metadata.syncs.record(
                SyncRecord(name, number, ended, ended, SyncStatus.COMPLETED, SyncMode.FULL, files_added=added)
            )

        log("first", 0, 1)
        counted = [totals.add_new_logs(filesync, {number: "docs"})["filesync_files_added", "docs"]]
        log("late", 10, 2)
        counted += [totals.add_new_logs(filesync, {number: "docs"})["filesync_files_added", "docs"] for _ in range(2)]

    assert counted == [1, 3, 3]


def test_held_queues_requests_and_alerts_are_told(project, client, stranger):
    """What waits for somebody."""
    project.sync("docs")
    for name in ("a", "b", "c"):
        (project.folder / "store" / name).unlink()
    project.sync("docs")
    stranger.post("/webhooks/docs", headers={"authorization": "Bearer what the store knows"})
    with Filesync.open(project.file) as filesync:
        metadata = filesync.runtime.metadata
        metadata.alerts.raise_all([AlertRecord("docs", "held", datetime.now(UTC), "It waits.")], metadata.now())

    found = samples(client.get("/metrics").text)

    assert of(found, "filesync_endpoint_held") == 1
    assert found["filesync_requests_waiting", ()] == 1
    assert found["filesync_alert", (("kind", "held"), ("subject", "docs"))] == 1


def test_machine_and_process_are_told(stranger):
    """Processor, memory, disk, network."""
    found = samples(stranger.get("/metrics").text)

    assert found["filesync_machine_cpus", ()] >= 1
    assert 0 < found["filesync_machine_memory_available_bytes", ()] < found["filesync_machine_memory_total_bytes", ()]
    assert found["filesync_machine_cpu_seconds_total", (("mode", "user"),)] > 0
    assert found["filesync_disk_free_bytes", (("folder", "home"),)] > 0
    assert found["filesync_machine_disk_bytes_total", (("direction", "read"),)] >= 0
    assert found["filesync_machine_network_bytes_total", (("direction", "sent"),)] >= 0
    assert found["process_resident_memory_bytes", ()] > 1_000_000
    assert found["process_cpu_seconds_total", ()] > 0


def test_what_a_machine_does_not_say_is_left_out():
    """Where there is no /proc/diskstats, psutil raises; the rest of the metrics is no worse for it."""

    def counters():
        raise NotImplementedError("/proc/diskstats nor /sys/block are available on this system")

    assert value_or_none(counters) is None
    assert value_or_none(lambda: 1) == 1


def test_openmetrics_is_served_to_who_prefers_it(project, stranger):
    """Both formats are read by the strict parser of their own, and say the same."""
    project.sync("docs")
    wanted = {"accept": "application/openmetrics-text; version=1.0.0"}
    strict, plain = stranger.get("/metrics", headers=wanted), stranger.get("/metrics")

    assert strict.headers["content-type"].startswith("application/openmetrics-text")
    assert plain.headers["content-type"].startswith("text/plain")
    found = samples(strict.text, openmetrics.text_string_to_metric_families)
    same = {key: value for key, value in samples(plain.text).items() if ("endpoint", "docs") in key[1]}
    assert len(same) > 20
    assert same.items() <= found.items()


def test_names_with_odd_titles_are_escaped(project):
    """A title may have quotes, backslashes and line breaks."""
    project.file.write_text(project.file.read_text().replace("Documents", '"a \\"b\\" \\\\ \\n c"'))

    found = samples(project.client().get("/metrics").text)

    assert of(found, "filesync_endpoint_info", type="local", title='a "b" \\ \n c', state="never synced") == 1


def test_a_database_that_is_away_leaves_the_machine(project, monkeypatch):
    """Prometheus is told that nothing is known, and goes on reading the rest."""
    monkeypatch.setenv("FILESYNC_DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:9/filesync")

    answer = project.client().get("/metrics")

    found = samples(answer.text)
    assert (answer.status_code, found["filesync_up", ()]) == (200, 0)
    assert found["filesync_machine_cpus", ()] >= 1
    assert "hunter2" not in answer.text


def test_what_the_guard_holds_has_not_happened(project):
    """Held twice, three removals count nothing; approved they are three."""
    project.sync("docs")
    client = project.client()
    client.get("/metrics")
    for name in ("a", "b", "c"):
        (project.folder / "store" / name).unlink()
    project.sync("docs")
    project.sync("docs")
    held = samples(client.get("/metrics").text)
    with Filesync.open(project.file) as filesync:
        filesync.approve("docs")
    approved = samples(client.get("/metrics").text)

    assert of(held, "filesync_syncs_total", status="held", mode="full") == 2
    assert of(held, "filesync_files_processed_total") > 0
    assert (of(held, "filesync_files_removed_total"), of(held, "filesync_endpoint_last_sync_removed")) == (0, 0)
    assert (of(approved, "filesync_files_removed_total"), of(approved, "filesync_endpoint_last_sync_removed")) == (3, 3)


def test_nothing_is_wrong_with_what_is_switched_off(project):
    """What failed, was held or drifted before is nobody's business until it is switched on again."""
    project.sync("docs", "lost")
    for name in ("a", "b", "c"):
        (project.folder / "store" / name).unlink()
    project.sync("docs")
    before = samples(project.client().get("/metrics").text)
    text = project.file.read_text().replace("{path: nowhere}", "{path: nowhere}, is_active: false")
    project.file.write_text(text.replace("title: Documents", "title: Documents\n    is_active: false"))
    project.site.current._looked = 0.0

    after = samples(project.client().get("/metrics").text)

    assert (of(before, "filesync_endpoint_held"), of(before, "filesync_endpoint_failed", "lost")) == (1, 1)
    wrong = ("held", "failed", "partial", "breaker_open", "feed_drift", "stale")
    assert [of(after, f"filesync_endpoint_{kind}", name) for kind in wrong for name in ("docs", "lost")] == [None] * 12
    assert (of(after, "filesync_endpoint_active"), of(after, "filesync_endpoint_files")) == (0, 4)


def test_what_was_never_synced_is_stale_when_it_should_have_been(project, stranger):
    """Its age cannot be told, for it has none; what a person alone syncs is never stale."""
    project.file.write_text(project.file.read_text().replace("{path: nowhere}", "{path: nowhere}, schedule: manual"))
    before = samples(stranger.get("/metrics").text)
    with Filesync.open(project.file) as filesync, filesync.runtime.metadata._database.write_transaction() as connection:
        connection.execute(sql("UPDATE endpoints SET created_at = '2026-01-01 00:00:00.000000'"))

    after = samples(stranger.get("/metrics").text)

    assert [of(found, "filesync_endpoint_stale") for found in (before, after)] == [0, 1]
    assert of(after, "filesync_endpoint_stale", "lost") is None


def test_a_queue_is_told_while_it_is_configured(project):
    """With when it was looked at; of one that was removed, only what it left behind to decide on."""
    queue = "queues:\n  - {name: now, type: rabbitmq, url: 'amqp://127.0.0.1:9', queue: now}\n"
    project.file.write_text(project.file.read_text() + queue)
    with Filesync.open(project.file) as filesync:
        metadata = filesync.runtime.metadata
        metadata.queues.note_look("now", 3)
        metadata.queues.note_look("gone", 5000, "The broker is away.")
        metadata.queues.dead_letter("gone", [DeadMessage("gone", "m1", "It is no event.", "{}", metadata.now())])

    found = samples(project.client().get("/metrics").text)

    told = {name: dict(labels)["queue"] for name, labels in found if "queue" in dict(labels)}
    assert told.pop("filesync_dead_messages") == "gone"
    assert set(told.values()) == {"now"}
    assert found["filesync_queue_depth", (("queue", "now"),)] == 3
    assert found["filesync_queue_failing", (("queue", "now"),)] == 0
    assert abs(found["filesync_queue_checked_timestamp_seconds", (("queue", "now"),)] - time.time()) < 600


def test_an_entry_that_is_wrong_adds_no_second_sample(project):
    """Prometheus refuses a whole scrape in which a series comes twice; and a queue is no endpoint."""
    second = "  - {name: docs, type: local, endpoint_details: {path: store}}\n"
    project.file.write_text(project.file.read_text() + second + "queues:\n  - {name: ev, type: sqs}\n")

    client = project.client(authorization=f"Bearer {TOKEN}")
    series = [line.rpartition(" ")[0] for line in client.get("/metrics").text.splitlines() if line[:1] != "#"]

    assert len(series) == len(set(series))
    assert [e["name"] for e in client.get("/endpoints").json()["endpoints"]] == ["docs", "lost", "idle"]
    assert "filesync_configuration_problems 0.0" not in series
    with Filesync.open(project.file) as filesync:
        assert "docs" in filesync.status()[0].misconfigured
