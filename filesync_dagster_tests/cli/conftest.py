"""A folder with endpoints.yaml, and the command line run in it."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from click.testing import CliRunner

from filesync_dagster.cli import filesync


class StartedProcess(subprocess.Popen):
    """A process that is not waited for when the test has failed: it would wait to be told to stop."""

    def __exit__(self, kind, *error):
        if kind is not None:
            self.kill()
        super().__exit__(kind, *error)


class Shell:
    """Runs filesync for one configuration: in this process (`run`) or in one of its own (`start`)."""

    def __init__(self, folder):
        self.folder = folder
        self.store = folder / "store"
        self.store.mkdir()
        self.config = folder / "endpoints.yaml"
        self.home = folder / "home"
        self.variables = {
            "FILESYNC_CONFIG": str(self.config),
            "FILESYNC_HOME": str(self.home),
            "FILESYNC_DATABASE_URL": "",
            "FILESYNC_SNAPSHOT_ROOT": "",
        }
        self.write(self.endpoint())

    def endpoint(self, name="docs", **others):
        return {"name": name, "type": "local", "endpoint_details": {"path": str(self.store)}, **others}

    def write(self, *endpoints, **settings):
        self.config.write_text(yaml.safe_dump({"settings": settings, "endpoints": list(endpoints)}))

    def put(self, path, content="x"):
        file = self.store / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file

    def run(self, *arguments):
        return CliRunner().invoke(filesync, arguments, env=self.variables)

    def json(self, *arguments):
        """The objects that a command prints, one a line."""
        result = self.run(*arguments)
        # Not splitlines(): a name may hold what it takes for the end of a line.
        return [json.loads(line) for line in result.stdout.split("\n") if line]

    def start(self, *arguments, **popen):
        return StartedProcess(
            [sys.executable, "-m", "filesync_dagster.cli", *arguments],
            **{
                "env": {**os.environ, **self.variables},
                "cwd": self.folder,
                "stdout": subprocess.PIPE,
                "stderr": subprocess.PIPE,
                "text": True,
                **popen,
            },
        )


@pytest.fixture
def shell(tmp_path):
    """A new folder with one local endpoint, `docs`."""
    return Shell(tmp_path)
