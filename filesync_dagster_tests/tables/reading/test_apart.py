"""Reading in a process of its own: the same tables, limits that hold, and nothing left when it is cancelled."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from filesync_dagster.core.errors import Cancelled, LimitReached, UnreadableTable
from filesync_dagster.tables.reading import FileToRead, ReadLimits, ReadOptions, read_files_apart, read_tables_apart
from filesync_dagster_tests.tables.reading.test_corpus import rows_of


def readers_in(folder):
    """Return the processes that read into a folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if one.readlink() == folder:
                found.append(one)
        except OSError:
            continue
    return found


def are_gone(folder):
    """Wait until no process reads into a folder: one that was killed has closed its pipes a moment before it is gone."""
    until = time.monotonic() + 60
    while readers_in(folder) and time.monotonic() < until:
        time.sleep(0.01)
    return not readers_in(folder)


def cancel_once_read(folder, cancel):
    """Cancel when a process reads into a folder."""
    while not readers_in(folder):
        time.sleep(0.01)
    cancel.set()


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
    path.write_text("a,b\n" + "".join(f"{n},text {n}\n" for n in range(100_000)))
    cancel = threading.Event()
    thread = threading.Thread(target=cancel_once_read, args=(tmp_path / "out", cancel))
    thread.start()
    with pytest.raises(Cancelled):
        read_tables_apart(path, "large", ReadOptions(), tmp_path / "out", cancel=cancel)
    thread.join()
    assert are_gone(tmp_path / "out")


def test_what_takes_too_long_is_given_up(tmp_path):
    """By a deadline, whatever the file does to its reader: here nobody writes to the pipe that it is."""
    path = tmp_path / "stuck.csv"
    os.mkfifo(path)
    with pytest.raises(LimitReached, match="too long"):
        read_tables_apart(path, "stuck", ReadOptions(), tmp_path / "out", deadline_seconds=0.2)
    assert are_gone(tmp_path / "out")


@pytest.fixture
def several(tmp_path):
    """Return files to read: one is no table, one is stuck, for it is a pipe that nobody writes to."""
    contents = {"a": "a\n1\n", "bad": "a,b\n1,2\n3\n", "c": "a\n3\n", "z": "a\n4\n"}
    for name, content in contents.items():
        (tmp_path / f"{name}.csv").write_text(content)
    os.mkfifo(tmp_path / "stuck.csv")
    return [
        FileToRead(tmp_path / f"{name}.csv", name, ReadOptions(), tmp_path / "out" / name)
        for name in ("a", "bad", "c", "stuck", "z")
    ]


def check_gaps(found, code):
    """Check that what went wrong with two of `several` is their own, and the others are read."""
    a, bad, c, stuck, z = found
    assert [rows_of(table) for [table] in (a, c, z)] == [[(1,)], [(3,)], [(4,)]]
    assert (type(bad), bad.code) == (UnreadableTable, "bad_line")
    assert (type(stuck), stuck.code) == (LimitReached, code)
    assert "stuck.csv" in str(stuck)


def test_a_file_that_takes_too_long_is_a_gap_of_its_own(several):
    """Those before and after it are read."""
    check_gaps(read_files_apart(several, deadline_seconds=1), "too_slow")


def test_a_file_that_kills_its_reader_is_a_gap_of_its_own(several):
    """As one does that takes all memory. Another process reads the rest."""
    first = several[0].folder

    def kill_once_stuck():
        while not (several[2].folder / "parts").exists() or not (readers := readers_in(first)):
            time.sleep(0.01)
        time.sleep(0.1)
        os.kill(int(readers[0].parent.name), signal.SIGKILL)

    thread = threading.Thread(target=kill_once_stuck)
    thread.start()
    check_gaps(read_files_apart(several), "reader_died")
    thread.join()


def test_who_asks_many_can_stop_all(several):
    """What is raised meanwhile ends the reading, whichever file it is at."""

    def check():
        if (several[2].folder / "parts").exists():
            raise Cancelled("Nobody waits.", code="cancelled")

    with pytest.raises(Cancelled):
        read_files_apart(several, check=check)
    assert are_gone(several[0].folder)
