"""Fixtures that more than one part of the tests shares."""

import gc
import os
import shutil
from collections import Counter

import pytest
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, settings

from filesync_dagster.connectors.rest.limits import forget_tenants
from filesync_dagster.core.redaction import forget_secrets
from filesync_dagster.storage.database import migrate
from filesync_dagster.storage.snapshots import Engines
from filesync_dagster_tests.databases import shared_engines, shared_statements, sqlite_statements
from filesync_dagster_tests.servers import (  # noqa: F401 - fixtures
    azure_queues,
    azure_server,
    moto_s3,
    postgres_server,
    postgres_tables_url,
    postgres_template,
    postgres_url,
    s3_server,
)
from filesync_dagster_tests.work_units import FileScheduling

if "CI" not in os.environ:  # there Hypothesis has a profile of its own, which is as patient
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give workers whole files. Of the slow tests each is long enough by itself."""
    return FileScheduling(config, log) if config.option.markexpr == "not slow" else None


def pytest_collection_modifyitems(items):
    """Begin with what takes long: side by side, the others fill the time. Groups do, and files of many tests."""
    sizes = Counter(item.path for item in items)

    def brevity(item):
        slow, grouped = (item.get_closest_marker(name) is not None for name in ("slow", "xdist_group"))
        timeout = item.get_closest_marker("timeout")
        return not slow, not grouped, -timeout.args[0] if timeout else 0, -sizes[item.path]

    items.sort(key=brevity)


def pytest_collection_finish():
    """Leave what was imported and collected out of each later collection of garbage: it stays until the end."""
    gc.collect()
    gc.freeze()


def pytest_sessionfinish():
    """Let the interpreter take down at its end what was left out: DuckDB would speak of leaks."""
    gc.unfreeze()


@pytest.fixture(scope="session", autouse=True)
def migrations_are_read_once():
    """Alembic reads every migration again for each database; Dagster has a database for each run."""
    read, known = ScriptDirectory.from_config, {}

    def from_config(config):
        location = config.get_main_option("script_location")
        if location not in known:
            known[location] = read(config)
        return known[location]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ScriptDirectory, "from_config", from_config)
        yield


@pytest.fixture(scope="session", autouse=True)
def statements_are_compiled_once():
    """What is asked of one database is asked of thousands of them."""
    with shared_statements():
        yield


@pytest.fixture(scope="session", autouse=True)
def engines_are_made_once():
    """A database of DuckDB takes longer to make than most tests to run: the next test works in it, emptied."""
    with shared_engines() as alone:
        yield alone


@pytest.fixture(scope="session", autouse=True)
def tables_are_copied(migrations_are_read_once):
    """An empty SQLite file gets the tables that the migrations made once; `migrated` has them made each time."""
    upgrade, statements = migrate._upgrade, sqlite_statements()

    def copy(connection, where):
        if connection.dialect.name != "sqlite" or migrate._revision(connection) is not None:
            upgrade(connection, where)
            return
        for statement in statements:
            connection.exec_driver_sql(statement)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "_upgrade", copy)
        yield upgrade


@pytest.fixture
def own_engines(engines_are_made_once, monkeypatch):
    """Have each test make and close databases of DuckDB."""
    for name, method in engines_are_made_once.items():
        monkeypatch.setattr(Engines, name, method)


@pytest.fixture
def migrated(tables_are_copied, monkeypatch):
    """Have the migrations make the tables of each database."""
    monkeypatch.setattr(migrate, "_upgrade", tables_are_copied)


@pytest.fixture(scope="session")
def instance_template(tmp_path_factory):
    """Return the folder of a Dagster instance whose tables were made."""
    import dagster as dg  # a second, which most tests need not spend

    folder = tmp_path_factory.mktemp("dagster")
    with dg.DagsterInstance.local_temp(str(folder)) as made:
        assert made.get_runs() == []
        assert made.all_instigator_state() == []
    return folder


@pytest.fixture
def instance_folder(instance_template, tmp_path):
    """Return the folder of a new Dagster instance. To make its tables takes longer than most tests."""
    return shutil.copytree(instance_template, tmp_path / "dagster")


@pytest.fixture
def instance(instance_folder):
    """Return a Dagster instance like that of one machine: SQLite, a file for each run."""
    import dagster as dg

    with dg.DagsterInstance.local_temp(str(instance_folder)) as made:
        yield made


@pytest.fixture(autouse=True)
def strangers_to_every_store():
    """No test waits because the store of another one asked to slow down."""
    forget_tenants()
    forget_secrets()
