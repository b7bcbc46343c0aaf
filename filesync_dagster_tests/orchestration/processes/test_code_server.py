"""A code server that reloads, or cannot, or is not there; and what the client says when it fails itself."""

import os
import subprocess
import sys
import time

import pytest

from filesync_dagster.core.errors import DagsterRefused, DagsterUnreachable
from filesync_dagster.orchestration.instance.ping import works
from filesync_dagster.orchestration.processes import code_server
from filesync_dagster.orchestration.processes.code_server import reload_code


def test_a_code_server_that_is_not_there_is_a_sentence(tmp_path):
    """It says where nobody is."""
    with pytest.raises(DagsterUnreachable, match=r"code\.sock"):
        reload_code(f"unix:{tmp_path / 'code.sock'}")


@pytest.mark.parametrize("address", ["localhost", pytest.param("localhost:", marks=pytest.mark.slow), "here:there"])
def test_what_is_no_address_is_a_sentence(address):
    """It says what one looks like."""
    with pytest.raises(DagsterUnreachable, match="HOST:PORT"):
        reload_code(address)


def test_a_client_that_fails_is_a_sentence(monkeypatch):
    """It is no answer of the code server."""
    monkeypatch.setattr(code_server, "CLIENT", "filesync_dagster.nowhere")
    with pytest.raises(DagsterUnreachable, match=r"client of code servers ended: .*nowhere"):
        reload_code("localhost:1")


@pytest.mark.slow
def test_code_that_does_not_load_is_told(tmp_path):
    """The code server starts, answers, and has nothing: that is no edit that took effect."""
    (tmp_path / "code.py").write_text("import dagster as dg\ndefs = dg.Definitions()\n")
    address = f"unix:{tmp_path / 'code.sock'}"
    command = ["-m", "dagster", "code-server", "start", "-f", str(tmp_path / "code.py"), "--socket", address[5:]]
    server = subprocess.Popen(
        [sys.executable, *command, "--use-python-environment-entry-point"],
        env={**os.environ, "DAGSTER_HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 120
        while not loads(address):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert works(address)
        (tmp_path / "code.py").write_text("raise ValueError('nothing here')")
        with pytest.raises(DagsterRefused, match="nothing here"):
            reload_code(address)
    finally:
        server.terminate()
        try:
            server.wait(3)
        except subprocess.TimeoutExpired:  # of Dagster's own making: it waits for the process that did not load
            server.kill()
            server.wait(30)


def loads(address):
    """Tell whether the code server is there; it has something to load."""
    try:
        reload_code(address)
    except DagsterUnreachable:
        return False
    return True
