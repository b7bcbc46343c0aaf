"""Definitions: what loads, what does not stop it from loading, and what people see of an endpoint."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import dagster as dg
import pytest

from filesync_dagster.api import Filesync
from filesync_dagster.config import read_environment, running_config
from filesync_dagster.orchestration.assets.specs import asset_key

HEAVY = (
    "apprise",
    "boto3",
    "botocore",
    "duckdb",
    "pandas",
    "sqlalchemy",
    "httpx",
    "lxml",
    "dagster_aws",
    "googleapiclient",
)
LOAD = """
import json, os, socket, sys, traceback
import dagster as dg

def forbidden(*arguments):
    raise AssertionError("a connection at load")

def load(environment):
    os.environ.update(environment)
    from filesync_dagster.definitions import defs
    dg.Definitions.validate_loadable(defs)
    print(json.dumps([name for name in sys.argv[1:] if name in sys.modules]), flush=True)

socket.socket.connect = forbidden
for environment in json.load(sys.stdin):
    child = os.fork()  # it has Dagster already, and nothing of ours
    if child == 0:
        code = 1
        try:
            load(environment)
            code = 0
        except BaseException:
            traceback.print_exc()
        os._exit(code)
    if os.waitpid(child, 0)[1] != 0:
        sys.exit(f"in {environment}")
"""
S3 = {"bucket": "drawings", "endpoint_url": "http://203.0.113.1:9"}


def loaded(*environments):
    """Load the definitions in a process for each, where nothing may connect; return what heavy modules each has."""
    child = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD, *HEAVY],
        input=json.dumps(environments),
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return [json.loads(line) for line in child.stdout.splitlines() if line.startswith("[")]


def test_definitions_load_offline_and_light(project):
    """Loading connects to nothing, opens no database, and imports no library that only a run needs."""
    made = project()
    archive = {"type": "local", "endpoint_details": {"path": "/nowhere"}}
    made.replications = [{"name": "copy", "source": "drawings", "destination": archive}]
    made.write({"name": "drawings", "type": "s3", "endpoint_details": S3})
    assert loaded({**made.variables, "FILESYNC_CONFIG": str(made.config)}) == [[]]
    # Its id is there: who launches runs asks for it.
    assert [path.name for path in made.home.iterdir()] == ["installation"]


def test_a_file_that_cannot_be_used_does_not_take_the_location_down(tmp_path):
    """It loads, whatever the file is, and if there is none."""
    environments = []
    for number, text in enumerate(["endpoints: [", "settings: {partitoins: 1}\nendpoints: []", "", None]):
        config = tmp_path / f"{number}.yaml"
        if text is not None:
            config.write_text(text)
        environments.append({"FILESYNC_CONFIG": str(config), "FILESYNC_HOME": str(tmp_path / f"home-{number}")})
    assert loaded(*environments) == [[], [], [], []]


def test_a_file_that_cannot_be_used_is_shown_with_its_problems(project):
    """There is one node; its description and its failing check say what is wrong, and where."""
    made = project()
    made.config.write_text("endpoints:\n  - {name: a\n")
    key = dg.AssetKey("filesync_configuration")
    [spec] = made.definitions.resolve_all_asset_specs()
    assert spec.key == key
    assert "endpoints.yaml:" in spec.description.replace("\\", "")
    result = made.definitions.resolve_job_def("check_configuration").execute_in_process(instance=made.instance)
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert "endpoints.yaml:" in check.description


def test_a_broken_entry_is_a_node_beside_its_neighbours(project, store):
    """What is wrong with it shows on the node and as a failed check; the others can be materialized."""
    twice = store("photos")
    made = project(twice, {**twice}, {"name": "My Drive", "type": "gogle_drive", "endpoint_details": {}})
    nodes = {spec.key: spec for spec in made.definitions.resolve_all_asset_specs()}
    assert "already taken" in nodes[asset_key("photos_2")].description
    assert "unknown type" in nodes[asset_key("My_Drive")].description
    assert made.materialize(["filesync", "photos"]).success
    result = made.definitions.resolve_job_def("check_configuration").execute_in_process(instance=made.instance)
    assert [check.passed for check in result.get_asset_check_evaluations()] == [False, False]


def test_broken_entries_are_checked_once_for_each_edit(project):
    """The sensor asks for a run of the checks, and not again until the problems are others."""
    made = project({"name": "My Drive", "type": "gogle_drive", "endpoint_details": {}})
    sensor = made.definitions.resolve_sensor_def("configuration_problems")
    first = sensor.evaluate_tick(dg.build_sensor_context(made.instance))
    assert len(first.run_requests) == 1
    assert not sensor.evaluate_tick(dg.build_sensor_context(made.instance, cursor=first.cursor)).run_requests


def test_an_endpoint_shows_who_what_and_when(project):
    """Title, filters and schedule are in the description; project, owner, kinds, tags and freshness are set."""
    made = project(
        {
            "name": "drawings",
            "title": "Engineering Drawings",
            "type": "s3",
            "project_id": "eng-project-001",
            "user_id": "engineer@company.com",
            "endpoint_details": {**S3, "prefix": "cad/", "access_key_id": "AKIA", "secret_access_key": "hush"},
            "filters": {"file_types": ["dwg"]},
            "schedule_config": {"interval_minutes": 5},
        }
    )
    specs = {spec.key: spec for spec in made.definitions.resolve_all_asset_specs()}
    spec, source = specs[asset_key("drawings")], specs[dg.AssetKey(["s3", "drawings_store"])]
    for text in ("Engineering Drawings", "s3://drawings/cad/", "every 5 minutes", "dwg"):
        assert text in spec.description
    assert (spec.group_name, spec.owners) == ("eng_project_001", ["engineer@company.com"])
    assert spec.kinds == {"s3", "filesync"}
    assert spec.tags["filesync/type"] == "s3"
    assert [dep.asset_key for dep in spec.deps] == [source.key]
    assert spec.freshness_policy.fail_window.to_timedelta() == timedelta(minutes=20)
    assert "hush" not in repr(specs)
    assert "connect_timeout" not in source.metadata, "defaults hide what was configured"
    assert source.metadata["bucket"] == "drawings"
    report = specs[dg.AssetKey(["filesync_reports", "daily_changes"])]
    assert spec.key in {dep.asset_key for dep in report.deps}


def test_what_dagster_would_refuse_is_left_out(project, store):
    """An owner that is no address, a project with odd characters, names that collide with checks: all load."""
    made = project(
        store("a", user_id="Ada Lovelace", project_id=" 12/3"),
        store("a_listing_complete", user_id="ada@some.engineering", schedule="manual"),
        store("b", is_active=False),
    )
    definitions = made.definitions
    dg.Definitions.validate_loadable(definitions)
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    assert specs[asset_key("a")].group_name == "12_3"
    assert not specs[asset_key("a")].owners
    assert specs[asset_key("a_listing_complete")].freshness_policy is None
    assert asset_key("b") not in specs


@pytest.mark.slow
def test_an_edit_that_breaks_an_endpoint_is_shown_on_it_while_it_goes_on(project, store):
    """The endpoint is materialized as it was; its check says what is wrong with the file, until that is mended."""
    photos, plans = store("photos"), store("plans")
    made = project(photos, plans)
    assert made.materialize(["filesync", "photos"]).success, "a run remembers what works"
    made.write({**photos, "titel": "Photos"}, {**plans, "title": "All Plans"})

    assert made.materialize(["filesync", "photos"]).success
    specs = {spec.key: spec for spec in made.definitions.resolve_all_asset_specs()}
    assert "All Plans" in specs[asset_key("plans")].description
    assert asset_key("photos_2") not in specs
    result = made.definitions.resolve_job_def("check_configuration").execute_in_process(instance=made.instance)
    [check] = result.get_asset_check_evaluations()
    assert (check.asset_key, check.check_name, check.passed) == (asset_key("photos"), "configuration", False)
    assert "'titel'" in check.description

    made.config.write_text("endpoints: [")
    keys = {spec.key for spec in made.definitions.resolve_all_asset_specs()}
    assert {asset_key("photos"), asset_key("plans"), dg.AssetKey("filesync_configuration")} <= keys
    assert made.materialize(["filesync", "plans"]).success

    made.write(photos)
    keys = {spec.key for spec in made.definitions.resolve_all_asset_specs()}
    assert asset_key("plans") not in keys
    assert dg.AssetKey("filesync_configuration") not in keys
    assert made.materialize(["filesync", "photos"]).success
    with closing(sqlite3.connect(made.home / "filesync.db")) as connection:
        assert dict(connection.execute("SELECT name, is_active FROM endpoints")) == {"photos": 1, "plans": 0}


RESERVED = ["output", "input", "config", "context", "type", "dict", "meta", "import", "global"]


def test_an_endpoint_may_be_called_as_dagster_calls_things(project, store):
    """They load beside a neighbour, and each can be materialized."""
    made = project(*map(store, RESERVED), store("photos"))
    dg.Definitions.validate_loadable(made.definitions)
    result = made.materialize(*(["filesync", name] for name in [*RESERVED, "photos"]))
    assert result.success
    synced = {event.asset_key.path[-1] for event in result.get_asset_materialization_events()}
    assert {*RESERVED, "photos"} <= synced


CRON = {"schedule": "cron"}


@pytest.mark.parametrize(
    ("one", "other", "schedules"),
    [
        ({"cron": "0 6 * * MON-FRI"}, {"cron": "0  6 * * mon-fri"}, 1),
        ({"cron": "0 6 * * *", "timezone": "Etc/GMT+5"}, {"cron": "0 6 * * *", "timezone": "Etc/GMT-5"}, 2),
        ({"cron": "0 6 * * *"}, {"cron": "0 6 ? * *"}, 2),
        ({"cron": "0 6 * * 5#3"}, {"cron": "0 6 * * L5"}, 2),
    ],
)
def test_crons_that_look_alike_load_side_by_side(project, store, one, other, schedules):
    """Each is one schedule of its own, or they share one."""
    made = project(store("a", schedule_config=one, **CRON), store("b", schedule_config=other, **CRON))
    dg.Definitions.validate_loadable(made.definitions)
    crons = [one for one in made.definitions.get_repository_def().schedule_defs if one.name.startswith("cron_")]
    assert len(crons) == schedules


NEVER = [
    {"schedule_config": {"cron": "0 0 31 2 *"}, **CRON},
    {"schedule_config": {"cron": "0 0 1W * *"}, **CRON},
    {"schedule_config": {"cron": "R R * * *"}, **CRON},
    {"schedule": "manual", "reconcile": {"cron": "0 0 30,31 2 *"}},
    {"reconcile": {"cron": "0 3 31 4,6,9,11 *"}},
]


def test_a_cron_that_never_comes_stops_nobody_else(project, store):
    """Each such entry is broken; the others load, are synced, and can be asked how they do."""
    broken = {f"never_{number}": entry for number, entry in enumerate(NEVER)}
    made = project(*(store(name, **entry) for name, entry in broken.items()), store("photos"))
    dg.Definitions.validate_loadable(made.definitions)
    assert made.materialize(["filesync", "photos"]).success
    with Filesync(running_config(read_environment(made.config, made.variables))) as filesync:
        filesync.alert()
        states = {status.name: status.state for status in filesync.status()}
    assert states == {"photos": "ok", **dict.fromkeys(broken, "broken")}
