"""A project whose definitions are built, and assets that are materialized in this process."""

import gc
from datetime import UTC, datetime
from functools import cached_property

import dagster as dg
import pytest
from dagster._core.storage.defs_state.base import set_defs_state_storage

from filesync_dagster.config import read_environment
from filesync_dagster.orchestration.definitions import definitions_for
from filesync_dagster_tests.sync.memory_store import STORES, MemoryStore, register, unregister
from filesync_dagster_tests.sync.projects import Project


@pytest.fixture(autouse=True)
def no_instance_of_an_earlier_test():
    """Dagster remembers the last instance that was entered, and loads definitions with what is left of it.

    A context that is left to the collector brings an older one back when it goes, so that happens here. What is left
    over then stays, and is not looked at again after each of the other tests.
    """
    with set_defs_state_storage(None):
        yield
        gc.collect()
        gc.freeze()


class DagsterProject(Project):
    """A project with definitions and an instance of its own."""

    @cached_property
    def instance(self):
        """An instance in memory, unless the test gives it another one."""
        return dg.DagsterInstance.ephemeral(tempdir=str(self.folder))

    @property
    def definitions(self):
        """Build the definitions of the configuration as it is now."""
        return definitions_for(read_environment(self.config, self.variables))

    def materialize(self, *paths, day=None, tags=None):
        """Materialize a day (today) of some assets; return the result, whatever it is."""
        return self.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            partition_key=day or today(),
            tags=tags,
            instance=self.instance,
            asset_selection=[dg.AssetKey(path) for path in paths] or None,
            raise_on_error=False,
        )


def today():
    """Return the partition of today, in UTC."""
    return datetime.now(UTC).date().isoformat()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Return what makes a project of some endpoints. The environment is that of its processes."""
    projects = []

    def make(*endpoints, **settings):
        made = DagsterProject(tmp_path / "project", *endpoints, **settings)
        for name, value in made.variables.items():
            monkeypatch.setenv(name, value)
        projects.append(made)
        return made

    yield make
    for made in projects:
        if "instance" in vars(made):
            made.instance.dispose()


@pytest.fixture
def store():
    """Return what makes a store in memory with some files, and the endpoint over it."""
    register()

    def make(name, files=12, **entry):
        STORES[name] = MemoryStore()
        for i in range(files):
            STORES[name].put(f"{name}-{i}", size=i + 1)
        return {"name": name, "type": "memory", "endpoint_details": {"store": name}, **entry}

    yield make
    STORES.clear()
    unregister()
