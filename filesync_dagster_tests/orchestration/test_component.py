"""filesync in a Dagster project of one's own: the example project, what `dg` says of it, and what it may change."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.core.component_tree import ComponentTreeException
from dagster.components.testing import create_defs_folder_sandbox

from filesync_dagster.components import FileEndpointsComponent

pytestmark = [  # what Dagster does itself when it reads a defs folder
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince20"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),
]

ROOT = Path(__file__).parents[2]
SHARE, FINDING = dg.AssetKey(["filesync", "share"]), dg.AssetKey("empty_files")
TYPE = "filesync_dagster.components.FileEndpointsComponent"


@pytest.fixture
def example(tmp_path, monkeypatch):
    """Return a copy of the example project that Python finds, and forget it afterwards."""
    project = tmp_path / "company_files"
    shutil.copytree(ROOT / "examples" / "company_files", project, ignore=shutil.ignore_patterns(".filesync"))
    monkeypatch.syspath_prepend(str(project / "src"))
    monkeypatch.delenv("FILESYNC_HOME", raising=False)
    yield project
    for name in [name for name in sys.modules if name.split(".")[0] == "company_files"]:
        del sys.modules[name]


def loaded(project):
    """Return what Dagster finds in a project."""
    return dg.load_from_defs_folder(path_within_project=project / "src" / "company_files")


def run(definitions, instance, *keys, day=None):
    """Materialize some assets; return the result."""
    return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=instance, asset_selection=list(keys), partition_key=day, raise_on_error=False
    )


def test_the_example_project_runs(example, tmp_path):
    """Its endpoint has what the company adds to it, is synced into the project's home, and is asked by an asset."""
    (example / "share" / "broken upload.dwg").write_bytes(b"")
    definitions = loaded(example)
    specs = {spec.key: spec for spec in definitions.resolve_all_asset_specs()}
    assert specs[SHARE].owners == ["team:engineering"]
    assert specs[SHARE].tags["company/tier"] == "gold"
    assert "The share" in specs[SHARE].description
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        result = run(definitions, instance, SHARE, day=f"{datetime.now(UTC).date()}")
        [event] = result.get_asset_materialization_events()
        metadata = event.materialization.metadata
        assert (metadata["files_total"].value, metadata["site"].value) == (5, "Hamburg")
        assert {check.check_name for check in result.get_asset_check_evaluations()} == {
            "listing_complete",
            "mass_delete_guard",
        }
        [event] = run(definitions, instance, FINDING).get_asset_materialization_events()
        assert event.materialization.metadata["paths"].value == ["broken upload.dwg"]
    assert (example / ".filesync" / "filesync.db").exists()


@pytest.mark.slow
def test_the_example_project_loads_what_is_delivered(example, tmp_path):
    """Its sensor hands each CSV that is new or changed to its job; an asset takes the inventory as a data frame."""
    import duckdb

    from filesync_dagster.orchestration.resources import FilesyncResource

    definitions = loaded(example)
    sensor, job = definitions.resolve_sensor_def("new_deliveries"), definitions.resolve_job_def("load_deliveries")
    filesync = definitions.resources["filesync"]
    assert isinstance(filesync, FilesyncResource)
    tables = []
    with dg.DagsterInstance.ephemeral(tempdir=str(tmp_path)) as instance:
        cursor = None
        for number in range(3):
            (example / "share" / "deliveries" / "glass.csv").write_text(f"panes\n{number}\n")
            result = run(definitions, instance, SHARE, dg.AssetKey("size_by_folder"), day=f"{datetime.now(UTC).date()}")
            assert result.success
            for _ in range(2):  # the first tick of all only takes a cursor
                context = dg.build_sensor_context(
                    instance=instance, cursor=cursor, resources={"filesync": filesync}, sensor_name="new_deliveries"
                )
                tick = sensor.evaluate_tick(context)
                cursor = tick.cursor or cursor
                for request in tick.run_requests or []:
                    files = request.run_config["ops"]["load_tables"]["config"]["files"]
                    tables.append([file["path"] for file in files])
                    assert job.execute_in_process(run_config=request.run_config, instance=instance).success
    glass, steel = "deliveries/glass.csv", "deliveries/steel_2026_11.csv"
    assert tables == [[glass, steel], [glass], [glass]]
    with duckdb.connect(str(example / "tables.duckdb")) as loaded_tables:
        assert loaded_tables.sql("SELECT panes FROM glass").fetchall() == [(2,)]
        assert loaded_tables.sql("SELECT sum(pieces) FROM steel_2026_11").fetchall() == [(52,)]


@pytest.mark.slow
def test_dg_checks_its_yaml(example):
    """`dg` finds the component by its entry point; what the schema does not know is an error with its line."""
    (example / "home").mkdir()
    (example / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n")

    def check():
        command = "import sys; from dagster_dg_cli.cli import main; sys.argv = ['dg', 'check', 'yaml']; main()"
        return subprocess.run(
            [sys.executable, "-c", command],
            cwd=example,
            env={**os.environ, "PYTHONPATH": str(example / "src"), "DAGSTER_HOME": str(example / "home")},
            capture_output=True,
            text=True,
            check=False,
        )

    defs = example / "src" / "company_files" / "defs" / "files" / "defs.yaml"
    defs.write_text(f"type: {TYPE}\n\nattributes:\n  endpoints_file: endpoints.yaml\n")
    good = check()
    assert good.returncode == 0, good.stderr + good.stdout
    defs.write_text(f"type: {TYPE}\n\nattributes:\n  endpoint_file: endpoints.yaml\n")
    bad = check()
    assert bad.returncode == 1
    assert "defs.yaml:4" in bad.stdout + bad.stderr
    assert "endpoint_file" in bad.stdout + bad.stderr


def test_what_dg_scaffolds_loads(monkeypatch):
    """The component and an endpoints.yaml that can be edited; one that is there stays as it is."""
    monkeypatch.delenv("FILESYNC_HOME", raising=False)
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(component_cls=FileEndpointsComponent, defs_path="files")
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, definitions):
            assert component.endpoints_file == "endpoints.yaml"
            keys = {spec.key for spec in definitions.resolve_all_asset_specs()}
            assert dg.AssetKey(["filesync", "this_folder"]) in keys
        (path / "endpoints.yaml").write_text("# mine\n")
        sandbox.scaffold_component(component_cls=FileEndpointsComponent, defs_path="files")
        assert (path / "endpoints.yaml").read_text() == "# mine\n"


def test_a_file_that_cannot_be_used_does_not_take_the_project_down(example):
    """What it said when it was last in order goes on, also for whoever takes it as an input; a node says why."""
    unusable = dg.AssetKey("filesync_configuration")
    definitions = loaded(example)
    with definitions.resources["filesync"].open():
        pass  # as every sync, tick and input does: what can be used is remembered
    endpoints = example / "src" / "company_files" / "defs" / "files" / "endpoints.yaml"
    endpoints.write_text("endpoints: [")
    keys = {spec.key for spec in loaded(example).resolve_all_asset_specs()}
    assert {SHARE, FINDING, dg.AssetKey("size_by_folder"), unusable} <= keys


def test_a_file_that_was_never_in_order_stops_only_inputs(example):
    """Dagster refuses an input of an asset that nobody knows; whoever names it in `deps` loads."""
    (example / "src" / "company_files" / "defs" / "files" / "endpoints.yaml").write_text("endpoints: [")
    findings = example / "src" / "company_files" / "defs" / "findings.py"
    findings.write_text(findings.read_text().partition("@dg.asset(\n    ins=")[0])
    keys = {spec.key for spec in loaded(example).resolve_all_asset_specs()}
    assert {FINDING, dg.AssetKey("filesync_configuration")} <= keys


def test_the_key_of_an_endpoint_cannot_be_overridden(example, monkeypatch):
    """Schedules, checks and reports go by it; the error says so."""
    from company_files.components import CompanyShares

    monkeypatch.setattr(
        CompanyShares, "get_asset_spec", lambda self, endpoint, spec: spec.replace_attributes(key="elsewhere")
    )
    with pytest.raises(ComponentTreeException) as refused:
        loaded(example)
    assert "changed the key of the endpoint 'share'" in str(refused.value.__cause__)
