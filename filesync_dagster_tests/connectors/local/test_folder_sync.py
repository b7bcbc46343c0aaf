import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from filesync_dagster.connectors.local.folder_sync import FolderSync


@pytest.fixture
def folder(tmp_path):
    """Return an open folder."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_threads_share_what_begins_after_they_came(folder):
    """What each of them did before it asked is in a writing down that began afterwards, and there are few of these."""
    made, written = [], set()
    began = threading.Barrier(40)
    syncs = []

    def sync(_descriptor):
        there = set(made)
        time.sleep(0.02)
        written.update(there)
        syncs.append(len(there))

    shared = FolderSync(sync)

    def work(number):
        began.wait()
        made.append(number)
        shared(folder)
        return number in written

    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(work, range(40)))
    assert len(syncs) < 20


def test_who_comes_while_one_goes_on_waits_for_the_next(folder):
    """The one that goes on may have passed what was done meanwhile."""
    goes_on, go, syncs = threading.Event(), threading.Event(), []

    def sync(_descriptor):
        syncs.append(len(syncs))
        goes_on.set()
        go.wait()

    shared = FolderSync(sync)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shared, folder)
        goes_on.wait()
        second = pool.submit(shared, folder)
        time.sleep(0.05)
        go.set()
        first.result()
        second.result()
    assert syncs == [0, 1]


def test_an_error_is_told_to_each_that_it_concerns(folder):
    """Nobody takes the failure of another one for success."""

    def fail(_descriptor):
        time.sleep(0.01)
        raise OSError(5, "Input/output error")

    shared = FolderSync(fail)
    with ThreadPoolExecutor(8) as pool:
        waits = [pool.submit(shared, folder) for _ in range(8)]
    assert all(isinstance(wait.exception(), OSError) for wait in waits)
