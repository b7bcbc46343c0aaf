"""Edits of endpoints.yaml: when they are taken, what is told of them, what happens when Dagster does not hear."""

import threading
import time

import pytest

from filesync_dagster.config import read_environment, running_config
from filesync_dagster.core.errors import DagsterUnreachable
from filesync_dagster.orchestration.processes import reload
from filesync_dagster.orchestration.processes.reload import ConfigWatch

ONE = "endpoints: [{name: a, type: local, endpoint_details: {path: a}}]\n"
TWO = ONE.replace("]\n", ", {name: b, type: local, endpoint_details: {path: b}}]\n")


class Watched:
    """A file that is watched, and what came of it."""

    def __init__(self, folder):
        self.path = folder / "endpoints.yaml"
        self.path.write_text(ONE)
        self.environment = read_environment(self.path, {"FILESYNC_HOME": str(folder / "home")})
        self.reloads, self.told, self.deaf, self.mad = 0, [], False, False
        self.watch = ConfigWatch(self.environment, self.reload, self.told.append)

    def reload(self):
        """Count, as long as Dagster answers."""
        if self.mad:
            raise ZeroDivisionError
        if self.deaf:
            raise DagsterUnreachable("Nobody answers.")
        self.reloads += 1

    def settle(self):
        """Look until an edit must have been seen."""
        return [self.watch.look() for _ in range(3)]


@pytest.fixture
def watched(tmp_path):
    """Return a watched file with one endpoint."""
    return Watched(tmp_path)


def test_an_edit_is_taken_once_when_it_is_whole(watched):
    """Not while the file still changes from look to look, and not again afterwards."""
    assert watched.settle() == [False] * 3
    watched.path.write_text(TWO[:40])
    assert not watched.watch.look()
    watched.path.write_text(TWO)
    assert not watched.watch.look()
    assert watched.watch.look()
    assert watched.settle() == [False] * 3
    assert (watched.reloads, watched.told) == (1, ["endpoints.yaml was edited: added b."])


def test_a_file_that_was_only_touched_is_no_edit(watched):
    """Its bytes count, not its date; and an edit that is taken back in time never was."""
    watched.path.write_text(ONE)
    watched.settle()
    watched.path.write_text(TWO)
    watched.watch.look()
    watched.path.write_text(ONE)
    watched.settle()
    assert watched.reloads == 0


def test_what_an_edit_changes_is_told(watched):
    """Added, changed, left, the settings."""
    watched.path.write_text("settings: {concurrency: 3}\n" + TWO.replace("name: b", "name: b, is_active: false"))
    watched.settle()
    watched.path.write_text(TWO.replace("name: a,", "name: a, title: A,"))
    watched.settle()
    watched.path.write_text(TWO.replace("name: a,", "name: c,"))
    watched.settle()
    assert watched.told == [
        "endpoints.yaml was edited: the settings changed.",
        "endpoints.yaml was edited: added b; changed a; the settings changed.",
        "endpoints.yaml was edited: added c; no longer synced a.",
    ]


def test_an_invalid_edit_is_told_and_what_was_good_stays_known(watched):
    """Its problems are warnings; the edit that mends it is taken like any other."""
    watched.path.write_text("endpoints: [")
    watched.settle()
    assert "stays the same" in watched.told[0]
    assert watched.told[1].startswith("Warning: ")
    assert [endpoint.name for endpoint in running_config(watched.environment).active] == ["a"]
    watched.path.write_text(TWO)
    watched.settle()
    assert watched.told[2] == "endpoints.yaml was edited: added b."


def test_a_reload_that_fails_is_told_and_tried_again(watched, monkeypatch):
    """Not at each look; but until it succeeds, and without another edit."""
    watched.deaf = True
    watched.path.write_text(TWO)
    watched.settle()
    assert len(watched.told) == 1
    assert "Nobody answers." in watched.told[0]
    watched.deaf = False
    assert watched.settle() == [False] * 3, "it has only just failed"
    monkeypatch.setattr(reload, "RETRY_INTERVAL_SECONDS", 0)
    assert watched.watch.look()
    assert watched.told[-1] == "endpoints.yaml was edited: added b."


def test_a_file_that_goes_and_comes_back_is_two_edits(watched):
    """While it is away, what it said runs on."""
    watched.path.unlink()
    watched.settle()
    assert "no such file" in watched.told[-1]
    watched.path.write_text(ONE)
    watched.settle()
    assert watched.reloads == 2


def test_the_watch_outlives_whatever_goes_wrong(watched, monkeypatch):
    """It ends when told, and not before."""
    monkeypatch.setattr(reload, "LOOK_INTERVAL_SECONDS", 0.01)
    watched.mad = True
    told = threading.Event()
    thread = watched.watch.start(told)
    watched.path.write_text(TWO)
    time.sleep(0.2)
    assert thread.is_alive()
    watched.mad = False
    deadline = time.monotonic() + 30
    while not watched.reloads and time.monotonic() < deadline:
        time.sleep(0.01)
    told.set()
    thread.join(10)
    assert watched.reloads == 1
    assert not thread.is_alive()
