"""Reading in a process of its own: the same tables, limits that hold, and nothing left when it is cancelled."""

import threading
import time
from pathlib import Path

import pytest

from filesync_dagster.core.errors import Cancelled, LimitReached, UnreadableTable
from filesync_dagster.tables.reading import ReadLimits, ReadOptions, read_tables_apart
from filesync_dagster_tests.tables.reading.test_corpus import rows_of


def reader_of(folder):
    """Return the processes that read into a folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if str(folder).encode() in one.read_bytes() and b"reading.apart" in one.read_bytes():
                found.append(one)
        except OSError:
            continue
    return found


def test_it_gives_the_same_tables_and_the_same_errors(tmp_path):
    """With their code and the field to correct."""
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("a,b\n1,x\n2,y\n")
    bad.write_text("a,b\n1,x\n2\n")
    [table] = read_tables_apart(good, "good", ReadOptions(source="hr"), tmp_path / "out")
    assert (table.name, table.schema.source, rows_of(table)) == ("good", "hr", [(1, "x"), (2, "y")])
    with pytest.raises(UnreadableTable, match=r"Line 3 of bad\.csv has 1 fields") as caught:
        read_tables_apart(bad, "bad", ReadOptions(), tmp_path / "out2")
    assert (caught.value.code, caught.value.field) == ("bad_line", "on_bad_line")
    with pytest.raises(LimitReached, match="may be read"):
        read_tables_apart(good, "good", ReadOptions(), tmp_path / "out3", ReadLimits(rows=1))


def test_who_cancels_waits_for_nothing(tmp_path):
    """The process is killed, and no part of a table stays."""
    path = tmp_path / "large.csv"
    path.write_text("a,b\n" + "".join(f"{n},text {n}\n" for n in range(400_000)))
    cancel = threading.Event()
    threading.Timer(0.5, cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        read_tables_apart(path, "large", ReadOptions(), tmp_path / "out", cancel=cancel)
    assert time.monotonic() - began < 5
    assert reader_of(tmp_path / "out") == []


def test_what_takes_too_long_is_given_up(tmp_path):
    """By a deadline, whatever the file does to its reader."""
    path = tmp_path / "large.csv"
    path.write_text("a,b\n" + "".join(f"{n},text {n}\n" for n in range(400_000)))
    with pytest.raises(LimitReached, match="too long"):
        read_tables_apart(path, "large", ReadOptions(), tmp_path / "out", deadline_seconds=0.2)
    assert reader_of(tmp_path / "out") == []
