"""A folder of files and its inventory."""

import pytest

from filesync_dagster.core.model import JOURNALED
from filesync_dagster_tests.sync.projects import Project, live, rows_of, stored


class Inventory:
    """A folder, `docs`, and a project with it as its one endpoint."""

    def __init__(self, folder, details):
        self.docs = folder / "docs"
        self.docs.mkdir()
        self.beside = folder / "beside"
        self.endpoint = {"name": "docs", "type": "local", "endpoint_details": {"path": str(self.docs), **details}}
        self.project = Project(folder / "project", self.endpoint)
        self.filesync = self.project.open()

    def configure(self, **more):
        """Go on with more settings of the endpoint."""
        self.filesync.close()
        self.project.write({**self.endpoint, **more})
        self.filesync = self.project.open()

    def fill(self, count, folder="."):
        """Write files, each with its own content."""
        (self.docs / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (self.docs / folder / f"{number:02}").write_text(f"{folder} {number}")

    def sync(self):
        """Sync, check that the inventory is what the last snapshot has, and return the result."""
        result = self.filesync.sync("docs")
        assert result.error is None, result.error
        if result.snapshot_uri:
            snapshot = {row["external_id"]: row["path"] for row in stored(self.filesync, result.snapshot_uri)}
            assert snapshot == {row["external_id"]: row["path"] for row in self.rows()}
        return result

    def rows(self):
        """Return the live rows."""
        return live(self.filesync, "docs")

    def paths(self):
        """Return the paths of live rows, in order."""
        return sorted(row["path"] for row in self.rows())

    def ids(self):
        """Return the ids of live rows by path."""
        return {row["path"]: row["external_id"] for row in self.rows()}

    def journal(self):
        """Return (change, path) of the journal."""
        found = [(row["change"], row["path"]) for row in rows_of(self.filesync.changes("docs"))]
        assert {change for change, _ in found} <= set(JOURNALED)
        return found


@pytest.fixture
def inventory(tmp_path):
    """Return what makes an inventory of a folder, with the details of its endpoint."""
    made = []

    def make(**details):
        made.append(Inventory(tmp_path, details))
        return made[-1]

    yield make
    for one in made:
        one.filesync.close()
