"""Several processes that look and tell at once, and one that dies while it does."""

import os
import signal
import subprocess
import sys

import pytest

from filesync_dagster_tests.monitoring.alerts.test_dispatch import due_at_once


def start(made, *arguments):
    """Start the command line in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "filesync_dagster.cli", "--config", str(made.config), *arguments],
        env={**os.environ, **made.variables},
    )


@pytest.fixture
def failing(watched, hook):
    """Return a project whose folder is not there, so that a process of its own can find that, and its webhook."""

    def make(names=("docs",), **others):
        made = watched(hook, names=(), **others)
        made.write(*({"name": n, "type": "local", "endpoint_details": {"path": "nowhere"}} for n in names))
        with made.open() as filesync:
            assert {filesync.sync(name).status.value for name in names} == {"failed"}
        return made

    return make


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def test_each_transition_is_told_by_one_of_them(failing, hook, database, request):
    """Whoever is first; the other finds nothing left to say."""
    url = request.getfixturevalue("postgres_url") if database == "postgresql" else None
    names = ["docs", "drawings", "photos"]
    made = failing(names, database=url)
    processes = [start(made, "alerts", "--once") for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert sorted(hook.titles) == [f"filesync: {name}: failed" for name in names]


def test_a_process_that_dies_before_it_notes_is_made_up_for(failing, hook):
    """It is told once more rather than never, when the claim of the dead one is over."""
    made = failing()
    dying = start(made, "alerts", "--once")

    def kill():
        hook.meanwhile = lambda: None
        os.kill(dying.pid, signal.SIGKILL)

    hook.meanwhile = kill
    assert dying.wait(120) == -signal.SIGKILL
    assert hook.titles == ["filesync: docs: failed"]
    made.alert()
    assert len(hook.posts) == 1, "it may be alive, for all that others know"
    due_at_once(made)
    made.alert()
    assert hook.titles == ["filesync: docs: failed"] * 2
    made.alert()
    assert len(hook.posts) == 2
