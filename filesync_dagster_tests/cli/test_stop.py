"""One Ctrl-C, or SIGTERM, ends whatever waits for a store."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from filesync_dagster_tests import odd_hosts
from filesync_dagster_tests.odd_hosts import odd_host


@pytest.mark.parametrize(
    ("command", "answer", "number"),
    [
        ("sync", odd_hosts.throttle, signal.SIGTERM),  # paused for ten minutes
        ("sync", odd_hosts.silence, signal.SIGINT),  # waits for an answer
        ("test", odd_hosts.silence, signal.SIGTERM),
    ],
)
def test_one_signal_is_enough(shell, command, answer, number):
    """No further request is sent, no pause is waited for, and what was committed stays."""
    asked, requests = threading.Event(), []

    def counted(connection):
        requests.append(connection)
        asked.set()
        answer(connection)

    with odd_host(counted) as port:
        details = {"bucket": "eng", "endpoint_url": f"http://127.0.0.1:{port}", "anonymous": True, "read_timeout": 300}
        shell.write({"name": "eng", "type": "s3", "endpoint_details": details})
        process = shell.start(command)
        assert asked.wait(60)
        known = len(requests)
        process.send_signal(number)
        _, said = process.communicate(timeout=30)

    assert (process.returncode, len(requests)) == (130, known), said
    assert "Interrupted." in said


ANNOUNCES = """
from filesync_dagster.cli.text import announce
announce("It answers.")
announce("Warning: something", err=True)
announce("It goes on.")
raise SystemExit(7)
"""


def test_what_keeps_running_outlives_its_reader():
    """Whoever reads where a service answers, as `head -1` does, may go."""
    read, write = os.pipe()
    os.close(read)
    ended = subprocess.run([sys.executable, "-c", ANNOUNCES], stdout=write, stderr=write, check=False, timeout=60)
    os.close(write)
    assert ended.returncode == 7
