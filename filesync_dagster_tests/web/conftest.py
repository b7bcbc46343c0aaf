"""A project with two endpoints, one of them fine and one whose folder is not there, and its server."""

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from filesync_dagster import Filesync
from filesync_dagster.web.app import application
from filesync_dagster.web.console.sessions import begin_session, cookie_name, csrf_of
from filesync_dagster.web.server import serve_http
from filesync_dagster.web.site import ConfigHolder, Site

TOKEN = "the-token"
SECRET = "what the store knows"
NOBODY = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens
ENDPOINTS = """
endpoints:
  - name: docs
    type: local
    title: Documents
    project_id: p1
    endpoint_details: {path: store}
    webhook: {secret: what the store knows}
    guard: {max_removed_percent: 10, max_removed: 1}
  - {name: lost, type: local, endpoint_details: {path: nowhere}}
  - {name: idle, type: local, is_active: false, endpoint_details: {path: store}}
"""


@dataclass
class Client:
    """Asks an application in this process, as httpx does."""

    app: Callable
    headers: dict = field(default_factory=dict)

    def request(self, method, path, headers=None, **body):
        """Return the answer."""

        async def asking():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://filesync") as client:
                return await client.request(method, path, headers={**self.headers, **(headers or {})}, **body)

        return asyncio.run(asking())

    def get(self, path, **others):
        """Return the answer to a GET."""
        return self.request("GET", path, **others)

    def post(self, path, **others):
        """Return the answer to a POST."""
        return self.request("POST", path, **others)


def signed_in(app, metadata, role="operator"):
    """Return a client of an application that is signed in at the console with a role."""
    cookie = begin_session(metadata.console_sessions, TOKEN, role, "test")
    headers = {"cookie": f"{cookie_name(is_secure=False)}={cookie}", "x-filesync-csrf": csrf_of(cookie)}
    return Client(app, {**headers, "origin": "http://filesync"})


@dataclass
class Project:
    """A folder with endpoints.yaml, and what is served of it."""

    folder: Path
    site: Site

    @property
    def file(self):
        """Return the configuration file."""
        return self.folder / "endpoints.yaml"

    def sync(self, *names):
        """Sync in this process, as somebody else would."""
        with Filesync.open(self.file) as filesync:
            return [filesync.sync(name) for name in names]

    def client(self, **headers):
        """Return a client of a server of its own, which has seen nothing yet."""
        return Client(application(self.site), headers)


@contextmanager
def made_in(folder):
    """Make a project in a folder, with nothing synced, whose environment is that of this process."""
    (folder / "store").mkdir()
    for name in ("a", "b", "c", "d"):
        (folder / "store" / name).write_text(name)
    (folder / "endpoints.yaml").write_text(ENDPOINTS)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FILESYNC_CONFIG", "FILESYNC_DATABASE_URL", "FILESYNC_SNAPSHOT_ROOT", "FILESYNC_DAGSTER_URL"):
            patch.delenv(name, raising=False)
        patch.setenv("FILESYNC_HOME", str(folder / "home"))
        made = Project(folder, Site(ConfigHolder(folder / "endpoints.yaml"), folder / "home", TOKEN))
        yield made
        made.site.close()


@contextmanager
def served(site):
    """Serve a site over a port of this machine; yield its address."""
    told, ready = threading.Event(), queue.Queue()
    serving = threading.Thread(target=serve_http, args=(site, "127.0.0.1", 0, told), kwargs={"on_ready": ready.put})
    serving.start()
    try:
        yield ready.get(timeout=60)
    finally:
        told.set()
        serving.join()


@pytest.fixture
def project(tmp_path):
    """Return a project with nothing synced."""
    with made_in(tmp_path) as made:
        yield made


@pytest.fixture
def client(project):
    """Return a client that has the token."""
    return project.client(authorization=f"Bearer {TOKEN}")


@pytest.fixture
def stranger(project):
    """Return a client that has none."""
    return project.client()
