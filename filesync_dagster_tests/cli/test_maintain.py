"""`filesync maintain`."""

import pytest

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.processes import dagster_home


@pytest.mark.slow
def test_it_tells_what_went(shell):
    """Without Dagster, and with the instance of `filesync up`."""
    shell.put("a")
    shell.run("sync")
    assert shell.run("maintain").stdout == "Nothing is past its time.\n"
    [gone] = shell.json("maintain", "--dry-run", "--json")
    assert gone["snapshots"] == 0
    assert "runs" not in gone

    dagster_home(read_environment(shell.config, shell.variables))
    [gone] = shell.json("maintain", "--json")
    assert (gone["snapshots"], gone["runs"]) == (0, 0)


@pytest.mark.slow
def test_an_instance_that_cannot_be_opened_is_a_sentence(shell):
    """It says which."""
    (shell.home / "dagster").mkdir(parents=True)
    (shell.home / "dagster" / "dagster.yaml").write_text("run_launcher: nonsense\n")

    result = shell.run("maintain")

    assert result.exit_code == 1
    assert str(shell.home / "dagster") in result.output
    assert result.output.count("\n") == 1
