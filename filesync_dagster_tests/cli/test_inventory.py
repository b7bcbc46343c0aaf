"""files, changes, export and status: what they print, for people and for programs."""

import csv
import io
import json
import os
import time
from datetime import datetime

import pyarrow.parquet as pq
import pytest

HOSTILE = [
    "esc\x1b[31mred",
    "bell\x07",
    "new\nline",
    "carriage\rreturn",
    'quote"comma,',
    "\u202egnp.exe",
    " lead",
    "日本 语",
]
FILES = ["external_id", "path", "kind", "size", "modified_at", "version", "content_hash"]


@pytest.fixture
def synced(shell):
    """Two files, synced."""
    shell.put("a.txt", "12345")
    shell.put("folder/b.txt")
    assert shell.run("sync").exit_code == 0
    return shell


def test_files_as_json_has_the_promised_fields(synced):
    """One object a line, moments in UTC with a Z, a missing size is null."""
    rows = synced.json("files", "docs", "--format", "json")

    assert [row["path"] for row in rows] == ["a.txt", "folder", "folder/b.txt"]
    assert all(list(row) == FILES for row in rows)
    assert rows[0]["size"] == 5
    assert rows[1]["size"] is None
    assert rows[0]["modified_at"].endswith("Z")
    assert datetime.fromisoformat(rows[0]["modified_at"]).timestamp() == pytest.approx(time.time(), abs=600)


def test_hostile_names_are_exact_in_json_and_csv_and_harmless_in_tables(shell):
    """Programs get the very name; a terminal gets nothing that it would obey."""
    for name in HOSTILE:
        shell.put(name)
    shell.run("sync")

    names = sorted(HOSTILE)
    assert sorted(row["path"] for row in shell.json("files", "docs", "--format", "json")) == names
    text = shell.run("files", "docs", "--format", "csv").stdout_bytes.decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == FILES
    assert sorted(row["path"] for row in rows) == names
    table = shell.run("files", "docs").stdout
    assert len(table.split("\n")) == len(HOSTILE) + 2  # a header, and the end of the last line
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(table)
    assert "esc\\x1b[31mred" in table
    assert "日本 语" in table


def test_all_shows_what_is_gone_and_since_when(synced):
    """`--all` adds removed files, with the moment and the reason in the table."""
    (synced.store / "a.txt").unlink()
    synced.run("sync")

    assert "a.txt" not in synced.run("files", "docs").stdout
    line = next(line for line in synced.run("files", "docs", "--all").stdout.splitlines() if line.endswith("a.txt"))
    assert "removed" in line
    assert "a.txt" in {row["path"] for row in synced.json("files", "docs", "--all", "--format", "json")}


@pytest.mark.slow
def test_as_of_shows_the_past(synced):
    """The inventory of a moment, by clock time and by how long ago."""
    time.sleep(1.1)
    moment = datetime.now().astimezone().isoformat()
    synced.put("later.txt")
    synced.run("sync")

    def paths(*arguments):
        return {row["path"] for row in synced.json("files", "docs", "--format", "json", *arguments)}

    assert paths() == {"a.txt", "folder", "folder/b.txt", "later.txt"}
    assert paths("--as-of", moment) == {"a.txt", "folder", "folder/b.txt"}
    assert paths("--as-of", "0s") == paths()


@pytest.mark.parametrize("when", ["2020-01-01", "5000d"])
def test_a_moment_about_which_nothing_is_known_is_an_error(synced, when):
    """Nothing is made up."""
    result = synced.run("files", "docs", "--as-of", when)

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Nothing is stored about 'docs'")


@pytest.mark.parametrize("when", ["yesterday-ish", "2026-13-01", "3 fortnights", ""])
def test_what_is_no_time_is_a_usage_error_with_examples(synced, when):
    """The sentence shows what can be written."""
    result = synced.run("files", "docs", "--as-of", when)

    assert result.exit_code == 2
    assert "is not a time" in result.stderr
    assert "2026-11-21T09:30" in result.stderr


def test_changes_tells_what_happened(synced):
    """The journal in its three forms."""
    (synced.store / "a.txt").rename(synced.store / "renamed.txt")
    synced.put("c.txt", "new")
    synced.run("sync")

    rows = synced.json("changes", "docs", "--format", "json")
    assert {(row["change"], row["path"]) for row in rows} == {("moved", "renamed.txt"), ("added", "c.txt")}
    moved = next(row for row in rows if row["change"] == "moved")
    assert (moved["before"]["path"], moved["after"]["path"]) == ("a.txt", "renamed.txt")
    assert "a.txt -> renamed.txt" in synced.run("changes", "docs").stdout
    text = synced.run("changes", "docs", "--format", "csv").stdout_bytes.decode()
    assert len(list(csv.DictReader(io.StringIO(text, newline="")))) == 2
    assert synced.json("changes", "docs", "--format", "json", "--since", "2999-01-01") == []
    assert len(synced.json("changes", "docs", "--format", "json", "--since", "1h")) == 2


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_export_writes_the_snapshot(synced, form, tmp_path):
    """A file with every column; how many rows is said."""
    target = tmp_path / f"out.{form}"

    result = synced.run("export", "docs", "--format", form, "-o", str(target))

    assert result.exit_code == 0, result.output
    assert "3 rows" in result.stderr
    if form == "csv":
        with target.open(newline="") as file:
            paths = [row["path"] for row in csv.DictReader(file)]
    else:
        paths = pq.read_table(target)["path"].to_pylist()
    assert sorted(paths) == ["a.txt", "folder", "folder/b.txt"]


def test_no_cell_of_a_safe_csv_is_a_formula(shell, tmp_path):
    """What begins like one gets an apostrophe; everything else, and raw csv, is as it is."""
    names = ["=1+2.txt", "+1.txt", "-1.txt", "@a.txt", "\ta.txt", "\ra.txt", "a=1.txt", "'=.txt"]
    for name in names:
        shell.put(name)
    shell.run("sync")
    told = {}
    for form in (["--format", "csv"], ["--safe-csv"]):
        result = shell.run("export", "docs", *form, "-o", str(tmp_path / "out.csv"))
        assert result.exit_code == 0, result.output
        with (tmp_path / "out.csv").open(newline="") as file:
            told[form[0]] = list(csv.DictReader(file))

    assert sorted(row["name"] for row in told["--format"]) == sorted(names)
    assert sorted(row["path"] for row in told["--safe-csv"]) == sorted(
        f"'{name}" if name[0] in "=+-@\t\r" else name for name in names
    )
    assert [row["size"] for row in told["--safe-csv"]] == ["1"] * len(names)
    for wrong in (["--safe-csv", "--format", "parquet"], []):
        assert shell.run("export", "docs", *wrong, "-o", str(tmp_path / "no")).exit_code == 2


def test_export_leaves_what_is_no_file_where_it_is(synced, tmp_path):
    """A pipe gets the rows, a link still leads to its file: neither is replaced, as /dev/null would be."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to("out.csv")

    with synced.start("export", "docs", "--format", "csv", "-o", str(pipe)) as process:
        taken = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        process.wait(60)
        written = os.read(taken, 65_536).decode()
        os.close(taken)
        stderr = process.stderr.read()
    result = synced.run("export", "docs", "--format", "csv", "-o", str(link))

    assert process.returncode == 0, stderr
    assert result.exit_code == 0, result.output
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert written == (tmp_path / "out.csv").read_text()
    assert "folder/b.txt" in written


def test_export_into_a_folder_that_is_not_there_is_an_error(synced, tmp_path):
    """One sentence, and no half a file."""
    result = synced.run("export", "docs", "--format", "csv", "-o", str(tmp_path / "no" / "out.csv"))

    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert "unexpected" not in result.stderr


def test_status_before_and_after_a_sync(shell):
    """State, last sync, totals; the same facts as JSON."""
    assert "never synced" in shell.run("status").stdout
    shell.put("a.txt", "12345")
    shell.run("sync")

    table = shell.run("status").stdout.splitlines()
    assert table[0].split()[:2] == ["endpoint", "state"]
    assert table[1].split()[:2] == ["docs", "ok"]
    one = shell.json("status", "--json")[0]
    assert (one["endpoint"], one["state"], one["files_total"], one["bytes_total"]) == ("docs", "ok", 1, 5)
    assert one["last_sync"]["status"] == "completed"
    assert one["last_success"].endswith("Z")


def test_status_of_what_fails_says_why(shell):
    """The reason is there, and so is the broken entry."""
    shell.write(shell.endpoint(), shell.endpoint("bad", typo=1))
    shell.run("sync", "docs")
    shell.store.rename(shell.folder / "elsewhere")
    shell.run("sync", "docs")

    states = {one["endpoint"]: one for one in shell.json("status", "--json")}

    assert states["docs"]["state"] == "failed"
    assert states["bad"]["state"] == "broken"
    assert states["docs"]["error"]
    assert "typo" in shell.run("status").stdout


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error_to_report(shell, unbuffered):
    """`| head` ends the command quietly."""
    shell.variables["PYTHONUNBUFFERED"] = unbuffered
    for number in range(800):  # more than a pipe holds
        (shell.store / f"{number:04d}-{'x' * 60}.txt").touch()
    shell.run("sync")

    with shell.start("files", "docs", "--format", "json") as process:
        first = json.loads(process.stdout.readline())
        process.stdout.close()
        stderr = process.stderr.read()

    assert first["path"].startswith("0000-")
    assert process.returncode == 141
    assert stderr == ""


@pytest.mark.slow
def test_a_terminal_that_knows_no_unicode_still_gets_its_table(synced):
    """What cannot be shown is escaped."""
    synced.put("日本.txt")
    synced.run("sync")
    environment = {**os.environ, **synced.variables, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}

    stdout, stderr = synced.start("files", "docs", env=environment).communicate()

    assert "\\u65e5\\u672c.txt" in stdout
    assert stderr == ""


def test_a_past_of_which_nothing_is_known_leaves_only_its_error(synced):
    """No empty table in front of it."""
    result = synced.run("files", "docs", "--as-of", "2020-01-01")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Nothing is stored" in result.stderr


def test_a_store_that_was_never_seen_holds_nothing_known(shell):
    """A dash, not zero files."""
    shell.write(shell.endpoint(endpoint_details={"path": str(shell.folder / "nowhere")}))
    shell.run("sync")

    row = next(line for line in shell.run("status").stdout.splitlines() if line.startswith("docs  "))
    assert row.split()[1] == "failed"
    assert "0 B" not in row
