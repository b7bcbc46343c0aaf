"""No stored file is told from that is not, to the byte, what was written: whoever reads it, by whatever door."""

import shutil

import pyarrow.parquet as pq
import pytest

from filesync_dagster.core.errors import FilesyncError, SnapshotError
from filesync_dagster.core.model import SyncMode, SyncStatus
from filesync_dagster_tests.sync.model.scripted import Script, delta, row, scripted
from filesync_dagster_tests.sync.projects import Project, live, rows_of

ENTRIES = [{"name": name, "type": "script", "endpoint_details": {}, "guard": {"enabled": False}} for name in ("e", "f")]


@pytest.fixture
def script():
    """Return a script of 40 files, with a feed."""
    script = Script([row(f"a{number:02}") for number in range(40)])
    with scripted(script):
        yield script


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def filesync(request, script, tmp_path):
    """Return a filesync with two endpoints: a full sync of each, and two incremental ones of the first."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else None
    with Project(tmp_path, *ENTRIES, database=url).open() as filesync:
        for name in ("e", "f"):
            assert filesync.sync(name).status is SyncStatus.COMPLETED
        for number in range(2):
            script.rows = [row("a00", version=f"2{number}"), *script.rows[1:]]
            script.deltas = [delta("one", script.rows[0], order=(number,))]
            assert filesync.sync("e").mode is SyncMode.INCREMENTAL
        script.deltas = []
        yield filesync


def flip(path):
    """Flip one bit in each of some places of a file."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 7, len(content), len(content) // 7):
        content[place] ^= 4
    path.write_bytes(content)


def stored_files(filesync):
    """Return the base, and the changes, of the first endpoint."""
    last, first, base = filesync.syncs("e")
    return {
        "base": filesync.local_snapshot(base.snapshot_uri),
        "changes": filesync.local_snapshot(last.changes_uri),
        "older changes": filesync.local_snapshot(first.changes_uri),
        "other": filesync.local_snapshot(filesync.syncs("f")[0].snapshot_uri),
    }


def exported(filesync, tmp_path, as_of=None):
    """Return the ids and versions that `export` writes."""
    filesync.export("e", tmp_path / "out.parquet", format="parquet", as_of=as_of)
    return {(one["external_id"], one["version"]) for one in pq.read_table(tmp_path / "out.parquet").to_pylist()}


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("base", flip),
        ("changes", flip),
        ("older changes", flip),
        ("base", lambda path: path.unlink()),
        ("base", "other"),
        ("base", "changes"),
        ("changes", "older changes"),
    ],
    ids=[
        "flipped base",
        "flipped changes",
        "flipped older changes",
        "lost base",
        "other endpoint",
        "other kind",
        "swap",
    ],
)
def test_no_door_tells_what_was_not_written(filesync, script, tmp_path, what, damage):
    """The current inventory comes from the database; what is past is refused in one sentence; the next sync heals."""
    truth = {(one["external_id"], one["version"]) for one in live(filesync, "e")}
    files, logs = stored_files(filesync), filesync.syncs("e")
    then = exported(filesync, tmp_path, logs[1].as_of)
    shutil.rmtree(filesync.runtime.home / "cache")
    if isinstance(damage, str):
        shutil.copy(files[damage], files[what])
    else:
        damage(files[what])

    assert exported(filesync, tmp_path) == truth
    assert {(one["external_id"], one["version"]) for one in rows_of(filesync.files("e", as_of=logs[0].as_of))} == truth
    with pytest.raises(SnapshotError) as refusal:
        filesync.local_snapshot(str(files[what]))
    assert "\n" not in str(refusal.value)
    if what == "changes":
        assert exported(filesync, tmp_path, logs[1].as_of) == then
    else:
        with pytest.raises(SnapshotError):
            exported(filesync, tmp_path, logs[1].as_of)
    assert filesync.report("storage_by_type").rows

    healed = filesync.sync("e")
    assert (healed.status, healed.mode) == (SyncStatus.COMPLETED, SyncMode.FULL), healed.error
    assert (healed.counts.added, healed.counts.updated, healed.counts.removed) == (0, 0, 0)
    assert exported(filesync, tmp_path) == truth
    assert filesync.sync("e").mode is SyncMode.INCREMENTAL


def test_a_copy_in_the_cache_is_not_believed_either(filesync, tmp_path):
    """Flipped, or taken for another one: it is made anew."""
    truth = exported(filesync, tmp_path)
    then = filesync.syncs("e")[1].as_of
    before = exported(filesync, tmp_path, then)
    copies = sorted((filesync.runtime.home / "cache" / "snapshots" / "e").iterdir())
    assert len(copies) == 2
    flip(copies[0])
    shutil.copy(copies[0], copies[1])
    assert exported(filesync, tmp_path) == truth
    assert exported(filesync, tmp_path, then) == before


@pytest.mark.parametrize("damage", [flip, lambda path: path.write_text("external_id\n")])
def test_csv_files_are_verified_too(script, tmp_path, damage):
    """They are handed out only as they were written."""
    with Project(tmp_path, {**ENTRIES[0], "csv": True}).open() as filesync:
        uri = filesync.sync("e").snapshot_uri.removesuffix(".parquet") + ".csv"
        damage(filesync.local_snapshot(uri))
        with pytest.raises(SnapshotError, match="damaged"):
            filesync.local_snapshot(uri)


def test_files_of_an_older_version_are_read_whole_before_they_are_believed(filesync, tmp_path):
    """No digest of them is known; what they say of themselves, and that they can be read, is checked."""
    with filesync.runtime.metadata._database.write_transaction() as connection:
        connection.exec_driver_sql("DELETE FROM stored_files")
    truth = exported(filesync, tmp_path)
    files = stored_files(filesync)
    whole = files["base"].read_bytes()
    for damage in (flip, lambda path: shutil.copy(files["other"], path)):
        damage(files["base"])
        with pytest.raises(FilesyncError):
            filesync.local_snapshot(str(files["base"]))
        assert exported(filesync, tmp_path) == truth
        files["base"].write_bytes(whole)
