"""A project whose server has a key for secrets and sources in its file, one for all tests of a module."""

import time
from dataclasses import dataclass

import pytest

from filesync_dagster import Filesync
from filesync_dagster.web.app import application
from filesync_dagster_tests.tables.sources.conftest import sockets_that_drivers_leave
from filesync_dagster_tests.web.conftest import TOKEN, Client, Project, made_in, signed_in

__all__ = ["place", "sockets_that_drivers_leave"]

KEY = "5a" * 32
SETTINGS = """
settings:
  tables: {tests_per_minute: 10000, allow_hosts: [allowed.test, "127.0.0.2"]}
sources:
  - name: in_file
    type: upload
    description: From the file
    config: {file_paths: [orders.csv]}
"""
UNFINISHED = {"queued", "running"}


@dataclass
class Place:
    """A project and its server, with clients of it."""

    project: Project
    app: object

    @property
    def admin(self):
        """Return a client that has the token."""
        return Client(self.app, {"authorization": f"Bearer {TOKEN}"})

    def browser(self, role):
        """Return a client that is signed in with a role."""
        with self.filesync() as filesync:
            return signed_in(self.app, filesync.runtime.metadata, role)

    def filesync(self):
        """Return the project opened, as somebody else would."""
        return Filesync.open(self.project.file)

    def audit(self):
        """Return what was done, newest first."""
        with self.filesync() as filesync:
            return filesync.runtime.metadata.audit.newest(1000)

    def upload(self, name, content):
        """Send a file; return what a source calls it."""
        answer = self.admin.post("/api/upload/file", files={"file": (name, content)})
        assert answer.status_code == 201, answer.text
        return answer.json()

    def wait_for(self, read_id, seconds=120):
        """Return a read once it has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = self.admin.get(f"/api/reads/{read_id}").json()
            if found["state"] not in UNFINISHED:
                return found
            time.sleep(0.1)
        raise AssertionError(found)

    def read(self, name, **order):
        """Read a source, and return the read once it has ended."""
        answer = self.admin.post(f"/api/sources/{name}/read", json=order)
        assert answer.status_code == 202, answer.text
        return self.wait_for(answer.json()["id"])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return the project of a module."""
    folder = tmp_path_factory.mktemp("sources")
    with pytest.MonkeyPatch.context() as patch, made_in(folder) as project:
        patch.setenv("FILESYNC_SECRET_KEY", KEY)
        patch.setenv("SHOP_PASSWORD", "the-variable-of-the-shop")
        (folder / "orders.csv").write_text("order_id,amount\n1,2.50\n2,3.25\n")
        project.file.write_text(project.file.read_text() + SETTINGS)
        yield Place(project, application(project.site))
