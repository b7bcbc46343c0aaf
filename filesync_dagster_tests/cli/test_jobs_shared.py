"""`filesync jobs` in a Dagster instance that others use as well: its web server for real, without daemon and code."""

import io
import json
import threading
import time

import dagster as dg
import pytest
import uvicorn
from click.testing import CliRunner
from dagster import DagsterRunStatus
from dagster._core.remote_origin import (
    InProcessCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context

from filesync_dagster.cli import filesync as command
from filesync_dagster.orchestration.client import DagsterClient
from filesync_dagster.orchestration.tags import LIVE_TAG, OUR_TAG

OURS = {OUR_TAG: "sync", LIVE_TAG: "true"}


@pytest.fixture
def url(instance):
    """Return where Dagster's web server shows it."""
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as context:
        app = create_app_from_workspace_process_context(context)
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def jobs(tmp_path, url):
    """Return the command."""
    endpoint = {"name": "a", "type": "local", "schedule": "manual", "endpoint_details": {"path": str(tmp_path)}}
    (tmp_path / "endpoints.yaml").write_text(json.dumps({"endpoints": [endpoint]}))
    variables = {"FILESYNC_HOME": str(tmp_path / "home"), "FILESYNC_CONFIG": str(tmp_path / "endpoints.yaml")}

    def run(*arguments, **options):
        return CliRunner().invoke(command, ["jobs", *arguments, "--dagster-url", url], env=variables, **options)

    return run


def made(instance, status, *keys, job="sync", tags=OURS):
    """Make a run; return its id."""
    options = {}
    if status is DagsterRunStatus.QUEUED:
        code = InProcessCodeLocationOrigin(LoadableTargetOrigin(python_file="gone.py"))
        options["remote_job_origin"] = RemoteJobOrigin(RemoteRepositoryOrigin(code, "theirs"), job)
    selection = frozenset(map(dg.AssetKey, keys)) or None
    return create_run_for_test(
        instance, job_name=job, status=status, tags=tags, asset_selection=selection, **options
    ).run_id


def left(instance):
    """Return the ids of all runs."""
    return {run.run_id for run in instance.get_runs()}


def test_only_our_runs_are_shown_and_deleted(instance, url, jobs):
    """All that failed, however many, and none of another team's, whatever its job is called."""
    failure = DagsterRunStatus.FAILURE
    theirs = {
        made(instance, failure, job="nightly", tags={}),
        made(instance, failure, tags={}),
        made(instance, failure, ["orders"], job="__ASSET_JOB", tags={}),
        made(instance, failure, ["orders"], ["filesync", "a"], job="__ASSET_JOB", tags={}),
    }
    ours = [
        made(instance, failure),
        made(instance, DagsterRunStatus.CANCELED, job="maintenance", tags={OUR_TAG: "maintenance"}),
        made(instance, failure, ["filesync", "a"], job="__ASSET_JOB", tags={}),
        made(instance, failure, ["filesync_reports", "daily_changes"], tags={}),
    ]
    good = made(instance, DagsterRunStatus.SUCCESS, ["filesync", "a"])
    with DagsterClient(url) as dagster:
        assert [run.id for run in dagster.runs()] == [good, *reversed(ours)]
        assert [run.id for run in dagster.runs(2)] == [good, ours[-1]]

    [their, *_] = theirs
    assert "No run's id begins with" in jobs("delete", their, "--yes").output
    assert "4 runs deleted" in jobs("delete", "--failed", "--yes").stdout
    assert left(instance) == {good, *theirs}


def test_runs_are_read_page_by_page(instance, url, monkeypatch):
    """A run behind the last page is one as well."""
    monkeypatch.setattr("filesync_dagster.orchestration.client.graphql.RUNS_AT_ONCE", 2)
    ids = [made(instance, DagsterRunStatus.FAILURE) for _ in range(5)]
    with DagsterClient(url) as dagster:
        assert [run.id for run in dagster.runs(None, statuses=["FAILURE"])] == ids[::-1]


def test_a_run_that_begins_while_the_question_is_asked_is_left(instance, jobs):
    """The others go, one that was never queued, too; the command says what it left."""
    begun = made(instance, DagsterRunStatus.NOT_STARTED)
    made(instance, DagsterRunStatus.NOT_STARTED)
    made(instance, DagsterRunStatus.QUEUED)

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


def test_an_endpoint_that_a_live_run_left_alone_is_not_done(instance, jobs):
    """A past day that is stored already needs no sync, and is."""
    made(instance, DagsterRunStatus.SUCCESS, ["filesync", "a"])
    made(instance, DagsterRunStatus.SUCCESS, ["filesync", "a"], tags={"dagster/partition": "2026-01-05"})
    shown = [json.loads(line) for line in jobs("status", "--json").stdout.splitlines()]
    assert [run["endpoints"] for run in shown] == [{"a": "committed"}, {"a": "not done"}]
