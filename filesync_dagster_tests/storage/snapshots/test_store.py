import signal
import subprocess
import sys
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from filesync_dagster.core.errors import NotWritable, OutOfSpace, SnapshotCorrupt, SnapshotMissing
from filesync_dagster.storage.snapshots import SnapshotStore, parquet
from filesync_dagster.sync.diff import totals
from filesync_dagster_tests.storage.snapshots.conftest import files

DAY = date(2026, 3, 1)


def write(store, con, sync_id="s1", query="SELECT * FROM files"):
    """Store the files of `con`."""
    return store.write(con, query, "snapshots", "docs", DAY, sync_id)


def test_what_was_written_is_read_again(store, con, tmp_path):
    """The same rows come back from the place that the layout says, and nothing temporary stays."""
    stored = write(store, con)
    path = store.local(stored.uri)
    assert path == tmp_path / "da'ta [1]*/snapshots/docs/2026-03-01/s1.parquet"
    assert list(path.parent.iterdir()) == [path]
    assert (stored.rows, stored.bytes) == (1000, path.stat().st_size)
    con.execute(f"CREATE VIEW back AS FROM {parquet([path])}")
    assert con.execute("(FROM files EXCEPT FROM back) UNION ALL (FROM back EXCEPT FROM files)").fetchall() == []
    assert con.execute("DESCRIBE files").fetchall() == con.execute("DESCRIBE back").fetchall()
    store.verify(stored.uri, totals(con, "files")[2])
    assert store.exists(stored.uri)


def test_writing_again_replaces(store, con):
    """A sync that is retried under its id overwrites its own file."""
    write(store, con)
    stored = write(store, con, query="SELECT * FROM files LIMIT 3")
    assert con.execute(f"SELECT count(*) FROM {parquet([store.local(stored.uri)])}").fetchall() == [(3,)]


def test_csv_has_the_fields_of_structs_as_columns(store, con):
    """Changes as CSV open in a spreadsheet: before_size and after_size stand beside each other, times in UTC."""
    query = 'SELECT \'added\' AS change, NULL::STRUCT(size BIGINT) AS "before", files AS "after" FROM files LIMIT 1'
    stored = store.write_csv(con, query, "changes", "docs", DAY, "s1")
    assert stored.uri.endswith("/changes/docs/2026-03-01/s1.csv")
    header, line = Path(stored.uri).read_text().splitlines()
    assert header.startswith("change,before_size,after_external_id,after_scope")
    assert line.startswith("added,,id-0,")
    assert "2023-11-14 22:13:20+00" in line


@pytest.mark.parametrize(
    ("what", "damage"),
    [
        ("empty", lambda data: b""),
        ("cut short", lambda data: data[:-100]),
        ("another file", lambda data: b"hello, world"),
        ("footer overwritten", lambda data: data[:-600] + bytes(590) + data[-10:]),
        ("hashes overwritten", lambda data: data[:4] + bytes(len(data) - 5000) + data[-4996:]),
    ],
)
def test_a_damaged_snapshot_is_said_to_be_damaged(store, con, what, damage):
    """Never an error of DuckDB, and never wrong rows."""
    stored = write(store, con)
    path = Path(stored.uri)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(SnapshotCorrupt, match=r"s1\.parquet"):
        store.verify(stored.uri, totals(con, "files")[2])


def test_a_snapshot_with_other_rows_is_not_what_was_written(store, con):
    """A readable file of other content is refused."""
    version = totals(con, "files")[2]
    stored = write(store, con, query="SELECT * REPLACE (fingerprint + 1 AS fingerprint) FROM files WHERE size < 999")
    with pytest.raises(SnapshotCorrupt, match="not what was written"):
        store.verify(stored.uri, version)
    store.verify(stored.uri, None)


def test_a_missing_snapshot_is_said_to_be_missing(store, con):
    """Of this root, of another folder, of another store."""
    for uri in ("/nowhere/snapshots/a.parquet", str(Path(write(store, con).uri).with_name("no.parquet")), "s3://b/x"):
        with pytest.raises(SnapshotMissing, match=uri.replace("[", r"\[").replace("*", r"\*")):
            store.verify(uri, None)
        assert not store.exists(uri)


def test_files_are_deleted_with_their_csv(store, con, tmp_path):
    """Deleting is idempotent, and touches nothing but stored files of this root."""
    stored = write(store, con)
    csv = store.write_csv(con, "SELECT * FROM files", "snapshots", "docs", DAY, "s1")
    mine = tmp_path / "mine.parquet"
    mine.write_text("mine")
    stray = tmp_path / "da'ta [1]*/mine.parquet"
    stray.write_text("mine")
    for _ in range(2):
        store.delete([stored.uri, str(mine), str(stray)])
    assert not store.exists(stored.uri)
    assert not store.exists(csv.uri)
    assert mine.exists()
    assert stray.exists()


def test_sweeping_takes_what_nobody_points_to(store, con, tmp_path):
    """Young files, referenced ones with their CSV, and files that are not ours stay."""
    kept, lost = write(store, con, "kept"), write(store, con, "lost")
    twin = store.write_csv(con, "SELECT * FROM files", "snapshots", "docs", DAY, "kept")
    half = Path(kept.uri).with_name(".x.parquet.0123456789ab.tmp")
    half.write_text("half")
    foreign = tmp_path / "da'ta [1]*/snapshots/readme.txt"
    foreign.write_text("mine")
    assert store.sweep({kept.uri}, timedelta(hours=1)) == 0
    assert store.sweep({kept.uri}, timedelta(0)) == 2
    assert store.exists(kept.uri)
    assert store.exists(twin.uri)
    assert foreign.exists()
    assert not store.exists(lost.uri)
    assert not half.exists()


WRITER = """
import sys
from datetime import date
from pathlib import Path
from filesync_dagster.storage.snapshots import SnapshotStore, connect
from filesync_dagster_tests.storage.snapshots.conftest import files
root, cache = sys.argv[1:]
con = connect("500MB", Path(cache) / "tmp", 1)
con.execute(f"CREATE TABLE files AS {files(30_000)}")
store = SnapshotStore(root, Path(cache))
print("ready", flush=True)
for n in range(10_000):
    store.write(con, "SELECT * FROM files", "snapshots", "docs", date(2026, 3, 1), f"s{n}")
    print("written", flush=True)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_no_half_file(con, tmp_path):
    """Whenever the process dies, what has a final name is whole; the rest is swept."""
    store = SnapshotStore(str(tmp_path / "data"), tmp_path / "cache")
    for n in range(8):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path / "data"), str(tmp_path / "cache")]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE) as writer:
            assert writer.stdout.readline() == b"ready\n"
            if n % 2:
                assert writer.stdout.readline() == b"written\n"
            time.sleep(0.011 * n)
            writer.send_signal(signal.SIGKILL)
        written = sorted((tmp_path / "data").glob("snapshots/docs/*/s*.parquet"))
        for path in written:
            [(rows, last)] = con.execute(f"SELECT count(*), max(size) FROM {parquet([path])}").fetchall()
            assert (rows, last) == (30_000, 29_999)
        store.sweep({str(path) for path in written}, timedelta(0))
        assert sorted(path for path in (tmp_path / "data").rglob("*") if path.is_file()) == written
    assert written


def test_a_full_disk_is_said_to_be_full(con, small_disk, tmp_path):
    """One sentence, nothing half written, and what was there before is intact."""
    store = SnapshotStore(str(small_disk), tmp_path / "cache")
    stored = write(store, con)
    with pytest.raises(OutOfSpace, match=r"No room was left on the device while writing .*s2\.parquet"):
        write(store, con, "s2", files(100_000))
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == ["s1.parquet"]
    store.verify(stored.uri, totals(con, "files")[2])


def test_a_place_that_cannot_be_written_is_said_to_be(con, tmp_path):
    """A file where a folder should be, and (not for root, who may do anything) a folder without permission."""
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    code = f"""
import os
from pathlib import Path
from filesync_dagster.core.errors import NotWritable
from filesync_dagster.storage.snapshots import SnapshotStore, connect
from filesync_dagster_tests.storage.snapshots.test_store import write
con = connect("100MB", Path({str(tmp_path)!r}) / "other", 1)
os.geteuid() or os.setuid(65534)
try:
    write(SnapshotStore({str(locked)!r}, Path("/nonexistent")), con, query="SELECT 1 AS x")
except NotWritable as error:
    print(error)
"""
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:2]:
        parent.chmod(0o755)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "Writing was refused while writing" in ran.stdout, ran.stderr


def test_a_read_only_disk_is_said_to_be(con, small_disk, tmp_path):
    """EROFS is translated too."""
    if subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=False).returncode:
        pytest.skip("this machine does not allow remounting")
    with pytest.raises(NotWritable, match="Writing was refused while writing"):
        write(SnapshotStore(str(small_disk), tmp_path / "cache"), con)
