"""The product at one glance: what needs a person is found by looking, whether or not anything runs."""

from filesync_dagster_tests.web.test_health import long_ago

LONG_AGO = (
    "UPDATE endpoint_state SET as_of = :then",
    "UPDATE sync_logs SET sync_started = :then, sync_completed = :then, as_of = :then",
)


def needs(client):
    """Return what needs a person, by its subject."""
    return {one["subject"]: one for one in client.get("/api/overview").json()["needs"]}


def test_what_nothing_syncs_any_more_needs_somebody(project, client):
    """No alert is raised where no daemon runs; so it is looked at, and told with since when."""
    project.sync("docs")
    assert "docs" not in needs(client)
    long_ago(project, *LONG_AGO)

    found = needs(project.client(**client.headers))

    assert found["docs"]["kind"] == "stale"
    assert "more than 90 minutes ago" in found["docs"]["sentence"]


def test_the_same_is_not_told_twice(project, client):
    """What failed, and is stale because it fails, is one thing to look at."""
    project.sync("docs", "lost")
    long_ago(project, "UPDATE endpoints SET created_at = :then")

    about = client.get("/api/overview").json()

    assert [(one["subject"], one["kind"]) for one in about["needs"]] == [("lost", "failed")]
    assert about["endpoints_in_need"] == 1


def test_what_is_unknown_is_in_no_total(project, client):
    """Null where nothing was ever synced, never 0."""
    before = client.get("/api/overview").json()
    project.sync("docs")
    after = project.client(**client.headers).get("/api/overview").json()

    assert (before["files_total"], before["bytes_total"], before["endpoints_unknown"]) == (None, None, 3)
    assert (after["files_total"], after["bytes_total"], after["endpoints_unknown"]) == (4, 4, 2)
