"""An endpoint whose store failed five times in a row: what the command line does and shows."""

import re

import pytest

from filesync_dagster.sync.circuit_breaker import FAILURES


@pytest.fixture
def failing(shell):
    """Return a shell whose store has gone, five syncs ago; another endpoint is well."""
    shell.put("a.txt")
    well = shell.folder / "well"
    well.mkdir()
    other = {"name": "other", "type": "local", "endpoint_details": {"path": str(well)}}
    shell.write(shell.endpoint(), other)
    assert shell.run("sync").exit_code == 0
    shell.store.rename(shell.folder / "away")
    for _ in range(FAILURES):
        assert shell.run("sync", "docs").exit_code == 1
    return shell


@pytest.mark.slow
def test_who_syncs_everything_leaves_it_alone(failing):
    """It is skipped and says so; the others are synced; a script learns that not all is well; no log is written."""
    result = failing.run("sync")

    assert result.exit_code == 1
    assert "docs: skipped" in result.stdout
    assert "other: completed" in result.stdout
    assert "Skipped: docs: docs failed 5 times in a row, so its store is left alone until 20" in result.stderr
    assert re.search(r" UTC\. The last reason: The folder .* `filesync sync docs` asks it at once\.", result.stderr)
    [one, _] = sorted(failing.json("sync", "--json"), key=lambda result: result["endpoint"])
    assert (one["status"], one["api_calls"], one["files_total"]) == ("skipped", 0, 0)
    [status, _] = failing.json("status", "--json")
    assert status["last_sync"]["status"] == "failed"


def test_status_shows_why_and_until_when(failing):
    """For people and for programs."""
    table = failing.run("status").stdout
    assert "breaker open" in table
    assert re.search(r"docs: its store failed 5 times in a row and is left alone until .*; `filesync sync docs`", table)

    docs, other = failing.json("status", "--json")
    assert docs["state"] == "breaker open"
    assert (docs["breaker"]["state"], docs["breaker"]["failures"]) == ("open", FAILURES)
    assert docs["breaker"]["reason"].startswith("The folder ")
    assert docs["breaker"]["opened_at"] < docs["breaker"]["probe_at"] <= docs["next_due"]
    assert other["state"] == "ok"
    assert other["breaker"] is None


@pytest.mark.slow
def test_who_names_it_probes_it(failing):
    """A store that is back is in the inventory at once, and everything is as before."""
    (failing.folder / "away").rename(failing.store)
    assert failing.run("sync", "docs").exit_code == 0
    assert failing.run("sync").exit_code == 0
    docs, _ = failing.json("status", "--json")
    assert (docs["state"], docs["breaker"], docs["files_total"]) == ("ok", None, 1)


def test_a_few_failures_are_shown_too(shell):
    """Before it is left alone, it is plain that it failed, and how often in a row."""
    shell.store.rmdir()
    for _ in range(2):
        shell.run("sync")
    [docs] = shell.json("status", "--json")
    assert (docs["state"], docs["breaker"]["state"], docs["breaker"]["failures"]) == ("failed", "closed", 2)
    assert "left alone" not in shell.run("status").stdout
