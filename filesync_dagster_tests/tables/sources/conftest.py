"""Fixtures of tests of data sources."""

import gc
import threading
import warnings

import pytest


@pytest.fixture
def sockets_that_drivers_leave():
    """Close here what a driver leaves open when its server breaks off, and not in some other test."""
    yield
    for thread in threading.enumerate():
        if thread.name == "filesync-source":
            thread.join(5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # python-oracledb does not close its socket then
        gc.collect()
