"""What a deployment is made of starts, and fits together."""

import http.server
import importlib.util
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest
import yaml
from dagster import DagsterInstance
from dagster._core.storage.compute_log_manager import ComputeIOType
from moto.server import ThreadedMotoServer

from filesync_dagster.orchestration.processes.code_server import RELOAD_TIMEOUT_SECONDS
from filesync_dagster.orchestration.processes.watchdog import MISSED_PINGS, PING_INTERVAL_SECONDS

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"


@contextmanager
def instance_of(config: Path, home: Path) -> Iterator[DagsterInstance]:
    """A Dagster instance whose dagster.yaml is a copy of ours."""
    shutil.copy(config, home / "dagster.yaml")
    instance = DagsterInstance.from_config(str(home))
    try:
        yield instance
    finally:
        instance.dispose()


@pytest.fixture
def object_store(monkeypatch):
    """An S3 server with a bucket for logs, found as AWS would be: through the environment."""
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "DAGSTER_LOGS_BUCKET": "logs",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="logs")
    yield
    server.stop()


def test_the_embedded_instance_starts_and_tells_nobody(tmp_path):
    """dagster.yaml gives an instance that works at once, queues runs, watches them and sends no telemetry."""
    with instance_of(ROOT / "dagster.yaml", tmp_path) as instance:
        assert instance.get_runs_count() == 0
        assert instance.event_log_storage.get_maximum_record_id() is None
        assert not instance.telemetry_enabled
        assert not instance.nux_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 10
        assert instance.run_monitoring_enabled
        assert instance.run_retries_enabled


def test_the_production_instance_starts_on_postgresql_and_keeps_logs_in_the_object_store(
    tmp_path, monkeypatch, postgres_url, object_store
):
    """deploy/dagster.production.yaml needs two variables: its tables are made, and a run's output can be read back."""
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", re.sub(r"^postgresql[^:]*:", "postgresql+psycopg2:", postgres_url))
    with instance_of(DEPLOY / "dagster.production.yaml", tmp_path) as instance:
        assert type(instance.run_storage).__name__ == "PostgresRunStorage"
        assert instance.get_runs_count() == 0
        logs = instance.compute_log_manager
        with logs.open_log_stream(["run", "step"], ComputeIOType.STDOUT) as stream:
            stream.write("seen from afar")
        stored = boto3.client("s3").list_objects_v2(Bucket="logs")["Contents"]
        assert [entry["Key"] for entry in stored] == ["dagster/storage/run/step.out"]


@pytest.mark.parametrize("config", ["dagster.yaml", "deploy/dagster.production.yaml"])
def test_only_crashed_runs_are_started_again(config):
    """An endpoint that fails is tried again by its schedule, not by repeating the run."""
    assert yaml.safe_load((ROOT / config).read_text())["run_retries"] == {
        "enabled": True,
        "max_retries": 2,
        "retry_on_asset_or_op_failure": False,
    }


@pytest.mark.parametrize("config", ["dagster.yaml", "deploy/dagster.production.yaml"])
def test_runs_wait_for_a_code_server_that_is_started_anew(config):
    """For as long as it takes to notice that it died, and to start it."""
    queue = yaml.safe_load((ROOT / config).read_text())["run_queue"]
    wait = queue["max_user_code_failure_retries"] * queue["user_code_failure_retry_delay"]
    assert wait >= PING_INTERVAL_SECONDS * MISSED_PINGS + RELOAD_TIMEOUT_SECONDS


@pytest.mark.parametrize("config", ["dagster.yaml", "deploy/dagster.production.yaml"])
def test_no_tick_is_kept_for_ever(config):
    """Dagster deletes ticks by itself, when it is told how long they are of interest."""
    kept = yaml.safe_load((ROOT / config).read_text())["retention"]
    assert {kind for kind in kept if kept[kind]} == {"schedule", "sensor", "auto_materialize"}
    days = kept["schedule"]["purge_after_days"], *kept["sensor"]["purge_after_days"].values()
    assert all(0 < number <= 30 for number in days)


def test_the_workspaces_name_the_definitions_and_the_code_server():
    """Both workspaces lead to the module that exists; the deployment's through the code server's port."""
    local = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"][0]["python_module"]
    served = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"][0]["grpc_server"]
    services = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())["services"]

    assert local["module_name"] == "filesync_dagster.definitions"
    assert served["location_name"] == local["location_name"]
    assert str(served["port"]) in services[served["host"]]["command"]
    assert local["module_name"] in services[served["host"]]["command"]


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("filesync_dagster.definitions"), reason="there are no definitions yet")
def test_the_workspace_loads(tmp_path):
    """Dagster finds the code through workspace.yaml, from any folder, even before there is an endpoints.yaml."""
    command = [Path(sys.executable).with_name("dagster"), "definitions", "validate", "-w", ROOT / "workspace.yaml"]
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    variables = os.environ | {"DAGSTER_HOME": str(tmp_path), "FILESYNC_HOME": str(tmp_path / "state")}
    done = subprocess.run(command, cwd=tmp_path, env=variables, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_compose_file_mounts_exists_or_is_the_users():
    """Each file that docker-compose.yaml mounts is here, but for the folder of the user's own endpoints.yaml."""
    services = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())["services"]
    mounted = {v.split(":")[0] for s in services.values() for v in s["volumes"] if v.startswith("./")}

    assert {name for name in mounted if not (DEPLOY / name).exists()} == {"./config"}


def test_the_compose_file_asks_for_what_the_example_environment_lists():
    """Each variable that docker-compose.yaml requires is in .env.example."""
    required = set(re.findall(r"\$\{(\w+):\?\}", (DEPLOY / "docker-compose.yaml").read_text()))
    listed = {line.partition("=")[0] for line in (DEPLOY / ".env.example").read_text().splitlines()}

    assert required <= listed


def test_the_image_copies_what_exists_and_what_the_build_may_see():
    """What is copied or mounted from the context is in the repository and let through by .dockerignore."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    copies = re.findall(r"^COPY (?:--\S+ )?(.+) \S+$", dockerfile, re.MULTILINE)
    mounted = re.findall(r"--mount=type=bind,source=(\S+),", dockerfile)
    sources = {source for line in copies for source in line.split()} | set(mounted)
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert sources == let_through
    assert all((ROOT / source).exists() for source in sources)


def test_the_dockerfile_has_no_findings():
    """Hadolint, with the shell linter that it contains, has nothing to say."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    found = subprocess.run([hadolint, ROOT / "Dockerfile"], capture_output=True, text=True, check=False)

    assert (found.returncode, found.stdout) == (0, "")


@pytest.fixture(scope="module")
def healthcheck():
    """The image's health check, as a module."""
    spec = importlib.util.spec_from_file_location("healthcheck", DEPLOY / "healthcheck.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class ServerInfo(http.server.BaseHTTPRequestHandler):
    """Answers as Dagster's webserver does when asked how it is."""

    def do_GET(self):
        """One path answers."""
        self.send_response(200 if self.path in {"/server_info", "/ready"} else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"dagster_version": "1"}).encode())

    def log_message(self, *_):
        """Say nothing."""


def test_a_webserver_is_healthy_while_it_answers(healthcheck):
    """The webserver is healthy while /server_info answers, and not when nothing listens."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), ServerInfo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        assert healthcheck.healthy("tini -- dagster-webserver -h 0.0.0.0", webserver=address)
        assert healthcheck.healthy("tini -- filesync serve --host 0.0.0.0", api=address)
        server.shutdown()

    assert not healthcheck.healthy("tini -- dagster-webserver -h 0.0.0.0", webserver=address)
    assert not healthcheck.healthy("tini -- filesync serve --host 0.0.0.0", api=address)


def test_a_code_server_that_nobody_started_is_not_healthy(healthcheck):
    """No answer on the port means not healthy."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        assert not healthcheck.healthy("dagster code-server start", code_server=f"127.0.0.1:{unused.getsockname()[1]}")


def test_a_daemon_without_heartbeats_is_not_healthy(healthcheck, tmp_path, monkeypatch):
    """The daemon is asked through the instance, where its heartbeats are."""
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")

    assert not healthcheck.healthy("tini -- dagster-daemon run")


def test_a_single_command_is_healthy_by_itself(healthcheck):
    """A container that only runs `filesync sync` has nobody to ask."""
    assert healthcheck.healthy("tini -- filesync sync")


def test_what_only_names_the_code_server_is_not_asked_like_one(healthcheck):
    """The service that watches the file tells the code server, which is elsewhere; it has no port of its own."""
    command = yaml.safe_load((DEPLOY / "docker-compose.yaml").read_text())["services"]["watch"]["command"]

    assert "--code-server" in command
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        assert healthcheck.healthy(f"tini -g -- {' '.join(command)} ", code_server=address)
