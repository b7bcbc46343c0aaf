"""What a lost, older or moved database does not know comes back from what lies in the snapshot root."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from itertools import count

import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from filesync_dagster.cli import filesync as command
from filesync_dagster.core import clock
from filesync_dagster.core.errors import FilesyncError
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster.sync import snapshot_chain
from filesync_dagster_tests.sync.model.scripted import Script, delta, row, scripted
from filesync_dagster_tests.sync.projects import Project, everything, live, rows_of, stored

ENTRY = {"name": "e", "type": "script", "endpoint_details": {}, "guard": {"enabled": False}}

LOGGED = (
    "id",
    "sync_started",
    "sync_status",
    "mode",
    "as_of",
    "snapshot_uri",
    "changes_uri",
    "data_version",
    "warnings",
)


@pytest.fixture
def script():
    """Return a script of ten files, with a feed."""
    script = Script([row(f"a{number}") for number in range(10)])
    with scripted(script):
        yield script


@pytest.fixture
def seconds(monkeypatch):
    """Let a second pass whenever somebody looks at the clock: older versions name files by the second."""
    seconds, began = count(), clock.utc_now() - timedelta(hours=1)
    monkeypatch.setattr(clock, "utc_now", lambda: began + timedelta(seconds=next(seconds)))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request):
    """Return the URL of an empty database; None: SQLite in the home."""
    return request.getfixturevalue("postgres_url") if request.param == "postgresql" else None


def change(script, filesync, number, *, told=True, mode=None):
    """Change a file, add one, remove one; sync, by the feed where it is `told`."""
    changed, new, gone = row(f"a{number}", version=f"2{number}"), row(f"n{number}"), f"a{9 - number}"
    script.rows = [changed if one["external_id"] == f"a{number}" else one for one in script.rows]
    script.rows = [one for one in [*script.rows, new] if one["external_id"] != gone]
    script.deltas = [delta("one", changed, new, removed={gone: number}, order=(number, number))] if told else []
    result = filesync.sync("e", full=not told)
    script.deltas = []
    assert result.status is SyncStatus.COMPLETED, result.error
    assert mode in (None, result.mode)
    return result


def history(script, filesync):
    """Sync: in full, twice by the feed, in full, by the feed."""
    filesync.sync("e")
    for number, told in enumerate((True, True, False, True)):
        change(script, filesync, number, told=told)


def told(filesync):
    """Return what the logs of commits tell, oldest first, and what each left."""
    logs = [
        log for log in reversed(filesync.syncs("e")) if log.sync_status in (SyncStatus.COMPLETED, SyncStatus.PARTIAL)
    ]
    rows = [
        sorted((one["external_id"], one["version"]) for one in rows_of(filesync.files("e", as_of=log.as_of)))
        for log in logs
    ]
    return [{name: getattr(log, name) for name in LOGGED} | log.numbers() for log in logs], rows


def timeless(seen):
    """Return what a user sees of an inventory, without what tells when a row was written and by which number."""
    left_out = {"id", "seq", "created_at", "updated_at"}
    return {
        name: [{key: value for key, value in one.items() if key not in left_out} for one in seen[name]]
        for name in ("files", "journal")
    } | {"pointer": seen["pointer"]}


def test_a_new_database_over_an_old_root_knows_all_that_was(tmp_path, request, script, root):
    """Logs, files, journal, state, what was at each moment; the next sync goes on. The second time nothing is left."""
    database = request.getfixturevalue("postgres_url") if root.startswith("s3://") else None
    first = Project(tmp_path / "first", ENTRY, snapshot_root=root)
    with first.open() as filesync:
        history(script, filesync)
        before, seen = told(filesync), timeless(everything(filesync, "e"))
    with Project(tmp_path / "second", ENTRY, database=database, snapshot_root=root).open() as filesync:
        assert filesync.sync("e").status is SyncStatus.FAILED, "it is another one's root"
        [would] = filesync.adopt(dry_run=True)
        assert (would.syncs, would.committed, would.known) == (5, 5, 0)
        assert filesync.sync("e").status is SyncStatus.FAILED, "only looked"
        [done] = filesync.adopt()
        assert done == would
        assert told(filesync) == before
        assert timeless(everything(filesync, "e")) == seen
        [again] = filesync.adopt()
        assert (again.syncs, again.committed, again.known) == (0, 0, again.files)
        result = change(script, filesync, 4, told=False)
        assert (result.files_added, result.files_updated, result.files_removed) == (1, 1, 1)
        assert filesync.sync("e").status is SyncStatus.COMPLETED
        assert len(live(filesync, "e")) == len(script.rows)
        assert not any(filesync.maintain().values())


def restored(project, backup):
    """Put the database of a backup in place of a project's."""
    for suffix in ("", "-wal", "-shm"):
        (project.home / f"filesync.db{suffix}").unlink(missing_ok=True)
        if (backup / f"filesync.db{suffix}").exists():
            shutil.copy(backup / f"filesync.db{suffix}", project.home)


def test_an_older_database_goes_on_from_the_newest_snapshot(tmp_path, script):
    """Restored from yesterday over the root of today: what was committed since comes back, and is journaled once."""
    project = Project(tmp_path, ENTRY)
    with project.open() as filesync:
        filesync.sync("e")
        change(script, filesync, 0)
    shutil.copytree(project.home, tmp_path / "backup")
    with project.open() as filesync:
        for number, is_told in ((1, True), (2, False), (3, True)):
            change(script, filesync, number, told=is_told)
        before, seen = told(filesync), timeless(everything(filesync, "e"))
    restored(project, tmp_path / "backup")
    with project.open() as filesync:
        [done] = filesync.adopt()
        assert (done.syncs, done.committed) == (3, 3)
        assert told(filesync) == before
        assert timeless(everything(filesync, "e")) == seen
        same = filesync.sync("e")
        assert (same.mode, same.changes_uri) == (SyncMode.FULL, None)
        assert [log.seq for log in filesync.syncs("e")] == sorted(
            (log.seq for log in filesync.syncs("e")), reverse=True
        )


def test_what_was_before_the_state_comes_back_as_history(tmp_path, script, database):
    """The older database was synced before anybody adopted: its state stays, and the days between are readable."""
    project = Project(tmp_path, ENTRY)
    with project.open() as filesync:
        filesync.sync("e")
        change(script, filesync, 0)
    shutil.copytree(project.home, tmp_path / "backup")
    with project.open() as filesync:
        lost = [change(script, filesync, number, told=is_told) for number, is_told in ((1, True), (2, False))]
        between = told(filesync)
    restored(project, tmp_path / "backup")
    with project.open() as filesync:
        own = change(script, filesync, 3, told=False)
        seen = everything(filesync, "e")
        [done] = filesync.adopt()
        assert (done.syncs, done.committed) == (2, 0)
        assert everything(filesync, "e") == seen
        logs, rows = told(filesync)
        assert [log["id"] for log in logs[-3:]] == [*(one.sync_id for one in lost), own.sync_id]
        assert (logs[:-1], rows[:-1]) == between
        assert filesync.runtime.metadata.endpoints.states()["e"].seq == filesync.syncs("e")[0].seq
        assert change(script, filesync, 4).mode is SyncMode.INCREMENTAL, "nothing was disturbed"


def strip(root):
    """Let all Parquet files say nothing of themselves, as those of older versions."""
    for path in root.rglob("*.parquet"):
        plain = path.with_suffix(".plain")
        duckdb.sql(f"COPY (FROM read_parquet('{path}')) TO '{plain}' (FORMAT parquet)")
        plain.replace(path)


@pytest.mark.usefixtures("seconds")
def test_files_of_an_older_version_are_adopted_by_names_and_contents(tmp_path, script):
    """Modes, moments and counts follow from them; what cannot be told is not made up."""
    first = Project(tmp_path / "first", ENTRY, snapshot_root=str(tmp_path / "shared"))
    with first.open() as filesync:
        history(script, filesync)
        logs, _ = told(filesync)
        seen = everything(filesync, "e")
    strip(tmp_path / "shared")
    with Project(tmp_path / "second", ENTRY, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        [done] = filesync.adopt()
        assert (done.syncs, done.committed) == (5, 5)
        found, _ = told(filesync)
        same = (
            "id",
            "mode",
            "snapshot_uri",
            "changes_uri",
            "data_version",
            "files_total",
            "files_added",
            "files_removed",
        )
        for name in same:
            assert [log[name] for log in found] == [log[name] for log in logs], name
        assert everything(filesync, "e")["pointer"] == seen["pointer"]
        assert [one["change"] for one in everything(filesync, "e")["journal"]] == [
            one["change"] for one in seen["journal"]
        ]


@pytest.mark.usefixtures("seconds")
@pytest.mark.parametrize("plain", [False, True])
def test_what_the_guard_held_is_no_commit(tmp_path, script, plain):
    """Neither from its file, which says so, nor from one of an older version, which the guard would hold."""
    entry = {**ENTRY, "guard": {"max_removed_percent": 20, "max_removed": 2}}
    with Project(tmp_path / "first", entry, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.sync("e")
        script.rows = script.rows[:2]
        assert filesync.sync("e", full=True).status is SyncStatus.HELD
    if plain:
        strip(tmp_path / "shared")
    with Project(tmp_path / "second", entry, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.adopt()
        assert len(live(filesync, "e")) == 10
        assert [log.sync_status for log in filesync.syncs("e")] == [SyncStatus.REJECTED, SyncStatus.COMPLETED]
        assert filesync.sync("e").status is SyncStatus.HELD


def test_what_was_approved_is_a_commit(tmp_path, script):
    """Its file says that it was held; the next one went on from it."""
    entry = {**ENTRY, "guard": {"max_removed_percent": 20, "max_removed": 2}}
    with Project(tmp_path / "first", entry, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.sync("e")
        script.rows = script.rows[:2]
        filesync.sync("e", full=True)
        filesync.approve("e")
        script.rows = [*script.rows, row("new")]
        assert filesync.sync("e", full=True).status is SyncStatus.COMPLETED
    with Project(tmp_path / "second", entry, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.adopt()
        assert len(live(filesync, "e")) == 3
        assert [log.sync_status for log in filesync.syncs("e")] == [SyncStatus.COMPLETED] * 3


def test_what_crashed_before_its_commit_is_none(tmp_path, script, monkeypatch):
    """Its files are whole, and a later sync came after the same commit."""
    with Project(tmp_path / "first", ENTRY, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.sync("e")
        with monkeypatch.context() as patch:
            patch.setattr(filesync.runtime.metadata, "commit", crash)
            script.rows = [*script.rows, row("crashed")]
            with pytest.raises(KeyboardInterrupt):
                filesync.sync("e", full=True)
        files = set((tmp_path / "shared").rglob("*.parquet"))
        script.rows = [*script.rows[:-1], row("b")]
        monkeypatch.setattr(filesync.runtime.snapshots, "sweep", lambda *_, **__: 0)
        filesync.sync("e", full=True)
        change(script, filesync, 0, told=False)
        before, seen = told(filesync), timeless(everything(filesync, "e"))
    assert all(path.exists() for path in files)
    with Project(tmp_path / "second", ENTRY, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        [done] = filesync.adopt()
        assert done.syncs == 3
        assert told(filesync) == before
        assert timeless(everything(filesync, "e")) == seen


def crash(*_, **__):
    """End a sync as a signal does, before its commit."""
    raise KeyboardInterrupt


def flip(path):
    """Flip a bit of the ids in a Parquet file."""
    column = pq.read_metadata(path).row_group(0).column(0)
    content = bytearray(path.read_bytes())
    content[column.data_page_offset + column.total_compressed_size // 2] ^= 4
    path.write_bytes(content)


def test_damaged_files_are_named_and_left_alone(tmp_path, script):
    """The rest is adopted, and each of them stays, to the byte; what is missing is named too."""
    root = tmp_path / "shared"
    with Project(tmp_path / "first", ENTRY, snapshot_root=str(root)).open() as filesync:
        filesync.sync("e")
        change(script, filesync, 0, told=False)
        change(script, filesync, 1, told=False)
        bad, other, gone = [log.snapshot_uri for log in filesync.syncs("e")]
    flip(root / "snapshots" / bad.split("/snapshots/")[1])
    damaged = {path: path.read_bytes() for path in root.rglob("*.parquet")}
    project = Project(tmp_path / "second", ENTRY, snapshot_root=str(root))
    with project.open() as filesync:
        [done] = filesync.adopt()
        assert done.damaged == [bad]
        assert {path: path.read_bytes() for path in root.rglob("*.parquet")} == damaged
        assert stored(filesync, other)
        assert filesync.sync("e").status is SyncStatus.COMPLETED
        assert len(live(filesync, "e")) == len(script.rows)
    (root / "snapshots" / gone.split("/snapshots/")[1]).unlink()
    look = ["--config", str(project.config), "maintain", "--adopt", "--dry-run"]
    printed, as_json = (CliRunner().invoke(command, [*look, *more], env=project.variables) for more in ([], ["--json"]))
    assert f"damaged, left as it is: {bad}" in printed.stdout, printed.output
    assert f"missing: {gone}" in printed.stdout
    [found] = json.loads(as_json.stdout)["adopted"]
    assert (found["damaged"], found["missing"]) == ([bad], [gone])


@pytest.mark.usefixtures("seconds")
def test_what_lies_on_damaged_changes_is_not_made_up(tmp_path, script):
    """Of files of an older version, no later changes are put on a snapshot without them; a whole one counts again."""
    root = tmp_path / "shared"
    with Project(tmp_path / "first", ENTRY, snapshot_root=str(root)).open() as filesync:
        filesync.sync("e")
        bad, torn, whole = (change(script, filesync, number, told=number < 2) for number in range(3))
        _, rows = told(filesync)
    strip(root)
    cut = root / "changes" / bad.changes_uri.split("/changes/")[1]
    cut.write_bytes(cut.read_bytes()[:-20])
    with Project(tmp_path / "second", ENTRY, snapshot_root=str(root)).open() as filesync:
        [done] = filesync.adopt()
        assert done.damaged == [bad.changes_uri]
        logs = {log.id: log for log in filesync.syncs("e")}
        assert logs[torn.sync_id].snapshot_uri is None
        assert logs[whole.sync_id].snapshot_uri == whole.snapshot_uri
        assert sorted((one["external_id"], one["version"]) for one in live(filesync, "e")) == rows[-1]


def test_a_root_that_moved_is_found_again(tmp_path, script):
    """The database looks for its files at their old place; what it knows of them stays true."""
    project = Project(tmp_path, ENTRY, snapshot_root=str(tmp_path / "old"))
    with project.open() as filesync:
        history(script, filesync)
        _, rows = told(filesync)
    (tmp_path / "old").rename(tmp_path / "new")
    project.settings["snapshot_root"] = str(tmp_path / "new")
    project.write(ENTRY)
    with project.open() as filesync:
        with pytest.raises(FilesyncError):
            told(filesync)
        [done] = filesync.adopt()
        assert (done.syncs, done.moved, done.missing) == (0, done.files, [])
        assert told(filesync)[1] == rows
        assert change(script, filesync, 4).mode is SyncMode.INCREMENTAL


def test_what_was_made_of_stored_files_is_adopted(tmp_path, script, monkeypatch):
    """Compacted snapshots whose base retention let go, and the CSV twins; a second look finds nothing damaged."""
    monkeypatch.setattr(snapshot_chain, "COMPACT_FILE_COUNT", 2)
    entry = {**ENTRY, "csv": True}
    with Project(tmp_path / "first", entry, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        base = filesync.sync("e").snapshot_uri
        for number in range(4):
            change(script, filesync, number, mode=SyncMode.INCREMENTAL)
        logs = filesync.syncs("e")
        before, seen = told(filesync), everything(filesync, "e")
        assert any("folded" in log.snapshot_uri for log in logs)
        filesync.runtime.snapshots.delete([base, str(logs[-2].changes_uri)])
    with Project(tmp_path / "second", entry, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.adopt()
        assert [row["path"] for row in live(filesync, "e")] == [
            row["path"] for row in seen["files"] if row["deleted_at"] is None
        ]
        assert everything(filesync, "e")["pointer"] == seen["pointer"]
        found = [log for log in reversed(filesync.syncs("e")) if log.snapshot_uri and "folded" in log.snapshot_uri]
        for log in found:
            place = [one["id"] for one in before[0]].index(log.id)
            rows = rows_of(filesync.files("e", as_of=log.as_of))
            assert sorted((one["external_id"], one["version"]) for one in rows) == before[1][place]
        [again] = filesync.adopt()
        assert (again.syncs, again.damaged) == (0, [])
        tables = [uri for uri in filesync.runtime.snapshots.files("e") if uri.endswith(".csv")]
        assert tables
        assert all(filesync.runtime.metadata.stored_files.get(uri) for uri in tables)


def test_a_day_is_told_again(tmp_path, script):
    """What was synced on it, once the database that knew is gone."""
    began = datetime.now(UTC)
    with Project(tmp_path / "first", ENTRY, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        with clock.set_back(timedelta(days=2)):
            history(script, filesync)
        change(script, filesync, 4)
        day = filesync.sync_day("e", (began - timedelta(days=2)).date())
        assert day.status is SyncStatus.COMPLETED
    with Project(tmp_path / "second", ENTRY, snapshot_root=str(tmp_path / "shared")).open() as filesync:
        filesync.adopt()
        again = filesync.sync_day("e", (began - timedelta(days=2)).date())
        assert again.numbers() == day.numbers()
        assert again.snapshot_uri == day.snapshot_uri


def test_an_endpoint_that_is_not_configured_is_named(tmp_path, script):
    """Its files stay; nobody knows what kind of store it was."""
    root = tmp_path / "shared"
    with Project(tmp_path / "first", {**ENTRY, "name": "former"}, snapshot_root=str(root)).open() as filesync:
        filesync.sync("former")
    with Project(tmp_path / "second", ENTRY, snapshot_root=str(root)).open() as filesync:
        [one] = filesync.adopt()
        assert (one.endpoint, one.files) == ("former", 1)
        assert "endpoints.yaml" in one.error
