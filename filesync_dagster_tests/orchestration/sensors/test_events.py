"""Sensors that look at queues, the run that takes their messages, and runs for what somebody asked for."""

import json
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster import DagsterRunStatus

from filesync_dagster.config import read_environment
from filesync_dagster.core.model import SyncMode
from filesync_dagster.orchestration.assets.specs import asset_key
from filesync_dagster.orchestration.definitions import definitions_for
from filesync_dagster.orchestration.sensors.events import RETRY_PAUSE, queue_sensor, request_sensor
from filesync_dagster_tests.sync.events.conftest import Place
from filesync_dagster_tests.sync.events.queues import Sqs, s3_event


class DagsterPlace(Place):
    """A place with definitions and an instance of its own."""

    def __init__(self, folder, server, queue, instance):
        super().__init__(folder, server, queue)
        self.instance = instance
        self.cursor = None

    @property
    def definitions(self):
        return definitions_for(read_environment(self.project.config, self.project.variables))

    def tick(self, sensor):
        """Evaluate a sensor: what it asks for, and why not more."""
        resources = {"filesync": self.definitions.resources["filesync"]}
        context = dg.build_sensor_context(
            instance=self.instance, cursor=self.cursor, resources=resources, definitions=self.definitions
        )
        with context:
            data = sensor.evaluate_tick(context)
        self.cursor = data.cursor
        return data.run_requests, data.skip_message

    def queue_tick(self, now=None):
        now = now or datetime.now(UTC)
        return self.tick(queue_sensor(self.filesync.config.queue("events"), lambda: now))

    def run(self, request):
        """Run what the queue's sensor asked for."""
        job = self.definitions.resolve_job_def("receive")
        return job.execute_in_process(
            run_config=request.run_config, tags=request.tags, instance=self.instance, raise_on_error=False
        )


@pytest.fixture
def place(moto_s3, tmp_path, monkeypatch):
    """Return a bucket that was listed, a queue that tells of it, and a Dagster."""
    instance = dg.DagsterInstance.ephemeral(tempdir=str(tmp_path))
    made = DagsterPlace(tmp_path / "project", moto_s3, Sqs(moto_s3), instance)
    for name, value in made.project.variables.items():
        monkeypatch.setenv(name, value)
    made.put("a.txt")
    made.list()
    yield made
    made.close()
    instance.dispose()


@pytest.mark.slow
def test_an_object_becomes_a_materialization(place):
    """A look that takes nothing, a run, the day's partition with what changed; then there is nothing to do."""
    assert "No message waits" in place.queue_tick()[1]
    place.put("b.txt", b"22")
    place.queue.send(s3_event(place.bucket, "b.txt"))

    [request], _ = place.queue_tick()
    result = place.run(request)

    assert result.success
    assert place.files() == place.there
    [event] = [e for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]
    made = event.materialization
    assert (made.asset_key, made.partition) == (asset_key("eng"), f"{datetime.now(UTC):%Y-%m-%d}")
    assert (made.metadata["sync/files_added"].value, made.metadata["files_total"].value) == (1, 2)
    assert made.metadata["filesync/mode"].value == "incremental"
    assert made.tags["dagster/data_version"] == place.filesync.runtime.metadata.endpoints.states()["eng"].data_version
    assert "No message waits" in place.queue_tick()[1]


def test_one_run_at_a_time_takes_a_queue(place):
    """And while it runs nobody even looks."""
    place.queue.send(s3_event(place.bucket, "a.txt"))
    [request], _ = place.queue_tick()
    job = place.definitions.resolve_job_def("receive")
    place.instance.create_run_for_job(
        job, run_config=request.run_config, tags=request.tags, status=DagsterRunStatus.STARTED
    )

    assert "takes its messages already" in place.queue_tick()[1]


@pytest.mark.slow
def test_an_endpoint_that_fails_is_named_and_asked_for(place):
    """The run is red; its messages are gone, and do not start run after run."""
    gone = place.server.bucket()
    place.endpoints.append(place.endpoint("gone", gone))
    place.reopen()
    place.list("eng", "gone")
    place.client.delete_bucket(Bucket=gone)
    place.queue.send(s3_event(gone, "x"))
    place.put("b.txt")
    place.queue.send(s3_event(place.bucket, "b.txt"))

    [request], _ = place.queue_tick()
    result = place.run(request)
    assert not result.success
    [failure] = [event for event in result.all_events if event.event_type_value == "STEP_FAILURE"]
    assert "1 endpoint did not commit. gone: " in failure.event_specific_data.error.message
    assert place.requests == [("gone", False, "events")]
    [event] = [e for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]
    assert event.materialization.asset_key == asset_key("eng"), "its neighbour is materialized all the same"
    assert "No message waits" in place.queue_tick()[1]


@pytest.mark.slow
def test_while_an_endpoint_is_listed_its_messages_wait(place):
    """No run takes them in vain; one that began before is not red, and the next one waits a little."""
    metadata = place.filesync.runtime.metadata
    place.queue.send(s3_event(place.bucket, "a.txt"))
    [request], _ = place.queue_tick()

    with metadata.leases.hold(metadata.endpoints.ids()["eng"]):
        assert "being synced" in place.queue_tick()[1]
        assert place.run(request).success
    place.queue.send(s3_event(place.bucket, "a.txt"))

    assert "could acknowledge nothing" in place.queue_tick()[1]
    assert place.queue_tick(datetime.now(UTC) + RETRY_PAUSE)[0]


def test_a_first_import_that_an_event_starts_is_materialized(place):
    """There are no changes yet, but a snapshot."""
    other = place.server.bucket()
    place.endpoints.append(place.endpoint("other", other))
    place.reopen()
    place.client.put_object(Bucket=other, Key="x", Body=b"1")
    place.queue.send(s3_event(other, "x"))

    [request], _ = place.queue_tick()
    result = place.run(request)

    [event] = [e for e in result.all_events if e.event_type_value == "ASSET_MATERIALIZATION"]
    assert event.materialization.asset_key == asset_key("other")


@pytest.mark.filterwarnings("ignore:Class `SecretsManagerResource` is currently in beta")
def test_a_secret_that_is_not_there_is_said_by_its_queue(place):
    """And is no error of the sensor."""
    place.queue_entry |= {"access_key_id": "secret:nowhere", "secret_access_key": "secret:nowhere"}
    place.reopen()

    assert "could not be read" in place.queue_tick()[1]
    assert "could not be read" in place.filesync.runtime.metadata.queues.records()[0].error


@pytest.mark.slow
def test_what_events_would_empty_is_held_and_shown(place):
    """The check of the endpoint fails, and passes after the listing that finds everything well."""
    place.endpoints = [place.endpoint("eng")]
    place.reopen()
    place.client.delete_object(Bucket=place.bucket, Key="a.txt")
    place.queue.send(s3_event(place.bucket, "a.txt"))
    [request], _ = place.queue_tick()
    result = place.run(request)
    assert not result.success
    key = dg.AssetCheckKey(asset_key("eng"), "mass_delete_guard")
    assert not _passed(place.instance, key)
    [record] = place.instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).values()
    assert record.run_id == result.run_id, "what belongs to no run is never deleted"

    place.put("a.txt")
    place.queue.send(s3_event(place.bucket, "a.txt"))
    [request], _ = place.queue_tick()
    assert place.run(request).success
    assert _passed(place.instance, key)


def _passed(instance, key):
    [record] = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).values()
    return record.event.dagster_event.asset_check_evaluation_data.passed


def test_a_queue_that_does_not_answer_is_no_reason_for_runs(place):
    """The tick says why, and so do those who look at the queues."""
    place.queue_entry = {**place.queue_entry, "queue_url": f"{place.server.endpoint_url}/123456789012/nothing"}
    place.reopen()

    assert "is not there" in place.queue_tick()[1]
    assert "is not there" in place.filesync.runtime.metadata.queues.records()[0].error


@pytest.mark.slow
def test_what_is_asked_for_becomes_a_run(place):
    """Full if somebody wants it full; the run takes what was asked for."""
    sensor = request_sensor(place.filesync.config)
    assert "Nobody asked" in place.tick(sensor)[1]
    place.queue.send({"type": "initial", "endpoint": "eng"})
    place.receive()

    [request], _ = place.tick(sensor)
    assert request.asset_selection == [asset_key("eng")]
    result = place.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        partition_key=request.partition_key,
        tags=request.tags,
        instance=place.instance,
        asset_selection=[asset_key("eng")],
    )

    assert result.success
    assert place.requests == []
    assert place.filesync.syncs("eng", limit=1)[0].mode is SyncMode.FULL
    assert "Nobody asked" in place.tick(sensor)[1]


def test_without_queues_there_is_nothing_of_them(place):
    """Webhooks still ask for syncs."""
    place.project.config.write_text(json.dumps({"endpoints": place.endpoints}))

    names = {sensor.name for sensor in place.definitions.sensors}
    assert "requests" in names
    assert not any(name.startswith("queue_") for name in names)


def test_a_broken_queue_is_a_node_of_the_graph(place):
    """And its neighbours go on."""
    second = {**place.queue_entry, "name": "second", "visibility_seconds": 0, "colour": "red"}
    place.project.config.write_text(json.dumps({"queues": [place.queue_entry, second], "endpoints": place.endpoints}))

    names = {sensor.name for sensor in place.definitions.sensors}
    assert {"queue_events", "configuration_problems"} <= names
    assert "queue_second" not in names
