"""A Dagster that is another project's is never acted on, by whatever door it is met."""

from dataclasses import replace

import pytest
from click.testing import CliRunner
from dagster import DagsterRunStatus
from dagster._core.test_utils import create_run_for_test

from filesync_dagster.cli import filesync as command
from filesync_dagster.config import ensure_installation_id, installation_id, read_environment
from filesync_dagster.core.errors import DagsterForeign, DagsterUnreachable
from filesync_dagster.orchestration.client import DagsterClient, announce_url
from filesync_dagster.orchestration.client.locations import CodeLocation, own_location
from filesync_dagster.orchestration.tags import INSTALLATION_TAG, OUR_TAG
from filesync_dagster.web.app import application
from filesync_dagster.web.site import ConfigHolder, Site
from filesync_dagster_tests.orchestration.shown_dagster import shown_dagster, write_project
from filesync_dagster_tests.web.conftest import TOKEN, Client

DOORS = [
    ("jobs", "initiate"),
    ("jobs", "status"),
    ("jobs", "reset"),
    ("jobs", "delete", "--failed", "--pending", "--yes"),
    ("reload",),
]


@pytest.fixture
def foreign(instance, tmp_path):
    """Return the environment of a project with an endpoint `docs`, and the address of another one's Dagster.

    Both have an endpoint of this name, and the other one has a failed run.
    """
    write_project(tmp_path / "theirs", "docs")
    ours = write_project(tmp_path / "ours", "docs")
    ensure_installation_id(read_environment(variables=ours))
    with shown_dagster(instance, filesync=tmp_path / "theirs") as url:
        theirs = {
            "FILESYNC_HOME": str(tmp_path / "theirs" / "home"),
            "FILESYNC_CONFIG": str(tmp_path / "theirs" / "endpoints.yaml"),
        }
        with DagsterClient(url, installation_id(read_environment(variables=theirs))) as dagster:
            assert dagster.runs() == []  # the code is loaded
        tags = {OUR_TAG: "sync", INSTALLATION_TAG: installation_id(read_environment(variables=theirs))}
        create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.FAILURE, tags=tags)
        yield ours, url


def runs(instance):
    """Return the states of all runs."""
    return [run.status for run in instance.get_runs()]


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_a_dagster_of_another_project_is_left_alone(door, foreign, instance):
    """Whether its address is said, stands in the environment, or a killed `up` left it behind: one sentence."""
    variables, url = foreign
    said = CliRunner().invoke(command, [*door, "--dagster-url", url], env=variables)
    surrounding = CliRunner().invoke(command, door, env={**variables, "FILESYNC_DAGSTER_URL": url})
    with announce_url(read_environment(variables=variables).home, url):
        stale = CliRunner().invoke(command, door, env=variables)

    for result in (said, surrounding, stale):
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert result.stderr.count("\n") == 1
        assert f"Dagster at {url} does not run this configuration" in result.stderr
    assert runs(instance) == [DagsterRunStatus.FAILURE]


@pytest.mark.parametrize("door", DOORS, ids=" ".join)
def test_without_an_up_of_its_own_nobody_is_asked(door, tmp_path):
    """What answers at a usual port is anybody's."""
    variables = write_project(tmp_path / "ours", "docs")
    result = CliRunner().invoke(command, door, env=variables)
    assert result.exit_code == 1
    assert f"No Dagster of {variables['FILESYNC_HOME']} runs." in result.stderr


def test_rest_neither_launches_in_it_nor_shows_it(foreign, instance, monkeypatch, request):
    """Launches, runs and health; the API says why."""
    variables, url = foreign
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    environment = read_environment()
    site = Site(ConfigHolder(environment.config_path), environment.home, TOKEN, url)
    request.addfinalizer(site.close)
    client = Client(application(site), {"authorization": f"Bearer {TOKEN}"})
    [run] = instance.get_runs()

    for answer in (
        client.post("/sync/initial"),
        client.post("/sync/incremental", json={"endpoints": ["docs"]}),
        client.get(f"/sync/status?run_id={run.run_id}"),
    ):
        assert answer.status_code == 503
        assert "does not run this configuration" in answer.json()["error"]
    [dagster] = [one for one in client.get("/health").json()["components"] if one["name"].startswith("dagster")]
    assert dagster["status"] == "failing"
    assert "does not run this configuration" in dagster["detail"]
    nowhere = Client(application(replace(site, dagster_url=None)), client.headers)
    assert "No Dagster of" in nowhere.post("/sync/initial").json()["error"]
    assert runs(instance) == [DagsterRunStatus.FAILURE]


@pytest.mark.slow
def test_of_two_configurations_in_one_dagster_each_meets_its_own(instance, tmp_path):
    """Two code locations with endpoints of one name: runs are launched, seen and deleted in one's own alone."""
    ours, theirs = write_project(tmp_path / "ours", "docs"), write_project(tmp_path / "theirs", "docs", "photos")
    with shown_dagster(instance, filesync=tmp_path / "theirs", company=tmp_path / "ours") as url:
        for variables in (ours, theirs):
            here = installation_id(read_environment(variables=variables))
            with DagsterClient(url, here) as dagster:
                tags = {OUR_TAG: "sync", INSTALLATION_TAG: here}
                run = create_run_for_test(instance, job_name="sync", status=DagsterRunStatus.FAILURE, tags=tags)
                assert [one.id for one in dagster.runs()] == [run.run_id]
        refused = CliRunner().invoke(command, ["reload", "--dagster-url", url, "--location", "filesync"], env=ours)
        assert "does not run this configuration" in refused.stderr
        deleted = CliRunner().invoke(command, ["jobs", "delete", "--failed", "--yes", "--dagster-url", url], env=ours)
        assert deleted.stdout.endswith("1 run deleted.\n")
    [left] = instance.get_runs()
    assert left.run_id == run.run_id


def test_processes_that_share_no_home_share_a_name(instance, tmp_path):
    """FILESYNC_INSTALLATION, where code servers are pods and the command line is a laptop; another name is another."""
    write_project(tmp_path / "pod", "docs", FILESYNC_INSTALLATION="production")
    laptop = write_project(tmp_path / "laptop", "docs")
    with shown_dagster(instance, filesync=tmp_path / "pod") as url:
        asked = {
            name: CliRunner()
            .invoke(command, ["jobs", "status", "--dagster-url", url], env={**laptop, "FILESYNC_INSTALLATION": name})
            .exit_code
            for name in ("production", "staging", "")
        }
    assert asked == {"production": 0, "staging": 1, "": 1}


def test_an_installation_is_a_home_and_a_configuration(tmp_path):
    """The token makes a copy of the paths on another machine another one; the paths, a copy of the home."""
    first, second = ({"FILESYNC_HOME": str(tmp_path / name), "FILESYNC_CONFIG": "a.yaml"} for name in ("one", "two"))
    assert installation_id(read_environment(variables=first)) is None
    made = ensure_installation_id(read_environment(variables=first))
    assert (
        made
        == ensure_installation_id(read_environment(variables=first))
        == installation_id(read_environment(variables=first))
    )
    assert (tmp_path / "one" / "installation").stat().st_mode & 0o777 == 0o600
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "installation").write_text((tmp_path / "one" / "installation").read_text())
    others = [second, {**first, "FILESYNC_CONFIG": "b.yaml"}, {**first, "FILESYNC_INSTALLATION": "x"}]
    assert len({made, *(installation_id(read_environment(variables=variables)) for variables in others)}) == 4
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert installation_id(read_environment(variables={**first, "FILESYNC_HOME": str(tmp_path / "link")})) == made
    (tmp_path / "file").write_text("")
    assert ensure_installation_id(read_environment(variables={"FILESYNC_HOME": str(tmp_path / "file" / "home")})) == ""


@pytest.mark.parametrize(
    ("found", "installation", "sentence"),
    [
        ([], "a", "does not run this configuration"),
        ([CodeLocation("filesync")], "a", "does not run this configuration"),
        ([CodeLocation("filesync", frozenset("b"))], "a", "does not run this configuration"),
        ([CodeLocation("filesync", error="PythonError")], "a", "does not load"),
        ([CodeLocation("filesync", frozenset("a"))], None, "Nothing has run in this FILESYNC_HOME"),
        ([CodeLocation("filesync", frozenset())], "", "does not run this configuration"),
    ],
)
def test_what_proves_nothing_is_foreign(found, installation, sentence):
    """No code, other code, code that does not load, code from before there was a proof, and no home to prove."""
    with pytest.raises(DagsterForeign, match=sentence):
        own_location("http://d", found, installation)


def test_nobody_where_it_was_is_told_apart(tmp_path):
    """A killed `up` whose port nobody took."""
    variables = write_project(tmp_path / "ours", "docs")
    with announce_url(read_environment(variables=variables).home.parent, "http://127.0.0.1:9"):
        pass
    with DagsterClient("http://127.0.0.1:9", "a") as dagster, pytest.raises(DagsterUnreachable):
        dagster.reload()
