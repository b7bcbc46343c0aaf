"""`filesync up`: Dagster's processes for one configuration."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.resources import files
from pathlib import Path

import pytest

from filesync_dagster.config import read_environment
from filesync_dagster.core.errors import NotWritable, ServiceError
from filesync_dagster.orchestration.client import read_url
from filesync_dagster.orchestration.processes import children, dagster_home, require_free
from filesync_dagster.orchestration.processes.children import Service, rotate_log, start_service, stop_services

ROOT = Path(__file__).parents[3]
ENDPOINTS = "endpoints: [{name: docs, type: local, schedule: manual, endpoint_details: {path: store}}]\n"
TALKS = """
import time
print("one", flush=True)
while True:
    print("x" * 100, flush=True)
    time.sleep(0.05)
"""


@pytest.fixture
def free_port():
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _lines_until_ready(output):
    """Return what is printed up to the line with the address: what is started, and what takes long."""
    said = []
    for line in output:
        said.append(line)
        if line.startswith("Dagster is at"):
            break
    return said


@pytest.mark.slow
def test_up_serves_the_assets_and_leaves_nothing_behind(tmp_path, free_port):
    """The UI answers, and another shell finds it, on whichever port; SIGTERM ends every process; the exit code is 0."""
    (tmp_path / "store").mkdir()
    (tmp_path / "endpoints.yaml").write_text(ENDPOINTS)
    filesync = [sys.executable, "-m", "filesync_dagster.cli"]
    env = {**os.environ, "FILESYNC_HOME": str(tmp_path / "home"), "FILESYNC_CONFIG": "endpoints.yaml"}
    with subprocess.Popen(
        [*filesync, "up", "--port", str(free_port)],
        cwd=tmp_path,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        said = _lines_until_ready(process.stdout)
        for part in ("code server", "web server", "daemon"):
            assert f"Starting Dagster's {part} ...\n" in said
        ready = said[-1]
        children = _children(process.pid)
        try:
            assert f"http://127.0.0.1:{free_port}" in ready
            assert ["filesync", "docs"] in _assets(free_port)
            jobs = subprocess.check_output([*filesync, "jobs", "status"], cwd=tmp_path, env=env, text=True)
            assert "There is no run." in jobs
        finally:
            process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert process.returncode == 0
    assert len(children) == 3
    assert not [child for child in children if _runs(child)]
    assert read_url(tmp_path / "home") is None


@pytest.mark.slow
def test_a_log_that_has_grown_too_long_begins_anew(tmp_path, monkeypatch):
    """While its process writes, which goes on at the end; and before the next one does."""
    monkeypatch.setattr(children, "LOG_BYTES", 1000)
    log, before = tmp_path / "dagster-daemon.log", tmp_path / "dagster-daemon.log.1"
    rotate_log(log)  # there is none yet
    log.write_text("old" * 1000)
    service = start_service("daemon", [sys.executable, "-c", TALKS], os.environ, log)
    try:
        assert before.read_text() == "old" * 1000
        _until(lambda: log.stat().st_size > 1000)
        rotate_log(log)
        assert before.read_text().startswith("one\n")
        assert log.stat().st_size < before.stat().st_size
        _until(lambda: log.stat().st_size > 0)
        assert log.read_bytes()[:1] != b"\0"
    finally:
        stop_services([service])


def test_the_last_words_of_a_child_are_read_from_the_end_of_its_log(tmp_path):
    """However long it is."""
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100_000 + b"\nmust not be read\n\xffout of memory\n")
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process:
        process.wait()
    complaint = str(Service("daemon", process, log).complaint())
    assert "exit code 3" in complaint
    assert "out of memory" in complaint
    assert "read" not in complaint


def test_a_taken_port_is_a_sentence():
    """Before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(ServiceError, match="--port"):
        require_free("127.0.0.1", server.getsockname()[1])


def test_an_instance_is_made_once(tmp_path):
    """dagster.yaml is the one at the top of the tree; what its owner wrote stays."""
    environment = read_environment(variables={"FILESYNC_HOME": str(tmp_path)})

    settings = dagster_home(environment) / "dagster.yaml"
    assert settings.read_text() == (ROOT / "dagster.yaml").read_text()
    assert files("filesync_dagster").joinpath("dagster.yaml").read_text() == settings.read_text()
    settings.write_text("# mine\n")
    assert dagster_home(environment) == tmp_path / "dagster"
    assert settings.read_text() == "# mine\n"


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path):
    """The variable that sets it is named."""
    (tmp_path / "home").write_text("")

    with pytest.raises(NotWritable, match="FILESYNC_HOME"):
        dagster_home(read_environment(variables={"FILESYNC_HOME": str(tmp_path / "home")}))


def test_what_does_not_listen_is_killed(tmp_path):
    """A child that ignores SIGTERM, and its own child, are gone after the grace."""
    script = "import signal,subprocess,sys; signal.signal(15, signal.SIG_IGN); print('up', flush=True);"
    script += "subprocess.run([sys.executable, '-c', 'import signal,time; signal.signal(15, signal.SIG_IGN); print(1,"
    script += " flush=True); time.sleep(600)'])"
    service = start_service("stubborn", [sys.executable, "-c", script], os.environ, tmp_path / "log")
    while (tmp_path / "log").read_text() != "up\n1\n":
        time.sleep(0.05)

    stop_services([service], grace_seconds=0.2)

    # What was killed is there until init has taken note of it.
    deadline = time.monotonic() + 30
    while _runs(-service.process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _runs(-service.process.pid)


def test_the_last_words_of_a_child_are_told(tmp_path):
    """Whoever has to find out what happened gets the log and its last line."""
    service = start_service(
        "thing", [sys.executable, "-c", "print('no luck'); raise SystemExit(4)"], os.environ, tmp_path / "l"
    )
    service.process.wait()

    assert "no luck" in str(service.complaint())
    assert str(tmp_path / "l") in str(service.complaint())
    assert "exit code 4" in str(service.complaint())


def _assets(port):
    query = json.dumps({"query": "{assetNodes{assetKey{path}}}"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/graphql", query, {"Content-Type": "application/json"})
    deadline = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(request, timeout=60) as answer:
            nodes = json.load(answer)["data"]["assetNodes"]
        if nodes or time.monotonic() > deadline:
            return [node["assetKey"]["path"] for node in nodes]
        time.sleep(0.5)


def _children(pid):
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in found.stdout.split()]


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _until(true):
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
