"""`filesync jobs` in a Dagster instance that others use as well: its web server for real, without daemon and code."""

import io
import json

import dagster as dg
import pytest
from click.testing import CliRunner
from dagster import DagsterRunStatus
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from filesync_dagster.cli import filesync as command
from filesync_dagster.config import installation_id, read_environment
from filesync_dagster.core.errors import DagsterRefused
from filesync_dagster.orchestration.client import DagsterClient
from filesync_dagster.orchestration.tags import INSTALLATION_TAG, LIVE_TAG, OUR_TAG
from filesync_dagster_tests.orchestration.shown_dagster import shown_dagster, write_project


@pytest.fixture
def url(instance, tmp_path):
    """Return where Dagster's web server shows it, with the code of the configuration."""
    write_project(tmp_path / "project", "a")
    with shown_dagster(instance, filesync=tmp_path / "project") as url:
        yield url


@pytest.fixture
def here(tmp_path, url):
    """Return the id by which the code proves whose it is."""
    return installation_id(read_environment(variables=variables_of(tmp_path / "project")))


@pytest.fixture
def jobs(tmp_path, url):
    """Return the command."""

    def run(*arguments, **options):
        variables = variables_of(tmp_path / "project")
        return CliRunner().invoke(command, ["jobs", *arguments, "--dagster-url", url], env=variables, **options)

    return run


def variables_of(folder):
    """Return the environment of the configuration in a folder."""
    return {"FILESYNC_HOME": str(folder / "home"), "FILESYNC_CONFIG": str(folder / "endpoints.yaml")}


@pytest.fixture
def made(instance, here):
    """Return what makes a run, of ours unless it is said otherwise, and returns its id."""
    ours = {OUR_TAG: "sync", LIVE_TAG: "true", INSTALLATION_TAG: here}

    def make(status, *keys, job="sync", tags=ours, location=None):
        options = {}
        if status is DagsterRunStatus.QUEUED or location:
            code = InProcessCodeLocationOrigin(
                LoadableTargetOrigin(python_file="gone.py"), location_name=location or "theirs"
            )
            options["remote_job_origin"] = RemoteJobOrigin(RemoteRepositoryOrigin(code, "__repository__"), job)
        selection = frozenset(map(dg.AssetKey, keys)) or None
        return create_run_for_test(
            instance, job_name=job, status=status, tags=tags, asset_selection=selection, **options
        ).run_id

    return make


def left(instance):
    """Return the ids of all runs."""
    return {run.run_id for run in instance.get_runs()}


def test_only_our_runs_are_shown_and_deleted(instance, url, jobs, made, here):
    """All that failed, however many, and none of another team's, nor of another filesync in the same Dagster."""
    failure = DagsterRunStatus.FAILURE
    theirs = {
        made(failure, job="nightly", tags={}),
        made(failure, tags={}),
        made(failure, tags={OUR_TAG: "sync", LIVE_TAG: "true", INSTALLATION_TAG: "another"}),
        made(failure, ["orders"], job="__ASSET_JOB", tags={}, location="filesync"),
        made(failure, ["orders"], ["filesync", "a"], job="__ASSET_JOB", tags={}, location="filesync"),
        made(failure, ["filesync", "a"], job="__ASSET_JOB", tags={}, location="other_filesync"),
    }
    ours = [
        made(failure),
        made(DagsterRunStatus.CANCELED, job="maintenance", tags={OUR_TAG: "maintenance", INSTALLATION_TAG: here}),
        made(failure, ["filesync", "a"], job="__ASSET_JOB", tags={}, location="filesync"),
        made(failure, ["filesync_reports", "daily_changes"], tags={INSTALLATION_TAG: here}),
    ]
    good = made(DagsterRunStatus.SUCCESS, ["filesync", "a"])
    with DagsterClient(url, here) as dagster:
        assert [run.id for run in dagster.runs()] == [good, *reversed(ours)]
        assert [run.id for run in dagster.runs(2)] == [good, ours[-1]]
        assert {dagster.run(run_id) for run_id in theirs} == {None}
        for act in (dagster.delete, dagster.reexecute, dagster.terminate):
            with pytest.raises(DagsterRefused, match="of this configuration"):
                act(min(theirs))

    [their, *_] = theirs
    assert "No run's id begins with" in jobs("delete", their, "--yes").output
    assert "4 runs deleted" in jobs("delete", "--failed", "--yes").stdout
    assert left(instance) == {good, *theirs}


def test_runs_are_read_page_by_page(url, made, here, monkeypatch):
    """A run behind the last page is one as well."""
    monkeypatch.setattr("filesync_dagster.orchestration.client.graphql.RUNS_AT_ONCE", 2)
    ids = [made(DagsterRunStatus.FAILURE) for _ in range(5)]
    with DagsterClient(url, here) as dagster:
        assert [run.id for run in dagster.runs(None, statuses=["FAILURE"])] == ids[::-1]


@pytest.mark.slow
def test_a_run_that_begins_while_the_question_is_asked_is_left(instance, jobs, made):
    """The others go, one that was never queued, too; the command says what it left."""
    begun = made(DagsterRunStatus.NOT_STARTED)
    made(DagsterRunStatus.NOT_STARTED)
    made(DagsterRunStatus.QUEUED)

    class Hesitant(io.BytesIO):
        def read1(self, size=-1):
            if self.tell() == 0:
                instance.report_dagster_event(dg.DagsterEvent("PIPELINE_START", "sync"), begun)
            return super().read1(size)

    result = jobs("delete", "--pending", input=Hesitant(b"y\n"))

    assert left(instance) == {begun}, result.output
    assert instance.get_run_by_id(begun).status is DagsterRunStatus.STARTED
    assert "2 runs deleted" in result.stdout
    assert f"{begun} is left: it is running by now." in result.stderr
    assert result.exit_code == 1


def test_an_endpoint_that_a_live_run_left_alone_is_not_done(jobs, made, here):
    """A past day that is stored already needs no sync, and is."""
    made(DagsterRunStatus.SUCCESS, ["filesync", "a"])
    past = {INSTALLATION_TAG: here, "dagster/partition": "2026-01-05"}
    made(DagsterRunStatus.SUCCESS, ["filesync", "a"], tags=past)
    shown = [json.loads(line) for line in jobs("status", "--json").stdout.splitlines()]
    assert [run["endpoints"] for run in shown] == [{"a": "committed"}, {"a": "not done"}]
