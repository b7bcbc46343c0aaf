"""Dagster's storage on one machine keeps its files open; what is in them is what Dagster's own writes and reads."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import dagster as dg
import pytest

from filesync_dagster.orchestration.instance.event_log_storage import OPEN_FILES, PooledEventLog, PooledSqliteStorage

CUSTOM = "filesync_dagster.orchestration.instance.event_log_storage"


@dg.asset
def drawings() -> dg.MaterializeResult[None]:
    """Something to materialize."""
    return dg.MaterializeResult(metadata={"files": 3})


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """Return the instance of a folder, with our storage or with Dagster's own."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    opened = []

    def make(*, ours=True):
        storage = f"storage: {{custom: {{module: {CUSTOM}, class: PooledSqliteStorage}}}}\n"
        (tmp_path / "dagster.yaml").write_text(storage if ours else "telemetry: {enabled: false}\n")
        opened.append(dg.DagsterInstance.get())
        return opened[-1]

    yield make
    for made in opened:
        made.dispose()


def open_files(folder: Path) -> list[str]:
    """Return the databases below a folder that this process has open."""
    links = (Path("/proc/self/fd") / name for name in Path("/proc/self/fd").iterdir())
    found = []
    for link in links:
        try:
            target = str(link.readlink())
        except OSError:
            continue
        if target.startswith(str(folder)) and target.endswith(".db"):
            found.append(target)
    return found


def materialize(instance: dg.DagsterInstance) -> str:
    """Materialize once; return the run."""
    return dg.materialize([drawings], instance=instance).run_id


@pytest.mark.parametrize("ours_first", [True, False])
def test_either_storage_reads_what_the_other_wrote(instance, ours_first):
    """A folder may go from Dagster's storage to ours and back: events, runs and records are the same."""
    with instance(ours=ours_first) as first:
        run = materialize(first)
        wrote = [entry.dagster_event_type for entry in first.all_logs(run)]
    with instance(ours=not ours_first) as second:
        assert [entry.dagster_event_type for entry in second.all_logs(run)] == wrote
        latest = second.get_latest_materialization_event(dg.AssetKey("drawings"))
        assert latest is not None
        assert latest.run_id == run
        again = materialize(second)
    with instance(ours=ours_first) as third:
        latest = third.get_latest_materialization_event(dg.AssetKey("drawings"))
        assert latest is not None
        assert latest.run_id == again
        assert {run, again} <= {found.run_id for found in third.get_runs()}


def test_the_instance_that_comes_with_filesync_uses_it(tmp_path, monkeypatch):
    """The dagster.yaml that `filesync up` copies names the storage, which is kept where Dagster's own would be."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    shutil.copy(str(files("filesync_dagster").joinpath("dagster.yaml")), tmp_path / "dagster.yaml")
    with dg.DagsterInstance.get() as instance:
        assert isinstance(instance.event_log_storage, PooledEventLog)
        run = materialize(instance)
        assert (tmp_path / "history" / "runs" / f"{run}.db").exists()
        assert (tmp_path / "history" / "runs.db").exists()


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to count open files")
def test_files_stay_open_but_not_without_bound(instance, tmp_path):
    """The index and the runs used last are open, however many runs there were."""
    with instance() as made:
        runs = [materialize(made) for _ in range(OPEN_FILES + 3)]
        history = tmp_path / "history" / "runs"
        now = set(open_files(history))
        assert str(history / "index.db") in now
        assert str(history / f"{runs[-1]}.db") in now
        assert str(history / f"{runs[0]}.db") not in now
        assert len(now) <= OPEN_FILES
        assert len(made.all_logs(runs[0])) > 0, "a file that was closed is opened again"
    made.dispose()
    assert open_files(history) == []


def test_many_threads_write_at_once(instance):
    """Several threads, as in a daemon, lose no event."""
    with instance() as made:

        def tell(thread):
            for number in range(25):
                event = dg.AssetMaterialization("drawings", metadata={"thread": thread, "number": number})
                made.report_runless_asset_event(event)

        with ThreadPoolExecutor(6) as pool:
            list(pool.map(tell, range(6)))
        records = made.fetch_materializations(dg.AssetKey("drawings"), limit=1000).records
        told = {tuple(v.value for v in record.asset_materialization.metadata.values()) for record in records}
        assert len(records) == 150
        assert told == {(thread, number) for thread in range(6) for number in range(25)}


def test_what_is_deleted_is_gone(instance, tmp_path):
    """Deleting a run, and wiping everything, work while the files are open."""
    with instance() as made:
        first, second = materialize(made), materialize(made)
        made.delete_run(first)
        assert made.get_run_by_id(first) is None
        assert len(made.all_logs(second)) > 0
        made.event_log_storage.wipe()
        assert made.get_latest_materialization_event(dg.AssetKey("drawings")) is None
        assert not list((tmp_path / "history" / "runs").glob(f"{second}.db"))
        third = materialize(made)
        assert len(made.all_logs(third)) > 0


def test_without_a_home(tmp_path, monkeypatch):
    """`dagster dev` in a checkout, with nothing set, keeps everything beside it."""
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    storage = PooledSqliteStorage.from_config_value(None, {})
    storage.dispose()
    assert (tmp_path / ".dagster" / "history" / "runs" / "index.db").exists()


def test_a_folder_of_its_own(tmp_path):
    """`base_dir` says where, as for Dagster's own storage."""
    storage = PooledSqliteStorage.from_config_value(None, {"base_dir": str(tmp_path / "elsewhere")})
    try:
        assert (tmp_path / "elsewhere" / "history" / "runs" / "index.db").exists()
    finally:
        storage.dispose()
